// Package keystest is a working key store in memory, for the tests of packages
// that need keys. The stores that last are in store.
package keystest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/keys"
)

// Memory keeps wrapped keys until the test ends. The zero value is ready.
type Memory struct {
	mu       sync.Mutex // guards all below; a test may read Rows while nothing else runs
	Rows     []keys.Row // as stored
	accounts map[mimamori.AccountID][]byte
}

// Keys gives all rows.
func (m *Memory) Keys(context.Context) ([]keys.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]keys.Row(nil), m.Rows...), nil
}

// AddKey stores a row once.
func (m *Memory) AddKey(_ context.Context, row keys.Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.Rows {
		if r.ID == row.ID {
			return mimamori.ErrConflict
		}
	}
	m.Rows = append(m.Rows, row)
	return nil
}

// RetireKey sets a key's end.
func (m *Memory) RetireKey(_ context.Context, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.Rows {
		if r.ID == id {
			if r.RetiredAt.IsZero() || at.Before(r.RetiredAt) {
				m.Rows[i].RetiredAt = at
			}
			return nil
		}
	}
	return mimamori.ErrNotFound
}

// AccountKey gives an account's wrapped key.
func (m *Memory) AccountKey(_ context.Context, a mimamori.AccountID) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.accounts[a]; ok {
		return k, nil
	}
	return nil, mimamori.ErrNotFound
}

// AddAccountKey stores an account's wrapped key once.
func (m *Memory) AddAccountKey(_ context.Context, a mimamori.AccountID, wrapped []byte, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.accounts[a]; ok {
		return mimamori.ErrConflict
	}
	if m.accounts == nil {
		m.accounts = map[mimamori.AccountID][]byte{}
	}
	m.accounts[a] = wrapped
	return nil
}

// RewrapKey replaces a key's wrapping.
func (m *Memory) RewrapKey(_ context.Context, id string, old, wrapped []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.Rows {
		if r.ID == id && bytes.Equal(r.Wrapped, old) {
			m.Rows[i].Wrapped = wrapped
			return nil
		}
	}
	return mimamori.ErrConflict
}

// AccountKeys are the keys of accounts after one, in their order.
func (m *Memory) AccountKeys(_ context.Context, after mimamori.AccountID, limit int) (out []keys.AccountRow, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a, k := range m.accounts {
		if bytes.Compare(a[:], after[:]) > 0 {
			out = append(out, keys.AccountRow{Account: a, Wrapped: k})
		}
	}
	slices.SortFunc(out, func(x, y keys.AccountRow) int { return bytes.Compare(x.Account[:], y.Account[:]) })
	return out[:min(len(out), limit)], nil
}

// RewrapAccountKeys replaces the wrapping of those that are as they were.
func (m *Memory) RewrapAccountKeys(_ context.Context, old, wrapped []keys.AccountRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range old {
		if bytes.Equal(m.accounts[r.Account], r.Wrapped) {
			m.accounts[r.Account] = wrapped[i].Wrapped
		}
	}
	return nil
}

// Purge has nothing to do: memory keeps nothing.
func (m *Memory) Purge(context.Context) error { return nil }

// DestroyAccountKey forgets an account's key.
func (m *Memory) DestroyAccountKey(_ context.Context, a mimamori.AccountID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, a)
	return nil
}

// made are the keys of one installation, made once a test binary: an RSA key
// takes a third of a second. Each New gets a copy that begins now.
var made = sync.OnceValues(func() ([]keys.Row, error) {
	store := &Memory{}
	if _, err := keys.Open(context.Background(), store, master()); err != nil {
		return nil, err
	}
	return store.Rows, nil
})

// master is a test's master key: it need not be secret.
func master() keys.Master {
	m, _ := keys.NewMaster(make([]byte, 32)) // 32 bytes: no error
	return m
}

// New opens a ring and a vault on a fresh Memory.
func New(t interface {
	Helper()
	Fatal(...any)
	Context() context.Context
}) (*keys.Ring, *keys.Vault) {
	t.Helper()
	rows, err := made()
	if err != nil {
		t.Fatal(err)
	}
	store := &Memory{Rows: slices.Clone(rows)}
	for i := range store.Rows {
		store.Rows[i].CreatedAt, store.Rows[i].NotBefore = time.Now(), time.Now()
	}
	ring, err := keys.Open(t.Context(), store, master())
	if err != nil {
		t.Fatal(err)
	}
	return ring, keys.NewVault(store, master())
}
