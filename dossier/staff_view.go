package dossier

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/profile"
	"mimamori/staff"
	"mimamori/web/console"
)

// Incident gives one whole.
func (c *Casework) Incident(ctx context.Context, on console.On) (console.Incident, error) {
	f, err := c.open(ctx, on, audit.LookIncident)
	if err != nil {
		return console.Incident{}, err
	}
	i := f.current
	out := console.Incident{ID: i.ID, Subject: i.Subject, State: i.State, Decision: i.Decision, Cause: i.Cause.Text, Previous: i.Previous,
		OpenedAt: i.OpenedAt, Start: i.Start, ContainedAt: i.ContainedAt, WaitUntil: i.WaitUntil, RecoveredAt: i.RecoveredAt,
		WatchUntil: i.WatchUntil, ClosedAt: i.ClosedAt, Evidence: evidence(i), Sessions: c.sessions(f), Plan: f.planView(), Steps: f.stepsView(),
		Contacts: f.contactsView()}
	for _, n := range i.NeedingPerson() {
		out.Needs = append(out.Needs, console.Need{At: n.At, Text: n.Text, Key: n.Key, Settle: outside(n)})
	}
	out.Timeline = c.timeline(f, out.Plan)
	if out.Notes, err = c.notes(ctx, f); err != nil {
		return out, err
	}
	if out.Notices, err = c.notices(ctx, f); err != nil {
		return out, err
	}
	proposals, err := c.opt.FourEyes.Waiting(ctx, audit.Target{Incident: i.ID})
	if err != nil {
		return out, err
	}
	if out.Waiting, err = c.proposals(ctx, on.Actor, proposals); err != nil {
		return out, err
	}
	reader, err := c.person(ctx, on.Actor)
	if err != nil {
		return out, err
	}
	out.Points = c.ledger(f, proposals, c.limit(reader))
	out.May = f.may(reader, out.Plan)
	return out, c.whole(ctx, on, f, &out)
}

// person is who an actor is; the zero person for a machine.
func (c *Casework) person(ctx context.Context, actor mimamori.Actor) (staff.Person, error) {
	if actor.Kind != mimamori.ActorStaff {
		return staff.Person{}, nil
	}
	return c.opt.People.Person(ctx, actor.ID)
}

// evidence is all signals, heaviest first.
func evidence(i *incident.Incident) []console.Evidence {
	var out []console.Evidence
	for _, e := range i.Evidence {
		out = append(out, console.Evidence{At: e.At, Text: e.Signal.Text, Weight: e.Signal.Weight, Signal: e.Signal.Name, Group: string(e.Signal.Group), Session: e.Session})
	}
	slices.SortStableFunc(out, func(a, b console.Evidence) int { return cmp.Compare(b.Weight, a.Weight) })
	return out
}

// maxSessions and around bound what of a long life is put beside an incident.
const (
	maxSessions = 40
	around      = 7 * 24 * time.Hour
)

// from is where the page of an incident begins.
func (f *file) from() time.Time {
	start := f.current.OpenedAt
	if !f.current.Start.IsZero() && f.current.Start.Before(start) {
		start = f.current.Start
	}
	return start.Add(-around)
}

// sessions are the sign-ins around the incident, the intruder's first, then
// the newest.
func (c *Casework) sessions(f *file) []console.Session {
	acts := f.actsBySession()
	var out []console.Session
	for _, l := range slices.Backward(f.journal.Logins) {
		id := l.Data.Session
		if id == "" || l.Data.Outcome != event.Succeeded || slices.ContainsFunc(out, func(s console.Session) bool { return s.ID == id }) {
			continue
		}
		theirs := slices.Contains(f.current.Sessions, id)
		if !theirs && (l.Event.Time.Before(f.from()) || len(out) >= maxSessions) {
			continue
		}
		p := c.desk.placeOf(l.Data.IP)
		s := console.Session{ID: id, Owner: f.holder(id), By: f.journal.Session[id].By, Began: l.Event.Time, Country: p.Country, Operator: p.Operator,
			Network: p.Kind, Device: profile.ParseAgent(l.Data.UserAgent).String(), Acts: acts[id]}
		if known, ok := f.account.Profile.Session(id); ok {
			s.Last = known.Last
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b console.Session) int {
		return cmp.Or(boolean(b.Owner == console.Intruder)-boolean(a.Owner == console.Intruder), b.Began.Compare(a.Began))
	})
	return out
}

// holder is whose a session is held to be. One that nobody has judged counts
// as the customer's in the plan; on the page it does only when it began on a
// device of hers.
func (f *file) holder(session string) console.Owner {
	if v, ok := f.journal.Session[session]; ok {
		return staffOwner(v.Owner)
	}
	if s, ok := f.account.Profile.Session(session); ok && !s.Known {
		return console.Unknown
	}
	return console.Customer
}

