package traffic

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"mimamori"
)

// saved is all that outlives the process.
type saved struct {
	Version        int
	At             time.Time // events that arrived since are not counted
	Seed           uint64
	Clock          int64
	People, Lately []byte
	Places, Tried  []byte
	Bases          [2]int64
	Turns          [2]int64
	Countries      map[string]float64
	Home           string
	Delays         map[uint32]*Delay
	Habits         [128]float32
	MoreHabits     []float32 // the rest
	HabitsAt       int64
	Taken          map[uint64]*trace
	Tracks         map[uint64]*track
	Campaigns      []*Campaign
	Ring           []Member
}

const savedVersion = 1

// Save writes the counters down. at is from when on events are to be counted
// again after a Load. Decisions go on meanwhile: the tables are copied a few
// megabytes at a time, and what is counted between two copies may stand in one
// and not in the other.
func (t *Traffic) Save(at time.Time) ([]byte, error) {
	people, lately, places, tried := t.copySketch(t.people), t.copySketch(t.lately), t.copySeen(t.places), t.copySeen(t.tried)
	s := t.copyRest()
	s.Version, s.At = savedVersion, at
	s.People, s.Lately, s.Places, s.Tried = people.pack(), lately.pack(), places.pack(), tried.pack()
	s.Bases, s.Turns = [2]int64{people.Base, lately.Base}, [2]int64{places.Turn, tried.Turn}
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("save traffic: %w", err)
	}
	if err := gob.NewEncoder(z).Encode(s); err != nil {
		return nil, fmt.Errorf("save traffic: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("save traffic: %w", err)
	}
	return out.Bytes(), nil
}

// copySketch copies a sketch row by row; again, should it be rebased meanwhile.
func (t *Traffic) copySketch(s *sketch) *sketch {
	out := &sketch{}
	for i := range s.Rows {
		out.Rows[i] = make([]cell, len(s.Rows[i]))
	}
	for i := 0; i < len(s.Rows); i++ {
		t.mu.Lock()
		copy(out.Rows[i], s.Rows[i])
		base := s.Base
		t.mu.Unlock()
		if i > 0 && base != out.Base {
			i = -1
		}
		out.Base = base
	}
	return out
}

func (t *Traffic) copySeen(s *seen) *seen {
	t.mu.Lock()
	words := len(s.Now) // both halves have as many, always
	t.mu.Unlock()
	out := &seen{Now: make([]uint64, words), Before: make([]uint64, words)}
	t.mu.Lock()
	defer t.mu.Unlock()
	copy(out.Now, s.Now)
	copy(out.Before, s.Before)
	out.Turn = s.Turn
	return out
}

// copyRest copies all that is small.
func (t *Traffic) copyRest() saved {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := saved{Seed: uint64(t.seed), Clock: t.clock, Countries: maps.Clone(t.countries), Home: t.home, Habits: [128]float32(t.habits[:128]), MoreHabits: slices.Clone(t.habits[128:]), HabitsAt: t.habitsAt,
		Delays: make(map[uint32]*Delay, len(t.delays)), Taken: make(map[uint64]*trace, len(t.taken)), Tracks: make(map[uint64]*track, len(t.watch.tracks)), Ring: slices.Clone(t.ring.list)}
	for i := range s.Ring {
		s.Ring[i].Asked = slices.Clone(s.Ring[i].Asked)
	}
	copied := map[*Campaign]*Campaign{nil: nil}
	for _, c := range t.watch.campaigns {
		same := *c
		copied[c] = &same
		s.Campaigns = append(s.Campaigns, &same)
	}
	for k, tr := range t.watch.tracks {
		same := *tr
		if c, ok := copied[tr.Campaign]; ok {
			same.Campaign = c
		} else {
			gone := *tr.Campaign
			same.Campaign = &gone
		}
		s.Tracks[k] = &same
	}
	for k, d := range t.delays {
		same := *d
		s.Delays[k] = &same
	}
	for k, tr := range t.taken {
		same := *tr
		s.Taken[k] = &same
	}
	return s
}

