package store

import (
	"path/filepath"
	"slices"
	"testing"
)

// Whoever adds a table with a customer's rows has to say what becomes of them
// when her account is deleted.
func TestEveryTableOfAnAccountIsForgotten(t *testing.T) {
	s, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := s.read.Query(`SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'account_id' ORDER BY m.name`)
	tables, err := list(rows, err, func(r scanner) (name string, err error) { return name, r.Scan(&name) })
	if err != nil || len(tables) < 20 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, name := range tables {
		if name == "event" || name == "event_index" {
			continue
		}
		_, stays := remaining[name]
		if goes := slices.Contains(forgotten, name); goes == stays {
			t.Errorf("table %s: add it to forgotten, or to remaining with a reason", name)
		}
	}
	for name := range remaining {
		if !slices.Contains(tables, name) {
			t.Errorf("there is no table %s with an account_id", name)
		}
	}
	for _, name := range forgotten {
		if !slices.Contains(tables, name) {
			t.Errorf("there is no table %s with an account_id", name)
		}
	}
}
