package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mimamori"
	"mimamori/event"
)

// line is one line of an input, decoded.
type line struct {
	event  event.Event
	err    error
	file   string
	place  int // of the file among the inputs
	number int // from 1
	offset int64
	length int
}

// before is the order of a replay: time, then input. A line that is no event
// has no time and comes when it is met.
func (l *line) before(o *line) bool {
	if l.err != nil || o.err != nil {
		return l.err != nil
	}
	if !l.event.Time.Equal(o.event.Time) {
		return l.event.Time.Before(o.event.Time)
	}
	return l.place < o.place || l.place == o.place && l.number < o.number
}

// mostLine is how much of one line is kept; no event is nearly as long.
const mostLine = 1 << 20

// limits of what is read: events lie in their own time.
var limits = event.Limits{AnyTime: true}

// source is all inputs, merged by time.
type source struct {
	feeds []*feed
	heads []*line
	size  int64
	read  atomic.Int64
	names []string
}

// feed is one input in its own order.
type feed struct {
	next func() (*line, error) // io.EOF at the end
	stop func()
}

// open opens the inputs. A file whose lines go back in time is read once
// whole, to find their order, and then again.
func open(names []string) (*source, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("replay: no input: %w", mimamori.ErrInvalid)
	}
	s := &source{names: names}
	for i, name := range names {
		st, err := os.Stat(name)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("read events: %w", err)
		}
		if st.IsDir() {
			s.close()
			return nil, fmt.Errorf("read events: %s is a folder: %w", name, mimamori.ErrInvalid)
		}
		s.size += st.Size()
		f, err := s.feed(i, name)
		if err != nil {
			s.close()
			return nil, err
		}
		s.feeds = append(s.feeds, f)
	}
	return s, nil
}

func (s *source) close() {
	for _, f := range s.feeds {
		f.stop()
	}
}

// feed reads a file in the order of time. One that stands in that order is
// read from its start; else its lines are put in order first.
func (s *source) feed(place int, name string) (*feed, error) {
	if isCSV(name) {
		return s.readCSV(place, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	order, err := timeOrder(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
	}
	cutter := func(give func(*chunk) bool) error { return cut(f, &s.read, give) }
	if order != nil {
		cutter = func(give func(*chunk) bool) error { return gather(f, order, &s.read, give) }
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, err
	}
	return decoding(f, place, name, cutter), nil
}

// next gives the earliest line of all inputs.
func (s *source) next() (*line, error) {
	if s.heads == nil {
		s.heads = make([]*line, len(s.feeds))
		for i := range s.feeds {
			if err := s.advance(i); err != nil {
				return nil, err
			}
		}
	}
	best := -1
	for i, h := range s.heads {
		if h != nil && (best < 0 || h.before(s.heads[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil, io.EOF
	}
	l := s.heads[best]
	return l, s.advance(best)
}

func (s *source) advance(i int) error {
	l, err := s.feeds[i].next()
	if errors.Is(err, io.EOF) {
		s.heads[i] = nil
		return nil
	}
	s.heads[i] = l
	return err
}

// again decodes the line of a reference once more.
func (s *source) again(r ref) (event.Event, error) {
	f, err := os.Open(s.names[r.place])
	if err != nil {
		return event.Event{}, err
	}
	defer f.Close()
	if isCSV(s.names[r.place]) {
		return event.Event{}, fmt.Errorf("rows of a CSV have no ids: %w", mimamori.ErrInvalid)
	}
	raw := make([]byte, r.length)
	if _, err := f.ReadAt(raw, r.offset); err != nil {
		return event.Event{}, err
	}
	return event.DecodeLine(raw, time.Time{}, limits)
}

// chunk is some lines that are decoded together.
type chunk struct {
	raw     []byte
	ends    []int // where each line ends in raw
	offsets []int64
	long    []bool
	numbers []int
	out     chan []*line
}

// chunkLines is how many lines are decoded together: enough to make the
// hand-over cheap, few enough to stay in cache.
const chunkLines = 256

// decoding reads a file in chunks, decodes them on every core, and gives the
// lines in the chunks' order.
func decoding(f *os.File, place int, name string, cutter func(give func(*chunk) bool) error) *feed {
	stop := make(chan struct{})
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan *chunk, workers), make(chan *chunk, 4*workers)
	var all sync.WaitGroup
	var failed error // of reading; written before order is closed
	all.Go(func() {
		defer close(order)
		defer close(work)
		failed = cutter(func(c *chunk) bool {
			c.out = make(chan []*line, 1)
			select {
			case order <- c:
			case <-stop:
				return false
			}
			select {
			case work <- c:
				return true
			case <-stop:
				return false
			}
		})
	})
	for range workers {
		all.Go(func() {
			for c := range work {
				c.out <- decode(c, place, name)
			}
		})
	}
	var now []*line
	next := func() (*line, error) {
		for len(now) == 0 {
			c, ok := <-order
			if !ok {
				if failed != nil {
					return nil, fmt.Errorf("read %s: %w", filepath.Base(name), failed)
				}
				return nil, io.EOF
			}
			now = <-c.out
		}
		l := now[0]
		now = now[1:]
		return l, nil
	}
	return &feed{next: next, stop: func() {
		close(stop)
		for range order { // let the reader see that it is over
		}
		all.Wait()
		_ = f.Close()
	}}
}

// cut cuts a file into chunks of lines until give says no.
func cut(f io.Reader, read *atomic.Int64, give func(*chunk) bool) error {
	in := bufio.NewReaderSize(f, 1<<20)
	number, offset := 0, int64(0)
	c := &chunk{}
	for {
		from, long, size := len(c.raw), false, 0
		part, err := in.ReadSlice('\n')
		for size = len(part); err == bufio.ErrBufferFull; size += len(part) {
			if !long && len(c.raw)-from < mostLine {
				c.raw = append(c.raw, part...)
			}
			long = len(c.raw)-from >= mostLine
			part, err = in.ReadSlice('\n')
		}
		if !long {
			c.raw = append(c.raw, part...)
		}
		if err != nil && err != io.EOF {
			return err
		}
		if size > 0 {
			number++
			c.ends, c.offsets, c.long, c.numbers = append(c.ends, len(c.raw)), append(c.offsets, offset), append(c.long, long), append(c.numbers, number)
			offset += int64(size)
			read.Store(max(offset, read.Load()))
		}
		if len(c.ends) == chunkLines || err == io.EOF && len(c.ends) > 0 {
			if !give(c) {
				return nil
			}
			c = &chunk{}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// decode decodes a chunk; empty lines are no lines.
func decode(c *chunk, place int, name string) []*line {
	lines := make([]line, len(c.ends))
	out := make([]*line, 0, len(c.ends))
	from := 0
	for i, end := range c.ends {
		raw := bytes.TrimRight(c.raw[from:end], "\r\n")
		from = end
		if len(raw) == 0 {
			continue
		}
		l := &lines[i]
		l.file, l.place, l.number, l.offset, l.length = name, place, c.numbers[i], c.offsets[i], len(raw)
		if c.long[i] {
			l.err = errors.New("larger than the limit of one event")
		} else {
			l.event, l.err = event.DecodeLine(raw, time.Time{}, limits)
		}
		out = append(out, l)
	}
	return out
}

func isCSV(name string) bool { return strings.EqualFold(filepath.Ext(name), ".csv") }
