package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
	"mimamori/access"
	"mimamori/audit"
	"mimamori/keys"
	"mimamori/notice"
	"mimamori/recovery"
	"mimamori/store"
)

func ringKeys(h *harness) {
	k := keys.Row{ID: "k1", Use: keys.AuditHead, Wrapped: []byte{1, 2}, CreatedAt: now, NotBefore: now.Add(time.Minute)}
	h.ok(h.AddKey(h.ctx, k))
	h.is(h.AddKey(h.ctx, k), mimamori.ErrConflict)
	h.is(h.RetireKey(h.ctx, "k2", now), mimamori.ErrNotFound)
	for _, at := range []time.Time{now.Add(2 * time.Hour), now.Add(time.Hour), now.Add(3 * time.Hour)} {
		h.ok(h.RetireKey(h.ctx, "k1", at))
	}
	k.RetiredAt = now.Add(time.Hour) // the earliest
	got, err := h.Keys(h.ctx)
	h.ok(err)
	h.same(got, []keys.Row{k})
}

func accountKeys(h *harness) {
	_, err := h.AccountKey(h.ctx, hanako)
	h.is(err, mimamori.ErrNotFound)
	n := h.parallel(20, func(i int) (bool, error) {
		err := h.AddAccountKey(h.ctx, hanako, []byte{byte(i)}, now)
		if errors.Is(err, mimamori.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
	if n != 1 {
		h.Errorf("%d of 20 gave the account its key, want 1", n)
	}
	h.ok(h.AddAccountKey(h.ctx, taro, []byte("taro's"), now))
	h.ok(h.DestroyAccountKey(h.ctx, hanako))
	h.ok(h.DestroyAccountKey(h.ctx, hanako))
	_, err = h.AccountKey(h.ctx, hanako)
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.AddAccountKey(h.ctx, hanako, []byte("new"), now)) // she came back
	got, err := h.AccountKey(h.ctx, hanako)
	h.ok(err)
	h.same(got, []byte("new"))
	got, err = h.AccountKey(h.ctx, taro)
	h.ok(err)
	h.same(got, []byte("taro's"))
}

// auditLog runs the real log on the store: what it writes must verify, also
// when two nodes append at the same time and after a restart.
func auditLog(h *harness) {
	master, err := keys.NewMaster(make([]byte, 32))
	h.ok(err)
	ring, err := keys.Open(h.ctx, h.Store, master)
	h.ok(err)
	// Two logs are two nodes.
	nodes := []*audit.Log{audit.New(h.Store, ring, h.vault), audit.New(h.Store, ring, h.vault)}
	agent := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_a"}
	h.parallel(2, func(i int) (bool, error) {
		for n := range 20 {
			err := mimamori.ErrUnavailable // the other node was first too often
			for errors.Is(err, mimamori.ErrUnavailable) {
				err = nodes[i].Record(h.ctx, agent, audit.LookAccount, audit.Target{Account: hanako}, fmt.Sprint("call ", n), nil)
			}
			if err != nil {
				return false, err
			}
		}
		return true, nil
	})
	h.ok(nodes[0].Anchor(h.ctx, "file a", func(context.Context, []byte) error { return nil }))
	_, size, err := h.AuditHead(h.ctx)
	h.ok(err)
	if size != 40 {
		h.Errorf("the log has %d entries, want 40", size)
	}
	head, _, err := h.AuditHead(h.ctx)
	h.ok(err)
	h.reopen()
	again, size, err := h.AuditHead(h.ctx)
	h.ok(err)
	if size != 40 || !bytes.Equal(again, head) {
		h.Errorf("after a restart the log has %d entries and another head", size)
	}
	anchors, err := h.AuditAnchors(h.ctx)
	h.ok(err)
	if len(anchors) != 1 || anchors[0].Place != "file a" || !bytes.Equal(anchors[0].Head, head) {
		h.Errorf("anchors = %v", anchors)
	}
	vkeys, err := nodes[0].VerifierKeys()
	h.ok(err)
	signed, err := audit.OpenHead(head, vkeys)
	h.ok(err)
	var raws [][]byte
	for from := int64(0); from < size; from += 7 { // in pages
		rows, err := h.AuditRows(h.ctx, from, 7)
		h.ok(err)
		for _, r := range rows {
			raws = append(raws, r.Raw)
		}
	}
	h.same(rootOf(h, raws), signed.Hash)
}

// rootOf computes the tree's root from the leaves alone.
func rootOf(h *harness, leaves [][]byte) tlog.Hash {
	h.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(positions []int64) (out []tlog.Hash, err error) {
		for _, p := range positions {
			out = append(out, hashes[p])
		}
		return out, nil
	})
	for i, leaf := range leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, reader)
		h.ok(err)
		hashes = append(hashes, more...)
	}
	stored, err := h.AuditHashes(h.ctx, []int64{int64(len(hashes)) - 1, 0})
	h.ok(err)
	h.same(stored, []tlog.Hash{hashes[len(hashes)-1], hashes[0]})
	_, err = h.AuditHashes(h.ctx, []int64{int64(len(hashes))})
	h.is(err, mimamori.ErrNotFound)
	root, err := tlog.TreeHash(int64(len(leaves)), reader)
	h.ok(err)
	return root
}

