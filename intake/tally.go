package intake

import (
	"context"
	"time"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/policy"
	"mimamori/profile"
)

// counted is what the tally learns of one event once it is durable: a note, or
// that a session's earlier counts are taken back.
type counted struct {
	note    *decide.Note
	retract *profile.Session
}

// count hands on what the request's events add to the tally. It is done after
// the commit: what was refused or came before is not counted.
func (r *request) count() {
	for _, c := range r.counts {
		if c.note != nil {
			r.in.opt.Tally.Note(*c.note)
			continue
		}
		r.in.takeBack(*c.retract)
	}
	if len(r.counts) > 0 {
		r.in.saveSoon(r.now)
	}
}

// takeBack takes back what the tally counted of a session.
func (in *Intake) takeBack(s profile.Session) {
	var at [2]*decide.Bin
	for i, place := range s.Counted {
		if b, ok := binAt(place); ok {
			at[i] = &b
		}
	}
	in.opt.Tally.Retract(s.Began, at[0], at[1])
}

// ask asks the operator's own rules about the event.
func (w *work) ask() decide.Decision {
	if len(w.in.opt.Rules.List()) == 0 {
		return decide.Allow
	}
	f := policy.Facts{Event: w.e, Place: w.place.Place, Agent: w.place.agent, Profile: &w.a.Profile, Assessment: w.assessment, Campaigns: w.campaigns,
		Watched: w.e.Time.Before(w.a.Standing.WatchUntil)}
	if s, ok := w.a.Profile.Session(w.e.Session); ok && w.e.Kind != event.LoginAttempted {
		f.Session = s
	}
	w.hits = w.in.opt.Rules.Ask(f)
	return policy.AtLeast(w.hits)
}

// Where a session stands in the tally is kept with it, so that it can be taken
// back. Bins are moved by one to leave 0 for none.
const uncounted = -1 << 15 // its acts are not counted: it was held at sign-in

func placeOf(b decide.Bin) int16 {
	if b >= 0 {
		return int16(b) + 1
	}
	return int16(b)
}

func binAt(place int16) (decide.Bin, bool) {
	switch {
	case place == 0 || place == uncounted:
		return 0, false
	case place > 0:
		return decide.Bin(place - 1), true
	}
	return decide.Bin(place), true
}

// tally notes the decision just made, before anything comes of it.
func (w *work) tally() {
	w.confirm()
	if !w.assessment.Assessed {
		return
	}
	w.genuine = w.presumed()
	n := decide.Note{At: w.e.Time, Score: decide.BinOf(decide.LogOdds(w.assessment.Probability)), Decision: w.made.Decision, Genuine: w.genuine}
	for _, s := range w.assessment.Signals {
		if s.Weight > 0 {
			n.Signals = append(n.Signals, s.Name)
		}
	}
	for _, h := range w.hits {
		n.Rules = append(n.Rules, h.Key())
	}
	s, known := w.a.Profile.Session(w.e.Session)
	if _, n.Login = w.e.Payload.(*event.Login); !n.Login {
		if !known {
			return
		}
		n.HeldNow = w.made.Decision.AtLeast(decide.Hold) && !decide.Decision(s.Met).AtLeast(decide.Hold)
		n.Held = s.Counted[1] == uncounted
		var was bool
		n.Was, was = binAt(s.Counted[1])
		n.First = !was
	}
	w.counts = append(w.counts, counted{note: &n})
}

// presumed says that a sign-in or act counts as the customer's. Its own score
// says nothing about that: levels that left out what they hold would sink
// under what they count. Only a campaign, or somebody's word, speaks against it.
func (w *work) presumed() bool {
	s, ok := w.a.Profile.Session(w.e.Session)
	return !w.assessment.InCampaign() && !(ok && s.Verdict == "intruder")
}

