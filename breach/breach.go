// Package breach runs the clock that the law sets once customers' personal
// data may have been seen by somebody else (Act on the Protection of Personal
// Information of Japan, article 26; its enforcement rules, articles 7, 8 and
// 10): since when the shop knows, by when the preliminary and the final report
// to the commission are due, which of the four reasons apply, and the nine
// items of the report, drafted from what is known of the incident. People edit
// the draft and file the report; nothing is sent from here. It stands beside
// the response and reads incidents; the staff's page is dossier's, and the
// notice to the customer is notice's.
//
// What it writes are engineering's notes on the law, not advice.
package breach

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
)

// Ground is one of the four reasons for which a report is owed (enforcement
// rules, article 7). For the first three one person is enough.
type Ground string

const (
	Sensitive Ground = "sensitive" // 1: special care-required personal information
	Property  Ground = "property"  // 2: damage to property may follow
	Wrongful  Ground = "wrongful"  // 3: done for a wrongful purpose, as unauthorised access is
	Thousand  Ground = "thousand"  // 4: more than 1,000 persons
)

// Grounds lists all, in the order of the rules.
var Grounds = []Ground{Sensitive, Property, Wrongful, Thousand}

// ManyPersons is the number above which the fourth ground applies.
const ManyPersons = 1000

// Item is one of the nine things that a report says (enforcement rules,
// article 8, paragraph 1).
type Item string

const (
	Outline    Item = "outline"    // 1: what happened
	Data       Item = "data"       // 2: which kinds of personal data
	Persons    Item = "persons"    // 3: of how many people
	Cause      Item = "cause"      // 4: how it came about
	Secondary  Item = "secondary"  // 5: damage that follows or may follow
	Response   Item = "response"   // 6: what was done for the people concerned
	Publicity  Item = "publicity"  // 7: whether it was made public
	Prevention Item = "prevention" // 8: so that it does not happen again
	Other      Item = "other"      // 9: what else may help
)

// Items lists all nine, in the order of the rules.
var Items = []Item{Outline, Data, Persons, Cause, Secondary, Response, Publicity, Prevention, Other}

// State is where a report stands.
type State string

const (
	Open    State = "open"    // nothing was filed yet
	Filed   State = "filed"   // the preliminary report was
	Done    State = "done"    // the final report was
	NotOwed State = "notowed" // a person decided, with a reason, that none is owed
	Merged  State = "merged"  // its incidents belong to another report now
)

// Stage is one of the two reports.
type Stage string

const (
	Preliminary Stage = "preliminary"
	Final       Stage = "final"
)

// Ref names an incident.
type Ref struct {
	Account  mimamori.AccountID  `json:"account"`
	Incident mimamori.IncidentID `json:"incident"`
}

// Aware is since when the shop knows.
type Aware struct {
	At time.Time `json:"at"`
	By string    `json:"by"` // person, or system: whose knowing counts
}

// Filing is one report that was filed.
type Filing struct {
	At     time.Time      `json:"at"`
	By     mimamori.Actor `json:"by"`
	Number string         `json:"number,omitempty"` // the commission's, if it gave one
}

// Edit is one line of a report's history.
type Edit struct {
	At     time.Time      `json:"at"`
	By     mimamori.Actor `json:"by"`
	What   string         `json:"what"` // aware, grounds, an Item, preliminary, final, notowed, reopened, merged, campaign, opened
	Before string         `json:"before,omitempty"`
	After  string         `json:"after,omitempty"`
	Reason string         `json:"reason,omitempty"`
}

// Report is the law's clock of one incident, or of several that one attack
// made, and the draft of what is reported.
type Report struct {
	ID        string          `json:"id"` // "brc_…"
	Incidents []Ref           `json:"incidents"`
	Campaign  string          `json:"campaign,omitempty"`
	State     State           `json:"state"`
	OpenedAt  time.Time       `json:"opened_at"`
	Aware     Aware           `json:"aware"`
	Grounds   []Ground        `json:"grounds"`
	Written   map[Item]string `json:"written,omitempty"` // items that a person wrote; the others are drafted
	First     *Filing         `json:"preliminary,omitempty"`
	Last      *Filing         `json:"final,omitempty"`
	Into      string          `json:"into,omitempty"` // the report that it was merged into
	History   []Edit          `json:"history"`
	Alarmed   []string        `json:"alarmed,omitempty"` // alarms that were raised
}

