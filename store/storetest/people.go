package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor"
	"mimamori/staff"
)

func factors(h *harness) {
	f := factor.Factor{ID: "fac_a", Account: hanako, Kind: factor.TOTP, Name: "phone", Binding: factor.Binding{Session: "s1", IP: "192.0.2.7"},
		BoundAt: now, Data: []byte{0, 1, 2}, Counter: 5}
	older := factor.Factor{ID: "fac_b", Account: hanako, Kind: factor.Recovery, BoundAt: now.Add(-time.Hour), UsableAt: now}
	h.ok(h.AddFactor(h.ctx, f))
	h.ok(h.AddFactor(h.ctx, older))
	h.is(h.AddFactor(h.ctx, f), mimamori.ErrConflict)
	got, err := h.Factors(h.ctx, hanako)
	h.ok(err)
	h.same(got, []factor.Factor{older, f})

	at := now.Add(time.Minute)
	if n := h.parallel(50, func(int) (bool, error) { return h.AdvanceFactor(h.ctx, hanako, "fac_a", 5, 6, at) }); n != 1 {
		h.Errorf("%d of 50 advanced from 5 to 6, want 1", n)
	}
	if ok, err := h.AdvanceFactor(h.ctx, taro, "fac_a", 6, 7, at); err != nil || ok {
		h.Errorf("another account advanced it: %v, %v", ok, err)
	}
	later := at.Add(time.Minute)
	if ok, err := h.AdvanceFactor(h.ctx, hanako, "fac_a", 6, 7, later); err != nil || !ok {
		h.Errorf("advance = %v, %v", ok, err)
	}
	f.Counter, f.UsableAt, f.UsedAt = 7, at, later
	if n := h.parallel(10, func(int) (bool, error) { return h.ConfirmFactor(h.ctx, hanako, "fac_a", later) }); n != 1 {
		h.Errorf("%d of 10 confirmed it, want 1", n)
	}
	if ok, err := h.NameFactor(h.ctx, hanako, "fac_a", "new phone"); err != nil || !ok {
		h.Errorf("name = %v, %v", ok, err)
	}
	f.ConfirmedAt, f.Name = later, "new phone"
	by := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_a"}
	if n := h.parallel(10, func(int) (bool, error) { return h.RemoveFactor(h.ctx, hanako, "fac_a", by, later) }); n != 1 {
		h.Errorf("%d of 10 removed it, want 1", n)
	}
	f.RemovedAt, f.RemovedBy = later, by
	if ok, err := h.AdvanceFactor(h.ctx, hanako, "fac_a", 7, 8, later); err != nil || ok {
		h.Errorf("a removed factor advanced: %v, %v", ok, err)
	}
	if ok, err := h.ConfirmFactor(h.ctx, hanako, "fac_a", later); err != nil || ok {
		h.Errorf("a removed factor was confirmed: %v, %v", ok, err)
	}
	if ok, err := h.NameFactor(h.ctx, hanako, "fac_a", "x"); err != nil || ok {
		h.Errorf("a removed factor was named: %v, %v", ok, err)
	}
	if ok, err := h.RemoveFactor(h.ctx, hanako, "fac_none", by, later); err != nil || ok {
		h.Errorf("an unknown factor was removed: %v, %v", ok, err)
	}
	got, err = h.Factors(h.ctx, hanako)
	h.ok(err)
	h.same(got, []factor.Factor{older, f})
}

func throttle(h *harness) {
	got, err := h.FactorThrottle(h.ctx, hanako, "")
	h.ok(err)
	h.same(got, factor.Throttle{})
	one := factor.Throttle{Failures: 1, Until: now}
	if n := h.parallel(50, func(int) (bool, error) { return h.SetFactorThrottle(h.ctx, hanako, "", factor.Throttle{}, one) }); n != 1 {
		h.Errorf("%d of 50 counted the first failure, want 1", n)
	}
	if ok, err := h.SetFactorThrottle(h.ctx, hanako, "", one, factor.Throttle{}); err != nil || !ok {
		h.Errorf("reset = %v, %v", ok, err)
	}
	two := factor.Throttle{Failures: 2, Until: now}
	if ok, err := h.SetFactorThrottle(h.ctx, hanako, "", factor.Throttle{}, two); err != nil || !ok {
		h.Errorf("set after a reset = %v, %v", ok, err)
	}
	got, err = h.FactorThrottle(h.ctx, hanako, "")
	h.ok(err)
	h.same(got, two)
	got, err = h.FactorThrottle(h.ctx, hanako, "known") // a lane of its own
	h.ok(err)
	h.same(got, factor.Throttle{})
	if ok, err := h.SetFactorThrottle(h.ctx, hanako, "known", factor.Throttle{}, one); err != nil || !ok {
		h.Errorf("first failure in another lane = %v, %v", ok, err)
	}
	got, err = h.FactorThrottle(h.ctx, hanako, "")
	h.ok(err)
	h.same(got, two)
}

