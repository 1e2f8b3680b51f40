package dossier_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/dossier"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/recovery"
	"mimamori/shop/shoptest"
	"mimamori/support"
	"mimamori/web/console"
)

// wish puts a call into the queue as the centre does, for a window that has
// begun.
func (w *world) wish(subject string, id mimamori.IncidentID, phone support.Phone, recoveryID string) console.CallRef {
	w.t.Helper()
	now := time.Now().UTC()
	c := support.Call{ID: mimamori.NewID("call"), Account: mimamori.NewAccountID(subject), Subject: subject, Incident: id, Phone: phone, Recovery: recoveryID,
		Window: support.Window{From: now.Add(-time.Minute), Until: now.Add(3 * time.Hour)}, Lang: mimamori.Japanese, MatchCode: "47", State: support.CallAsked, AskedAt: now, ChangedAt: now}
	w.must(w.store.AddCall(context.Background(), c))
	return console.CallRef{Account: c.Account, ID: c.ID}
}

// old is hanako's number, from when she registered.
func old() support.Phone {
	return support.Phone{Resource: "phone", Number: "+81-90-0000-0000", VerifiedAt: time.Now().AddDate(-1, 0, 0)}
}

func (w *world) page(by string, of console.CallRef) console.CallSheet {
	w.t.Helper()
	s, err := w.work.Call(w.t.Context(), who(by), of)
	w.must(err)
	return s
}

// subjects of the mails that reached an address.
func (w *world) mailed(to, contains string) int {
	synctest.Wait()
	n := 0
	for _, m := range w.mail.Messages(to) {
		if strings.Contains(mailbox.Decode(m.Raw, nil).Subject, contains) {
			n++
		}
	}
	return n
}

// TestG10_TheDeskDialsNoNewNumber: a number that was old enough when the call
// was asked for, and is not any more once the intrusion is known to have begun
// earlier, is blocked for everybody: no take, no number, no word on the line.
func TestG10_TheDeskDialsNoNewNumber(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		i, err := w.store.IncidentByID(t.Context(), n.id)
		w.must(err)
		fresh := old()
		fresh.VerifiedAt = i.Start.Add(-20 * 24 * time.Hour) // it was let in by mistake, or the start has moved
		of := w.wish("hanako", n.id, fresh, "")
		if s := w.page("ai", of); s.Blocked.JA == "" || strings.Contains(s.Number, "0000-0000") {
			t.Errorf("the page = blocked %q, number %s; want blocked and masked", s.Blocked.JA, s.Number)
		}
		if err := w.work.TakeCall(t.Context(), who("ai"), of); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("take = %v, want denied", err)
		}
		// Taken before that was known: the agent's screen shows no number any more.
		w.must(w.store.ChangeCall(t.Context(), of.Account, of.ID, func(c *support.Call) error {
			c.State, c.Agent = support.CallTaken, who("ai").ID
			return nil
		}))
		if s := w.page("ai", of); s.Code != "" || strings.Contains(s.Number, "0000-0000") {
			t.Errorf("an agent on a blocked call sees %s and code %q", s.Number, s.Code)
		}
		if _, err := w.work.MarkOrder(t.Context(), who("ai"), of, n.order, support.Own); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("a word from a blocked number = %v, want denied", err)
		}
	})
}

// TestG11_OnlyTheTakerHearsTheNumber: one of two agents gets the call; the
// other, the shop's machine and a role without calls see neither number nor
// code, and nothing that was said counts before.
func TestG11_OnlyTheTakerHearsTheNumber(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		of := w.wish("hanako", n.id, old(), "")
		if _, err := w.work.MarkOrder(t.Context(), who("ai"), of, n.order, support.NotOwn); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a word before the call = %v, want conflict", err)
		}
		if s := w.page("ai", of); s.Code != "" || strings.Contains(s.Number, "0000-0000") {
			t.Errorf("before it is taken the page shows %s, %q", s.Number, s.Code)
		}
		for _, name := range []string{"ana", "aki", "ado"} {
			if err := w.work.TakeCall(t.Context(), who(name), of); !errors.Is(err, mimamori.ErrDenied) {
				t.Errorf("take by %s = %v, want denied", name, err)
			}
		}
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		if err := w.work.TakeCall(t.Context(), who("ai2"), of); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a second agent takes it: %v, want conflict", err)
		}
		if s := w.page("ai", of); s.Code != "47" || s.Number != "+81-90-0000-0000" {
			t.Errorf("the taker sees %s, %q", s.Number, s.Code)
		}
		if s := w.page("ai2", of); s.Code != "" || strings.Contains(s.Number, "0000-0000") {
			t.Errorf("a colleague sees %s, %q", s.Number, s.Code)
		}
		if got := w.record(n.id, audit.LookReveal); len(got) == 0 || got[len(got)-1].Actor != who("ai") {
			t.Errorf("the number in clear is not in the record: %+v", got)
		}
		w.must(w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{})) // nobody answered
		if s := w.page("ai", of); s.State != support.CallMissed || s.Tries != 1 || s.Code != "" {
			t.Errorf("after nobody answered: %s, %d tries, code %q", s.State, s.Tries, s.Code)
		}
		w.must(w.work.TakeCall(t.Context(), who("ai2"), of))
		w.must(w.work.PutBackCall(t.Context(), who("ai"), of)) // she has gone home
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		w.must(w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.WrongNumber}))
		again := w.wish("hanako", n.id, old(), "")
		if s := w.page("ai", again); s.Blocked.JA == "" {
			t.Error("a number that was somebody else's can be called again")
		}
		if w.mailed("hanako@mail.example", "お電話でお話しした内容") != 0 {
			t.Error("a mail says that they spoke")
		}
	})
}

