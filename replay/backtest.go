package replay

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/policy"
)

// Backtest says what to compare.
type Backtest struct {
	Inputs   []string
	Before   policy.Policy // as it is
	After    policy.Policy // as it would be
	Days     int           // look at so many days before the last event; 0: 30
	Judged   []Word        // what people said of sessions, besides session.judged among the events
	Geo      *geo.DB
	Progress func(done, of int64)
}

// Word is what a person said of a session.
type Word struct {
	Subject, Session string
	Owner            string // customer or intruder
}

// Comparison is what a changed policy would have meant.
type Comparison struct {
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"`
	Before      Totals       `json:"before"`
	After       Totals       `json:"after"`
	Differences []Difference `json:"differences"` // by account, in the order of their names
}

// Totals count what one policy decides.
type Totals struct {
	SignIns  map[decide.Decision]int `json:"sign_ins"` // successful ones, as the customer met them
	Accounts map[decide.Decision]int `json:"accounts"` // by the sternest decision of the time
	// Missed are accounts with a session that a person held to be an
	// intruder's, and less than hold was decided without that word; Mistaken
	// those with none but sessions said to be the customer's, that were held
	// or contained.
	Missed   []string `json:"missed"`
	Mistaken []string `json:"mistaken"`
}

// Difference is an account that would have met something else.
type Difference struct {
	Account string `json:"account"`
	Before  Met    `json:"before"`
	After   Met    `json:"after"`
	Judged  string `json:"judged,omitempty"` // intruder or customer, when somebody said so
}

// Met is the sternest thing that an account met.
type Met struct {
	Decision decide.Decision `json:"decision"`
	At       time.Time       `json:"at,omitzero"`
	Event    string          `json:"event,omitempty"`
	Type     string          `json:"type,omitempty"`
	Signals  []string        `json:"signals,omitempty"`
}

// Compare replays the events under both policies. All events build the
// picture; what is decided is compared for the last days only.
func Compare(ctx context.Context, b Backtest) (*Comparison, error) {
	if b.Days <= 0 {
		b.Days = 30
	}
	first := true
	words, last := map[string]string{}, time.Time{}
	for _, w := range b.Judged {
		words[w.Subject] = sterner(words[w.Subject], w.Owner)
	}
	one := func(p policy.Policy) (*seen, error) {
		s := &seen{accounts: map[string][]Met{}}
		_, err := Run(ctx, Options{Inputs: b.Inputs, Policy: p, Geo: b.Geo, Progress: b.Progress, Row: s.row, Watch: func(e event.Event, _ geo.Place) {
			if v, ok := e.Payload.(*event.Verdict); ok && first {
				words[e.Subject] = sterner(words[e.Subject], v.Verdict)
			}
			last = e.Time
		}, SkipBad: func(BadLine) error { return nil }})
		first = false
		return s, err
	}
	before, err := one(b.Before)
	if err != nil {
		return nil, err
	}
	after, err := one(b.After)
	if err != nil {
		return nil, err
	}
	c := &Comparison{From: last.AddDate(0, 0, -b.Days), To: last, Differences: []Difference{}}
	was, is := before.since(c.From), after.since(c.From)
	c.Before, c.After = before.totals(c.From, was, words), after.totals(c.From, is, words)
	for _, account := range slices.Sorted(maps.Keys(union(was, is))) {
		x, y := was[account], is[account]
		if x.Decision != y.Decision {
			c.Differences = append(c.Differences, Difference{Account: account, Before: x, After: y, Judged: words[account]})
		}
	}
	return c, nil
}

// sterner is the graver of two words about one account.
func sterner(a, b string) string {
	if a == "intruder" || b != "intruder" && b != "customer" {
		return a
	}
	return b
}

// seen is what one policy decided above allow, and at how many sign-ins.
type seen struct {
	accounts map[string][]Met
	signIns  []Met // signals left out
}

func (s *seen) row(r Row) error {
	if r.Type == string(event.SessionJudged) {
		return nil // a person's word, whatever the policy
	}
	m := Met{Decision: r.Decision, At: r.At, Event: r.EventID, Type: r.Type, Signals: r.Signals}
	if r.Decision.AtLeast(decide.Challenge) {
		s.accounts[r.Subject] = append(s.accounts[r.Subject], m)
	}
	if r.Type == string(event.LoginAttempted) && r.Assessed && r.Session != "" {
		m.Signals = nil
		s.signIns = append(s.signIns, m)
	}
	return nil
}

// since is the sternest thing that each account met since a moment.
func (s *seen) since(from time.Time) map[string]Met {
	out := map[string]Met{}
	for account, all := range s.accounts {
		for _, m := range all {
			if was, ok := out[account]; !m.At.Before(from) && (!ok || m.Decision.AtLeast(was.Decision) && m.Decision != was.Decision) {
				out[account] = m
			}
		}
	}
	return out
}

func (s *seen) totals(from time.Time, met map[string]Met, words map[string]string) Totals {
	t := Totals{SignIns: map[decide.Decision]int{}, Accounts: map[decide.Decision]int{}, Missed: []string{}, Mistaken: []string{}}
	for _, m := range s.signIns {
		if !m.At.Before(from) {
			t.SignIns[m.Decision]++
		}
	}
	for account, m := range met {
		t.Accounts[m.Decision]++
		if words[account] == "customer" && m.Decision.AtLeast(decide.Hold) {
			t.Mistaken = append(t.Mistaken, account)
		}
	}
	for account, word := range words {
		if word == "intruder" && !met[account].Decision.AtLeast(decide.Hold) {
			t.Missed = append(t.Missed, account)
		}
	}
	slices.Sort(t.Missed)
	slices.Sort(t.Mistaken)
	return t
}

func union(a, b map[string]Met) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

// Text writes the comparison for people; at most so many accounts, 0 all.
func (c *Comparison) Text(w io.Writer, most int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s\n\n%-24s %10s %10s\n", c.From.Format("2006-01-02"), c.To.Format("2006-01-02"), "", "as it is", "changed")
	for _, d := range []decide.Decision{decide.Notify, decide.Challenge, decide.Hold, decide.Contain} {
		fmt.Fprintf(&b, "%-24s %10d %10d\n", "sign-ins: "+string(d), c.Before.SignIns[d], c.After.SignIns[d])
	}
	for _, d := range []decide.Decision{decide.Challenge, decide.Hold, decide.Contain} {
		fmt.Fprintf(&b, "%-24s %10d %10d\n", "accounts: "+string(d), c.Before.Accounts[d], c.After.Accounts[d])
	}
	fmt.Fprintf(&b, "%-24s %10d %10d\n%-24s %10d %10d\n\n", "missed intruders", len(c.Before.Missed), len(c.After.Missed), "mistaken customers", len(c.Before.Mistaken), len(c.After.Mistaken))
	fmt.Fprintf(&b, "%d accounts would have met something else\n", len(c.Differences))
	for i, d := range c.Differences {
		if most > 0 && i == most {
			fmt.Fprintf(&b, "… and %d more (--json has all)\n", len(c.Differences)-most)
			break
		}
		m := d.After
		if m.Decision == "" {
			m = d.Before
		}
		fmt.Fprintf(&b, "%-24s %-9s → %-9s %s %s %s %s\n", d.Account, cmp.Or(d.Before.Decision, decide.Allow), cmp.Or(d.After.Decision, decide.Allow), m.At.UTC().Format("01-02 15:04"),
			m.Type, strings.Join(m.Signals, ", "), d.Judged)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
