package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"mimamori"
	"mimamori/staff"
)

const personColumns = `id, login, name, roles, lang, own, version, password_salt, password_hash, factor_secret, factor_step,
	known_failures, known_until, strange_failures, strange_until, created_at, disabled_at, issuer, subject`

// AddPerson stores a new person. ErrConflict when the login is taken or, with
// first set, when there is anybody already.
func (s *SQL) AddPerson(ctx context.Context, p staff.Person, first bool) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lockAll("person"); err != nil {
			return err
		}
		var n int
		if err := tx.row(`SELECT count(*) FROM person`).Scan(&n); err != nil {
			return fmt.Errorf("count people: %w", err)
		}
		if first && n > 0 {
			return fmt.Errorf("add the first person: there is one: %w", mimamori.ErrConflict)
		}
		return tx.add("person "+p.ID, `INSERT INTO person (`+personColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			p.ID, p.Login, p.Name, textsOf(p.Roles), string(p.Lang), textsOf(hexes(p.Own)), p.Version, p.PasswordSalt, p.PasswordHash, p.FactorSecret, p.FactorStep,
			p.Known.Failures, nanos(p.Known.Until), p.Strange.Failures, nanos(p.Strange.Until), nanos(p.CreatedAt), nanos(p.DisabledAt), p.Issuer, p.Subject)
	})
}

func hexes(accounts []mimamori.AccountID) []string {
	var out []string
	for _, a := range accounts {
		out = append(out, a.String())
	}
	return out
}

func scanPerson(r scanner) (p staff.Person, err error) {
	var own []string
	err = r.Scan(&p.ID, &p.Login, &p.Name, texts[staff.Role]{&p.Roles}, &p.Lang, texts[string]{&own}, &p.Version, &p.PasswordSalt, &p.PasswordHash, &p.FactorSecret, &p.FactorStep,
		&p.Known.Failures, when{&p.Known.Until}, &p.Strange.Failures, when{&p.Strange.Until}, when{&p.CreatedAt}, when{&p.DisabledAt}, &p.Issuer, &p.Subject)
	if err != nil {
		return p, err
	}
	for _, o := range own {
		var id mimamori.AccountID
		if _, err := hex.Decode(id[:], []byte(o)); err != nil || len(o) != 2*len(id) {
			return p, fmt.Errorf("own account of %s: no key", p.ID)
		}
		p.Own = append(p.Own, id)
	}
	return p, nil
}

// Person finds by id.
func (s *SQL) Person(ctx context.Context, id string) (staff.Person, error) {
	p, err := scanPerson(s.at(ctx).row(`SELECT `+personColumns+` FROM person WHERE id = ?`, id))
	return p, found(err, "person "+id)
}

// PersonByLogin finds by login; the error does not repeat what was typed.
func (s *SQL) PersonByLogin(ctx context.Context, login string) (staff.Person, error) {
	p, err := scanPerson(s.at(ctx).row(`SELECT `+personColumns+` FROM person WHERE login = ?`, login))
	return p, found(err, "person by login")
}

// People gives all, disabled ones too, by login.
func (s *SQL) People(ctx context.Context) ([]staff.Person, error) {
	rows, err := s.at(ctx).rows(`SELECT ` + personColumns + ` FROM person ORDER BY login`)
	out, err := list(rows, err, scanPerson)
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return out, nil
}

// UpdatePerson replaces a person by compare-and-set on Version.
func (s *SQL) UpdatePerson(ctx context.Context, p staff.Person) (bool, error) {
	n, err := s.exec(ctx, `UPDATE person SET name = ?, roles = ?, lang = ?, own = ?, version = version + 1, password_salt = ?, password_hash = ?,
		factor_secret = ?, factor_step = ?, known_failures = ?, known_until = ?, strange_failures = ?, strange_until = ?, disabled_at = ?
		WHERE id = ? AND version = ?`,
		p.Name, textsOf(p.Roles), string(p.Lang), textsOf(hexes(p.Own)), p.PasswordSalt, p.PasswordHash, p.FactorSecret, p.FactorStep,
		p.Known.Failures, nanos(p.Known.Until), p.Strange.Failures, nanos(p.Strange.Until), nanos(p.DisabledAt), p.ID, p.Version)
	if err != nil {
		return false, fmt.Errorf("update person %s: %w", p.ID, err)
	}
	return n == 1, nil
}

