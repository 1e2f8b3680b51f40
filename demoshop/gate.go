package demoshop

import (
	"errors"
	"net/http"
	"slices"

	"mimamori/client"
)

// errShown means that the answer stands on the page already.
var errShown = errors.New("the page is shown")

// heldBy names the scope of a hold that stops an act.
var heldBy = map[client.Act]string{
	client.ActOrder: "orders", client.ActPoints: "points", client.ActContact: "contact", client.ActPayment: "payment", client.ActFactor: "contact",
}

// gate asks before a sensitive act. When the act may not go on it shows why and
// returns errShown. A hold that the shop was told of counts even when the gate
// cannot be asked.
func (v *visit) gate(act client.Act) (client.Gate, error) {
	ctx := v.r.Context()
	g, err := v.shop.mimamori.Gate(ctx, v.subject(), act, v.session.ID)
	if err != nil {
		v.shop.log.Warn("the gate did not answer", "act", act, "error", err)
	}
	held, err := heldScopes(ctx, v.shop.db, v.subject())
	if err != nil {
		return g, err
	}
	m := v.message("gate.held")
	m.Security = true
	if t := g.Text.In(v.Lang); t != "" {
		m.Text = t
	}
	m.Until = g.WaitUntil
	switch {
	case g.Decision == client.Challenge && g.Challenge != nil:
		m.Go = g.Challenge.URL
	case g.Needs(client.SetPassword):
		m.Go = "/forgot"
	case g.Open() && !slices.Contains(held, heldBy[act]):
		return g, v.askPassword(g)
	}
	if err := v.show(http.StatusForbidden, "message", m); err != nil {
		return g, err
	}
	return g, errShown
}

type confirmView struct {
	Path   string
	Fields map[string]string
	Number bool // the card number is to be typed again: it is in no page
	Fault  string
}

// askPassword asks for the password before an act when nobody could say
// whether it is safe.
func (v *visit) askPassword(g client.Gate) error {
	if !g.Needs(client.ReenterPassword) || v.r.Method != http.MethodPost {
		return nil
	}
	a, err := findAccount(v.r.Context(), v.shop.db, v.subject())
	if err != nil {
		return err
	}
	given := v.r.PostFormValue("confirm_password")
	if given != "" && checkPassword(a.PasswordHash, given) {
		return nil
	}
	d := confirmView{Path: v.r.URL.Path, Fields: map[string]string{}}
	if given != "" {
		d.Fault = "signin.wrong"
	}
	for k := range v.r.PostForm {
		switch k {
		case "confirm_password":
		case "number":
			d.Number = true
		default:
			d.Fields[k] = v.r.PostForm.Get(k)
		}
	}
	if err := v.show(http.StatusOK, "confirm", d); err != nil {
		return err
	}
	return errShown
}
