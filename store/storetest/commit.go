package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"mimamori"
	"mimamori/store"
)

// ownErrors: many writes share a commit, but an error undoes only the writes
// of the one that gave it.
func ownErrors(h *harness) {
	no := errors.New("no")
	h.parallel(200, func(i int) (bool, error) {
		class := store.Class(i % 3)
		err := h.Update(h.ctx, class, func(tx store.Tx) error {
			if err := tx.PutEvent(h.login("hanako", fmt.Sprint("e", i), now), "", now); err != nil {
				return err
			}
			if i%2 == 1 {
				return fmt.Errorf("write %d: %w", i, no)
			}
			return nil
		})
		if want := i%2 == 1; errors.Is(err, no) != want || (err != nil) != want {
			return false, fmt.Errorf("write %d: %w", i, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("write %d:", i)) {
			return false, fmt.Errorf("write %d got another's error: %w", i, err)
		}
		return true, nil
	})
	h.evenEvents(100)
}

// evenEvents: those of even number are there, and nothing else.
func (h *harness) evenEvents(want int) {
	h.Helper()
	got, err := h.Events(h.ctx, hanako)
	h.ok(err)
	if len(got) != want {
		h.Errorf("%d events, want %d", len(got), want)
	}
	for _, e := range got {
		var n int
		if _, err := fmt.Sscanf(e.ID, "e%d", &n); err != nil || n%2 == 1 {
			h.Errorf("event %s is there", e.ID)
		}
	}
}

// ownPanics: a bug met by one event must not stop all others, nor come back
// with each restart as the shop sends it again.
func ownPanics(h *harness) {
	h.parallel(50, func(i int) (ok bool, err error) {
		defer func() {
			if p := recover(); (p != nil) != (i%2 == 1) {
				err = fmt.Errorf("write %d: panic %v", i, p)
			}
		}()
		return true, h.Update(h.ctx, store.Normal, func(tx store.Tx) error {
			if err := tx.PutEvent(h.login("hanako", fmt.Sprint("e", i), now), "", now); err != nil {
				return err
			}
			if i%2 == 1 {
				panic("a bug")
			}
			return nil
		})
	})
	h.evenEvents(25)
	h.ok(h.Failed())
}

func givenUp(h *harness) {
	ctx, cancel := context.WithCancel(h.ctx)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		_ = h.Update(h.ctx, store.Normal, func(store.Tx) error {
			close(begun)
			<-goOn
			return nil
		})
	})
	<-begun
	queued := make(chan error, 1)
	first.Go(func() {
		queued <- h.Update(ctx, store.Normal, func(tx store.Tx) error { return tx.PutEvent(h.login("hanako", "e1", now), "", now) })
	})
	cancel()
	close(goOn)
	first.Wait()
	// Whether it was in time is open; but the answer is true.
	err := <-queued
	got, readErr := h.Events(h.ctx, hanako)
	h.ok(readErr)
	if (err == nil) != (len(got) == 1) {
		h.Errorf("answer %v, %d events", err, len(got))
	}
	if err != nil {
		h.is(err, mimamori.ErrUnavailable)
	}
}

func closed(h *harness) {
	h.ok(h.Close())
	h.ok(h.Close())
	h.is(h.Update(h.ctx, store.Normal, func(store.Tx) error { return nil }), mimamori.ErrUnavailable)
	h.open()
}

// reopened: what was acknowledged while the store was closing is there when it
// is opened again, and nothing else is.
func reopened(h *harness) {
	acknowledged, enough := map[string]bool{}, make(chan struct{})
	var mu sync.Mutex // guards acknowledged
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("w%d-%d", w, i)
				err := h.Update(h.ctx, store.Normal, func(tx store.Tx) error { return tx.PutEvent(h.login("hanako", id, now), "", now) })
				if err != nil {
					if !errors.Is(err, mimamori.ErrUnavailable) {
						h.Error(err)
					}
					return
				}
				mu.Lock()
				if acknowledged[id] = true; len(acknowledged) == 200 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	h.ok(h.Close())
	all.Wait()
	h.open()
	got, err := h.Events(h.ctx, hanako)
	h.ok(err)
	if len(got) != len(acknowledged) {
		h.Errorf("%d events, %d were acknowledged", len(got), len(acknowledged))
	}
	for _, e := range got {
		if !acknowledged[e.ID] {
			h.Errorf("event %s is there and was never acknowledged", e.ID)
		}
	}
}