const staffSessionColumns = `hash, person, started_at, seen_at, auth_at, ended_at, ip, user_agent, way, strong`

func scanStaffSession(r scanner) (x staff.Session, err error) {
	err = r.Scan(hash32{&x.Hash}, &x.Person, when{&x.StartedAt}, when{&x.SeenAt}, when{&x.AuthAt}, when{&x.EndedAt}, &x.IP, &x.UserAgent, &x.Way, &x.Strong)
	return x, err
}

// AddStaffSession stores a session.
func (s *SQL) AddStaffSession(ctx context.Context, x staff.Session) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.addStaffSession(x) })
}

func (tx *tx) addStaffSession(x staff.Session) error {
	return tx.add("staff session", `INSERT INTO staff_session (`+staffSessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		x.Hash[:], x.Person, nanos(x.StartedAt), nanos(x.SeenAt), nanos(x.AuthAt), nanos(x.EndedAt), x.IP, x.UserAgent, string(x.Way), x.Strong)
}

// StaffSession finds by token hash.
func (s *SQL) StaffSession(ctx context.Context, hash [32]byte) (staff.Session, error) {
	x, err := scanStaffSession(s.at(ctx).row(`SELECT `+staffSessionColumns+` FROM staff_session WHERE hash = ?`, hash[:]))
	return x, found(err, "staff session")
}

// StaffSessions gives a person's, newest first, begun at or after since.
func (s *SQL) StaffSessions(ctx context.Context, person string, since time.Time) ([]staff.Session, error) {
	rows, err := s.at(ctx).rows(`SELECT `+staffSessionColumns+` FROM staff_session WHERE person = ? AND started_at >= ? ORDER BY started_at DESC, n DESC`, person, nanos(since))
	out, err := list(rows, err, scanStaffSession)
	if err != nil {
		return nil, fmt.Errorf("read staff sessions of %s: %w", person, err)
	}
	return out, nil
}

// TouchStaffSession sets SeenAt if it is later than the stored one.
func (s *SQL) TouchStaffSession(ctx context.Context, hash [32]byte, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE staff_session SET seen_at = ? WHERE hash = ? AND seen_at < ?`, nanos(at), hash[:], nanos(at))
	if err != nil {
		return fmt.Errorf("touch staff session: %w", err)
	}
	return nil
}

// ReplaceStaffSession ends old and stores x; false when old had ended.
func (s *SQL) ReplaceStaffSession(ctx context.Context, old [32]byte, x staff.Session) (replaced bool, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		n, err := tx.changed(`UPDATE staff_session SET ended_at = ? WHERE hash = ? AND ended_at = 0`, nanos(x.SeenAt), old[:])
		if replaced = err == nil && n == 1; !replaced {
			return err
		}
		return tx.addStaffSession(x)
	})
	if err != nil {
		return false, fmt.Errorf("replace staff session: %w", err)
	}
	return replaced, nil
}

// EndStaffSessions ends a person's living sessions but the one kept.
func (s *SQL) EndStaffSessions(ctx context.Context, person string, keep [32]byte, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE staff_session SET ended_at = ? WHERE person = ? AND hash <> ? AND ended_at = 0`, nanos(at), person, keep[:])
	if err != nil {
		return fmt.Errorf("end staff sessions of %s: %w", person, err)
	}
	return nil
}

// EndStaffSession ends one; nil when it had ended.
func (s *SQL) EndStaffSession(ctx context.Context, hash [32]byte, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE staff_session SET ended_at = ? WHERE hash = ? AND ended_at = 0`, nanos(at), hash[:])
	if err != nil {
		return fmt.Errorf("end staff session: %w", err)
	}
	return nil
}
