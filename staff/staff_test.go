package staff_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/audit/audittest"
	"mimamori/factor/code"
	"mimamori/keys/keystest"
	"mimamori/staff"
	"mimamori/staff/stafftest"
)

type world struct {
	t      *testing.T
	desk   *staff.Desk
	gate   *staff.Gatekeeper
	guard  *staff.Guard
	four   *staff.FourEyes
	log    *audit.Log
	store  *stafftest.Memory
	audit  *audittest.Memory
	admin  staff.Welcome
	alarms atomic.Int32
}

var (
	office  = staff.Place{IP: netip.MustParseAddr("192.0.2.10"), UserAgent: "Firefox"}
	outside = staff.Place{IP: netip.MustParseAddr("198.51.100.7"), UserAgent: "curl"}
	hana    = audit.Target{Account: mimamori.NewAccountID("hana"), Incident: "inc_1"}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, vault := keystest.New(t)
	w := &world{t: t, store: &stafftest.Memory{}, audit: &audittest.Memory{}}
	w.log = audit.New(w.audit, ring, vault)
	w.desk = staff.NewDesk(w.store, ring, code.NewHasher(), w.log, "Mimamori", staff.Limits{})
	w.gate = staff.NewGatekeeper(w.store, w.log)
	w.guard = staff.NewGuard(w.store, w.store, w.audit, w.log, func(context.Context, mimamori.Actor, int) { w.alarms.Add(1) })
	w.four = staff.NewFourEyes(w.store, w.guard)
	var err error
	if w.admin, err = w.desk.CreateFirst(t.Context(), staff.NewPerson{Login: "Root", Name: "First"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) add(login string, own []mimamori.AccountID, roles ...staff.Role) staff.Welcome {
	w.t.Helper()
	n := staff.NewPerson{Login: login, Name: login, Roles: roles, Own: own}
	welcome, err := w.desk.Create(w.t.Context(), w.guard, w.admin.Person.Actor(), n)
	if err != nil {
		w.t.Fatalf("add %s: %v", login, err)
	}
	return welcome
}

func (w *world) signIn(p staff.Welcome, from staff.Place) (string, staff.Session, error) {
	w.t.Helper()
	typed, err := code.TOTP(p.Secret, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.desk.SignIn(w.t.Context(), staff.Credentials{Login: p.Person.Login, Password: p.Password, Code: typed}, from)
}

func (w *world) allow(actor mimamori.Actor, act audit.Act, target audit.Target, reason string) error {
	return w.guard.Allow(w.t.Context(), actor, act, target, reason)
}

func denied(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("%s: %v, want denied", what, err)
	}
}

func TestFirstAdminIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	if w.admin.Password == "" || !slices.Contains(w.admin.Person.Roles, staff.Admin) || w.admin.Person.Login != "root" {
		t.Errorf("first admin: %+v", w.admin)
	}
	if _, err := w.desk.CreateFirst(t.Context(), staff.NewPerson{Login: "mallory"}); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("a second first admin: %v, want conflict", err)
	}
	dump := fmt.Sprintf("%+v", w.store)
	if strings.Contains(dump, w.admin.Password) || strings.Contains(dump, w.admin.Secret) {
		t.Error("the store holds the password or the authenticator's secret")
	}
	for _, bad := range []string{"short", "elevenchars", strings.Repeat("x", 300), "Xy-NewComer-123"} {
		n := staff.NewPerson{Login: "newcomer", Roles: []staff.Role{staff.Agent}, Password: bad}
		if _, err := w.desk.Create(t.Context(), w.guard, w.admin.Person.Actor(), n); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("password of %d characters: %v, want invalid", len(bad), err)
		}
	}
}

func TestSignInNeedsPasswordAndCodeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		now, _ := code.TOTP(w.admin.Secret, time.Now())
		for name, c := range map[string]staff.Credentials{
			"wrong password": {Login: "root", Password: "wrong", Code: now},
			"wrong code":     {Login: "root", Password: w.admin.Password, Code: "abcdef"},
			"no code":        {Login: "root", Password: w.admin.Password},
			"unknown login":  {Login: "nobody", Password: w.admin.Password, Code: now},
			"nothing":        {},
		} {
			_, _, err := w.desk.SignIn(t.Context(), c, office)
			denied(t, name, err)
			if err.Error() != "staff sign-in: denied" {
				t.Errorf("%s says more than it should: %q", name, err)
			}
		}
		token, s, err := w.signIn(w.admin, office)
		if err != nil {
			t.Fatal(err)
		}
		if got, p, err := w.desk.Session(t.Context(), token); err != nil || got.Hash != s.Hash || p.Login != "root" {
			t.Errorf("Session = %+v, %+v, %v", got, p, err)
		}
		_, _, err = w.signIn(w.admin, office)
		denied(t, "the same code again", err)
		_, _, err = w.desk.Session(t.Context(), token+"x")
		denied(t, "another token", err)
		time.Sleep(30 * time.Second)
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, _, err := w.signIn(w.admin, office); err == nil {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() > 1 {
			t.Errorf("one code opened %d sessions", won.Load())
		}
	})
}

func TestStrangersCannotLockSomebodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, _, err := w.signIn(w.admin, office); err != nil {
			t.Fatal(err)
		}
		for range 80 {
			_, _, _ = w.desk.SignIn(t.Context(), staff.Credentials{Login: "root", Password: "guess", Code: "000000"}, outside)
			time.Sleep(time.Second)
		}
		if _, _, err := w.signIn(w.admin, office); err != nil {
			t.Errorf("at the office during the storm: %v", err)
		}
		time.Sleep(30 * time.Second)
		_, _, err := w.signIn(w.admin, outside)
		denied(t, "the right password from the stranger's place while it waits", err)
		time.Sleep(5 * time.Minute)
		if _, _, err := w.signIn(w.admin, outside); err != nil {
			t.Errorf("from there after the wait: %v", err)
		}
	})
}

func TestB05_SessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		token, s, err := w.signIn(w.admin, office)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*time.Minute - time.Second)
		if _, _, err := w.desk.Session(t.Context(), token); err != nil {
			t.Errorf("a second before the idle limit: %v", err)
		}
		time.Sleep(30 * time.Minute)
		_, _, err = w.desk.Session(t.Context(), token)
		denied(t, "after the idle limit", err)
		if token, s, err = w.signIn(w.admin, office); err != nil {
			t.Fatal(err)
		}
		for time.Since(s.StartedAt) < 12*time.Hour-10*time.Minute {
			time.Sleep(10 * time.Minute)
			if _, _, err := w.desk.Session(t.Context(), token); err != nil {
				t.Fatalf("busy after %v: %v", time.Since(s.StartedAt), err)
			}
		}
		time.Sleep(10 * time.Minute)
		_, _, err = w.desk.Session(t.Context(), token)
		denied(t, "after the absolute limit", err)
	})
}

func TestB03_ReauthGivesAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old, s, err := w.signIn(w.admin, office)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if fresh(w, s) {
			t.Error("a code counts for dangerous acts after ten minutes")
		}
		_, _, err = w.desk.Reauth(t.Context(), s, "000000", office)
		denied(t, "a wrong code", err)
		typed, _ := code.TOTP(w.admin.Secret, time.Now())
		token, next, err := w.desk.Reauth(t.Context(), s, typed, office)
		if err != nil || !fresh(w, next) || token == old || next.StartedAt != s.StartedAt {
			t.Fatalf("Reauth = %+v, %v", next, err)
		}
		_, _, err = w.desk.Session(t.Context(), old)
		denied(t, "the token before", err)
		if err := w.desk.ChangePassword(t.Context(), next, w.admin.Password, "a long enough password"); err != nil {
			t.Error(err)
		}
		if err := w.desk.SignOut(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.desk.Session(t.Context(), token)
		denied(t, "after signing out", err)
	})
}

func TestDisabledPersonIsOutAtOnce(t *testing.T) {
	w := newWorld(t)
	agent := w.add("agent", nil, staff.Agent)
	token, _, err := w.signIn(agent, office)
	if err != nil {
		t.Fatal(err)
	}
	root := w.admin.Person.Actor()
	denied(t, "an agent disables the admin", w.desk.Disable(t.Context(), w.guard, agent.Person.Actor(), w.admin.Person.ID, "x"))
	denied(t, "the admin disables himself", w.desk.Disable(t.Context(), w.guard, root, root.ID, "x"))
	denied(t, "the admin makes himself lead", w.desk.SetRoles(t.Context(), w.guard, root, root.ID, []staff.Role{staff.Lead}, "x"))
	if err := w.desk.Disable(t.Context(), w.guard, root, agent.Person.ID, "left"); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.desk.Session(t.Context(), token)
	denied(t, "his session", err)
	denied(t, "an act of his", w.allow(agent.Person.Actor(), audit.LookQueue, audit.Target{}, ""))
}

