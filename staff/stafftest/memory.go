// Package stafftest is a working staff store in memory, for the tests of
// packages that need people at the desk. The stores that last are in store.
package stafftest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

// Memory keeps people, sessions, keys and proposals until the test ends. The
// zero value is ready.
type Memory struct {
	mu        sync.Mutex // guards all below
	people    []staff.Person
	sessions  []staff.Session
	keys      []staff.APIKey
	proposals []staff.Proposal
	passkeys  []staff.Passkey
	invites   []staff.Invite
	begun     map[[32]byte]begun
}

// AddPerson stores a person.
func (m *Memory) AddPerson(_ context.Context, p staff.Person, first bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if first && len(m.people) > 0 || slices.ContainsFunc(m.people, func(o staff.Person) bool {
		return o.Login == p.Login || p.External() && o.Issuer == p.Issuer && o.Subject == p.Subject
	}) {
		return mimamori.ErrConflict
	}
	m.people = append(m.people, p)
	return nil
}

// Person finds by id.
func (m *Memory) Person(_ context.Context, id string) (staff.Person, error) {
	return m.find(func(p staff.Person) bool { return p.ID == id })
}

// PersonByLogin finds by login.
func (m *Memory) PersonByLogin(_ context.Context, login string) (staff.Person, error) {
	return m.find(func(p staff.Person) bool { return p.Login == login })
}

func (m *Memory) find(is func(staff.Person) bool) (staff.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.people, is); i >= 0 {
		return m.people[i], nil
	}
	return staff.Person{}, mimamori.ErrNotFound
}

// People gives all by login.
func (m *Memory) People(context.Context) ([]staff.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(slices.Values(m.people), func(a, b staff.Person) int { return cmp.Compare(a.Login, b.Login) }), nil
}

// UpdatePerson replaces by compare-and-set.
func (m *Memory) UpdatePerson(_ context.Context, p staff.Person) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range m.people {
		if o.ID == p.ID && o.Version == p.Version {
			p.Version++
			m.people[i] = p
			return true, nil
		}
	}
	return false, nil
}

// AddStaffSession stores a session.
func (m *Memory) AddStaffSession(_ context.Context, s staff.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(m.sessions, s)
	return nil
}

// StaffSession finds by hash.
func (m *Memory) StaffSession(_ context.Context, hash [32]byte) (staff.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if s.Hash == hash {
			return s, nil
		}
	}
	return staff.Session{}, mimamori.ErrNotFound
}

// StaffSessions gives a person's, newest first.
func (m *Memory) StaffSessions(_ context.Context, person string, since time.Time) ([]staff.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []staff.Session
	for _, s := range slices.Backward(m.sessions) {
		if s.Person == person && !s.StartedAt.Before(since) {
			list = append(list, s)
		}
	}
	return list, nil
}

// TouchStaffSession notes that it was seen.
func (m *Memory) TouchStaffSession(_ context.Context, hash [32]byte, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sessions {
		if s := &m.sessions[i]; s.Hash == hash && s.SeenAt.Before(at) {
			s.SeenAt = at
		}
	}
	return nil
}

// ReplaceStaffSession ends old and stores s.
func (m *Memory) ReplaceStaffSession(_ context.Context, old [32]byte, s staff.Session) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sessions {
		if o := &m.sessions[i]; o.Hash == old && o.EndedAt.IsZero() {
			o.EndedAt = s.SeenAt
			m.sessions = append(m.sessions, s)
			return true, nil
		}
	}
	return false, nil
}

// EndStaffSessions ends a person's but one.
func (m *Memory) EndStaffSessions(_ context.Context, person string, keep [32]byte, at time.Time) error {
	m.end(at, func(s staff.Session) bool { return s.Person == person && s.Hash != keep })
	return nil
}

// EndStaffSession ends one.
func (m *Memory) EndStaffSession(_ context.Context, hash [32]byte, at time.Time) error {
	m.end(at, func(s staff.Session) bool { return s.Hash == hash })
	return nil
}

func (m *Memory) end(at time.Time, is func(staff.Session) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sessions {
		if s := &m.sessions[i]; is(*s) && s.EndedAt.IsZero() {
			s.EndedAt = at
		}
	}
}

// AddAPIKey stores a key.
func (m *Memory) AddAPIKey(_ context.Context, k staff.APIKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = append(m.keys, k)
	return nil
}

// APIKey finds by id.
func (m *Memory) APIKey(_ context.Context, id string) (staff.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.ID == id {
			return k, nil
		}
	}
	return staff.APIKey{}, mimamori.ErrNotFound
}

// APIKeys gives all, newest first.
func (m *Memory) APIKeys(context.Context) ([]staff.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.keys)
	slices.Reverse(list)
	return list, nil
}

// RevokeAPIKey ends a key.
func (m *Memory) RevokeAPIKey(_ context.Context, id string, at time.Time) error {
	return m.key(id, func(k *staff.APIKey) {
		if k.RevokedAt.IsZero() {
			k.RevokedAt = at
		}
	})
}

// TouchAPIKey notes its use.
func (m *Memory) TouchAPIKey(_ context.Context, id string, at time.Time) error {
	return m.key(id, func(k *staff.APIKey) { k.UsedAt = at })
}

func (m *Memory) key(id string, change func(*staff.APIKey)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if m.keys[i].ID == id {
			change(&m.keys[i])
			return nil
		}
	}
	return mimamori.ErrNotFound
}

// AddProposal stores a proposal.
func (m *Memory) AddProposal(_ context.Context, p staff.Proposal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proposals = append(m.proposals, p)
	return nil
}

// Proposal finds by id.
func (m *Memory) Proposal(_ context.Context, id string) (staff.Proposal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.proposals {
		if p.ID == id {
			return p, nil
		}
	}
	return staff.Proposal{}, mimamori.ErrNotFound
}

// OpenProposals gives what waits.
func (m *Memory) OpenProposals(_ context.Context, target audit.Target, now time.Time) ([]staff.Proposal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []staff.Proposal
	for _, p := range m.proposals {
		if p.State == staff.Open && now.Before(p.ExpiresAt) && (target.Incident == "" || p.Target.Incident == target.Incident) {
			list = append(list, p)
		}
	}
	return list, nil
}

// DecideProposal decides once.
func (m *Memory) DecideProposal(_ context.Context, id string, state staff.ProposalState, by string, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.proposals {
		if p := &m.proposals[i]; p.ID == id && p.State == staff.Open && at.Before(p.ExpiresAt) {
			p.State, p.DecidedBy, p.DecidedAt = state, by, at
			return true, nil
		}
	}
	return false, nil
}