func auditQueries(h *harness) {
	agent, other := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_a"}, mimamori.Actor{Kind: mimamori.ActorShop, ID: "stf_a"}
	rows := []audit.Row{
		{Actor: agent, Act: audit.LookAccount, Account: hanako, Incident: "inc_a"},
		{Actor: agent, Act: audit.LookAccount, Account: hanako},
		{Actor: agent, Act: audit.LookIncident, Account: taro, Incident: "inc_b"},
		{Actor: agent, Act: audit.LookQueue, Account: mimamori.NewAccountID("listed")}, // shows no one customer
		{Actor: agent, Act: audit.LookAccount, Account: mimamori.NewAccountID("refused"), Raw: []byte(`{"outcome":"refused"}`)},
		{Actor: other, Act: audit.LookAccount, Account: mimamori.NewAccountID("by the shop")},
		{Actor: agent, Act: audit.IncidentNote},
	}
	for i := range rows {
		rows[i].Seq, rows[i].At = int64(i), now.Add(time.Duration(i)*time.Minute)
		if rows[i].Raw == nil {
			rows[i].Raw = []byte(`{}`)
		}
		first := tlog.StoredHashIndex(0, int64(i))
		hashes := make([]tlog.Hash, tlog.StoredHashIndex(0, int64(i+1))-first)
		a := audit.Append{Row: rows[i], Hashes: hashes, First: first, Head: []byte{byte(i)}}
		h.ok(h.AppendAudit(h.ctx, a))
		h.is(h.AppendAudit(h.ctx, a), mimamori.ErrConflict)
	}
	gap := audit.Append{Row: audit.Row{Seq: 99, Raw: []byte(`{}`)}, First: tlog.StoredHashIndex(0, 99), Head: []byte{1}}
	h.is(h.AppendAudit(h.ctx, gap), mimamori.ErrConflict)
	for _, tt := range []struct {
		name string
		q    audit.Query
		want []int64
	}{
		{"all", audit.Query{}, []int64{6, 5, 4, 3, 2, 1, 0}},
		{"account", audit.Query{Account: hanako}, []int64{1, 0}},
		{"incident", audit.Query{Incident: "inc_b"}, []int64{2}},
		{"actor and act", audit.Query{Actor: "stf_a", Acts: []audit.Act{audit.IncidentNote, audit.LookQueue}}, []int64{6, 3}},
		{"time", audit.Query{Since: now.Add(time.Minute), Until: now.Add(3 * time.Minute)}, []int64{2, 1}},
		{"page", audit.Query{Before: 4, Limit: 2}, []int64{3, 2}},
	} {
		got, err := h.AuditEntries(h.ctx, tt.q)
		h.ok(err)
		var seqs []int64
		for _, r := range got {
			seqs = append(seqs, r.Seq)
			h.same(r, rows[r.Seq])
		}
		if fmt.Sprint(seqs) != fmt.Sprint(tt.want) {
			h.Errorf("%s: entries %v, want %v", tt.name, seqs, tt.want)
		}
	}
	for since, want := range map[time.Duration]int{0: 2, 2 * time.Minute: 1, time.Hour: 0} {
		if n, err := h.AuditAccounts(h.ctx, agent, now.Add(since)); err != nil || n != want {
			h.Errorf("accounts looked at since %s = %d, %v, want %d", since, n, err, want)
		}
	}
}

