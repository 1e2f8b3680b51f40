package staff_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/factor/phonetest"
	"mimamori/staff"
)

const desk = "https://desk.shop.example"

func fresh(w *world, s staff.Session) bool { return w.standing(s).Fresh }

func (w *world) standing(s staff.Session) staff.Standing {
	w.t.Helper()
	p, err := w.store.Person(w.t.Context(), s.Person)
	if err != nil {
		w.t.Fatal(err)
	}
	st, err := w.desk.Standing(w.t.Context(), s, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

func withPasskeys(t *testing.T, required bool) *world {
	t.Helper()
	w := newWorld(t)
	if err := w.desk.UsePasskeys(staff.PasskeyRules{Domain: "desk.shop.example", Name: "Shop", Origin: desk, Required: required}); err != nil {
		t.Fatal(err)
	}
	return w
}

func newPhone() *phonetest.Phone { return phonetest.New("desk.shop.example", desk) }

// bind adds a phone's passkey within a session.
func (w *world) bind(s staff.Session, p *phonetest.Phone) (staff.Passkey, error) {
	w.t.Helper()
	options, err := w.desk.BeginPasskey(w.t.Context(), s)
	if err != nil {
		return staff.Passkey{}, err
	}
	return w.desk.FinishPasskey(w.t.Context(), s, "my phone", p.Bind(options))
}

func (w *world) byPasskey(p *phonetest.Phone) (string, staff.Session, error) {
	w.t.Helper()
	ref, options, err := w.desk.AskPasskey(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.desk.SignInPasskey(w.t.Context(), ref, p.Prove(options), office)
}

// in is signIn of a test that needs it to succeed.
func (w *world) in(p staff.Welcome) staff.Session {
	w.t.Helper()
	_, s, err := w.signIn(p, office)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestPasskeyAloneSignsIn(t *testing.T) {
	w := withPasskeys(t, false)
	phone := newPhone()
	s := w.in(w.admin)
	if _, err := w.bind(s, phone); err != nil {
		t.Fatal(err)
	}
	token, by, err := w.byPasskey(phone)
	if err != nil || by.Way != staff.ByPasskey || !by.Strong || by.Person != w.admin.Person.ID {
		t.Fatalf("by passkey: %+v, %v", by, err)
	}
	if _, p, err := w.desk.Session(t.Context(), token); err != nil || p.Login != "root" {
		t.Errorf("its session: %v", err)
	}
	if strings.Contains(fmt.Sprintf("%+v", w.store), string(phone.Key.X.Bytes())) {
		t.Error("the store holds the credential in clear")
	}
	// One answer opens one session.
	ref, options, err := w.desk.AskPasskey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer := phone.Prove(options)
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, _, err := w.desk.SignInPasskey(t.Context(), ref, answer, office); err == nil {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 uses of one answer opened a session, want 1", won.Load())
	}
}

func TestE09_PasskeyRefusals(t *testing.T) {
	w := withPasskeys(t, false)
	phone := newPhone()
	phone.Counts = true
	s := w.in(w.admin)
	if _, err := w.bind(s, phone); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, p *phonetest.Phone) {
		t.Helper()
		_, _, err := w.byPasskey(p)
		denied(t, what, err)
	}
	fake := *phone
	fake.Origin = "https://desk.shop.example.evil.example"
	refused("a fake console's answer", &fake)
	untouched := *phone
	untouched.Flags = 1
	refused("without face, finger or PIN", &untouched)
	stranger := newPhone()
	stranger.Handle = phone.Handle
	refused("a passkey that nobody bound", stranger)
	stolen := *phone
	stolen.Key = stranger.Key
	refused("the credential's id with another key", &stolen)
	phone.Count = 100
	if _, _, err := w.byPasskey(phone); err != nil {
		t.Fatal(err)
	}
	phone.Count = 50
	refused("a copy, whose counter runs behind", phone)
	phone.Count = 200
	ref, _, err := w.desk.AskPasskey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := w.desk.AskPasskey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.desk.SignInPasskey(t.Context(), ref, phone.Prove(other), office)
	denied(t, "another browser's question", err)
	for _, junk := range []string{"", "{}", "null", "\xff"} {
		ref, _, err := w.desk.AskPasskey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.desk.SignInPasskey(t.Context(), ref, []byte(junk), office)
		denied(t, "junk", err)
	}
	agent := w.add("agent", nil, staff.Agent)
	again := w.in(agent)
	options, err := w.desk.AskAgain(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.desk.ReauthPasskey(t.Context(), again, phone.Prove(options))
	denied(t, "the admin's passkey in the agent's session", err)
}

func TestE09_LeadsPasskeyIsNeededForDangerousActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := withPasskeys(t, false)
		phone := newPhone()
		s := w.in(w.admin)
		if st := w.standing(s); !st.Fresh || st.Passkey || !st.Enough {
			t.Errorf("before there is a passkey: %+v", st)
		}
		if _, err := w.bind(s, phone); err != nil {
			t.Fatal(err)
		}
		if st := w.standing(s); st.Fresh || !st.Passkey || !st.Enough {
			t.Errorf("a session by code, once there is one: %+v", st)
		}
		time.Sleep(30 * time.Second)
		typed, _ := code.TOTP(w.admin.Secret, time.Now())
		if _, _, err := w.desk.Reauth(t.Context(), s, typed, office); !errors.Is(err, staff.ErrPasskey) {
			t.Errorf("a code in its place: %v, want that a passkey is needed", err)
		}
		// A phished code must not bind the phisher's passkey, nor take hers away.
		if _, err := w.bind(s, newPhone()); !errors.Is(err, staff.ErrReauth) {
			t.Errorf("a second passkey on a code: %v", err)
		}
		options, err := w.desk.AskAgain(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		token, next, err := w.desk.ReauthPasskey(t.Context(), s, phone.Prove(options))
		if err != nil || token == "" || !w.standing(next).Fresh {
			t.Fatalf("with the passkey: %+v, %v", next, err)
		}
		time.Sleep(5 * time.Minute)
		if w.standing(next).Fresh {
			t.Error("a passkey counts for dangerous acts after five minutes")
		}
		agent := w.add("agent", nil, staff.Agent)
		own := w.in(agent)
		if _, err := w.bind(own, newPhone()); err != nil {
			t.Fatal(err)
		}
		if st := w.standing(own); !st.Fresh || st.Passkey {
			t.Errorf("an agent's code: %+v, want that it does", st)
		}
		if _, err := w.bind(own, newPhone()); !errors.Is(err, staff.ErrPasskey) {
			t.Errorf("an agent's second passkey on a code: %v", err)
		}
	})
}

func TestE09_RequiredPasskeysKeepPagesShut(t *testing.T) {
	w := withPasskeys(t, true)
	phone := newPhone()
	s := w.in(w.admin)
	if st := w.standing(s); st.Enough {
		t.Errorf("by code: %+v", st)
	}
	k, err := w.bind(s, phone)
	if err != nil {
		t.Fatal(err)
	}
	_, by, err := w.byPasskey(phone)
	if err != nil || !w.standing(by).Enough {
		t.Fatalf("by passkey: %v", err)
	}
	if err := w.desk.RemovePasskey(t.Context(), by, k.ID); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("the last passkey was removed where they are required: %v", err)
	}
	k2, err := w.bind(by, newPhone())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.desk.RemovePasskey(t.Context(), by, k2.ID); err != nil {
		t.Errorf("one of two: %v", err)
	}
	other := w.add("agent", nil, staff.Agent)
	mine := w.in(other)
	if err := w.desk.RemovePasskey(t.Context(), mine, k.ID); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("somebody else's passkey: %v, want not found", err)
	}
}

