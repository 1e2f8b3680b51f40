package incident

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
)

// State is where an incident stands.
type State string

const (
	Suspected  State = "suspected"  // evidence, nothing done yet
	Held       State = "held"       // decision hold carried out
	Contained  State = "contained"  // all contain steps done
	Waiting    State = "waiting"    // until wait_until
	Recovering State = "recovering" // the password can be set again
	Recovered  State = "recovered"  // the customer is back in
	Watching   State = "watching"   // closer look for a while
	Closed     State = "closed"
	Dismissed  State = "dismissed" // it was the customer
)

// Moves is the one table of legal moves. Nothing sets a state but Move.
var Moves = map[State][]State{
	Suspected:  {Held, Contained, Dismissed},
	Held:       {Contained, Dismissed},
	Contained:  {Waiting, Dismissed},
	Waiting:    {Recovering, Recovered},
	Recovering: {Recovered},
	Recovered:  {Watching},
	Watching:   {Closed},
}

// States in the order of the way through them.
var States = []State{Suspected, Held, Contained, Waiting, Recovering, Recovered, Watching, Closed, Dismissed}

func (s State) open() bool {
	return slices.Contains([]State{Suspected, Held, Contained, Waiting, Recovering}, s)
}

// Move takes the incident to another state and stamps the time that belongs
// to it; ErrConflict when the table does not allow it.
func (i *Incident) Move(to State, now time.Time) error {
	if i.State == to {
		return nil
	}
	if !slices.Contains(Moves[i.State], to) {
		return fmt.Errorf("move incident %s from %s to %s: %w", i.ID, i.State, to, mimamori.ErrConflict)
	}
	i.State = to
	switch to {
	case Contained:
		i.ContainedAt = now
	case Recovered:
		i.RecoveredAt = now
	case Closed, Dismissed:
		i.ClosedAt = now
	}
	return nil
}

// Mermaid draws the table, for states.mermaid beside this file.
func Mermaid() string {
	out := "stateDiagram-v2\n    [*] --> suspected\n"
	for _, from := range States {
		for _, to := range Moves[from] {
			out += fmt.Sprintf("    %s --> %s\n", from, to)
		}
	}
	return out + "    closed --> [*]\n    dismissed --> [*]\n"
}
