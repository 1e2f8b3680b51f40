package centre

import (
	"context"
	"net/netip"

	"mimamori"
)

// Visitor is who asks. Session and Browser are secrets of at least 128 bits
// from cookies: store and compare them hashed.
type Visitor struct {
	// Session is the centre session made by Enter; empty on public pages.
	Session string
	// Browser names this browser on recovery and challenge pages. The first
	// browser that opens such a page owns it: otherwise an intruder could begin a
	// recovery, send its address to the customer, let her type in her code and
	// take the grant himself.
	Browser string
	// Device names a browser that came here from a device of the customer's; it
	// proves nothing, but its wrong tries are counted apart.
	Device    string
	IP        netip.Addr
	UserAgent string
	Lang      mimamori.Lang
}

// Entered is a centre session that has just begun.
type Entered struct {
	Session string        // random, at least 128 bits; becomes the cookie
	Page    string        // "home", "logins", "purchases", "contacts", "messages", "timeline"; empty: home
	Lang    mimamori.Lang // the handoff's locale
	Device  string        // random, at least 128 bits; becomes Visitor.Device for a year; empty: not a known device
}

// Service is what the pages need from the rest of Mimamori. Errors are of the
// root's kinds: ErrDenied (no or ended session, foreign browser) shows "sign
// in at the shop again", ErrNotFound and ErrInvalid a plain page that tells
// nothing, ErrUnavailable "please try again in a moment".
// Methods that take a Visitor check whose session it is before anything else.
type Service interface {
	Door
	Screens
	Desk
	Challenger
	Recoverer
	Caller
	SecondStepper
}

// Door lets the customer in and out.
type Door interface {
	// Enter uses up a handoff token (exactly once) and begins a centre session.
	Enter(ctx context.Context, v Visitor, token string) (Entered, error)
	// Leave ends the centre session; unknown ones are no error.
	Leave(ctx context.Context, v Visitor) error
}

// Screens are what the customer reads about her account; all need a session.
type Screens interface {
	Home(ctx context.Context, v Visitor) (Home, error)
	Logins(ctx context.Context, v Visitor) (Logins, error)
	Purchases(ctx context.Context, v Visitor) (Purchases, error)
	Contacts(ctx context.Context, v Visitor) (Contacts, error)
	// Timeline is of the newest incident; ErrNotFound when there never was one.
	Timeline(ctx context.Context, v Visitor) (Timeline, error)
	// Record is the newest incident whole; ErrNotFound when there never was one.
	Record(ctx context.Context, v Visitor) (Record, error)
	// After is what is left to do once she is back in.
	After(ctx context.Context, v Visitor) (After, error)
	// RemovePayment has the shop forget a stored payment method. Only a device
	// that was the customer's before may; others get ErrDenied.
	RemovePayment(ctx context.Context, v Visitor, id string) error
	Devices(ctx context.Context, v Visitor) ([]Device, error)
	// Messages are all notices ever sent, newest first, without bodies.
	Messages(ctx context.Context, v Visitor) ([]NoticeRow, error)
	// Message is one of them whole, and marks it read.
	Message(ctx context.Context, v Visitor, id string) (NoticeRow, error)

	// Report takes the customer's word on a line. A word from a session that is
	// itself in doubt may raise, never lower.
	Report(ctx context.Context, v Visitor, line string, answer Answer) (Effect, error)
	// PutOut says that what a line is about was over before the customer came
	// back: "not me" undoes what it did, and locks nobody out.
	PutOut(ctx context.Context, v Visitor, line string) (bool, error)
	// SignOutEverywhere ends every session and remembered device, this one too.
	SignOutEverywhere(ctx context.Context, v Visitor) error
	// Stop ends a recovery that somebody else began (Home.Veto).
	Stop(ctx context.Context, v Visitor, veto string) (Effect, error)
}

