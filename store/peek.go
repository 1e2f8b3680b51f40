package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mimamori"
	"mimamori/event"
)

// Peek opens what Open opens to read it beside a running server, for checks
// and reports at a shell. It takes no lock on an SQLite file; whatever would
// write there says ErrUnavailable.
func Peek(ctx context.Context, place string) (*SQL, error) {
	if IsAddress(place) {
		return peekAt(ctx, place)
	}
	if _, err := os.Stat(place); err != nil {
		return nil, fmt.Errorf("open store to read: %w", err)
	}
	// Not mode=ro: a database whose server has ended well has no log, and a
	// reader that may not make one could not open it.
	db, err := openFile(place, "&_pragma=busy_timeout(10000)&_pragma=query_only(ON)&mode=rw", 2)
	if err != nil {
		return nil, fmt.Errorf("open store %s to read: %w", place, damaged(err))
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s to read: %w", place, err), db.Close())
	}
	has, err := schemaOf(ctx, db) // a file of before is read as it is
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s to read: %w", place, damaged(err)), db.Close())
	}
	p := &peeking{SQLite: &SQLite{read: db}}
	p.SQL = SQL{engine: p, order: "rowid", indexes: has >= eventsAnew}
	return &p.SQL, nil
}

func peekAt(ctx context.Context, address string) (*SQL, error) {
	p, err := connect(address)
	if err != nil {
		return nil, err
	}
	p.closed = true // no write is taken
	if err := p.meet(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s to read: %w", p.place(), err), p.closePools())
	}
	p.engine = peekingAt{p}
	return &p.SQL, nil
}

// peekingAt is a database that is only read here.
type peekingAt struct{ *Postgres }

func (p peekingAt) Close() error { return p.closePools() }

// peeking is a file that another process has open: it can be read.
type peeking struct{ *SQLite }

var errPeeking = fmt.Errorf("the store was opened to be read: %w", mimamori.ErrUnavailable)

func (*peeking) update(context.Context, Class, func(*tx) error) error { return errPeeking }

func (*peeking) updateAbout(context.Context, Class, []event.Event, func(*tx) error) error {
	return errPeeking
}

func (*peeking) purge(context.Context) error { return errPeeking }
func (*peeking) Failed() error               { return nil }
func (*peeking) Broken() <-chan struct{}     { return nil }
func (p *peeking) Close() error              { return p.read.Close() }
