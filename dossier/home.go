package dossier

import (
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/undo"
	"mimamori/web/centre"
)

// Home is the first page: what happened, what we did, what you do now.
func (d *Desk) Home(ctx context.Context, v centre.Visitor) (centre.Home, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Home{}, err
	}
	second := d.hasSecond(ctx, f)
	h := centre.Home{Standing: centre.Safe, Guards: d.guards(ctx, f)}
	if !second {
		h.Next = centre.NextSecondStep // one strong step, on a quiet day
	}
	if h.Unread, err = d.unread(ctx, s.Account); err != nil {
		return h, err
	}
	i := f.current
	st := f.account.Standing
	switch {
	case i != nil && i.Open() && i.DecidedAt.IsZero():
		h.Standing, h.Incident, h.Ask, h.Next = centre.Confirm, d.incidentView(ctx, f), d.asks(f), centre.NextAnswer
	case i != nil && i.Open():
		h.Standing, h.Incident, h.Steps, h.Wait = centre.Acting, d.incidentView(ctx, f), f.stepList(), d.wait(ctx, f)
		h.Next = centre.NextTimeline
		if i.State == incident.Recovering {
			h.Next = centre.NextSetPassword
		}
		if i.StrongFactor() {
			h.Next = centre.NextCall
		}
	case i != nil && i.State == incident.Watching:
		h.Standing, h.Incident, h.Steps, h.WatchUntil = centre.Watched, d.incidentView(ctx, f), f.stepList(), st.WatchUntil
		h.Obligations = f.obligations(second)
		switch {
		case len(st.Obligations) > 0:
			h.Next = centre.NextObligations
		case second:
			h.Next = centre.NextCheckLogins
		}
	}
	h.Veto = d.veto(ctx, v, s, f)
	coming, err := d.coming(ctx, s.Account)
	if coming != nil {
		h.Call = comingView(*coming, f.now)
	}
	return h, err
}

func (d *Desk) unread(ctx context.Context, account mimamori.AccountID) (int, error) {
	all, err := d.opt.Store.Notices(ctx, account)
	n := 0
	for _, x := range all {
		if x.ReadAt.IsZero() {
			n++
		}
	}
	return n, err
}

// guards are what protects the account on a quiet day.
func (d *Desk) guards(ctx context.Context, f *file) []centre.Guard {
	out := []centre.Guard{{Kind: "watch", On: true, At: f.account.Profile.FirstSeen}}
	contact := centre.Guard{Kind: "contact"}
	for _, c := range f.journal.Contacts(time.Time{}) {
		if c.Kind == "mail" && c.Proves {
			contact.On, contact.At = true, c.Verified
		}
	}
	second := centre.Guard{Kind: "second_step"}
	if d.opt.Factors != nil {
		if list, err := d.opt.Factors.List(ctx, f.account.ID); err == nil {
			for _, x := range list {
				if x.Proves() {
					second.On, second.At = true, x.BoundAt
				}
			}
		}
	}
	password := centre.Guard{Kind: "password", On: !f.account.Standing.LockedOut()}
	for _, c := range f.journal.Changes {
		if c.Resource.Kind == event.Password {
			password.At = c.At
		}
	}
	return append(out, contact, second, password)
}

// incidentView is the head of the case.
func (d *Desk) incidentView(ctx context.Context, f *file) *centre.Incident {
	i := f.current
	out := &centre.Incident{Began: i.Start, Did: f.deeds(), Closed: !i.Open(), Cause: i.Cause.Text, CauseKind: i.Cause.Kind}
	if notices, err := d.opt.Store.Notices(ctx, f.account.ID); err == nil {
		for _, n := range notices {
			if n.IncidentID == i.ID {
				out.Reference = n.Reference.String()
			}
		}
	}
	for _, l := range f.journal.Logins { // the first of this intrusion: with it the page begins
		if slices.Contains(i.Sessions, l.Data.Session) && l.Data.Outcome == event.Succeeded {
			out.Device, out.Place = profile.ParseAgent(l.Data.UserAgent).String(), d.placeOf(l.Data.IP)
			break
		}
	}
	for _, e := range heaviest(i.Evidence, 3) {
		out.Why = append(out.Why, e.Signal.Text)
	}
	return out
}

// heaviest are the n weightiest signals, each once.
func heaviest(evidence []incident.Evidence, n int) []incident.Evidence {
	var out []incident.Evidence
	sorted := slices.Clone(evidence)
	slices.SortStableFunc(sorted, func(a, b incident.Evidence) int {
		if a.Signal.Weight > b.Signal.Weight {
			return -1
		}
		return 1
	})
	for _, e := range sorted {
		if e.Signal.Weight < 0.3 || len(out) == n {
			break
		}
		if !slices.ContainsFunc(out, func(o incident.Evidence) bool { return o.Signal.Name == e.Signal.Name }) {
			out = append(out, e)
		}
	}
	return out
}

