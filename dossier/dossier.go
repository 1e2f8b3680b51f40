// Package dossier reads one account whole (its events, whose they are, the
// incident, what was done about it, the notices) and answers with it what the
// pages of the customer and of the staff ask. It computes nothing of its own:
// the journal, the undo plan and the phases are; it puts them side by side,
// and it is where a person's word enters the flow.
package dossier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/brands"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/recovery"
	"mimamori/support"
	"mimamori/undo"
	"mimamori/web/centre"
)

// Shown is how far back the histories go (mission S1: two months at least).
const Shown = 62 * 24 * time.Hour

// Store is what a dossier reads and writes.
type Store interface {
	access.Store
	access.BrowserStore
	recovery.Store
	notice.Store
	support.CallStore
	undo.Store
	Take(ctx context.Context, idle bool, do func(intake.Tx) error) error
	ReadAccount(ctx context.Context, subject string) (*incident.Account, error)
	Incidents(ctx context.Context, account mimamori.AccountID) ([]incident.Incident, error)
	Entries(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]incident.Entry, error)
	Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
	ChangeIncident(ctx context.Context, account mimamori.AccountID, subject string, id mimamori.IncidentID, do func(*incident.Incident) error) error
	// EventsAfter are the events of an account that were written after a mark
	// (0: all), in the order of their times, with the mark of the newest and how
	// many the account has in all.
	EventsAfter(ctx context.Context, account mimamori.AccountID, mark int64) (events []event.Event, newest int64, all int, err error)
	SubjectsByMail(ctx context.Context, mail string) ([]string, error)
	PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error
}

// Options are the parts a desk works with.
type Options struct {
	Store     Store
	Geo       *geo.DB
	Factors   *factor.Book
	Post      notice.Post
	House     notice.House
	Directory support.Directory
	// Editions are the desk's, over Directory; nil: there are none.
	Editions *support.Editions
	Brand    brands.Brand
	Policy   func() decide.Policy
	Wake     func()
	Signer   func() recovery.Signer
	Issuer   string // of grants: the centre's public address
	Base     string // the centre's public address
	// ChallengeReturn is the shop's page to which a challenge leads back.
	ChallengeReturn string
	// Aggregators are the household-account services that the operator knows.
	Aggregators []Aggregator
	References  *Limiter // tries to look up a reference, by network; nil: 5 an hour
	Calls       *Limiter // wishes of the locked out to be called, by network; nil: 30 an hour
	Sends       *Limiter // codes asked for on the way back in, by network; nil: 300 an hour, for a mobile operator's customers share one
	Log         *slog.Logger
}

// Desk answers the pages.
type Desk struct {
	opt   Options
	log   *slog.Logger
	mails sync.WaitGroup // codes on their way
	pasts *pasts

	reminds *nameLimiter // reminders of a user id, by address
}

