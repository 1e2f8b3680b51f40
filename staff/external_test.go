package staff_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

// TestExternalPeople: who somebody is follows from issuer and subject alone,
// what he may do from his groups, and beside the provider there is one door.
func TestExternalPeople(t *testing.T) {
	w := withPasskeys(t, false)
	var alarms atomic.Int32
	local := w.add("local", nil, staff.Agent)
	w.desk.InCharge(func(_ context.Context, _ mimamori.Actor) { alarms.Add(1) })
	id := staff.Identity{Issuer: "https://id.example", Subject: "42", Login: "root", Name: "Sato", Roles: []staff.Role{staff.Agent}}
	_, s, err := w.desk.SignInExternal(t.Context(), id, office)
	if err != nil || s.Person == w.admin.Person.ID || s.Way != staff.ByProvider || s.Strong {
		t.Fatalf("somebody called like the local administrator: %+v, %v", s, err)
	}
	_, same, err := w.desk.SignInExternal(t.Context(), id, office)
	if err != nil || same.Person != s.Person {
		t.Errorf("the same subject is another person: %v", err)
	}
	other := id
	other.Subject = "43"
	_, o, err := w.desk.SignInExternal(t.Context(), other, office)
	if err != nil || o.Person == s.Person {
		t.Errorf("another subject with the same name is the same person: %v", err)
	}
	nobody := staff.Identity{Issuer: id.Issuer, Subject: "44", Login: "x"}
	if _, _, err := w.desk.SignInExternal(t.Context(), nobody, office); !errors.Is(err, staff.ErrNoRole) {
		t.Errorf("no group with a role: %v", err)
	}
	if err := w.desk.SetRoles(t.Context(), w.guard, w.admin.Person.Actor(), s.Person, []staff.Role{staff.Admin}, "x"); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("roles set here: %v, want conflict", err)
	}
	_, _, err = w.desk.ReauthExternal(t.Context(), s, other)
	denied(t, "somebody else's word", err)
	id.Strong = true
	if _, next, err := w.desk.ReauthExternal(t.Context(), s, id); err != nil || !next.Strong {
		t.Errorf("his own: %v", err)
	}
	id.Roles = nil // taken out of the group
	if _, _, err := w.desk.SignInExternal(t.Context(), id, office); !errors.Is(err, staff.ErrNoRole) {
		t.Errorf("after he left the group: %v", err)
	}
	if s, err := w.store.StaffSession(t.Context(), same.Hash); err != nil || s.EndedAt.IsZero() {
		t.Errorf("his session goes on: %v", err)
	}
	if err := w.desk.Disable(t.Context(), w.guard, w.admin.Person.Actor(), o.Person, "left"); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.desk.SignInExternal(t.Context(), other, office)
	denied(t, "a disabled person", err)

	_, _, err = w.signIn(local, office)
	denied(t, "a local agent while the provider is in charge", err)
	if alarms.Load() != 0 {
		t.Errorf("%d alarms before any emergency", alarms.Load())
	}
	if _, _, err := w.signIn(w.admin, office); err != nil || alarms.Load() != 1 {
		t.Errorf("the administrator in need: %v, %d alarms", err, alarms.Load())
	}
	if row := w.audit.Rows; !containsAct(row, audit.AlarmBreakGlass) {
		t.Error("the emergency sign-in is not in the record")
	}
}
