package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/profile"
)

// Take runs the decision path's work durably (intake.Store); idle work gives
// way to decisions.
func (s *SQLite) Take(ctx context.Context, idle bool, do func(intake.Tx) error) error {
	class := Normal
	if idle {
		class = Idle
	}
	return s.Update(ctx, class, func(tx *Tx) error { return do(tx) })
}

// Account loads an account's row; a zero one, not Exists, when it is new.
func (tx *Tx) Account(id mimamori.AccountID, subject string) (*incident.Account, error) {
	return scanAccount(tx.row(`SELECT subject, ver, profile, standing FROM account WHERE account_id = ?`, id[:]), id, subject)
}

// ReadAccount is Account outside a write.
func (s *SQLite) ReadAccount(ctx context.Context, subject string) (*incident.Account, error) {
	id := mimamori.NewAccountID(subject)
	return scanAccount(s.read.QueryRowContext(ctx, `SELECT subject, ver, profile, standing FROM account WHERE account_id = ?`, id[:]), id, subject)
}

func scanAccount(row *sql.Row, id mimamori.AccountID, subject string) (*incident.Account, error) {
	a := &incident.Account{ID: id, Subject: subject}
	var held, standing string
	var prof []byte
	err := row.Scan(&held, &a.Version, &prof, &standing)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, nil
	case err != nil:
		return nil, fmt.Errorf("load account %s: %w", id, err)
	case held != subject:
		return nil, fmt.Errorf("load account %s: the row belongs to another subject: %w", id, mimamori.ErrConflict)
	}
	a.Exists = true
	if a.Profile, err = profile.Decode(prof); err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	if err := json.Unmarshal([]byte(standing), &a.Standing); err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	return a, nil
}

// PutAccount writes an account's row.
func (tx *Tx) PutAccount(a *incident.Account) error {
	prof, err := a.Profile.Encode()
	if err != nil {
		return err
	}
	standing, err := document(a.Standing)
	if err != nil {
		return err
	}
	return tx.exec(`INSERT INTO account (account_id, subject, ver, profile, standing, last_login) VALUES (?, ?, 1, ?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET ver = ver + 1, profile = excluded.profile, standing = excluded.standing, last_login = excluded.last_login`,
		a.ID[:], a.Subject, prof, standing, nanos(a.Profile.LastLogin))
}

// ActiveAccounts counts the accounts that signed in since a moment.
func (s *SQLite) ActiveAccounts(ctx context.Context, since time.Time) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE last_login >= ?`, nanos(since)).Scan(&n)
	return n, err
}

// Seen finds an event that came before under the same name.
func (tx *Tx) Seen(account mimamori.AccountID, source, id string) (intake.Seen, bool, error) {
	var seen intake.Seen
	var hash []byte
	var received int64
	err := tx.row(`SELECT hash, answer, received_at FROM event WHERE account_id = ? AND source = ? AND id = ?`, account[:], source, id).
		Scan(&hash, &seen.Answer, &received)
	if errors.Is(err, sql.ErrNoRows) {
		return seen, false, nil
	}
	if err != nil {
		return seen, false, fmt.Errorf("look for a repeat: %w", err)
	}
	copy(seen.Hash[:], hash)
	seen.ReceivedAt = moment(received)
	return seen, true, nil
}

// PutEvent keeps an event with the answer it got.
func (tx *Tx) PutEvent(e event.Event, answer string, now time.Time) error {
	hash := e.Hash()
	return tx.exec(`INSERT INTO event (account_id, source, id, at, received_at, kind, subject, hash, data, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Account[:], e.Source, e.ID, nanos(e.Time), nanos(now), string(e.Kind), e.Subject, hash[:], string(e.Data), answer)
}

const eventColumns = `source, id, at, kind, subject, data`

