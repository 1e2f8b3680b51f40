package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
)

// Finding is one thing that is not as it was recorded.
type Finding struct {
	Seq int64 // the first entry concerned
	// Last is the last entry concerned: larger than Seq when only a head over
	// many entries tells.
	Last int64
	What What
}

// What is a sort of tampering.
type What string

const (
	Altered   What = "entry altered"
	Missing   What = "entry missing"
	BadHash   What = "hash altered"
	Rewritten What = "entries rewritten since a signed head"
	Cut       What = "entries cut off the end"
	BadHead   What = "signed head altered or not ours"
	Unsigned  What = "entries not covered by the newest signed head"
)

// String says it in a line, for the command.
func (f Finding) String() string {
	if f.Last > f.Seq {
		return fmt.Sprintf("entries %d to %d: %s", f.Seq, f.Last, f.What)
	}
	return fmt.Sprintf("entry %d: %s", f.Seq, f.What)
}

// Report is what checking found. The log is as it was written when there are
// no findings.
type Report struct {
	Entries  int64
	Heads    int // signed heads compared
	Findings []Finding
}

// First is the finding that begins earliest in the log, nil when there is none.
func (r Report) First() *Finding {
	var first *Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; first == nil || f.Seq < first.Seq || f.Seq == first.Seq && f.Last < first.Last {
			first = f
		}
	}
	return first
}

// Bounds on what a tampered log can make us do and print.
const (
	maxFindings = 1000
	maxGap      = 1 << 20 // entries missing in a row
)

// Verify reads the whole log and compares every entry with its hash, every
// hash with its neighbours, and the tree with every signed head: the newest,
// the remembered anchors, and heads kept outside. It needs public keys only and
// takes 64 bytes of memory an entry. An error means that it could not read;
// tampering is in the report.
func Verify(ctx context.Context, r Reader, verifierKeys []string, outside [][]byte) (Report, error) {
	v := verification{report: Report{}}
	if err := v.entries(ctx, r); err != nil {
		return v.report, fmt.Errorf("verify audit log: %w", err)
	}
	if err := v.storedHashes(ctx, r); err != nil {
		return v.report, fmt.Errorf("verify audit log: %w", err)
	}
	newest, size, err := r.AuditHead(ctx)
	if err != nil {
		return v.report, fmt.Errorf("verify audit log: %w", err)
	}
	anchors, err := r.AuditAnchors(ctx)
	if err != nil {
		return v.report, fmt.Errorf("verify audit log: %w", err)
	}
	heads := slices.Clone(outside)
	for _, a := range anchors {
		heads = append(heads, a.Head)
	}
	if err := v.heads(heads, newest, size, verifierKeys); err != nil {
		return v.report, fmt.Errorf("verify audit log: %w", err)
	}
	return v.report, nil
}

type verification struct {
	report Report
	hashes []tlog.Hash // of the tree over the entries as they are now
}

func (v *verification) found(seq, last int64, what What) {
	f := Finding{Seq: seq, Last: last, What: what}
	if len(v.report.Findings) < maxFindings && !slices.Contains(v.report.Findings, f) {
		v.report.Findings = append(v.report.Findings, f)
	}
}

// own reads the hashes of the tree computed here.
func (v *verification) own(positions []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		if p < 0 || p >= int64(len(v.hashes)) {
			return nil, fmt.Errorf("hash %d: %w", p, mimamori.ErrNotFound)
		}
		list[i] = v.hashes[p]
	}
	return list, nil
}

