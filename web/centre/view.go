package centre

import (
	"net/netip"
	"time"

	"mimamori"
)

// Standing is the one thing the first line of the home page says.
type Standing string

const (
	Safe    Standing = "safe"    // nothing open: 守られています
	Acting  Standing = "acting"  // we are at work or the wait runs: 対応中です
	Confirm Standing = "confirm" // the customer's word or deed is needed: あなたの確認が必要です
	Watched Standing = "watched" // recovered, looked at more closely for a while: 守られています, with the date
)

// Home is everything the first page shows. Without an incident only Standing,
// Guards, Next and Unread are filled.
type Home struct {
	Standing    Standing
	Incident    *Incident    // the open or watched incident; nil when all is quiet
	Ask         []Line       // lines waiting for わたし / ちがう; shown when Standing is Confirm
	Steps       []Step       // in order; exactly one is StepNow while an incident is open
	Wait        *Wait        // nil unless the wait runs
	Next        Next         // the one large next step
	Obligations []Obligation // what follows the customer until done; empty when there is none
	WatchUntil  time.Time    // zero unless the watch runs
	Guards      []Guard      // what protects the account, for a quiet page
	Unread      int          // notices not yet read
	Call        *ComingCall  // the call that was asked for; nil when none is coming
	Veto        *Veto        // somebody started a recovery; nil unless this visitor may stop it
}

// Incident is the head of the case as the customer is told it.
type Incident struct {
	Reference string    // the code printed in the notice
	Began     time.Time // earliest act of the intruder
	Device    string    // "Windows · Chrome"; empty when unknown
	Place     Place
	Why       []mimamori.Text // at most three reasons, in words, no scores
	Did       []Deed          // what we did, in order
	Cause     mimamori.Text   // the likely way in, or empty: then the page says that we do not know
	CauseKind string          // one of CauseKinds: what to look after first; unknown or empty: nothing
	Closed    bool
}

// CauseKinds are the ways in after which the customer should look after
// something first, for the catalogue test.
var CauseKinds = []string{"list", "spray", "phishing", "malware", "session", "mailbox"}

// DeedKind is something that Mimamori did about an incident.
type DeedKind string

const (
	SignedOut        DeedKind = "signed_out"        // every device signed out
	PasswordInvalid  DeedKind = "password_invalid"  // nobody can sign in with the old one
	OrdersStopped    DeedKind = "orders_stopped"    // Count orders cancelled
	PointsFrozen     DeedKind = "points_frozen"     //
	PointsRestored   DeedKind = "points_restored"   //
	ChangesReverted  DeedKind = "changes_reverted"  // Count changes put back
	PaymentTold      DeedKind = "payment_told"      // the shop's payment side knows of the card or address brought in
	NoticeSent       DeedKind = "notice_sent"       // to the contacts from before
	AccountHeld      DeedKind = "account_held"      // decision hold: money, orders and contact changes stand still
	PersonLooks      DeedKind = "person_looks"      // something needs a member of staff
	OrdersUnhidden   DeedKind = "orders_unhidden"   // Count hidden orders shown again
	FactorsRemoved   DeedKind = "factors_removed"   // Count second steps that the intruder added
	AccountReleased  DeedKind = "account_released"  //
	AddressesCleared DeedKind = "addresses_cleared" // Count
)

// DeedKinds lists every kind, for the catalogue test.
var DeedKinds = []DeedKind{SignedOut, PasswordInvalid, OrdersStopped, PointsFrozen, PointsRestored, ChangesReverted,
	PaymentTold, NoticeSent, AccountHeld, PersonLooks, OrdersUnhidden, FactorsRemoved, AccountReleased, AddressesCleared}

// Deed is one thing done, with how many where that makes sense (0: not said).
type Deed struct {
	Kind  DeedKind
	Count int
	At    time.Time // zero: not said
}

// StepKind names a step on the way back.
type StepKind string

const (
	StepContain       StepKind = "contain"
	StepUndo          StepKind = "undo"
	StepNotice        StepKind = "notice"
	StepWait          StepKind = "wait"
	StepProve         StepKind = "prove"
	StepPassword      StepKind = "password"
	StepCheck         StepKind = "check" // look through the three screens
	StepPayment       StepKind = "payment"
	StepSubscriptions StepKind = "subscriptions"
	StepSecond        StepKind = "second_step"
	StepWatch         StepKind = "watch"
)

