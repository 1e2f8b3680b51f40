package intake

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/policy"
	"mimamori/profile"
	"mimamori/response"
	"mimamori/traffic"
)

// work is one event being taken in: what it needs and what it finds.
type work struct {
	in    *Intake
	tx    Tx
	e     event.Event
	a     *incident.Account
	how   How
	now   time.Time
	place where
	first bool // the counters across accounts have not been told of it yet
	noted *int // the request's: how many events they were told of
	nth   int  // its place among them
	wake  bool

	levels  decide.Levels
	hits    []policy.Hit
	counts  []counted
	genuine bool // presumed so, and counted

	assessment assess.Assessment
	weights    profile.Weights // see terms
	made       decide.Made
	device     string // a token to set
	campaigns  []string
	told       traffic.Login  // the attempt as the counters see it
	viewed     **traffic.View // what they said of it when it ran first

	opened *opened // the request's, see crowd
}

// do assesses, decides, raises and learns; the answer is JSON.
func (w *work) do() (string, error) {
	w.greet()
	if err := w.recollect(); err != nil {
		return "", err
	}
	if err := w.judge(); err != nil {
		return "", err
	}
	w.tally()
	if !w.how.Past && w.e.Command == "" {
		if err := w.raise(); err != nil {
			return "", err
		}
	}
	if err := w.inform(); err != nil {
		return "", err
	}
	w.learn()
	w.mark()
	w.teach()
	if err := w.follow(); err != nil {
		return "", err
	}
	if w.how.Each != nil {
		return "", nil // nobody asks for it
	}
	return w.answer()
}

// greet takes over what the shop says of the account itself.
func (w *work) greet() {
	d, ok := w.e.Payload.(*event.Account)
	if !ok {
		return
	}
	if d.Locale != "" {
		w.a.Profile.Locale = mimamori.ParseLang(d.Locale)
	}
	if d.TimeZone != "" {
		w.a.Profile.Zone = d.TimeZone
	}
	if d.RegisteredAt != nil && (w.a.Profile.Made.IsZero() || d.RegisteredAt.Before(w.a.Profile.Made)) {
		w.a.Profile.Made = *d.RegisteredAt
	}
}

// judge makes the assessment and the decision of the event.
func (w *work) judge() error {
	w.made.Decision = decide.Allow
	if w.e.Command != "" || w.e.By == event.ByShop || w.e.By == event.BySystem {
		return nil
	}
	switch w.e.Payload.(type) {
	case *event.Verdict, *event.Dispute, *event.Account:
		return nil // words about sessions and accounts, nothing that a session did
	}
	var f assess.Facts
	w.facts(&f)
	var c decide.Case
	met := decide.Allow
	switch d := w.e.Payload.(type) {
	case *event.Login:
		if d.Outcome != event.Succeeded {
			return nil // noise that anybody can make; it is counted, never answered with more
		}
		w.assessment, c.RightPassword, c.Rungs = assess.Login(f), true, w.levels.Login
		w.campaigns = f.Traffic.Hand.Campaigns
	default:
		s, ok := w.a.Profile.Session(w.e.Session)
		if !ok && !w.how.Past && w.e.Kind != event.SessionEnded {
			s, ok = w.a.Profile.Recall(w.e.Session, w.e.Time)
		}
		if !ok {
			if s, ok = w.meet(); !ok {
				return nil
			}
		}
		w.assessment, c.RightPassword, c.Rungs = assess.Act(f, s), true, w.levels.Act
		c.Faded = s.Faded()
		c.Answered = s.Verdict == string(journal.OfIntruder) && !w.a.Standing.LockedOut() && !w.a.Standing.RecoveredAt.Before(s.Began)
		c.Torn = !s.Known && s.Verdict == "" && w.e.Time.Before(f.WatchUntil) && assess.LikeHers(s, w.e)
		c.Shared = s.Verdict == "" && assess.Shared(s, w.assessment)
		c.Quiet = !slices.ContainsFunc(w.assessment.Fresh, func(x assess.Signal) bool { return x.Weight > 0 })
		if !s.Known && s.Verdict == "" {
			met = decide.Decision(s.Met)
		}
	}
	c.AtLeast = w.ask()
	c.JustProven = w.justProven()
	c.Age = w.now.Sub(w.e.Time)
	c.BudgetLeft = 1
	if decide.LogOdds(w.assessment.Probability) >= c.Rungs.Contain && !w.how.Past {
		var err error
		if c.BudgetLeft, err = w.budgetLeft(); err != nil {
			return err
		}
	}
	w.made = decide.Decide(w.in.Policy(), w.assessment, c)
	w.made.Decision = firmer(w.made.Decision, met, w.e, w.assessment, c)
	return nil
}

