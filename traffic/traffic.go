// Package traffic is what is going on across all accounts: for each network
// and each kind of client, how many attempts, how many failures, on how many
// different accounts. It lives in memory, bounded whatever comes in, and is
// rebuilt from the events of the last day at start. One account's picture is
// profile's; what the numbers mean is said by assess.
package traffic

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

// Window is how far back the counters reach.
const Window = 24 * time.Hour

// Login is one attempt as the counters see it.
type Login struct {
	At      time.Time
	Account [16]byte
	Outcome event.Outcome
	Network string // key of geo.Network
	ASN     uint32
	Kind    geo.Kind
	Agent   string
	Lang    string
}

// View is what traffic knows that bears on one login. Counts are of the last
// 24 hours, the login itself left out.
type View struct {
	Network Count // the /24 or /48
	Client  Count // same operator, same kind of client
}

// Count is a counter's state: attempts, failures, and the estimated number of
// different accounts tried.
type Count struct {
	Attempts int
	Failures int
	Accounts int
}

// Campaign says that a counter looks like one hand trying many accounts:
// mostly failures, over many accounts. The bounds are those of the published
// per-address filter (Araña, USENIX Security 2023: more than 7 attempts, over
// 80 % failed), asked of distinct accounts.
func (c Count) Campaign() bool {
	return c.Accounts > 7 && float64(c.Failures) > 0.8*float64(c.Attempts)
}

// Traffic counts. The zero value is not usable; call New.
type Traffic struct {
	seed maphash.Seed
	max  int

	// mu guards cells.
	mu    sync.Mutex
	cells map[uint64]*cell
}

// New makes counters for at most maxKeys networks and client kinds; 0 means
// 65,536 (about 40 MiB). The least recently used go first.
func New(maxKeys int) *Traffic {
	if maxKeys <= 0 {
		maxKeys = 1 << 16
	}
	return &Traffic{seed: maphash.MakeSeed(), max: maxKeys, cells: make(map[uint64]*cell)}
}

// Note counts one attempt.
func (t *Traffic) Note(l Login) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range t.keys(l) {
		c := t.cells[key]
		if c == nil {
			t.makeRoom(l.At)
			c = &cell{}
			t.cells[key] = c
		}
		c.note(l, maphash.Comparable(t.seed, l.Account))
	}
}

// View answers what is known about where a login comes from.
func (t *Traffic) View(l Login) View {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys(l)
	return View{Network: t.cells[k[0]].count(l.At), Client: t.cells[k[1]].count(l.At)}
}

func (t *Traffic) keys(l Login) [2]uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.WriteString("net\x00" + l.Network)
	network := h.Sum64()
	h.Reset()
	h.WriteString("client\x00" + string(l.Kind) + "\x00" + l.Agent + "\x00" + l.Lang)
	h.WriteByte(byte(l.ASN))
	h.WriteByte(byte(l.ASN >> 8))
	h.WriteByte(byte(l.ASN >> 16))
	return [2]uint64{network, h.Sum64()}
}

// makeRoom drops idle cells when the table is full: first those out of the
// window, then an arbitrary sixteenth.
func (t *Traffic) makeRoom(now time.Time) {
	if len(t.cells) < t.max {
		return
	}
	for k, c := range t.cells {
		if now.Sub(c.last) > Window {
			delete(t.cells, k)
		}
	}
	for k := range t.cells {
		if len(t.cells) < t.max-t.max/16 {
			return
		}
		delete(t.cells, k)
	}
}

// cell holds 24 hourly slots.
type cell struct {
	last  time.Time
	slots [24]slot
}

// slot is one hour: counts, and a 256-bit linear-counting sketch of the
// accounts tried (Whang et al., TODS 1990).
type slot struct {
	hour     int64
	attempts uint32
	failures uint32
	accounts [4]uint64
}

func (c *cell) note(l Login, account uint64) {
	hour := l.At.Unix() / 3600
	s := &c.slots[hour%24]
	if s.hour > hour {
		return // older than the window
	}
	if s.hour < hour {
		*s = slot{hour: hour}
	}
	if l.At.After(c.last) {
		c.last = l.At
	}
	s.attempts++
	if l.Outcome != event.Succeeded {
		s.failures++
	}
	s.accounts[account>>6&3] |= 1 << (account & 63)
}

func (c *cell) count(now time.Time) Count {
	var out Count
	if c == nil {
		return out
	}
	hour := now.Unix() / 3600
	var union [4]uint64
	for _, s := range c.slots {
		if s.hour <= hour-24 || s.hour > hour {
			continue
		}
		out.Attempts += int(s.attempts)
		out.Failures += int(s.failures)
		for i := range union {
			union[i] |= s.accounts[i]
		}
	}
	zero := 256
	for _, w := range union {
		zero -= bits.OnesCount64(w)
	}
	out.Accounts = int(math.Round(-256 * math.Log(math.Max(float64(zero), 0.5)/256)))
	return out
}
