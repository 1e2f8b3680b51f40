package traffic

import (
	"bytes"
	"compress/flate"
	"encoding/gob"
	"fmt"
	"io"
	"time"

	"mimamori"
)

// Nodes of one installation tell each other what they counted, so that an
// attack spread over them is one attack. What is exchanged is not cells but
// the notes that change them: a campaign is noticed by the order in which
// attempts come, which no sum of cells keeps, and a note is as good on a node
// that began a minute ago. A node that told nobody, or was told twice, is none
// the worse: each delta counts once.

// MostDelta is what a second's delta may take, in bytes.
const MostDelta = 256 << 10

const (
	deltaVersion = 1
	mostPending  = 50_000 // notes kept for the next delta; more are left out
	mostUnpacked = 64 << 20
)

// told is one note on its way to the other nodes.
type told struct {
	Login    *Login
	At       time.Time
	Habits   []uint8
	Takeover *Takeover
	Value    string
	Account  [16]byte
}

// delta is what a node noted since the one before.
type delta struct {
	Version int
	Node    string
	Seq     uint64
	Notes   []told
}

// outbox gathers notes for the other nodes.
type outbox struct {
	node    string // empty: there are no others
	seq     uint64
	pending []told
	left    int               // notes for which there was no room
	heard   map[string]uint64 // by node, the last delta taken in
}

// Shared makes the counters gather what they note for other nodes; node is
// this process's own name, new at each start.
func (t *Traffic) Shared(node string) *Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outbox = outbox{node: node, heard: map[string]uint64{}}
	return t
}

// tell keeps a note for the next delta. The caller holds the lock.
func (t *Traffic) tell(n told) {
	switch {
	case t.outbox.node == "":
	case len(t.outbox.pending) >= mostPending:
		t.outbox.left++
	default:
		t.outbox.pending = append(t.outbox.pending, n)
	}
}

// Delta is what was noted since the last call, for Merge on the other nodes:
// nil when that is nothing, at most so many bytes (0: MostDelta). left is how
// many notes had no room: under a flood every second, fourth, eighth attempt
// is told, and all that is known of intruders.
func (t *Traffic) Delta(most int) (doc []byte, left int, err error) {
	if most <= 0 {
		most = MostDelta
	}
	t.mu.Lock()
	notes := t.outbox.pending
	left = t.outbox.left
	t.outbox.pending, t.outbox.left = nil, 0
	if len(notes) == 0 {
		t.mu.Unlock()
		return nil, left, nil
	}
	t.outbox.seq++
	d := delta{Version: deltaVersion, Node: t.outbox.node, Seq: t.outbox.seq}
	t.mu.Unlock()
	for every := 1; ; every *= 2 {
		d.Notes = d.Notes[:0]
		attempt := 0
		for _, n := range notes {
			if n.Takeover == nil && n.Value == "" {
				if attempt++; attempt%every != 0 {
					continue
				}
			}
			d.Notes = append(d.Notes, n)
		}
		if doc, err = d.encode(); err != nil || len(doc) <= most || every > mostPending {
			return doc, left + len(notes) - len(d.Notes), err
		}
	}
}

func (d *delta) encode() ([]byte, error) {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("encode traffic's delta: %w", err)
	}
	if err := gob.NewEncoder(z).Encode(d); err != nil {
		return nil, fmt.Errorf("encode traffic's delta: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("encode traffic's delta: %w", err)
	}
	return out.Bytes(), nil
}

// Merge takes in another node's delta. One that was taken in already, or is
// this node's own, changes nothing; one that cannot be read is an ErrInvalid.
// Who signed in there is looked at again there: every node hears of every
// attempt, and notices the same campaigns.
func (t *Traffic) Merge(doc []byte) error {
	var d delta
	if err := gob.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(doc)), mostUnpacked)).Decode(&d); err != nil {
		return fmt.Errorf("merge traffic's delta: %w: %w", mimamori.ErrInvalid, err)
	}
	if d.Version != deltaVersion {
		return fmt.Errorf("merge traffic's delta: version %d: %w", d.Version, mimamori.ErrInvalid)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.Node == t.outbox.node || t.outbox.heard == nil || d.Seq <= t.outbox.heard[d.Node] {
		return nil
	}
	if len(t.outbox.heard) > 1000 { // nodes long gone
		clear(t.outbox.heard)
	}
	t.outbox.heard[d.Node] = d.Seq
	for _, n := range d.Notes {
		switch {
		case n.Login != nil:
			t.note(*n.Login)
		case n.Takeover != nil:
			t.noteTakeover(*n.Takeover)
		case n.Value != "":
			t.noteValue(n.Value, n.Account, n.At)
		default:
			t.learn(n.At, n.Habits)
		}
	}
	return nil
}
