package dossier

import (
	"slices"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/web"
	"mimamori/web/centre"
)

// asksShown is how many lines wait on the first page: the sign-ins in doubt,
// and the first things that were done in them. One answer counts for all of a
// session.
const asksShown = 6

// asks are the lines that wait for わたし / ちがう: the sign-in, and what its
// session did.
func (d *Desk) asks(f *file) []centre.Line {
	var logins, acts []centre.Line
	doubted := map[string]bool{}
	for _, e := range f.current.Evidence {
		doubted[e.Session] = e.Session != ""
	}
	for _, l := range f.journal.Logins {
		if doubted[l.Data.Session] && l.Data.Outcome == event.Succeeded {
			where := d.describe(l.Data.IP)
			agent := profile.ParseAgent(l.Data.UserAgent).String()
			logins = append(logins, centre.Line{ID: "login:" + l.Event.ID, Answer: f.answerTo(l.Data.Session), At: l.Event.Time,
				What: mimamori.Text{JA: where.JA + "、" + agent + " からのサインイン", EN: "A sign-in from " + where.EN + ", " + agent}})
		}
	}
	for _, c := range f.journal.Changes {
		if what, said := whatChanged(c.Resource.Kind, c.Op); doubted[c.Session] && said {
			acts = append(acts, centre.Line{ID: "change:" + c.Event, Answer: f.answerTo(c.Session), At: c.At, What: what})
		}
	}
	for _, o := range f.journal.Orders {
		if doubted[o.Session] {
			acts = append(acts, centre.Line{ID: "order:" + o.ID, Answer: f.answerTo(o.Session), At: o.At, What: mimamori.Text{
				JA: web.Amount(o.Total.Amount, o.Total.Currency, mimamori.Japanese) + " の注文", EN: "An order of " + web.Amount(o.Total.Amount, o.Total.Currency, mimamori.English)}})
		}
	}
	slices.SortStableFunc(acts, func(a, b centre.Line) int { return a.At.Compare(b.At) })
	logins = logins[:min(len(logins), asksShown)]
	return append(logins, acts[:min(len(acts), asksShown-len(logins))]...)
}

// doubts are the sessions that an open incident is about and that nobody has
// said anything of yet.
func (f *file) doubts() map[string]bool {
	out := map[string]bool{}
	if f.current == nil || !f.current.Open() {
		return out
	}
	for _, e := range f.current.Evidence {
		if _, said := f.journal.Session[e.Session]; !said && e.Session != "" {
			out[e.Session] = true
		}
	}
	return out
}

// whose is who did something, for her own eyes: what is in doubt is nobody's
// yet, though the undo plan counts it as hers.
func (f *file) whose(o journal.Owner, session string) centre.Owner {
	if o == journal.OfCustomer && f.inDoubt[session] {
		return centre.OwnerUnknown
	}
	return owner(o)
}

// whatChanged is a change in a few words; false for what says nothing to a
// reader.
func whatChanged(kind event.ResourceKind, op event.Op) (mimamori.Text, bool) {
	thing, ok := map[event.ResourceKind]mimamori.Text{
		event.Contact: {JA: "ご連絡先", EN: "a contact detail"}, event.Address: {JA: "お届け先", EN: "a delivery address"},
		event.PaymentMethod: {JA: "お支払い方法", EN: "a payment method"}, event.Subscription: {JA: "会員プラン・定期購入", EN: "a membership or subscription"},
		event.Password: {JA: "パスワード", EN: "the password"}, event.Factor: {JA: "サインインの確認方法", EN: "a way to confirm sign-ins"},
	}[kind]
	if !ok {
		return mimamori.Text{}, false
	}
	done := map[event.Op]mimamori.Text{event.Added: {JA: "の追加", EN: "Added: "}, event.Changed: {JA: "の変更", EN: "Changed: "}, event.Removed: {JA: "の削除", EN: "Removed: "}}[op]
	return mimamori.Text{JA: thing.JA + done.JA, EN: done.EN + thing.EN}, true
}
