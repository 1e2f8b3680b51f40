package api

import (
	"context"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/staff"
)

// Intake is the decision path (intake.Intake has these).
type Intake interface {
	Take(ctx context.Context, events []event.Event, how intake.How) (intake.Taken, error)
	Gate(ctx context.Context, subject string, act decide.Sensitive, session string) (intake.Gated, error)
}

// Imports tells how far a named import has come; the zero progress for a name
// never used (store.SQLite has it).
type Imports interface {
	Import(ctx context.Context, name string) (intake.Import, error)
}

// Keys recognises API keys (staff.Gatekeeper has it): ErrDenied for any key
// that is not good, answered 401; staff.ErrTooMany for one over its cap,
// answered 429. The scope is compared here.
type Keys interface {
	Check(ctx context.Context, presented string) (staff.APIKey, error)
}

// Audit records who looked at customer data (audit.Log has it). It is called
// before anything is shown, and an error keeps it from being shown.
type Audit interface {
	Record(ctx context.Context, actor mimamori.Actor, act audit.Act, target audit.Target, reason string, details any) error
}

// HandoffAsk is a signed-in customer on the way into the security centre.
type HandoffAsk struct {
	Subject   string
	Session   string
	Locale    mimamori.Lang
	Page      string // which page to open; empty: the first
	ReturnURL string // checked
	Source    string // of the API key; may be empty
}

// Handoffs makes the one-time address, good for 60 seconds.
type Handoffs interface {
	Make(ctx context.Context, ask HandoffAsk) (url string, err error)
}

// RecoveryAsk is somebody who cannot sign in. Subject is empty for nobody, and
// Begin must then do the same work and give the same kind of answer.
type RecoveryAsk struct {
	Subject   string
	Ask       bool // the shop did not ask for a name: the page does
	Locale    mimamori.Lang
	ReturnURL string // checked
	Source    string // of the API key; may be empty: where the grant is meant for
}

// Recoveries begins a recovery. An account that does not exist, or has no
// open incident, is never an error.
type Recoveries interface {
	Begin(ctx context.Context, ask RecoveryAsk) (url string, err error)
}

// ChallengeState is how a challenge stands: open, passed, failed or expired,
// and what the decision is now.
type ChallengeState struct {
	State    string          `json:"state" enum:"open,passed,failed,expired" doc:"passed counts once, for this session"`
	Decision decide.Decision `json:"decision" enum:"allow,notify,challenge,hold,contain"`
	Subject  string          `json:"subject"`
	Session  string          `json:"session"`
}

// Challenges tells how one stands; ErrNotFound for an id that is none.
type Challenges interface {
	State(ctx context.Context, id string) (ChallengeState, error)
}

// Grants redeems the permission to set a password, exactly once. Any of the
// root's kinds but ErrUnavailable is answered 409.
type Grants interface {
	Redeem(ctx context.Context, jti, source string) error
}

// ReportAsk is the customer's word on one session, brought by the shop.
type ReportAsk struct {
	Subject string
	Session string
	Verdict string         // "me" or "not_me"
	By      mimamori.Actor // the shop, by API key
	Source  string         // of the API key; may be empty
}

// Reports takes the customer's word: "not_me" starts the response. It returns
// the incident that the word opened or joined, if any.
type Reports interface {
	Report(ctx context.Context, ask ReportAsk) (mimamori.IncidentID, error)
}

// History is what an account's owner may look at: the sign-ins of the last 60
// days, newest first.
type History struct {
	Since  time.Time `json:"since" doc:"nothing older is shown"`
	Logins []Login   `json:"logins" nullable:"false"`
}

// Login is one line of the history.
type Login struct {
	At         time.Time       `json:"at"`
	Outcome    event.Outcome   `json:"outcome" enum:"succeeded,wrong_password,wrong_factor,blocked"`
	Session    string          `json:"session,omitempty"`
	IP         string          `json:"ip"`
	Place      mimamori.Text   `json:"place" doc:"country, city where known"`
	Operator   string          `json:"operator,omitempty" doc:"who runs the network"`
	Network    string          `json:"network,omitempty" doc:"access, mobile, hosting, vpn, relay, tor …"`
	Device     mimamori.Text   `json:"device" doc:"device and browser in words"`
	Unfamiliar bool            `json:"unfamiliar" doc:"unlike what is usual for this account"`
	Owner      string          `json:"owner,omitempty" enum:"customer,intruder,unknown" doc:"whose session it is held to be"`
	Reasons    []mimamori.Text `json:"reasons,omitempty" nullable:"false" doc:"why it is marked"`
}

// Deletions forgets one account, or orders it for when nothing stands against
// it any more. The same again changes nothing; of an account never seen it
// says what it says of others.
type Deletions interface {
	Delete(ctx context.Context, subject string, by mimamori.Actor) (Deleted, error)
}

// Deleted is what became of an order to delete.
type Deleted struct {
	State string `json:"state" enum:"deleted,waiting" doc:"waiting: an open incident or a legal hold stands against it; it is done by itself as soon as that is over"`
}

// Histories reads one account's history; an account never seen has an empty
// one.
type Histories interface {
	History(ctx context.Context, subject string) (History, error)
}

// Incidents reads incidents for the staff's own tools (store.SQLite has these).
type Incidents interface {
	Queue(ctx context.Context, closed bool, limit int) ([]incident.Incident, error)
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	Entries(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]incident.Entry, error)
}
