package shopcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/shop"
	"mimamori/webhook"
)

func (t *trial) readBack() {
	a, ok := t.account()
	if !ok {
		return
	}
	t.say("the test account can be read back", "", "")
	seen := ""
	if !slices.ContainsFunc(a.Resources, func(r event.Held) bool { return r.Kind == event.Contact }) {
		seen = "no resource of kind contact"
	}
	t.say("its contacts are told", seen, "list the mail address and telephone under resources, with verified_at or since: notices go there")
	_, err := t.shop.Account(t.ctx, "nobody-"+mimamori.NewID("check"))
	seen = ""
	if !errors.Is(err, mimamori.ErrNotFound) {
		seen = fmt.Sprint("an account that does not exist: ", err)
	}
	t.say("an unknown account is answered 404", seen, "answer 404 for an account that you do not have")
}

func (t *trial) signature() {
	c := t.command(shop.PointsFreeze{})
	body, err := json.Marshal(c)
	if err != nil {
		return
	}
	before, ok := t.account()
	if !ok {
		return
	}
	now, stranger := time.Now(), webhook.NewSecret()
	other := bytes.Replace(body, []byte(`"points.freeze"`), []byte(`"password.invalidate"`), 1)
	good := letter{method: http.MethodPost, id: c.ID, body: body, secret: t.Secret, at: now}
	for _, l := range []struct {
		check  string
		advice string
		letter func(letter) letter
	}{
		{"a command without a signature is refused", "check the signature before anything else", func(l letter) letter { l.unsigned = true; return l }},
		{"a command signed with another secret is refused", "compare the HMAC with the secret that you were given", func(l letter) letter { l.secret = stranger; return l }},
		{"a command altered after signing is refused", "take the HMAC over the raw bytes of the body", func(l letter) letter { l.body, l.signedBody = other, l.body; return l }},
		{"a command signed 10 minutes ago is refused", "refuse a timestamp more than 5 minutes from your clock", func(l letter) letter { l.at = now.Add(-10 * time.Minute); return l }},
		{"a command signed 10 minutes ahead is refused", "refuse a timestamp more than 5 minutes from your clock", func(l letter) letter { l.at = now.Add(10 * time.Minute); return l }},
		{"a command whose webhook-id is another's is refused", "compare webhook-id with the body's id", func(l letter) letter { l.id = mimamori.NewID("check"); return l }},
		{"a read-back without a signature is refused", "read-backs hold personal data: check their signature too", func(l letter) letter {
			return letter{method: http.MethodGet, path: "/accounts/" + url.PathEscape(t.Subject), unsigned: true}
		}},
	} {
		status, answer, err := t.wire.send(t.ctx, l.letter(good))
		seen := ""
		switch {
		case err != nil:
			seen = err.Error()
		case status == http.StatusOK:
			seen = "answered 200 " + clip(answer)
		case status >= 500:
			seen = fmt.Sprint("answered ", status)
		}
		t.say(l.check, seen, l.advice+", and answer 401")
	}
	a, ok := t.account()
	seen := ""
	switch {
	case !ok:
		return
	case a.Points.Frozen && !before.Points.Frozen:
		seen = "the points are frozen now"
	case a.Password != before.Password:
		seen = "the password is invalid now"
	}
	t.say("nothing was done for a forger", seen, "a refused command must change nothing")
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func (t *trial) sessions() {
	before, ok := t.account()
	if !ok {
		return
	}
	_, seen := t.do(shop.SessionsRevoke{Before: time.Now().AddDate(-30, 0, 0), Remembered: true}, shop.Done, shop.Already)
	if a, ok := t.account(); ok && seen == "" && a.Sessions != before.Sessions {
		seen = fmt.Sprintf("%d sessions before, %d after, though none began so long ago", before.Sessions, a.Sessions)
	}
	t.say("sessions begun after the given time go on", seen, "end only what began before data.before: the customer may be back in already")
	if before.Sessions == 0 {
		t.skip("sessions begun before it end", "sign in with the test account, leave that browser open, and run this again")
		return
	}
	_, seen = t.do(shop.SessionsRevoke{Before: time.Now(), Remembered: true}, shop.Done)
	if a, ok := t.account(); ok && seen == "" && a.Sessions != 0 {
		seen = fmt.Sprintf("%d sessions are left", a.Sessions)
	}
	t.say("sessions begun before it end", seen, "end every session and, with remembered, every remembered device")
	_, seen = t.do(shop.SessionsRevoke{Before: time.Now(), Remembered: true}, shop.Done, shop.Already)
	t.say("once more is well too", seen, `answer "already" when there is nothing left to end`)
}

func (t *trial) hold() {
	_, seen := t.do(shop.AccountHold{Scopes: shop.AllScopes}, shop.Done, shop.Already)
	t.say("all four scopes can be held", seen+t.heldNow(seen, len(shop.AllScopes)), "keep orders, points, contact and payment from changing, and tell them under held")
	_, seen = t.do(shop.AccountHold{Scopes: shop.AllScopes}, shop.Done, shop.Already)
	t.say("held twice is held", seen, `answer "already"`)
	_, seen = t.do(shop.AccountRelease{Scopes: []shop.Scope{shop.ScopeOrders}}, shop.Done)
	t.say("one scope can be released alone", seen+t.heldNow(seen, len(shop.AllScopes)-1), "release only the named scopes")
	_, seen = t.do(shop.AccountRelease{Scopes: shop.AllScopes}, shop.Done)
	t.say("all can be released", seen+t.heldNow(seen, 0), "release what is named")
}

func (t *trial) heldNow(seen string, want int) string {
	a, ok := t.account()
	if seen != "" || !ok || len(a.Held) == want {
		return ""
	}
	return fmt.Sprintf("the read-back tells %v as held", a.Held)
}

func (t *trial) freeze() {
	for _, c := range []struct {
		check  string
		data   shop.Data
		frozen bool
		advice string
	}{
		{"points can be frozen", shop.PointsFreeze{}, true, "keep points and gift balance from being spent, and tell points.frozen"},
		{"frozen twice is frozen", shop.PointsFreeze{}, true, `answer "already"`},
		{"points can be unfrozen", shop.PointsUnfreeze{}, false, "let them be spent again"},
	} {
		answer, seen := t.do(c.data, shop.Done, shop.Already)
		if answer.Nothing(c.data.Type()) {
			t.skip(c.check, "the shop says that it has no points: it need do no more")
			continue
		}
		if a, ok := t.account(); ok && seen == "" && a.Points.Frozen != c.frozen {
			seen = fmt.Sprintf("the read-back tells frozen: %v", a.Points.Frozen)
		}
		t.say(c.check, seen, c.advice)
	}
}

func (t *trial) cancel() {
	answer, seen := t.do(shop.OrderCancel{Order: "no-such-order"}, shop.Impossible)
	t.say("an unknown order is impossible to cancel", seen, `answer "impossible"`)
	if seen == "" {
		if answer.Why == nil || answer.Why.Code == "" || answer.Why.Text.JA == "" || answer.Why.Text.EN == "" {
			seen = fmt.Sprintf("why: %+v", answer.Why)
		}
		t.say("impossible comes with a reason", seen, "add why: {code, ja, en}: agent and customer read the sentences")
	}
	id, ok := t.orderOf(func(o shop.OrderState) bool { return o.State == shop.OrderPlaced })
	if !ok {
		t.skip("an order not yet shipped is cancelled", "place an order with the test account and run this again")
		return
	}
	_, seen = t.do(shop.OrderCancel{Order: id}, shop.Done)
	if a, ok := t.account(); ok && seen == "" {
		at := slices.IndexFunc(a.Orders, func(o shop.OrderState) bool { return o.Order == id })
		switch {
		case at < 0:
			seen = "it is not in the read-back any more"
		case a.Orders[at].State != shop.OrderCancelled:
			seen = fmt.Sprintf("the read-back tells it as %s", a.Orders[at].State)
		}
	}
	t.say("an order not yet shipped is cancelled, and stays visible", seen, "stop it, and keep showing it as cancelled")
	_, seen = t.do(shop.OrderCancel{Order: id}, shop.Already)
	t.say("a cancelled order is cancelled already", seen, `answer "already"`)
	if id, ok := t.orderOf(func(o shop.OrderState) bool { return o.State == shop.OrderShipped }); ok {
		_, seen = t.do(shop.OrderCancel{Order: id}, shop.Impossible)
		t.say("a shipped order is impossible to cancel", seen, `answer "impossible": an agent then calls the carrier`)
	} else {
		t.skip("a shipped order is impossible to cancel", "ship an order of the test account's and run this again")
	}
}

func (t *trial) orderOf(is func(shop.OrderState) bool) (string, bool) {
	a, ok := t.account()
	if !ok {
		return "", false
	}
	at := slices.IndexFunc(a.Orders, is)
	if at < 0 {
		return "", false
	}
	return a.Orders[at].Order, true
}

func (t *trial) unhide() {
	_, seen := t.do(shop.OrderUnhide{Order: "no-such-order"}, shop.Impossible)
	t.say("an unknown order is impossible to show", seen, `answer "impossible"`)
	id, ok := t.orderOf(func(o shop.OrderState) bool { return o.Hidden })
	if !ok {
		t.skip("a hidden order is shown again", "hide an order in the test account's history and run this again; a shop where nothing can be hidden answers \"already\" and needs no more")
		return
	}
	_, seen = t.do(shop.OrderUnhide{Order: id}, shop.Done)
	if _, still := t.orderOf(func(o shop.OrderState) bool { return o.Order == id && o.Hidden }); still && seen == "" {
		seen = "the read-back still tells it as hidden"
	}
	t.say("a hidden order is shown again", seen, "put it back into the customer's list")
}

// restore takes an address away and puts it back as it was: what an undo does.
func (t *trial) restore() {
	a, ok := t.account()
	if !ok {
		return
	}
	_, seen := t.do(shop.ResourceRemove{Kind: event.Address, ID: "no-such-address"}, shop.Already, shop.Impossible)
	t.say("what is not there is away already", seen, `answer "already"`)
	for _, r := range a.Resources {
		if r.Kind != event.Contact {
			continue
		}
		_, seen := t.do(shop.ResourceRestore{Kind: r.Kind, ID: r.ID, Value: r.Value}, shop.Already, shop.Done)
		t.say("contact "+r.ID+" can be set to what it is", seen+t.stands(seen, r), "take the value whole, in the fields that you reported")
	}
	at := slices.IndexFunc(a.Resources, func(r event.Held) bool { return r.Kind == event.Address })
	if at < 0 {
		t.skip("an address can be removed and restored", "register an address with the test account and run this again")
		return
	}
	address := a.Resources[at]
	_, seen = t.do(shop.ResourceRemove{Kind: event.Address, ID: address.ID}, shop.Done)
	if now, ok := t.account(); ok && seen == "" && slices.ContainsFunc(now.Resources, func(r event.Held) bool { return r.Kind == event.Address && r.ID == address.ID }) {
		seen = "it is still in the read-back"
	}
	t.say("an address can be removed", seen, "take it away as the customer would")
	_, seen = t.do(shop.ResourceRestore{Kind: event.Address, ID: address.ID, Value: address.Value}, shop.Done, shop.Already)
	t.say("it can be restored under the same id", seen+t.stands(seen, address), "make it again under its own id, with the value as given")
	_, seen = t.do(shop.ResourceRestore{Kind: event.Address, ID: address.ID, Value: address.Value}, shop.Already, shop.Done)
	t.say("restored twice it stands once", seen+t.stands(seen, address), "replace, do not add a second one")
}

// stands says how a resource differs from what it should be.
func (t *trial) stands(seen string, want event.Held) string {
	a, ok := t.account()
	if seen != "" || !ok {
		return ""
	}
	var found []event.Held
	for _, r := range a.Resources {
		if r.Kind == want.Kind && r.ID == want.ID {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return fmt.Sprintf("the read-back has it %d times", len(found))
	}
	got, ought := journal.Flatten(found[0].Value), journal.Flatten(want.Value)
	for field := range ought {
		if got[field] != ought[field] {
			return fmt.Sprintf("its field %s is not as given", field)
		}
	}
	return ""
}

func (t *trial) points() {
	_, seen := t.do(shop.PointsRestore{Entry: "no-such-entry", Amount: 1}, shop.Impossible)
	t.say("an unknown ledger entry is impossible to give back", seen, `answer "impossible": points come from an entry`)
	if t.Entry == "" {
		t.skip("points are given back once per incident and entry", "spend points with the test account and name the ledger entry with --entry and --amount")
		return
	}
	before, ok := t.account()
	if !ok {
		return
	}
	_, seen = t.do(shop.PointsRestore{Entry: t.Entry, Amount: t.Amount}, shop.Done, shop.Already)
	gained := t.balance() - before.Points.Balance
	if seen == "" && gained != t.Amount && gained != 0 {
		seen = fmt.Sprintf("the balance rose by %d, wanted %d", gained, t.Amount)
	}
	t.say("an entry's points are given back", seen, "add the amount to the balance")
	_, seen = t.do(shop.PointsRestore{Entry: t.Entry, Amount: t.Amount}, shop.Already)
	if now := t.balance() - before.Points.Balance; seen == "" && now != gained {
		seen = fmt.Sprintf("under another command id they were given twice: %d in all", now)
	}
	t.say("never twice for one incident and entry, whatever the command's id", seen, "keep (incident, entry), not only the command's id")
}

func (t *trial) balance() int64 {
	a, err := t.shop.Account(t.ctx, t.Subject)
	if err != nil {
		return 0
	}
	return a.Points.Balance
}

func (t *trial) suspect() {
	a, ok := t.account()
	if !ok {
		return
	}
	at := slices.IndexFunc(a.Resources, func(r event.Held) bool { return r.Kind == event.PaymentMethod || r.Kind == event.Address })
	if at < 0 {
		t.skip("a suspect card or address is taken note of", "register a card or an address with the test account and run this again")
		return
	}
	_, seen := t.do(shop.PaymentSuspect{Kind: a.Resources[at].Kind, ID: a.Resources[at].ID}, shop.Done, shop.Already)
	t.say("a suspect card or address is taken note of", seen, "tell your payment side: it may be another victim's")
}

// sameID sends one command five times at once and once more later.
func (t *trial) sameID() {
	c := t.command(shop.AccountHold{Scopes: []shop.Scope{shop.ScopePayment}})
	body, err := json.Marshal(c)
	if err != nil {
		return
	}
	var wait sync.WaitGroup
	answers := make([]string, 5)
	for i := range answers {
		wait.Go(func() {
			status, answer, err := t.wire.send(t.ctx, letter{method: http.MethodPost, id: c.ID, body: body, secret: t.Secret, at: time.Now()})
			var a struct{ Result shop.Result }
			if err != nil || status != http.StatusOK && status != http.StatusConflict && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
				answers[i] = fmt.Sprint(status, " ", err)
			} else if status == http.StatusOK && (json.Unmarshal([]byte(answer), &a) != nil || a.Result == shop.Impossible) {
				answers[i] = clip(answer)
			}
		})
	}
	wait.Wait()
	t.say("the same command five times at once", first(answers), `let one do it and the others wait, or answer 409 or "later"`)
	_, seen := t.give(c, shop.Done, shop.Already)
	t.say("the same command again is answered as before", seen, "keep ids and answers for 76 hours")
	_, seen = t.do(shop.AccountRelease{Scopes: []shop.Scope{shop.ScopePayment}}, shop.Done, shop.Already)
	if seen == "" {
		t.give(c, shop.Done, shop.Already)
		seen = t.heldNow("", 0)
	}
	t.say("an old id does nothing new", seen, "a command that comes again after the release must not hold again: answer what you answered")
	t.do(shop.AccountRelease{Scopes: shop.AllScopes}, shop.Done, shop.Already)
}

func first(list []string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func (t *trial) unknown() {
	c := t.command(shop.PointsUnfreeze{})
	c.Subject = "nobody-" + c.ID
	_, seen := t.give(c, shop.Impossible)
	t.say("a command for an unknown account is impossible", seen, `answer "impossible" with why`)
	c = t.command(shop.PointsUnfreeze{})
	c.Type = "teapot.boil"
	if a, err := t.shop.Do(t.ctx, c); err == nil && a.Succeeded() {
		seen = fmt.Sprintf("answered %q", a.Result)
	} else {
		seen = ""
	}
	t.say("a command that you do not know is not done", seen, `answer "impossible", or 400: never "done" for what was not done`)
}

func (t *trial) invalidate() {
	if t.KeepPassword {
		t.skip("the password can be made invalid", "run this without --keep-password on an account whose password may go")
		return
	}
	_, seen := t.do(shop.PasswordInvalidate{}, shop.Done, shop.Already)
	if a, ok := t.account(); ok && seen == "" && a.Password != shop.PasswordInvalid {
		seen = fmt.Sprintf("the read-back tells it as %s", a.Password)
	}
	t.say("the password can be made invalid", seen, "nobody signs in with it any more, until a grant sets another")
	_, seen = t.do(shop.PasswordInvalidate{}, shop.Already, shop.Done)
	t.say("invalid twice is invalid", seen, `answer "already"`)
}