func ceremonies(h *harness) {
	h.ok(h.PutCeremony(h.ctx, hanako, "prove a", []byte("old"), now.Add(time.Minute)))
	h.ok(h.PutCeremony(h.ctx, hanako, "prove a", []byte("new"), now.Add(time.Minute)))
	_, err := h.TakeCeremony(h.ctx, taro, "prove a", now)
	h.is(err, mimamori.ErrNotFound)
	_, err = h.TakeCeremony(h.ctx, hanako, "prove b", now)
	h.is(err, mimamori.ErrNotFound)
	_, err = h.TakeCeremony(h.ctx, hanako, "prove a", now.Add(time.Minute))
	h.is(err, mimamori.ErrNotFound)
	n := h.parallel(50, func(int) (bool, error) {
		doc, err := h.TakeCeremony(h.ctx, hanako, "prove a", now)
		if errors.Is(err, mimamori.ErrNotFound) {
			return false, nil
		}
		return string(doc) == "new", err
	})
	if n != 1 {
		h.Errorf("%d of 50 took the ceremony, want 1", n)
	}
}

func mailed(id string, purpose factor.Purpose, at time.Time) factor.Mailed {
	return factor.Mailed{Request: factor.Request{Account: hanako, Purpose: purpose, Incident: "inc_a", Ref: "rec_a"}, ID: id, Hash: []byte(id),
		IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
}

func mailedCodes(h *harness) {
	since := now.Add(-24 * time.Hour)
	first, other := mailed("mco_z", factor.ForRecovery, now), mailed("mco_o", factor.ForContact, now)
	second := mailed("mco_a", factor.ForRecovery, now) // at the same moment: still the newer one
	_, err := h.LastMailed(h.ctx, second.Request)
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.IssueMailed(h.ctx, first, since, 3))
	h.ok(h.IssueMailed(h.ctx, other, since, 3))
	h.ok(h.IssueMailed(h.ctx, second, since, 3))
	got, err := h.LastMailed(h.ctx, second.Request)
	h.ok(err)
	h.same(got, second)
	if ok, err := h.UseMailed(h.ctx, hanako, "mco_z", now); err != nil || ok {
		h.Errorf("a void code was used: %v, %v", ok, err)
	}
	if ok, err := h.CountMailedTry(h.ctx, hanako, "mco_z", 0); err != nil || ok {
		h.Errorf("a void code was tried: %v, %v", ok, err)
	}
	// Over the cap nothing changes: the code she has stays good.
	h.is(h.IssueMailed(h.ctx, mailed("mco_4", factor.ForRecovery, now), since, 2), mimamori.ErrDenied)
	got, err = h.LastMailed(h.ctx, second.Request)
	h.ok(err)
	h.same(got, second)
	h.ok(h.IssueMailed(h.ctx, mailed("mco_5", factor.ForRecovery, now), now, 3)) // the earlier ones are too old to count
	if ok, err := h.UseMailed(h.ctx, hanako, "mco_o", now); err != nil || !ok {
		h.Errorf("a code of another purpose is void: %v, %v", ok, err)
	}
	// A stranger's codes, asked for elsewhere, neither void hers nor use up those
	// of a browser that is known.
	foreign := mailed("mco_f", factor.ForRecovery, now.Add(time.Minute))
	foreign.Ref = "rec_b"
	h.ok(h.IssueMailed(h.ctx, foreign, now.Add(-time.Hour), 9))
	got, err = h.LastMailed(h.ctx, second.Request)
	h.ok(err)
	if got.ID != "mco_5" || !got.VoidAt.IsZero() {
		h.Errorf("after another request's code hers is %+v", got)
	}
	known := mailed("mco_k", factor.ForRecovery, now)
	known.Lane = "known"
	h.ok(h.IssueMailed(h.ctx, known, now.Add(-time.Hour), 1))
}

