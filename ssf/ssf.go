// Package ssf speaks OpenID Shared Signals 1.0 with whoever else must know, or
// knows before us: as transmitter it signs what the response did as security
// event tokens (CAEP and RISC events), keeps them, and lets receivers fetch
// them or has them pushed; as receiver it checks tokens of the transmitters
// that the operator trusts and says what they mean. It stands beside
// notice at the end of the flow; which step becomes which event is said here,
// when it is done is the runner's, and the doors are in api.
package ssf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
)

// Event types by their URIs (CAEP 1.0, RISC 1.0, SSF 1.0).
const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
	own  = "https://schemas.openid.net/secevent/ssf/event-type/"

	SessionRevoked     = caep + "session-revoked"
	CredentialChange   = caep + "credential-change"
	RiskLevelChange    = caep + "risk-level-change"
	ChangeRequired     = risc + "account-credential-change-required"
	AccountDisabled    = risc + "account-disabled"
	AccountEnabled     = risc + "account-enabled"
	RecoveryChanged    = risc + "recovery-information-changed"
	CredentialCompr    = risc + "credential-compromise"
	SessionsRevokedOld = risc + "sessions-revoked" // deprecated: taken in, never sent
	Verification       = own + "verification"
	StreamUpdated      = own + "stream-updated"
)

// Sent are the types that a stream may ask for, in the order they are told.
var Sent = []string{SessionRevoked, CredentialChange, RiskLevelChange, ChangeRequired, AccountDisabled, AccountEnabled, RecoveryChanged}

// Delivery methods (RFC 8935, RFC 8936).
const (
	Push = "urn:ietf:rfc:8935"
	Poll = "urn:ietf:rfc:8936"
)

// Status of a stream.
type Status string

// The states (SSF 1.0 section 8.1.2).
const (
	Enabled  Status = "enabled"
	Paused   Status = "paused"
	Disabled Status = "disabled"
)

// Stream is one receiver's order for events.
type Stream struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"` // the API key that made it, and that alone may see it
	Audience    string    `json:"aud"`
	Description string    `json:"description,omitempty"`
	Method      string    `json:"method"`
	Endpoint    string    `json:"endpoint,omitempty"`      // of Push
	Header      string    `json:"authorization,omitempty"` // sent with each push as it stands
	Requested   []string  `json:"requested,omitempty"`     // empty: all
	Status      Status    `json:"status"`
	Reason      string    `json:"reason,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	VerifiedAt  time.Time `json:"verified_at,omitzero"` // when verification was asked for last
}

// Delivers are the types that the stream gets.
func (s Stream) Delivers() []string {
	if len(s.Requested) == 0 {
		return Sent
	}
	out := []string{}
	for _, t := range Sent {
		if slices.Contains(s.Requested, t) {
			out = append(out, t)
		}
	}
	return out
}

// takes says whether a token of this type goes to the stream now.
func (s Stream) takes(kind string) bool {
	return s.Status != Disabled && (kind == Verification || kind == StreamUpdated || slices.Contains(s.Delivers(), kind))
}

// Token is a security event token as it was signed, once, kept until the
// receiver has acknowledged it.
type Token struct {
	JTI    string
	Stream string
	SET    string // compact JWS
	At     time.Time
}

// Occurred is something that happened to an account, as receivers are told.
type Occurred struct {
	Key     string          `json:"key"`  // names the occurrence: told twice under one key it is one token
	Type    string          `json:"type"` // one of Sent
	Subject string          `json:"subject"`
	At      time.Time       `json:"at"`
	Cause   string          `json:"cause"` // txn: the same for all that one incident set off
	Claims  json.RawMessage `json:"claims"`
}

// text is a reason in the words of both languages (BCP 47 tag to text).
func text(t mimamori.Text) map[string]string { return map[string]string{"ja": t.JA, "en": t.EN} }

func claims(at time.Time, more map[string]any) json.RawMessage {
	if more == nil {
		more = map[string]any{}
	}
	more["event_timestamp"] = at.Unix()
	b, err := json.Marshal(more)
	if err != nil { // plain values
		return nil
	}
	return b
}

// invalid is an error about what a receiver asked for.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), mimamori.ErrInvalid)
}

func trimmed(s string, most int) string {
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = s[:most]
	}
	return s
}
