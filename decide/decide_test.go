package decide

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mimamori"
	"mimamori/assess"
)

// evidence makes an assessment of a probability out of these kinds.
func evidence(probability float64, groups ...assess.Group) assess.Assessment {
	a := assess.Assessment{Assessed: true, Probability: probability}
	for _, g := range groups {
		a.Signals = append(a.Signals, assess.Signal{Name: string(g), Group: g, Weight: 3})
	}
	return a
}

var fine = Case{RightPassword: true, BudgetLeft: 1}

func with(change func(*Case)) Case {
	c := fine
	change(&c)
	return c
}

// TestDecide: the ladder by probability, nothing limiting.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		p    float64
		want Decision
	}{{0, Allow}, {0.0019, Allow}, {0.002, Notify}, {0.34, Notify}, {0.5, Challenge}, {0.78, Challenge}, {0.79, Hold}, {0.799, Hold}, {0.8, Contain}, {1, Contain}} {
		if got := Decide(DefaultPolicy(), evidence(c.p, assess.Device, assess.Network), fine); got.Decision != c.want || len(got.Capped) != 0 || got.NeedsPerson {
			t.Errorf("Decide(%v) = %+v, want %s", c.p, got, c.want)
		}
	}
}

// TestG01_LimitsOfDecisions: failed logins never go past challenge; one kind
// of evidence never past hold.
func TestG01_LimitsOfDecisions(t *testing.T) {
	two := evidence(0.999, assess.Device, assess.Network)
	for name, c := range map[string]struct {
		a      assess.Assessment
		c      Case
		want   Decision
		person bool
	}{
		"no right password":                {two, with(func(c *Case) { c.RightPassword = false }), Challenge, false},
		"no right password, all evidence":  {evidence(1, assess.Device, assess.Network, assess.Behaviour, assess.Campaign), with(func(c *Case) { c.RightPassword = false }), Challenge, false},
		"one kind":                         {evidence(0.999, assess.Device), fine, Hold, true},
		"one kind and a history":           {evidence(0.999, assess.Device, assess.History), fine, Hold, true},
		"no evidence":                      {evidence(0.999), fine, Hold, true},
		"two kinds":                        {two, fine, Contain, false},
		"nobody knows how it began":        {two, with(func(c *Case) { c.Faded = true }), Hold, true},
		"gone on on another line":          {two, with(func(c *Case) { c.Shared = true }), Hold, true},
		"nothing new":                      {two, with(func(c *Case) { c.Quiet = true }), Hold, true},
		"robbed before, and perhaps hers":  {two, with(func(c *Case) { c.Torn = true }), Hold, true},
		"eleven minutes old":               {two, with(func(c *Case) { c.Age = 11 * time.Minute }), Hold, true},
		"ten minutes old":                  {two, with(func(c *Case) { c.Age = 10 * time.Minute }), Contain, false},
		"a day old":                        {two, with(func(c *Case) { c.Age = 24 * time.Hour }), Hold, true},
		"more than a day old":              {two, with(func(c *Case) { c.Age = 24*time.Hour + 1 }), Notify, false},
		"everything against it":            {evidence(1, assess.Device), Case{Age: 25 * time.Hour}, Notify, false},
		"mild and limited: nothing is cut": {evidence(0.01), Case{}, Notify, false},
	} {
		got := Decide(DefaultPolicy(), c.a, c.c)
		if got.Decision != c.want || c.person && !got.NeedsPerson {
			t.Errorf("%s: %+v, want %s, person %v", name, got, c.want, c.person)
		}
		if c.want != Contain && c.a.Probability > 0.9 && len(got.Capped) == 0 {
			t.Errorf("%s: milder than the evidence, and no reason is said", name)
		}
	}
	// Every limit that applied is named, not only the first.
	if got := Decide(DefaultPolicy(), evidence(1, assess.Device), Case{RightPassword: true, Age: 25 * time.Hour}); len(got.Capped) < 2 {
		t.Errorf("limits named: %v", got.Capped)
	}
}

// TestG02_Budget: beyond the hourly budget nobody is locked out without a
// person.
func TestG02_Budget(t *testing.T) {
	two := evidence(0.999, assess.Device, assess.Network)
	for left, want := range map[int]Decision{2: Contain, 1: Contain, 0: Hold, -5: Hold} {
		got := Decide(DefaultPolicy(), two, with(func(c *Case) { c.BudgetLeft = left }))
		if got.Decision != want || got.NeedsPerson != (want == Hold) {
			t.Errorf("%d left: %+v, want %s", left, got, want)
		}
	}
	p := DefaultPolicy()
	for active, want := range map[int]int{0: 20, 30: 20, 4000: 20, 4200: 21, 1_000_000: 5000} {
		if got := p.Budget(active); got != want {
			t.Errorf("Budget(%d) = %d, want %d", active, got, want)
		}
	}
}

