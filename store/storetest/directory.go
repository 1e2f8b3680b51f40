package storetest

import (
	"mimamori"
	"mimamori/support"
)

// directory keeps every edition, each number once.
func directory(h *harness) {
	one := support.Edition{Number: 1, At: now, By: "stf_1", Directory: support.Directory{Numbers: []support.Number{{Country: "JP", Number: "0120-000-000", Languages: []string{"ja"}}}}}
	two := one
	two.Number, two.Second = 2, "stf_2"
	h.ok(h.AddEdition(h.ctx, one))
	h.ok(h.AddEdition(h.ctx, two))
	h.is(h.AddEdition(h.ctx, two), mimamori.ErrConflict)
	h.reopen()
	list, err := h.Editions(h.ctx, 10)
	h.ok(err)
	h.same(list, []support.Edition{two, one})
	list, err = h.Editions(h.ctx, 1)
	h.ok(err)
	h.same(list, []support.Edition{two})
}