// deeds are what we did about it, each kind once with its count.
func (f *file) deeds() []centre.Deed {
	var out []centre.Deed
	add := func(kind centre.DeedKind, counted bool, names ...string) {
		total, last := 0, time.Time{}
		for _, name := range names {
			n, at := f.done(name)
			total += n
			if at.After(last) {
				last = at
			}
		}
		if total == 0 {
			return
		}
		if !counted {
			total = 0
		}
		out = append(out, centre.Deed{Kind: kind, Count: total, At: last})
	}
	add(centre.AccountHeld, false, "account.hold")
	add(centre.SignedOut, false, "sessions.revoke")
	add(centre.PasswordInvalid, false, "password.invalidate")
	add(centre.OrdersStopped, true, "order.cancel")
	add(centre.PointsFrozen, false, "points.freeze")
	add(centre.ChangesReverted, true, "resource.restore", "resource.remove")
	f.countReverted(out)
	add(centre.OrdersUnhidden, true, "order.unhide")
	add(centre.PaymentTold, false, "payment.suspect")
	add(centre.NoticeSent, false, "notice.contained", "notice.hold")
	add(centre.PointsRestored, false, "points.restore")
	if !f.current.RecoveredAt.IsZero() {
		add(centre.AccountReleased, false, "account.release", "points.unfreeze")
	}
	if len(f.current.NeedingPerson()) > 0 {
		out = append(out, centre.Deed{Kind: centre.PersonLooks})
	}
	return out
}

// countReverted counts things that stand again as they did, not commands: what
// the intruder himself took back is among them, as in the notice.
func (f *file) countReverted(deeds []centre.Deed) {
	for k := range deeds {
		if deeds[k].Kind != centre.ChangesReverted {
			continue
		}
		n := 0
		for _, item := range f.plan.Items {
			if item.Action == undo.Keep {
				n++
			}
		}
		deeds[k].Count = max(n, deeds[k].Count)
	}
}

// wait is the running wait, nil when none runs.
func (d *Desk) wait(ctx context.Context, f *file) *centre.Wait {
	i := f.current
	if i == nil || i.WaitUntil.IsZero() || !f.now.Before(i.WaitUntil) || !i.Open() {
		return nil
	}
	strong := len(d.strong(ctx, f)) > 0
	return &centre.Wait{Since: i.DecidedAt, Until: i.WaitUntil, Doubled: i.Previous != "", Early: strong, Call: i.StrongFactor() && !strong}
}

// stepList is the way back, exactly one step of it now while the incident is
// open.
func (f *file) stepList() []centre.Step {
	i := f.current
	_, contained := f.done("password.invalidate")
	_, undone := f.done("undo.plan")
	_, told := f.done("notice.contained")
	waitOver := i.State != incident.Suspected && i.State != incident.Held && i.State != incident.Contained && i.State != incident.Waiting
	back := !i.RecoveredAt.IsZero()
	owed := func(o decide.Obligation) bool { return slices.Contains(f.account.Standing.Obligations, o) }
	steps := []centre.Step{
		{Kind: centre.StepContain, Ours: true, At: contained, State: doneIf(!contained.IsZero())},
		{Kind: centre.StepUndo, Ours: true, At: undone, State: doneIf(!undone.IsZero())},
		{Kind: centre.StepNotice, Ours: true, At: told, State: doneIf(!told.IsZero())},
		{Kind: centre.StepWait, Ours: true, At: i.WaitUntil, State: doneIf(waitOver)},
		{Kind: centre.StepProve, State: doneIf(back)},
		{Kind: centre.StepPassword, At: i.RecoveredAt, State: doneIf(back)},
		{Kind: centre.StepPayment, State: doneIf(back && !owed(decide.ReenterPayment) && !owed(decide.ReenterAddress))},
		{Kind: centre.StepSubscriptions, State: doneIf(back && !owed(decide.ReviewSubscriptions))},
		{Kind: centre.StepWatch, Ours: true, At: i.WatchUntil, State: doneIf(i.State == incident.Closed)},
	}
	if i.State == incident.Watching {
		steps[len(steps)-1].State = centre.StepGoing // beside what is left to the customer
	}
	for k := range steps {
		if steps[k].State == centre.StepLater {
			steps[k].State = centre.StepNow
			break
		}
	}
	return steps
}

func doneIf(yes bool) centre.StepState {
	if yes {
		return centre.StepDone
	}
	return centre.StepLater
}

// obligations are the checklist: those still owed, those that are done, and
// the second step, which nobody is held to.
func (f *file) obligations(second bool) []centre.Obligation {
	var out []centre.Obligation
	for _, k := range []decide.Obligation{decide.SetPassword, decide.ReenterPayment, decide.ReenterAddress, decide.ReviewSubscriptions} {
		out = append(out, centre.Obligation{Kind: centre.ObligationKind(k), Done: !slices.Contains(f.account.Standing.Obligations, k)})
	}
	return append(out, centre.Obligation{Kind: centre.OfferSecondStep, Done: second})
}

func (d *Desk) describe(ip string) mimamori.Text {
	if a := parseAddr(ip); a.IsValid() {
		return d.opt.Geo.Lookup(a).Describe()
	}
	return mimamori.Text{}
}

// veto is a recovery that somebody began elsewhere while the customer sits at
// a device of hers; nil unless this visitor may stop it.
func (d *Desk) veto(ctx context.Context, v centre.Visitor, s access.Session, f *file) *centre.Veto {
	shop, ok := f.account.Profile.Session(s.ShopSession)
	if !ok || !shop.Known || shop.Verdict == string(journal.OfIntruder) {
		return nil
	}
	open, err := d.opt.Store.OpenRecoveries(ctx, f.account.ID, f.now)
	if err != nil {
		return nil
	}
	for _, r := range open {
		// Pages that she opened on her own way back are no news once she is back.
		if r.CreatedAt.After(f.account.Standing.RecoveredAt) {
			return &centre.Veto{ID: r.ID, Started: r.CreatedAt}
		}
	}
	return nil
}
