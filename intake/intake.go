// Package intake takes events in: each is decoded before it comes here, then
// loaded with its account, assessed, decided, written together with what
// follows from it, and answered only once all of that is durable. It is the
// decision path; one decision touches one account's row and nothing else.
package intake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/policy"
	"mimamori/profile"
	"mimamori/response"
	"mimamori/traffic"
)

// Tx is what the decision path reads and writes in one transaction.
type Tx interface {
	response.Tx
	Account(id mimamori.AccountID, subject string) (*incident.Account, error)
	Seen(account mimamori.AccountID, source, id string) (Seen, bool, error)
	PutEvent(e event.Event, answer string, now time.Time) error
	PutImport(i Import, now time.Time) error
	ContainedSince(since time.Time) (int, error)
	// Redeemed says that a grant was made for this incident and redeemed.
	Redeemed(account mimamori.AccountID, id mimamori.IncidentID, jti string) (bool, error)
}

// Store runs do durably; idle work (imports) gives way to decisions.
type Store interface {
	Take(ctx context.Context, idle bool, do func(Tx) error) error
	// TakeEvents is Take for a write about these events: the store may read
	// what is known of them, and of their accounts, before do runs. do may run
	// again, from its beginning.
	TakeEvents(ctx context.Context, idle bool, events []event.Event, do func(Tx) error) error
	ActiveAccounts(ctx context.Context, since time.Time) (int, error)
	// LoginsSince are the sign-ins that arrived since a moment, at most so many,
	// and from when on to ask for more; the zero time when there are none.
	LoginsSince(ctx context.Context, since time.Time, most int) (logins []event.Event, next time.Time, err error)
	ReadAccount(ctx context.Context, subject string) (*incident.Account, error)
}

// Seen is what is known of an event that came before under the same name.
type Seen struct {
	Of         event.Event // as it was: what Hash asks for, no more
	Answer     string
	ReceivedAt time.Time
}

// Import is how far a named import has come. Offset counts the lines that are
// durable: an interrupted import goes on there.
type Import struct {
	Name     string `json:"name"`
	Offset   int64  `json:"offset"`
	Accepted int64  `json:"accepted"`
	Repeated int64  `json:"repeated"`
	Done     bool   `json:"done"`
}

// Challenger makes the challenge that a decision asks for.
type Challenger interface {
	// Offer writes an open challenge; what it returns is the answer's field.
	Offer(tx Tx, e event.Event, now time.Time) (*Challenge, error)
}

