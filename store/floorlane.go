package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"mimamori"
	"mimamori/event"
)

// floorLanes is the floor at PostgreSQL: what waits is one statement, a row an
// event, on as many connections as decisions have.
type floorLanes struct {
	queue chan *floorJob
	stop  chan struct{}
	done  sync.WaitGroup
}

type floorJob struct {
	events []event.Event
	end    chan error
}

func openFloorAt(ctx context.Context, address string) (*floorLanes, error) {
	f := &floorLanes{queue: make(chan *floorJob, 4096), stop: make(chan struct{})}
	err := say(ctx, address, `CREATE TABLE floor (account_id uuid NOT NULL, source text NOT NULL, id text NOT NULL, at bigint NOT NULL, data text NOT NULL)`)
	if err != nil {
		return nil, err
	}
	for range decisionLanes {
		c, err := pgx.Connect(ctx, address)
		if err != nil {
			close(f.stop)
			f.done.Wait()
			return nil, errors.Join(mimamori.ErrUnavailable, err)
		}
		f.done.Go(func() { f.run(c) })
	}
	return f, nil
}

func (f *floorLanes) run(c *pgx.Conn) {
	defer c.Close(context.Background())
	for {
		var batch []*floorJob
		select {
		case <-f.stop:
			return
		case j := <-f.queue:
			batch = append(batch, j)
		}
		for more := true; more && len(batch) < 128; {
			select {
			case j := <-f.queue:
				batch = append(batch, j)
			default:
				more = false
			}
		}
		var of pgtype.FlatArray[pgtype.UUID]
		var source, id, data pgtype.FlatArray[string]
		var at pgtype.FlatArray[int64]
		for _, j := range batch {
			for _, e := range j.events {
				of, source, id = append(of, pgtype.UUID{Bytes: e.Account, Valid: true}), append(source, e.Source), append(id, e.ID)
				at, data = append(at, nanos(e.Time)), append(data, string(e.Data))
			}
		}
		_, err := c.Exec(context.Background(), `INSERT INTO floor SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[])`, of, source, id, at, data)
		for _, j := range batch {
			j.end <- err
		}
	}
}

func (f *floorLanes) put(ctx context.Context, events []event.Event) error {
	j := &floorJob{events, make(chan error, 1)}
	select {
	case f.queue <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := <-j.end; err != nil {
		return fmt.Errorf("write to the floor: %w", err)
	}
	return nil
}

func (f *floorLanes) close() {
	close(f.stop)
	f.done.Wait()
}