func TestE02_E10_RolesAreKeptAndEveryTryIsRecorded(t *testing.T) {
	w := newWorld(t)
	actors := map[staff.Role]mimamori.Actor{staff.Admin: w.admin.Person.Actor()}
	for _, r := range staff.Roles {
		if r != staff.Admin {
			actors[r] = w.add(string(r), nil, r).Person.Actor()
		}
	}
	for act, may := range map[audit.Act][]staff.Role{
		audit.LookAnalysis:    {staff.Lead, staff.Analyst, staff.Auditor},
		audit.LookIncident:    {staff.Agent, staff.Lead, staff.Analyst, staff.Auditor},
		audit.LookReveal:      {staff.Agent, staff.Lead},
		audit.LookAudit:       {staff.Auditor, staff.Admin},
		audit.IncidentContain: {staff.Agent, staff.Lead},
		audit.IncidentRelease: {staff.Lead},
		audit.PointsRestore:   {staff.Agent, staff.Lead},
		audit.PolicyChange:    {staff.Analyst, staff.Admin},
		audit.StaffCreate:     {staff.Admin},
		audit.KeyCreate:       {staff.Admin},
		audit.AlarmSeen:       {staff.Agent, staff.Lead, staff.Admin},
		"alarm.disable":       nil,
		"audit.disable":       nil,
		"audit.remove":        nil,
	} {
		for role, actor := range actors {
			before := len(w.audit.Rows)
			err := w.allow(actor, act, hana, "she called")
			if want := slices.Contains(may, role); (err == nil) != want {
				t.Errorf("%s may %s: %v, want %v", role, act, err, want)
			}
			if row := w.audit.Rows[len(w.audit.Rows)-1]; len(w.audit.Rows) != before+1 || row.Act != act || row.Actor != actor || row.Account != hana.Account {
				t.Errorf("%s tried %s: not recorded", role, act)
			}
			if err != nil && !strings.Contains(string(w.audit.Rows[before].Raw), `"outcome":"refused"`) {
				t.Errorf("%s tried %s: the refusal is not recorded as one", role, act)
			}
		}
	}
	customer := mimamori.Actor{Kind: mimamori.ActorCustomer, ID: "hana"}
	denied(t, "a customer at the desk", w.allow(customer, audit.LookIncident, hana, "mine"))
	denied(t, "nobody we know", w.allow(mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_x"}, audit.LookQueue, audit.Target{}, ""))
}

func TestE03_LooksNeedAReason(t *testing.T) {
	w := newWorld(t)
	agent := w.add("agent", nil, staff.Agent).Person.Actor()
	denied(t, "no reason", w.allow(agent, audit.LookIncident, hana, "  "))
	if err := w.allow(agent, audit.LookIncident, hana, "she called"); err != nil {
		t.Error(err)
	}
}

func TestE06_MassLookupsAreStoppedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		agent := w.add("agent", nil, staff.Agent).Person.Actor()
		passed := 0
		for i := range 200 {
			target := audit.Target{Account: mimamori.NewAccountID(fmt.Sprint("customer", i))}
			if w.allow(agent, audit.LookAccount, target, "curious") == nil {
				passed++
			}
			time.Sleep(time.Second)
		}
		if passed != 60 || w.alarms.Load() != 1 {
			t.Errorf("%d of 200 look-ups passed with %d alarms, want 60 and 1", passed, w.alarms.Load())
		}
		time.Sleep(10 * time.Minute)
		if err := w.allow(agent, audit.LookAccount, hana, "she called"); err != nil {
			t.Errorf("ten minutes later: %v", err)
		}
	})
}

func TestE09_OwnAccountIsForOthers(t *testing.T) {
	w := newWorld(t)
	agent := w.add("agent", []mimamori.AccountID{hana.Account}, staff.Lead).Person.Actor()
	for _, act := range []audit.Act{audit.LookIncident, audit.IncidentRelease, audit.PointsRestore} {
		denied(t, "own account: "+string(act), w.allow(agent, act, hana, "mine"))
	}
}