// StepKinds lists every kind, for the catalogue test.
var StepKinds = []StepKind{StepContain, StepUndo, StepNotice, StepWait, StepProve, StepPassword, StepCheck,
	StepPayment, StepSubscriptions, StepSecond, StepWatch}

// StepState is where a step stands.
type StepState string

const (
	StepDone  StepState = "done"
	StepNow   StepState = "now"
	StepLater StepState = "later"
	StepGoing StepState = "going" // runs beside the others, for a while
)

// Step is one line of the vertical list.
type Step struct {
	Kind  StepKind
	State StepState
	Ours  bool      // done by us; false: by the customer
	At    time.Time // when it was done, or when it opens; zero: not said
}

// Wait is the running wait.
type Wait struct {
	Since, Until time.Time
	Doubled      bool // the second intrusion: longer, and a strong proof is needed
	Call         bool // after it, a person has to let the customer in
	Early        bool // a passkey or authenticator from before lets the customer go on at once
}

// Next is the one large button of the home page.
type Next string

const (
	NextNone         Next = ""              // nothing to press; the page says that nothing is needed
	NextCheckLogins  Next = "check_logins"  // to the login history
	NextCheckChanges Next = "check_changes" // to the changes
	NextAnswer       Next = "answer"        // answer the lines on this page
	NextSetPassword  Next = "set_password"  // to the shop's "forgot your password?"
	NextObligations  Next = "obligations"   // to the checklist
	NextSecondStep   Next = "second_step"   // offer one strong step
	NextCall         Next = "call"          // a person is needed: whom to call now
	NextTimeline     Next = "timeline"      // see what was done and what became of it
)

// Nexts lists every next step, for the catalogue test.
var Nexts = []Next{NextNone, NextCheckLogins, NextCheckChanges, NextAnswer, NextSetPassword, NextObligations,
	NextSecondStep, NextCall, NextTimeline}

// ObligationKind is an obligation by its word at the gate.
type ObligationKind string

const (
	ReenterPayment      ObligationKind = "reenter_payment"
	ReenterAddress      ObligationKind = "reenter_address"
	ReviewSubscriptions ObligationKind = "review_subscriptions"
	SetPassword         ObligationKind = "set_password"
	OfferSecondStep     ObligationKind = "second_step"
)

// ObligationKinds lists every kind, for the catalogue test.
var ObligationKinds = []ObligationKind{ReenterPayment, ReenterAddress, ReviewSubscriptions, SetPassword, OfferSecondStep}

// Obligation is a line of the checklist; it is ticked off by the shop's events.
type Obligation struct {
	Kind   ObligationKind
	Done   bool
	DoneAt time.Time
}

// Guard is something that protects the account or could.
type Guard struct {
	Kind string // watch, contact, second_step, password
	On   bool
	// At is since when, or when it was last checked; zero: not said.
	At time.Time
}

// GuardKinds lists every kind, for the catalogue test.
var GuardKinds = []string{"watch", "contact", "second_step", "password"}

// Veto is a recovery that somebody began while this customer sits at a device
// of hers.
type Veto struct {
	ID      string
	Started time.Time
	Device  string
	Place   Place
}

// Place is where a connection came from, as far as an address tells.
type Place struct {
	Country  string // ISO 3166-1 alpha-2; empty when unknown
	Operator string // network operator as registered; text of others
	Kind     string // access, mobile, hosting, vpn, relay, tor; empty when unknown
}

// PlaceKinds lists every kind, for the catalogue test.
var PlaceKinds = []string{"access", "mobile", "hosting", "vpn", "relay", "tor"}

// Answer is the customer's word on a line.
type Answer string

const (
	Unanswered Answer = ""
	Me         Answer = "me"
	NotMe      Answer = "not_me"
	DontKnow   Answer = "dont_know"
)

// Line is what わたし / ちがう / わからない refers to. ID is opaque to the page
// and bound to the account by the Service ("login:…", "order:…", "change:…").
type Line struct {
	ID     string // empty: cannot be answered
	Answer Answer
	What   mimamori.Text // one sentence, used only where the line stands alone (Home.Ask)
	At     time.Time
}

