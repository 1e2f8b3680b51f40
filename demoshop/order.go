package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"mimamori/client"
)

// purchase is one order as the shop keeps it; what it was sent to and paid with
// stays readable when the address or card is gone.
type purchase struct {
	ID, Subject, Product, State, Session string
	Hidden, Digital                      bool
	Total                                int64
	ShipTo, Payment                      string
	ShipToWas, PaymentWas                map[string]any
	PlacedAt                             time.Time
}

const selectPurchase = `SELECT id, subject, product, state, session, hidden, digital, total, ship_to, payment, ship_to_was, payment_was, placed_at FROM purchase `

func scanPurchase(r *sql.Rows) (purchase, error) {
	var (
		p            purchase
		address, pay string
		placed       int64
	)
	if err := r.Scan(&p.ID, &p.Subject, &p.Product, &p.State, &p.Session, &p.Hidden, &p.Digital, &p.Total,
		&p.ShipTo, &p.Payment, &address, &pay, &placed); err != nil {
		return p, err
	}
	p.PlacedAt = fromMicros(placed)
	if err := json.Unmarshal([]byte(address), &p.ShipToWas); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(pay), &p.PaymentWas)
}

func purchases(ctx context.Context, q querier, subject string) ([]purchase, error) {
	return rows(ctx, q, scanPurchase, selectPurchase+`WHERE subject = ? ORDER BY placed_at DESC, id`, subject)
}