// budgetLeft is how many containments are free; for an account that is locked
// out already there is one, since nothing more is spent on it.
func (w *work) budgetLeft() (int, error) {
	if w.a.Standing.LockedOut() {
		return 1, nil
	}
	return w.in.budgetLeft(w.tx, w.now)
}

// justProven says that somebody signs in within the hour after the account was
// given back. It counts for nothing where a campaign is under way, and what is
// done after the sign-in is judged as ever.
func (w *work) justProven() bool {
	st := w.a.Standing
	since := w.e.Time.Sub(st.RecoveredAt)
	return w.e.Kind == event.LoginAttempted && st.State == incident.Watching && since >= 0 && since < time.Hour && !w.assessment.InCampaign()
}

// firmer puts on hold where one more proof would come too late or prove
// nothing: a sign-in that fits a campaign under way, money that has moved
// already in a session that is doubtful, and money in a session that was asked
// for a proof and has not given it (met is how it was met; a proof makes it the
// customer's) and now stands near the level at which money is held anyhow.
// Nothing ships; nobody is locked out.
func firmer(d, met decide.Decision, e event.Event, a assess.Assessment, c decide.Case) decide.Decision {
	if d.AtLeast(decide.Hold) || c.Age > 24*time.Hour {
		return d
	}
	_, login := e.Payload.(*event.Login)
	unproven := met == decide.Challenge && decide.LogOdds(a.Probability) >= c.Rungs.Challenge-near
	if login && a.InCampaign() || !login && moves(e) && (d == decide.Challenge || unproven) {
		return decide.Hold
	}
	return d
}

// near is how far below the level of acts, in log-odds, a proof that was not
// given still counts: most who were asked and order all the same are customers
// of a shop that does not ask, and held orders have a quota.
const near = 1

// moves says that an event is money or points spent.
func moves(e event.Event) bool {
	p, points := e.Payload.(*event.Points)
	return e.Kind == event.OrderPlaced || points && p.Amount < 0
}

// meet takes up a session that began before Mimamori was told of any: from
// now on it is compared with what it is now.
func (w *work) meet() (*profile.Session, bool) {
	seen, ok := w.e.Payload.(*event.Session)
	if !ok || w.e.Kind != event.SessionSeen || w.a.Profile.Logins == 0 {
		return nil, false
	}
	// It is compared with what is usual: the device and network seen last.
	agent := w.place.goesOn
	p := &w.a.Profile
	was := profile.Session{ID: w.e.Session, Began: w.e.Time, Last: w.e.Time}
	for i := range p.Devices {
		d := &p.Devices[i]
		both, _ := d.Like(agent)
		if !d.Usual(w.e.Time) {
			continue
		}
		was.Known = true
		if seen.Device != "" && d.Key == profile.DeviceKey(seen.Device, agent) || seen.Device == "" && both {
			was.Agent, was.Major, was.Device = agent.Family(), agent.Major, d.Key
		}
	}
	if was.Agent == "" { // on none of hers: nobody knows on which it began
		was.Known, was.Agent, was.Major, was.Device = false, agent.Family(), agent.Major, profile.DeviceKey(seen.Device, agent)
	}
	var last time.Time
	for i := range p.Networks {
		if n := &p.Networks[i]; n.Usual(w.e.Time) && n.Last.After(last) {
			last, was.Network, was.ASN, was.Country = n.Last, n.Key, n.ASN, n.Country
		}
	}
	p.KeepSession(was)
	return w.a.Profile.Session(w.e.Session)
}