func aNotice(id string, ref notice.Reference, at time.Time) notice.Notice {
	return notice.Notice{ID: id, AccountID: hanako, IncidentID: "inc_a", Kind: notice.Contained, To: "hanako@example.com", ToMasked: "h•••@example.com",
		Lang: mimamori.Japanese, Reference: ref, Subject: "お知らせ", Body: "本文\n", CreatedAt: at, State: notice.Queued}
}

func notices(h *harness) {
	n := aNotice("ntc_z", notice.NewReference(), now)
	newer := aNotice("ntc_a", notice.NewReference(), now) // of the same moment
	h.ok(h.AddNotice(h.ctx, n))
	h.ok(h.AddNotice(h.ctx, newer))
	h.is(h.AddNotice(h.ctx, n), mimamori.ErrConflict)
	h.is(h.AddNotice(h.ctx, aNotice("ntc_b", n.Reference, now)), mimamori.ErrConflict)
	mark := func(m notice.Mark) {
		h.Helper()
		h.ok(n.Apply(m))
		h.ok(h.MarkNotice(h.ctx, hanako, "ntc_z", m))
		got, err := h.NoticeByID(h.ctx, hanako, "ntc_z")
		h.ok(err)
		h.same(got, n)
	}
	mark(notice.Mark{Sealed: &notice.Sealed{MessageID: "<a@b>", Digest: "d", Raw: []byte("From: …")}})
	h.is(h.MarkNotice(h.ctx, hanako, "ntc_z", notice.Mark{Sealed: &notice.Sealed{Raw: []byte("other")}}), mimamori.ErrConflict)
	mark(notice.Mark{Trying: now.Add(time.Second)})
	mark(notice.Mark{Tried: &notice.Tried{At: now.Add(2 * time.Second), State: notice.Sent}})
	mark(notice.Mark{Read: now.Add(time.Hour)})
	h.is(h.MarkNotice(h.ctx, hanako, "ntc_none", notice.Mark{Read: now}), mimamori.ErrNotFound)
	h.is(h.MarkNotice(h.ctx, taro, "ntc_z", notice.Mark{Read: now}), mimamori.ErrNotFound)
	got, err := h.NoticeByReference(h.ctx, n.Reference)
	h.ok(err)
	h.same(got, n)
	_, err = h.NoticeByReference(h.ctx, notice.NewReference())
	h.is(err, mimamori.ErrNotFound)
	got, err = h.NoticeByMessageID(h.ctx, "<a@b>")
	h.ok(err)
	h.same(got, n)
	for _, id := range []string{"<c@d>", ""} { // those not yet sealed have none
		_, err = h.NoticeByMessageID(h.ctx, id)
		h.is(err, mimamori.ErrNotFound)
	}
	list, err := h.Notices(h.ctx, hanako)
	h.ok(err)
	h.same(list, []notice.Notice{newer, n})
	_, err = h.NoticeByID(h.ctx, taro, "ntc_z")
	h.is(err, mimamori.ErrNotFound)
}

// noticeForgotten: what is personal goes with the account's key, the record of
// what was sent stays.
func noticeForgotten(h *harness) {
	n := aNotice("ntc_a", notice.NewReference(), now)
	n.Raw = []byte("From: …")
	h.ok(h.AddNotice(h.ctx, n))
	h.ok(h.vault.Forget(h.ctx, hanako))
	got, err := h.NoticeByID(h.ctx, hanako, "ntc_a")
	h.ok(err)
	n.To, n.Subject, n.Body, n.Raw = "", "", "", nil
	h.same(got, n)
}

