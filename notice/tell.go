package notice

import (
	"context"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/undo"
)

// These notices belong to no incident: intake saw something that the customer
// should hear of, and nothing was stopped. They wait a little, because a
// takeover shows itself within minutes, and then there is one notice to send
// and not three that contradict each other.
const (
	contactGrace   = time.Minute
	deviceGrace    = 5 * time.Minute
	challengeGrace = 11 * time.Minute // a challenge lives for 10
)

// about is the argument of such a step.
type about struct {
	Event     string `json:"event"`
	Challenge bool   `json:"challenge,omitzero"` // the sign-in counts only if its challenge was passed
}

// OfContact is the step that tells of a contact detail changed by an event, to
// the addresses from before it and, in other words, to the new one.
func OfContact(eventID string, now time.Time) playbook.Named {
	step := playbook.With("notice.contact_changed", about{Event: eventID})
	step.At = now.Add(contactGrace)
	return step
}

// OfNewDevice is the step that tells of a sign-in from a device not known.
func OfNewDevice(eventID string, challenged bool, now time.Time) playbook.Named {
	step := playbook.With("notice."+string(NewDevice), about{Event: eventID, Challenge: challenged})
	step.At = now.Add(deviceGrace)
	if challenged {
		step.At = now.Add(challengeGrace)
	}
	return step
}

// scene is an account as these steps see it.
type scene struct {
	about   about
	account *incident.Account
	journal *journal.Journal
}

func (n *Steps) scene(ctx context.Context, s playbook.Step) (sc scene, err error) {
	if sc.about, err = playbook.Arg[about](s); err != nil {
		return sc, err
	}
	if sc.account, err = n.Store.ReadAccount(ctx, s.Subject); err != nil {
		return sc, err
	}
	_, sc.journal, err = undo.PlanOf(ctx, n.Store, s.Account)
	return sc, err
}

// letter is one of a kind about a moment.
func (n *Steps) letter(s playbook.Step, k Kind, sc scene, at time.Time) letter {
	f := n.House.facts(time.Now())
	f.At, f.Zone, f.Customer = at, sc.account.Profile.Zone, sc.journal.Name(at)
	lang := sc.account.Profile.Locale
	if lang == "" {
		lang = mimamori.Japanese
	}
	return letter{s, k, lang, f}
}

// contactChanged tells the addresses from before the change, and the new one,
// each in its own words (standards C10). What an intruder changed is left to
// the notice of his incident.
func (n *Steps) contactChanged(ctx context.Context, s playbook.Step) playbook.Outcome {
	sc, err := n.scene(ctx, s)
	if err != nil {
		return playbook.Again(err)
	}
	at := slices.IndexFunc(sc.journal.Changes, func(c journal.Change) bool { return c.Event == sc.about.Event })
	if at < 0 || sc.account.Standing.LockedOut() {
		return playbook.Outcome{Result: playbook.Skip}
	}
	c := sc.journal.Changes[at]
	if c.Owner == journal.OfIntruder || c.Owner == journal.OfUs || c.Command != "" {
		return playbook.Outcome{Result: playbook.Skip}
	}
	old, fresh := n.letter(s, ContactChangedOld, sc, c.At), n.letter(s, ContactChangedNew, sc, c.At)
	old.facts.Changed = detail(c)
	if l := loginOf(sc.journal, c.Session); l != nil {
		old.facts.Place, old.facts.Device = n.House.where(l)
	}
	before := recipients(sc.journal, c.At)
	if len(before) > 0 {
		if out := n.toEach(ctx, old, before); out.Result == playbook.Later {
			return out
		}
	}
	addr := mailIn(c.After, c.Resource.ID)
	if addr == "" || slices.ContainsFunc(before, func(r recipient) bool { return strings.EqualFold(r.addr, addr) }) {
		return playbook.OK()
	}
	// The shop may not have checked it yet: one that cannot be reached is its
	// owner's typing error and nothing for a person at the desk.
	if out := n.toEach(ctx, fresh, []recipient{{addr: addr}}); out.Result == playbook.Later {
		return out
	}
	return playbook.OK()
}

// detail says which contact detail a change is about.
func detail(c journal.Change) string {
	for _, kind := range []string{"mail", "phone", "name"} {
		if c.Resource.ID == kind || c.Before.Show(kind) != c.After.Show(kind) {
			return kind
		}
	}
	return ""
}

func loginOf(j *journal.Journal, session string) *event.Login {
	for _, l := range j.Logins {
		if session != "" && l.Data.Session == session && l.Data.Outcome == event.Succeeded {
			return l.Data
		}
	}
	return nil
}

// newDevice tells of a sign-in that was let through and not recognised.
func (n *Steps) newDevice(ctx context.Context, s playbook.Step) playbook.Outcome {
	sc, err := n.scene(ctx, s)
	if err != nil {
		return playbook.Again(err)
	}
	at := slices.IndexFunc(sc.journal.Logins, func(l journal.Login) bool { return l.Event.ID == sc.about.Event })
	if at < 0 || sc.account.Standing.Open() {
		return playbook.Outcome{Result: playbook.Skip} // the incident's notices say more
	}
	login := sc.journal.Logins[at]
	seen, known := sc.account.Profile.Session(login.Data.Session)
	passed := known && seen.Known
	said := sc.journal.Session[login.Data.Session]
	if login.Owner == journal.OfIntruder || sc.about.Challenge && !passed || said.By == "customer" {
		return playbook.Outcome{Result: playbook.Skip}
	}
	l := n.letter(s, NewDevice, sc, login.Event.Time)
	l.facts.Place, l.facts.Device = n.House.where(login.Data)
	if out := n.toEach(ctx, l, recipients(sc.journal, login.Event.Time)); out.Result == playbook.Later {
		return out
	}
	return playbook.OK()
}

// planDigest sees to it that what was not mailed is mentioned in one mail a
// day later.
func (n *Steps) planDigest(ctx context.Context, s playbook.Step, addr string, now time.Time) error {
	day := now.Truncate(24 * time.Hour)
	step := playbook.With("notice."+string(Digest), digestArg{To: addr, Since: day})
	step.At = day.Add(24 * time.Hour)
	s.Key, s.Incident = s.Account.String()+addr+day.Format(time.DateOnly), "" // one a day and address
	return n.begin(ctx, s, "digest", step)
}

type digestArg struct {
	To    string    `json:"to"`
	Since time.Time `json:"since"`
}

// digest says how many notices stand in the message centre only.
func (n *Steps) digest(ctx context.Context, s playbook.Step) playbook.Outcome {
	arg, err := playbook.Arg[digestArg](s)
	if err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	all, err := n.Store.Notices(ctx, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	account, err := n.Store.ReadAccount(ctx, s.Subject)
	if err != nil {
		return playbook.Again(err)
	}
	l := n.letter(s, Digest, scene{account: account, journal: &journal.Journal{}}, time.Time{})
	for _, x := range all {
		if x.State == Kept && x.To == arg.To && !x.CreatedAt.Before(arg.Since) {
			l.facts.More++
		}
	}
	if l.facts.More == 0 {
		return playbook.Outcome{Result: playbook.Skip}
	}
	if out := n.toEach(ctx, l, []recipient{{addr: arg.To}}); out.Result == playbook.Later {
		return out
	}
	return playbook.OK()
}