// TestInvitationWorksOnce: no password travels; the link works once, a day.
func TestInvitationWorksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := withPasskeys(t, false)
		root := w.admin.Person.Actor()
		n := staff.NewPerson{Login: "Sato", Name: "佐藤", Roles: []staff.Role{staff.Agent}}
		token, p, err := w.desk.Invite(t.Context(), w.guard, root, n)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fmt.Sprintf("%+v", w.store), token) {
			t.Error("the store holds the link")
		}
		_, _, err = w.desk.SignIn(t.Context(), staff.Credentials{Login: "sato"}, office)
		denied(t, "before it was taken up", err)
		in, err := w.desk.Invited(t.Context(), token)
		if err != nil || in.Person.ID != p.ID || in.Code {
			t.Fatalf("Invited = %+v, %v", in, err)
		}
		typed, _ := code.TOTP(in.Secret, time.Now())
		for what, a := range map[string]staff.Accept{"short password": {Password: "short", Code: typed}, "wrong code": {Password: "a long enough one", Code: "000000"}} {
			if _, _, err := w.desk.AcceptInvite(t.Context(), token, a, office); !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("%s: %v, want invalid", what, err)
			}
		}
		good := staff.Accept{Password: "a long enough one", Code: typed}
		if _, _, err := w.desk.AcceptInvite(t.Context(), token, good, office); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.desk.AcceptInvite(t.Context(), token, good, office); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("the link again: %v, want not found", err)
		}
		time.Sleep(30 * time.Second)
		typed, _ = code.TOTP(in.Secret, time.Now())
		if _, _, err := w.desk.SignIn(t.Context(), staff.Credentials{Login: "sato", Password: good.Password, Code: typed}, office); err != nil {
			t.Errorf("with what he set: %v", err)
		}
		if _, err := w.desk.InviteAgain(t.Context(), w.guard, root, p.ID); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a link to somebody who is in: %v, want conflict", err)
		}

		old, p2, err := w.desk.Invite(t.Context(), w.guard, root, staff.NewPerson{Login: "abe", Roles: []staff.Role{staff.Agent}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.desk.InviteAgain(t.Context(), w.guard, root, p2.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Invited(t.Context(), old); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("the link before: %v", err)
		}
		phone := newPhone()
		options, err := w.desk.BeginInvitePasskey(t.Context(), again, "")
		if err != nil {
			t.Fatal(err)
		}
		answer := phone.Bind(options)
		if _, s, err := w.desk.FinishInvitePasskey(t.Context(), again, "key", answer, office); err != nil || !s.Strong {
			t.Fatalf("by passkey: %v", err)
		}
		_, s, err := w.byPasskey(phone)
		if err != nil {
			t.Fatalf("and again: %v", err)
		}
		list, _ := w.desk.OwnPasskeys(t.Context(), p2.ID)
		if err := w.desk.RemovePasskey(t.Context(), s, list[0].ID); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("the only way in was removed: %v", err)
		}
		late, _, err := w.desk.Invite(t.Context(), w.guard, root, staff.NewPerson{Login: "late", Roles: []staff.Role{staff.Agent}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := w.desk.Invited(t.Context(), late); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("a day later: %v", err)
		}
	})
}