// TestOrdersReadOut: her word on each order is kept; one of the intruder's
// session that she knows does not clear it while she disowns another.
func TestOrdersReadOut(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		second, err := n.his.PlaceOrder(shoptest.Order{Amount: 2_000, ShipTo: "home"})
		w.must(err)
		synctest.Wait()
		of := w.wish("hanako", n.id, old(), "")
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		mark := func(order string, m support.Mark) {
			t.Helper()
			if _, err := w.work.MarkOrder(t.Context(), who("ai"), of, order, m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		mark(n.order, support.NotOwn)
		if i := w.look(n.id); i.State == incident.Suspected {
			t.Fatalf("an order disowned on the phone leaves the incident %s", i.State)
		}
		mark(second, support.Own)
		i := w.look(n.id)
		mixed := false
		for _, x := range i.Needs {
			mixed = mixed || strings.HasPrefix(x.Key, "mixed ")
		}
		if !mixed {
			t.Errorf("one order hers and one not, of one sign-in, asks nobody: %v", needs(i))
		}
		if len(i.Waiting) > 0 {
			t.Errorf("his session is to be cleared: %+v", i.Waiting)
		}
		for _, s := range i.Sessions {
			if s.ID == n.his.ID && s.Owner != console.Intruder {
				t.Errorf("his session is held to be %s", s.Owner)
			}
		}
		for _, o := range w.page("ai", of).Orders {
			if o.ID == n.order && (o.Mark != support.NotOwn || o.State != "cancelled" || o.Together != 1) || o.ID == second && o.Mark != support.Own {
				t.Errorf("order %+v", o)
			}
		}
		if err := w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.Reached}); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("ended without the code read out = %v, want invalid", err)
		}
		w.must(w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.Reached, CodeRead: true, Agreed: []string{"card", "no such thing"}, Note: "calm now"}))
		if got := w.mailed("hanako@mail.example", "お電話でお話しした内容"); got != 1 {
			t.Errorf("%d mails confirm the call, want 1", got)
		}
		if w.mailed("intruder@mail.example", "お電話") != 0 {
			t.Error("the intruder's address hears of the call")
		}
		if err := w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.Reached, CodeRead: true}); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("ended twice = %v, want conflict", err)
		}
		if got := w.mailed("hanako@mail.example", "お電話でお話しした内容"); got != 1 {
			t.Errorf("%d mails after ending twice", got)
		}
		if list := w.look(n.id).Notes; len(list) != 1 || list[0].Text != "calm now" {
			t.Errorf("notes = %+v", list)
		}
	})
}

