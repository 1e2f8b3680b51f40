// Package webhook signs and verifies HTTP messages by the Standard Webhooks
// specification (symmetric form, "v1"), and guards outbound calls against
// being sent into the operator's own network. Commands to the shop, and what
// the shop or a subscriber sends back, use it; what the messages say, when
// they are tried again and which ids were seen before is the caller's
// business.
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mimamori"
)

// The header names of Standard Webhooks.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a message's timestamp may lie from now, either way. It
// bounds the use of a message that was overheard; it is no protection against
// replay inside it, for which the receiver remembers ids.
const Tolerance = 5 * time.Minute

const secretPrefix = "whsec_"

// Secret is a shared signing key of 24 to 64 bytes.
type Secret []byte

// NewSecret makes a random secret of 32 bytes.
func NewSecret() Secret {
	s := make(Secret, 32)
	_, _ = rand.Read(s) // crypto/rand.Read never returns an error
	return s
}

// ParseSecret reads the written form, "whsec_" and base64.
func ParseSecret(text string) (Secret, error) {
	body, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return nil, fmt.Errorf("webhook secret does not begin with %s: %w", secretPrefix, mimamori.ErrInvalid)
	}
	s, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, fmt.Errorf("webhook secret is not base64: %w", mimamori.ErrInvalid)
	}
	if len(s) < 24 || len(s) > 64 {
		return nil, fmt.Errorf("webhook secret has %d bytes, not 24 to 64: %w", len(s), mimamori.ErrInvalid)
	}
	return s, nil
}

// Reveal is the written form, to be shown once to whoever sets up the other
// side.
func (s Secret) Reveal() string { return secretPrefix + base64.StdEncoding.EncodeToString(s) }

// String keeps secrets out of logs.
func (Secret) String() string { return secretPrefix + "…" }

// GoString keeps them out of %#v as well.
func (s Secret) GoString() string { return s.String() }

// Sign sets the three headers on h for body. With several secrets the
// message carries a signature of each, so that the receiver may change over
// at its own time. id must be unique to the message, without a dot.
func Sign(h http.Header, secrets []Secret, id string, at time.Time, body []byte) error {
	if !validID(id) {
		return fmt.Errorf("sign webhook: id must be 1 to 200 visible characters without a dot: %w", mimamori.ErrInvalid)
	}
	if len(secrets) == 0 {
		return fmt.Errorf("sign webhook %s: no secret: %w", id, mimamori.ErrInvalid)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	list := make([]string, 0, len(secrets))
	for _, s := range secrets {
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac(s, id, timestamp, body)))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(list, " "))
	return nil
}

// Message is what a verified message says about itself.
type Message struct {
	ID string
	At time.Time
}

// Verify checks the headers over body against any of secrets and against now.
// Every refusal is a mimamori.ErrDenied; which part failed is for the log,
// not for the sender.
func Verify(h http.Header, secrets []Secret, body []byte, now time.Time) (Message, error) {
	deny := func(what string) (Message, error) {
		return Message{}, fmt.Errorf("verify webhook: %s: %w", what, mimamori.ErrDenied)
	}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if len(h.Values(name)) != 1 {
			return deny("header " + strings.ToLower(name) + " must stand exactly once")
		}
	}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	if !validID(id) {
		return deny("bad id")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return deny("bad timestamp")
	}
	at := time.Unix(seconds, 0).UTC()
	if off := now.Sub(at); off > Tolerance || off < -Tolerance {
		return deny("timestamp out of tolerance")
	}
	if !anyMatch(h.Get(HeaderSignature), secrets, id, timestamp, body) {
		return deny("no signature matches")
	}
	return Message{ID: id, At: at}, nil
}

// anyMatch compares every signature with every secret in constant time, and
// goes on after a match so that the time taken does not tell which one it was.
func anyMatch(signatures string, secrets []Secret, id, timestamp string, body []byte) bool {
	want := make([][]byte, 0, len(secrets))
	for _, s := range secrets {
		want = append(want, mac(s, id, timestamp, body))
	}
	list := strings.Fields(signatures)
	if len(list) > 20 { // no honest sender rotates so many
		return false
	}
	matched := false
	for _, s := range list {
		encoded, ok := strings.CutPrefix(s, "v1,")
		if !ok {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, w := range want {
			if hmac.Equal(got, w) {
				matched = true
			}
		}
	}
	return matched
}

func mac(s Secret, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, s)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// validID refuses dots: the signed text joins id, timestamp and body with
// dots, and an id holding one could be read in two ways.
func validID(id string) bool {
	if id == "" || len(id) > 200 {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' || id[i] == '.' {
			return false
		}
	}
	return true
}
