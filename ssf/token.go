package ssf

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TokenType is a token's typ header (RFC 8417 section 2.3).
const TokenType = "secevent+jwt"

// Signer is the key that tokens are signed with (RS256, as the CAEP
// Interoperability Profile asks) and its id.
type Signer struct {
	ID  string
	Key crypto.Signer
}

// set is a token's claims: no sub, no exp, one event (RFC 8417, CAEP
// Interoperability Profile 1.0).
type set struct {
	Issuer   string                     `json:"iss"`
	Audience string                     `json:"aud"`
	JTI      string                     `json:"jti"`
	IssuedAt int64                      `json:"iat"`
	Cause    string                     `json:"txn,omitempty"`
	Subject  map[string]any             `json:"sub_id"`
	Events   map[string]json.RawMessage `json:"events"`
}

func (s set) sign(by Signer) (string, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write token %s: %w", s.JTI, err)
	}
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: by.Key, KeyID: by.ID}}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(TokenType))
	if err != nil {
		return "", fmt.Errorf("sign token %s: %w", s.JTI, err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", fmt.Errorf("sign token %s: %w", s.JTI, err)
	}
	return signed.CompactSerialize()
}

// named gives the same token id for the same occurrence on the same stream, so
// that a step tried again makes no second token.
func named(stream, key string) string {
	sum := sha256.Sum256([]byte("set\x00" + stream + "\x00" + key))
	return "set_" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// token signs what occurred for one stream.
func (t *Transmitter) token(s Stream, o Occurred) (Token, error) {
	more := o.Claims
	if more == nil {
		more = json.RawMessage(`{}`)
	}
	subject := map[string]any{"format": "iss_sub", "iss": t.Issuer, "sub": o.Subject}
	if o.Type == Verification || o.Type == StreamUpdated {
		subject = map[string]any{"format": "opaque", "id": s.ID}
	}
	now := time.Now().UTC()
	c := set{Issuer: t.Issuer, Audience: s.Audience, JTI: named(s.ID, o.Key), IssuedAt: now.Unix(), Cause: o.Cause, Subject: subject,
		Events: map[string]json.RawMessage{o.Type: more}}
	signed, err := c.sign(t.Signer())
	if err != nil {
		return Token{}, err
	}
	return Token{JTI: c.JTI, Stream: s.ID, SET: signed, At: now}, nil
}