// Known is what opens a clock: an incident that is more than a suspicion.
type Known struct {
	Ref
	Campaign string
	At       time.Time // when a person, or Mimamori, first held that somebody else is in
	By       string    // person or system
	Property bool      // the intruder ordered, spent points, or saw or changed payment methods
}

// New opens the clock of an incident. Unauthorised access is done for a
// wrongful purpose: the third ground always applies.
func New(k Known, now time.Time) Report {
	r := Report{ID: mimamori.NewID("brc"), Incidents: []Ref{k.Ref}, Campaign: k.Campaign, State: Open, OpenedAt: now, Aware: Aware{At: k.At, By: k.By}, Grounds: []Ground{Wrongful}}
	if k.Property {
		r.Grounds = []Ground{Property, Wrongful}
	}
	r.note(mimamori.System, "opened", "", string(k.Incident), "", now)
	return r
}

func (r *Report) note(by mimamori.Actor, what, before, after, reason string, now time.Time) {
	r.History = append(r.History, Edit{At: now, By: by, What: what, Before: before, After: after, Reason: reason})
}

// Live says that somebody has to do something still.
func (r *Report) Live() bool { return r.State == Open || r.State == Filed }

func (r *Report) live(doing string) error {
	if r.Live() {
		return nil
	}
	return fmt.Errorf("%s: report %s is %s: %w", doing, r.ID, r.State, mimamori.ErrConflict)
}

// SetAware moves the moment since when the shop knows. A reason is asked: all
// deadlines hang on it.
func (r *Report) SetAware(by mimamori.Actor, at time.Time, reason string, now time.Time) error {
	if err := r.live("change the awareness"); err != nil {
		return err
	}
	if reason == "" || at.IsZero() || at.After(now) {
		return fmt.Errorf("change the awareness of %s: a past time and a reason are needed: %w", r.ID, mimamori.ErrInvalid)
	}
	r.note(by, "aware", r.Aware.At.Format(time.RFC3339), at.UTC().Format(time.RFC3339), reason, now)
	r.Aware = Aware{At: at.UTC(), By: "person"}
	r.Alarmed = nil
	return nil
}

// SetGrounds says which of the four reasons apply.
func (r *Report) SetGrounds(by mimamori.Actor, list []Ground, reason string, now time.Time) error {
	if err := r.live("change the grounds"); err != nil {
		return err
	}
	var chosen []Ground
	for _, g := range Grounds {
		if slices.Contains(list, g) {
			chosen = append(chosen, g)
		}
	}
	if len(chosen) == 0 || len(chosen) != len(list) {
		return fmt.Errorf("change the grounds of %s: one to four of %v: %w", r.ID, Grounds, mimamori.ErrInvalid)
	}
	r.note(by, "grounds", fmt.Sprint(r.Grounds), fmt.Sprint(chosen), reason, now)
	r.Grounds = chosen
	return nil
}

// maxItem bounds what is written into one item.
const maxItem = 10_000

// Write puts a person's words in the place of the draft; empty words bring the
// draft back.
func (r *Report) Write(by mimamori.Actor, item Item, words, reason string, now time.Time) error {
	if err := r.live("write"); err != nil {
		return err
	}
	if !slices.Contains(Items, item) || len(words) > maxItem {
		return fmt.Errorf("write item %q of %s: %w", item, r.ID, mimamori.ErrInvalid)
	}
	if r.Written[item] == words {
		return nil
	}
	r.note(by, string(item), r.Written[item], words, reason, now)
	if r.Written == nil {
		r.Written = map[Item]string{}
	}
	r.Written[item] = words
	if words == "" {
		delete(r.Written, item)
	}
	return nil
}

