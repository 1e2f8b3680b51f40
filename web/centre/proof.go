package centre

import "time"

// Method is a way to prove who one is.
type Method string

const (
	ByMail          Method = "mail_code"
	ByAuthenticator Method = "totp"
	ByRecoveryCode  Method = "recovery_code"
	ByPasskey       Method = "passkey"
)

// Methods lists every method, for the catalogue test.
var Methods = []Method{ByMail, ByAuthenticator, ByRecoveryCode, ByPasskey}

// Reach is a contact from before that a code can be sent to.
type Reach struct {
	ID     string
	Kind   string // mail, phone
	Masked string // already masked by the Service: the page never learns the whole
}

// ProofState is where a proof stands; recovery and challenge share it.
type ProofState string

const (
	Identify ProofState = "identify" // recovery only: who are you
	Waiting  ProofState = "waiting"  // recovery only: the wait runs
	Choose   ProofState = "choose"   // pick a way
	Code     ProofState = "code"     // a code is on its way; type it in
	Proven   ProofState = "proven"   // recovery: go on to the shop; challenge: passed, go back
	Finished ProofState = "finished" // the grant was used
	Expired  ProofState = "expired"
	Failed   ProofState = "failed" // too many tries
	Person   ProofState = "person" // only a person can help
)

// ProofStates lists every state, for the catalogue test.
var ProofStates = []ProofState{Identify, Waiting, Choose, Code, Proven, Finished, Expired, Failed, Person}

// Problem is what was wrong with the last input; empty when nothing was.
type Problem string

const (
	NoProblem   Problem = ""
	WrongCode   Problem = "wrong_code"
	OldCode     Problem = "old_code"     // expired or replaced by a newer one
	EmptyField  Problem = "empty"        //
	TooMany     Problem = "too_many"     // try again later
	WrongOrder  Problem = "wrong_order"  // a step was skipped
	NotAddress  Problem = "not_address"  // the IP look-up
	NoReference Problem = "no_reference" // the reference code is not known
	NoWindow    Problem = "no_window"    // the time for a call is not offered (any more)
)

// Problems lists every problem, for the catalogue test.
var Problems = []Problem{WrongCode, OldCode, EmptyField, TooMany, WrongOrder, NotAddress, NoReference, NoWindow}

// Proof is what recovery and challenge have in common.
type Proof struct {
	State       ProofState
	Methods     []Method // offered now
	Reaches     []Reach  // for ByMail
	SentTo      string   // masked; when State is Code
	CodeExpires time.Time
	Need        int // proofs needed in all: 1 or 2
	Have        int // proofs given
	TriesLeft   int // 0: not said
	Problem     Problem
	RetryAt     time.Time // with TooMany
}

// Recovery is the page of one recovery. It must look the same for nobody's
// account: the Service fills it with stand-ins (security item A01).
type Recovery struct {
	Proof
	CallCode string // said to an agent on the telephone, who vouches for this page; empty: not now
	Call     bool   // when the wait is over, a person has to let the customer in
	Wait     *Wait
	Steps    []Step
}

// Challenge is a second look asked for by the shop.
type Challenge struct {
	Proof
	Own       bool   // asked for by the centre itself, where ReturnURL leads back to
	Act       string // order, points, contact, payment, factor, login
	ReturnURL string // when Proven, Failed or Expired: back to the shop, with ?challenge=ID
}

// ChallengeActs lists every act, for the catalogue test.
var ChallengeActs = []string{"order", "points", "contact", "payment", "factor", "login"}

// Grant is form-posted to the shop's page by the customer's own press of a
// button.
type Grant struct {
	Action  string // the shop's page
	Token   string // the JWT, in the form field "grant"
	Expires time.Time
}

// Effect is what the customer's word set off.
type Effect string

const (
	EffectRaised   Effect = "raised"   // not me: the response has begun
	EffectSwept    Effect = "swept"    // not me, of what was put out before: what it did is undone
	EffectNoted    Effect = "noted"    // me, or don't know: kept
	EffectNeedsKey Effect = "needskey" // me, but this device cannot lower anything: confirmed later, announced to the contacts from before
	EffectPerson   Effect = "person"   // a member of staff looks at it
	EffectStopped  Effect = "stopped"  // the recovery was stopped
)

// Effects lists every effect, for the catalogue test.
var Effects = []Effect{EffectRaised, EffectSwept, EffectNoted, EffectNeedsKey, EffectPerson, EffectStopped}
