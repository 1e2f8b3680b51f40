package store

import (
	"context"
	"fmt"
	"time"

	"mimamori/clock"
	"mimamori/incident"
)

// PutClock writes down what the clocks say.
func (s *SQL) PutClock(ctx context.Context, r clock.Reading) error {
	_, err := s.exec(ctx, `INSERT INTO clock (boot, wall, steady) VALUES (?, ?, ?) ON CONFLICT (boot) DO UPDATE SET wall = excluded.wall, steady = excluded.steady`,
		r.Boot, nanos(r.Wall), int64(r.Steady))
	if err != nil {
		return fmt.Errorf("write the clock down: %w", err)
	}
	return nil
}

// Clock is what was written down last in a boot; the zero Reading when nothing
// was. Greatest is the latest wall time that was ever written.
func (s *SQL) Clock(ctx context.Context, boot string) (last clock.Reading, greatest time.Time, err error) {
	rows, err := s.at(ctx).rows(`SELECT boot, wall, steady FROM clock`)
	all, err := list(rows, err, func(r scanner) (c clock.Reading, err error) {
		err = r.Scan(&c.Boot, when{&c.Wall}, &c.Steady)
		return c, err
	})
	if err != nil {
		return last, greatest, fmt.Errorf("read the clock: %w", err)
	}
	for _, r := range all {
		if r.Boot == boot {
			last = r
		}
		if r.Wall.After(greatest) {
			greatest = r.Wall
		}
	}
	var heard time.Time
	if err := s.at(ctx).row(`SELECT coalesce(max(received_at), 0) FROM event WHERE kind = 'login.attempted'`).Scan(when{&heard}); err != nil {
		return last, greatest, fmt.Errorf("read the clock: %w", err)
	}
	if heard.After(greatest) {
		greatest = heard
	}
	return last, greatest, nil
}

// RestoredAt is when the database was put back from a backup; zero when it
// never was.
func (s *SQL) RestoredAt(ctx context.Context) (at time.Time, err error) {
	if err := s.at(ctx).row(`SELECT coalesce(max(wall), 0) FROM clock WHERE boot = 'restored'`).Scan(when{&at}); err != nil {
		return at, fmt.Errorf("read when the database was restored: %w", err)
	}
	return at, nil
}

// OpenWaits are the incidents whose wait has not ended.
func (s *SQL) OpenWaits(ctx context.Context) ([]incident.Incident, error) {
	out, err := documents[incident.Incident](s.at(ctx).rows(`SELECT doc FROM incident WHERE state IN ('contained', 'waiting')`))
	if err != nil {
		return nil, fmt.Errorf("read open waits: %w", err)
	}
	return out, nil
}
