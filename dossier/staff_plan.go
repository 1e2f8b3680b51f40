package dossier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/contain"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/staff"
	"mimamori/undo"
	"mimamori/web/console"
)

// redoLife is how long an undo can be taken back (standards G07).
const redoLife = 30 * 24 * time.Hour

// The names that runs of the staff's begin with.
const (
	runUndo    = "undo-"
	runResolve = "resolve-"
	runPoints  = "points-"
)

// items are what the plan has to say: what the intruder touched, and what was
// put back although it was not his.
func (f *file) items() []undo.Item {
	return append(slices.Clone(f.plan.Items), undo.Reinstated(f.journal)...)
}

// planVersion names exactly this plan: what it would do, to what, and how much
// we have done so far, so that the same plan after a redo is another one.
func (f *file) planVersion() string {
	ours := 0
	for _, c := range f.journal.Changes {
		if c.Owner == journal.OfUs {
			ours++
		}
	}
	b, err := json.Marshal([]any{f.current.ID, f.items(), f.plan.Orders, f.plan.Unhide, f.plan.Suspect, ours})
	if err != nil { // plain values
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

func (f *file) planView() console.Plan {
	p := console.Plan{Version: f.planVersion()}
	for _, item := range f.items() {
		p.Changes = append(p.Changes, f.changeView(item))
	}
	for _, o := range f.journal.Orders {
		if o.Owner == journal.OfIntruder && f.within(o.Session) {
			v := console.Order{ID: o.ID, At: o.At, Amount: o.Total.Amount, Currency: o.Total.Currency, State: "placed", Hidden: o.HiddenBy == journal.OfIntruder}
			switch {
			case !o.Cancelled.IsZero():
				v.State = "cancelled"
			case !o.Shipped.IsZero():
				v.State, v.Recall = "shipped", recall(o)
			}
			p.Orders = append(p.Orders, v)
		}
	}
	if len(p.Changes)+len(p.Orders) > 0 || !f.current.DecidedAt.IsZero() {
		p.At = f.now
	}
	for _, s := range f.steps {
		if undoes(s) && s.State == playbook.Done {
			p.AppliedAt = later(p.AppliedAt, s.DoneAt)
		}
	}
	if until := p.AppliedAt.Add(redoLife); !p.AppliedAt.IsZero() && f.now.Before(until) && len(f.redo()) > 0 {
		p.RedoUntil = until
	}
	return p
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// within says that a session belongs to this incident and not to another.
func (f *file) within(session string) bool {
	if slices.Contains(f.current.Sessions, session) {
		return true
	}
	return !slices.ContainsFunc(f.incidents, func(i incident.Incident) bool { return i.ID != f.current.ID && slices.Contains(i.Sessions, session) })
}

// undoes says that a step changes a registered thing and is no redo.
func undoes(s playbook.Step) bool {
	return (s.Name == "resource.restore" || s.Name == "resource.remove") && !strings.HasPrefix(s.Run, undo.RunRedo)
}

// lastStep is the newest step of the incident that changed a resource.
func (f *file) lastStep(r event.Resource) (last playbook.Step, ok bool) {
	for _, s := range f.steps {
		if s.Name != "resource.restore" && s.Name != "resource.remove" {
			continue
		}
		arg, err := playbook.Arg[undo.Arg](s)
		if err != nil || arg.Kind != r.Kind || arg.ID != r.ID || s.State == playbook.Skipped {
			continue
		}
		last, ok = s, true // they stand in the order of their runs
	}
	return last, ok
}

func (f *file) changeView(item undo.Item) console.Change {
	c := console.Change{Kind: string(item.Resource.Kind), ID: item.Resource.ID, Before: plain(item.Before), Intruder: plain(item.Intruder), Now: plain(item.Now),
		Action: item.Action, Why: item.Why, Suspect: slices.Contains(f.plan.Suspect, item.Resource)}
	if item.Before == nil && f.beforeUnknown(item.Resource) {
		c.Before = console.Value{Unknown: true}
	}
	c.Outcome, c.Why = f.outcome(item)
	c.Asked = slices.DeleteFunc(slices.Clone(item.Asked), func(field string) bool { return field == "" })
	return c
}

// outcome is what became of a touched thing.
func (f *file) outcome(item undo.Item) (console.Outcome, mimamori.Text) {
	step, tried := f.lastStep(item.Resource)
	done := tried && step.State == playbook.Done
	switch {
	case tried && step.State == playbook.Refused && !f.settled(refusedKey(step)):
		return console.Refused, step.Why
	case done && strings.HasPrefix(step.Run, undo.RunRedo) && item.Action != undo.Keep:
		return console.TakenBack, mimamori.Text{}
	case item.Action == undo.Ask && !f.settled(conflictKey(item.Resource)):
		return console.Conflict, item.Why
	case done && !f.touchedSince(item.Resource, step.DoneAt):
		return console.Reverted, mimamori.Text{}
	case item.Action == undo.Ask:
		return console.Kept, mimamori.Text{}
	case item.Action == undo.Keep && f.byUs(item.Resource):
		return console.Reverted, mimamori.Text{}
	case item.Action == undo.Keep:
		return console.Kept, mimamori.Text{}
	}
	return console.Planned, mimamori.Text{}
}

func conflictKey(r event.Resource) string  { return "conflict " + undo.Name(r) }
func refusedKey(s playbook.Step) string    { return s.Name + " " + s.Key }
func (f *file) byUs(r event.Resource) bool { return f.changedBy(r, journal.OfUs, time.Time{}) }

// touchedSince says that the intruder, or somebody judged again, changed it
// after we had put it right.
func (f *file) touchedSince(r event.Resource, at time.Time) bool {
	return f.changedBy(r, journal.OfIntruder, at) || slices.ContainsFunc(undo.Reinstated(f.journal), func(i undo.Item) bool { return i.Resource == r })
}

func (f *file) changedBy(r event.Resource, o journal.Owner, after time.Time) bool {
	return slices.ContainsFunc(f.journal.Changes, func(c journal.Change) bool { return c.Resource == r && c.Owner == o && c.At.After(after) })
}

// settled says that a person has answered a need.
func (f *file) settled(key string) bool {
	return slices.ContainsFunc(f.current.NeedsPerson, func(n incident.Need) bool { return n.Key == key && !n.Done.IsZero() })
}

// beforeUnknown says that nobody told us what stood there before the intruder.
func (f *file) beforeUnknown(r event.Resource) bool {
	for _, c := range f.journal.Changes {
		if c.Resource == r && c.Owner == journal.OfIntruder {
			return c.Unknown && c.Op != event.Added && c.Before == nil
		}
	}
	return false
}

// redo is what takes the undo of this incident back.
func (f *file) redo() []undo.Item {
	return undo.Redo(f.journal, func(command string) bool {
		return slices.ContainsFunc(f.steps, func(s playbook.Step) bool { return s.Key == command })
	})
}

// plain is a value for the page, which masks it.
func plain(v journal.Value) console.Value {
	if v == nil {
		return console.Value{Absent: true}
	}
	out := console.Value{Fields: map[string]string{}}
	for field := range v {
		out.Fields[field] = v.Show(field)
	}
	return out
}

// stepsOf carries out items; those for a person are left out.
func stepsOf(items []undo.Item) []playbook.Named {
	var out []playbook.Named
	for _, i := range items {
		switch i.Action {
		case undo.Restore:
			out = append(out, playbook.With("resource.restore", undo.Arg{Kind: i.Resource.Kind, ID: i.Resource.ID, Value: i.Want.JSON()}))
		case undo.Remove:
			out = append(out, playbook.With("resource.remove", undo.Arg{Kind: i.Resource.Kind, ID: i.Resource.ID}))
		}
	}
	return out
}

// planSteps carries out the whole plan: orders first, as containment does.
func (f *file) planSteps() []playbook.Named {
	var out []playbook.Named
	for _, o := range f.plan.Orders {
		out = append(out, playbook.With("order.cancel", contain.OrderArg{Order: o}))
	}
	out = append(out, stepsOf(f.items())...)
	for _, o := range f.plan.Unhide {
		out = append(out, playbook.With("order.unhide", undo.OrderArg{Order: o}))
	}
	if len(out) == 0 {
		return nil
	}
	for _, r := range f.plan.Suspect {
		out = append(out, playbook.With("payment.suspect", undo.Arg{Kind: r.Kind, ID: r.ID}))
	}
	return out
}

// may is what the page offers, by the reader's roles and by the state.
func (f *file) may(p staff.Person, plan console.Plan) map[audit.Act]bool {
	i := f.current
	begun, ended := !i.DecidedAt.IsZero(), over(i)
	newest := len(f.incidents) > 0 && f.incidents[0].ID == i.ID
	again := newest && i.State == incident.Watching // he is back: a new incident
	early := i.State == incident.Held || i.State == incident.Contained
	pending := slices.ContainsFunc(plan.Changes, func(c console.Change) bool { return c.Outcome == console.Planned || c.Outcome == console.TakenBack })
	offered := map[audit.Act]bool{
		audit.IncidentContain: i.Open() && !begun || again,
		audit.IncidentHold:    i.State == incident.Suspected || again,
		audit.IncidentRelease: early,
		audit.IncidentDismiss: early || i.State == incident.Suspected,
		audit.UndoPlan:        begun && !ended,
		audit.UndoApply:       !ended && (pending || len(f.plan.Orders)+len(f.plan.Unhide) > 0),
		audit.UndoRedo:        !plan.RedoUntil.IsZero() && !ended,
		audit.IncidentResolve: !ended,
		audit.IncidentJudge:   !ended,
		audit.PointsRestore:   begun && !ended,
		audit.IncidentResend:  !ended,
		audit.IncidentNote:    true,
		audit.IncidentAssign:  true,
		audit.StepRetry:       !ended,
		audit.IncidentWait:    waits(i),
		audit.LookExport:      true,
		audit.BulkHold:        begun,
		audit.LookReveal:      true,
	}
	for act, yes := range offered {
		if !yes || !p.May(act) {
			delete(offered, act)
		}
	}
	return offered
}
