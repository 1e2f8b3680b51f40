package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/staff"
)

// PersonByIdentity finds by what the identity provider calls somebody.
func (s *SQL) PersonByIdentity(ctx context.Context, issuer, subject string) (staff.Person, error) {
	p, err := scanPerson(s.at(ctx).row(`SELECT `+personColumns+` FROM person WHERE issuer = ? AND subject = ? AND issuer <> ''`, issuer, subject))
	return p, found(err, "person by identity")
}

const passkeyColumns = `id, person, name, credential, data, counter, made_at, used_at`

func scanPasskey(r scanner) (p staff.Passkey, err error) {
	err = r.Scan(&p.ID, &p.Person, &p.Name, &p.Credential, &p.Data, &p.Counter, when{&p.MadeAt}, when{&p.UsedAt})
	return p, err
}

// AddPasskey stores a passkey; ErrConflict when its credential is known.
func (s *SQL) AddPasskey(ctx context.Context, p staff.Passkey) error {
	return s.add(ctx, "staff passkey", `INSERT INTO staff_passkey (`+passkeyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		p.ID, p.Person, p.Name, p.Credential, p.Data, p.Counter, nanos(p.MadeAt), nanos(p.UsedAt))
}

// Passkeys gives a person's, oldest first.
func (s *SQL) Passkeys(ctx context.Context, person string) ([]staff.Passkey, error) {
	rows, err := s.at(ctx).rows(`SELECT `+passkeyColumns+` FROM staff_passkey WHERE person = ? ORDER BY made_at, id`, person)
	out, err := list(rows, err, scanPasskey)
	if err != nil {
		return nil, fmt.Errorf("read passkeys of %s: %w", person, err)
	}
	return out, nil
}

// AdvancePasskey notes a use by compare-and-set on the counter.
func (s *SQL) AdvancePasskey(ctx context.Context, id string, from, to int64, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE staff_passkey SET counter = ?, used_at = ? WHERE id = ? AND counter = ?`, to, nanos(at), id, from)
	if err != nil {
		return false, fmt.Errorf("note the use of passkey %s: %w", id, err)
	}
	return n == 1, nil
}

// RemovePasskey takes one away if at least so many stay; false otherwise.
func (s *SQL) RemovePasskey(ctx context.Context, person, id string, least int) (removed bool, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		// The person's row is locked first: two removals at once must not both see the other's passkey.
		if _, err := tx.changed(`UPDATE person SET version = version + 1 WHERE id = ?`, person); err != nil {
			return err
		}
		var n int
		if err := tx.row(`SELECT count(*) FROM staff_passkey WHERE person = ?`, person).Scan(&n); err != nil || n <= least {
			return err
		}
		gone, err := tx.changed(`DELETE FROM staff_passkey WHERE id = ? AND person = ?`, id, person)
		removed = gone == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remove passkey %s: %w", id, err)
	}
	return removed, nil
}

// RemovePasskeys takes all of a person's away.
func (s *SQL) RemovePasskeys(ctx context.Context, person string) error {
	if _, err := s.exec(ctx, `DELETE FROM staff_passkey WHERE person = ?`, person); err != nil {
		return fmt.Errorf("remove passkeys of %s: %w", person, err)
	}
	return nil
}

// PutStaffCeremony keeps what a sign-in began with, in place of one with the
// same ref; those that ran out are cleared away.
func (s *SQL) PutStaffCeremony(ctx context.Context, ref [32]byte, doc []byte, now, expires time.Time) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM staff_ceremony WHERE expires_at <= ?`, nanos(now)); err != nil {
			return fmt.Errorf("clear staff ceremonies: %w", err)
		}
		var n int
		if err := tx.row(`SELECT count(*) FROM staff_ceremony`).Scan(&n); err != nil {
			return fmt.Errorf("count staff ceremonies: %w", err)
		}
		if n >= staff.MaxCeremonies {
			return fmt.Errorf("begin a staff sign-in: too many have begun: %w", mimamori.ErrUnavailable)
		}
		return tx.exec(`INSERT INTO staff_ceremony (ref, doc, expires_at) VALUES (?, ?, ?)
			ON CONFLICT (ref) DO UPDATE SET doc = excluded.doc, expires_at = excluded.expires_at`, ref[:], doc, nanos(expires))
	})
}

