package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"mimamori"
)

// TestBrokenReadIsUnavailable: a read whose every connection breaks is asked
// again over others, and then unavailable: no defect, and no word of the driver's.
func TestBrokenReadIsUnavailable(t *testing.T) {
	asked := 0
	db := sql.OpenDB(breaking{&asked})
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT 1").Scan(&n); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Errorf("a read over broken connections: %v", err)
	}
	if asked < 2 {
		t.Errorf("it was asked %d times", asked)
	}
}

// breaking makes connections that break at the first question.
type breaking struct{ asked *int }

func (b breaking) Connect(context.Context) (driver.Conn, error) { return breaks{asked: b.asked}, nil }
func (b breaking) Driver() driver.Driver                        { return nil }

type breaks struct {
	driver.Conn
	asked *int
}

func (b breaks) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	*b.asked++
	return nil, errBroken
}
func (b breaks) Close() error { return nil }
