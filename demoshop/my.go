package demoshop

import (
	"context"
	"database/sql"
	"net/http"
	"net/mail"
	"strings"
	"time"

	"mimamori/client"
)

type myView struct {
	Name      string
	Points    int64
	Premium   bool
	Held      []string
	Orders    []purchase
	Addresses int
	Payments  int
}

func (v *visit) my() error {
	ctx := v.r.Context()
	a, err := findAccount(ctx, v.shop.db, v.subject())
	if err != nil {
		return err
	}
	all, err := resources(ctx, v.shop.db, v.subject(), "")
	if err != nil {
		return err
	}
	d := myView{Points: a.Points}
	for _, r := range all {
		switch {
		case r.Kind == kindContact && r.ID == "name":
			d.Name = r.text("name")
		case r.Kind == kindSubscription:
			d.Premium = true
		case r.Kind == kindAddress:
			d.Addresses++
		case r.Kind == kindPayment:
			d.Payments++
		}
	}
	orders, err := purchases(ctx, v.shop.db, v.subject())
	if err != nil {
		return err
	}
	for _, p := range orders {
		if !p.Hidden && len(d.Orders) < 3 {
			d.Orders = append(d.Orders, p)
		}
	}
	if d.Held, err = heldScopes(ctx, v.shop.db, v.subject()); err != nil {
		return err
	}
	if err := v.showed(ctx, "my", "name", "points", "orders"); err != nil {
		return err
	}
	return v.show(http.StatusOK, "my", d)
}

type listView struct {
	Items []resource
	Fault string
}

func (v *visit) list(page, kind, fault string, fields ...string) error {
	ctx := v.r.Context()
	all, err := resources(ctx, v.shop.db, v.subject(), kind)
	if err != nil {
		return err
	}
	if err := v.showed(ctx, page, fields...); err != nil {
		return err
	}
	status := http.StatusOK
	if fault != "" {
		status = http.StatusUnprocessableEntity
	}
	return v.show(status, page, listView{all, fault})
}

func (v *visit) addresses() error {
	return v.list("addresses", kindAddress, "", "name", "address")
}

func (v *visit) payments() error {
	return v.list("payments", kindPayment, "", "brand", "last4", "expiry")
}

func (v *visit) contacts() error { return v.list("contacts", "", "", "name", "mail", "phone") }

func (v *visit) membership() error { return v.list("membership", kindSubscription, "", "plan") }

// save writes a thing of the customer's own in one transaction.
func (v *visit) save(ctx context.Context, t resource) error {
	t.Since = &v.now
	return v.shop.inTx(ctx, func(tx *sql.Tx) error {
		return v.shop.setResource(ctx, tx, v.cause(), v.subject(), t, v.now)
	})
}

func (v *visit) remove(kind, id, back string) error {
	ctx := v.r.Context()
	err := v.shop.inTx(ctx, func(tx *sql.Tx) error {
		_, err := v.shop.removeResource(ctx, tx, v.cause(), v.subject(), kind, id, v.now)
		return err
	})
	if err != nil {
		return err
	}
	return v.done(back, "done.removed")
}

func (v *visit) field(name string) string {
	s := strings.TrimSpace(v.r.PostFormValue(name))
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "")
	}
	return s
}

// saveAddress adds an address, or changes the one in the path.
func (v *visit) saveAddress() error {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	if _, err := v.gate(client.ActContact); err != nil {
		return err
	}
	value := map[string]any{"country": "JP"}
	for _, f := range []string{"recipient", "postal_code", "prefecture", "line"} {
		value[f] = v.field(f)
		if value[f] == "" {
			return v.list("addresses", kindAddress, "form.missing", "name", "address")
		}
	}
	if c := v.field("country"); c != "" {
		value["country"] = c
	}
	if id == "" {
		id = client.NewID("a")[:12]
	} else if old, err := resourceByID(ctx, v.shop.db, v.subject(), kindAddress, id); err != nil {
		return err
	} else if old == nil || old.Removed {
		return errNotFound
	}
	if err := v.save(ctx, resource{Resource: client.Resource{Kind: kindAddress, ID: id, Value: value}}); err != nil {
		return err
	}
	v.shop.post(ctx, v.subject(), "mail.address", "")
	return v.done("/my/addresses", "done.saved")
}

