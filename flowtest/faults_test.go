package flowtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// asked says whether a person was asked for something with these words.
func asked(i *incident.Incident, words string) bool {
	return slices.ContainsFunc(i.NeedingPerson(), func(n incident.Need) bool { return strings.Contains(n.Key+" "+n.Text.EN, words) })
}

// TestLiarShopIsFound: a shop that says done and did nothing is found by
// reading the account back, within five minutes, and a person is asked.
func TestLiarShopIsFound(t *testing.T) {
	for _, lie := range []shop.CommandType{shop.TypePasswordInvalidate, shop.TypeSessionsRevoke, shop.TypeOrderCancel} {
		t.Run(string(lie), func(t *testing.T) {
			Run(t, func(h *Harness) {
				h.Customer("hanako")
				h.FastForward(10 * time.Minute)
				his := h.SignIn("hanako", Hosting)
				h.Shop.Misbehave(shoptest.Mood{Way: shoptest.Lies, Types: []shop.CommandType{lie}})
				nightActs(h, his)
				h.FastForward(5 * time.Minute)
				if i := h.Incident("hanako"); !asked(i, "account.check") {
					t.Errorf("nobody was asked; the incident is %s and needs %v", i.State, i.NeedingPerson())
				}
				h.ExpectState("hanako", incident.Waiting) // the rest went on
				h.ExpectMail("hanako@mail.example", "パスワードを無効")
			})
		})
	}
}

// TestShopDownDuringContainment: the shop answers 500 for three minutes, some
// of the time having done what it was told. The wait begins all the same, and
// in the end everything was done once.
func TestShopDownDuringContainment(t *testing.T) {
	for _, way := range []shoptest.Way{shoptest.Fails, shoptest.FailsAfter, shoptest.Hangs, shoptest.Garbage} {
		t.Run(string(way), func(t *testing.T) {
			Run(t, func(h *Harness) {
				h.Customer("hanako")
				h.FastForward(10 * time.Minute)
				his := h.SignIn("hanako", Hosting)
				h.Shop.Misbehave(shoptest.Mood{Way: way})
				nightActs(h, his)
				decided := h.Incident("hanako").DecidedAt
				h.FastForward(time.Until(decided.Add(62 * time.Second)))
				i := h.ExpectState("hanako", incident.Waiting)
				if i.WaitUntil.After(decided.Add(60*time.Second + 5*time.Hour)) {
					t.Errorf("the wait until %s began more than 60 s after the decision at %s", i.WaitUntil, decided)
				}
				h.FastForward(time.Until(decided.Add(3 * time.Minute)))
				h.Shop.Recover()
				h.FastForward(10 * time.Minute)
				m := h.ExpectMail("hanako@mail.example", "パスワードを無効")
				if until := fmt.Sprintf("%d時%d分", i.WaitUntil.In(tokyo).Hour(), i.WaitUntil.In(tokyo).Minute()); !strings.Contains(m.Body, until) {
					t.Errorf("the notice does not say until when (%s):\n%s", until, m.Body)
				}
				if !strings.Contains(m.Body, "進めています") || way != shoptest.FailsAfter && (strings.Contains(m.Body, "取り消しました") || !strings.Contains(m.Body, "続けています")) {
					t.Errorf("the notice claims what the shop has not done yet:\n%s", m.Body)
				}
				h.ExpectOnce()
				done := map[string]int{}
				for _, c := range h.Commands("hanako") {
					done[c]++
				}
				for kind, want := range map[string]int{"sessions.revoke": 1, "password.invalidate": 1, "order.cancel": 3, "points.freeze": 1, "resource.remove": 2, "order.unhide": 1, "payment.suspect": 2} {
					if done[kind] != want {
						t.Errorf("%s took effect %d times, want %d; all: %v", kind, done[kind], want, done)
					}
				}
				if account := h.ShopAccount("hanako"); account.Password != shop.PasswordInvalid || account.Sessions != 0 || !account.Points.Frozen {
					t.Errorf("afterwards the shop has %+v", account)
				}
				if i := h.Incident("hanako"); len(i.NeedingPerson()) != 0 {
					t.Errorf("all was done, and still a person is asked: %v", i.NeedingPerson())
				}
			})
		})
	}
}

// TestShopDownForLong: after five minutes a person is asked, and the commands
// are tried on.
func TestShopDownForLong(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		h.Shop.Misbehave(shoptest.Mood{Way: shoptest.Fails})
		nightActs(h, his)
		h.FastForward(6 * time.Minute)
		if i := h.Incident("hanako"); !asked(i, "account.check") {
			t.Errorf("after six minutes nobody was asked: %v", i.NeedingPerson())
		}
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.FastForward(2 * time.Hour)
		h.Shop.Recover()
		h.FastForward(2*time.Hour + time.Minute)
		if account := h.ShopAccount("hanako"); account.Password != shop.PasswordInvalid || account.Sessions != 0 {
			t.Errorf("after the shop recovered: password %s, %d sessions", account.Password, account.Sessions)
		}
		h.ExpectOnce()
	})
}

