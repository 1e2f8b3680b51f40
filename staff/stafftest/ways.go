package stafftest

import (
	"bytes"
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/staff"
)

type begun struct {
	doc     []byte
	expires time.Time
}

// PersonByIdentity finds by issuer and subject.
func (m *Memory) PersonByIdentity(_ context.Context, issuer, subject string) (staff.Person, error) {
	return m.find(func(p staff.Person) bool { return p.External() && p.Issuer == issuer && p.Subject == subject })
}

// AddPasskey stores a passkey.
func (m *Memory) AddPasskey(_ context.Context, p staff.Passkey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.passkeys, func(o staff.Passkey) bool { return bytes.Equal(o.Credential, p.Credential) }) {
		return mimamori.ErrConflict
	}
	m.passkeys = append(m.passkeys, p)
	return nil
}

// Passkeys gives a person's.
func (m *Memory) Passkeys(_ context.Context, person string) ([]staff.Passkey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []staff.Passkey
	for _, p := range m.passkeys {
		if p.Person == person {
			out = append(out, p)
		}
	}
	return out, nil
}

// AdvancePasskey notes a use.
func (m *Memory) AdvancePasskey(_ context.Context, id string, from, to int64, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.passkeys {
		if p := &m.passkeys[i]; p.ID == id && p.Counter == from {
			p.Counter, p.UsedAt = to, at
			return true, nil
		}
	}
	return false, nil
}

// RemovePasskey takes one away if enough stay.
func (m *Memory) RemovePasskey(_ context.Context, person, id string, least int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range m.passkeys {
		if p.Person == person {
			n++
		}
	}
	before := len(m.passkeys)
	if n > least {
		m.passkeys = slices.DeleteFunc(m.passkeys, func(p staff.Passkey) bool { return p.Person == person && p.ID == id })
	}
	return len(m.passkeys) < before, nil
}

// RemovePasskeys takes all away.
func (m *Memory) RemovePasskeys(_ context.Context, person string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passkeys = slices.DeleteFunc(m.passkeys, func(p staff.Passkey) bool { return p.Person == person })
	return nil
}

// PutStaffCeremony keeps a ceremony.
func (m *Memory) PutStaffCeremony(_ context.Context, ref [32]byte, doc []byte, now, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun == nil {
		m.begun = map[[32]byte]begun{}
	}
	for r, b := range m.begun {
		if !now.Before(b.expires) {
			delete(m.begun, r)
		}
	}
	if len(m.begun) >= staff.MaxCeremonies {
		return mimamori.ErrUnavailable
	}
	m.begun[ref] = begun{doc, expires}
	return nil
}

// TakeStaffCeremony gives it once.
func (m *Memory) TakeStaffCeremony(_ context.Context, ref [32]byte, now time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.begun[ref]
	delete(m.begun, ref)
	if !ok || !now.Before(b.expires) {
		return nil, mimamori.ErrNotFound
	}
	return b.doc, nil
}

// PutInvite stores an invitation in the place of older ones.
func (m *Memory) PutInvite(ctx context.Context, i staff.Invite) error {
	if err := m.DropInvites(ctx, i.Person); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invites = append(m.invites, i)
	return nil
}

// Invite finds by hash.
func (m *Memory) Invite(_ context.Context, hash [32]byte) (staff.Invite, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.invites {
		if i.Hash == hash {
			return i, nil
		}
	}
	return staff.Invite{}, mimamori.ErrNotFound
}

// Invites gives the open ones.
func (m *Memory) Invites(_ context.Context, now time.Time) ([]staff.Invite, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []staff.Invite
	for _, i := range m.invites {
		if i.UsedAt.IsZero() && now.Before(i.ExpiresAt) {
			out = append(out, i)
		}
	}
	return out, nil
}

// TryInvite counts a try.
func (m *Memory) TryInvite(_ context.Context, hash [32]byte, most int) (bool, error) {
	return m.invitation(hash, func(i *staff.Invite) bool {
		if i.Tries >= most {
			return false
		}
		i.Tries++
		return true
	}), nil
}

// UseInvite marks it used.
func (m *Memory) UseInvite(_ context.Context, hash [32]byte, now time.Time) (bool, error) {
	return m.invitation(hash, func(i *staff.Invite) bool {
		if !i.UsedAt.IsZero() || !now.Before(i.ExpiresAt) {
			return false
		}
		i.UsedAt = now
		return true
	}), nil
}

func (m *Memory) invitation(hash [32]byte, do func(*staff.Invite) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.invites {
		if m.invites[i].Hash == hash {
			return do(&m.invites[i])
		}
	}
	return false
}

// DropInvites takes a person's away.
func (m *Memory) DropInvites(_ context.Context, person string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invites = slices.DeleteFunc(m.invites, func(i staff.Invite) bool { return i.Person == person })
	return nil
}

// RotateAPIKey stores the next key and ends the old one later.
func (m *Memory) RotateAPIKey(_ context.Context, id string, until time.Time, next staff.APIKey) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if k := &m.keys[i]; k.ID == id && k.RevokedAt.IsZero() && k.ReplacedBy == "" {
			k.ReplacedBy = next.ID
			if k.ExpiresAt.IsZero() || k.ExpiresAt.After(until) {
				k.ExpiresAt = until
			}
			m.keys = append(m.keys, next)
			return true, nil
		}
	}
	return false, nil
}
