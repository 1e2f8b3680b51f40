package intake

import (
	"context"
	"sync"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
)

// mostUnpaid bounds the points waiting for their order; beyond it the oldest
// are left to whatever their session does next, which weighs them too.
const mostUnpaid = 20_000

// unpaid are points that left without an order: whether one goes with them is
// known some minutes later, and then their session is weighed again. The list
// lives in memory; after a restart the session's next event tells.
type unpaid struct {
	// mu guards the list.
	mu   sync.Mutex
	list []spending // in the order of arrival
}

// spending is one movement of points that no order has gone with yet.
type spending struct {
	account                         mimamori.AccountID
	subject, source, event, session string
	due                             time.Time
}

func (u *unpaid) add(list []spending) {
	if len(list) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, list...)
	u.list = u.list[max(0, len(u.list)-mostUnpaid):]
}

// over takes out those whose time is over.
func (u *unpaid) over(now time.Time) []spending {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for n < len(u.list) && !u.list[n].due.After(now) {
		n++
	}
	out := u.list[:n:n]
	if u.list = u.list[n:]; len(u.list) == 0 {
		u.list = nil
	}
	return out
}

// spends says that this event leaves points waiting for an order.
func (w *work) spends() (spending, bool) {
	s, ok := w.a.Profile.Session(w.e.Session)
	if !ok || w.how.Past || !w.assessment.Assessed || !assess.Unpaid(s, w.e) {
		return spending{}, false
	}
	return spending{account: w.a.ID, subject: w.e.Subject, source: w.e.Source, event: w.e.ID, session: w.e.Session, due: w.now.Add(assess.Checkout + time.Minute)}, true
}

// settle weighs the sessions again whose points no order has gone with.
func (in *Intake) settle(ctx context.Context, how How, now time.Time) {
	if how.Past {
		return
	}
	due := in.unpaid.over(now)
	if len(due) == 0 {
		return
	}
	do := func() {
		for _, s := range due {
			if err := in.weighSpent(context.WithoutCancel(ctx), s, how, now); err != nil {
				continue // the store says for itself that it is failing; the session's next event tells
			}
		}
	}
	if in.opt.Inline {
		do()
		return
	}
	in.counting.Go(do)
}

// weighSpent weighs one session again. Its money has moved: where a proof
// would be asked for otherwise, it is put on hold.
func (in *Intake) weighSpent(ctx context.Context, p spending, how How, now time.Time) error {
	var w *work
	err := in.store.Take(ctx, false, func(tx Tx) error {
		w = nil
		a, err := tx.Account(p.account, p.subject)
		if err != nil {
			return err
		}
		s, ok := a.Profile.Session(p.session)
		if !ok || s.Verdict != "" {
			return nil // it was judged already, or is long over
		}
		e := event.Event{ID: p.event, Source: p.source, Kind: event.PointsMoved, Account: p.account, Subject: p.subject, Session: p.session, Time: now}
		if !assess.Alone(s, e) {
			return nil // an order went with them
		}
		w = &work{in: in, tx: tx, e: e, a: a, how: how, now: now, levels: in.opt.Tally.Levels(in.Policy(), now), opened: &opened{}}
		if err := w.judge(); err != nil {
			return err
		}
		if w.made.Decision.AtLeast(decide.Challenge) {
			w.made.Decision = decide.Hold
		}
		w.tally()
		if err := w.raise(); err != nil {
			return err
		}
		s.Terms, s.Marks = w.assessment.Terms(), assess.Marked(s, w.assessment, e)
		w.mark()
		return tx.PutAccount(a)
	})
	if err != nil || w == nil {
		return err
	}
	for _, c := range w.counts {
		if c.note != nil {
			in.opt.Tally.Note(*c.note)
		}
	}
	if !w.made.Decision.AtLeast(decide.Hold) {
		in.opt.Traffic.Learn(now, w.assessment.Firsts)
	}
	in.openings.add(w.opened.by, now)
	if w.wake && in.opt.Wake != nil {
		in.opt.Wake()
	}
	if in.opt.Later != nil {
		in.opt.Later(Later{Event: p.event, Source: p.source, Kind: event.PointsMoved, Account: p.account, Session: p.session, Probability: w.levels.Given(w.assessment.Probability),
			Decision: in.shown(w.made.Decision, w.a.Standing), Signals: w.assessment.Signals, Incident: w.a.Standing.Incident, At: now})
	}
	return nil
}
