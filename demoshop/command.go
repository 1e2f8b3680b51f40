package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori/client"
)

// commander carries out Mimamori's commands: client.Shop on the shop's database.
type commander struct{ *Shop }

// InTx runs in one transaction of the shop's database, one at a time.
func (c commander) InTx(ctx context.Context, do func(*sql.Tx) error) error { return c.inTx(ctx, do) }

// Recall finds a command's answer and counts that it came again.
func (c commander) Recall(ctx context.Context, tx *sql.Tx, id string) (digest string, a client.Answer, err error) {
	var answer string
	err = tx.QueryRowContext(ctx, `UPDATE command SET received = received + 1 WHERE id = ? RETURNING digest, answer`, id).Scan(&digest, &answer)
	if errors.Is(err, sql.ErrNoRows) {
		return "", a, nil
	}
	if err != nil {
		return "", a, err
	}
	return digest, a, json.Unmarshal([]byte(answer), &a)
}

// Remember keeps the answer for good: it is also the shop's own record of what
// was done in its accounts.
func (c commander) Remember(ctx context.Context, tx *sql.Tx, cmd client.Command, digest string, a client.Answer) error {
	answer, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO command (id, type, subject, incident, data, digest, answer, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		cmd.ID, cmd.Type, cmd.Subject, cmd.Incident, string(cmd.Data), digest, string(answer), micros(time.Now()))
	return err
}

// order is one command in the middle of being carried out.
type order struct {
	*Shop
	tx  *sql.Tx
	cmd client.Command
	now time.Time
}

// Apply carries out one command and writes its reports in the same transaction.
func (c commander) Apply(ctx context.Context, tx *sql.Tx, cmd client.Command) (client.Answer, error) {
	_, err := findAccount(ctx, tx, cmd.Subject)
	if errors.Is(err, client.ErrUnknownAccount) {
		return impossible("no_account", "この会員はいません。", "There is no such account."), nil
	}
	if err != nil {
		return client.Answer{}, err
	}
	o := &order{c.Shop, tx, cmd, time.Now().UTC().Truncate(time.Microsecond)}
	do := map[string]func(context.Context) (client.Answer, error){
		client.SessionsRevoke:     o.revoke,
		client.PasswordInvalidate: o.invalidate,
		client.AccountHold:        o.hold,
		client.AccountRelease:     o.release,
		client.OrderCancel:        o.cancelOrder,
		client.OrderUnhide:        o.unhide,
		client.ResourceRestore:    o.restore,
		client.ResourceRemove:     o.removeThing,
		client.PointsFreeze:       func(ctx context.Context) (client.Answer, error) { return o.freeze(ctx, true) },
		client.PointsUnfreeze:     func(ctx context.Context) (client.Answer, error) { return o.freeze(ctx, false) },
		client.PointsRestore:      o.restorePoints,
		client.PaymentSuspect:     o.suspect,
	}[cmd.Type]
	if do == nil {
		return impossible("unknown_command", "この店はこの指示を知りません。", "This shop does not know this command."), nil
	}
	a, err := do(ctx)
	if errors.Is(err, errData) {
		return impossible("bad_data", "指示の内容を読めません。", "The command's data cannot be read."), nil
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", cmd.Type, err)
	}
	return a, nil
}

var errData = errors.New("the command's data cannot be read")

// data reads a command's own fields; T's required ones are checked by the caller.
func data[T any](o *order) (T, error) {
	var d T
	if json.Unmarshal(o.cmd.Data, &d) != nil {
		return d, errData
	}
	return d, nil
}

func impossible(code, ja, en string) client.Answer {
	return client.Answer{Result: client.Impossible, Why: &client.Why{Code: code, JA: ja, EN: en}}
}

// doneIf is done when something changed, already when it was so before.
func doneIf(changed bool) client.Answer {
	if changed {
		return client.Answer{Result: client.Done}
	}
	return client.Answer{Result: client.Already}
}

