package centre

import "time"

// FactorKind is a sort of second step.
type FactorKind string

const (
	FactorPasskey       FactorKind = "passkey"
	FactorAuthenticator FactorKind = "totp"
	FactorCodes         FactorKind = "recovery"
)

// FactorKinds lists every kind, for the catalogue test.
var FactorKinds = []FactorKind{FactorPasskey, FactorAuthenticator, FactorCodes}

// Barrier is why a visit may not change the second step.
type Barrier string

const (
	NoBarrier       Barrier = ""
	BarrierDevice   Barrier = "device"   // an unfamiliar device: a proof is asked for first
	BarrierIncident Barrier = "incident" // an incident is open: only a factor from before opens it
)

// Barriers lists those that have words, for the catalogue test.
var Barriers = []Barrier{BarrierDevice, BarrierIncident}

// FactorRow is one second step in use.
type FactorRow struct {
	ID          string
	Kind        FactorKind
	Name        string // as the customer calls it; text of others
	Bound, Used time.Time
	Quarantined bool // proves nothing until it is confirmed
	Left        int  // recovery codes not yet used
}

// Signal tells the phone which passkeys still count (WebAuthn Level 3, section
// 5.1.10): base64url of user handle and credential ids.
type Signal struct {
	Domain, User string
	Accepted     []string
}

// SecondStep is the page of what protects the account besides the password.
type SecondStep struct {
	Factors   []FactorRow
	Barrier   Barrier
	Vouched   bool // what is added now counts at once
	MayRemove bool
	Proved    bool // she has just proved herself
	HasOld    bool // there is a factor from before that could confirm
	HasCodes  bool
	Passkeys  bool // passkeys are offered here
	Signal    Signal
}

// Authenticator is an app on its way.
type Authenticator struct {
	ID, Secret string // base32, to type where no camera is at hand
	URL        string // otpauth://, what the QR code holds
}