// Owner is whose a session, login or change is held to be.
type Owner string

const (
	OwnerCustomer Owner = "customer"
	OwnerIntruder Owner = "intruder"
	OwnerUnknown  Owner = "unknown"
	OwnerUs       Owner = "us"   // done by Mimamori
	OwnerShop     Owner = "shop" // done by the shop
)

// Owners lists every owner, for the catalogue test.
var Owners = []Owner{OwnerCustomer, OwnerIntruder, OwnerUnknown, OwnerUs, OwnerShop}

// Logins is the login history, newest group first.
type Logins struct {
	From    time.Time // how far back it goes
	Groups  []LoginGroup
	YourIP  netip.Addr
	Yours   Place
	HasMore bool // older ones were folded away
}

// LoginGroup is one device on one network; the page unfolds its rows. Tries
// that did not get in are one group a country, with Place's operator and kind
// empty when there are several.
type LoginGroup struct {
	ID          string // names the group in an address; opaque
	Device      string // "iPhone"; text made by our own parser
	Browser     string // "Safari 26"
	Place       Place
	Owner       Owner
	ThisDevice  bool // the device the visitor is using now
	YourIP      bool // one of the rows is the visitor's address now
	SameNetwork bool // the operator is the visitor's now
	Unfamiliar  bool
	Why         []mimamori.Text // why it is unfamiliar
	Aggregator  mimamori.Text   // by name when it is a known household-account service; empty otherwise
	First, Last time.Time
	Rows        []LoginRow // newest first
	More        int        // rows not shown
}

// LoginRow is one sign-in or refused try.
type LoginRow struct {
	Line
	IP      netip.Addr
	Place   Place
	Outcome string // the event's outcome: succeeded, wrong_password, wrong_factor, blocked
	YourIP  bool
}

// LoginOutcomes lists every outcome, for the catalogue test.
var LoginOutcomes = []string{"succeeded", "wrong_password", "wrong_factor", "blocked"}

// Fate is what became of something the intruder did.
type Fate string

const (
	FateNone      Fate = ""          // nothing to become
	FateReverted  Fate = "reverted"  // 元に戻しました
	FateCancelled Fate = "cancelled" // 取り消しました
	FateFrozen    Fate = "frozen"    // 止めています
	FateRestored  Fate = "restored"  // お返ししました
	FateEnded     Fate = "ended"     // サインアウトしました
	FateShown     Fate = "shown"     // 隠されていたものを表示しました
	FateWorking   Fate = "working"   // 対応中です
	FatePerson    Fate = "person"    // 担当者が確認しています
	FateAsk       Fate = "ask"       // ご確認ください
	FateStands    Fate = "stands"    // そのままです
	FateShipped   Fate = "shipped"   // 発送されています。ご相談ください
	FateSeen      Fate = "seen"      // 見られました
)

// Tone is how a chip with this fate is coloured; the words say it all.
func (f Fate) Tone() string {
	switch f {
	case FateReverted, FateCancelled, FateFrozen, FateRestored, FateEnded, FateShown:
		return "good"
	case FateWorking, FatePerson, FateAsk:
		return "warn"
	case FateShipped:
		return "bad"
	}
	return ""
}

// Fates lists every fate that has words, for the catalogue test.
var Fates = []Fate{FateReverted, FateCancelled, FateFrozen, FateRestored, FateEnded, FateShown, FateWorking,
	FatePerson, FateAsk, FateStands, FateShipped, FateSeen}

// Value is a resource's content under the contract's usual field names (mail,
// phone, name; recipient, postal_code, prefecture, line, country; brand,
// last4, expiry; plan, price, since; value). The page makes the words and
// always masks; an intruder's value is masked down to prefecture and last 4,
// for it may be another victim's.
type Value struct {
	Fields  map[string]string
	Foreign bool // brought in by the intruder
	Absent  bool // nothing was registered: 登録なし / 削除されました
}

// Purchases is the purchase history, newest first.
type Purchases struct {
	From   time.Time
	Orders []PurchaseRow
}