// entries reads all rows and builds the tree over them. A gap is one
// finding and is filled with empty entries, so that the others keep their
// places in the tree.
func (v *verification) entries(ctx context.Context, r Reader) error {
	next := int64(0)
	add := func(raw []byte) error {
		hashes, err := tlog.StoredHashes(next, raw, tlog.HashReaderFunc(v.own))
		v.hashes = append(v.hashes, hashes...)
		next++
		return err
	}
	for from := int64(0); ; {
		rows, err := r.AuditRows(ctx, from, 1000)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Seq < next {
				v.found(row.Seq, row.Seq, Altered)
				continue
			}
			if row.Seq-next > maxGap { // a forged number far ahead must not keep us for ever
				v.found(row.Seq, row.Seq, Altered)
				v.report.Entries = next
				return nil
			}
			if row.Seq > next {
				v.found(next, row.Seq-1, Missing)
			}
			for next < row.Seq {
				if err := add(nil); err != nil {
					return err
				}
			}
			if !row.agrees() {
				v.found(row.Seq, row.Seq, Altered)
			}
			if err := add(row.Raw); err != nil {
				return err
			}
		}
		if len(rows) < 1000 {
			v.report.Entries = next
			return nil
		}
		from = rows[len(rows)-1].Seq + 1
	}
}

// storedHashes compares the hashes as stored with those of the entries.
func (v *verification) storedHashes(ctx context.Context, r Reader) error {
	const batch = 2000
	for first := int64(0); first < int64(len(v.hashes)); first += batch {
		var positions []int64
		for p := first; p < min(first+batch, int64(len(v.hashes))); p++ {
			positions = append(positions, p)
		}
		stored, err := r.AuditHashes(ctx, positions)
		if errors.Is(err, mimamori.ErrNotFound) {
			v.found(leafOf(first), v.report.Entries-1, BadHash)
			return nil
		}
		if err != nil {
			return err
		}
		for i, h := range stored {
			if h == v.hashes[positions[i]] {
				continue
			}
			level, n := tlog.SplitStoredHashIndex(positions[i])
			if level == 0 && !v.covers(n) {
				v.found(n, n, Altered)
			} else if level > 0 && !v.knows(n<<level, (n+1)<<level-1) {
				v.found(n<<level, (n+1)<<level-1, BadHash)
			}
		}
	}
	return nil
}

// covers says whether an entry is part of a finding already.
func (v *verification) covers(seq int64) bool {
	return slices.ContainsFunc(v.report.Findings, func(f Finding) bool { return f.Seq <= seq && seq <= f.Last })
}

// knows says whether a finding already lies within these entries: a changed
// entry changes all hashes above it, which says nothing new.
func (v *verification) knows(first, last int64) bool {
	for _, f := range v.report.Findings {
		if f.Seq >= first && f.Last <= last {
			return true
		}
	}
	return false
}

// heads compares the tree with signed heads.
func (v *verification) heads(list [][]byte, newest []byte, size int64, verifierKeys []string) error {
	have := v.report.Entries
	if newest != nil || have > 0 {
		list = append(slices.Clone(list), newest)
		if h, err := OpenHead(newest, verifierKeys); err == nil && (h.Size < have || size != h.Size) {
			v.found(min(h.Size, have), max(have-1, 0), Unsigned)
		}
	}
	good := int64(0) // the largest size whose head agrees
	for _, signed := range list {
		h, err := OpenHead(signed, verifierKeys)
		if err != nil {
			v.found(0, max(have-1, 0), BadHead)
			continue
		}
		v.report.Heads++
		if h.Size > have {
			v.found(have, h.Size-1, Cut)
			continue
		}
		root, err := tlog.TreeHash(h.Size, tlog.HashReaderFunc(v.own))
		if err != nil {
			return err
		}
		if root == h.Hash {
			good = max(good, h.Size)
		} else if !v.knows(0, h.Size-1) {
			v.found(good, h.Size-1, Rewritten)
		}
	}
	return nil
}

// leafOf is the entry under which a hash was stored.
func leafOf(position int64) int64 {
	level, n := tlog.SplitStoredHashIndex(position)
	return (n+1)<<level - 1
}

// MarshalJSON gives the report for tools.
func (r Report) MarshalJSON() ([]byte, error) {
	type finding struct {
		First int64 `json:"first"`
		Last  int64 `json:"last"`
		What  What  `json:"what"`
	}
	list := []finding{}
	for _, f := range r.Findings {
		list = append(list, finding{f.Seq, f.Last, f.What})
	}
	return json.Marshal(map[string]any{"entries": r.Entries, "heads": r.Heads, "findings": list, "intact": len(list) == 0})
}
