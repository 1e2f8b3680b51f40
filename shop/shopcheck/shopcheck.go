// Package shopcheck tries a shop's own implementation of the contract
// (docs/commands.md) over the wire, on a test account that its engineer names:
// every command, what it must have made true by the read-back, that the same
// id acts once, and that nothing is done for a stranger. It is what the
// engineer runs before going live; shop/shoptest is the suite for Go code that
// can also act as the customer. It stands before the flow and uses shop alone.
package shopcheck

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"mimamori"
	"mimamori/shop"
	"mimamori/webhook"
)

// Options says which shop, and which account may be acted on.
type Options struct {
	URL     string
	Secret  webhook.Secret
	Subject string // a test account: its password is invalid afterwards
	// Entry is a ledger entry of the account's that took Amount points (above
	// zero), to be given back; empty: points.restore is only tried on a false one.
	Entry        string
	Amount       int64
	KeepPassword bool           // leave password.invalidate out
	AllowHTTP    bool           // a shop on this machine
	Allow        []netip.Prefix // private networks that may be reached
	// Tell is called as each check ends; nil: nobody listens.
	Tell func(Finding)
}

// State is how a check ended.
type State string

// The states.
const (
	Passed State = "passed"
	Failed State = "failed"
	NotRun State = "not run" // the account lacks what it takes; Advice says what
)

// Finding is one check's outcome.
type Finding struct {
	Part   string `json:"part"` // signature, read-back, or the command
	Check  string `json:"check"`
	State  State  `json:"state"`
	Seen   string `json:"seen,omitempty"`   // what the shop did instead
	Advice string `json:"advice,omitempty"` // what to do about it
}

// Report is the whole of it.
type Report struct {
	URL      string        `json:"url"`
	Subject  string        `json:"subject"`
	Findings []Finding     `json:"findings"`
	Slowest  time.Duration `json:"slowest_ns"` // of all answers
}

// Count says how many checks ended so.
func (r Report) Count(s State) int {
	n := 0
	for _, f := range r.Findings {
		if f.State == s {
			n++
		}
	}
	return n
}

// trial is one run against one shop.
type trial struct {
	Options
	ctx    context.Context
	shop   *shop.HTTP
	wire   *wire
	report *Report
	part   string
}

// Run tries everything, in the order of a takeover, and gives back at the end
// what it took away, but for the password and cancelled orders. An error means
// that it could not even begin; what the shop does wrong stands in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	r := Report{URL: o.URL, Subject: o.Subject}
	if o.Subject == "" || o.Entry != "" && o.Amount <= 0 {
		return r, fmt.Errorf("check a shop: it takes a test account, and with an entry its amount: %w", mimamori.ErrInvalid)
	}
	secrets := func(context.Context) ([]webhook.Secret, error) { return []webhook.Secret{o.Secret}, nil }
	timed := &timing{next: webhook.Guard{Allow: o.Allow}.Transport()}
	to, err := shop.NewHTTP(shop.Config{URL: o.URL, Secrets: secrets, Transport: timed, AllowHTTP: o.AllowHTTP})
	if err != nil {
		return r, err
	}
	defer to.Close()
	at, err := url.Parse(o.URL)
	if err != nil {
		return r, fmt.Errorf("check a shop: %w", err)
	}
	t := &trial{Options: o, ctx: ctx, shop: to, wire: newWire(at, o.Secret, timed), report: &r}
	if _, err := to.Account(ctx, o.Subject); err != nil {
		return r, fmt.Errorf("read the test account back: %w", err)
	}
	for _, p := range parts {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		t.part = p.name
		p.run(t)
	}
	r.Slowest = timed.slowest
	return r, nil
}

var parts = []struct {
	name string
	run  func(*trial)
}{
	{"read-back", (*trial).readBack},
	{"signature", (*trial).signature},
	{"sessions.revoke", (*trial).sessions},
	{"account.hold", (*trial).hold},
	{"points.freeze", (*trial).freeze},
	{"order.cancel", (*trial).cancel},
	{"order.unhide", (*trial).unhide},
	{"resource.restore", (*trial).restore},
	{"points.restore", (*trial).points},
	{"payment.suspect", (*trial).suspect},
	{"same id", (*trial).sameID},
	{"unknown", (*trial).unknown},
	{"password.invalidate", (*trial).invalidate},
}

// say notes how a check ended: passed when nothing was seen amiss.
func (t *trial) say(check, seen, advice string) bool {
	f := Finding{Part: t.part, Check: check, State: Passed}
	if seen != "" {
		f.State, f.Seen, f.Advice = Failed, seen, advice
	}
	t.note(f)
	return seen == ""
}

func (t *trial) skip(check, advice string) {
	t.note(Finding{Part: t.part, Check: check, State: NotRun, Advice: advice})
}

func (t *trial) note(f Finding) {
	t.report.Findings = append(t.report.Findings, f)
	if t.Tell != nil {
		t.Tell(f)
	}
}