// recovers begins a recovery in a browser of its own, and gives its id and the
// number that its page shows.
func (w *world) recovers(subject string) (id string) {
	w.t.Helper()
	now := time.Now().UTC()
	r := recovery.Record{ID: mimamori.NewID("rec"), TokenHash: []byte(mimamori.NewID("tok")), Account: mimamori.NewAccountID(subject), Subject: subject,
		Browser: []byte("browser"), Source: "shop", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	w.must(w.store.AddRecovery(context.Background(), r))
	return r.ID
}

func (w *world) proofs(subject, id string) recovery.Record {
	w.t.Helper()
	open, err := w.store.OpenRecoveries(context.Background(), mimamori.NewAccountID(subject), time.Now())
	w.must(err)
	for _, r := range open {
		if r.ID == id {
			return r
		}
	}
	return recovery.Record{}
}

// TestA20_TheDeskVouches: in a call of one's own, with a reason, and with a
// second person while a contact stands changed; the tries are few; who answers
// that she did not ask has the recovery ended.
func TestA20_TheDeskVouches(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300) // his mail address stands there now
		id := w.recovers("hanako")
		number := dossier.CallCode(id)
		of := w.wish("hanako", n.id, old(), id)
		if _, err := w.work.Vouch(t.Context(), who("ai"), of, number, "she reads it"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("vouch without a call = %v, want conflict", err)
		}
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		if s := w.page("ai", of); !s.Vouching || !s.Second {
			t.Errorf("page: vouching %v, second %v; want both", s.Vouching, s.Second)
		}
		if _, err := w.work.Vouch(t.Context(), who("ai"), of, number, " "); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("vouch without a reason = %v, want invalid", err)
		}
		r, err := w.work.Vouch(t.Context(), who("ai"), of, number, "she reads it")
		if err != nil || r != console.Asked || len(w.proofs("hanako", id).Proofs) != 0 {
			t.Fatalf("vouch = %s, %v with proofs %v; want a second person asked", r, err, w.proofs("hanako", id).Proofs)
		}
		waiting, err := w.work.Waiting(t.Context(), who("rei"))
		if err != nil || len(waiting) != 1 || waiting[0].Act != audit.RecoveryVouch || waiting[0].Text.EN == "" {
			t.Fatalf("waiting = %+v, %v", waiting, err)
		}
		if err := w.work.Approve(t.Context(), who("ai"), waiting[0].ID, "me again"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("approved by who asked: %v", err)
		}
		w.must(w.work.Approve(t.Context(), who("rei"), waiting[0].ID, "listened in"))
		if got := w.proofs("hanako", id); len(got.Proofs) != 1 || got.Proofs[0] != recovery.Vouched {
			t.Errorf("after approval the proofs are %v", got.Proofs)
		}
		for range 6 {
			if _, err = w.work.Vouch(t.Context(), who("ai"), of, "000-000", "guess"); err == nil {
				t.Fatal("a guess was right")
			}
		}
		if !errors.Is(err, mimamori.ErrUnavailable) {
			t.Errorf("the seventh try = %v, want unavailable", err)
		}
		if got := w.record(n.id, audit.RecoveryVouch); len(got) < 2 || !strings.Contains(got[0].Reason+got[len(got)-1].Reason, "she reads it") {
			t.Errorf("the record = %+v", got)
		}
		w.must(w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.NotAsked}))
		if got := w.proofs("hanako", id); !got.EndedAt.IsZero() && !got.Stopped || got.ID != "" && got.EndedAt.IsZero() {
			t.Errorf("she did not ask, and the recovery goes on: %+v", got)
		}
	})
}

// TestA20_VouchAlone: with nothing lowered one agent's word does.
func TestA20_VouchAlone(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		w.shop.Customer("hanako")
		time.Sleep(60 * 24 * time.Hour)
		id := w.recovers("hanako")
		of := w.wish("hanako", "", old(), id)
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		if r, err := w.work.Vouch(t.Context(), who("ai"), of, dossier.CallCode(id), "she reads it"); err != nil || r != console.Done {
			t.Fatalf("vouch = %s, %v; want done", r, err)
		}
		if got := w.proofs("hanako", id).Proofs; len(got) != 1 {
			t.Errorf("proofs = %v", got)
		}
	})
}

// TestACallNobodyAskedFor: of a customer without an incident, signed in: money
// stands still until a person has found out who asked.
func TestACallNobodyAskedFor(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		w.shop.Customer("hanako")
		time.Sleep(60 * 24 * time.Hour)
		of := w.wish("hanako", "", old(), "")
		w.must(w.work.TakeCall(t.Context(), who("ai"), of))
		w.must(w.work.EndCall(t.Context(), who("ai"), of, console.CallEnd{Result: support.NotAsked}))
		synctest.Wait()
		account, err := w.store.ReadAccount(t.Context(), "hanako")
		w.must(err)
		if account.Standing.Incident == "" {
			t.Error("somebody else asked for a call, and nothing is held")
		}
	})
}

// TestDueCalls: what is overdue or due comes before what is being made and
// what is for later; the languages narrow it.
func TestDueCalls(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		now := time.Now().UTC()
		add := func(subject string, from time.Duration, s support.CallState, lang mimamori.Lang) {
			w.shop.Customer(subject)
			w.must(w.store.AddCall(t.Context(), support.Call{ID: "call_" + subject, Account: mimamori.NewAccountID(subject), Subject: subject, Phone: old(), Agent: who("ai").ID,
				Window: support.Window{From: now.Add(from), Until: now.Add(from + 3*time.Hour)}, Lang: lang, State: s, AskedAt: now}))
		}
		add("later", time.Hour, support.CallAsked, mimamori.Japanese)
		add("now", -time.Hour, support.CallAsked, mimamori.English)
		add("taken", -2*time.Hour, support.CallTaken, mimamori.Japanese)
		add("late", -5*time.Hour, support.CallMissed, mimamori.Japanese)
		got := func(f console.CallFilter) string {
			list, err := w.work.Calls(t.Context(), who("ai2"), f)
			w.must(err)
			var ids []string
			for _, r := range list.Rows {
				ids = append(ids, strings.TrimPrefix(r.Ref.ID, "call_"))
			}
			return strings.Join(ids, " ")
		}
		for want, f := range map[string]console.CallFilter{"late now taken later": {}, "now": {Lang: mimamori.English}, "later": {Due: support.DueLater}, "": {Lang: mimamori.English, Due: support.DueLate}} {
			if ids := got(f); ids != want {
				t.Errorf("the queue by %+v = %q, want %q", f, ids, want)
			}
		}
	})
}
