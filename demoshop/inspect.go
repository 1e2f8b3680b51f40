package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"time"

	"mimamori/client"
)

// Truth is what stands in a shop's database, for whoever checks from outside
// what became of a story. It is not asked over any door.
type Truth struct {
	Accounts map[string]AccountTruth
	Commands []CommandTruth // in the order in which they first came
	Suspects []SuspectTruth
	Waiting  int // events that Mimamori does not have yet
	Refused  int // events that Mimamori would not take
}

// AccountTruth is one account: what the read-back tells, and what only the
// shop's own records show.
type AccountTruth struct {
	client.State
	PasswordSince time.Time
	Remembered    int // devices that may come back without the password
	Purchases     []PurchaseTruth
	Book          []PointsTruth     // newest first
	Removed       []client.Resource // taken away, still kept
}

// PurchaseTruth is one order.
type PurchaseTruth struct {
	Order, Product, State, Session string
	Hidden, Digital                bool
	Total                          int64
	PlacedAt                       time.Time
	ClosedAt                       *time.Time // shipped or cancelled
}

// PointsTruth is one line of the points book. Gift is empty, waiting, sent or
// stopped.
type PointsTruth struct {
	Entry, Reason, Gift string
	Amount, Balance     int64
	At                  time.Time
}

// CommandTruth is one command and how often it was received.
type CommandTruth struct {
	ID, Type, Subject, Incident string
	Data                        json.RawMessage
	Answer                      client.Answer
	At                          time.Time
	Received                    int
}

// SuspectTruth is a card or address that may be another victim's.
type SuspectTruth struct{ Kind, Subject, ID string }

// Subscribed says whether the account is a premium member.
func (a AccountTruth) Subscribed() bool {
	for _, r := range a.State.Resources {
		if r.Kind == kindSubscription && r.ID == premiumID {
			return true
		}
	}
	return false
}

// Inspect reads a shop's database file without changing it; the shop may be
// running.
func Inspect(path string) (Truth, error) {
	ctx := context.Background()
	t := Truth{Accounts: map[string]AccountTruth{}}
	if _, err := os.Stat(path); err != nil {
		return t, fmt.Errorf("inspect the shop: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		return t, fmt.Errorf("inspect the shop: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one moment, not several
	if err != nil {
		return t, fmt.Errorf("inspect the shop: %w", err)
	}
	defer tx.Rollback()
	if err := t.read(ctx, tx); err != nil {
		return t, fmt.Errorf("inspect the shop: %w", err)
	}
	return t, nil
}

func (t *Truth) read(ctx context.Context, tx *sql.Tx) error {
	subjects, err := rows(ctx, tx, one[string], `SELECT subject FROM account ORDER BY subject`)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if t.Accounts[s], err = readAccount(ctx, tx, s); err != nil {
			return fmt.Errorf("account %s: %w", s, err)
		}
	}
	t.Commands, err = rows(ctx, tx, func(r *sql.Rows) (CommandTruth, error) {
		var c CommandTruth
		var data, answer string
		var at int64
		err := r.Scan(&c.ID, &c.Type, &c.Subject, &c.Incident, &data, &answer, &at, &c.Received)
		c.Data, c.At = json.RawMessage(data), fromMicros(at)
		if err == nil {
			err = json.Unmarshal([]byte(answer), &c.Answer)
		}
		return c, err
	}, `SELECT id, type, subject, incident, data, answer, at, received FROM command ORDER BY seq`)
	if err != nil {
		return err
	}
	t.Suspects, err = rows(ctx, tx, func(r *sql.Rows) (SuspectTruth, error) {
		var s SuspectTruth
		err := r.Scan(&s.Kind, &s.Subject, &s.ID)
		return s, err
	}, `SELECT kind, subject, id FROM suspect ORDER BY at, id`)
	if err != nil {
		return err
	}
	return tx.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'refused') FROM event`).
		Scan(&t.Waiting, &t.Refused)
}

func readAccount(ctx context.Context, tx *sql.Tx, subject string) (AccountTruth, error) {
	var a AccountTruth
	var err error
	if a.State, err = readState(ctx, tx, subject, time.Now()); err != nil {
		return a, err
	}
	acc, err := findAccount(ctx, tx, subject)
	if err != nil {
		return a, err
	}
	a.PasswordSince = acc.PasswordSince
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM remembered WHERE subject = ? AND ended_at IS NULL`, subject).Scan(&a.Remembered); err != nil {
		return a, err
	}
	a.Purchases, err = rows(ctx, tx, func(r *sql.Rows) (PurchaseTruth, error) {
		var p PurchaseTruth
		var placed int64
		var closed sql.NullInt64
		err := r.Scan(&p.Order, &p.Product, &p.State, &p.Session, &p.Hidden, &p.Digital, &p.Total, &placed, &closed)
		p.PlacedAt, p.ClosedAt = fromMicros(placed), maybeTime(closed)
		return p, err
	}, `SELECT id, product, state, session, hidden, digital, total, placed_at, closed_at FROM purchase WHERE subject = ? ORDER BY placed_at, id`, subject)
	if err != nil {
		return a, err
	}
	book, err := pointsBook(ctx, tx, subject)
	if err != nil {
		return a, err
	}
	for _, e := range book {
		a.Book = append(a.Book, PointsTruth{e.ID, e.Reason, e.Gift, e.Amount, e.Balance, e.At})
	}
	removed, err := rows(ctx, tx, scanResource, selectResource+`WHERE subject = ? AND removed_at IS NOT NULL ORDER BY kind, id`, subject)
	for _, r := range removed {
		a.Removed = append(a.Removed, r.Resource)
	}
	return a, err
}