// facts fills in what is known of the event; more than a kilobyte, which is
// not handed about.
func (w *work) facts(f *assess.Facts) {
	f.Event, f.Profile, f.Place, f.Network = w.e, &w.a.Profile, w.place.Place, w.place.network
	f.WatchUntil, f.RecoveredAt, f.Contained = w.a.Standing.WatchUntil, w.a.Standing.RecoveredAt, !w.a.Standing.DecidedAt.IsZero()
	if l, ok := w.e.Payload.(*event.Login); ok {
		f.Agent, f.Device, f.Print = w.place.agent, w.place.device, w.place.print
		w.told = w.attempt()
		if l.Outcome == event.Succeeded {
			w.view(&f.Traffic)
			w.told.Moved = int8(assess.Line(f))
		}
		return
	}
	f.Agent, f.Traffic = w.place.goesOn, w.in.opt.Traffic.Brief()
	for _, v := range assess.ValuesOf(w.e) {
		f.Values = append(f.Values, w.in.opt.Traffic.Value(v, w.e.Time))
	}
}

// view is what the counters across accounts knew before they were told of the
// attempt: a transaction that is run again must not find itself in them.
func (w *work) view(into *traffic.View) {
	if w.viewed == nil {
		*into = w.in.opt.Traffic.View(w.told)
		return
	}
	if *w.viewed == nil {
		v, ok := w.in.views.Get().(*traffic.View)
		if !ok {
			v = new(traffic.View)
		}
		*v = w.in.opt.Traffic.View(w.told)
		*w.viewed = v
	}
	*into = **w.viewed
}

// giveBack gives the views back, a kilobyte each: nothing else points to them.
func (r *request) giveBack() {
	for i, v := range r.views {
		if v != nil {
			r.in.views.Put(v)
			r.views[i] = nil
		}
	}
}

// raise opens or joins an incident when the decision asks for it, and hears
// the words of people about sessions.
func (w *work) raise() error {
	switch d := w.e.Payload.(type) {
	case *event.Verdict:
		return w.hear(d)
	case *event.Dispute:
		return w.alarm(decide.Hold, assess.Word("payment_disputed"), "", "shop")
	}
	if !w.made.Decision.AtLeast(decide.Hold) || w.late() {
		return nil
	}
	a := w.newAlarm()
	a.Decision, a.Probability, a.Signals = w.made.Decision, w.assessment.Probability, w.assessment.Signals
	if w.made.NeedsPerson {
		a.Ask = w.made.Capped
	}
	return w.ring(a)
}

// ring raises what was found, and counts what it opened.
func (w *work) ring(a response.Alarm) error {
	was := w.a.Standing.Open()
	i, err := response.Raise(w.tx, a)
	if err == nil && i != nil && !was && w.a.Standing.Open() {
		w.open(i.Crowd)
	}
	w.wake = true
	return err
}

func (w *work) newAlarm() response.Alarm {
	return response.Alarm{Account: w.a, Policy: w.in.Policy(), Event: w.e.ID, Campaigns: w.campaigns, Session: w.e.Session, At: w.e.Time, Now: w.now,
		By: mimamori.System, Voice: "detector", Crowd: w.crowd()}
}

// alarm raises on somebody's word.
func (w *work) alarm(d decide.Decision, s assess.Signal, session, voice string) error {
	a := w.newAlarm()
	a.Decision, a.Signals, a.Probability, a.Voice, a.Session = d, []assess.Signal{s}, 1, voice, session
	if known, ok := w.a.Profile.Session(session); ok {
		a.At = known.Began
	}
	return w.ring(a)
}

// hear takes a verdict on a session from the shop. "Intruder" raises at once;
// "customer" never lowers what a detector, the customer or the staff set.
func (w *work) hear(d *event.Verdict) error {
	switch d.Verdict {
	case string(journal.OfIntruder):
		if s, ok := w.a.Profile.Session(d.Session); ok {
			w.retract(s)
		}
		// A stolen API key must not lock everybody out (standards G14).
		decision := decide.Contain
		if left, err := w.budgetLeft(); err != nil {
			return err
		} else if left <= 0 {
			decision = decide.Hold
		}
		return w.alarm(decision, assess.Word("shop_said_intruder"), d.Session, "shop")
	default:
		old, err := w.tx.Verdict(w.a.ID, d.Session)
		if err != nil || old.Owner != "" {
			return err
		}
		return w.tx.PutVerdict(w.a.ID, journal.Verdict{Session: d.Session, Owner: journal.Owner(d.Verdict), By: "shop", At: w.now})
	}
}

