package demoshop

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"mimamori/client"
)

// kinds of resources that commands may touch here.
var kinds = []string{kindContact, kindAddress, kindPayment, kindSubscription, kindSetting}

type thing struct {
	Kind  string         `json:"kind"`
	ID    string         `json:"id"`
	Value map[string]any `json:"value"`
}

func (o *order) thing() (thing, error) {
	d, err := data[thing](o)
	return d, errors.Join(err, errIf(d.Kind == "" || d.ID == ""))
}

func notOffered() client.Answer {
	return impossible("not_offered", "この店にはこの種類の登録がありません。", "This shop keeps nothing of this kind.")
}

// restore puts a value back. What the shop knows of that value comes back with
// it: since when it was there, when it was verified, the card's token.
func (o *order) restore(ctx context.Context) (client.Answer, error) {
	d, err := o.thing()
	if err != nil || len(d.Value) == 0 {
		return client.Answer{}, errors.Join(err, errIf(len(d.Value) == 0))
	}
	if !slices.Contains(kinds, d.Kind) {
		return notOffered(), nil
	}
	old, err := resourceByID(ctx, o.tx, o.cmd.Subject, d.Kind, d.ID)
	if err != nil {
		return client.Answer{}, err
	}
	if d.Kind == kindPayment && (old == nil || old.text("last4") != d.Value["last4"] || old.text("brand") != d.Value["brand"]) {
		return impossible("no_card", "カードは番号がないと戻せません。お客さまご自身の登録が必要です。",
			"A card cannot come back without its number: the customer has to enter it."), nil
	}
	if old != nil && !old.Removed && sameJSON(old.Value, d.Value) {
		return doneIf(false), nil
	}
	t := resource{Resource: client.Resource{Kind: d.Kind, ID: d.ID, Value: d.Value}}
	if t.VerifiedAt, t.Since, err = pastLike(ctx, o.tx, o.cmd.Subject, d.Kind, d.ID, d.Value); err != nil {
		return client.Answer{}, err
	}
	if old != nil && old.Removed && sameJSON(old.Value, d.Value) {
		t.VerifiedAt, t.Since = old.VerifiedAt, old.Since
	}
	return doneIf(true), o.setResource(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, t, o.now)
}

func sameJSON(a, b map[string]any) bool {
	x, xerr := json.Marshal(a)
	y, yerr := json.Marshal(b)
	return xerr == nil && yerr == nil && string(x) == string(y)
}

func (o *order) removeThing(ctx context.Context) (client.Answer, error) {
	d, err := o.thing()
	if err != nil {
		return client.Answer{}, err
	}
	if !slices.Contains(kinds, d.Kind) {
		return notOffered(), nil
	}
	ok, err := o.removeResource(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, d.Kind, d.ID, o.now)
	return doneIf(ok), err
}

func (o *order) freeze(ctx context.Context, frozen bool) (client.Answer, error) {
	n, err := exec(ctx, o.tx, `UPDATE account SET points_frozen = ? WHERE subject = ? AND points_frozen <> ?`, frozen, o.cmd.Subject, frozen)
	return doneIf(n > 0), err
}

