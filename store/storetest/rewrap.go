package storetest

import (
	"mimamori"
	"mimamori/keys"
)

// rewrapping turns the wrapping of keys: what is as it was, once, in the order
// of accounts, and never a destroyed one.
func rewrapping(h *harness) {
	k := keys.Row{ID: "k1", Use: keys.AuditHead, Wrapped: []byte{1}, CreatedAt: now, NotBefore: now}
	h.ok(h.AddKey(h.ctx, k))
	h.ok(h.RewrapKey(h.ctx, "k1", []byte{1}, []byte{2}))
	h.is(h.RewrapKey(h.ctx, "k1", []byte{1}, []byte{3}), mimamori.ErrConflict)
	all, err := h.Keys(h.ctx)
	h.ok(err)
	h.same(all[0].Wrapped, []byte{2})

	third := mimamori.NewAccountID("jiro")
	for _, a := range []mimamori.AccountID{hanako, taro, third} {
		h.ok(h.AddAccountKey(h.ctx, a, []byte("old "+a.String()), now))
	}
	h.ok(h.DestroyAccountKey(h.ctx, third))
	var old, fresh []keys.AccountRow
	for after := (mimamori.AccountID{}); ; {
		page, err := h.AccountKeys(h.ctx, after, 1)
		h.ok(err)
		if len(page) == 0 || len(old) > 3 {
			break
		}
		after = page[0].Account
		old, fresh = append(old, page[0]), append(fresh, keys.AccountRow{Account: after, Wrapped: []byte("new " + after.String())})
	}
	if len(old) != 2 || old[0].Account.String() > old[1].Account.String() {
		h.Errorf("account keys are %v, want hanako's and taro's in order", old)
	}
	h.ok(h.RewrapAccountKeys(h.ctx, old, fresh))
	h.ok(h.RewrapAccountKeys(h.ctx, old, old)) // they are no longer as they were
	h.ok(h.Purge(h.ctx))
	for _, a := range []mimamori.AccountID{hanako, taro} {
		got, err := h.AccountKey(h.ctx, a)
		h.ok(err)
		h.same(got, []byte("new "+a.String()))
	}
	_, err = h.AccountKey(h.ctx, third)
	h.is(err, mimamori.ErrNotFound)
}
