package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"mimamori/shop"
)

// standIn is a shop in perfect health that does at once what it is told, and
// remembers when each account was told what.
type standIn struct {
	url    string
	server *http.Server

	mu   sync.Mutex
	told map[string]map[shop.CommandType]time.Time
	// done is closed for an account when all of containment's acts were done.
	done map[string]chan struct{}
}

// stops are the acts by which an intruder is out and his orders stand still.
var stops = []shop.CommandType{shop.TypeSessionsRevoke, shop.TypePasswordInvalidate, shop.TypeOrderCancel}

func openStandIn() (*standIn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a shop to be commanded: %w", err)
	}
	s := &standIn{url: "http://" + l.Addr().String() + "/mimamori", told: map[string]map[shop.CommandType]time.Time{}, done: map[string]chan struct{}{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *standIn) close() { _ = s.server.Close() }

// expect makes ready to hear about an account.
func (s *standIn) expect(subject string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[subject] = make(chan struct{})
	return s.done[subject]
}

// when is when the last of the stops was done.
func (s *standIn) when(subject string) (last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range stops {
		if at := s.told[subject][t]; at.After(last) {
			last = at
		}
	}
	return last
}

// ServeHTTP is the shop's one address.
func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if _, subject, found := strings.Cut(r.URL.Path, "/accounts/"); found {
		_ = json.NewEncoder(w).Encode(s.account(subject))
		return
	}
	var c shop.Command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, "no command", http.StatusBadRequest)
		return
	}
	s.note(c)
	_, _ = w.Write([]byte(`{"result":"done"}`))
}

func (s *standIn) note(c shop.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[c.Subject] == nil {
		s.told[c.Subject] = map[shop.CommandType]time.Time{}
	}
	if _, before := s.told[c.Subject][c.Type]; before {
		return // the first of each stops him
	}
	s.told[c.Subject][c.Type] = time.Now()
	for _, t := range stops {
		if s.told[c.Subject][t].IsZero() {
			return
		}
	}
	if done := s.done[c.Subject]; done != nil {
		close(done)
		delete(s.done, c.Subject)
	}
}

func (s *standIn) account(subject string) shop.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := shop.Account{Subject: subject, Password: shop.PasswordSet}
	if !s.told[subject][shop.TypePasswordInvalidate].IsZero() {
		a.Password = shop.PasswordInvalid
	}
	state := shop.OrderPlaced
	if !s.told[subject][shop.TypeOrderCancel].IsZero() {
		state = shop.OrderCancelled
	}
	a.Orders = []shop.OrderState{{Order: "order-of-" + subject, State: state}}
	a.Points.Frozen = !s.told[subject][shop.TypePointsFreeze].IsZero()
	return a
}

// await waits until an account is contained at the shop.
func await(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
