package flowtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/notice"
	"mimamori/shop/shoptest"
	"mimamori/webhook"
)

// thrownOut is a third party who got in with the right password, did some
// things, and is found out by the shop's word: what detection makes of him is
// other stories' business.
func thrownOut(h *Harness, subject string, acts ...func(*shoptest.Session) error) {
	h.T.Helper()
	his := h.SignIn(subject, HomePC)
	for _, act := range acts {
		if err := act(his); err != nil {
			h.T.Fatal(err)
		}
	}
	if _, err := his.AddAddress("知らない人", "大阪市北区1-1"); err != nil {
		h.T.Fatal(err)
	}
	if _, err := his.PlaceOrder(shoptest.Order{Amount: 4800, Payment: "card-1"}); err != nil {
		h.T.Fatal(err)
	}
	now := time.Now()
	e, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "judged-" + his.ID, "source": "shop", "type": "session.judged", "subject": subject,
		"time": now.Format(time.RFC3339Nano), "data": map[string]any{"session": his.ID, "verdict": "intruder", "by": "shop"}})
	if err != nil {
		h.T.Fatal(err)
	}
	h.emit(e)
	h.FastForward(10 * time.Second)
	h.ExpectState(subject, incident.Waiting)
}

// TestContactChangedIsToldToBoth: the customer changes her mail address; both
// addresses hear of it, in different words, and neither hears twice (C10).
func TestContactChangedIsToldToBoth(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		her := h.SignIn("hanako", HomePC)
		if err := her.ChangeContact("mail", "hanako@new.example"); err != nil {
			t.Fatal(err)
		}
		h.FastForward(2 * time.Minute)
		old := h.ExpectMail("hanako@mail.example", "メールアドレスの登録が変更されました")
		fresh := h.ExpectMail("hanako@new.example", "このメールアドレスが登録されました")
		for _, tell := range []string{"変更前の内容", "Windows", "端末"} {
			if strings.Contains(fresh.Body, tell) {
				t.Errorf("the new address reads %q:\n%s", tell, fresh.Body)
			}
		}
		if !strings.Contains(old.Body, "Windows") {
			t.Errorf("the old address does not read from which device:\n%s", old.Body)
		}
		h.NoIncident("hanako")
	})
}

// TestC08_FloodOfNotices: whoever changes a contact a hundred times sets off
// three mails to each address a day, and one that says that there are more.
func TestC08_FloodOfNotices(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		her := h.SignIn("hanako", HomePC)
		for i := range 100 {
			if err := her.ChangeContact("phone", fmt.Sprintf("+81-80-1111-%04d", i)); err != nil {
				t.Fatal(err)
			}
		}
		h.FastForward(5 * time.Minute)
		if n := h.MailCount("hanako@mail.example", "電話番号"); n != 3 {
			t.Errorf("%d mails after 100 changes, want 3", n)
		}
		h.FastForward(24 * time.Hour)
		if n := len(h.Mail.Messages("")); n != 4 {
			t.Errorf("%d mails in all, want 3 and one digest: %v", n, h.subjects())
		}
		for range 3 {
			h.ExpectMail("hanako@mail.example", "電話番号")
		}
		digest := h.ExpectMail("hanako@mail.example", "お知らせが、ほかにもあります")
		if !strings.Contains(digest.Body, "97件") {
			t.Errorf("the digest does not say that 97 stand in the centre:\n%s", digest.Body)
		}
		all, err := h.App.Store.Notices(context.Background(), mimamori.NewAccountID("hanako"))
		if err != nil || len(all) != 101 {
			t.Errorf("%d notices stand in the message centre (%v), want all 101", len(all), err)
		}
	})
}

