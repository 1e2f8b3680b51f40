package keys_test

import (
	"context"
	"sync"
	"time"

	"mimamori"
	"mimamori/keys"
)

// memory is a working store for these tests; store/storetest holds the suite
// that every real one passes.
type memory struct {
	mu       sync.Mutex // guards all below
	rows     []keys.Row
	accounts map[mimamori.AccountID][]byte
}

func (m *memory) Keys(context.Context) ([]keys.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]keys.Row(nil), m.rows...), nil
}

func (m *memory) AddKey(_ context.Context, row keys.Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.ID == row.ID {
			return mimamori.ErrConflict
		}
	}
	m.rows = append(m.rows, row)
	return nil
}

func (m *memory) RetireKey(_ context.Context, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.rows {
		if r.ID == id {
			if r.RetiredAt.IsZero() || at.Before(r.RetiredAt) {
				m.rows[i].RetiredAt = at
			}
			return nil
		}
	}
	return mimamori.ErrNotFound
}

func (m *memory) AccountKey(_ context.Context, a mimamori.AccountID) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.accounts[a]; ok {
		return k, nil
	}
	return nil, mimamori.ErrNotFound
}

func (m *memory) AddAccountKey(_ context.Context, a mimamori.AccountID, wrapped []byte, _ time.Time) error {
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

func (m *memory) DestroyAccountKey(_ context.Context, a mimamori.AccountID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, a)
	return nil
}