// PurchaseRow is one order; those cancelled or hidden stay.
type PurchaseRow struct {
	Line
	Order      string
	Total      Money
	ShipTo     Value
	Payment    Value
	Gift       bool
	Digital    bool
	State      string // placed, cancelled, shipped
	Hidden     bool   // somebody hid it from the shop's own list
	Owner      Owner
	Unfamiliar bool
	Why        []mimamori.Text
	Fate       Fate
	FateAt     time.Time
}

// OrderStates lists every state, for the catalogue test.
var OrderStates = []string{"placed", "cancelled", "shipped"}

// Money is an amount in minor units of an ISO 4217 currency.
type Money struct {
	Amount   int64
	Currency string
}

// Contacts is what is registered, and every change with its before and after.
type Contacts struct {
	From       time.Time
	Registered []Registered
	Changes    []ChangeRow // newest first
}

// Registered is something the shop holds now.
type Registered struct {
	Kind  string // contact, address, payment_method, subscription, …
	Value Value
	Since time.Time // zero: not known
	New   bool      // since less than 30 days
}

// ResourceKinds lists every kind of resource, for the catalogue test.
var ResourceKinds = []string{"contact", "address", "payment_method", "subscription", "password", "factor",
	"recovery_question", "setting", "app_grant"}

// ChangeRow is one resource that changed: what was, what the change made of
// it, what is now.
type ChangeRow struct {
	Line
	Kind               string // as in ResourceKinds
	Op                 string // added, changed, removed
	Before, After, Now Value
	Owner              Owner
	Device             string // by which device; empty when unknown
	Place              Place
	Fate               Fate
	FateAt             time.Time
	Why                mimamori.Text // why it could not be put back; empty otherwise
	TakenBack          bool          // the intruder removed again what he had added
}

// ChangeOps lists every op, for the catalogue test.
var ChangeOps = []string{"added", "changed", "removed"}

// Timeline is what the intruder did, act by act, and what became of each.
type Timeline struct {
	Reference string
	Began     time.Time
	Entries   []TimelineEntry // oldest first
	Seen      []string        // fields shown to the intruder, by contract name
}

// TimelineEntry is one act of the intruder or of ours.
type TimelineEntry struct {
	At     time.Time
	Kind   string // login, order, order_hidden, points, viewed, contact, address, payment_method, subscription, …, or a DeedKind when Owner is OwnerUs
	Op     string // for resources: added, changed, removed
	Owner  Owner
	Value  Value
	Order  string
	Total  Money // zero currency: not said
	Count  int   // for deeds
	Place  Place // for a login
	Device string
	Fate   Fate
	FateAt time.Time
}

// NoticeRow is a notice as sent.
type NoticeRow struct {
	ID        string
	Reference string
	SentAt    time.Time
	To        []string // full addresses; the page masks them
	From      string
	Subject   string
	Body      string // the very text that was mailed
	Read      bool
}

// Device is one signed-in device of the customer's.
type Device struct {
	ID         string // opaque; for SignOut
	Name       string
	Browser    string
	Place      Place
	Last       time.Time
	ThisDevice bool
	Remembered bool
}

// IPAnswer explains one address.
type IPAnswer struct {
	Addr        netip.Addr
	Place       Place
	Yours       bool // the visitor's own address now
	SameNetwork bool
	Special     string // private, loopback, reserved: not an address on the internet; empty otherwise
	YourAddr    netip.Addr
	Attribution string // the data's licence line
	DataDate    time.Time
}

// CallNow is one number, and whether somebody answers this minute.
type CallNow struct {
	Country   string // ISO 3166-1 alpha-2 of the caller; empty: from everywhere else
	Number    string
	Free      bool
	Open      bool
	Until     time.Time // when it closes (Open) or opens next; zero: around the clock
	Hours     mimamori.Text
	Languages []mimamori.Lang
}

// Help is whom to call, those who answer now first.
type Help struct {
	Calls         []CallNow
	UnknownOrders string // the shop's page for orders one does not know
	CallBack      bool   // the shop calls back
}

// Ours is what the public page says about our mails and calls.
type Ours struct {
	Senders     []string // full sender addresses
	MailDomains []string
	LinkDomains []string
	Numbers     []CallNow
}