// TestResetTakesTwo: neither the one who asks nor the one who approves can come
// in as somebody who lost his ways in.
func TestResetTakesTwo(t *testing.T) {
	w := withPasskeys(t, false)
	root := w.admin.Person.Actor()
	agent := w.add("agent", nil, staff.Agent)
	session := w.in(agent)
	if _, err := w.desk.ProposeReset(t.Context(), w.four, root, agent.Person.ID, "lost"); !errors.Is(err, staff.ErrAlone) {
		t.Errorf("with one administrator: %v, want alone", err)
	}
	second := w.add("second", nil, staff.Admin).Person.Actor()
	_, err := w.desk.ProposeReset(t.Context(), w.four, agent.Person.Actor(), agent.Person.ID, "lost")
	denied(t, "the agent asks", err)
	digits, err := w.desk.ProposeReset(t.Context(), w.four, root, agent.Person.ID, "lost")
	if err != nil || len(digits) != 6 {
		t.Fatalf("ProposeReset = %q, %v", digits, err)
	}
	list, of, err := w.desk.Resets(t.Context(), w.four)
	if err != nil || len(list) != 1 || of[list[0].ID].Login != "agent" {
		t.Fatalf("Resets = %v, %v", list, err)
	}
	_, _, err = w.desk.ApproveReset(t.Context(), w.four, root, list[0].ID, "fine")
	denied(t, "the one who asked approves", err)
	_, _, err = w.desk.ApproveReset(t.Context(), w.four, agent.Person.Actor(), list[0].ID, "fine")
	denied(t, "the person himself approves", err)
	token, _, err := w.desk.ApproveReset(t.Context(), w.four, second, list[0].ID, "I saw him")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := w.store.StaffSession(t.Context(), session.Hash); err != nil || s.EndedAt.IsZero() {
		t.Errorf("his session goes on: %v", err)
	}
	_, _, err = w.signIn(agent, office)
	denied(t, "his old ways in", err)
	_, err = w.desk.InviteAgain(t.Context(), w.guard, second, agent.Person.ID)
	if !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("a plain link in the place of the two-person one: %v, want conflict", err)
	}
	in, err := w.desk.Invited(t.Context(), token)
	if err != nil || !in.Code {
		t.Fatalf("Invited = %+v, %v", in, err)
	}
	typed, _ := code.TOTP(in.Secret, time.Now())
	for range 2 {
		if _, _, err := w.desk.AcceptInvite(t.Context(), token, staff.Accept{Digits: "x", Password: "a long enough one", Code: typed}, office); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("without the digits: %v, want invalid", err)
		}
	}
	if _, err := w.desk.BeginInvitePasskey(t.Context(), token, "000000"); !errors.Is(err, mimamori.ErrInvalid) && digits != "000000" {
		t.Errorf("a passkey without the digits: %v, want invalid", err)
	}
	if _, _, err := w.desk.AcceptInvite(t.Context(), token, staff.Accept{Digits: digits, Password: "a long enough one", Code: typed}, office); err != nil {
		t.Errorf("with both: %v", err)
	}
	// An administrator who is to be reset does not approve it himself.
	if _, err := w.desk.ProposeReset(t.Context(), w.four, root, second.ID, "lost"); !errors.Is(err, staff.ErrAlone) {
		t.Errorf("the second administrator, with nobody else to approve: %v, want alone", err)
	}
	third := w.add("third", nil, staff.Admin).Person.Actor()
	digits, err = w.desk.ProposeReset(t.Context(), w.four, root, second.ID, "lost")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err = w.desk.Resets(t.Context(), w.four)
	if err != nil || len(list) != 1 {
		t.Fatalf("Resets = %v, %v", list, err)
	}
	_, _, err = w.desk.ApproveReset(t.Context(), w.four, second, list[0].ID, "it is me")
	denied(t, "the administrator himself approves", err)
	token, _, err = w.desk.ApproveReset(t.Context(), w.four, third, list[0].ID, "I saw him")
	if err != nil {
		t.Fatal(err)
	}
	// Five guesses end a link.
	wrong := "000000"
	if digits == wrong {
		wrong = "111111"
	}
	for range 5 {
		if _, err := w.desk.BeginInvitePasskey(t.Context(), token, wrong); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("a guess: %v, want invalid", err)
		}
	}
	if _, err := w.desk.BeginInvitePasskey(t.Context(), token, digits); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("the right digits after five guesses: %v, want not found", err)
	}
	token, _, err = w.desk.ResetAlone(t.Context(), "agent", "lost again")
	if err != nil {
		t.Fatal(err)
	}
	if in, err := w.desk.Invited(t.Context(), token); err != nil || in.Code {
		t.Errorf("from the command line: %+v, %v", in, err)
	}
}

func TestE09_OwnAccountsAreSetByOthers(t *testing.T) {
	w := newWorld(t)
	root := w.admin.Person.Actor()
	agent := w.add("agent", nil, staff.Agent)
	if err := w.allow(agent.Person.Actor(), audit.LookIncident, hana, "she called"); err != nil {
		t.Fatal(err)
	}
	own := []mimamori.AccountID{hana.Account}
	denied(t, "an agent links himself", w.desk.SetOwn(t.Context(), w.guard, agent.Person.Actor(), agent.Person.ID, nil, "mine"))
	denied(t, "an administrator unlinks himself", w.desk.SetOwn(t.Context(), w.guard, root, root.ID, nil, "mine"))
	if err := w.desk.SetOwn(t.Context(), w.guard, root, agent.Person.ID, own, "he shops here"); err != nil {
		t.Fatal(err)
	}
	denied(t, "his own account now", w.allow(agent.Person.Actor(), audit.LookIncident, hana, "mine"))
}

func containsAct(rows []audit.Row, act audit.Act) bool {
	for _, r := range rows {
		if r.Act == act {
			return true
		}
	}
	return false
}
