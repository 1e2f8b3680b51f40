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
// the public RBA data set's. Such files are seldom in order, so all of it is
// read before the first row is given.
func (s *source) readCSV(place int, name string) (*feed, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer f.Close()
	rows, err := event.NewCSV(f, "csv", limits)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
	}
	var bad, good []*line
	for number := 2; ; number++ {
		e, err := rows.Next(time.Time{})
		if errors.Is(err, io.EOF) {
			break
		}
		l := &line{event: e, file: name, place: place, number: number, offset: -1}
		if err != nil {
			if !errors.Is(err, mimamori.ErrInvalid) {
				return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
			}
			l.err = err
			bad = append(bad, l)
			continue
		}
		s.read.Store(rows.Offset())
		good = append(good, l)
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
