package traffic

import (
	"math"
	"math/bits"
	"time"
)

// depth is the number of rows of a count-min sketch.
const depth = 4

// cell holds two counts that are asked for together, so that they share a
// cache line.
type cell struct{ Good, Bad float32 }

// sketch is a count-min sketch with conservative update (Estan and Varghese,
// 2002) whose counts fade: an increment at time t weighs 2^(t/half-life), and
// reading divides by the same. Nothing has to be swept.
type sketch struct {
	Rows [depth][]cell
	Base int64 // unix second at which an increment weighs 1

	goodHalf, badHalf float64 // half-lives in seconds
}

func newSketch(cells int, goodHalf, badHalf time.Duration) *sketch {
	width := 1 << max(4, bits.Len(uint(cells/depth))-1)
	s := &sketch{goodHalf: goodHalf.Seconds(), badHalf: badHalf.Seconds()}
	for i := range s.Rows {
		s.Rows[i] = make([]cell, width)
	}
	return s
}

func (s *sketch) at(row int, key uint64) *cell {
	key = bits.RotateLeft64(key*0x9e3779b97f4a7c15, row*16+7)
	return &s.Rows[row][key&uint64(len(s.Rows[row])-1)]
}

// weights are those of an increment at a time, which may be before the base.
func (s *sketch) weights(unix int64) (good, bad float64) {
	d := float64(unix - s.Base)
	return math.Exp2(d / s.goodHalf), math.Exp2(d / s.badHalf)
}

// rebase keeps the weights within what a float32 holds.
func (s *sketch) rebase(unix int64) {
	if s.Base == 0 {
		s.Base = unix
	}
	if float64(unix-s.Base) < 60*min(s.goodHalf, s.badHalf) {
		return
	}
	good, bad := s.weights(unix)
	for _, row := range s.Rows {
		for i := range row {
			row[i].Good /= float32(good)
			row[i].Bad /= float32(bad)
		}
	}
	s.Base = unix
}

// add counts for a key; good and bad are numbers of events at that time.
func (s *sketch) add(key uint64, unix int64, good, bad float64) {
	s.rebase(unix)
	wg, wb := s.weights(unix)
	least := cell{math.MaxFloat32, math.MaxFloat32}
	var at [depth]*cell
	for i := range at {
		at[i] = s.at(i, key)
		least.Good, least.Bad = min(least.Good, at[i].Good), min(least.Bad, at[i].Bad)
	}
	least.Good += float32(good * wg)
	least.Bad += float32(bad * wb)
	for _, c := range at {
		if good > 0 {
			c.Good = max(c.Good, least.Good)
		}
		if bad > 0 {
			c.Bad = max(c.Bad, least.Bad)
		}
	}
}

// count reads a key's counts as they stand at a time; never too low but for
// what has faded.
func (s *sketch) count(key uint64, wg, wb float64) (good, bad float64) {
	least := cell{math.MaxFloat32, math.MaxFloat32}
	for i := range depth {
		c := s.at(i, key)
		least.Good, least.Bad = min(least.Good, c.Good), min(least.Bad, c.Bad)
	}
	return float64(least.Good) / wg, float64(least.Bad) / wb
}

// merge adds what another node counted. Both must have the same shape.
func (s *sketch) merge(o *sketch) {
	gw, bw := math.Exp2(float64(o.Base-s.Base)/s.goodHalf), math.Exp2(float64(o.Base-s.Base)/s.badHalf)
	for r := range s.Rows {
		for i := range s.Rows[r] {
			s.Rows[r][i].Good += o.Rows[r][i].Good * float32(gw)
			s.Rows[r][i].Bad += o.Rows[r][i].Bad * float32(bw)
		}
	}
}

// distinct estimates how many different things were seen: HyperLogLog with
// 1,024 registers (Flajolet et al., 2007; standard error 3.2 %). Merging is
// exact and repeatable.
type distinct [1024]uint8

func (d *distinct) add(key uint64) {
	rank := uint8(bits.LeadingZeros64(key<<10|1<<9)) + 1
	if i := key >> 54; d[i] < rank {
		d[i] = rank
	}
}

func (d *distinct) merge(o *distinct) {
	for i := range d {
		d[i] = max(d[i], o[i])
	}
}

func (d *distinct) count() int {
	const m = 1024
	var sum float64
	zero := 0
	for _, r := range d {
		sum += math.Exp2(-float64(r))
		if r == 0 {
			zero++
		}
	}
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e < 2.5*m && zero > 0 {
		e = m * math.Log(m/float64(zero))
	}
	return int(math.Round(e))
}

// seen remembers for one to two periods what came by: two Bloom filters that
// take turns.
type seen struct {
	Now, Before []uint64
	Turn        int64 // unix second at which the present one began
	period      int64
}

func newSeen(bytes int, period time.Duration) *seen {
	n := 1 << max(4, bits.Len(uint(bytes/16))-1)
	return &seen{Now: make([]uint64, n), Before: make([]uint64, n), period: int64(period.Seconds())}
}

func (s *seen) turn(unix int64) {
	switch {
	case s.Turn == 0:
		s.Turn = unix - unix%s.period
	case unix-s.Turn >= 2*s.period:
		clear(s.Now)
		clear(s.Before)
		s.Turn = unix - unix%s.period
	case unix-s.Turn >= s.period:
		s.Now, s.Before = s.Before, s.Now
		clear(s.Now)
		s.Turn += s.period
	}
}

// add notes a key; true when it was not there yet.
func (s *seen) add(key uint64, unix int64) bool {
	s.turn(unix)
	fresh := !s.has(key)
	for i := range uint64(3) {
		b := s.bit(key, i)
		s.Now[b>>6] |= 1 << (b & 63)
	}
	return fresh
}

func (s *seen) bit(key, i uint64) uint64 {
	return (key + i*(key>>32|1)) & uint64(len(s.Now)*64-1)
}

func (s *seen) has(key uint64) bool {
	now, before := true, true
	for i := range uint64(3) {
		b := s.bit(key, i)
		now = now && s.Now[b>>6]&(1<<(b&63)) != 0
		before = before && s.Before[b>>6]&(1<<(b&63)) != 0
	}
	return now || before
}