// New makes a desk.
func New(opt Options) *Desk {
	if opt.References == nil {
		opt.References = NewLimiter(5, time.Hour)
	}
	if opt.Calls == nil {
		opt.Calls = NewLimiter(30, time.Hour)
	}
	if opt.Sends == nil {
		opt.Sends = NewLimiter(300, time.Hour)
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Desk{opt: opt, log: opt.Log, pasts: newPasts(opt.Store), reminds: &nameLimiter{most: 3, period: 24 * time.Hour}}
}

// Close waits for codes that are being mailed.
func (d *Desk) Close() { d.mails.Wait() }

var _ centre.Service = (*Desk)(nil)

// file is one account read whole. What it shares with others of the same
// account (past) is only read.
type file struct {
	*past
	account   *incident.Account
	incidents []incident.Incident // newest first
	current   *incident.Incident  // open or watched, or the newest within the shown time; nil when there never was one
	plan      undo.Plan           // of the whole account, or of one incident
	steps     []playbook.Step
	entries   []incident.Entry
	now       time.Time
	inDoubt   map[string]bool // sessions, see doubts
}

// open reads the file of an account.
func (d *Desk) open(ctx context.Context, subject string) (*file, error) {
	st := d.opt.Store
	f := &file{now: time.Now()}
	var err error
	if f.account, err = st.ReadAccount(ctx, subject); err != nil {
		return nil, err
	}
	if f.past, err = d.pasts.of(ctx, f.account.ID, f.now); err != nil {
		return nil, err
	}
	f.plan = f.past.plan
	if f.incidents, err = st.Incidents(ctx, f.account.ID); err != nil {
		return nil, err
	}
	if len(f.incidents) == 0 {
		return f, nil
	}
	f.current = &f.incidents[0]
	f.inDoubt = f.doubts()
	if f.steps, err = st.Steps(ctx, f.account.ID, f.current.ID); err != nil {
		return nil, err
	}
	f.entries, err = st.Entries(ctx, f.account.ID, f.current.ID)
	return f, err
}

// start is when the intrusion began; zero without one.
func (f *file) start() time.Time {
	if f.current == nil {
		return time.Time{}
	}
	return f.current.Start
}

// visitor checks whose visit it is: a live centre session whose session at the
// shop still goes on and was not begun before a containment.
func (d *Desk) visitor(ctx context.Context, v centre.Visitor) (access.Session, error) {
	if v.Session == "" {
		return access.Session{}, fmt.Errorf("visit the centre: %w", mimamori.ErrDenied)
	}
	s, err := d.opt.Store.SessionByHash(ctx, recovery.HashToken(v.Session))
	if errors.Is(err, mimamori.ErrNotFound) {
		return s, fmt.Errorf("visit the centre: %w", mimamori.ErrDenied)
	}
	if err != nil {
		return s, err
	}
	now := time.Now()
	account, err := d.opt.Store.ReadAccount(ctx, s.Subject)
	if err != nil {
		return s, err
	}
	stood := account.Standing
	cut := stood.LockedOut() && s.BeganAt.Before(stood.DecidedAt)
	if shop, ok := account.Profile.Session(s.ShopSession); ok && (shop.Ended || shop.Verdict == string(journal.OfIntruder)) {
		cut = true // the visit ends with the session it goes back to
	}
	if !s.Live(now) || cut {
		return s, fmt.Errorf("visit the centre: %w", mimamori.ErrDenied)
	}
	return s, d.opt.Store.TouchSession(ctx, s.Account, s.Hash, now)
}

// read is visitor and open together: what every screen begins with.
func (d *Desk) read(ctx context.Context, v centre.Visitor) (access.Session, *file, error) {
	s, err := d.visitor(ctx, v)
	if err != nil {
		return s, nil, err
	}
	f, err := d.open(ctx, s.Subject)
	return s, f, err
}

// Enter uses up a handoff and begins a visit.
func (d *Desk) Enter(ctx context.Context, v centre.Visitor, token string) (centre.Entered, error) {
	now := time.Now().UTC()
	h, err := d.opt.Store.UseHandoff(ctx, recovery.HashToken(token), now)
	if err != nil {
		return centre.Entered{}, err
	}
	secret, hash := recovery.NewToken()
	visit := access.Session{Hash: hash, Account: h.Account, Subject: h.Subject, ShopSession: h.Session,
		ReturnURL: h.ReturnURL, Lang: h.Lang, BeganAt: now, LastAt: now}
	if v.Browser != "" {
		visit.Browser = recovery.HashToken(v.Browser)
		visit.Proofs = d.followsRecovery(ctx, h.Account, visit.Browser, now)
	}
	if err := d.opt.Store.AddSession(ctx, visit); err != nil {
		return centre.Entered{}, err
	}
	known, err := d.knowBrowser(ctx, v, h, now)
	return centre.Entered{Session: secret, Page: h.Page, Lang: h.Lang, Device: known}, err
}

// Leave ends the visit.
func (d *Desk) Leave(ctx context.Context, v centre.Visitor) error {
	s, err := d.opt.Store.SessionByHash(ctx, recovery.HashToken(v.Session))
	if err != nil {
		return nil // unknown ones are no error
	}
	return d.opt.Store.EndSessions(ctx, s.Account, s.ShopSession, time.Now().UTC())
}

// placeOf says where an address is, for the pages.
func (d *Desk) placeOf(ip string) centre.Place {
	addr, err := geo.Parse(ip)
	if err != nil {
		return centre.Place{}
	}
	return place(d.opt.Geo.Lookup(addr))
}

func place(p geo.Place) centre.Place {
	kind := string(p.Kind)
	if p.Kind == geo.Unknown {
		kind = ""
	}
	return centre.Place{Country: p.Country, Operator: p.Operator, Kind: kind}
}

func parseAddr(s string) netip.Addr {
	a, _ := geo.Parse(s)
	return a
}

// owners in the page's words.
func owner(o journal.Owner) centre.Owner {
	switch o {
	case journal.OfIntruder:
		return centre.OwnerIntruder
	case journal.OfUnknown:
		return centre.OwnerUnknown
	case journal.OfUs:
		return centre.OwnerUs
	case journal.OfShop:
		return centre.OwnerShop
	}
	return centre.OwnerCustomer
}

// loginOf is the sign-in that began a session.
func (f *file) loginOf(session string) *event.Login {
	return f.loginBy[session]
}

// answerTo is what the customer herself has said of a session.
func (f *file) answerTo(session string) centre.Answer {
	v := f.journal.Session[session]
	if v.By != "customer" {
		return centre.Unanswered
	}
	return map[journal.Owner]centre.Answer{journal.OfCustomer: centre.Me, journal.OfIntruder: centre.NotMe, journal.OfUnknown: centre.DontKnow}[v.Owner]
}

// done tells whether a step of the incident was carried out, for how many
// things, and when. Each late event plans again, and may tell the shop of the
// same thing again.
func (f *file) done(name string) (count int, at time.Time) {
	about := map[string]bool{}
	for _, s := range f.steps {
		if s.Name == name && s.State == playbook.Done {
			if !about[string(s.Data)] {
				about[string(s.Data)] = true
				count++
			}
			if s.DoneAt.After(at) {
				at = s.DoneAt
			}
		}
	}
	return count, at
}