// follow does what an event means for an incident that is already there: a
// new password ends it, obligations are ticked off, late acts of the intruder
// are swept up.
func (w *work) follow() error {
	if w.how.Past {
		return nil
	}
	if err := w.tick(); err != nil {
		return err
	}
	if w.late() {
		return w.sweep()
	}
	if w.e.Command != "" || !w.a.Standing.Open() {
		return nil
	}
	if c, ok := w.e.Payload.(*event.Change); ok && c.Resource.Kind == event.Password && c.Grant != "" && w.a.Standing.LockedOut() {
		// Only a grant of this incident ends it: nothing the shop's key can
		// say, and no grant from an earlier one, shortens the wait (A11).
		if ok, err := w.tx.Redeemed(w.a.ID, w.a.Standing.Incident, c.Grant); err != nil || !ok {
			return err
		}
		_, err := response.Recovered(w.tx, w.a, w.in.Policy().Watch, w.now)
		w.wake = true
		return err
	}
	return w.sweep()
}

// tick takes obligations off the list when an event fulfils them. What was done
// before the account was given back, or in a session of the intruder's, fulfils
// nothing, however late it is reported.
func (w *work) tick() error {
	st := &w.a.Standing
	if len(st.Obligations) == 0 || st.LockedOut() || w.e.Time.Before(st.RecoveredAt) || w.his() {
		return nil
	}
	done := func(o decide.Obligation) {
		st.Obligations = slices.DeleteFunc(st.Obligations, func(x decide.Obligation) bool { return x == o })
	}
	switch d := w.e.Payload.(type) {
	case *event.Order:
		if slices.Contains(d.Reentered, "payment") {
			done(decide.ReenterPayment)
		}
		if slices.Contains(d.Reentered, "address") {
			done(decide.ReenterAddress)
		}
	case *event.PageView:
		if d.Page == "subscriptions" || d.Page == "membership" {
			done(decide.ReviewSubscriptions)
		}
	case *event.Change:
		if d.Resource.Kind == event.Subscription && w.e.Command == "" {
			done(decide.ReviewSubscriptions)
		}
	}
	if len(st.Obligations) == 0 {
		return w.tellRecovered()
	}
	return nil
}

// terms are the assessment's. The session that is kept and the answer share
// them: nobody changes them.
func (w *work) terms() profile.Weights {
	if w.weights == nil {
		w.weights = w.assessment.Terms()
	}
	return w.weights
}

func (w *work) answer() (string, error) {
	own := w.assessment.Probability
	a := Answer{Decision: w.made.Decision, Probability: own, Reasons: w.assessment.Top(3),
		Device: w.device, Obligations: w.a.Standing.Obligations, Campaigns: w.campaigns}
	if w.assessment.Assessed {
		given, ok := w.in.calibration.Load().Answered(own)
		if !ok {
			given = w.levels.Given(own)
		}
		if given != own {
			a.Probability, a.Uncalibrated = given, own
		}
	}
	for _, h := range w.hits {
		a.Rules = append(a.Rules, h.Key())
	}
	if w.assessment.Assessed {
		a.Terms = w.terms()
	}
	if w.in.behind.Load() {
		a.Degraded = []string{"traffic"}
	}
	if w.in.Policy().Mode == decide.Observe {
		a.Decision = a.Decision.AtMost(decide.Notify)
	}
	switch {
	case w.a.Standing.LockedOut():
		a.Decision, a.Incident = decide.Contain, w.a.Standing.Incident
	case w.a.Standing.Held():
		a.Incident = w.a.Standing.Incident
		if decide.Hold.AtLeast(a.Decision) {
			a.Decision = decide.Hold
		}
	}
	if a.Obligations == nil {
		a.Obligations = []decide.Obligation{}
	}
	if a.Reasons == nil {
		a.Reasons = []assess.Signal{}
	}
	if a.Decision == decide.Challenge && w.in.opt.Challenger != nil && !w.how.Past {
		c, err := w.in.opt.Challenger.Offer(w.tx, w.e, w.now)
		if err != nil {
			return "", fmt.Errorf("offer a challenge: %w", err)
		}
		a.Challenge = c
	}
	var room [1024]byte
	return string(a.appendTo(room[:0])), nil
}
