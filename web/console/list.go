package console

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/incident"
)

// Filter narrows the queue. All of it stands in the page's address, so that a
// view is kept as a bookmark.
type Filter struct {
	Show     Show
	Urgency  Urgency
	State    incident.State // empty: any
	Kind     string         // of evidence; empty: any
	Campaign string         // its id; empty: any
	Lang     mimamori.Lang
	Age      Age
	Whose    Whose
	After    string // where the page begins; empty: at the most urgent
	Search   string // an incident's id or a notice's reference, whole
}

// Show is a part of the queue.
type Show string

const (
	ShowOpen   Show = "open"   // not yet recovered: the default
	ShowPerson Show = "person" // needs a person now
	ShowWatch  Show = "watch"  // recovered, still watched
	ShowClosed Show = "closed" // closed and dismissed, newest first
)

// Shows lists all, in the order of the tabs.
var Shows = []Show{ShowOpen, ShowPerson, ShowWatch, ShowClosed}

// Urgency is a band of the queue: how soon somebody has to look.
type Urgency string

const (
	UrgencyNow     Urgency = "now"     // needs a person, and nothing is done yet
	UrgencyAsked   Urgency = "asked"   // needs a person
	UrgencyLater   Urgency = "later"   // the same, of one whose customer is back
	UrgencyUndone  Urgency = "undone"  // suspected
	UrgencyHeld    Urgency = "held"    // on hold
	UrgencyWork    Urgency = "work"    // under way by itself
	UrgencyCrowd   Urgency = "crowd"   // one of far too many from one source (standards G17)
	UrgencyWatched Urgency = "watched" // the customer is back
)

// Urgencies lists all, the most urgent first.
var Urgencies = []Urgency{UrgencyNow, UrgencyAsked, UrgencyLater, UrgencyUndone, UrgencyHeld, UrgencyWork, UrgencyCrowd, UrgencyWatched}

// States are those of incidents that have not ended: each stands for what is
// under way (docs/playbooks.md).
var States = []incident.State{incident.Suspected, incident.Held, incident.Contained, incident.Waiting, incident.Recovering, incident.Recovered, incident.Watching}

// Age is since when an incident is open.
type Age string

const (
	AgeHour  Age = "hour"  // opened within the last hour
	AgeDay   Age = "day"   // within the last day
	AgeOlder Age = "older" // a day ago or longer
	AgeWeek  Age = "week"  // a week ago or longer
)

// Ages lists all.
var Ages = []Age{AgeHour, AgeDay, AgeOlder, AgeWeek}

// Whose is by whom an incident is worked on: one of Whoses, or a person's id.
type Whose string

const (
	WhoseMine Whose = "me"
	WhoseFree Whose = "free" // nobody's yet
)

// Whoses lists all.
var Whoses = []Whose{WhoseMine, WhoseFree}

// Person is the id of the colleague that is meant; empty: none is.
func (w Whose) Person() string {
	if strings.HasPrefix(string(w), "stf_") {
		return string(w)
	}
	return ""
}

// whoseOf reads one of Whoses or a person's id.
func whoseOf(q url.Values) Whose {
	if w := Whose(clip(q.Get("whose"), 64)); w.Person() != "" && strings.Trim(string(w), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return w
	}
	return one(q, "whose", Whoses)
}

// Kinds are the kinds of evidence that the filter offers.
var Kinds = []string{string(assess.Network), string(assess.Device), string(assess.Behaviour), string(assess.Campaign), string(assess.Customer), string(assess.History)}

// Langs are the customers' languages.
var Langs = []mimamori.Lang{mimamori.Japanese, mimamori.English}

// filterOf reads a filter from a query; what it does not know it leaves out.
func filterOf(q url.Values) Filter {
	f := Filter{Show: one(q, "show", Shows), Urgency: one(q, "urgency", Urgencies), State: one(q, "state", States), Kind: one(q, "kind", Kinds), Campaign: clip(q.Get("campaign"), 64), Lang: one(q, "for", Langs),
		Age: one(q, "age", Ages), Whose: whoseOf(q), After: clip(q.Get("after"), 120), Search: strings.TrimSpace(clip(q.Get("search"), 200))}
	if f.Show == "" {
		f.Show = ShowOpen
	}
	return f
}

func one[T ~string](q url.Values, name string, of []T) T {
	if v := T(q.Get(name)); slices.Contains(of, v) {
		return v
	}
	return ""
}

// Query is the filter as it stands in an address.
func (f Filter) Query() string {
	q := url.Values{}
	put := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Show != ShowOpen {
		put("show", string(f.Show))
	}
	put("urgency", string(f.Urgency))
	put("state", string(f.State))
	put("kind", f.Kind)
	put("campaign", f.Campaign)
	put("for", string(f.Lang))
	put("age", string(f.Age))
	put("whose", string(f.Whose))
	put("after", f.After)
	put("search", f.Search)
	return q.Encode()
}

// On is the same filter on another tab, from its beginning.
func (f Filter) On(s Show) Filter {
	f.Show, f.After, f.Search = s, "", ""
	return f
}

// From is the same filter from another row on.
func (f Filter) From(after string) Filter {
	f.After = after
	return f
}

// Narrow says that more than the tab is chosen.
func (f Filter) Narrow() bool {
	return f.Urgency != "" || f.State != "" || f.Kind != "" || f.Campaign != "" || f.Lang != "" || f.Age != "" || f.Whose != ""
}

// Queue is the list at the left: by urgency, those that need a person first.
type Queue struct {
	Rows   []Row
	Counts map[Show]int
	Bound  int    // counts stop here: it may be more
	Next   string // Filter.After of the page that follows; empty: this is the last
}

// Row is one incident in the queue. It shows no customer's data.
type Row struct {
	ID          mimamori.IncidentID
	State       incident.State
	Decision    decide.Decision
	NeedsPerson bool
	Need        mimamori.Text // the first reason why; empty when none
	Why         mimamori.Text // the heaviest evidence, one sentence
	OpenedAt    time.Time
	WaitUntil   time.Time // zero unless the wait runs
	Second      bool      // something waits for a second pair of eyes
	Lang        mimamori.Lang
	Campaigns   []string
	Assigned    string // a colleague's name; empty: nobody's
	Mine        bool   // assigned to the reader
	Crowd       bool   // one of far too many from one source
}

// Part is a tab of the queue.
type Part struct {
	Show  Show
	Count int
	More  bool // at least so many
	Query string
}

// Parts are the tabs in order.
func (d Desk) Parts() []Part {
	list := make([]Part, len(Shows))
	for i, s := range Shows {
		n := d.Queue.Counts[s]
		list[i] = Part{s, n, s == ShowClosed && n >= d.Queue.Bound && n > 0, d.Filter.On(s).Query()}
	}
	return list
}

// Choice lists what a filter offers, for templates.
type choices struct {
	Urgencies []Urgency
	States    []incident.State
	Kinds     []string
	Langs     []mimamori.Lang
	Ages      []Age
	Whoses    []Whose
}

// Offered is what the filters offer.
func (d Desk) Offered() choices { return choices{Urgencies, States, Kinds, Langs, Ages, Whoses} } //nolint:revive // for the template alone

// Taker is the name of the colleague whose incidents are listed; empty: none is
// asked for, or nobody of that id works here.
func (d Desk) Taker() string {
	for _, t := range d.Takers {
		if t.ID == d.Filter.Whose.Person() {
			return t.Name
		}
	}
	return d.Filter.Whose.Person()
}