// Desk answers everybody, signed in or not; it tells nothing about accounts.
type Desk interface {
	// Help lists whom to call, those who answer now first.
	Help(ctx context.Context, v Visitor) (Help, error)
	Ours(ctx context.Context) (Ours, error)
	LookupIP(ctx context.Context, v Visitor, addr netip.Addr) (IPAnswer, error)
	// Reference finds the notice with this code; ErrNotFound for any other. Works
	// without a session, for she may be locked out: the caller's rate is the
	// Service's to bound, by v.IP and in all.
	Reference(ctx context.Context, v Visitor, code string) (NoticeRow, error)
}

// Challenger runs the second look that the shop asked for. Each method gives
// the challenge as it stands after it.
type Challenger interface {
	Challenge(ctx context.Context, v Visitor, id string) (Challenge, error)
	SendChallengeCode(ctx context.Context, v Visitor, id, reach string) (Challenge, error)
	AnswerChallenge(ctx context.Context, v Visitor, id string, by Method, code string) (Challenge, error)
}

// Recoverer walks a locked-out customer back in. Each method gives the
// recovery as it stands after it; the order of steps is the Service's to
// enforce, the pages only show it. Nothing here may tell whether an account
// exists.
type Recoverer interface {
	Recovery(ctx context.Context, v Visitor, token string) (Recovery, error)
	// Identify takes a user id or mail address; the answer is the same for
	// nobody's.
	Identify(ctx context.Context, v Visitor, token, name string) (Recovery, error)
	// RemindID mails the user id to this address if it is a verified contact from
	// before; it never says whether it was.
	RemindID(ctx context.Context, v Visitor, token, mail string) error
	SendCode(ctx context.Context, v Visitor, token, reach string) (Recovery, error)
	EnterCode(ctx context.Context, v Visitor, token string, by Method, code string) (Recovery, error)
	// Grant is called when the page in state Proven is shown: the same grant until
	// it expires, then a new one that voids it.
	Grant(ctx context.Context, v Visitor, token string) (Grant, error)
}

// SecondStepper is the page of the second step; all need a session. What a visit
// may do follows from whose session it is held to be: ErrDenied when it may not.
type SecondStepper interface {
	SecondStep(ctx context.Context, v Visitor) (SecondStep, error)
	// BeginAuthenticator begins adding an app and gives the id of Authenticator.
	BeginAuthenticator(ctx context.Context, v Visitor) (id string, err error)
	// Authenticator is one on its way; ErrNotFound once it is in use.
	Authenticator(ctx context.Context, v Visitor, id string) (Authenticator, error)
	// FinishAuthenticator takes its first code; ErrDenied for a wrong one.
	FinishAuthenticator(ctx context.Context, v Visitor, id, code, name string) error
	// BindPasskey gives the PublicKeyCredentialCreationOptions as JSON; BoundPasskey
	// takes the credential as JSON.
	BindPasskey(ctx context.Context, v Visitor) ([]byte, error)
	BoundPasskey(ctx context.Context, v Visitor, name string, credential []byte) error
	// NewCodes are shown once and replace the ones before.
	NewCodes(ctx context.Context, v Visitor) ([]string, error)
	RemoveFactor(ctx context.Context, v Visitor, id string) error
	NameFactor(ctx context.Context, v Visitor, id, name string) error
	ConfirmFactor(ctx context.Context, v Visitor, id string) error
	// StepUp makes a challenge that leads back to this page; SteppedUp counts it.
	StepUp(ctx context.Context, v Visitor) (challenge string, err error)
	SteppedUp(ctx context.Context, v Visitor, challenge string) error
	// SignOut ends one of the sessions of Devices.
	SignOut(ctx context.Context, v Visitor, id string) error
}

// Passkeys lets a page ask for a passkey. It is optional (Options.Passkeys):
// it needs JavaScript, everything else here does not. kind is "recovery" or
// "challenge", id the recovery's token or the challenge's id.
type Passkeys interface {
	// BeginPasskey gives the PublicKeyCredentialRequestOptions as JSON (WebAuthn
	// Level 3, section 5.5, as toJSON writes it).
	BeginPasskey(ctx context.Context, v Visitor, kind, id string) ([]byte, error)
	// FinishPasskey takes the credential as JSON.
	FinishPasskey(ctx context.Context, v Visitor, kind, id string, credential []byte) error
}
