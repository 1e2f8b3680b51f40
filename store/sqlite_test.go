package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/playbook"
	"mimamori/store"
)

var (
	_ intake.Store   = (*store.SQLite)(nil)
	_ playbook.Store = (*store.SQLite)(nil)
)

func open(t *testing.T) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestChangeIncidentCarriesTheStanding(t *testing.T) {
	s, ctx := open(t), t.Context()
	id := mimamori.NewAccountID("hanako")
	now := time.Now()
	i := &incident.Incident{ID: mimamori.NewIncidentID(), Account: id, Subject: "hanako", State: incident.Suspected, OpenedAt: now}
	other := &incident.Incident{ID: mimamori.NewIncidentID(), Account: id, Subject: "hanako", State: incident.Suspected, OpenedAt: now}
	err := s.Update(ctx, store.Normal, func(tx *store.Tx) error {
		a, err := tx.Account(id, "hanako")
		if err != nil {
			return err
		}
		a.Standing = a.Standing.Of(i)
		return errors.Join(tx.PutAccount(a), tx.PutIncident(i), tx.PutIncident(other))
	})
	if err != nil {
		t.Fatal(err)
	}
	move := func(x *incident.Incident) error { return x.Move(incident.Held, now) }
	if err := s.ChangeIncident(ctx, id, "hanako", i.ID, move); err != nil {
		t.Fatal(err)
	}
	a, err := s.ReadAccount(ctx, "hanako")
	if err != nil || a.Standing.State != incident.Held {
		t.Errorf("standing = %v, %v; want held", a.Standing.State, err)
	}
	if err := s.ChangeIncident(ctx, id, "hanako", other.ID, func(x *incident.Incident) error { return x.Move(incident.Dismissed, now) }); err != nil {
		t.Fatal(err)
	}
	if a, _ = s.ReadAccount(ctx, "hanako"); a.Standing.Incident != i.ID {
		t.Errorf("another incident moved the standing: %v", a.Standing)
	}
	no := errors.New("no")
	err = s.ChangeIncident(ctx, id, "hanako", i.ID, func(x *incident.Incident) error { x.State = incident.Closed; return no })
	if got, _ := s.IncidentByID(ctx, i.ID); !errors.Is(err, no) || got.State != incident.Held {
		t.Errorf("a refused change = %v, state %v; want held and the error", err, got.State)
	}
	if err := s.ChangeIncident(ctx, id, "hanako", "inc_none", move); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("unknown incident: %v, want not found", err)
	}
	for range 2 {
		if err := s.NoteEntry(ctx, id, incident.Entry{Incident: i.ID, Key: "k", At: now}); err != nil {
			t.Fatal(err)
		}
	}
	if es, err := s.Entries(ctx, id, i.ID); err != nil || len(es) != 1 {
		t.Errorf("entries = %v, %v; want one", es, err)
	}
}
