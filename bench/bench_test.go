package bench

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"mimamori"
)

// TestMain lets this test program be the server under measurement, as the
// product's own program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "bench-child" {
		if err := Serve(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestEachKindIsMeasured runs every kind for a moment: what comes out is
// whole, and nothing the shop sent was refused.
func TestEachKindIsMeasured(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			o := Options{Kind: kind, Accounts: 300, Duration: 300 * time.Millisecond, Connections: 4, Batch: 20, History: 30, Zipf: kind == Decisions}
			r, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Errors != 0 || r.Operations == 0 || r.Rate <= 0 || r.CPU <= 0 || r.P50 <= 0 && kind != Contain || r.P50 > r.P99 || r.P99 > r.Max || r.RSS <= 0 || r.DataBytes <= 0 {
				t.Errorf("result = %+v", r)
			}
			if floor := kind == Decisions || kind == Events; floor != (r.FloorRatio > 0) {
				t.Errorf("floor = %v, result %+v", floor, r)
			}
		})
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{Kind: "speed"}, {Kind: Decisions, Accounts: -1}, {Kind: Events, Batch: 1001}, {Kind: Contain, Accounts: 3}} {
		o.Duration = time.Second
		if _, err := Run(t.Context(), o); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%+v: %v, want invalid", o, err)
		}
	}
}
