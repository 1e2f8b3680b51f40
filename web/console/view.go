package console

import (
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/support"
	"mimamori/undo"
)

// Incident is one incident whole, as staff see it. Values are masked; Reveal
// shows one in clear.
type Incident struct {
	ID       mimamori.IncidentID
	Subject  string // the shop's account id
	State    incident.State
	Decision decide.Decision
	Cause    mimamori.Text       // the likely way in; empty: unknown
	Previous mimamori.IncidentID // the intrusion before this one; empty: the first

	OpenedAt, Start                     time.Time // Start: earliest act of the intruder
	ContainedAt, WaitUntil, RecoveredAt time.Time // zero: not yet
	WatchUntil, ClosedAt                time.Time
	Needs                               []Need
	Evidence                            []Evidence // heaviest first
	Sessions                            []Session
	Timeline                            []Line // in order of time
	Plan                                Plan
	Steps                               []Step
	Notices                             []Notice
	Points                              []Points
	Contacts                            []Contact
	Notes                               []Note
	Waiting                             []Proposal         // for a second person
	May                                 map[audit.Act]bool // offered now, by role and state

	Assigned     string // a colleague's name; empty: nobody's
	AssignedMine bool
	Campaigns    []string
	Dots         []Dot    // the countries of Sessions, for the map
	Obligations  []string // what the customer has still to do
	Calls        []IncidentCall
	Common       []Common // values that other accounts have too, the most telling first
	Alike        []Alike  // other accounts, the most telling first
}

// Dot is one country on the map, with the sign-ins (from 1) that came from it.
type Dot struct {
	Country string
	Numbers []int
	Theirs  bool // one of them is not the customer's
}

// IncidentCall is a call that the customer asked for.
type IncidentCall struct {
	Ref                CallRef
	State              support.CallState
	AskedAt, ChangedAt time.Time
	From, Until        time.Time
	Tries              int
	Agent              string // a name; empty: nobody has had it
	Outcome            string // a support.Result; empty: none
}

// Alike is another account that has something in common with the incident.
type Alike struct {
	Subject  string              // the shop's account id; empty: not said
	Incident mimamori.IncidentID // empty: it has none
	At       time.Time
	Kinds    []string // what is shared: queue.LinkKinds, campaign
	Numbers  []int    // of Incident.Common, from 1
}

// Common is one value of the incident that other accounts have too. It is
// shown masked: it may be another victim's.
type Common struct {
	Number   int               // from 1
	Kind     string            // one of queue.LinkKinds
	Fields   map[string]string // of what was registered
	Words    mimamori.Text     // of a browser or connection
	Accounts int               // that have it, this one aside
	More     bool              // at least so many
	Usual    bool              // so many have it that it says nothing
	Field    string            // what Reveal takes; empty: there is nothing to show
}

// Of gives a value by its number, for templates.
func (i Incident) Of(number int) Common {
	if number < 1 || number > len(i.Common) {
		return Common{}
	}
	return i.Common[number-1]
}

// Need is why a person must look.
type Need struct {
	At     time.Time
	Text   mimamori.Text
	Key    string
	Settle bool // done outside of here, and ticked off by hand
}

// Evidence is one signal in words, with its weight in log-odds.
type Evidence struct {
	At      time.Time
	Text    mimamori.Text
	Weight  float64 // above 0: towards an intruder
	Signal  string  // its name, for the analyst
	Group   string  // network, device, behaviour, campaign, customer, history
	Session string
}

// Owner says whose an act was.
type Owner string

const (
	Intruder Owner = "intruder"
	Customer Owner = "customer"
	Unknown  Owner = "unknown"
	Shop     Owner = "shop"  // the shop's staff or systems
	Us       Owner = "us"    // Mimamori
	Staff    Owner = "staff" // a person at this desk
)

// Owners lists all, for the catalogue test.
var Owners = []Owner{Intruder, Customer, Unknown, Shop, Us, Staff}

// Session is one sign-in at the shop, and whose it is held to be.
type Session struct {
	ID       string
	Owner    Owner
	By       string // who said so: detector, shop, customer, agent
	Began    time.Time
	Last     time.Time
	Device   string
	Country  string // ISO 3166-1 alpha-2; empty: unknown
	Operator string
	Network  string // access, mobile, hosting, vpn, relay, tor; empty: unknown
	Acts     int
}

// Value is what a resource holds, by the contract's usual field names. It is
// shown masked.
type Value struct {
	Absent  bool // it is not there at all
	Unknown bool
	Fields  map[string]string
}