// Events are all of one account, oldest first.
func (s *SQLite) Events(ctx context.Context, account mimamori.AccountID) ([]event.Event, error) {
	return scanEvents(s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE account_id = ? ORDER BY at, source, id`, account[:]))
}

// Events are all of one account, oldest first, inside a write.
func (tx *Tx) Events(account mimamori.AccountID) ([]event.Event, error) {
	return scanEvents(tx.rows(`SELECT `+eventColumns+` FROM event WHERE account_id = ? ORDER BY at, source, id`, account[:]))
}

// LoginsSince are the attempts to sign in, on all accounts, that arrived
// since a moment.
func (s *SQLite) LoginsSince(ctx context.Context, since time.Time) ([]event.Event, error) {
	return scanEvents(s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE kind = 'login.attempted' AND received_at >= ? ORDER BY received_at`, nanos(since)))
}

func scanEvents(rows *sql.Rows, err error) ([]event.Event, error) {
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var out []event.Event
	for rows.Next() {
		var source, id, kind, subject, data string
		var at int64
		if err := rows.Scan(&source, &id, &at, &kind, &subject, &data); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		e, err := event.Stored(source, id, event.Kind(kind), subject, moment(at), []byte(data))
		if err != nil {
			return nil, fmt.Errorf("read event %s: %w", id, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Verdict is what is held of one session; the zero verdict when nothing is.
func (tx *Tx) Verdict(account mimamori.AccountID, session string) (journal.Verdict, error) {
	v := journal.Verdict{Session: session}
	var at int64
	err := tx.row(`SELECT owner, by, at FROM verdict WHERE account_id = ? AND session = ?`, account[:], session).Scan(&v.Owner, &v.By, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return v, nil
	}
	v.At = moment(at)
	return v, err
}

// PutVerdict writes what is held of a session.
func (tx *Tx) PutVerdict(account mimamori.AccountID, v journal.Verdict) error {
	return tx.exec(`INSERT INTO verdict (account_id, session, owner, by, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, session) DO UPDATE SET owner = excluded.owner, by = excluded.by, at = excluded.at`,
		account[:], v.Session, string(v.Owner), v.By, nanos(v.At))
}

const verdictQuery = `SELECT session, owner, by, at FROM verdict WHERE account_id = ?`

// Verdicts are what is held of an account's sessions.
func (s *SQLite) Verdicts(ctx context.Context, account mimamori.AccountID) ([]journal.Verdict, error) {
	return scanVerdicts(s.read.QueryContext(ctx, verdictQuery, account[:]))
}

// Verdicts is the same inside a write.
func (tx *Tx) Verdicts(account mimamori.AccountID) ([]journal.Verdict, error) {
	return scanVerdicts(tx.rows(verdictQuery, account[:]))
}

func scanVerdicts(rows *sql.Rows, err error) ([]journal.Verdict, error) {
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	defer rows.Close()
	var out []journal.Verdict
	for rows.Next() {
		var v journal.Verdict
		var at int64
		if err := rows.Scan(&v.Session, &v.Owner, &v.By, &at); err != nil {
			return nil, fmt.Errorf("read verdicts: %w", err)
		}
		v.At = moment(at)
		out = append(out, v)
	}
	return out, rows.Err()
}

// Import is how far an import has come; the zero one when it never began.
func (s *SQLite) Import(ctx context.Context, name string) (intake.Import, error) {
	i := intake.Import{Name: name}
	var done int
	err := s.read.QueryRowContext(ctx, `SELECT offset_, accepted, repeated, done FROM import WHERE name = ?`, name).
		Scan(&i.Offset, &i.Accepted, &i.Repeated, &done)
	if errors.Is(err, sql.ErrNoRows) {
		return i, nil
	}
	i.Done = done != 0
	return i, err
}

// PutImport notes how far an import has come, in the transaction of its lines.
func (tx *Tx) PutImport(i intake.Import, now time.Time) error {
	return tx.exec(`INSERT INTO import (name, offset_, accepted, repeated, done, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET offset_ = excluded.offset_, accepted = excluded.accepted, repeated = excluded.repeated, done = excluded.done, updated_at = excluded.updated_at`,
		i.Name, i.Offset, i.Accepted, i.Repeated, i.Done, nanos(now))
}