func (o *order) revoke(ctx context.Context) (client.Answer, error) {
	d, err := data[struct {
		Before     time.Time `json:"before"`
		Remembered bool      `json:"remembered"`
		Session    string    `json:"session"`
	}](o)
	if err != nil || d.Before.IsZero() {
		return client.Answer{}, errors.Join(err, errIf(d.Before.IsZero()))
	}
	var n int
	if d.Session != "" {
		n, err = o.endSession(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, d.Session, o.now)
	} else {
		n, err = o.endSessions(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, d.Before, o.now, "")
	}
	if err != nil {
		return client.Answer{}, err
	}
	devices := int64(0)
	if d.Remembered {
		if devices, err = forgetDevices(ctx, o.tx, o.cmd.Subject, d.Before, o.now); err != nil {
			return client.Answer{}, err
		}
	}
	return doneIf(n > 0 || devices > 0), nil
}

func errIf(bad bool) error {
	if bad {
		return errData
	}
	return nil
}

// invalidate makes the password worth nothing. Its hash stays: the old one must
// be known to be refused, and to lead its owner to the way back.
func (o *order) invalidate(ctx context.Context) (client.Answer, error) {
	n, err := exec(ctx, o.tx, `UPDATE account SET password_state = 'invalid' WHERE subject = ? AND password_state = 'set'`, o.cmd.Subject)
	if err != nil || n == 0 {
		return doneIf(false), err
	}
	ch := byCommand(o.cmd).change(kindPassword, kindPassword, "changed")
	ch.Before, ch.After = map[string]any{"value": "set"}, map[string]any{"value": "invalid"}
	_, err = o.report(ctx, o.tx, client.AccountChanged, o.cmd.Subject, o.now, ch)
	return doneIf(true), err
}

var scopes = []string{"orders", "points", "contact", "payment"}

func (o *order) scopes() ([]string, error) {
	d, err := data[struct {
		Scopes []string `json:"scopes"`
	}](o)
	for _, s := range d.Scopes {
		if !slices.Contains(scopes, s) {
			return nil, errData
		}
	}
	return d.Scopes, errors.Join(err, errIf(len(d.Scopes) == 0))
}

func (o *order) hold(ctx context.Context) (client.Answer, error) {
	list, err := o.scopes()
	if err != nil {
		return client.Answer{}, err
	}
	changed := false
	for _, s := range list {
		n, err := exec(ctx, o.tx, `INSERT INTO held (subject, scope, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, o.cmd.Subject, s, micros(o.now))
		if err != nil {
			return client.Answer{}, err
		}
		changed = changed || n > 0
	}
	return doneIf(changed), nil
}

func (o *order) release(ctx context.Context) (client.Answer, error) {
	list, err := o.scopes()
	if err != nil {
		return client.Answer{}, err
	}
	changed := false
	for _, s := range list {
		n, err := exec(ctx, o.tx, `DELETE FROM held WHERE subject = ? AND scope = ?`, o.cmd.Subject, s)
		if err != nil {
			return client.Answer{}, err
		}
		changed = changed || n > 0
	}
	return doneIf(changed), nil
}

// purchase is the order that a command names, of this account only.
func (o *order) purchase(ctx context.Context) (*purchase, error) {
	d, err := data[struct {
		Order string `json:"order"`
	}](o)
	if err != nil || d.Order == "" {
		return nil, errData
	}
	return purchaseByID(ctx, o.tx, o.cmd.Subject, d.Order)
}

func noOrder() client.Answer {
	return impossible("no_order", "この注文はありません。", "There is no such order.")
}

func (o *order) cancelOrder(ctx context.Context) (client.Answer, error) {
	p, err := o.purchase(ctx)
	switch {
	case err != nil:
		return client.Answer{}, err
	case p == nil:
		return noOrder(), nil
	case p.State == "shipped" && p.Digital:
		return impossible("shipped", "コードはもうメールで送られました。", "The code was already sent by mail."), nil
	case p.State == "shipped":
		return impossible("shipped", "商品はもう発送されました。", "The parcel has already left."), nil
	}
	ok, err := o.cancel(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, p.ID, o.now)
	return doneIf(ok), err
}

func (o *order) unhide(ctx context.Context) (client.Answer, error) {
	p, err := o.purchase(ctx)
	if err != nil {
		return client.Answer{}, err
	}
	if p == nil {
		return noOrder(), nil
	}
	ok, err := o.setHidden(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, p.ID, false, o.now)
	return doneIf(ok), err
}
