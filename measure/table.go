package measure

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Bar is one line of the table: what is measured, the published score's
// figure on the same work, ours, and what must be reached.
type Bar struct {
	Work      string
	Published float64 // NaN: it has none
	Ours      float64
	Must      float64
	Beyond    float64
	Counts    string
	AtMost    bool   // less is better
	Form      string // percent, area, count
}

// Met says that what must be reached is reached.
func (b Bar) Met() bool {
	switch {
	case math.IsNaN(b.Must):
		return true
	case math.IsNaN(b.Ours):
		return false
	case b.AtMost:
		return b.Ours <= b.Must
	}
	return b.Ours >= b.Must
}

var none = math.NaN()

// Bars are the lines of the table, with round-trip times or without.
func (r *Result) Bars(rtt bool) []Bar {
	const one = 0.01
	must := 0.62
	if rtt {
		must = 0.75
	}
	var out []Bar
	recall := func(work string, kinds []string, must, beyond float64) {
		var counts Part
		for _, k := range kinds {
			if p := r.Ours.Recall[k][one]; p != nil {
				counts.add(*p)
			}
		}
		out = append(out, Bar{Work: work, Published: r.Published.Together(kinds, one), Ours: r.Ours.Together(kinds, one), Must: must, Beyond: beyond,
			Counts: fmt.Sprintf("%d of %d", counts.Caught, counts.Of)})
	}
	recall("login, 1 % challenged: all attackers", Single, must, 0.85)
	recall("… vpn", []string{"vpn"}, 0.90, 0.98)
	recall("… aitm", []string{"aitm"}, 0.90, 0.98)
	recall("… return", []string{"return"}, 0.80, 0.92)
	recall("… naive", []string{"naive"}, 0.99, 1)
	recall("… targeted", []string{"targeted"}, none, none)
	recall("… very targeted", []string{"very_targeted"}, none, none)
	area := func(work string, kinds []string, must, beyond float64) {
		out = append(out, Bar{Work: work, Published: r.Published.TogetherAUC(kinds), Ours: r.Ours.TogetherAUC(kinds), Must: must, Beyond: beyond, Form: "area"})
	}
	area("targeted: area under the curve", []string{"targeted"}, 0.93, 0.96)
	area("all attackers: area under the curve", Single, none, none)
	recall("successes of stealth stuffing", []string{"stuffing_stealth"}, 0.80, 0.95)
	recall("successes of loud stuffing", []string{"stuffing_loud"}, none, none)
	recall("successes of botnet stuffing", []string{"stuffing_botnet"}, none, none)
	recall("successes of sprays", []string{"spray"}, none, none)
	out = append(out, r.worse(), r.drift())
	out = append(out, r.campaignBars()...)
	part := func(work string, p *Part, must, beyond float64) {
		b := Bar{Work: work, Published: none, Ours: none, Must: must, Beyond: beyond}
		if p != nil {
			b.Ours, b.Counts = p.Share(), fmt.Sprintf("%d of %d", p.Caught, p.Of)
		}
		out = append(out, b)
	}
	part("after login, 0.5 % of sessions held: aitm", r.AfterLogin["aitm"], 0.95, 0.99)
	part("… session theft", r.AfterLogin["session_theft"], 0.75, 0.90)
	part("… very targeted", r.AfterLogin["very_targeted"], 0.60, 0.80)
	part("genuine sessions held at that threshold", &r.HeldSessions, none, none)
	part("as decided: genuine sessions held", &r.DecidedHeld, none, none)
	for _, k := range append(append([]string{}, Single...), "session_theft") {
		part("as decided: held or contained, "+strings.ReplaceAll(k, "_", " "), r.Decided[k], none, none)
	}
	part("takeovers with an order: on hold before shipping", &r.AllOrders, 0.90, 0.98)
	return append(out, Bar{Work: "containments of nobody's, per 50,000 genuine logins", Published: none, Ours: float64(r.Contained) / float64(max(r.All, 1)) * 50_000,
		Must: 1, Beyond: 0.25, AtMost: true, Form: "count", Counts: fmt.Sprintf("%d in %d", r.Contained, r.All)})
}

// worse is the attacker on whom we are worst against the published score.
func (r *Result) worse() Bar {
	worst, who := math.Inf(1), ""
	for kind := range r.Ours.Recall {
		p := r.Published.Recall[kind][0.01]
		if o := r.Ours.Recall[kind][0.01]; p != nil && o != nil && o.Share()-p.Share() < worst {
			worst, who = o.Share()-p.Share(), kind
		}
	}
	return Bar{Work: "least ahead of the published score: " + strings.ReplaceAll(who, "_", " "), Published: none, Ours: worst, Must: 0, Beyond: none}
}

// drift is how far a threshold set on the days before is off on those after,
// in the world where it is farthest.
func (r *Result) drift() Bar {
	b := Bar{Work: "threshold of 1 % set before: farthest from 1 % after", Published: none, Ours: none, Must: 1.4, Beyond: none, AtMost: true, Form: "count"}
	var all []string
	far := 0.0
	for _, share := range r.Ours.Rebased[0.01] {
		all = append(all, fmt.Sprintf("%.2f %%", 100*share))
		x := share / 0.01
		if x < 1 {
			x = 1 + (1-x)*0.4/0.3 // 0.7 is as far as 1.4
		}
		if far = max(far, x); share == 0 {
			far = 99
		}
	}
	b.Ours, b.Counts = far, strings.Join(all, ", ")
	return b
}

func (r *Result) campaignBars() []Bar {
	var found, slow, early Part
	var onHold, rescored Part
	for _, c := range r.Campaigns {
		found.count(!c.Alarm.IsZero())
		if c.Slow() {
			in := !c.Alarm.IsZero() && c.Alarm.Sub(c.Start) <= 24*time.Hour
			slow.count(in)
			early.count(in && c.Before < 0.2)
		}
		onHold.add(c.OnHold)
		rescored.add(c.Rescored)
	}
	line := func(work string, p Part, must, beyond float64) Bar {
		return Bar{Work: work, Published: none, Ours: p.Share(), Must: must, Beyond: beyond, Counts: fmt.Sprintf("%d of %d", p.Caught, p.Of)}
	}
	return []Bar{
		line("campaigns found", found, 1, 1),
		line("… slow ones within 24 h", slow, 1, none),
		line("… and before 20 % of their attempts", early, 1, none),
		{Work: "false campaigns in 30 days", Published: none, Ours: float64(r.False) / r.Days * 30, Must: 1, Beyond: none, AtMost: true, Form: "count", Counts: fmt.Sprintf("%d in %.0f days", r.False, r.Days)},
		line("a campaign's successes on hold within 10 min", onHold, 0.90, 0.97),
		line("… those before the alarm scored again", rescored, none, none),
	}
}

// Text is the table as text.
func Text(bars []Bar) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-54s %10s %8s %8s %8s  %-4s %s\n", "work", "published", "ours", "must", "beyond", "", "counts")
	for _, x := range bars {
		ok := "no"
		if x.Met() {
			ok = "yes"
		}
		if math.IsNaN(x.Must) {
			ok = ""
		}
		fmt.Fprintf(&b, "%-54s %10s %8s %8s %8s  %-4s %s\n", x.Work, x.show(x.Published), x.show(x.Ours), x.show(x.Must), x.show(x.Beyond), ok, x.Counts)
	}
	return b.String()
}

func (b Bar) show(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case b.Form == "area":
		return fmt.Sprintf("%.3f", v)
	case b.Form == "count":
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}
