package storetest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"mimamori"
	"mimamori/staff"
)

// staffWays: passkeys, sign-ins under way, identities.
func staffWays(h *harness) {
	p := staff.Person{ID: "stf_ext", Login: "company:sato#1", Issuer: "https://id.example", Subject: "42", Roles: []staff.Role{staff.Agent}, CreatedAt: now}
	h.ok(h.AddPerson(h.ctx, p, false))
	twin := p
	twin.ID, twin.Login = "stf_twin", "company:sato#2"
	h.is(h.AddPerson(h.ctx, twin, false), mimamori.ErrConflict)
	for i := range 2 { // people without a provider do not collide
		h.ok(h.AddPerson(h.ctx, staff.Person{ID: fmt.Sprint("stf_local", i), Login: fmt.Sprint("local", i), CreatedAt: now}, false))
	}
	got, err := h.PersonByIdentity(h.ctx, "https://id.example", "42")
	h.ok(err)
	h.same(got, p)
	for _, none := range [][2]string{{"", ""}, {"https://id.example", "43"}, {"https://other.example", "42"}} {
		_, err = h.PersonByIdentity(h.ctx, none[0], none[1])
		h.is(err, mimamori.ErrNotFound)
	}

	key := func(id string, at time.Time) staff.Passkey {
		return staff.Passkey{ID: id, Person: "stf_ext", Name: "鍵 " + id, Credential: []byte("cred " + id), Data: []byte{1, 2}, Counter: 3, MadeAt: at}
	}
	a, b := key("spk_a", now), key("spk_b", now.Add(time.Second))
	h.ok(h.AddPasskey(h.ctx, b))
	h.ok(h.AddPasskey(h.ctx, a))
	same := key("spk_c", now)
	same.Credential = a.Credential
	h.is(h.AddPasskey(h.ctx, same), mimamori.ErrConflict)
	if n := h.parallel(20, func(int) (bool, error) { return h.AdvancePasskey(h.ctx, "spk_a", 3, 4, now.Add(time.Minute)) }); n != 1 {
		h.Errorf("%d of 20 uses of one count, want 1", n)
	}
	a.Counter, a.UsedAt = 4, now.Add(time.Minute)
	list, err := h.Passkeys(h.ctx, "stf_ext")
	h.ok(err)
	h.same(list, []staff.Passkey{a, b})
	if n := h.parallel(10, func(i int) (bool, error) {
		return h.RemovePasskey(h.ctx, "stf_ext", []string{"spk_a", "spk_b"}[i%2], 1)
	}); n != 1 {
		h.Errorf("%d of two passkeys were removed where one has to stay, want 1", n)
	}
	h.ok(h.RemovePasskeys(h.ctx, "stf_ext"))
	list, err = h.Passkeys(h.ctx, "stf_ext")
	h.ok(err)
	h.same(list, []staff.Passkey(nil))

	ref := sha256.Sum256([]byte("ref"))
	h.ok(h.PutStaffCeremony(h.ctx, ref, []byte("old"), now, now.Add(time.Minute)))
	h.ok(h.PutStaffCeremony(h.ctx, ref, []byte("new"), now, now.Add(time.Minute)))
	if n := h.parallel(20, func(int) (bool, error) {
		doc, err := h.TakeStaffCeremony(h.ctx, ref, now)
		return err == nil && string(doc) == "new", nil
	}); n != 1 {
		h.Errorf("%d of 20 took one ceremony, want 1", n)
	}
	h.ok(h.PutStaffCeremony(h.ctx, ref, []byte("late"), now, now.Add(time.Minute)))
	_, err = h.TakeStaffCeremony(h.ctx, ref, now.Add(time.Minute))
	h.is(err, mimamori.ErrNotFound)
}

// invitations: the newest of a person counts, each once.
func invitations(h *harness) {
	make := func(token, person string, at time.Time) staff.Invite {
		return staff.Invite{Hash: sha256.Sum256([]byte(token)), Person: person, Code: []byte(token), MadeAt: at, MadeBy: "stf_a", ExpiresAt: at.Add(time.Hour)}
	}
	old, i, other := make("old", "stf_b", now), make("i", "stf_b", now), make("other", "stf_c", now.Add(time.Second))
	for _, x := range []staff.Invite{old, i, other} {
		h.ok(h.PutInvite(h.ctx, x))
	}
	_, err := h.Invite(h.ctx, old.Hash)
	h.is(err, mimamori.ErrNotFound)
	if n := h.parallel(10, func(int) (bool, error) { return h.TryInvite(h.ctx, i.Hash, 3) }); n != 3 {
		h.Errorf("%d tries of at most 3 were counted", n)
	}
	i.Tries = 3
	got, err := h.Invite(h.ctx, i.Hash)
	h.ok(err)
	h.same(got, i)
	list, err := h.Invites(h.ctx, now)
	h.ok(err)
	h.same(list, []staff.Invite{i, other})
	if ok, err := h.UseInvite(h.ctx, i.Hash, i.ExpiresAt); err != nil || ok {
		h.Errorf("an expired invitation was used: %v", err)
	}
	if n := h.parallel(20, func(int) (bool, error) { return h.UseInvite(h.ctx, i.Hash, now) }); n != 1 {
		h.Errorf("%d of 20 used one invitation, want 1", n)
	}
	h.ok(h.DropInvites(h.ctx, "stf_c"))
	list, err = h.Invites(h.ctx, now)
	h.ok(err)
	h.same(list, []staff.Invite(nil))
}

// keyRotation: a key is replaced once, and ends no later than said.
func keyRotation(h *harness) {
	k := staff.APIKey{ID: "key_a", Name: "shop", Scopes: []staff.Scope{staff.ScopeEvents}, CreatedAt: now, WordsAnHour: 7}
	h.ok(h.AddAPIKey(h.ctx, k))
	n := h.parallel(20, func(i int) (bool, error) {
		next := k
		next.ID = fmt.Sprint("key_", i)
		return h.RotateAPIKey(h.ctx, "key_a", now.Add(time.Hour), next)
	})
	if n != 1 {
		h.Errorf("%d of 20 replaced one key, want 1", n)
	}
	got, err := h.APIKey(h.ctx, "key_a")
	h.ok(err)
	if !got.ExpiresAt.Equal(now.Add(time.Hour)) || got.ReplacedBy == "" || got.WordsAnHour != 7 {
		h.Errorf("the replaced key = %+v", got)
	}
	h.ok(h.RevokeAPIKey(h.ctx, got.ReplacedBy, now))
	if ok, err := h.RotateAPIKey(h.ctx, got.ReplacedBy, now, staff.APIKey{ID: "key_late"}); err != nil || ok {
		h.Errorf("a revoked key was replaced: %v", err)
	}
	_, err = h.APIKey(h.ctx, "key_late")
	h.is(err, mimamori.ErrNotFound)
}