func mailedParallel(h *harness) {
	h.ok(h.IssueMailed(h.ctx, mailed("mco_a", factor.ForChallenge, now), now.Add(-time.Hour), 10))
	if n := h.parallel(50, func(int) (bool, error) { return h.CountMailedTry(h.ctx, hanako, "mco_a", 0) }); n != 1 {
		h.Errorf("%d of 50 took the first try, want 1", n)
	}
	if n := h.parallel(50, func(int) (bool, error) { return h.UseMailed(h.ctx, hanako, "mco_a", now) }); n != 1 {
		h.Errorf("%d of 50 used the code, want 1", n)
	}
	if ok, err := h.CountMailedTry(h.ctx, hanako, "mco_a", 1); err != nil || ok {
		h.Errorf("a used code was tried: %v, %v", ok, err)
	}
	n := h.parallel(50, func(i int) (bool, error) {
		err := h.IssueMailed(h.ctx, mailed(fmt.Sprint("mco_", i), factor.ForContact, now), now.Add(-time.Hour), 10)
		if errors.Is(err, mimamori.ErrDenied) {
			return false, nil
		}
		return err == nil, err
	})
	if n != 10 { // the one before was for another purpose
		h.Errorf("%d of 50 codes were issued, want 10 up to the cap", n)
	}
}

