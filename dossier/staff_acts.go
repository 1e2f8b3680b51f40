package dossier

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/response"
	"mimamori/undo"
	"mimamori/web/console"
)

// Contain shuts everybody out at once, on a person's word. Of an incident that
// is only watched any more it makes a new one: he is back.
func (c *Casework) Contain(ctx context.Context, on console.On) error {
	return c.raise(ctx, on, audit.IncidentContain, decide.Contain)
}

// Hold makes money, orders and contact changes stand still.
func (c *Casework) Hold(ctx context.Context, on console.On) error {
	return c.raise(ctx, on, audit.IncidentHold, decide.Hold)
}

func (c *Casework) raise(ctx context.Context, on console.On, act audit.Act, to decide.Decision) error {
	f, err := c.open(ctx, on, act)
	if err != nil {
		return err
	}
	return c.raised(ctx, f, on, act, to)
}

func (c *Casework) raised(ctx context.Context, f *file, on console.On, act audit.Act, to decide.Decision) error {
	return c.change(ctx, f, func(tx intake.Tx, a *incident.Account, i *incident.Incident, now time.Time) error {
		if !i.Open() && (i.State != incident.Watching || a.Standing.Incident != i.ID) {
			return notNow(string(act), i)
		}
		if i.Open() && (!i.DecidedAt.IsZero() || to == decide.Hold && i.State != incident.Suspected) {
			return nil // it is so already: a second click, or the detector was first
		}
		raised, err := c.alarm(tx, f, a, f.suspect(), to, on.Actor, now)
		if err == nil && raised.ID == i.ID {
			*i = *raised
		}
		return err
	})
}

// alarm raises on the staff's word and answers the questions that this settles.
func (c *Casework) alarm(tx intake.Tx, f *file, a *incident.Account, session string, to decide.Decision, by mimamori.Actor, now time.Time) (*incident.Incident, error) {
	at := f.began(session)
	if session == "" && !f.current.Open() {
		at = now
	}
	i, err := response.Raise(tx, response.Alarm{Account: a, Policy: c.desk.opt.Policy(), Decision: to, Probability: 1,
		Signals: []assess.Signal{assess.Word("staff_said_intruder")}, Session: session, At: at, Now: now, By: by, Voice: "agent"})
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, fmt.Errorf("act on an account: the policy only observes: %w", mimamori.ErrConflict)
	}
	// Whether to act is decided now: "confirm", and the questions whose key is
	// their own sentence (response.Raise).
	answered(i, now, func(n incident.Need) bool { return n.Key == "confirm" || n.Key == n.Text.EN })
	return i, tx.PutIncident(i)
}

// suspect is the session that the evidence speaks against most; empty when
// none is named or when all are the customer's by somebody's word.
func (f *file) suspect() string {
	weight := map[string]float64{}
	for _, e := range f.current.Evidence {
		if e.Session != "" && f.journal.Session[e.Session].Owner != journal.OfCustomer {
			weight[e.Session] += e.Signal.Weight
		}
	}
	best := ""
	for s, w := range weight {
		if best == "" || w > weight[best] || w == weight[best] && s < best {
			best = s
		}
	}
	if f.current.State == incident.Watching && !f.began(best).After(f.current.RecoveredAt) {
		return "" // of the intrusion before
	}
	return best
}

// began is when a session began; for an unknown one, when the incident opened.
func (f *file) began(session string) time.Time {
	at, told := f.journal.Began[session]
	if s, ok := f.account.Profile.Session(session); ok && !(told && at.Before(s.Began)) {
		return s.Began
	}
	if told {
		return at
	}
	return f.current.OpenedAt
}

// Release lets everything go again. Without a strong proof of the customer's
// own a second person has to approve (standards E04).
func (c *Casework) Release(ctx context.Context, on console.On) (console.Result, error) {
	return c.lower(ctx, on, audit.IncidentRelease)
}

// Dismiss ends an incident as a false alarm. One about which nothing was done
// yet needs no second person, and the customer hears nothing of it.
func (c *Casework) Dismiss(ctx context.Context, on console.On) (console.Result, error) {
	return c.lower(ctx, on, audit.IncidentDismiss)
}

func (c *Casework) lower(ctx context.Context, on console.On, act audit.Act) (console.Result, error) {
	f, err := c.open(ctx, on, act)
	if err != nil {
		return console.Failed, err
	}
	i := f.current
	if !slices.Contains(incident.Moves[i.State], incident.Dismissed) || act == audit.IncidentRelease && i.State == incident.Suspected {
		return console.Failed, notNow(string(act), i)
	}
	if untouched(i) || c.proven(ctx, f) {
		return console.Done, c.letGo(ctx, f, on.Actor)
	}
	return c.ask(ctx, on, f, act, nil)
}

// untouched says that nothing has been done about an incident yet.
func untouched(i *incident.Incident) bool {
	return i.State == incident.Suspected && i.DecidedAt.IsZero()
}

