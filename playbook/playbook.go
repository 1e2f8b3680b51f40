// Package playbook carries out the response to an incident as durable steps.
// A run and its steps are written in the same transaction as what caused
// them; each step is written down before it is tried and after it is done,
// has an idempotency key, and says whether an error is worth a retry. The
// runner owns the waiting: backoff, timers, leases. What a step does is given
// by contain, undo, notice and recovery.
package playbook

import (
	"fmt"
	"time"

	"mimamori"
)

// Run is one playbook at work for one incident. Its version is pinned.
type Run struct {
	ID       string              `json:"id"`
	Account  mimamori.AccountID  `json:"account"`
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident"`
	Playbook string              `json:"playbook"`
	Version  int                 `json:"version"`
	Begun    time.Time           `json:"begun"`
}

// StepState is where a step stands.
type StepState string

const (
	Pending  StepState = "pending"  // an earlier step has not been tried yet
	Ready    StepState = "ready"    // due, or waiting for its time
	Retrying StepState = "retrying" // tried, failed, will be tried again
	Done     StepState = "done"
	Refused  StepState = "refused" // the shop says impossible, or tries are used up: a person was asked
	Skipped  StepState = "skipped" // no longer wanted
)

// Settled says that a step will not be tried again.
func (s StepState) Settled() bool { return s == Done || s == Refused || s == Skipped }

// Step is one action of a run. (Run, Seq) is its key, and Key its idempotency
// key outside: the shop sees it as the command's id.
type Step struct {
	Run      string              `json:"run"`
	Seq      int                 `json:"seq"`
	Account  mimamori.AccountID  `json:"account"`
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident"`
	Name     string              `json:"name"` // "sessions.revoke", "wait.end", …
	Key      string              `json:"key"`
	Data     []byte              `json:"data,omitempty"` // JSON, the step's argument
	State    StepState           `json:"state"`
	Due      time.Time           `json:"due"`
	Attempts int                 `json:"attempts"`
	Lease    time.Time           `json:"lease,omitzero"` // nobody else may try before
	Fence    int64               `json:"fence"`          // raised at each claim; an outdated holder cannot finish
	Result   string              `json:"result,omitempty"`
	Why      mimamori.Text       `json:"why,omitzero"`
	First    time.Time           `json:"first,omitzero"` // when it was first claimed; the same at every try
	TriedAt  time.Time           `json:"tried_at,omitzero"`
	DoneAt   time.Time           `json:"done_at,omitzero"`
}

// FirstSeq is the first planned step's of a run.
const FirstSeq = 1000

// Plan makes a run and its steps. Seqs are 1000 apart, so that a step may put
// what it found out between itself and the next.
func Plan(run Run, names []Named, now time.Time) (Run, []Step) {
	if run.ID == "" {
		run.ID = mimamori.NewID("run")
	}
	run.Begun = now
	var steps []Step
	for i, n := range names {
		steps = append(steps, newStep(run, (i+1)*FirstSeq, n, now))
	}
	if len(steps) > 0 {
		steps[0].State = Ready
	}
	return run, steps
}

// Named is a step to be: its name, its argument, and when it is due after the
// step before it was tried (zero: at once).
type Named struct {
	Name string
	Data []byte
	At   time.Time
}

func newStep(run Run, seq int, n Named, now time.Time) Step {
	due := now
	if n.At.After(now) {
		due = n.At
	}
	return Step{Run: run.ID, Seq: seq, Account: run.Account, Subject: run.Subject, Incident: run.Incident, Name: n.Name,
		Key: Key(run.ID, seq), Data: n.Data, State: Pending, Due: due}
}

// Key is a step's idempotency key: the same for every try.
func Key(run string, seq int) string { return fmt.Sprintf("%s-%06d", run, seq) }

// Outcome is what trying a step came to.
type Outcome struct {
	Result Result
	Why    mimamori.Text // for people, when refused
	After  time.Duration // with Later: when to try again; 0: the runner's backoff
	More   []Named       // steps found out by this one; they follow it
	Err    error         // with Later: what went wrong, for the log (no personal data)
}

// Result is how a try ended.
type Result string

const (
	Did    Result = "done"
	Later  Result = "later"  // try again
	Refuse Result = "refuse" // never: a person must look
	Skip   Result = "skip"   // no longer wanted
)

// OK is a step done.
func OK(more ...Named) Outcome { return Outcome{Result: Did, More: more} }

// Again is a try to be repeated because of err.
func Again(err error) Outcome { return Outcome{Result: Later, Err: err} }