func people(h *harness) {
	p := staff.Person{ID: "stf_b", Login: "sato", Name: "Sato", Roles: []staff.Role{staff.Agent, staff.Lead}, Lang: mimamori.Japanese,
		Own: []mimamori.AccountID{hanako, taro}, Version: 1, PasswordSalt: []byte{1}, PasswordHash: []byte{2}, FactorSecret: []byte{3}, FactorStep: 4,
		Known: staff.Throttle{Failures: 1, Until: now}, Strange: staff.Throttle{Failures: 2}, CreatedAt: now}
	first := staff.Person{ID: "stf_a", Login: "abe", Roles: []staff.Role{staff.Admin}, CreatedAt: now}
	n := h.parallel(20, func(i int) (bool, error) {
		x := first
		if i > 0 {
			x.ID, x.Login = fmt.Sprint("stf_", i), fmt.Sprint("login", i)
		}
		err := h.AddPerson(h.ctx, x, true)
		if errors.Is(err, mimamori.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
	if n != 1 {
		h.Errorf("%d people were the first, want 1", n)
	}
	h.ok(h.AddPerson(h.ctx, p, false))
	twin := p
	twin.ID = "stf_c"
	h.is(h.AddPerson(h.ctx, twin, false), mimamori.ErrConflict)
	got, err := h.Person(h.ctx, "stf_b")
	h.ok(err)
	h.same(got, p)
	got, err = h.PersonByLogin(h.ctx, "sato")
	h.ok(err)
	h.same(got, p)
	_, err = h.Person(h.ctx, "stf_none")
	h.is(err, mimamori.ErrNotFound)
	_, err = h.PersonByLogin(h.ctx, "nobody")
	h.is(err, mimamori.ErrNotFound)

	p.Name, p.Roles, p.DisabledAt = "Sato K.", nil, now
	if n := h.parallel(20, func(int) (bool, error) { return h.UpdatePerson(h.ctx, p) }); n != 1 {
		h.Errorf("%d of 20 updates of one version, want 1", n)
	}
	p.Version = 2
	all, err := h.People(h.ctx)
	h.ok(err)
	if len(all) != 2 {
		h.Fatalf("people = %v, want 2", all)
	}
	got, err = h.Person(h.ctx, "stf_b")
	h.ok(err)
	h.same(got, p)
}

func staffSessions(h *harness) {
	session := func(token string, at time.Time) staff.Session {
		return staff.Session{Hash: sha256.Sum256([]byte(token)), Person: "stf_a", StartedAt: at, SeenAt: at, AuthAt: at, IP: "192.0.2.7", UserAgent: "Mozilla", Way: staff.ByPasskey, Strong: true}
	}
	a, b := session("a", now), session("b", now.Add(time.Second))
	h.ok(h.AddStaffSession(h.ctx, a))
	h.ok(h.AddStaffSession(h.ctx, b))
	got, err := h.StaffSession(h.ctx, a.Hash)
	h.ok(err)
	h.same(got, a)
	_, err = h.StaffSession(h.ctx, sha256.Sum256([]byte("none")))
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.TouchStaffSession(h.ctx, a.Hash, now.Add(time.Minute)))
	h.ok(h.TouchStaffSession(h.ctx, a.Hash, now)) // earlier: stays
	a.SeenAt = now.Add(time.Minute)

	n := h.parallel(20, func(i int) (bool, error) {
		return h.ReplaceStaffSession(h.ctx, a.Hash, session(fmt.Sprint("new", i), now.Add(time.Hour)))
	})
	if n != 1 {
		h.Errorf("%d of 20 replaced one session, want 1", n)
	}
	a.EndedAt = now.Add(time.Hour)
	list, err := h.StaffSessions(h.ctx, "stf_a", now.Add(time.Second))
	h.ok(err)
	if len(list) != 2 || list[1].Hash != b.Hash {
		h.Fatalf("sessions = %v, want the new one and b", list)
	}
	h.ok(h.EndStaffSessions(h.ctx, "stf_a", list[0].Hash, now.Add(2*time.Hour)))
	b.EndedAt = now.Add(2 * time.Hour)
	h.ok(h.EndStaffSession(h.ctx, b.Hash, now.Add(3*time.Hour))) // has ended
	for _, want := range []staff.Session{a, b} {
		got, err := h.StaffSession(h.ctx, want.Hash)
		h.ok(err)
		h.same(got, want)
	}
	if kept, err := h.StaffSession(h.ctx, list[0].Hash); err != nil || !kept.EndedAt.IsZero() {
		h.Errorf("the kept session = %+v, %v", kept, err)
	}
}

func apiKeys(h *harness) {
	k := staff.APIKey{ID: "key_a", Name: "shop", Source: "shop", Scopes: []staff.Scope{staff.ScopeEvents, staff.ScopeRead}, Hash: sha256.Sum256([]byte("a")),
		PerSecond: 10, CreatedAt: now, CreatedBy: "stf_a", ExpiresAt: now.Add(time.Hour)}
	newer := staff.APIKey{ID: "key_b", Scopes: []staff.Scope{staff.ScopeStaff}, CreatedAt: now}
	h.ok(h.AddAPIKey(h.ctx, k))
	h.ok(h.AddAPIKey(h.ctx, newer))
	h.is(h.AddAPIKey(h.ctx, k), mimamori.ErrConflict)
	h.ok(h.TouchAPIKey(h.ctx, "key_a", now.Add(time.Minute)))
	h.ok(h.TouchAPIKey(h.ctx, "key_a", now))
	h.ok(h.RevokeAPIKey(h.ctx, "key_a", now.Add(2*time.Minute)))
	h.ok(h.RevokeAPIKey(h.ctx, "key_a", now.Add(3*time.Minute)))
	k.UsedAt, k.RevokedAt = now.Add(time.Minute), now.Add(2*time.Minute)
	got, err := h.APIKey(h.ctx, "key_a")
	h.ok(err)
	h.same(got, k)
	all, err := h.APIKeys(h.ctx)
	h.ok(err)
	h.same(all, []staff.APIKey{newer, k})
	_, err = h.APIKey(h.ctx, "key_none")
	h.is(err, mimamori.ErrNotFound)
	h.is(h.RevokeAPIKey(h.ctx, "key_none", now), mimamori.ErrNotFound)
}

func proposals(h *harness) {
	p := staff.Proposal{ID: "prp_a", Act: audit.PointsRestore, Target: audit.Target{Account: hanako, Incident: "inc_a"}, Args: []byte(`{"amount":600}`),
		Reason: "spent by the intruder", By: "stf_a", At: now, ExpiresAt: now.Add(time.Hour), State: staff.Open}
	bulk := staff.Proposal{ID: "prp_b", Act: audit.BulkContain, Args: []byte(`[]`), By: "stf_a", At: now.Add(-time.Minute), ExpiresAt: now.Add(2 * time.Hour), State: staff.Open}
	h.ok(h.AddProposal(h.ctx, p))
	h.ok(h.AddProposal(h.ctx, bulk))
	list, err := h.OpenProposals(h.ctx, audit.Target{}, now)
	h.ok(err)
	h.same(list, []staff.Proposal{bulk, p})
	list, err = h.OpenProposals(h.ctx, audit.Target{Incident: "inc_a"}, now)
	h.ok(err)
	h.same(list, []staff.Proposal{p})
	list, err = h.OpenProposals(h.ctx, audit.Target{}, now.Add(time.Hour))
	h.ok(err)
	h.same(list, []staff.Proposal{bulk})

	if ok, err := h.DecideProposal(h.ctx, "prp_a", staff.Approved, "stf_b", now.Add(time.Hour)); err != nil || ok {
		h.Errorf("an expired proposal was decided: %v, %v", ok, err)
	}
	if n := h.parallel(20, func(int) (bool, error) { return h.DecideProposal(h.ctx, "prp_a", staff.Approved, "stf_b", now) }); n != 1 {
		h.Errorf("%d of 20 decided, want 1", n)
	}
	p.State, p.DecidedBy, p.DecidedAt = staff.Approved, "stf_b", now
	got, err := h.Proposal(h.ctx, "prp_a")
	h.ok(err)
	h.same(got, p)
	_, err = h.Proposal(h.ctx, "prp_none")
	h.is(err, mimamori.ErrNotFound)
}