// TakeStaffCeremony gives one once; ErrNotFound ever after, and when it has
// expired at now.
func (s *SQL) TakeStaffCeremony(ctx context.Context, ref [32]byte, now time.Time) (doc []byte, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		err := tx.row(`SELECT doc FROM staff_ceremony WHERE ref = ? AND expires_at > ?`, ref[:], nanos(now)).Scan(&doc)
		if err != nil {
			return found(err, "staff ceremony")
		}
		n, err := tx.changed(`DELETE FROM staff_ceremony WHERE ref = ?`, ref[:])
		if err == nil && n == 0 { // another transaction was first
			err = fmt.Errorf("staff ceremony: %w", mimamori.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return doc, nil
}

const inviteColumns = `hash, person, code, tries, made_at, made_by, expires_at, used_at`

func scanInvite(r scanner) (i staff.Invite, err error) {
	err = r.Scan(hash32{&i.Hash}, &i.Person, &i.Code, &i.Tries, when{&i.MadeAt}, &i.MadeBy, when{&i.ExpiresAt}, when{&i.UsedAt})
	return i, err
}

// PutInvite stores an invitation; the person's older ones count no more.
func (s *SQL) PutInvite(ctx context.Context, i staff.Invite) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM staff_invite WHERE person = ?`, i.Person); err != nil {
			return fmt.Errorf("invite %s: %w", i.Person, err)
		}
		return tx.add("invitation", `INSERT INTO staff_invite (`+inviteColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			i.Hash[:], i.Person, i.Code, i.Tries, nanos(i.MadeAt), i.MadeBy, nanos(i.ExpiresAt), nanos(i.UsedAt))
	})
}

// Invite finds by token hash.
func (s *SQL) Invite(ctx context.Context, hash [32]byte) (staff.Invite, error) {
	i, err := scanInvite(s.at(ctx).row(`SELECT `+inviteColumns+` FROM staff_invite WHERE hash = ?`, hash[:]))
	return i, found(err, "invitation")
}

// Invites gives those that are open at now.
func (s *SQL) Invites(ctx context.Context, now time.Time) ([]staff.Invite, error) {
	rows, err := s.at(ctx).rows(`SELECT `+inviteColumns+` FROM staff_invite WHERE used_at = 0 AND expires_at > ? ORDER BY made_at, person`, nanos(now))
	out, err := list(rows, err, scanInvite)
	if err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	return out, nil
}

// TryInvite counts a try of the code; false when there were so many before.
func (s *SQL) TryInvite(ctx context.Context, hash [32]byte, most int) (bool, error) {
	n, err := s.exec(ctx, `UPDATE staff_invite SET tries = tries + 1 WHERE hash = ? AND tries < ?`, hash[:], most)
	if err != nil {
		return false, fmt.Errorf("try invitation: %w", err)
	}
	return n == 1, nil
}

// UseInvite marks one used; false when it was, or has expired at now.
func (s *SQL) UseInvite(ctx context.Context, hash [32]byte, now time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE staff_invite SET used_at = ? WHERE hash = ? AND used_at = 0 AND expires_at > ?`, nanos(now), hash[:], nanos(now))
	if err != nil {
		return false, fmt.Errorf("use invitation: %w", err)
	}
	return n == 1, nil
}

// DropInvites takes a person's invitations away.
func (s *SQL) DropInvites(ctx context.Context, person string) error {
	if _, err := s.exec(ctx, `DELETE FROM staff_invite WHERE person = ?`, person); err != nil {
		return fmt.Errorf("drop invitations of %s: %w", person, err)
	}
	return nil
}