func (f *file) actsBySession() map[string]int {
	acts := map[string]int{}
	for _, c := range f.journal.Changes {
		acts[c.Session]++
	}
	for _, o := range f.journal.Orders {
		acts[o.Session]++
	}
	for _, m := range f.journal.Points {
		acts[m.Session]++
	}
	return acts
}

func staffOwner(o journal.Owner) console.Owner {
	switch o {
	case journal.OfIntruder:
		return console.Intruder
	case journal.OfUnknown:
		return console.Unknown
	case journal.OfShop:
		return console.Shop
	case journal.OfUs:
		return console.Us
	}
	return console.Customer
}

func (f *file) stepsView() []console.Step {
	var out []console.Step
	for _, s := range f.steps {
		v := console.Step{Run: s.Run, Seq: s.Seq, Again: again(s), Name: s.Name, State: s.State, Tries: s.Attempts, DoneAt: s.DoneAt, Why: s.Why}
		if s.State == playbook.Ready || s.State == playbook.Retrying {
			v.Due = s.Due
		}
		out = append(out, v)
	}
	return out
}

// notices are those of the incident, newest first, as they were sent.
func (c *Casework) notices(ctx context.Context, f *file) ([]console.Notice, error) {
	all, err := c.opt.Store.Notices(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	var out []console.Notice
	for _, n := range all {
		if n.IncidentID == f.current.ID {
			out = append(out, console.Notice{ID: n.ID, Sealed: len(n.Raw) > 0, Kind: n.Kind, Reference: n.Reference.String(), To: n.ToMasked, State: n.State,
				SentAt: n.SentAt, ReadAt: n.ReadAt, Subject: n.Subject, Body: n.Body})
		}
	}
	return out, nil
}

// noteKind marks a colleague's note among the timeline's entries.
const noteKind = "note"

func (c *Casework) notes(ctx context.Context, f *file) ([]console.Note, error) {
	names := map[string]string{}
	var out []console.Note
	for _, e := range f.entries {
		if e.Kind != noteKind {
			continue
		}
		if _, asked := names[e.Actor.ID]; !asked {
			name, err := c.name(ctx, e.Actor)
			if err != nil {
				return nil, err
			}
			names[e.Actor.ID] = name
		}
		out = append(out, console.Note{At: e.At, By: names[e.Actor.ID], Text: e.Text.JA})
	}
	return out, nil
}

// suspectedStart is when the intrusion began; while nobody has decided that
// there was one, when the earliest session did that the evidence names.
func (f *file) suspectedStart() time.Time {
	if !f.current.Start.IsZero() {
		return f.current.Start
	}
	start := f.current.OpenedAt
	for _, e := range f.current.Evidence {
		if e.Session != "" {
			start = earlier(start, f.began(e.Session))
		}
	}
	return start
}

// contactsView are the ways to reach the customer from before the intrusion,
// and what was put in their place, which nobody must use (standards G10).
func (f *file) contactsView() []console.Contact {
	var out []console.Contact
	for _, k := range f.journal.Contacts(f.suspectedStart()) {
		out = append(out, console.Contact{Field: contactField(k), Kind: k.Kind, Masked: maskedContact(k), Since: k.Verified, Trusted: k.Proves})
	}
	for _, k := range f.newContacts() {
		out = append(out, console.Contact{Field: "now:" + contactField(k), Kind: k.Kind, Masked: maskedContact(k), Replaced: f.suspectly(k.ID)})
	}
	return out
}

// newContacts are those that stand registered now and did not before.
func (f *file) newContacts() []journal.Contact {
	before := f.journal.Contacts(f.suspectedStart())
	return slices.DeleteFunc(f.journal.Contacts(f.now.Add(time.Minute)), func(k journal.Contact) bool {
		return slices.ContainsFunc(before, func(b journal.Contact) bool { return b.Kind == k.Kind && b.Value == k.Value })
	})
}

// suspectly says that the intruder changed a contact, or a session that the
// evidence names.
func (f *file) suspectly(contact string) bool {
	return slices.ContainsFunc(f.journal.Changes, func(c journal.Change) bool {
		named := c.Session != "" && slices.ContainsFunc(f.current.Evidence, func(e incident.Evidence) bool { return e.Session == c.Session })
		return c.Resource == event.Resource{Kind: event.Contact, ID: contact} && (c.Owner == journal.OfIntruder || named && c.Owner != journal.OfUs)
	})
}

func contactField(k journal.Contact) string { return k.Kind + ":" + k.ID }

// maskedContact shows the domain of an address and the last digits of a
// number: enough for the customer on the phone to recognise.
func maskedContact(k journal.Contact) string {
	if k.Kind == "mail" {
		return masked(k.Value)
	}
	digits := []rune(k.Value)
	shown := max(0, len(digits)-3)
	for n, r := range digits[:shown] {
		if r >= '0' && r <= '9' {
			digits[n] = '•'
		}
	}
	return string(digits)
}
