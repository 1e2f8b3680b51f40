package retention_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/retention"
)

// shared is what two processes have in common; a method that is not here is
// not to be called.
type shared struct {
	retention.Store
	mu     sync.Mutex // guards all below
	turn   bool
	pass   retention.Pass
	passes []string // from where each began
}

// RetentionTurn is as the test says.
func (s *shared) RetentionTurn(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn, nil
}

// RetentionPass is what the other process noted.
func (s *shared) RetentionPass(context.Context) (retention.Pass, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pass, nil
}

// PutRetentionPass notes.
func (s *shared) PutRetentionPass(_ context.Context, p retention.Pass) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass = p
	return nil
}

// AccountsAfter has none, and remembers that it was asked.
func (s *shared) AccountsAfter(_ context.Context, after mimamori.AccountID, _ int) ([]mimamori.AccountID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passes = append(s.passes, after.String())
	return nil, nil
}

// CountAccounts is asked once a pass.
func (s *shared) CountAccounts(context.Context) (int, error) { return 0, nil }

// HeldAccounts are none.
func (s *shared) HeldAccounts(context.Context) (map[mimamori.AccountID]bool, error) { return nil, nil }

// ForgetWaiting has nobody to forget.
func (s *shared) ForgetWaiting(context.Context, time.Time) (int, error) { return 0, nil }

// Deletions are none.
func (s *shared) Deletions(context.Context) ([]retention.Deletion, error) { return nil, nil }

// Sweep finds nothing.
func (s *shared) Sweep(context.Context, retention.Cutoffs, int) (int, time.Duration, error) {
	return 0, 0, nil
}

// Incidents are none.
func (s *shared) Incidents(context.Context, mimamori.AccountID) ([]incident.Incident, error) {
	return nil, nil
}

func (s *shared) is(turn bool, p retention.Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn, s.pass, s.passes = turn, p, nil
}

func (s *shared) began() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passes
}

// TestOneOfSeveralForgets: a process whose turn it is not leaves the accounts
// alone, and shows how far the other is; when the other is gone it goes on where
// that was. Somebody's order is carried out by whom it was given to.
func TestOneOfSeveralForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shared{}
		half := mimamori.AccountID{0x80}
		s.is(false, retention.Pass{After: half.String(), Accounts: 7})
		j := retention.NewJob(s, retention.Policy{}, hash, slog.New(slog.DiscardHandler))
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer j.Stop()
		time.Sleep(3 * time.Hour)
		if got := s.began(); len(got) != 0 {
			t.Errorf("it began %d passes beside the other", len(got))
		}
		if p := j.Pass(); p.Accounts != 7 {
			t.Errorf("it shows %+v, and not how far the other is", p)
		}
		s.is(true, retention.Pass{After: half.String(), Accounts: 7})
		time.Sleep(time.Hour)
		if got := s.began(); len(got) != 1 || got[0] != half.String() {
			t.Errorf("the other is gone: passes from %v, want one from %s", got, half)
		}
		s.is(false, retention.Pass{Next: time.Now().Add(48 * time.Hour)})
		j.Wake()
		time.Sleep(time.Minute)
		if got := s.began(); len(got) != 1 {
			t.Errorf("an order began %d passes, want 1", len(got))
		}
		// What the other has just done is not done again.
		time.Sleep(40 * 24 * time.Hour)
		next := time.Now().Add(48 * time.Hour)
		s.is(true, retention.Pass{EndedAt: time.Now(), Next: next})
		time.Sleep(47 * time.Hour)
		if got := s.began(); len(got) != 0 {
			t.Errorf("the other had just gone through: %d passes more", len(got))
		}
		time.Sleep(2 * time.Hour)
		if got := s.began(); len(got) != 1 {
			t.Errorf("when it was due: %d passes, want 1", len(got))
		}
	})
}