// TestA14_FreshMailboxGetsTheShortForm: the mail address was changed a week before
// the intrusion, so nobody knows whose it is: it and the one before read that
// something was done, and nothing else (A14).
func TestA14_FreshMailboxGetsTheShortForm(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(time.Minute)
		if err := h.SignIn("hanako", HomePC).ChangeContact("mail", "hanako@new.example"); err != nil {
			t.Fatal(err)
		}
		h.FastForward(2 * time.Minute)
		h.ExpectMail("hanako@mail.example", "変更されました")
		h.ExpectMail("hanako@new.example", "登録されました")
		h.FastForward(7 * 24 * time.Hour)
		thrownOut(h, "hanako")
		h.ExpectState("hanako", incident.Waiting)
		for _, to := range []string{"hanako@new.example", "hanako@mail.example"} {
			m := h.ExpectMail(to, "アカウントを守る対応をしました")
			if strings.Contains(m.Body, "設定してください") || strings.Contains(m.Body, "Windows") {
				t.Errorf("%s reads details:\n%s", to, m.Body)
			}
		}
	})
}

// TestNewDeviceOfHers: a sign-in that was let through and not recognised is
// told once, and is dropped when she has said that it was her.
func TestNewDeviceOfHers(t *testing.T) {
	RunWith(t, func(c *app.Config) {
		c.Policy.NotifyAt, c.Policy.ChallengeAt, c.Policy.HoldAt, c.Policy.ContainAt = 0.0001, 0.99999, 0.999995, 0.999999
		c.Policy.Quotas.Off = true
	}, func(h *Harness) {
		h.Customer("taro")
		if _, err := h.TrySignIn("taro", RelayPC); err != nil {
			t.Fatal(err)
		}
		h.FastForward(time.Hour)
		m := h.ExpectMail("taro@mail.example", "新しい端末")
		if !strings.Contains(m.Body, "Firefox") || !strings.Contains(m.Body, "わたしではありません") {
			t.Errorf("the notice says\n%s", m.Body)
		}
	})
}

// gateway is the shop's app or SMS gateway.
type gateway struct {
	mu       sync.Mutex // guards the two below
	messages []notice.SecondMessage
	down     bool
	secret   func() string
	t        testing.TB
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Error(err)
	}
	secret, err := webhook.ParseSecret(g.secret())
	if err != nil {
		g.t.Error(err)
	}
	if _, err := webhook.Verify(r.Header, []webhook.Secret{secret}, body, time.Now()); err != nil {
		g.t.Errorf("the message is not signed: %v", err)
	}
	var m notice.SecondMessage
	if err := json.Unmarshal(body, &m); err != nil {
		g.t.Error(err)
	}
	g.messages = append(g.messages, m)
}

func (g *gateway) got() []notice.SecondMessage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.messages
}

// besides sends the gateway's address to it and all else to the shop.
type besides struct{ gateway, shop http.RoundTripper }

func (b besides) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "gateway.invalid" {
		return b.gateway.RoundTrip(r)
	}
	return b.shop.RoundTrip(r)
}

func withGateway(t *testing.T, story func(h *Harness, g *gateway)) {
	g := &gateway{t: t}
	RunWith(t, func(c *app.Config) {
		c.Mail.SecondChannel = "http://gateway.invalid/notify"
		c.ShopTransport = besides{shoptest.InProcess(g), c.ShopTransport}
		c.Mail.Bounces = "bounce@notice.midori.example"
	}, func(h *Harness) {
		g.secret = h.App.ShopSecret
		story(h, g)
	})
}

// TestG13_UnreadNoticeTakesTheSecondChannel: after twelve hours unread, once,
// with the number from before the intrusion and without a link.
func TestG13_UnreadNoticeTakesTheSecondChannel(t *testing.T) {
	withGateway(t, func(h *Harness, g *gateway) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		thrownOut(h, "hanako", func(his *shoptest.Session) error { return his.ChangeContact("phone", "+81-80-9999-9999") })
		h.FastForward(time.Minute)
		held := h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.FastForward(11*time.Hour + 50*time.Minute)
		if n := len(g.got()); n != 0 {
			t.Fatalf("%d messages before twelve hours", n)
		}
		h.ExpectMail("hanako@mail.example", "設定できます")
		g.mu.Lock()
		g.down = true
		g.mu.Unlock()
		h.FastForward(20 * time.Minute)
		g.mu.Lock()
		g.down = false
		g.mu.Unlock()
		h.FastForward(3 * time.Hour)
		got := g.got()
		if len(got) != 1 {
			t.Fatalf("%d messages, want 1", len(got))
		}
		m := got[0]
		if m.Subject != "hanako" || m.Data.Why != "unread" || m.Type != "notice.unread" || !strings.Contains(held.Subject, m.Data.Reference) ||
			len(m.Data.Phones) != 1 || !strings.Contains(m.Data.Phones[0], "+81-90-0000-0000") {
			t.Errorf("the message is %+v", m)
		}
		if text := m.Data.Text.JA + m.Data.Text.EN; strings.Contains(text, "http") || strings.Contains(text, ".example") || !strings.Contains(text, m.Data.Reference) {
			t.Errorf("it says %s", text)
		}
	})
}