// Challenge is what the shop is told of an open challenge.
type Challenge struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Methods   []string  `json:"methods"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Options of the intake.
type Options struct {
	Geo        *geo.DB
	Traffic    *traffic.Traffic
	Policy     decide.Policy
	Challenger Challenger    // nil: no challenge is ever offered, a decision stays challenge
	Rules      *policy.Rules // the operator's own; nil: none
	Tally      *decide.Tally // what the quotas are counted by; nil: one that begins empty
	Keep       Keeper        // keeps the tally over restarts; nil: nobody does
	Wake       func()        // a step was written
	Inline     bool          // sign-ins are weighed again before Take returns, not beside it (replay)
	Later      func(Later)   // told of what was weighed again; may be nil
	// Strange is told, once it is durable, what was done in sessions not known
	// as the customer's, and what was registered by anybody. It must return at
	// once; may be nil.
	Strange func([]event.Event)
	// Crowd is told of a source whose events opened far more incidents within
	// the hour than is usual (standards G17), with each further one. It must
	// return at once; may be nil.
	Crowd func(source string)
}

// Intake is the decision path. It is safe for use by many goroutines.
type Intake struct {
	store    Store
	opt      Options
	policy   atomic.Pointer[decide.Policy]
	agents   agents
	active   atomic.Int64 // accounts that signed in during the last 30 days
	counted  atomic.Int64 // when they were counted, unix seconds
	counting sync.WaitGroup
	kept     atomic.Int64 // when the traffic counters were saved last, unix seconds
	keepCost atomic.Int64 // seconds by which the next saving of them is put off
	saved    atomic.Int64 // when the tally was saved last, unix seconds
	openings openings
	unpaid   unpaid
	behind   atomic.Bool // attempts of before the start are still being counted
	stopped  atomic.Bool
	decided  atomic.Int64 // when a decision was asked for last, unix nanoseconds
	views    sync.Pool    // of *traffic.View
	// calibration is what probabilities are given out by; nil: the engine's own.
	calibration atomic.Pointer[decide.Calibration]
}

// New makes the decision path; Start fills what it knows from the store.
func New(store Store, opt Options) *Intake {
	in := &Intake{store: store, opt: opt}
	in.policy.Store(&opt.Policy)
	if opt.Tally == nil {
		in.opt.Tally = decide.NewTally(opt.Policy)
	}
	return in
}

// Start catches up: the traffic counters are taken over as they were saved,
// and the accounts are counted for the budget behind.
func (in *Intake) Start(ctx context.Context) error {
	now := time.Now()
	if err := in.catchUp(ctx, now); err != nil {
		return err
	}
	if err := in.recall(ctx); err != nil {
		return err
	}
	// A count of millions takes its time; until then, and if it fails, the
	// budget is that of a small shop.
	in.counting.Go(func() { _ = in.count(context.WithoutCancel(ctx), now) })
	return nil
}

// Stop waits for a count that is under way, and saves the tally and the
// traffic counters.
func (in *Intake) Stop() {
	in.stopped.Store(true)
	in.counting.Wait()
	in.save(context.Background(), time.Now())
	in.keep(context.Background(), time.Now())
}

// count counts the accounts that the hourly budget is a share of.
func (in *Intake) count(ctx context.Context, now time.Time) error {
	active, err := in.store.ActiveAccounts(ctx, now.Add(-30*24*time.Hour))
	if err != nil {
		return fmt.Errorf("count active accounts: %w", err)
	}
	in.active.Store(int64(active))
	in.counted.Store(now.Unix())
	return nil
}

// budgetLeft is how many containments without a person are free this hour.
// The accounts are counted again, beside the decision, when the count is an
// hour old; a failed count leaves the old one.
func (in *Intake) budgetLeft(tx Tx, now time.Time) (int, error) {
	if was := in.counted.Load(); now.Unix()-was > 3600 && in.counted.CompareAndSwap(was, now.Unix()) {
		if in.opt.Inline {
			if err := in.count(context.Background(), now); err != nil {
				return 0, err
			}
		} else {
			in.counting.Go(func() { _ = in.count(context.Background(), now) })
		}
	}
	used, err := tx.ContainedSince(now.Add(-time.Hour))
	return in.Policy().Budget(int(in.active.Load())) - used, err
}

// Policy is what decisions are made by now.
func (in *Intake) Policy() decide.Policy { return *in.policy.Load() }

// Answer is what the decisions door gives for one event.
type Answer struct {
	Decision    decide.Decision `json:"decision"`
	Probability float64         `json:"probability"`
	// Uncalibrated is the engine's own probability, by which it was decided; it
	// is there where another is given out: calibrated by what people said, or
	// as long as that is too little, by what sign-ins score here (Levels.Given).
	Uncalibrated float64             `json:"uncalibrated,omitempty"`
	Reasons      []assess.Signal     `json:"reasons"`
	Incident     mimamori.IncidentID `json:"incident,omitempty"`
	Device       string              `json:"device,omitempty"`
	Challenge    *Challenge          `json:"challenge,omitempty"`
	Obligations  []decide.Obligation `json:"obligations"`
	Degraded     []string            `json:"degraded,omitempty"`
	// Terms is every signal with its weight, for whoever wants to add them up.
	Terms profile.Weights `json:"terms,omitempty"`
	// Rules are the operator's own that hit.
	Rules []string `json:"rules,omitempty"`
	// Campaigns are attacks over many accounts that the event belongs to.
	Campaigns []string `json:"campaigns,omitempty"`
}

// Own is the engine's own probability, calibrated or not.
func (a Answer) Own() float64 {
	if a.Uncalibrated > 0 {
		return a.Uncalibrated
	}
	return a.Probability
}

// Calibrate has probabilities given out by a calibration from now on; nil, and
// one with too few labels: the engine's own. Decisions are by the engine's own
// whatever is given out.
func (in *Intake) Calibrate(c *decide.Calibration) { in.calibration.Store(c) }

// Decided is an event with the answer it got.
type Decided struct {
	Event      event.Event
	Answer     Answer
	ReceivedAt time.Time
}

// Taken is what became of a request's events.
type Taken struct {
	Accepted int
	Repeated int
	Answers  []string // JSON of each event's Answer, in order
}

// How a request's events are meant.
type How struct {
	Past   bool    // an import: it builds the picture; no incident, no command, no mail
	Import *Import // with Past: written in the same transaction
	// Now is the time of arrival; zero: the clock's. A replay gives each event
	// its own.
	Now time.Time
	// Each is told what became of each event that is not a repeat; with it no
	// answer is made for the shop.
	Each func(Outcome)
}

// Take takes all events or none. It returns after they are durable. An event
// that came before is answered as it was then; with other content under the
// same name the whole request is an ErrConflict.
func (in *Intake) Take(ctx context.Context, events []event.Event, how How) (Taken, error) {
	if how.Now.IsZero() {
		how.Now = time.Now()
	}
	if parts := in.parts(events); how.Each == nil && (len(parts) > 1 || parts != nil && how.Import != nil) {
		return in.takeParts(ctx, events, parts, how)
	}
	return in.takeAll(ctx, events, nil, how)
}

// takeAll takes events in one write. places are theirs in the request, for
// errors; nil: they are the request.
func (in *Intake) takeAll(ctx context.Context, events []event.Event, places []int, how How) (Taken, error) {
	r := &request{in: in, how: how, now: how.Now.UTC(), events: events, of: places}
	if r.places, r.views = r.room.places[:], r.room.views[:]; len(events) != 1 {
		r.places, r.views = make([]where, len(events)), make([]*traffic.View, len(events))
	}
	defer r.giveBack()
	if !how.Past {
		in.decided.Store(time.Now().UnixNano())
	}
	r.levels = in.opt.Tally.Levels(in.Policy(), r.now)
	for i, e := range events {
		r.places[i] = in.place(e)
	}
	r.timing = timed(ctx, len(events))
	err := in.store.TakeEvents(ctx, how.Past, events, r.take)
	if r.timing.end(err); err != nil {
		return Taken{}, err
	}
	if i := how.Import; i != nil {
		i.Accepted += int64(r.taken.Accepted)
		i.Repeated += int64(r.taken.Repeated)
	}
	r.count()
	if len(r.strange) > 0 {
		in.opt.Strange(r.strange)
	}
	in.openings.add(r.opened.by, r.now)
	for source := range r.opened.over {
		if in.opt.Crowd != nil {
			in.opt.Crowd(source)
		}
	}
	if r.wake && in.opt.Wake != nil {
		in.opt.Wake()
	}
	in.again(ctx, how, r.now)
	in.unpaid.add(r.unpaid)
	in.settle(ctx, how, r.now)
	in.keepSoon(r.now)
	return r.taken, nil
}

// request is what one call of Take works on.
type request struct {
	in     *Intake
	how    How
	now    time.Time
	events []event.Event
	of     []int // their places in what was asked for; nil: they are all of it
	places []where
	levels decide.Levels // that decide now

	accounts map[mimamori.AccountID]*incident.Account // loaded so far; of a single event's there is only one
	only     *incident.Account
	taken    Taken
	wake     bool            // a step was written
	noted    int             // events that the counters across accounts were told of
	views    []*traffic.View // what they said of each before
	counts   []counted
	strange  []event.Event // for Options.Strange
	unpaid   []spending    // points that wait for an order
	opened   opened        // incidents
	timing   *timing       // nil: not traced

	room struct { // of one event, which most requests have
		places [1]where
		views  [1]*traffic.View
	}
}

// take is the request's one transaction. It begins anew when it is run again.
func (r *request) take(tx Tx) error {
	if r.timing != nil {
		return r.timing.take(func() error { return r.takeAll(tx) })
	}
	return r.takeAll(tx)
}

func (r *request) takeAll(tx Tx) error {
	r.accounts, r.only, r.wake, r.counts, r.strange = nil, nil, false, nil, nil
	if len(r.events) != 1 {
		r.accounts = map[mimamori.AccountID]*incident.Account{}
	}
	r.opened, r.unpaid = opened{}, nil
	r.taken = Taken{Answers: make([]string, 0, len(r.events))}
	for i, e := range r.events {
		answer, repeated, err := r.takeOne(tx, e, i)
		if err != nil {
			if r.of != nil {
				i = r.of[i]
			}
			return fmt.Errorf("event %d: %w", i, err)
		}
		r.taken.Answers = append(r.taken.Answers, answer)
		if repeated {
			r.taken.Repeated++
		} else {
			r.taken.Accepted++
		}
	}
	if r.how.Import != nil {
		i := *r.how.Import
		i.Accepted += int64(r.taken.Accepted)
		i.Repeated += int64(r.taken.Repeated)
		if err := tx.PutImport(i, r.now); err != nil {
			return err
		}
	}
	if r.only != nil {
		return tx.PutAccount(r.only)
	}
	for _, a := range r.accounts {
		if err := tx.PutAccount(a); err != nil {
			return err
		}
	}
	return nil
}

// account is an event's, as the request's events before have left it.
func (r *request) account(tx Tx, e *event.Event) (*incident.Account, error) {
	if a := r.accounts[e.Account]; a != nil {
		return a, nil
	}
	a, err := tx.Account(e.Account, e.Subject)
	switch {
	case err != nil:
		return nil, err
	case r.accounts == nil:
		r.only = a
	default:
		r.accounts[e.Account] = a
	}
	return a, nil
}

// nobody is the answer to an attempt on an account that does not exist: it
// feeds the traffic counters and nothing else.
func (in *Intake) nobody(e event.Event, from where, first bool) (answer string, campaigns []string) {
	l := in.attempt(e, from)
	if first {
		in.opt.Traffic.Note(l)
	}
	answer = `{"decision":"allow","probability":0,"reasons":[],"obligations":[]`
	if campaigns = in.opt.Traffic.Belongs(l); len(campaigns) > 0 {
		answer += `,"campaigns":["` + strings.Join(campaigns, `","`) + `"]`
	}
	return answer + "}", campaigns
}

func (r *request) takeOne(tx Tx, e event.Event, i int) (answer string, repeated bool, err error) {
	from := r.places[i]
	seen, known, err := tx.Seen(e.Account, e.Source, e.ID)
	switch {
	case err != nil:
		return "", false, err
	case known && seen.Of.Hash() != e.Hash():
		return "", false, fmt.Errorf("an event of this id with other content came before: %w", mimamori.ErrConflict)
	case known:
		return seen.Answer, true, nil
	}
	// The counters are told once, even when the transaction is run again: a run
	// that ended before they were leaves it to the next.
	first := i >= r.noted
	if e.NoAccount() {
		var ids []string
		answer, ids = r.in.nobody(e, from, first)
		r.noted = max(r.noted, i+1)
		if r.how.Each != nil {
			r.how.Each(Outcome{Event: e, Decision: decide.Allow, Campaigns: ids})
		}
	} else {
		a, err := r.account(tx, &e)
		if err != nil {
			return "", false, err
		}
		w := work{in: r.in, tx: tx, e: e, a: a, how: r.how, now: r.now, place: from, first: first, noted: &r.noted, nth: i, viewed: &r.views[i], levels: r.levels, opened: &r.opened}
		if answer, err = w.do(); err != nil {
			return "", false, err
		}
		r.wake = r.wake || w.wake
		if r.how.Each != nil {
			r.how.Each(w.outcome())
		}
		r.counts = append(r.counts, w.counts...)
		if s, ok := w.spends(); ok {
			r.unpaid = append(r.unpaid, s)
		}
		if r.in.opt.Strange != nil && w.strange() {
			r.strange = append(r.strange, e)
		}
	}
	return answer, false, tx.PutEvent(e, answer, r.now)
}
