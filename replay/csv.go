package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
)

// readCSV reads a login log in one of the forms that event knows: our own, or
// the public RBA data set's. It is read twice: one that does not stand in the
// order of time is kept in memory to be put in order, a large one that does
// is not.
func (s *source) readCSV(place int, name string) (*feed, error) {
	rows, err := openRows(place, name)
	if err != nil {
		return nil, err
	}
	defer rows.file.Close()
	var last time.Time
	for {
		l, err := rows.next()
		if errors.Is(err, io.EOF) {
			return s.streamRows(place, name)
		}
		if err != nil {
			return nil, err
		}
		if l.err == nil && l.event.Time.Before(last) {
			return s.sortRows(place, name)
		}
		if l.err == nil {
			last = l.event.Time
		}
	}
}

func (s *source) streamRows(place int, name string) (*feed, error) {
	rows, err := openRows(place, name)
	if err != nil {
		return nil, err
	}
	next := func() (*line, error) {
		l, err := rows.next()
		s.read.Store(rows.csv.Offset())
		return l, err
	}
	return &feed{next: next, stop: func() { _ = rows.file.Close() }}, nil
}

func (s *source) sortRows(place int, name string) (*feed, error) {
	rows, err := openRows(place, name)
	if err != nil {
		return nil, err
	}
	defer rows.file.Close()
	var bad, good []*line
	for {
		l, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
			return nil, err
		case l.err != nil:
			bad = append(bad, l)
		default:
			good = append(good, l)
		}
	}
	slices.SortStableFunc(good, func(a, b *line) int { return a.event.Time.Compare(b.event.Time) })
	all := append(bad, good...)
	next := func() (*line, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		l := all[0]
		all = all[1:]
		return l, nil
	}
	return &feed{next: next, stop: func() {}}, nil
}

// csvRows are those of one CSV file, as lines.
type csvRows struct {
	file   *os.File
	csv    *event.CSV
	place  int
	name   string
	number int
}

func openRows(place int, name string) (*csvRows, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	c, err := event.NewCSV(f, "csv", limits)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
	}
	return &csvRows{file: f, csv: c, place: place, name: name, number: 1}, nil
}

func (r *csvRows) next() (*line, error) {
	e, err := r.csv.Next(time.Time{})
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	r.number++
	l := &line{event: e, file: r.name, place: r.place, number: r.number, offset: -1}
	if err != nil && !errors.Is(err, mimamori.ErrInvalid) {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(r.name), err)
	}
	l.err = err
	return l, nil
}
