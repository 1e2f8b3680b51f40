package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mimamori"
)

// check holds what stands there against what was acknowledged, and what is kept
// in memory against both.
func (p *probe) check() {
	p.Helper()
	if err := p.s.Failed(); err != nil {
		p.Fatal(err)
	}
	if err := checkNames(p.ctx, p.s.read); err != nil {
		p.Error(err)
	}
	for n, of := range p.accounts {
		if of.wild {
			continue
		}
		want := map[string]bool{}
		for _, a := range p.askers {
			for at := range a.there {
				if at.account == n && a.has(at) {
					want[at.id] = true
				}
			}
		}
		events, err := p.s.Events(p.ctx, of.id)
		if err != nil {
			p.Fatal(err)
		}
		got := map[string]bool{}
		for _, e := range events {
			got[e.ID] = true
		}
		if !maps.Equal(got, want) || len(events) != len(want) {
			p.Errorf("%s has %d events, %d by name, want %d", of.subject, len(events), len(got), len(want))
		}
		a, err := p.s.ReadAccount(p.ctx, of.subject)
		if err != nil {
			p.Fatal(err)
		}
		if a.Profile.Logins != of.counted {
			p.Errorf("%s counts %d sign-ins, want %d", of.subject, a.Profile.Logins, of.counted)
		}
	}
	p.checkKept()
	if p.Failed() {
		p.FailNow()
	}
}

// checkKept compares the rows in memory with the tables, while the writer waits.
func (p *probe) checkKept() {
	p.Helper()
	err := p.s.pause(p.ctx, func(*tx) error {
		if p.s.spoilt {
			return nil // nobody will use them
		}
		kept := maps.Clone(p.s.known.old)
		if kept == nil {
			kept = map[mimamori.AccountID]placed{}
		}
		maps.Copy(kept, p.s.known.young)
		for id, k := range kept {
			if err := p.s.sameAsKept(id, k); err != nil {
				p.Error(err)
			}
		}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
}

func (s *SQLite) sameAsKept(id mimamori.AccountID, k placed) error {
	var text, profile string
	var ver, indexed int64
	if err := s.row(`SELECT ver, profile, recent, indexed FROM account WHERE account_id = ?`, id[:]).Scan(&ver, &profile, &text, &indexed); err != nil {
		return fmt.Errorf("the kept row of %s: %w", id, err)
	}
	recent, err := readRecent(text)
	if err != nil {
		return err
	}
	if ver != k.ver || ver != k.row.ver || profile != string(k.row.profile) || !slices.Equal(recent, k.recent) || (indexed != 0) != k.indexed {
		return fmt.Errorf("of %s version %d is kept, with %v (more: %v); %d stands there, with %v (more: %v)", id, k.ver, k.recent, k.indexed, ver, recent, indexed)
	}
	if !k.counted {
		return nil
	}
	var digests []uint16
	rows, err := s.rows(`SELECT digest FROM event_index WHERE account_id = ? ORDER BY digest`, id[:])
	if digests, err = list(rows, err, func(r scanner) (d uint16, err error) { err = r.Scan(&d); return d, err }); err != nil {
		return err
	}
	if kept := slices.Sorted(slices.Values(k.digests)); !slices.Equal(kept, digests) {
		return fmt.Errorf("of %s the digests %v are kept, and %v stand there", id, kept, digests)
	}
	return nil
}

// room is how large the file may become.
func (p *probe) room(pages string) {
	p.Helper()
	err := p.s.pause(p.ctx, func(*tx) error {
		var n int64
		return p.s.row("PRAGMA max_page_count(" + pages + ")").Scan(&n)
	})
	if err != nil {
		p.Fatal(err)
	}
}

// reopen goes on with the file; killed, with what a process that was killed
// would have left.
func (p *probe) reopen(killed bool) {
	p.Helper()
	if killed {
		to := p.path + "k"
		for _, more := range []string{"", "-wal", ".acked"} {
			raw, err := os.ReadFile(p.path + more)
			if err == nil {
				err = os.WriteFile(to+more, raw, 0o600)
			}
			if err != nil {
				p.Fatal(err)
			}
		}
		defer func(was string) {
			for _, more := range []string{"", "-wal", "-shm", ".acked", ".lock"} {
				_ = os.Remove(was + more)
			}
		}(p.path)
		p.path = to
	}
	if err := p.s.Close(); err != nil {
		p.Fatal(err)
	}
	p.open()
	p.check()
}

// TestNamesAmongAllSorts is rounds of all that.
func TestNamesAmongAllSorts(t *testing.T) {
	seed, rounds := uint64(20261123), 3
	if os.Getenv("MIMAMORI_LONG") != "" {
		seed, rounds = rand.Uint64(), 120
	}
	t.Logf("seed %d", seed)
	p := newProbe(t, seed, 9, 12)
	for n := range rounds {
		p.round(40)
		p.room("1")
		p.full = true
		p.round(12)
		p.room("1073741823")
		p.full = false
		p.round(20)
		p.reopen(n%2 == 0)
	}
}
