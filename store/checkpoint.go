package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
)

// The write-ahead log is carried over into the database beside the writer once
// it has grown by a few megabytes. That alone never lets the log begin again
// from its start while writes go on, so past a greater bound the writer carries
// over the small rest itself. Nothing wakes by a clock: the writer counts. Who
// writes ten times as much carries over larger steps, not ten times as many: a
// page that was written five times in between is carried over once, and commits
// wait less often behind what is synced.
const (
	lookEvery  = 128      // writes between two looks at the log's size
	softPages  = 1 << 10  // 4 MiB: carry over beside the writer; what is synced at once, others wait behind
	calmPages  = 3 << 10  // 12 MiB: who has written less since the last time waits no longer
	mostPages  = 24 << 10 // 96 MiB: carried over however soon after the last time
	hardPages  = 40 << 10 // 160 MiB: the writer carries over the rest
	smallRest  = 1 << 8   // 1 MiB: what the writer carries over in a few milliseconds
	carryEvery = 250 * time.Millisecond
	carryLate  = 2 * time.Second // the longest that one waits who writes much
)

// grown wakes the checkpointer when the log has become long.
func (s *SQLite) grown(writes int) {
	s.sinceLook += writes
	if s.sinceLook < lookEvery {
		return
	}
	s.sinceLook = 0
	pages, carried, err := s.checkpoint("NOOP")
	left := pages - carried
	since := time.Since(s.carriedAt)
	if err != nil || left < softPages || left < mostPages && (since < carryEvery || left > calmPages && since < carryLate) {
		return
	}
	s.carriedAt = time.Now()
	select {
	case s.full <- struct{}{}:
	default:
	}
}

// checkpointer carries the log over, off the writer.
func (s *SQLite) checkpointer() {
	ctx := context.Background()
	for {
		select {
		case <-s.stop:
			return
		case <-s.full:
		}
		pages, err := s.carry(ctx)
		if err != nil {
			if s.refuse("checkpoint", err); s.Failed() != nil {
				return
			}
			continue
		}
		if pages < hardPages {
			continue
		}
		err = s.pause(ctx, func(*tx) error {
			_, _, err := s.checkpoint("PASSIVE")
			return err
		})
		select { // asked for meanwhile, of the log as it was
		case <-s.full:
		default:
		}
		if err != nil && s.Full() == nil {
			return // closed, or failed: either way there is nothing left to carry over
		}
	}
}

// carry carries the log over and syncs the database, and says how long the log
// has become. SQLite syncs the database only when nothing was written meanwhile;
// left to the moment in which the writer carries over the rest, that would stop
// all for as long as it takes. Before such a moment it is done again, so that
// the rest is small.
func (s *SQLite) carry(ctx context.Context) (pages int64, err error) {
	for range 4 {
		var busy, carried int64
		if err := s.tidy.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &carried); err != nil {
			return pages, err
		}
		if pages < hardPages {
			return pages, nil
		}
		if err := syncData(s.base); err != nil {
			return pages, s.fail("sync the database", err)
		}
		if err := s.tidy.QueryRowContext(ctx, "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &pages, &carried); err != nil || pages-carried < smallRest {
			return pages, err
		}
	}
	return pages, nil
}

// pause runs do on the writer between two transactions.
func (s *SQLite) pause(ctx context.Context, do func(*tx) error) error {
	return s.wait(s.between, &job{ctx: ctx, do: do, end: make(chan struct{})})
}

// checkpoint gives the log's length in pages and how many are carried over.
func (s *SQLite) checkpoint(mode string) (pages, carried int64, err error) {
	var busy int64
	if err := s.row("PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &carried); err != nil {
		return 0, 0, s.refuse("checkpoint", err)
	}
	if mode == "TRUNCATE" && busy != 0 {
		return 0, 0, errors.New("readers are in the way")
	}
	return pages, carried, nil
}

// purge leaves nothing in the log: what was overwritten in the database must
// not go on standing there.
func (s *SQLite) purge(ctx context.Context) error {
	var err error
	for range 5 { // a reader in the way is soon done
		err = s.pause(ctx, func(*tx) error {
			_, _, err := s.checkpoint("TRUNCATE")
			return err
		})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("empty the write-ahead log: %w", errors.Join(mimamori.ErrUnavailable, err))
}

// carryOver leaves all in the database file at a clean end, so that whoever
// copies that file alone then has everything. What cannot be carried over now
// stays in the log, and is as safe there.
func (s *SQLite) carryOver() {
	if s.Failed() == nil && s.tidy != nil {
		_, _ = s.tidy.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
}
