package store

import (
	"context"
	"database/sql"
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

// Take runs the decision path's work durably (intake.Store): what is no event
// is somebody's word or a second look, and goes before decisions; idle work
// gives way to them.
func (s *SQL) Take(ctx context.Context, idle bool, do func(intake.Tx) error) error {
	class := Urgent
	if idle {
		class = Idle
	}
	return s.update(ctx, class, func(tx *tx) error { return do(tx) })
}

// TakeEvents is Take for a write that is about these events.
func (s *SQL) TakeEvents(ctx context.Context, idle bool, events []event.Event, do func(intake.Tx) error) error {
	return s.engine.updateAbout(ctx, pathClass(idle), events, func(tx *tx) error { return do(tx) })
}

func pathClass(idle bool) Class {
	if idle {
		return Idle
	}
	return Normal
}

// Account loads an account's row; a zero one, not Exists, when it is new.
func (tx *tx) Account(id mimamori.AccountID, subject string) (*incident.Account, error) {
	row, err := tx.accountRow(id)
	if err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	return row.open(id, subject)
}

// accountRow reads an account's row, and keeps others off it where there are
// others. The zero row: there is none.
func (tx *tx) accountRow(id mimamori.AccountID) (row accountRow, err error) {
	if tx.ahead != nil {
		if row, read := tx.ahead.account(id); read {
			return row, nil
		}
	}
	return tx.readRow(id)
}

func (tx *tx) readRow(id mimamori.AccountID) (row accountRow, err error) {
	if tx.rowLocks {
		row, err = scanAccount(tx.row(`UPDATE account SET ver = ver + 1 WHERE account_id = ? RETURNING `+accountColumns, id[:]))
	} else {
		row, err = scanAccount(tx.row(readAccount, id[:]))
	}
	if errors.Is(err, sql.ErrNoRows) {
		row, err = accountRow{}, nil
	}
	if err == nil && tx.ahead != nil {
		tx.ahead.noteAccount(id, row)
	}
	return row, err
}

// accountRow is an account as it stands in its table.
type accountRow struct {
	subject           string
	ver, day          int64
	standing, profile []byte
}

const (
	accountColumns = `subject, ver, login_day, standing, profile`
	readAccount    = `SELECT ` + accountColumns + ` FROM account WHERE account_id = ?`
)

func scanAccount(r scanner) (row accountRow, err error) {
	err = r.Scan(&row.subject, &row.ver, &row.day, &row.standing, &row.profile)
	return row, err
}

// open makes of a row what the domain works with.
func (row accountRow) open(id mimamori.AccountID, subject string) (*incident.Account, error) {
	a := &incident.Account{ID: id, Subject: subject}
	if row.ver == 0 {
		return a, nil
	}
	if row.subject != subject {
		return nil, fmt.Errorf("load account %s: the row belongs to another subject: %w", id, mimamori.ErrConflict)
	}
	a.Exists, a.Version = true, row.ver
	var err error
	if a.Profile, err = profile.Decode(row.profile); err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	if a.Standing, err = incident.DecodeStanding(row.standing); err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	return a, nil
}

// ReadAccount is Account outside a write.
func (s *SQL) ReadAccount(ctx context.Context, subject string) (*incident.Account, error) {
	id := mimamori.NewAccountID(subject)
	row, err := scanAccount(s.at(ctx).row(readAccount, id[:]))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	return row.open(id, subject)
}

// PutAccount writes an account's row.
func (tx *tx) PutAccount(a *incident.Account) error {
	prof, err := a.Profile.Encode()
	if err != nil {
		return err
	}
	standing, err := a.Standing.Encode()
	if err != nil {
		return fmt.Errorf("encode standing: %w", err)
	}
	if tx.ahead != nil {
		tx.ahead.putAccount(a.ID, accountRow{a.Subject, 1, day(a.Profile.LastLogin), standing, prof})
		return nil
	}
	return tx.exec(putAccount, a.ID[:], a.Subject, day(a.Profile.LastLogin), string(standing), prof)
}

const putAccount = `INSERT INTO account (account_id, subject, ver, login_day, standing, profile) VALUES (?, ?, 1, ?, ?, ?)
	ON CONFLICT (account_id) DO UPDATE SET ver = account.ver + 1, login_day = excluded.login_day, standing = excluded.standing, profile = excluded.profile`

// day counts from 1970; 0 is never. By the day, an account's place in the
// index of logins changes once a day and not with each.
func day(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix() / (24 * 60 * 60)
}

// ActiveAccounts counts the accounts that signed in since a moment, taken to
// the start of its day.
func (s *SQL) ActiveAccounts(ctx context.Context, since time.Time) (int, error) {
	var n int
	query := `SELECT count(*) FROM account WHERE login_day >= ?`
	if s.counted {
		query = `SELECT coalesce(sum(n), 0) FROM login_days WHERE day >= ?`
	}
	if err := s.at(ctx).row(query, max(day(since), 1)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count active accounts: %w", err)
	}
	return n, nil
}

// Seen finds an event that came before under the same name.
func (tx *tx) Seen(account mimamori.AccountID, source, id string) (intake.Seen, bool, error) {
	if tx.ahead != nil {
		if seen, there, read := tx.ahead.seen(eventName{account, source, id}); read {
			return seen, there, nil
		}
	}
	return tx.lookForEvent(account, source, id)
}

// lookForEvent asks the database. What is taken the address of stands apart
// from what each decision runs, here and below: it is on the heap.
func (tx *tx) lookForEvent(account mimamori.AccountID, source, id string) (intake.Seen, bool, error) {
	var seen intake.Seen
	var kind string
	var data []byte
	err := tx.row(`SELECT at, kind, subject, data, answer, received_at FROM event WHERE `+tx.s.named(), account[:], source, id).
		Scan(when{&seen.Of.Time}, &kind, &seen.Of.Subject, &data, &seen.Answer, when{&seen.ReceivedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return seen, false, nil
	}
	if err != nil {
		return seen, false, fmt.Errorf("look for a repeat: %w", err)
	}
	seen.Of.ID, seen.Of.Source, seen.Of.Account, seen.Of.Kind, seen.Of.Data = id, source, account, event.Kind(kind), data
	return seen, true, nil
}

// PutEvent keeps an event with the answer it got.
func (tx *tx) PutEvent(e event.Event, answer string, now time.Time) error {
	if err := tx.indexMails(e); err != nil {
		return err
	}
	if tx.ahead != nil {
		// Only one that is known to be new may wait: the error of a taken name
		// is this write's own, and not its neighbours'.
		if _, there, read := tx.ahead.seen(eventName{e.Account, e.Source, e.ID}); read && !there {
			tx.ahead.putEvent(e, answer, now)
			return nil
		}
	}
	if tx.s.indexes {
		return tx.putUnread(e, answer, now)
	}
	return tx.writeEvent(e, answer, now)
}

// putUnread is PutEvent where no key refuses a taken name.
func (tx *tx) putUnread(e event.Event, answer string, now time.Time) error {
	_, there, err := tx.Seen(e.Account, e.Source, e.ID)
	if err == nil && there {
		err = fmt.Errorf("event %s is there: %w", e.ID, mimamori.ErrConflict)
	}
	if err != nil {
		return err
	}
	tx.ahead.putEvent(e, answer, now)
	return nil
}

func (tx *tx) writeEvent(e event.Event, answer string, now time.Time) error {
	at := nanos(e.Time)
	sum := eventSum(string(e.Kind), e.Subject, e.Source, e.ID, at, e.Data)
	return tx.exec(`INSERT INTO event (`+eventRow+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Account[:], e.Source, e.ID, at, nanos(now), string(e.Kind), e.Subject, sum[:], string(e.Data), answer)
}

// eventRow is an event's row. hash was a SHA-256 of the content until it was
// seen that a repeat can be compared with the row itself; it is eventSum now.
const eventRow = `account_id, source, id, at, received_at, kind, subject, hash, data, answer`

const eventColumns = `source, id, at, kind, subject, data`

// Events are all of one account, oldest first.
func (s *SQL) Events(ctx context.Context, account mimamori.AccountID) ([]event.Event, error) {
	return eventsOf(s, s.at(ctx), account)
}

// Events are all of one account, oldest first, inside a write.
func (tx *tx) Events(account mimamori.AccountID) ([]event.Event, error) {
	return eventsOf(tx.s, tx, account)
}

func eventsOf(s *SQL, r reader, account mimamori.AccountID) ([]event.Event, error) {
	rows, err := r.rows(`SELECT `+eventColumns+` FROM event WHERE `+s.ofAccount("", "?1", "")+` ORDER BY at, source, id`, account[:])
	out, err := list(rows, err, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", account, err)
	}
	return out, nil
}

// EventsAfter are the events of an account that were written after a mark (0:
// all), in the order of their times, with the mark of the newest and how many
// the account has in all. Whoever holds as many as that holds them all.
func (s *SQL) EventsAfter(ctx context.Context, account mimamori.AccountID, mark int64) (events []event.Event, newest int64, all int, err error) {
	at := s.at(ctx)
	if err := at.row(`SELECT count(*), coalesce(max(n), 0) FROM `+s.numbersOfAccount(), account[:]).Scan(&all, &newest); err != nil {
		return nil, 0, 0, fmt.Errorf("count events of %s: %w", account, err)
	}
	if newest == mark {
		return nil, newest, all, nil
	}
	// Up to the newest counted: what comes in between is the next look's.
	rows, err := at.rows(`SELECT `+eventColumns+` FROM event WHERE `+s.ofAccount("", "?1", " AND n > ?2 AND n <= ?3")+` ORDER BY at, source, id`, account[:], mark, newest)
	if events, err = list(rows, err, scanEvent); err != nil {
		return nil, 0, 0, fmt.Errorf("read events of %s: %w", account, err)
	}
	return events, newest, all, nil
}

// LoginsSince are the attempts to sign in, on all accounts, that arrived since
// a moment, in the order they did: at most so many, and from when on to ask for
// the next. The zero time: there are no more.
func (s *SQL) LoginsSince(ctx context.Context, since time.Time, most int) (logins []event.Event, next time.Time, err error) {
	var arrived []time.Time
	rows, err := s.at(ctx).rows(`SELECT `+eventColumns+`, received_at FROM event WHERE kind = 'login.attempted' AND received_at >= ? ORDER BY received_at LIMIT ?`, nanos(since), most)
	logins, err = list(rows, err, func(r scanner) (event.Event, error) {
		arrived = append(arrived, time.Time{})
		return scanEventAnd(r, when{&arrived[len(arrived)-1]})
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read logins: %w", err)
	}
	if len(logins) < most {
		return logins, time.Time{}, nil
	}
	// Those of the last moment may go on beyond these: they come next time.
	last, n := arrived[len(arrived)-1], len(logins)
	for n > 0 && arrived[n-1].Equal(last) {
		n--
	}
	if n == 0 { // all of one moment, which none but a test has
		return logins, last.Add(1), nil
	}
	return logins[:n], last, nil
}

func scanEvent(r scanner) (event.Event, error) { return scanEventAnd(r) }

// scanEventAnd reads an event and the columns after it.
func scanEventAnd(r scanner, more ...any) (event.Event, error) {
	var source, id, kind, subject string
	var data []byte
	var at time.Time
	if err := r.Scan(append([]any{&source, &id, when{&at}, &kind, &subject, &data}, more...)...); err != nil {
		return event.Event{}, err
	}
	e, err := event.Stored(source, id, event.Kind(kind), subject, at, data)
	if err != nil {
		return event.Event{}, fmt.Errorf("event %s: %w", id, err)
	}
	return e, nil
}

const verdictColumns = `session, owner, by, at`

// Verdict is what is held of one session; the zero verdict when nothing is.
func (tx *tx) Verdict(account mimamori.AccountID, session string) (journal.Verdict, error) {
	v, err := scanVerdict(tx.row(`SELECT `+verdictColumns+` FROM verdict WHERE account_id = ? AND session = ?`, account[:], session))
	if errors.Is(err, sql.ErrNoRows) {
		return journal.Verdict{Session: session}, nil
	}
	if err != nil {
		return journal.Verdict{}, fmt.Errorf("read verdict: %w", err)
	}
	return v, nil
}

// PutVerdict writes what is held of a session.
func (tx *tx) PutVerdict(account mimamori.AccountID, v journal.Verdict) error {
	return tx.exec(`INSERT INTO verdict (account_id, session, owner, by, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, session) DO UPDATE SET owner = excluded.owner, by = excluded.by, at = excluded.at`,
		account[:], v.Session, string(v.Owner), v.By, nanos(v.At))
}

// Verdicts are what is held of an account's sessions.
func (s *SQL) Verdicts(ctx context.Context, account mimamori.AccountID) ([]journal.Verdict, error) {
	return verdictsOf(s.at(ctx), account)
}

// Verdicts is the same inside a write.
func (tx *tx) Verdicts(account mimamori.AccountID) ([]journal.Verdict, error) {
	return verdictsOf(tx, account)
}

func verdictsOf(r reader, account mimamori.AccountID) ([]journal.Verdict, error) {
	rows, err := r.rows(`SELECT `+verdictColumns+` FROM verdict WHERE account_id = ? ORDER BY session`, account[:])
	out, err := list(rows, err, scanVerdict)
	if err != nil {
		return nil, fmt.Errorf("read verdicts of %s: %w", account, err)
	}
	return out, nil
}

func scanVerdict(r scanner) (journal.Verdict, error) {
	var v journal.Verdict
	err := r.Scan(&v.Session, &v.Owner, &v.By, when{&v.At})
	return v, err
}

// Import is how far an import has come; the zero one when it never began.
func (s *SQL) Import(ctx context.Context, name string) (intake.Import, error) {
	i := intake.Import{Name: name}
	err := s.at(ctx).row(`SELECT line, accepted, repeated, done FROM import WHERE name = ?`, name).
		Scan(&i.Offset, &i.Accepted, &i.Repeated, &i.Done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return intake.Import{}, fmt.Errorf("read import %s: %w", name, err)
	}
	return i, nil
}

// PutImport notes how far an import has come, in the transaction of its lines.
func (tx *tx) PutImport(i intake.Import, now time.Time) error {
	return tx.exec(`INSERT INTO import (name, line, accepted, repeated, done, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET line = excluded.line, accepted = excluded.accepted, repeated = excluded.repeated, done = excluded.done, updated_at = excluded.updated_at`,
		i.Name, i.Offset, i.Accepted, i.Repeated, i.Done, nanos(now))
}