// TestMailServerDown: containment does not wait for mail; the notice is tried
// again and reaches her once.
func TestMailServerDown(t *testing.T) {
	for _, how := range []mailbox.Behaviour{mailbox.RefuseForNow, mailbox.LoseAndDrop} {
		t.Run(string(how), func(t *testing.T) {
			Run(t, func(h *Harness) {
				h.Customer("hanako")
				h.FastForward(10 * time.Minute)
				if how == mailbox.LoseAndDrop { // ambiguous: it is repeated once and no more
					h.Mail.Next(how)
				} else {
					h.Mail.Always(how)
				}
				nightIntruder(h, "hanako")
				h.FastForward(time.Second)
				h.ExpectState("hanako", incident.Waiting)
				if account := h.ShopAccount("hanako"); account.Password != shop.PasswordInvalid || account.Sessions != 0 || !account.Points.Frozen {
					t.Errorf("containment waited for the mail: %+v", account)
				}
				h.FastForward(20 * time.Minute)
				h.Mail.Always(mailbox.Accept)
				h.FastForward(31 * time.Minute)
				h.ExpectMail("hanako@mail.example", "パスワードを無効")
				if n := h.MailCount("hanako@mail.example", "パスワードを無効"); n != 1 {
					t.Errorf("the notice came %d times", n)
				}
				if i := h.Incident("hanako"); len(i.NeedingPerson()) != 0 {
					t.Errorf("a person is asked: %v", i.NeedingPerson())
				}
			})
		})
	}
}

// TestMailRefusedForEver: a person is asked to tell her another way.
func TestMailRefusedForEver(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		h.Mail.Always(mailbox.RefuseForEver)
		nightIntruder(h, "hanako")
		h.FastForward(time.Minute)
		if i := h.ExpectState("hanako", incident.Waiting); !asked(i, "notice.contained") {
			t.Errorf("nobody was asked: %v", i.NeedingPerson())
		}
	})
}

// TestLateEventsAreSweptUp: what the intruder did before he was thrown out,
// and what is reported only afterwards, is undone too.
func TestLateEventsAreSweptUp(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		h.hold()
		late, err := his.PlaceOrder(shoptest.Order{Amount: 7700, Payment: "card-1", Digital: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := his.ChangeContact("phone", "+81-80-9999-9999"); err != nil {
			t.Fatal(err)
		}
		held := h.letGo()
		nightActs(h, his)
		i := h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.FastForward(4 * time.Minute)
		for range 3 { // and repeated
			for _, e := range slices.Backward(held) { // and out of order
				h.emit(e)
			}
		}
		h.FastForward(time.Minute)
		account := h.ShopAccount("hanako")
		for _, o := range account.Orders {
			if o.State != shop.OrderCancelled {
				t.Errorf("order %s is %s (the late one is %s)", o.Order, o.State, late)
			}
		}
		for _, r := range account.Resources {
			if r.ID == "phone" && !strings.Contains(string(r.Value), "+81-90-0000-0000") {
				t.Errorf("her phone is %s", r.Value)
			}
		}
		if now := h.Incident("hanako"); now.ID != i.ID || !now.WaitUntil.Equal(i.WaitUntil) {
			t.Errorf("the late events made another incident or wait: %+v", now)
		}
		h.ExpectOnce()
	})
}

// TestLateCommandsHarmNobody: commands that the shop would not take for hours
// are still being tried when she is back in; they must not invalidate her new
// password, freeze her points again, or overwrite what she has entered since.
func TestLateCommandsHarmNobody(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		if err := his.Set(event.Address, "home", map[string]any{"recipient": "x", "line": "大阪"}); err != nil {
			t.Fatal(err)
		}
		h.Shop.Misbehave(shoptest.Mood{Way: shoptest.Fails, Types: []shop.CommandType{shop.TypePasswordInvalidate, shop.TypePointsFreeze, shop.TypeResourceRestore, shop.TypeResourceRemove}})
		nightActs(h, his)
		i := h.ExpectStateAfter("hanako", incident.Waiting, 62*time.Second)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.FastForward(time.Until(i.WaitUntil) + 2*time.Second)
		h.ExpectMail("hanako@mail.example", "設定できます")
		if err := h.Shop.SetPassword("hanako", "a new and long one", h.ForgotPassword("hanako").Prove("hanako@mail.example")); err != nil {
			t.Fatal(err)
		}
		h.ExpectMail("hanako@mail.example", "手続き")
		h.ExpectMail("hanako@mail.example", "新しいパスワード")
		hers := h.SignIn("hanako", HomePC)
		if err := hers.Set(event.Address, "home", map[string]any{"recipient": "hanako", "line": "the flat she has just moved to"}); err != nil {
			t.Fatal(err)
		}
		h.Shop.Recover()
		h.FastForward(5 * time.Hour)
		account := h.ShopAccount("hanako")
		if account.Password != shop.PasswordSet || account.Points.Frozen {
			t.Errorf("after the late commands: password %s, frozen %v", account.Password, account.Points.Frozen)
		}
		for _, r := range account.Resources {
			if r.ID == "home" && !strings.Contains(string(r.Value), "just moved to") {
				t.Errorf("her new address was overwritten by %s", r.Value)
			}
		}
		if got := Held(account, event.PaymentMethod); len(got) != 1 {
			t.Errorf("the card he brought in was never taken away: %v", got)
		}
		h.ExpectState("hanako", incident.Watching)
	})
}

// ExpectStateAfter lets time pass before it looks.
func (h *Harness) ExpectStateAfter(subject string, want incident.State, d time.Duration) *incident.Incident {
	h.T.Helper()
	h.FastForward(d)
	return h.ExpectState(subject, want)
}
