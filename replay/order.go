package replay

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// spot is one line of a file that is to be read out of its place.
type spot struct {
	at     int64 // of the event
	offset int64
	length int32
	number int32
}

// timeOrder looks through a file for the times of its events: nil when they
// stand in order, else the lines in the order of time. What a line really
// says is found out by the decoder later; one that has no time stays behind
// its neighbour.
func timeOrder(f io.Reader) ([]spot, error) {
	var list []spot
	var offset, last, latest int64
	sorted := true
	in := bufio.NewReaderSize(f, 1<<20)
	for number := int32(1); ; number++ {
		part, err := in.ReadSlice('\n')
		size := int64(len(part))
		at, ok := timeOf(part)
		for err == bufio.ErrBufferFull {
			part, err = in.ReadSlice('\n')
			size += int64(len(part))
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if !ok {
			at = last
		}
		if sorted = sorted && at >= latest; at > latest {
			latest = at
		}
		last = at
		list = append(list, spot{at: at, offset: offset, length: int32(min(size, mostLine+1)), number: number})
		offset += size
		if err == io.EOF {
			break
		}
	}
	if sorted {
		return nil, nil
	}
	slices.SortStableFunc(list, func(a, b spot) int { return cmp.Compare(a.at, b.at) })
	return list, nil
}

// timeOf finds the "time" of a CloudEvent without reading the rest of it.
func timeOf(line []byte) (int64, bool) {
	depth, key := 0, false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '{', '[':
			depth++
			key = depth == 1
		case '}', ']':
			depth--
		case ',':
			key = depth == 1
		case '"':
			from := i + 1
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			if !key || i >= len(line) {
				continue
			}
			if key = false; string(line[from:i]) == "time" {
				return timeValue(line[i+1:])
			}
		}
	}
	return 0, false
}

func timeValue(rest []byte) (int64, bool) {
	var text []byte
	for i, c := range rest {
		if c == '"' {
			text = rest[i+1:]
			break
		} else if c != ':' && c != ' ' && c != '\t' {
			return 0, false
		}
	}
	if end := slices.Index(text, '"'); end > 0 {
		t, err := time.Parse(time.RFC3339, string(text[:end]))
		return t.UnixNano(), err == nil && t.Year() >= 1970 && t.Year() < 2262
	}
	return 0, false
}

// gather reads lines in a given order.
func gather(f *os.File, order []spot, read *atomic.Int64, give func(*chunk) bool) error {
	c := &chunk{}
	var done int64
	for i, s := range order {
		from := len(c.raw)
		c.raw = append(c.raw, make([]byte, s.length)...)
		if _, err := f.ReadAt(c.raw[from:], s.offset); err != nil && err != io.EOF {
			return err
		}
		c.ends, c.offsets = append(c.ends, len(c.raw)), append(c.offsets, s.offset)
		c.long, c.numbers = append(c.long, s.length > mostLine), append(c.numbers, int(s.number))
		done += int64(s.length)
		read.Store(done)
		if len(c.ends) == chunkLines || i == len(order)-1 {
			if !give(c) {
				return nil
			}
			c = &chunk{}
		}
	}
	return nil
}
