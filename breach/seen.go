package breach

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
)

// Page is one page that intruders' sessions were shown (standards item F06):
// exactly what the shop reported by page.viewed, nothing inferred.
type Page struct {
	Page        string    `json:"page"`
	Fields      []string  `json:"fields"` // shown at any of the times, in order
	First, Last time.Time `json:"-"`
	Times       int       `json:"times"`
	People      int       `json:"people"`
}

// Facts are what is known of one incident, for the report's draft. Nothing in
// them names a person.
type Facts struct {
	Ref
	Start       time.Time // first act of the intruder's
	End         time.Time // last one
	Contained   time.Time // zero: not contained
	Recovered   time.Time
	Told        time.Time // first notice that was sent; zero: none yet
	Notices     int
	Noticed     bool // the notice of the breach itself was sent
	Cause       mimamori.Text
	Sessions    int
	Seen        []Page
	Views       bool // the shop reports views at all
	Changed     map[event.ResourceKind]int
	Orders      int
	Cancelled   int
	Shipped     int
	PointsSpent int64
	PointsBack  int64
}

// FactsOf reads an incident and its account's journal. back is what was given
// back of the points that the intruder spent.
func FactsOf(i *incident.Incident, j *journal.Journal, back int64) Facts {
	f := Facts{Ref: Ref{i.Account, i.ID}, Start: i.Start, Contained: i.ContainedAt, Recovered: i.RecoveredAt, Cause: i.Cause.Text, Sessions: len(i.Sessions),
		Views: len(j.Views) > 0, Changed: map[event.ResourceKind]int{}, PointsBack: back}
	his := func(session string) bool { return session != "" && slices.Contains(i.Sessions, session) }
	act := func(at time.Time) {
		if at.After(f.End) {
			f.End = at
		}
	}
	for _, l := range j.Logins {
		if his(l.Data.Session) {
			act(l.Event.Time)
		}
	}
	for _, v := range j.Views {
		if his(v.Session) {
			act(v.At)
			f.Seen = see(f.Seen, Page{Page: v.Page, Fields: v.Fields, First: v.At, Last: v.At, Times: 1, People: 1})
		}
	}
	for _, c := range j.Changes {
		if his(c.Session) && c.Owner == journal.OfIntruder {
			act(c.At)
			f.Changed[c.Resource.Kind]++
		}
	}
	for _, o := range j.Orders {
		if his(o.Session) {
			act(o.At)
			f.Orders++
			if !o.Cancelled.IsZero() {
				f.Cancelled++
			}
			if !o.Shipped.IsZero() {
				f.Shipped++
			}
		}
	}
	for _, m := range j.Points {
		if his(m.Session) && m.Amount < 0 {
			act(m.At)
			f.PointsSpent -= m.Amount
		}
	}
	slices.SortFunc(f.Seen, func(a, b Page) int { return cmp.Compare(a.Page, b.Page) })
	return f
}

// KnownOf says since when an incident is known. Mimamori's own decision to
// hold or contain counts as the shop's knowledge, and so does the word of a
// customer, the staff or the shop; a suspicion on which nothing was done does
// not.
func KnownOf(i *incident.Incident) Known {
	k := Known{Ref: Ref{i.Account, i.ID}, At: i.OpenedAt, By: "person"}
	if i.By.Kind == mimamori.ActorSystem {
		k.By = "system"
		if !i.DecidedAt.IsZero() {
			k.At = i.DecidedAt
		}
	}
	if len(i.Campaigns) > 0 {
		k.Campaign = i.Campaigns[0]
	}
	for _, e := range i.Evidence {
		k.Property = k.Property || slices.ContainsFunc(property, func(p string) bool { return strings.HasPrefix(e.Signal.Name, p) })
	}
	return k
}

// property is how the signals of acts begin that touch money.
var property = []string{"order_", "points_", "payment_"}

// see adds a view to a list of pages.
func see(list []Page, v Page) []Page {
	k := slices.IndexFunc(list, func(p Page) bool { return p.Page == v.Page })
	if k < 0 {
		v.Fields = slices.Compact(slices.Sorted(slices.Values(v.Fields)))
		return append(list, v)
	}
	p := &list[k]
	p.Fields = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(p.Fields), v.Fields...))))
	p.Times += v.Times
	if v.First.Before(p.First) {
		p.First = v.First
	}
	if v.Last.After(p.Last) {
		p.Last = v.Last
	}
	return list
}

// SeenBy puts what was seen in several incidents together; People says in how
// many of them.
func SeenBy(all []Facts) []Page {
	var out []Page
	for _, f := range all {
		for _, p := range f.Seen {
			k := slices.IndexFunc(out, func(o Page) bool { return o.Page == p.Page })
			out = see(out, p)
			if k >= 0 {
				out[k].People++
			}
		}
	}
	slices.SortFunc(out, func(a, b Page) int { return cmp.Compare(a.Page, b.Page) })
	return out
}

// Fields are all kinds of data that were shown, each once, in order.
func Fields(pages []Page) []string {
	var out []string
	for _, p := range pages {
		out = append(out, p.Fields...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
