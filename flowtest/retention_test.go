package flowtest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/shop/shoptest"
)

// inFiles says in which of our own files any of the words stands, as it is or
// in JSON's escapes.
func (h *Harness) inFiles(words ...string) (found []string) {
	h.T.Helper()
	err := filepath.WalkDir(filepath.Join(h.folder, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, w := range words {
			if n := bytes.Count(text, []byte(w)); n > 0 {
				found = append(found, fmt.Sprintf("%q stands %d times in %s", w, n, filepath.Base(path)))
			}
		}
		return nil
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return found
}

// elsewhere is an address and a browser of one person alone.
func elsewhere(n int) shoptest.Connection {
	return shoptest.Connection{IP: fmt.Sprintf("106.72.%d.%d", 50+n/200, 1+n%200), AcceptLanguage: "ja",
		UserAgent: fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.%d.77 Safari/537.36", 7000+n)}
}

// TestF03_AddressesBecomeHashesAfterThirteenMonths: on the day, and not before;
// what is under a legal hold stays; after it is lifted it goes, too.
func TestF03_AddressesBecomeHashesAfterThirteenMonths(t *testing.T) {
	Run(t, func(h *Harness) {
		people := 40
		if os.Getenv("MIMAMORI_LONG") != "" {
			people = 2000
		}
		var words []string
		for n := range people {
			name, from := fmt.Sprintf("customer-%03d", n), elsewhere(n)
			h.Shop.Customer(name)
			s := h.SignIn(name, from)
			if err := s.See(from); err != nil {
				t.Fatal(err)
			}
			h.Settle()
			if n > 0 {
				words = append(words, from.IP, fmt.Sprintf("141.0.%d.77", 7000+n))
			}
		}
		held := mimamori.NewAccountID("customer-000")
		if err := h.App.Store.PlaceLegalHold(context.Background(), held, "stf_x", time.Now()); err != nil {
			t.Fatal(err)
		}
		h.FastForward(390 * 24 * time.Hour)
		if n := len(h.inFiles(words...)); n < people {
			t.Fatalf("after 390 days %d of %d words are found: too early", n, len(words))
		}
		h.FastForward(10 * 24 * time.Hour)
		if found := h.inFiles(words...); len(found) > 0 {
			t.Errorf("after 400 days: %s", strings.Join(found, "\n"))
		}
		if pass := h.App.Retention.Pass(); pass.EndedAt.IsZero() || pass.Waiting != 1 || !pass.Next.After(time.Now()) {
			t.Errorf("pass %+v", pass)
		}
		if found := h.inFiles(elsewhere(0).IP); len(found) == 0 {
			t.Error("the account under a legal hold was not kept as it is")
		}
		events, err := h.App.Store.Events(context.Background(), mimamori.NewAccountID("customer-007"))
		if err != nil || len(events) < 2 {
			t.Fatalf("events that were faded: %d, %v: they are still read", len(events), err)
		}
		if err := h.App.Store.LiftLegalHold(context.Background(), held); err != nil {
			t.Fatal(err)
		}
		h.App.Retention.Wake()
		h.Settle()
		time.Sleep(time.Second)
		h.Settle()
		if found := h.inFiles(elsewhere(0).IP, "141.0.7000.77"); len(found) > 0 {
			t.Errorf("after the hold was lifted: %s", strings.Join(found, "\n"))
		}
	})
}
