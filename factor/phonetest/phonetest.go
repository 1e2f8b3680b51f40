// Package phonetest is a passkey's authenticator for tests: it signs what it is
// asked, for the page that asks (WebAuthn Level 3, section 6), and can be made
// to lie as a fake site, a copied key or a phone that nobody touched would.
package phonetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
)

// Phone holds one passkey.
type Phone struct {
	Key    *ecdsa.PrivateKey
	ID     []byte
	Handle []byte
	Count  uint32
	Domain string // the relying party's id
	Origin string // of the page; a fake site has another
	Flags  byte   // user present 1, user verified 4
	Counts bool   // counts its signatures
}

// New makes a phone whose owner looks at a page of a domain.
func New(domain, origin string) *Phone {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // never fails
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &Phone{Key: key, ID: id, Domain: domain, Origin: origin, Flags: 1 | 4}
}

var b64 = base64.RawURLEncoding

func (p *Phone) client(kind, challenge string) []byte {
	raw, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": p.Origin, "crossOrigin": false})
	return raw
}

func (p *Phone) data(extra byte, more []byte) []byte {
	if p.Counts {
		p.Count++
	}
	sum := sha256.Sum256([]byte(p.Domain))
	out := append(sum[:], p.Flags|extra)
	out = binary.BigEndian.AppendUint32(out, p.Count)
	return append(out, more...)
}

// Bind answers navigator.credentials.create.
func (p *Phone) Bind(options []byte) []byte {
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	_ = json.Unmarshal(options, &o)
	p.Handle, _ = b64.DecodeString(o.User.ID)
	point, _ := p.Key.PublicKey.Bytes()
	cose := bytes.Join([][]byte{{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33], {0x22, 0x58, 32}, point[33:]}, nil) // RFC 9053, ES256
	held := bytes.Join([][]byte{make([]byte, 16), {0, byte(len(p.ID))}, p.ID, cose}, nil)
	auth := p.data(0x40, held)
	object := bytes.Join([][]byte{{0xa3, 0x63}, []byte("fmt"), {0x64}, []byte("none"), {0x67}, []byte("attStmt"), {0xa0, 0x68}, []byte("authData"),
		{0x59, byte(len(auth) >> 8), byte(len(auth))}, auth}, nil)
	raw, _ := json.Marshal(map[string]any{"id": b64.EncodeToString(p.ID), "rawId": b64.EncodeToString(p.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64.EncodeToString(p.client("webauthn.create", o.Challenge)), "attestationObject": b64.EncodeToString(object)}})
	return raw
}

// Prove answers navigator.credentials.get.
func (p *Phone) Prove(options []byte) []byte {
	var o struct {
		Challenge string `json:"challenge"`
	}
	_ = json.Unmarshal(options, &o)
	client, auth := p.client("webauthn.get", o.Challenge), p.data(0, nil)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(bytes.Clone(auth), hash[:]...))
	sig, _ := ecdsa.SignASN1(rand.Reader, p.Key, signed[:])
	raw, _ := json.Marshal(map[string]any{"id": b64.EncodeToString(p.ID), "rawId": b64.EncodeToString(p.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(auth),
			"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(p.Handle)}})
	return raw
}