func recoveries(h *harness) {
	token, hash := recovery.NewToken()
	_ = token
	r := recovery.Record{ID: "rec_a", TokenHash: hash, Account: mimamori.NewAccountID(""), Locale: mimamori.Japanese, CreatedAt: now, ExpiresAt: now.Add(recovery.Life)}
	h.ok(h.AddRecovery(h.ctx, r))
	got, err := h.RecoveryByToken(h.ctx, hash)
	h.ok(err)
	h.same(got, r)
	_, err = h.RecoveryByToken(h.ctx, []byte("none"))
	h.is(err, mimamori.ErrNotFound)
	// It learns whose it is.
	h.ok(h.ChangeRecovery(h.ctx, "rec_a", r.Account, func(r *recovery.Record) error { r.Subject, r.Account = "hanako", hanako; return nil }))
	r.Subject, r.Account = "hanako", hanako
	got, err = h.RecoveryByToken(h.ctx, hash)
	h.ok(err)
	h.same(got, r)
	no := errors.New("no")
	h.is(h.ChangeRecovery(h.ctx, "rec_a", hanako, func(r *recovery.Record) error { r.Stopped = true; return no }), no)
	h.is(h.ChangeRecovery(h.ctx, "rec_a", mimamori.NewAccountID(""), func(*recovery.Record) error { return nil }), mimamori.ErrNotFound)
	open := func(at time.Time, want ...recovery.Record) {
		h.Helper()
		list, err := h.OpenRecoveries(h.ctx, hanako, at)
		h.ok(err)
		h.same(list, want)
	}
	open(now, r)
	open(r.ExpiresAt)
	// Of parallel browsers one owns it.
	n := h.parallel(20, func(i int) (bool, error) {
		err := recovery.Own(h.ctx, h.Store, r, fmt.Sprint("browser", i))
		if errors.Is(err, mimamori.ErrDenied) {
			return false, nil
		}
		return err == nil, err
	})
	if n != 1 {
		h.Errorf("%d of 20 browsers own the recovery, want 1", n)
	}
	h.ok(h.ChangeRecovery(h.ctx, "rec_a", hanako, func(r *recovery.Record) error { r.EndedAt = now; return nil }))
	open(now)
}

func grants(h *harness) {
	grant := func(jti, of string) recovery.Grant {
		return recovery.Grant{JTI: jti, Account: hanako, Recovery: of, Incident: "inc_a", Source: "shop", ExpiresAt: now.Add(recovery.GrantLife)}
	}
	h.ok(h.AddGrant(h.ctx, grant("grt_old", "rec_a"), now))
	h.ok(h.AddGrant(h.ctx, grant("grt_other", "rec_b"), now))
	h.ok(h.AddGrant(h.ctx, grant("grt_new", "rec_a"), now))
	redeem := func(jti, source string, at time.Time) error {
		_, err := h.RedeemGrant(h.ctx, jti, source, at)
		return err
	}
	h.is(redeem("grt_old", "shop", now), mimamori.ErrConflict) // void
	h.is(redeem("grt_new", "another", now), mimamori.ErrConflict)
	h.is(redeem("grt_new", "shop", now.Add(recovery.GrantLife)), mimamori.ErrConflict)
	h.is(redeem("grt_none", "shop", now), mimamori.ErrNotFound)
	n := h.parallel(50, func(int) (bool, error) {
		g, err := h.RedeemGrant(h.ctx, "grt_new", "shop", now)
		if errors.Is(err, mimamori.ErrConflict) {
			return false, nil
		}
		want := grant("grt_new", "rec_a")
		want.RedeemedAt = now
		h.same(g, want)
		return err == nil, err
	})
	if n != 1 {
		h.Errorf("%d of 50 redeemed the grant, want 1", n)
	}
	h.ok(redeem("grt_other", "shop", now))
}

func handoffs(h *harness) {
	handoff := func(token string, at time.Time) access.Handoff {
		return access.Handoff{TokenHash: recovery.HashToken(token), Account: hanako, Subject: "hanako", Session: "s1", Lang: mimamori.English, ExpiresAt: at.Add(access.HandoffLife)}
	}
	want := handoff("a", now)
	h.ok(h.AddHandoff(h.ctx, want))
	h.ok(h.AddHandoff(h.ctx, handoff("b", now)))
	n := h.parallel(50, func(int) (bool, error) {
		got, err := h.UseHandoff(h.ctx, want.TokenHash, now)
		if errors.Is(err, mimamori.ErrNotFound) {
			return false, nil
		}
		h.same(got, want)
		return err == nil, err
	})
	if n != 1 {
		h.Errorf("%d of 50 used the handoff, want 1", n)
	}
	_, err := h.UseHandoff(h.ctx, recovery.HashToken("b"), now.Add(access.HandoffLife))
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.AddHandoff(h.ctx, handoff("c", now.Add(time.Hour)))) // clears b away
	_, err = h.UseHandoff(h.ctx, recovery.HashToken("c"), now.Add(time.Hour))
	h.ok(err)
}