// TestReadNoticeIsNotToldAgain: she has read it in the message centre.
func TestReadNoticeIsNotToldAgain(t *testing.T) {
	withGateway(t, func(h *Harness, g *gateway) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		thrownOut(h, "hanako")
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		account := mimamori.NewAccountID("hanako")
		all, err := h.App.Store.Notices(context.Background(), account)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d notices, %v", len(all), err)
		}
		if err := h.App.Store.MarkNotice(context.Background(), account, all[0].ID, notice.Mark{Read: time.Now()}); err != nil {
			t.Fatal(err)
		}
		h.FastForward(24 * time.Hour)
		h.ExpectMail("hanako@mail.example", "設定できます")
		if n := len(g.got()); n != 0 {
			t.Errorf("%d messages, want none", n)
		}
	})
}

// TestC09_BouncedNoticeTakesTheSecondChannel: refused at once, or come back an
// hour later, it is told another way and never dropped silently.
func TestC09_BouncedNoticeTakesTheSecondChannel(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		withGateway(t, func(h *Harness, g *gateway) {
			h.Customer("hanako")
			h.FastForward(10 * time.Minute)
			h.Mail.Always(mailbox.RefuseForEver)
			thrownOut(h, "hanako")
			h.FastForward(time.Minute)
			if got := g.got(); len(got) != 1 || got[0].Data.Why != "refused" {
				t.Errorf("messages are %+v, want one that says refused", got)
			}
			if i := h.Incident("hanako"); !asked(i, "notice.contained") {
				t.Errorf("nobody was asked: %v", i.NeedingPerson())
			}
		})
	})
	t.Run("came back", func(t *testing.T) {
		withGateway(t, func(h *Harness, g *gateway) {
			h.Customer("hanako")
			h.FastForward(10 * time.Minute)
			thrownOut(h, "hanako")
			h.ExpectMail("hanako@mail.example", "パスワードを無効")
			sent := h.Mail.Messages("hanako@mail.example")[0]
			kept, err := h.App.Store.Notices(context.Background(), mimamori.NewAccountID("hanako"))
			if err != nil {
				t.Fatal(err)
			}
			id := strings.Trim(kept[0].MessageID, "<>")
			if want := "bounce+" + strings.Split(id, "@")[0] + "@notice.midori.example"; sent.From != want {
				t.Errorf("the mail left from %s, want %s", sent.From, want)
			}
			for range 2 { // told twice
				if err := notice.CameBack(context.Background(), h.App.Store, kept[0].MessageID, "5.1.1"); err != nil {
					t.Fatal(err)
				}
			}
			h.App.Runner.Wake()
			h.FastForward(time.Minute)
			if got := g.got(); len(got) != 1 || got[0].Data.Why != "returned" {
				t.Errorf("messages are %+v, want one that says returned", got)
			}
		})
	})
}

// TestWithoutSecondChannelAPersonIsAsked: locked out for twelve hours and not
// aware of it is worth a call.
func TestWithoutSecondChannelAPersonIsAsked(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		thrownOut(h, "hanako")
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.FastForward(13 * time.Hour)
		h.ExpectMail("hanako@mail.example", "設定できます")
		if i := h.Incident("hanako"); !asked(i, "notice.second") {
			t.Errorf("nobody was asked: %v", i.NeedingPerson())
		}
	})
}
