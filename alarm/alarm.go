// Package alarm wakes people: what they must know now, told to the on-call
// contacts of the configuration at once, again while it lasts (after 1 hour,
// 4 hours, then daily), and once more when it is over. Each alarm is a row, so
// that none is lost at a crash; the Bell sleeps until the next is due. It names
// incidents, reports and staff by number only: no customer's data leaves by it.
// What is worth an alarm is found out by the parts that raise one (app wires
// them); who may acknowledge is staff's.
package alarm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"

	"mimamori"
)

// Kind is what an alarm is about.
type Kind string

// The kinds. Those of Events happened once and end when a person has
// acknowledged them; the others last until what they are about is over.
const (
	NeedsPerson  Kind = "needs_person"       // an incident waits for a person
	Budget       Kind = "budget_reached"     // no more is contained without a person this hour
	ShopSilent   Kind = "shop_not_answering" // commands to the shop fail
	MailBouncing Kind = "mail_bouncing"      // notices come back
	MassLookup   Kind = "mass_lookup"        // one person looked at many accounts (E06)
	LawDeadline  Kind = "law_deadline"       // a report to the commission is near or over
	AnchorFailed Kind = "anchor_failed"      // a place outside does not take the audit head
	StoreFailed  Kind = "store_failed"       // nothing can be written
	ClockJumped  Kind = "clock_jumped"       // the wall clock was moved
	BreakGlass   Kind = "break_glass"        // an emergency sign-in beside the identity provider
	KeyWords     Kind = "key_words"          // an API key names more intruders than it may (G14)
	SourceFlood  Kind = "source_flood"       // one source opens more incidents than is usual (G17)
	StaffPower   Kind = "staff_power"        // one of the staff let in somebody who may be a second person (E09)
)

// Kinds are all of them.
var Kinds = []Kind{NeedsPerson, Budget, ShopSilent, MailBouncing, MassLookup, LawDeadline, AnchorFailed, StoreFailed, ClockJumped, BreakGlass, KeyWords, SourceFlood, StaffPower}

// Event says that the kind happened once, rather than lasting.
func (k Kind) Event() bool {
	return slices.Contains([]Kind{MailBouncing, MassLookup, StoreFailed, ClockJumped, BreakGlass, KeyWords, StaffPower}, k)
}

// Alarm is one: there is at most one open alarm of a kind about the same
// thing, and what happens again meanwhile is counted on it.
type Alarm struct {
	ID       string         `json:"id"` // "alm_…"
	Kind     Kind           `json:"kind"`
	About    string         `json:"about,omitempty"` // an incident's, report's, key's or person's number; empty: nothing in particular
	Count    int            `json:"count"`           // how often it was raised
	RaisedAt time.Time      `json:"raised_at"`
	LastAt   time.Time      `json:"last_at"`
	AckedAt  time.Time      `json:"acked_at,omitzero"`
	AckedBy  mimamori.Actor `json:"acked_by,omitzero"`
	EndedAt  time.Time      `json:"ended_at,omitzero"` // over, or (Event) acknowledged
	// Told is how telling goes, by the contact's name.
	Told map[string]Telling `json:"told,omitempty"`
}

// Telling is how one contact is told of one alarm.
type Telling struct {
	Times    int       `json:"times"`            // told so often
	At       time.Time `json:"at,omitzero"`      // the last time
	Next     time.Time `json:"next,omitzero"`    // zero: not any more
	Failures int       `json:"failed,omitzero"`  // in a row
	Trying   bool      `json:"trying,omitempty"` // a message is under way
	Over     bool      `json:"over,omitempty"`   // told that it is over
}

// Open says that it is not over yet.
func (a *Alarm) Open() bool { return a.EndedAt.IsZero() }

// Store keeps alarms.
type Store interface {
	// RaiseAlarm loads the open alarm of a kind about something, or a new one
	// without an id, calls do and stores it.
	RaiseAlarm(ctx context.Context, kind Kind, about string, do func(*Alarm)) error
	// ChangeAlarm loads one by id, calls do and stores it; ErrNotFound.
	ChangeAlarm(ctx context.Context, id string, do func(*Alarm) error) error
	// Alarms are the open ones, then (all) those that are over, newest first.
	Alarms(ctx context.Context, all bool, limit int) ([]Alarm, error)
	// DueAlarms are those with somebody to be told by a moment.
	DueAlarms(ctx context.Context, by time.Time, limit int) ([]Alarm, error)
	// NextAlarmDue is when somebody is to be told next; zero: nobody.
	NextAlarmDue(ctx context.Context) (time.Time, error)
}