// File notes that a report was filed with the commission.
func (r *Report) File(by mimamori.Actor, stage Stage, at time.Time, number string, now time.Time) error {
	if err := r.live("file"); err != nil {
		return err
	}
	if at.After(now) || at.Before(r.Aware.At.Add(-24*time.Hour)) {
		return fmt.Errorf("file report %s: the time: %w", r.ID, mimamori.ErrInvalid)
	}
	f := &Filing{At: at.UTC(), By: by, Number: number}
	switch stage {
	case Preliminary:
		r.First, r.State = f, Filed
	case Final:
		r.Last, r.State = f, Done
	default:
		return fmt.Errorf("file report %s as %q: %w", r.ID, stage, mimamori.ErrInvalid)
	}
	r.note(by, string(stage), "", at.UTC().Format(time.RFC3339), number, now)
	return nil
}

// Refrain notes that no report is owed, and why.
func (r *Report) Refrain(by mimamori.Actor, reason string, now time.Time) error {
	if err := r.live("refrain from reporting"); err != nil {
		return err
	}
	if reason == "" {
		return fmt.Errorf("refrain from reporting %s: a reason is needed: %w", r.ID, mimamori.ErrInvalid)
	}
	r.State = NotOwed
	r.note(by, "notowed", "", "", reason, now)
	return nil
}

// Reopen takes Refrain, or a filing by mistake, back.
func (r *Report) Reopen(by mimamori.Actor, reason string, now time.Time) error {
	if r.Live() || r.State == Merged || reason == "" {
		return fmt.Errorf("reopen report %s, which is %s: %w", r.ID, r.State, mimamori.ErrConflict)
	}
	r.State, r.Last = Open, nil
	if r.First != nil {
		r.State = Filed
	}
	r.note(by, "reopened", "", "", reason, now)
	return nil
}

// Join takes another report's incidents over: one attack, one report. The
// shop knows of it since it knew of the first.
func (r *Report) Join(by mimamori.Actor, other *Report, now time.Time) error {
	if err := r.live("join"); err != nil {
		return err
	}
	if other.ID == r.ID || other.State != Open {
		return fmt.Errorf("join report %s, which is %s, into %s: %w", other.ID, other.State, r.ID, mimamori.ErrConflict)
	}
	r.take(other)
	if other.Aware.At.Before(r.Aware.At) {
		r.note(by, "aware", r.Aware.At.Format(time.RFC3339), other.Aware.At.Format(time.RFC3339), other.ID, now)
		r.Aware, r.Alarmed = other.Aware, nil
	}
	r.note(by, "merged", "", other.ID, "", now)
	other.State, other.Into = Merged, r.ID
	other.note(by, "merged", "", r.ID, "", now)
	return nil
}

// people are the different accounts concerned.
func (r *Report) people() map[mimamori.AccountID]bool {
	out := map[mimamori.AccountID]bool{}
	for _, ref := range r.Incidents {
		out[ref.Account] = true
	}
	return out
}

// Count is how many people are concerned.
func (r *Report) Count() int { return len(r.people()) }

// Store keeps reports.
type Store interface {
	// Unreported are incidents that are more than a suspicion and belong to no
	// report, oldest first.
	Unreported(ctx context.Context, limit int) ([]Known, error)
	// AddBreach stores a new report with its incidents; ErrConflict when one of
	// them belongs to a report already.
	AddBreach(ctx context.Context, r Report) error
	// ChangeBreach loads one, calls do and stores the result, in one
	// transaction. ErrNotFound.
	ChangeBreach(ctx context.Context, id string, do func(*Report) error) error
	// JoinBreaches is ChangeBreach of several: into the first.
	JoinBreaches(ctx context.Context, ids []string, do func([]*Report) error) error
	Breach(ctx context.Context, id string) (Report, error)
	// BreachOf is the report that an incident belongs to; ErrNotFound.
	BreachOf(ctx context.Context, ref Ref) (Report, error)
	// Breaches are the live ones, those that are due first; with all set the
	// others too, newest first after the live ones.
	Breaches(ctx context.Context, all bool, limit int) ([]Report, error)
	// DueBreaches are those with an alarm due by a moment.
	DueBreaches(ctx context.Context, by time.Time, limit int) ([]Report, error)
	// NextAlarm is when the next alarm is due; zero: none.
	NextAlarm(ctx context.Context) (time.Time, error)
	// Dismissed says that all incidents of a report turned out to be the
	// customers' own doing.
	Dismissed(ctx context.Context, r Report) (bool, error)
	// Pieces are the live reports with customers of campaigns, at most limit.
	Pieces(ctx context.Context, limit int) ([]Piece, error)
}
