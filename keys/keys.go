// Package keys holds every key of an installation: what signs grants, mails,
// webhooks and audit heads, what protects cookies and stored secrets, and one
// key per account whose destruction is how an account is forgotten.
//
// Keys live in one table, wrapped by the master key (master.go); a backup
// therefore holds wrapped keys only. Each key has a use, a time from which it
// signs and a time after which nothing it signed is believed any more; between
// two rotations both are valid. The package signs nothing itself: those who
// sign take a key by its use.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"mimamori"
)

// Use is what a key is for. A key is never used for two things.
type Use string

// The uses. Adding one is enough: the ring makes its first key when it opens.
const (
	Grant       Use = "grant"        // permission to set a new password: ES256 (RFC 7518 §3.4)
	SecurityEvt Use = "set"          // Shared Signals tokens: RS256, as CAEP interoperability asks
	Webhook     Use = "webhook"      // commands to the shop, Standard Webhooks v1: HMAC-SHA-256
	DKIMRSA     Use = "dkim-rsa"     // notices: DKIM rsa-sha256 (RFC 6376)
	DKIMEd25519 Use = "dkim-ed25519" // notices: DKIM ed25519-sha256 (RFC 8463)
	AuditHead   Use = "audit-head"   // signed heads of the audit log: Ed25519
	Cookie      Use = "cookie"       // tokens in cookies and links: HMAC-SHA-256
	Codes       Use = "codes"        // keyed hashes of short codes: HMAC-SHA-256
	Pseudonym   Use = "pseudonym"    // keyed hashes that stand for forgotten values: HMAC-SHA-256
	Sealing     Use = "seal"         // stored secrets that belong to no account: AES-256-GCM
)

// kind is the mathematics behind a use.
type kind string

const (
	kindP256    kind = "p256"
	kindRSA2048 kind = "rsa2048"
	kindEd25519 kind = "ed25519"
	kindSecret  kind = "secret256"
)

// plan says of each use which kind of key it takes, how long before signing a
// new one is published (caches of our public keys, DNS), and how long an old
// one is still believed after its successor began.
type plan struct {
	kind    kind
	publish time.Duration // between making a key and signing with it
	overlap time.Duration // between the successor's start and retirement
	public  bool          // listed in JWKS
	forever bool          // never retired: what it made must stay comparable
}

func planOf(u Use) (plan, error) {
	p, ok := map[Use]plan{
		Grant:       {kind: kindP256, publish: time.Hour, overlap: 24 * time.Hour, public: true},
		SecurityEvt: {kind: kindRSA2048, publish: time.Hour, overlap: 7 * 24 * time.Hour, public: true},
		Webhook:     {kind: kindSecret, publish: 0, overlap: 76 * time.Hour}, // a command is retried for 76 h
		DKIMRSA:     {kind: kindRSA2048, publish: 48 * time.Hour, overlap: 90 * 24 * time.Hour},
		DKIMEd25519: {kind: kindEd25519, publish: 48 * time.Hour, overlap: 90 * 24 * time.Hour},
		AuditHead:   {kind: kindEd25519, forever: true}, // old heads are checked for as long as the log exists
		Cookie:      {kind: kindSecret, overlap: 24 * time.Hour},
		Codes:       {kind: kindSecret, overlap: 48 * time.Hour}, // a mailed code lives 24 h
		Pseudonym:   {kind: kindSecret, forever: true},
		Sealing:     {kind: kindSecret, forever: true},
	}[u]
	if !ok {
		return plan{}, fmt.Errorf("key use %q: %w", u, mimamori.ErrInvalid)
	}
	return p, nil
}

// Uses lists every use, in the order in which the ring makes first keys.
var Uses = []Use{Grant, SecurityEvt, Webhook, DKIMRSA, DKIMEd25519, AuditHead, Cookie, Codes, Pseudonym, Sealing}

// Key is one key, unwrapped. Printing or logging it shows its id only.
type Key struct {
	ID        string // "<use>-<n>"; also the JWK's kid and the DKIM selector
	Use       Use
	NotBefore time.Time // signs from here on
	RetiredAt time.Time // believed until here; zero while no successor was made
	signer    crypto.Signer
	secret    []byte
}

// Signer is the private key of an asymmetric use, nil for a secret.
func (k Key) Signer() crypto.Signer { return k.signer }

// Public is the public half, nil for a secret.
func (k Key) Public() crypto.PublicKey {
	if k.signer == nil {
		return nil
	}
	return k.signer.Public()
}

// Secret is the 32 bytes of a symmetric use, nil for the others. The caller
// must not change them.
func (k Key) Secret() []byte { return k.secret }

// String keeps key material out of messages.
func (k Key) String() string { return "key " + k.ID }

// GoString keeps key material out of %#v.
func (k Key) GoString() string { return k.String() }

// LogValue keeps key material out of logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// believed says whether what k made still counts at now.
func (k Key) believed(now time.Time) bool {
	return k.RetiredAt.IsZero() || now.Before(k.RetiredAt)
}

// generate makes the private bytes of a new key: PKCS #8 for key pairs, the
// bytes themselves for secrets.
func generate(k kind) ([]byte, error) {
	var private any
	var err error
	switch k {
	case kindP256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case kindRSA2048:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case kindEd25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never returns an error
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", k, err)
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

// parse turns unwrapped bytes back into a key.
func parse(k kind, raw []byte) (crypto.Signer, []byte, error) {
	if k == kindSecret {
		if len(raw) != 32 {
			return nil, nil, fmt.Errorf("secret of %d bytes, want 32: %w", len(raw), mimamori.ErrInvalid)
		}
		return nil, raw, nil
	}
	private, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("private key of type %T cannot sign: %w", private, mimamori.ErrInvalid)
	}
	return signer, nil, nil
}
