package notice

import (
	"time"

	"mimamori"
)

// Facts are what a notice may say. A kind uses what it needs and leaves the
// rest out; a zero field means "not known" and its sentence is not written.
// Texts from outside need no care by the caller: Render cleans them. The
// struct goes through JSON unchanged, as a step's payload.
type Facts struct {
	// Who speaks.
	Shop         mimamori.Text `json:"shop"`                   // the shop's name; required
	Centre       mimamori.Text `json:"centre,omitzero"`        // the security centre's name; empty: セキュリティセンター / Security Centre
	CentreDomain string        `json:"centre_domain,omitzero"` // "security.shop.example"; written out in words, never as a link
	NoticeDomain string        `json:"notice_domain"`          // what stands after the @ of our sender; required
	Contacts     []Contact     `json:"contacts,omitempty"`     // at most three are named

	// To whom.
	Customer string `json:"customer,omitzero"` // the name from before the intrusion; only its first part is shown
	Zone     string `json:"zone,omitzero"`     // IANA name of the customer's zone; empty or unknown: Asia/Tokyo

	// What happened.
	At            time.Time       `json:"at,omitzero"`              // the sign-in, change or call that the notice is about
	Place         mimamori.Text   `json:"place,omitzero"`           // country, kind of line and operator
	Device        mimamori.Text   `json:"device,omitzero"`          // "Windows の Chrome"
	Reason        mimamori.Text   `json:"reason,omitzero"`          // one sentence: why we think so
	Acts          []Act           `json:"acts,omitempty"`           // what was done with the account and what became of it
	OrdinaryMails []mimamori.Text `json:"ordinary_mails,omitempty"` // subjects of the shop's own mails that the intruder set off

	// What comes.
	WaitUntil  time.Time     `json:"wait_until,omitzero"`  // the reset opens then
	Wait       time.Duration `json:"wait,omitzero"`        // the true length of the wait
	Shortened  bool          `json:"shortened,omitzero"`   // a demo with short waits; the text says so
	StrongSkip bool          `json:"strong_skip,omitzero"` // a passkey or authenticator from before opens the reset at once
	CallFirst  bool          `json:"call_first,omitzero"`  // a mailed code is not enough this time: a person lets the customer in

	// Underway says that the shop has not confirmed yet that everybody is out.
	Underway bool `json:"underway,omitzero"`

	// PasswordInvalid says, in a release, that a new password must be set all the same.
	PasswordInvalid bool `json:"password_invalid,omitzero"`

	// One kind's own.
	Step mimamori.Text `json:"step,omitzero"` // recovery_step: what was done, a sentence; call_confirmed: what was agreed
	// Agreed is, in call_confirmed, what else was said: sentences of ours.
	Agreed  []mimamori.Text `json:"agreed,omitzero"`
	Points  int64           `json:"points,omitzero"`  // points_restored: how many
	Balance int64           `json:"balance,omitzero"` // points_restored: the balance after it; zero leaves it out

	Changed  string        `json:"changed,omitzero"`   // contact_changed: mail, phone or name; empty: contact details
	Day      int           `json:"day,omitzero"`       // reminder: which day after the recovery it is
	NextDay  int           `json:"next_day,omitzero"`  // reminder: the day of the next one; zero: it is the last
	WatchFor time.Duration `json:"watch_for,omitzero"` // how long the closer watch goes on in all
	More     int           `json:"more,omitzero"`      // digest: how many notices stand in the centre that were not mailed

	Code string `json:"-"` // code: six digits

	// MailboxInDoubt asks for the short form: somebody else may read the
	// mailbox, so neither place nor time nor way of recovery is told.
	MailboxInDoubt bool `json:"mailbox_in_doubt,omitzero"`

	Reference Reference `json:"reference,omitzero"`  // set by New
	WrittenAt time.Time `json:"written_at,omitzero"` // set by New
}

// Act is one sort of thing that was done in the account, and its outcome.
// There is no free text in it: what an intruder typed never gets into a mail.
type Act struct {
	Kind    ActKind `json:"kind"`
	Outcome Outcome `json:"outcome"`
	Count   int     `json:"count,omitzero"` // zero counts as one
}

// ActKind names what was touched: the resource kinds of account.changed, and
// orders and points.
type ActKind string

const (
	ActContact      ActKind = "contact"
	ActAddress      ActKind = "address"
	ActPayment      ActKind = "payment_method"
	ActSubscription ActKind = "subscription"
	ActFactor       ActKind = "factor"
	ActQuestion     ActKind = "recovery_question"
	ActSetting      ActKind = "setting"
	ActAppGrant     ActKind = "app_grant"
	ActOrder        ActKind = "order"
	ActOrderHidden  ActKind = "order_hidden"
	ActPoints       ActKind = "points"
)

// Outcome is what became of an act.
type Outcome string

const (
	Reverted  Outcome = "reverted"  // as it was before
	Cancelled Outcome = "cancelled" // the order was stopped before it was shipped
	Frozen    Outcome = "frozen"    // stands still until the customer is back
	Underway  Outcome = "underway"  // begun, and not confirmed by the shop yet
	Person    Outcome = "person"    // cannot be undone by itself; an agent looks into it
	Left      Outcome = "left"      // not touched
)

// Contact is one way to reach a person, as the brand file gives it.
type Contact struct {
	From   mimamori.Text `json:"from"`           // "日本国内から", "from abroad"
	Number string        `json:"number"`         // digits, spaces, hyphens, + and parentheses
	Hours  mimamori.Text `json:"hours,omitzero"` // "24時間", "9時から18時"
	Free   bool          `json:"free,omitzero"`
}

// Rendered is a notice's text.
type Rendered struct {
	Subject string
	Body    string // lines end in LF
}
