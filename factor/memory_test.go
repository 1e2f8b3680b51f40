package factor_test

import (
	"context"
	"sync"
	"time"

	"mimamori"
	"mimamori/factor"
)

// memory is a working store for these tests; store/storetest holds the suite
// that every real one passes.
type memory struct {
	mu         sync.Mutex // guards all below
	factors    []factor.Factor
	throttles  map[string]factor.Throttle // by account and lane
	ceremonies map[string][]byte
	mailed     []factor.Mailed
	evaluated  int // tries counted

	beforeUse func() // called before a code is used; may be nil
}

func (m *memory) AddFactor(_ context.Context, f factor.Factor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.factors = append(m.factors, f)
	return nil
}

func (m *memory) Factors(_ context.Context, a mimamori.AccountID) ([]factor.Factor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []factor.Factor
	for _, f := range m.factors {
		if f.Account == a {
			list = append(list, f)
		}
	}
	return list, nil
}

func (m *memory) AdvanceFactor(_ context.Context, a mimamori.AccountID, id string, from, to int64, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.factors {
		f := &m.factors[i]
		if f.Account == a && f.ID == id && f.RemovedAt.IsZero() && f.Counter == from {
			f.Counter, f.UsedAt = to, at
			if f.UsableAt.IsZero() {
				f.UsableAt = at
			}
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) RemoveFactor(_ context.Context, a mimamori.AccountID, id string, by mimamori.Actor, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.factors {
		f := &m.factors[i]
		if f.Account == a && f.ID == id && f.RemovedAt.IsZero() {
			f.RemovedAt, f.RemovedBy = at, by
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) FactorThrottle(_ context.Context, a mimamori.AccountID, lane string) (factor.Throttle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.throttles[a.String()+lane], nil
}

func (m *memory) SetFactorThrottle(_ context.Context, a mimamori.AccountID, lane string, from, to factor.Throttle) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.throttles[a.String()+lane].Failures != from.Failures {
		return false, nil
	}
	if m.throttles == nil {
		m.throttles = map[string]factor.Throttle{}
	}
	m.throttles[a.String()+lane] = to
	return true, nil
}

func (m *memory) IssueMailed(_ context.Context, c factor.Mailed, since time.Time, max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, o := range m.mailed {
		if o.Account == c.Account && o.Purpose == c.Purpose && o.Lane == c.Lane && o.IssuedAt.After(since) {
			n++
		}
	}
	if n >= max {
		return mimamori.ErrDenied
	}
	for i := range m.mailed {
		o := &m.mailed[i]
		if o.Request == c.Request && o.UsedAt.IsZero() && o.VoidAt.IsZero() {
			o.VoidAt = c.IssuedAt
		}
	}
	m.mailed = append(m.mailed, c)
	return nil
}

func (m *memory) LastMailed(_ context.Context, r factor.Request) (factor.Mailed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.mailed) - 1; i >= 0; i-- {
		if m.mailed[i].Request == r {
			return m.mailed[i], nil
		}
	}
	return factor.Mailed{}, mimamori.ErrNotFound
}

func (m *memory) CountMailedTry(_ context.Context, a mimamori.AccountID, id string, tries int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.mailed {
		c := &m.mailed[i]
		if c.Account == a && c.ID == id && c.Tries == tries && c.UsedAt.IsZero() && c.VoidAt.IsZero() {
			c.Tries++
			m.evaluated++
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) UseMailed(_ context.Context, a mimamori.AccountID, id string, at time.Time) (bool, error) {
	if m.beforeUse != nil {
		m.beforeUse()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.mailed {
		c := &m.mailed[i]
		if c.Account == a && c.ID == id && c.UsedAt.IsZero() && c.VoidAt.IsZero() {
			c.UsedAt = at
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) ConfirmFactor(_ context.Context, a mimamori.AccountID, id string, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.factors {
		f := &m.factors[i]
		if f.Account == a && f.ID == id && f.Usable() && f.ConfirmedAt.IsZero() {
			f.ConfirmedAt = at
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) NameFactor(_ context.Context, a mimamori.AccountID, id, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.factors {
		f := &m.factors[i]
		if f.Account == a && f.ID == id && f.RemovedAt.IsZero() {
			f.Name = name
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) PutCeremony(_ context.Context, a mimamori.AccountID, ref string, doc []byte, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ceremonies == nil {
		m.ceremonies = map[string][]byte{}
	}
	m.ceremonies[a.String()+ref] = doc
	return nil
}

func (m *memory) TakeCeremony(_ context.Context, a mimamori.AccountID, ref string, _ time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	doc, ok := m.ceremonies[a.String()+ref]
	if !ok {
		return nil, mimamori.ErrNotFound
	}
	delete(m.ceremonies, a.String()+ref)
	return doc, nil
}