// Line is one line of the timeline.
type Line struct {
	At      time.Time
	Owner   Owner
	Text    mimamori.Text
	Session string        // the shop's session; empty: none
	Value   Value         // what it was about; may be empty
	Fate    mimamori.Text // what became of it; empty: nothing to say
	Good    bool          // Fate is put right; else it is open or cannot be
}

// Plan is the undo plan.
type Plan struct {
	Version   string    // names exactly this plan; approving another is refused
	At        time.Time // when it was computed
	AppliedAt time.Time // zero: not yet
	RedoUntil time.Time // until when it can be taken back; zero: it cannot
	Changes   []Change
	Orders    []Order
}

// Outcome is what became of a change.
type Outcome string

const (
	Planned   Outcome = "planned"
	Reverted  Outcome = "reverted"
	Kept      Outcome = "kept" // nothing to do
	Conflict  Outcome = "conflict"
	Refused   Outcome = "refused" // the shop says that it cannot be done
	TakenBack Outcome = "taken_back"
)

// Outcomes lists all, for the catalogue test.
var Outcomes = []Outcome{Planned, Reverted, Kept, Conflict, Refused, TakenBack}

// Change is one registered thing that the intruder touched.
type Change struct {
	Kind, ID              string // the resource, as in events
	Before, Intruder, Now Value
	Asked                 []string // the fields in conflict, when not the whole
	Action                undo.Action
	Outcome               Outcome
	Why                   mimamori.Text // of a conflict or refusal
	Suspect               bool          // brought in by the intruder: may be another victim's
}

// Choice is a person's answer to a conflict.
type Choice string

const (
	ChooseBefore Choice = "before" // as it was before the intruder
	ChooseNow    Choice = "now"    // leave it as it is
	ChooseRemove Choice = "remove" // neither: take it away
)

// Choices lists all.
var Choices = []Choice{ChooseBefore, ChooseNow, ChooseRemove}

// Order is an order of the intruder's.
type Order struct {
	ID       string
	At       time.Time
	Amount   int64 // minor units
	Currency string
	State    string        // placed, cancelled, shipped
	Hidden   bool          // he hid it from the list
	Recall   mimamori.Text // of a shipped one: a letter to the carrier, ready to send
}

// Step is one step of the playbook.
type Step struct {
	Run    string
	Seq    int
	Again  bool   // a person may have it tried again now
	Name   string // "sessions.revoke"
	State  playbook.StepState
	Tries  int
	Due    time.Time // when it is tried next; zero: not waiting
	DoneAt time.Time
	Why    mimamori.Text // of a refusal or the last failure; empty: none
}

// Notice is a notice as it was sent.
type Notice struct {
	ID        string
	Sealed    bool // it was tried: its bytes are there
	Kind      notice.Kind
	Reference string
	To        string // masked
	State     notice.State
	SentAt    time.Time
	ReadAt    time.Time
	Subject   string
	Body      string
}

// Points is one entry of the points or gift ledger that the intruder spent.
type Points struct {
	Entry    string
	Kind     string // points, gift
	At       time.Time
	Amount   int64     // what he took, positive
	Currency string    // of gift balance; empty for points
	Restored time.Time // zero: not yet
	Second   bool      // above the limit: a second person has to approve
	Waiting  bool      // proposed, not yet approved
}

// Contact is a way to reach the customer.
type Contact struct {
	Field    string // what Reveal takes
	Kind     string // mail, phone
	Masked   string
	Since    time.Time // zero: unknown
	Trusted  bool      // from before the intrusion: may be called and written to
	Replaced bool      // the intruder's, or replaced by him
}

// Note is what a colleague wrote.
type Note struct {
	At   time.Time
	By   string // name
	Text string
}

// Proposal is an act that waits for a second person.
type Proposal struct {
	ID       string
	Act      audit.Act
	Incident mimamori.IncidentID
	Bulk     string        // of a bulk act: its id
	Text     mimamori.Text // what exactly is to be done
	Reason   string
	By       string // name
	At       time.Time
	Until    time.Time
	Mine     bool // asked by the reader: another has to decide
}

// Result says whether an act was done or waits for a second person.
type Result string

const (
	Done   Result = "done"
	Asked  Result = "asked" // proposed: a second person has to approve
	Failed Result = ""      // see the error
)

// Can says whether an act is offered.
func (i Incident) Can(act string) bool { return i.May[audit.Act(act)] }

// Number is the amount as pages write numbers.
func (p Points) Number() int { return int(p.Amount) }
