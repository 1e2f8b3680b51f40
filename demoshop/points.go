package demoshop

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori/client"
)

// pointsEntry is one line of the points book.
type pointsEntry struct {
	ID, Reason, Gift string
	Amount, Balance  int64
	At               time.Time
}

func pointsBook(ctx context.Context, q querier, subject string) ([]pointsEntry, error) {
	return rows(ctx, q, func(r *sql.Rows) (pointsEntry, error) {
		var e pointsEntry
		var at int64
		err := r.Scan(&e.ID, &e.Amount, &e.Balance, &e.Reason, &e.Gift, &at)
		e.At = fromMicros(at)
		return e, err
	}, `SELECT id, amount, balance, reason, gift, at FROM points_entry WHERE subject = ? ORDER BY at DESC, rowid DESC LIMIT 100`, subject)
}

// movePoints books points and reports it; the entry's id comes back.
func (s *Shop) movePoints(ctx context.Context, tx *sql.Tx, by cause, subject string, amount int64, reason string, at time.Time) (string, error) {
	var balance int64
	if err := tx.QueryRowContext(ctx, `UPDATE account SET points = points + ? WHERE subject = ? RETURNING points`, amount, subject).Scan(&balance); err != nil {
		return "", err
	}
	id := client.NewID("p")[:14]
	if _, err := exec(ctx, tx, `INSERT INTO points_entry (id, subject, amount, balance, reason, at) VALUES (?, ?, ?, ?, ?, ?)`,
		id, subject, amount, balance, reason, micros(at)); err != nil {
		return "", err
	}
	_, err := s.report(ctx, tx, client.PointsMoved, subject, at, client.Points{Session: by.Session, By: by.By, Command: by.Command,
		Entry: id, Amount: amount, Balance: balance, Kind: "points", Reason: reason})
	return id, err
}

type pointsView struct {
	Balance int64
	Frozen  bool
	Entries []pointsEntry
	Gifts   []int64
	Fault   string
}

func (v *visit) pointsView(fault string) (pointsView, error) {
	ctx := v.r.Context()
	a, err := findAccount(ctx, v.shop.db, v.subject())
	if err != nil {
		return pointsView{}, err
	}
	entries, err := pointsBook(ctx, v.shop.db, v.subject())
	return pointsView{a.Points, a.PointsFrozen, entries, gifts, fault}, err
}

func (v *visit) points() error {
	d, err := v.pointsView("")
	if err != nil {
		return err
	}
	if err := v.showed(v.r.Context(), "points", "points"); err != nil {
		return err
	}
	return v.show(http.StatusOK, "points", d)
}

// spend takes points for a gift. The gift goes out later: in between it can be
// stopped.
func (v *visit) spend() error {
	ctx := v.r.Context()
	amount, err := strconv.ParseInt(v.r.PostFormValue("gift"), 10, 64)
	if err != nil || !slices.Contains(gifts, amount) {
		return errNotFound
	}
	if _, err := v.gate(client.ActPoints); err != nil {
		return err
	}
	fault := ""
	err = v.shop.inTx(ctx, func(tx *sql.Tx) error {
		a, err := findAccount(ctx, tx, v.subject())
		switch {
		case err != nil:
			return err
		case a.PointsFrozen:
			fault = "points.frozen"
			return nil
		case a.Points < amount:
			fault = "points.few"
			return nil
		}
		id, err := v.shop.movePoints(ctx, tx, v.cause(), v.subject(), -amount, "gift", v.now)
		if err != nil {
			return err
		}
		_, err = exec(ctx, tx, `UPDATE points_entry SET gift = 'waiting', due_at = ? WHERE id = ?`, micros(v.now.Add(v.shop.opt.GiftDelay)), id)
		return err
	})
	if err != nil {
		return err
	}
	if fault != "" {
		d, err := v.pointsView(fault)
		if err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, "points", d)
	}
	v.shop.wakeShipper()
	return v.done("/my/points", "done.points")
}

// Why is the key of the text that says what an entry was for.
func (e pointsEntry) Why() string {
	word, _, _ := strings.Cut(e.Reason, " ")
	return "reason." + word
}