// confirm hears that a password was changed, by the shop or by the customer in
// another session, soon after a session that was challenged or met worse: it
// was an intruder's. Who was asked for nothing seldom changes a password.
func (w *work) confirm() {
	c, ok := w.e.Payload.(*event.Change)
	if !ok || c.Resource.Kind != event.Password || w.e.Command != "" {
		return
	}
	for i := range w.a.Profile.Sessions {
		s := &w.a.Profile.Sessions[i]
		if s.ID != w.e.Session && decide.Decision(s.Met).AtLeast(decide.Challenge) && w.e.Time.Sub(s.Began) < decide.Window*24*time.Hour {
			w.retract(s)
		}
	}
}

// mark writes down at the session what the tally counted of it.
func (w *work) mark() {
	s, ok := w.a.Profile.Session(w.e.Session)
	if !ok || !w.assessment.Assessed {
		return
	}
	if w.made.Decision.AtLeast(decide.Challenge) && !decide.Decision(s.Met).AtLeast(w.made.Decision) {
		s.Met = string(w.made.Decision)
	}
	if !w.genuine {
		return
	}
	bin := decide.BinOf(decide.LogOdds(w.assessment.Probability))
	if w.e.Kind == event.LoginAttempted {
		s.Counted = [2]int16{placeOf(bin), 0}
		if w.made.Decision.AtLeast(decide.Hold) {
			s.Counted[1] = uncounted
		}
		return
	}
	if was, counted := binAt(s.Counted[1]); s.Counted[1] != uncounted && (!counted || bin > was) {
		s.Counted[1] = placeOf(bin)
	}
}

// retract takes back what was counted of a session that is an intruder's now.
func (w *work) retract(s *profile.Session) {
	if s.Counted == ([2]int16{}) {
		return
	}
	old := *s
	w.counts = append(w.counts, counted{retract: &old})
	s.Counted = [2]int16{}
}

// Levels are the log-odds that decide now.
func (in *Intake) Levels() decide.Levels { return in.opt.Tally.Levels(in.Policy(), time.Now().UTC()) }

// Tally is what the levels are counted by.
func (in *Intake) Tally() *decide.Tally { return in.opt.Tally }

// Keeper keeps the tally and the traffic counters.
type Keeper interface {
	// Tally is it as PutTally saved it last; nil when it never was.
	Tally(ctx context.Context) ([]byte, error)
	PutTally(ctx context.Context, doc []byte, now time.Time) error
	// Traffic is the counters across accounts as PutTraffic saved them last.
	Traffic(ctx context.Context) ([]byte, error)
	PutTraffic(ctx context.Context, doc []byte, now time.Time) error
}

// Busy says that decisions were asked for during the last second: whoever has
// time lets them pass.
func (in *Intake) Busy() bool { return time.Now().UnixNano()-in.decided.Load() < int64(time.Second) }

// recall takes over the tally as it was saved. One that cannot be read is left:
// counting begins anew, and the policy's own probabilities decide meanwhile.
func (in *Intake) recall(ctx context.Context) error {
	if in.opt.Keep == nil {
		return nil
	}
	doc, err := in.opt.Keep.Tally(ctx)
	if err != nil {
		return err
	}
	in.saved.Store(time.Now().Unix())
	if doc != nil {
		_ = in.opt.Tally.Decode(doc)
	}
	return nil
}

// saveEvery is how old a saved tally may be: what is lost by a crash is that
// much of 28 days.
const saveEvery = 60 // seconds

// saveSoon saves the tally, beside the decision, when the saved one is old.
func (in *Intake) saveSoon(now time.Time) {
	if was := in.saved.Load(); was > 0 && now.Unix()-was > saveEvery && in.saved.CompareAndSwap(was, now.Unix()) {
		in.counting.Go(func() { in.save(context.Background(), now) })
	}
}

// save writes the tally down; failing, it is tried again in a minute.
func (in *Intake) save(ctx context.Context, now time.Time) {
	if in.saved.Load() == 0 {
		return // not kept, or never started
	}
	if doc, err := in.opt.Tally.Encode(); err == nil {
		_ = in.opt.Keep.PutTally(ctx, doc, now)
	}
}
