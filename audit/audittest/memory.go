// Package audittest is a working audit store in memory, for the tests of
// packages that record. The stores that last are in store.
package audittest

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
	"mimamori/audit"
)

// Memory keeps a log until the test ends. The zero value is ready. Its fields
// are open so that a test can tamper with them while nothing else runs.
type Memory struct {
	mu      sync.Mutex // guards all below
	Rows    []audit.Row
	Hashes  []tlog.Hash
	Head    []byte
	Size    int64
	Anchors []audit.Anchor
}

// AppendAudit stores one entry.
func (m *Memory) AppendAudit(_ context.Context, a audit.Append) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.Row.Seq != m.Size || a.First != int64(len(m.Hashes)) {
		return mimamori.ErrConflict
	}
	m.Rows = append(m.Rows, a.Row)
	m.Hashes = append(m.Hashes, a.Hashes...)
	m.Head, m.Size = a.Head, m.Size+1
	return nil
}

// AddAuditAnchor remembers an anchor.
func (m *Memory) AddAuditAnchor(_ context.Context, a audit.Anchor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Anchors = append(m.Anchors, a)
	return nil
}

// AuditRows gives rows in order.
func (m *Memory) AuditRows(_ context.Context, from int64, limit int) ([]audit.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []audit.Row
	for _, r := range m.Rows {
		if r.Seq >= from && len(list) < limit {
			list = append(list, r)
		}
	}
	return list, nil
}

// AuditHashes gives stored hashes.
func (m *Memory) AuditHashes(_ context.Context, positions []int64) ([]tlog.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]tlog.Hash, 0, len(positions))
	for _, p := range positions {
		if p >= int64(len(m.Hashes)) {
			return nil, mimamori.ErrNotFound
		}
		list = append(list, m.Hashes[p])
	}
	return list, nil
}

// AuditHead gives the newest head.
func (m *Memory) AuditHead(context.Context) ([]byte, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Head, m.Size, nil
}

// AuditAnchors gives all anchors.
func (m *Memory) AuditAnchors(context.Context) ([]audit.Anchor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.Anchors), nil
}

// AuditEntries gives what the query picks, newest first.
func (m *Memory) AuditEntries(_ context.Context, q audit.Query) ([]audit.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := q.Limit
	if limit == 0 {
		limit = 100
	}
	var list []audit.Row
	for _, r := range slices.Backward(m.Rows) {
		if len(list) < limit && picks(q, r) {
			list = append(list, r)
		}
	}
	return list, nil
}

func picks(q audit.Query, r audit.Row) bool {
	return (q.Account == mimamori.AccountID{} || q.Account == r.Account) &&
		(q.Incident == "" || q.Incident == r.Incident) &&
		(q.Actor == "" || q.Actor == r.Actor.ID) &&
		(len(q.Acts) == 0 || slices.Contains(q.Acts, r.Act)) &&
		(q.Since.IsZero() || !r.At.Before(q.Since)) &&
		(q.Until.IsZero() || r.At.Before(q.Until)) &&
		(q.Before == 0 || r.Seq < q.Before)
}

// AuditAccounts counts accounts looked at.
func (m *Memory) AuditAccounts(_ context.Context, actor mimamori.Actor, since time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[mimamori.AccountID]bool{}
	for _, r := range m.Rows {
		if r.Actor == actor && r.Act.Looks() && !r.At.Before(since) && r.Account != (mimamori.AccountID{}) {
			seen[r.Account] = true
		}
	}
	return len(seen), nil
}