// restorePoints gives spent points back, once an incident and entry, and never
// more than was spent: two commands with two ids must not pay twice.
func (o *order) restorePoints(ctx context.Context) (client.Answer, error) {
	d, err := data[struct {
		Entry  string `json:"entry"`
		Amount int64  `json:"amount"`
	}](o)
	if err != nil || d.Entry == "" || d.Amount <= 0 {
		return client.Answer{}, errData
	}
	var given, before int64
	if err := o.tx.QueryRowContext(ctx, `SELECT coalesce(sum(amount), 0), coalesce(sum(CASE WHEN incident = ? THEN 1 END), 0) FROM restored WHERE entry = ?`,
		o.cmd.Incident, d.Entry).Scan(&given, &before); err != nil {
		return client.Answer{}, err
	}
	if before > 0 {
		return doneIf(false), nil
	}
	spent, err := rows(ctx, o.tx, one[int64], `SELECT -amount FROM points_entry WHERE id = ? AND subject = ?`, d.Entry, o.cmd.Subject)
	if err != nil {
		return client.Answer{}, err
	}
	if len(spent) == 0 || given+d.Amount > spent[0] {
		return impossible("not_spent", "この記録で使われたポイントを超えています。", "That is more than was spent in this entry."), nil
	}
	if _, err := exec(ctx, o.tx, `INSERT INTO restored (incident, entry, amount, at) VALUES (?, ?, ?, ?)`,
		o.cmd.Incident, d.Entry, d.Amount, micros(o.now)); err != nil {
		return client.Answer{}, err
	}
	// A gift that has not gone out stays here: it is not paid for any more.
	if _, err := exec(ctx, o.tx, `UPDATE points_entry SET gift = 'stopped' WHERE id = ? AND gift = 'waiting'`, d.Entry); err != nil {
		return client.Answer{}, err
	}
	_, err = o.movePoints(ctx, o.tx, byCommand(o.cmd), o.cmd.Subject, d.Amount, "restored "+d.Entry, o.now)
	return doneIf(true), err
}

// suspect notes that a card or an address may be another victim's. The card is
// refused in the whole shop from now on; an address is only noted, for people
// do live there.
func (o *order) suspect(ctx context.Context) (client.Answer, error) {
	d, err := o.thing()
	if err != nil {
		return client.Answer{}, err
	}
	if d.Kind != kindPayment && d.Kind != kindAddress {
		return notOffered(), nil
	}
	t, err := resourceByID(ctx, o.tx, o.cmd.Subject, d.Kind, d.ID)
	if err != nil {
		return client.Answer{}, err
	}
	if t == nil {
		return impossible("never_here", "この登録は一度もありません。", "Nothing like it was ever kept here."), nil
	}
	n, err := exec(ctx, o.tx, `INSERT INTO suspect (kind, subject, id, card_token, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		d.Kind, o.cmd.Subject, d.ID, t.CardToken, micros(o.now))
	return doneIf(n > 0), err
}

// State reads an account back for Mimamori.
func (c commander) State(ctx context.Context, subject string) (client.State, error) {
	return readState(ctx, c.db, subject, time.Now())
}

func readState(ctx context.Context, q querier, subject string, now time.Time) (client.State, error) {
	a, err := findAccount(ctx, q, subject)
	if err != nil {
		return client.State{}, err
	}
	// Empty lists, not null: a reader must not take "none" for "not said".
	st := client.State{Subject: subject, Password: a.PasswordState, Held: []string{}, Orders: []client.OrderState{}, Resources: []client.Resource{},
		Points: client.PointsState{Balance: a.Points, Frozen: a.PointsFrozen}}
	// A remembered device counts: it gets in without the password. What is too
	// old to get in does not.
	if err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM session WHERE subject = ? AND state = 'open' AND began_at > ?)
		+ (SELECT count(*) FROM remembered WHERE subject = ? AND ended_at IS NULL AND began_at > ?)`,
		subject, micros(now.Add(-sessionLife)), subject, micros(now.Add(-rememberLife))).Scan(&st.Sessions); err != nil {
		return st, err
	}
	held, err := heldScopes(ctx, q, subject)
	if err != nil {
		return st, err
	}
	st.Held = append(st.Held, held...)
	orders, err := purchases(ctx, q, subject)
	if err != nil {
		return st, err
	}
	for _, p := range orders {
		st.Orders = append(st.Orders, client.OrderState{Order: p.ID, State: p.State, Hidden: p.Hidden})
	}
	all, err := resources(ctx, q, subject, "")
	if err != nil {
		return st, err
	}
	for _, r := range all {
		st.Resources = append(st.Resources, r.Resource)
	}
	return st, nil
}