func TestE04_FourEyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		agent, lead, other := w.add("agent", nil, staff.Agent).Person.Actor(), w.add("lead", nil, staff.Lead).Person.Actor(), w.add("lead2", nil, staff.Lead).Person.Actor()
		propose := func(by mimamori.Actor) staff.Proposal {
			t.Helper()
			p, err := w.four.Propose(t.Context(), by, staff.Proposal{Act: audit.PointsRestore, Target: hana, Reason: "spent by the intruder"}, map[string]int{"amount": 52_000})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := propose(lead)
		_, err := w.four.Approve(t.Context(), lead, p.ID, "fine")
		denied(t, "the same person", err)
		_, err = w.four.Approve(t.Context(), agent, p.ID, "fine")
		denied(t, "an agent approves", err)
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				if got, err := w.four.Approve(t.Context(), other, p.ID, "checked"); err == nil && string(got.Args) == `{"amount":52000}` && got.DecidedBy == other.ID {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 10 parallel approvals got the act, want 1", won.Load())
		}
		p = propose(agent)
		if list, err := w.four.Waiting(t.Context(), hana); err != nil || len(list) != 1 {
			t.Errorf("Waiting = %v, %v", list, err)
		}
		time.Sleep(24*time.Hour + time.Second)
		if _, err = w.four.Approve(t.Context(), lead, p.ID, "late"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a day later: %v, want conflict", err)
		}
		p = propose(agent)
		if _, err := w.four.Decline(t.Context(), agent, p.ID, "mistake"); err != nil {
			t.Errorf("taken back by the one who asked: %v", err)
		}
	})
}

func TestD15_APIKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.admin.Person.Actor()
		n := staff.NewAPIKey{Name: "shop", Source: "urn:shop", Scopes: []staff.Scope{staff.ScopeEvents}, PerSecond: 5, ExpiresAt: time.Now().Add(time.Hour)}
		text, _, err := w.gate.Create(t.Context(), w.guard, root, n)
		if err != nil || len(text) < 70 {
			t.Fatalf("Create = %q, %v", text, err)
		}
		if dump := fmt.Sprintf("%+v", w.store); strings.Contains(dump, text[len(text)-43:]) {
			t.Error("the store holds the key")
		}
		got, err := w.gate.Check(t.Context(), text)
		if err != nil || !got.Has(staff.ScopeEvents) || got.Has(staff.ScopeStaff) || got.Source != "urn:shop" {
			t.Errorf("Check = %+v, %v", got, err)
		}
		for _, bad := range []string{"", "mimamori_", "mimamori_x_y", text + "x", text[:len(text)-1], strings.ToUpper(text), "x" + text} {
			_, err := w.gate.Check(t.Context(), bad)
			denied(t, "key "+bad, err)
		}
		time.Sleep(2 * time.Second)
		good := 0
		for range 30 {
			if _, err := w.gate.Check(t.Context(), text); err == nil {
				good++
			} else if !errors.Is(err, staff.ErrTooMany) {
				t.Fatal(err)
			}
		}
		if good != 10 {
			t.Errorf("%d of 30 requests at once passed a cap of 5 a second, want the burst of 10", good)
		}
		time.Sleep(time.Hour)
		_, err = w.gate.Check(t.Context(), text)
		denied(t, "an expired key", err)

		text, k, err := w.gate.Create(t.Context(), w.guard, root, staff.NewAPIKey{Name: "b", Scopes: []staff.Scope{staff.ScopeRead}})
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := staff.NewGatekeeper(w.store, w.log) // another node, which has read the key
		if _, err := elsewhere.Check(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if err := w.allow(k.Actor(), audit.LookIncident, hana, ""); err != nil {
			t.Errorf("a read key reads: %v", err)
		}
		denied(t, "a read key contains", w.allow(k.Actor(), audit.IncidentContain, hana, ""))
		if err := w.gate.Revoke(t.Context(), w.guard, root, k.ID, "leaked"); err != nil {
			t.Fatal(err)
		}
		_, err = w.gate.Check(t.Context(), text)
		denied(t, "a revoked key", err)
		time.Sleep(time.Second)
		_, err = elsewhere.Check(t.Context(), text)
		denied(t, "a revoked key on another node a second later", err)
		denied(t, "a revoked key reads", w.allow(k.Actor(), audit.LookIncident, hana, ""))
	})
}

func FuzzCheckAPIKey(f *testing.F) {
	f.Add("mimamori_abc_def")
	f.Add("mimamori__")
	f.Fuzz(func(t *testing.T, text string) {
		gate := staff.NewGatekeeper(&stafftest.Memory{}, nil)
		if k, err := gate.Check(t.Context(), text); err == nil {
			t.Errorf("Check(%q) = %+v", text, k)
		}
	})
}