// proven says that the customer has proved herself, since the incident opened,
// by something that she had before: an authenticator or a passkey. A colleague's
// word about a session is no proof, else one person could do both.
func (c *Casework) proven(ctx context.Context, f *file) bool {
	open, err := c.opt.Store.OpenRecoveries(ctx, f.account.ID, f.now)
	if err != nil {
		return false // a proof that cannot be read is no proof
	}
	for _, r := range open {
		strong := slices.Contains(r.Proofs, factor.TOTP) || slices.Contains(r.Proofs, factor.Passkey)
		if strong && !r.Stopped && r.CreatedAt.After(f.current.OpenedAt) {
			return true
		}
	}
	return false
}

// letGo dismisses, and puts back what had been reverted: it was the customer's.
func (c *Casework) letGo(ctx context.Context, f *file, by mimamori.Actor) error {
	words := make([]journal.Verdict, 0, len(f.current.Sessions))
	for _, s := range f.current.Sessions {
		words = append(words, journal.Verdict{Session: s, Owner: journal.OfCustomer, By: "agent", At: f.now})
	}
	j, err := c.rejudged(ctx, f, words...)
	if err != nil {
		return err
	}
	back := stepsOf(undo.Reinstated(j))
	return c.change(ctx, f, func(tx intake.Tx, a *incident.Account, i *incident.Incident, now time.Time) error {
		if a.Standing.Incident != i.ID {
			return notNow("let go", i)
		}
		quiet := untouched(i)
		done, err := response.Dismiss(tx, a, by, now)
		if err != nil {
			return err
		}
		if quiet { // nothing to release, and nobody to apologise to
			if err := tx.DropWaiting(i.Account, i.ID); err != nil {
				return err
			}
		}
		*i = *done
		return putRun(tx, i, "", "reinstate", back, now)
	})
}

// Reveal gives one masked contact, or value shared with other accounts, in clear.
func (c *Casework) Reveal(ctx context.Context, on console.On, field string) (string, error) {
	f, err := c.open(ctx, on, audit.LookReveal)
	if err != nil {
		return "", err
	}
	if hash, shared := strings.CutPrefix(field, sharedField); shared {
		return c.revealShared(ctx, f, hash)
	}
	list := f.journal.Contacts(f.suspectedStart())
	if rest, now := strings.CutPrefix(field, "now:"); now {
		list, field = f.newContacts(), rest
	}
	for _, k := range list {
		if contactField(k) == field {
			return k.Value, nil
		}
	}
	return "", fmt.Errorf("reveal a contact: %w", mimamori.ErrNotFound)
}

// ResendNotice sends a notice of the same kind again, with the facts of now
// and a reference of its own, to the contacts from before. Too many of one
// kind in a day are refused (standards C08).
func (c *Casework) ResendNotice(ctx context.Context, on console.On, id string) error {
	f, err := c.open(ctx, on, audit.IncidentResend)
	if err != nil {
		return err
	}
	all, err := c.opt.Store.Notices(ctx, f.account.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(n notice.Notice) bool { return n.ID == id && n.IncidentID == f.current.ID })
	if at < 0 {
		return fmt.Errorf("send notice %s again: %w", id, mimamori.ErrNotFound)
	}
	n := all[at]
	steps := (&notice.Steps{}).Acts()
	if _, known := steps["notice."+string(n.Kind)]; !known || over(f.current) && n.Kind != notice.Release || notice.OverCap(all, n.Kind, n.To, f.now) {
		return notNow("send a notice again", f.current)
	}
	step := playbook.Named{Name: "notice." + string(n.Kind), Data: f.noticeData(n)}
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		return putRun(tx, i, "", "resend", []playbook.Named{step}, now)
	})
}

// noticeData is what the step that wrote a notice was given besides.
func (f *file) noticeData(n notice.Notice) []byte {
	var data []byte
	var at time.Time
	for _, s := range f.steps {
		if s.Name == "notice."+string(n.Kind) && !s.First.After(n.CreatedAt.Add(time.Second)) && !s.First.Before(at) {
			data, at = s.Data, s.First
		}
	}
	return data
}

// Note writes a note for colleagues. It cannot be changed or removed.
func (c *Casework) Note(ctx context.Context, on console.On, text string) error {
	f, err := c.open(ctx, on, audit.IncidentNote)
	if err != nil {
		return err
	}
	if text = strings.TrimSpace(text); text == "" || len(text) > 10_000 {
		return fmt.Errorf("note: %w", mimamori.ErrInvalid)
	}
	return c.opt.Store.NoteEntry(ctx, f.account.ID, said(f.current, on.Actor, noteKind, mimamori.Text{JA: text, EN: text}, time.Now().UTC()))
}

// name is how colleagues know somebody.
func (c *Casework) name(ctx context.Context, a mimamori.Actor) (string, error) {
	if a.Kind != mimamori.ActorStaff {
		return cmp.Or(a.ID, string(a.Kind)), nil
	}
	p, err := c.opt.People.Person(ctx, a.ID)
	if err != nil {
		return "", fmt.Errorf("name of %s: %w", a.ID, err)
	}
	return p.Name, nil
}