// Delay is how long after it happened an alarm's row may be written, at most.
const Delay = 10 * time.Minute

// aboutForm keeps everything out that could be a name, an address or a number
// of a customer's: ids of ours, and nothing with an @ or a space.
var aboutForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{0,80}$`)

// Number is what stands for something in an alarm: its name where that is a
// plain one, else a short hash of it.
func Number(name string) string {
	if aboutForm.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "h:" + hex.EncodeToString(sum[:6])
}

// repeats are the waits after the first, the second and every later telling.
var repeats = []time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour}

// retries are the waits after failures in a row; the last one repeats.
var retries = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

func nth(list []time.Duration, n int) time.Duration { return list[min(max(n, 1), len(list))-1] }

// raise counts one more occurrence.
func (a *Alarm) raise(kind Kind, about string, n int, contacts []string, now time.Time) {
	if a.ID == "" {
		*a = Alarm{ID: mimamori.NewID("alm"), Kind: kind, About: about, RaisedAt: now}
	}
	a.Count += n
	a.LastAt = now
	a.plan(contacts, now)
}

// plan gives each contact of now its next moment, and forgets contacts that
// the configuration no longer has.
func (a *Alarm) plan(contacts []string, now time.Time) {
	told := map[string]Telling{}
	for _, name := range contacts {
		t, known := a.Told[name]
		if !known && a.Open() {
			t.Next = now
		}
		told[name] = t
	}
	a.Told = told
}

// Due is when somebody is to be told next; zero: nobody.
func (a *Alarm) Due() time.Time {
	var next time.Time
	for _, t := range a.Told {
		if !t.Next.IsZero() && (next.IsZero() || t.Next.Before(next)) {
			next = t.Next
		}
	}
	return next
}

// settle counts one try to tell a contact that it lasts, or that it is over.
func (a *Alarm) settle(contact string, over bool, now time.Time, err error) {
	t := a.Told[contact]
	t.Trying = false
	switch {
	case err != nil:
		t.Failures++
		t.Next = now.Add(nth(retries, t.Failures))
	case !over && !a.Open(): // it ended meanwhile
		t.Times, t.Failures, t.At, t.Next = t.Times+1, 0, now, now
	case over:
		t.Over, t.Failures, t.At, t.Next = true, 0, now, time.Time{}
	default:
		t.Times, t.Failures, t.At = t.Times+1, 0, now
		t.Next = now.Add(nth(repeats, t.Times))
		if !a.AckedAt.IsZero() { // somebody is at it: he is not called away, and nobody forgets it either
			t.Next = now.Add(repeats[len(repeats)-1])
		}
	}
	a.Told[contact] = t
}

// end notes that it is over. Who was told of it is told of that; who was not
// hears nothing of either.
func (a *Alarm) end(now time.Time) {
	if !a.Open() {
		return
	}
	a.EndedAt = now
	for name, t := range a.Told {
		t.Failures, t.Next = 0, time.Time{}
		if t.Times > 0 {
			t.Next = now
		}
		a.Told[name] = t
	}
}

// Acknowledge notes that a person has seen it. An event is over then; what
// lasts goes on being told daily until it is over, whoever has seen it: nobody
// at the desk can switch an alarm off (E10). Whom it is about cannot
// acknowledge it: ErrDenied.
func (a *Alarm) Acknowledge(by mimamori.Actor, now time.Time) error {
	if a.About != "" && a.About == by.ID {
		return fmt.Errorf("acknowledge %s: it is about the same person: %w", a.ID, mimamori.ErrDenied)
	}
	if !a.Open() || !a.AckedAt.IsZero() {
		return fmt.Errorf("acknowledge %s: it was before: %w", a.ID, mimamori.ErrConflict)
	}
	a.AckedAt, a.AckedBy = now, by
	if a.Kind.Event() {
		a.end(now)
		return nil
	}
	for name, t := range a.Told {
		if t.Times > 0 && !t.Next.IsZero() {
			t.Next = now.Add(repeats[len(repeats)-1])
			a.Told[name] = t
		}
	}
	return nil
}