func purchaseByID(ctx context.Context, q querier, subject, id string) (*purchase, error) {
	all, err := rows(ctx, q, scanPurchase, selectPurchase+`WHERE subject = ? AND id = ?`, subject, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

type orderView struct {
	Product             product
	Addresses, Payments []resource
	Gate                client.Gate
	Fault               string
}

func (v *visit) orderView(g client.Gate, fault string) (orderView, error) {
	ctx := v.r.Context()
	p, ok := productByID(v.r.FormValue("product"))
	if !ok {
		return orderView{}, errNotFound
	}
	d := orderView{Product: p, Gate: g, Fault: fault}
	var err error
	if d.Addresses, err = resources(ctx, v.shop.db, v.subject(), kindAddress); err != nil {
		return d, err
	}
	d.Payments, err = resources(ctx, v.shop.db, v.subject(), kindPayment)
	return d, err
}

func (v *visit) orderPage() error {
	g, err := v.gate(client.ActOrder)
	if err != nil {
		return err
	}
	d, err := v.orderView(g, "")
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "order", d)
}

// order places an order. It is written and reported now and goes out later: in
// between it can be stopped.
func (v *visit) order() error {
	ctx := v.r.Context()
	g, err := v.gate(client.ActOrder)
	if err != nil {
		return err
	}
	d, err := v.orderView(g, "")
	if err != nil {
		return err
	}
	address, pay := byID(d.Addresses, v.r.PostFormValue("address")), byID(d.Payments, v.r.PostFormValue("payment"))
	var reentered []string
	switch {
	case pay == nil:
		d.Fault = "order.nopayment"
	case address == nil && !d.Product.Digital:
		d.Fault = "order.noaddress"
	default:
		reentered, d.Fault = v.reentered(g, address, pay)
	}
	if d.Fault == "" {
		bad, err := v.shop.suspectCard(ctx, v.shop.db, pay.CardToken)
		if err != nil {
			return err
		}
		if bad {
			d.Fault = "card.refused"
		}
	}
	if d.Fault != "" {
		return v.show(http.StatusUnprocessableEntity, "order", d)
	}
	if d.Product.Digital {
		address = nil
	}
	p := newPurchase(v.subject(), d.Product, address, pay, v.session.ID, v.now)
	err = v.shop.inTx(ctx, func(tx *sql.Tx) error {
		return v.shop.place(ctx, tx, p, v.shop.dueAt(d.Product, v.now), reentered)
	})
	if err != nil {
		return err
	}
	v.shop.wakeShipper()
	v.shop.post(ctx, p.Subject, "mail.order", p.ID)
	return v.done("/my/orders", "done.order")
}

func byID(all []resource, id string) *resource {
	i := slices.IndexFunc(all, func(r resource) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// reentered checks what the gate wants typed again. A card counts when its
// whole number is the chosen card's, an address when it is the chosen one's.
func (v *visit) reentered(g client.Gate, address, pay *resource) (list []string, fault string) {
	if g.Needs(client.ReenterPayment) {
		c, ok := v.shop.card.take(v.r.PostFormValue("number"), v.r.PostFormValue("expiry"))
		if !ok || c.Token != pay.CardToken || c.Expiry != pay.text("expiry") {
			return nil, "order.reenter.payment"
		}
		list = append(list, "payment")
	}
	if g.Needs(client.ReenterAddress) && address != nil {
		for _, field := range []string{"postal_code", "line"} {
			if plain(v.r.PostFormValue(field)) != plain(address.text(field)) {
				return nil, "order.reenter.address"
			}
		}
		list = append(list, "address")
	}
	return list, ""
}

// plain leaves out what people type differently each time.
func plain(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "〒", "", "ー", "").Replace(strings.ToLower(toASCII(s)))
}

func newPurchase(subject string, p product, address, pay *resource, session string, at time.Time) purchase {
	o := purchase{ID: client.NewID("o")[:14], Subject: subject, Product: p.ID, State: "placed", Session: session, Digital: p.Digital,
		Total: p.Price, Payment: pay.ID, PaymentWas: pay.Value, ShipToWas: map[string]any{}, PlacedAt: at}
	if address != nil {
		o.ShipTo, o.ShipToWas = address.ID, address.Value
	}
	return o
}

func (s *Shop) dueAt(p product, at time.Time) time.Time {
	if p.Digital {
		return at.Add(s.opt.DigitalDelay)
	}
	return at.Add(s.opt.ShipDelay)
}

// place writes an order and its report in one.
func (s *Shop) place(ctx context.Context, tx *sql.Tx, p purchase, due time.Time, reentered []string) error {
	event, err := s.report(ctx, tx, client.OrderPlaced, p.Subject, p.PlacedAt, client.Order{Session: p.Session, Order: p.ID,
		Total: &client.Money{Amount: p.Total, Currency: "JPY"}, ShipTo: p.ShipTo, Payment: p.Payment,
		Digital: p.Digital, Gift: p.Digital, Reentered: reentered})
	if err != nil {
		return err
	}
	return writePurchase(ctx, tx, p, event, due)
}

func writePurchase(ctx context.Context, tx *sql.Tx, p purchase, event string, due time.Time) error {
	address, err := json.Marshal(p.ShipToWas)
	if err != nil {
		return err
	}
	pay, err := json.Marshal(p.PaymentWas)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO purchase (id, subject, product, total, state, digital, ship_to, ship_to_was, payment, payment_was,
		session, event, placed_at, due_at) VALUES (?, ?, ?, ?, 'placed', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.Subject, p.Product, p.Total, p.Digital, p.ShipTo, string(address), p.Payment, string(pay), p.Session, event,
		micros(p.PlacedAt), micros(due))
	return err
}

// cancel stops an order that has not gone out; false when it has.
func (s *Shop) cancel(ctx context.Context, tx *sql.Tx, by cause, subject, order string, at time.Time) (bool, error) {
	n, err := exec(ctx, tx, `UPDATE purchase SET state = 'cancelled', closed_at = ? WHERE id = ? AND subject = ? AND state = 'placed'`,
		micros(at), order, subject)
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.reportOrder(ctx, tx, client.OrderCancelled, by, subject, order, at)
}

func (s *Shop) setHidden(ctx context.Context, tx *sql.Tx, by cause, subject, order string, hidden bool, at time.Time) (bool, error) {
	n, err := exec(ctx, tx, `UPDATE purchase SET hidden = ? WHERE id = ? AND subject = ? AND hidden <> ?`, hidden, order, subject, hidden)
	if err != nil || n == 0 {
		return false, err
	}
	kind := client.OrderUnhidden
	if hidden {
		kind = client.OrderHidden
	}
	return true, s.reportOrder(ctx, tx, kind, by, subject, order, at)
}

func (s *Shop) reportOrder(ctx context.Context, tx *sql.Tx, kind string, by cause, subject, order string, at time.Time) error {
	_, err := s.report(ctx, tx, kind, subject, at, client.Order{Session: by.Session, By: by.By, Command: by.Command, Order: order})
	return err
}

type ordersView struct {
	Orders []purchase
	Hidden int
	All    bool
}

func (v *visit) orders() error {
	ctx := v.r.Context()
	all, err := purchases(ctx, v.shop.db, v.subject())
	if err != nil {
		return err
	}
	d := ordersView{All: v.r.URL.Query().Get("hidden") != ""}
	for _, p := range all {
		if p.Hidden {
			d.Hidden++
		}
		if p.Hidden == d.All {
			d.Orders = append(d.Orders, p)
		}
	}
	if err := v.showed(ctx, "orders", "orders", "address"); err != nil {
		return err
	}
	return v.show(http.StatusOK, "orders", d)
}

func (v *visit) hideOrder() error {
	ctx := v.r.Context()
	hide := strings.HasSuffix(v.r.URL.Path, "/hide")
	err := v.shop.inTx(ctx, func(tx *sql.Tx) error {
		_, err := v.shop.setHidden(ctx, tx, v.cause(), v.subject(), v.r.PathValue("id"), hide, v.now)
		return err
	})
	if err != nil {
		return err
	}
	return v.done("/my/orders", "done.saved")
}

func (v *visit) cancelOrder() error {
	ctx := v.r.Context()
	ok := false
	err := v.shop.inTx(ctx, func(tx *sql.Tx) (err error) {
		ok, err = v.shop.cancel(ctx, tx, v.cause(), v.subject(), v.r.PathValue("id"), v.now)
		return err
	})
	if err != nil {
		return err
	}
	if !ok {
		return v.done("/my/orders", "order.toolate")
	}
	return v.done("/my/orders", "done.cancelled")
}