// Load takes over what Save wrote, and says from when on events are to be
// counted again. What was saved with another amount of memory, or by another
// version, is an ErrInvalid: nothing is changed then.
func (t *Traffic) Load(doc []byte) (since time.Time, err error) {
	var s saved
	if err := gob.NewDecoder(flate.NewReader(bytes.NewReader(doc))).Decode(&s); err != nil {
		return time.Time{}, fmt.Errorf("load traffic: %w: %w", mimamori.ErrInvalid, err)
	}
	if s.Version != savedVersion {
		return time.Time{}, fmt.Errorf("load traffic: version %d: %w", s.Version, mimamori.ErrInvalid)
	}
	fresh := New(t.memory)
	for _, err := range []error{fresh.people.unpack(s.People), fresh.lately.unpack(s.Lately), fresh.places.unpack(s.Places), fresh.tried.unpack(s.Tried)} {
		if err != nil {
			return time.Time{}, fmt.Errorf("load traffic: %w", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seed, t.clock = hash(s.Seed), s.Clock
	t.people, t.lately, t.places, t.tried = fresh.people, fresh.lately, fresh.places, fresh.tried
	t.people.Base, t.lately.Base, t.places.Turn, t.tried.Turn = s.Bases[0], s.Bases[1], s.Turns[0], s.Turns[1]
	t.habitsAt, t.ring.list, t.watch.campaigns = s.HabitsAt, s.Ring, s.Campaigns
	copy(t.habits[copy(t.habits[:], s.Habits[:]):], s.MoreHabits)
	if s.Home != "" {
		t.home = s.Home
	}
	take(&t.countries, s.Countries)
	take(&t.delays, s.Delays)
	take(&t.taken, s.Taken)
	take(&t.watch.tracks, s.Tracks)
	t.relink()
	return s.At, nil
}

// take keeps an empty map where none was saved.
func take[K comparable, V any](to *map[K]V, m map[K]V) {
	if m != nil {
		*to = m
	}
}

// relink makes tracks and the list speak of the same campaigns again.
func (t *Traffic) relink() {
	byID := map[string]*Campaign{}
	for _, c := range t.watch.campaigns {
		byID[c.ID] = c
	}
	t.watch.under = 0
	for _, tr := range t.watch.tracks {
		if tr.Campaign == nil {
			continue
		}
		if tr.Campaign = byID[tr.Campaign.ID]; tr.Campaign != nil {
			t.watch.under++
		}
	}
}

// pack writes the cells that are not empty: how many to skip, then the two
// counts.
func (s *sketch) pack() []byte {
	out := binary.AppendUvarint(nil, uint64(len(s.Rows[0])))
	for _, row := range s.Rows {
		skip := uint64(0)
		for _, c := range row {
			if c == (cell{}) {
				skip++
				continue
			}
			out = binary.AppendUvarint(out, skip+1)
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(c.Good))
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(c.Bad))
			skip = 0
		}
		out = binary.AppendUvarint(out, 0)
	}
	return out
}

func (s *sketch) unpack(b []byte) error {
	r := bytes.NewReader(b)
	if width, err := binary.ReadUvarint(r); err != nil || width != uint64(len(s.Rows[0])) {
		return fmt.Errorf("sketch of another size: %w", mimamori.ErrInvalid)
	}
	for _, row := range s.Rows {
		for i := uint64(0); ; {
			step, err := binary.ReadUvarint(r)
			if err != nil {
				return fmt.Errorf("sketch cut short: %w", mimamori.ErrInvalid)
			}
			if step == 0 {
				break
			}
			if i += step; i > uint64(len(row)) {
				return fmt.Errorf("sketch of another size: %w", mimamori.ErrInvalid)
			}
			var counts [8]byte
			if _, err := io.ReadFull(r, counts[:]); err != nil {
				return fmt.Errorf("sketch cut short: %w", mimamori.ErrInvalid)
			}
			row[i-1] = cell{math.Float32frombits(binary.LittleEndian.Uint32(counts[:])), math.Float32frombits(binary.LittleEndian.Uint32(counts[4:]))}
		}
	}
	return nil
}

func (s *seen) pack() []byte {
	out := make([]byte, 0, 16*len(s.Now))
	for _, half := range [][]uint64{s.Now, s.Before} {
		for _, w := range half {
			out = binary.LittleEndian.AppendUint64(out, w)
		}
	}
	return out
}

func (s *seen) unpack(b []byte) error {
	if len(b) != 16*len(s.Now) {
		return fmt.Errorf("filter of another size: %w", mimamori.ErrInvalid)
	}
	for i := range s.Now {
		s.Now[i] = binary.LittleEndian.Uint64(b[8*i:])
		s.Before[i] = binary.LittleEndian.Uint64(b[8*(len(s.Now)+i):])
	}
	return nil
}
