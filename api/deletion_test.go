package api_test

import (
	"testing"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

// TestD10_AStolenKeyDeletesFew: deleting has its own scope and its own cap, and
// each order stands in the record before anything is done.
func TestD10_AStolenKeyDeletesFew(t *testing.T) {
	w := newWorld(t)
	all := w.key("", staff.ScopeEvents, staff.ScopeDecisions, staff.ScopeHandoff, staff.ScopeRead, staff.ScopeStaff, staff.ScopeSignals)
	w.want(403, call{method: "DELETE", path: "/v1/accounts/hanako", key: all})
	key, done := w.keys[staff.ScopeErase], 0
	for range 250 {
		if w.do(call{method: "DELETE", path: "/v1/accounts/hanako", key: key}).Code == 200 {
			done++
		}
	}
	if done != 200 {
		t.Errorf("%d of 250 in an hour, want 200", done)
	}
	w.want(429, call{method: "DELETE", path: "/v1/accounts/taro", key: key})
	list, err := w.audit.Entries(t.Context(), audit.Query{Acts: []audit.Act{audit.AccountForget}, Limit: 1000})
	if err != nil || len(list) != 200 || list[0].Account != mimamori.NewAccountID("hanako").String() {
		t.Errorf("%d orders on the record, %v; want 200", len(list), err)
	}
}