// TestLimitsHoldForAnyEvidence: the same as a property.
func TestLimitsHoldForAnyEvidence(t *testing.T) {
	groups := []assess.Group{assess.Network, assess.Device, assess.Behaviour, assess.Campaign, assess.Customer, assess.History}
	rapid.Check(t, func(rt *rapid.T) {
		a := evidence(rapid.Float64Range(0, 1).Draw(rt, "p"), rapid.SliceOfDistinct(rapid.SampledFrom(groups), func(g assess.Group) assess.Group { return g }).Draw(rt, "groups")...)
		c := Case{RightPassword: rapid.Bool().Draw(rt, "right"), Age: time.Duration(rapid.IntRange(0, 48*60).Draw(rt, "age")) * time.Minute, BudgetLeft: rapid.IntRange(-3, 3).Draw(rt, "left")}
		got := Decide(DefaultPolicy(), a, c).Decision
		free := Decide(DefaultPolicy(), evidence(a.Probability, assess.Device, assess.Network), fine).Decision
		switch {
		case !free.AtLeast(got):
			rt.Fatalf("limits made %s of %s", got, free)
		case got == Contain && (!c.RightPassword || len(a.Groups()) < 2 || c.BudgetLeft <= 0 || c.Age > 10*time.Minute):
			rt.Fatalf("contained against a limit: %+v %v", c, a.Groups())
		case !c.RightPassword && got.AtLeast(Hold):
			rt.Fatalf("without the right password: %s", got)
		}
	})
}

func TestPolicyCheck(t *testing.T) {
	if err := DefaultPolicy().Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Policy){
		"mode":        func(p *Policy) { p.Mode = "" },
		"order":       func(p *Policy) { p.HoldAt = 0.1 },
		"over one":    func(p *Policy) { p.ContainAt = 1.1 },
		"notify at 0": func(p *Policy) { p.NotifyAt = 0 },
		"no wait":     func(p *Policy) { p.Wait = 0 },
		"no watch":    func(p *Policy) { p.Watch = -1 },
	} {
		p := DefaultPolicy()
		change(&p)
		if err := p.Check(); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func TestGate(t *testing.T) {
	all := []Obligation{SetPassword, ReenterPayment, ReenterAddress, ReviewSubscriptions}
	for name, c := range map[string]struct {
		mode Mode
		f    GateFacts
		want Decision
		due  int
	}{
		"nothing":                       {Enforce, GateFacts{Act: Order}, Allow, 0},
		"locked out":                    {Enforce, GateFacts{Act: Order, LockedOut: true}, Contain, 0},
		"the intruder":                  {Enforce, GateFacts{Act: Points, Intruder: true}, Contain, 0},
		"held":                          {Enforce, GateFacts{Act: Contact, Held: true}, Hold, 0},
		"locked out and held":           {Enforce, GateFacts{Act: Contact, Held: true, LockedOut: true}, Contain, 0},
		"likely":                        {Enforce, GateFacts{Act: Order, Probability: 0.85}, Hold, 0},
		"doubtful":                      {Enforce, GateFacts{Act: Order, Probability: 0.5}, Challenge, 0},
		"obliged":                       {Enforce, GateFacts{Act: Order, Obligations: all}, Allow, 3},
		"obliged to another":            {Enforce, GateFacts{Act: Points, Obligations: all}, Allow, 1},
		"obliged when it pays":          {Enforce, GateFacts{Act: Payment, Obligations: all}, Allow, 2},
		"asked for a proof before":      {Enforce, GateFacts{Act: Factor, Unproven: true}, Challenge, 0},
		"watched, at her own device":    {Enforce, GateFacts{Act: Order, Unheard: true}, Allow, 0},
		"watched, unfamiliar: an order": {Enforce, GateFacts{Act: Order, Watched: true}, Allow, 2},
		"watched, one still owed":       {Enforce, GateFacts{Act: Order, Watched: true, Obligations: all[1:2]}, Allow, 2},
		"watched, unfamiliar: contact":  {Enforce, GateFacts{Act: Contact, Watched: true}, Allow, 0},
		"watched, nobody told of it":    {Enforce, GateFacts{Act: Contact, Watched: true, Unheard: true}, Challenge, 0},
		"observed: all goes on":         {Observe, GateFacts{Act: Order, LockedOut: true, Held: true, Intruder: true}, Allow, 0},
	} {
		p := DefaultPolicy()
		p.Mode = c.mode
		got := Gate(p, c.f)
		if got.Decision != c.want || len(got.Obligations) != c.due || got.Text.JA == "" || got.Text.EN == "" || got.Obligations == nil {
			t.Errorf("%s: %+v, want %s with %d obligations", name, got, c.want, c.due)
		}
	}
	if _, err := ParseSensitive("sleep"); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("an act that is none: %v", err)
	}
	if a, err := ParseSensitive("points"); a != Points || err != nil {
		t.Errorf("points: %s, %v", a, err)
	}
}