func (v *visit) removeAddress() error {
	if _, err := v.gate(client.ActContact); err != nil {
		return err
	}
	return v.remove(kindAddress, v.r.PathValue("id"), "/my/addresses")
}

// addPayment hands the number to the payment company and keeps what may be
// kept. A card that is suspected anywhere is refused everywhere.
func (v *visit) addPayment() error {
	ctx := v.r.Context()
	if _, err := v.gate(client.ActPayment); err != nil {
		return err
	}
	c, ok := v.shop.card.take(v.r.PostFormValue("number"), v.field("expiry"))
	fault := ""
	if !ok {
		fault = "card.bad"
	} else if bad, err := v.shop.suspectCard(ctx, v.shop.db, c.Token); err != nil {
		return err
	} else if bad {
		fault = "card.refused"
	}
	if fault != "" {
		return v.list("payments", kindPayment, fault, "brand", "last4", "expiry")
	}
	err := v.save(ctx, resource{Resource: client.Resource{Kind: kindPayment, ID: client.NewID("c")[:12], Value: c.value()}, CardToken: c.Token})
	if err != nil {
		return err
	}
	v.shop.post(ctx, v.subject(), "mail.card", c.Last4)
	return v.done("/my/payments", "done.saved")
}

func (v *visit) removePayment() error {
	if _, err := v.gate(client.ActPayment); err != nil {
		return err
	}
	return v.remove(kindPayment, v.r.PathValue("id"), "/my/payments")
}

// suspectCard says whether a card is refused in the whole shop.
func (s *Shop) suspectCard(ctx context.Context, q querier, token string) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM suspect WHERE kind = 'payment_method' AND card_token = ? AND ? <> ''`, token, token).Scan(&n)
	return n > 0, err
}

// saveContact changes the name, mail address or phone number.
func (v *visit) saveContact() error {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	value := v.field("value")
	fault := ""
	switch id {
	case "mail":
		if a, err := mail.ParseAddress(value); err != nil || a.Address != value {
			fault = "contact.badmail"
		}
	case "phone", "name":
		if value == "" {
			fault = "form.missing"
		}
	default:
		return errNotFound
	}
	if _, err := v.gate(client.ActContact); err != nil {
		return err
	}
	if fault != "" {
		return v.list("contacts", "", fault, "name", "mail", "phone")
	}
	v.shop.post(ctx, v.subject(), "mail.contact", "") // to the address from before
	if err := v.save(ctx, resource{Resource: client.Resource{Kind: kindContact, ID: id, Value: map[string]any{id: value}}}); err != nil {
		return err
	}
	return v.done("/my/contacts", "done.saved")
}

func (v *visit) saveNewsletter() error {
	value := "off"
	if v.r.PostFormValue("value") == "on" {
		value = "on"
	}
	if err := v.save(v.r.Context(), resource{Resource: client.Resource{Kind: kindSetting, ID: newsletterID, Value: map[string]any{"value": value}}}); err != nil {
		return err
	}
	return v.done("/my/contacts", "done.saved")
}

func (v *visit) join() error {
	ctx := v.r.Context()
	if _, err := v.gate(client.ActPayment); err != nil {
		return err
	}
	old, err := resourceByID(ctx, v.shop.db, v.subject(), kindSubscription, premiumID)
	if err != nil {
		return err
	}
	if old != nil && !old.Removed {
		return v.see("/my/membership")
	}
	err = v.save(ctx, resource{Resource: client.Resource{Kind: kindSubscription, ID: premiumID, Value: premiumValue(v.now)}})
	if err != nil {
		return err
	}
	v.shop.post(ctx, v.subject(), "mail.join", "")
	return v.done("/my/membership", "done.join")
}

func premiumValue(since time.Time) map[string]any {
	return map[string]any{"plan": premiumID, "price": float64(premiumPrice), "since": since.Format(time.DateOnly)}
}

// leave asks no gate: it takes nothing from anybody, and what an intruder does
// here is one more thing that tells him apart.
func (v *visit) leave() error {
	v.shop.post(v.r.Context(), v.subject(), "mail.leave", "")
	return v.remove(kindSubscription, premiumID, "/my/membership")
}