func visits(h *harness) {
	visit := func(hash, shop string) access.Session {
		return access.Session{Hash: []byte(hash), Account: hanako, Subject: "hanako", ShopSession: shop, Lang: mimamori.Japanese, BeganAt: now, LastAt: now}
	}
	a, b := visit("a", "s1"), visit("b", "s2")
	h.ok(h.AddSession(h.ctx, a))
	h.ok(h.AddSession(h.ctx, b))
	h.ok(h.TouchSession(h.ctx, hanako, a.Hash, now.Add(30*time.Second))) // too soon
	h.ok(h.TouchSession(h.ctx, hanako, b.Hash, now.Add(time.Minute)))
	b.LastAt = now.Add(time.Minute)
	h.ok(h.EndSessions(h.ctx, hanako, "s1", now.Add(2*time.Minute)))
	h.ok(h.EndSessions(h.ctx, taro, "", now.Add(2*time.Minute)))
	a.EndedAt = now.Add(2 * time.Minute)
	check := func() {
		h.Helper()
		for _, want := range []access.Session{a, b} {
			got, err := h.SessionByHash(h.ctx, want.Hash)
			h.ok(err)
			h.same(got, want)
		}
	}
	check()
	h.ok(h.EndSessions(h.ctx, hanako, "", now.Add(3*time.Minute)))
	b.EndedAt = now.Add(3 * time.Minute) // a had ended before
	check()
	_, err := h.SessionByHash(h.ctx, []byte("none"))
	h.is(err, mimamori.ErrNotFound)
}

func challenges(h *harness) {
	c := access.Challenge{ID: "chl_a", Account: hanako, Subject: "hanako", Session: "s1", State: access.Open, CreatedAt: now, ExpiresAt: now.Add(access.ChallengeLife)}
	h.write(func(tx store.Tx) error { return tx.PutChallenge(c) })
	n := h.parallel(20, func(int) (bool, error) {
		first := false
		err := h.ChangeChallenge(h.ctx, hanako, "chl_a", func(c *access.Challenge) error {
			first = c.CountedAt.IsZero()
			c.State, c.CountedAt = access.Passed, now
			return nil
		})
		return first, err
	})
	if n != 1 {
		h.Errorf("%d of 20 counted the pass, want 1", n)
	}
	c.State, c.CountedAt = access.Passed, now
	got, err := h.ChallengeByID(h.ctx, "chl_a")
	h.ok(err)
	h.same(got, c)
	_, err = h.ChallengeByID(h.ctx, "chl_none")
	h.is(err, mimamori.ErrNotFound)
	h.is(h.ChangeChallenge(h.ctx, taro, "chl_a", func(*access.Challenge) error { return nil }), mimamori.ErrNotFound)
}

func knownBrowsers(h *harness) {
	b := access.Browser{Account: hanako, Hash: []byte("h1"), Session: "s1", Since: now, LastAt: now}
	_, err := h.BrowserOf(h.ctx, hanako, b.Hash)
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.KnowBrowser(h.ctx, b))
	again := b
	again.Since, again.LastAt, again.Session = now.Add(time.Hour), now.Add(time.Hour), "s2"
	h.ok(h.KnowBrowser(h.ctx, again))
	got, err := h.BrowserOf(h.ctx, hanako, b.Hash)
	h.ok(err)
	b.LastAt = again.LastAt
	h.same(got, b)
	_, err = h.BrowserOf(h.ctx, taro, b.Hash)
	h.is(err, mimamori.ErrNotFound)
	late := access.Browser{Account: hanako, Hash: []byte("h2"), Since: now.Add(2 * time.Hour), LastAt: now.Add(2 * time.Hour)}
	h.ok(h.KnowBrowser(h.ctx, late))
	h.ok(h.ForgetBrowsers(h.ctx, hanako, now.Add(time.Minute)))
	_, err = h.BrowserOf(h.ctx, hanako, late.Hash)
	h.is(err, mimamori.ErrNotFound)
	_, err = h.BrowserOf(h.ctx, hanako, b.Hash)
	h.ok(err)
}
