package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"strings"
)

// Reason says why a signature does not hold, or could not be checked.
type Reason string

// The reasons.
const (
	BadSyntax     Reason = "syntax"         // the signature's field breaks the rules
	NoKey         Reason = "no_key"         // the domain publishes no such key
	BadKey        Reason = "bad_key"        // what it publishes is no key
	RevokedKey    Reason = "revoked_key"    // an empty p=
	WeakKey       Reason = "weak_key"       // RSA under 1024 bits (RFC 8301 section 3.2)
	WeakAlgorithm Reason = "weak_algorithm" // rsa-sha1 (RFC 8301 section 3.1)
	WrongKey      Reason = "wrong_key"      // the key is not for this algorithm, service or identity
	UnknownKey    Reason = "unknown_key"    // the DNS did not answer, or its answer was not recorded
	Expired       Reason = "expired"        // x= was over at the time of receipt
	BodyChanged   Reason = "body_changed"
	HeaderChanged Reason = "header_changed" // or not signed with this key
	BadChain      Reason = "bad_chain"      // ARC: sets missing, doubled or out of order
	ChainFailed   Reason = "chain_failed"   // ARC: an earlier hop said that the chain had failed
)

// key is a public key of a selector record (RFC 6376 section 3.6.1).
type key struct {
	kind    string // "rsa" or "ed25519"
	public  crypto.PublicKey
	bits    int
	hashes  []string
	testing bool // t=y
	strict  bool // t=s: i= must be d= itself
}

type keyAnswer struct {
	key    *key
	reason Reason
}

// key asks for a selector's key, each once a mail.
func (c *check) key(selector, domain string) (*key, Reason) {
	name := selector + "._domainkey." + domain
	if a, ok := c.keyCache[name]; ok {
		return a.key, a.reason
	}
	k, reason := c.askKey(name)
	if c.keyCache == nil {
		c.keyCache = map[string]keyAnswer{}
	}
	c.keyCache[name] = keyAnswer{k, reason}
	return k, reason
}

func (c *check) askKey(name string) (*key, Reason) {
	all, err := c.dns.LookupTXT(c.ctx, name)
	if err != nil {
		if notFound(err) {
			return nil, NoKey
		}
		return nil, UnknownKey
	}
	if len(all) == 0 {
		return nil, NoKey
	}
	// Several records are undefined (section 3.6.2.2): the first that is a key.
	var first Reason
	for _, txt := range all[:min(len(all), 4)] {
		k, reason := parseKey(txt)
		if reason == "" {
			return k, ""
		}
		if first == "" {
			first = reason
		}
	}
	return nil, first
}

func parseKey(txt string) (*key, Reason) {
	t, err := parseTags(txt)
	if err != nil {
		return nil, BadKey
	}
	if v, ok := t["v"]; ok && (v != "DKIM1" || !strings.HasPrefix(strings.TrimLeft(txt, fws), "v")) {
		return nil, BadKey
	}
	p, ok := t["p"]
	if !ok {
		return nil, BadKey
	}
	if p == "" {
		return nil, RevokedKey
	}
	if s := t.list("s"); s != nil && !has(s, "*") && !has(s, "email") {
		return nil, WrongKey
	}
	der, ok := t.bytes("p")
	if !ok {
		return nil, BadKey
	}
	k := &key{kind: "rsa", hashes: t.list("h"), testing: has(t.list("t"), "y"), strict: has(t.list("t"), "s")}
	if kind, ok := t["k"]; ok {
		k.kind = strings.ToLower(kind)
	}
	return k, k.read(der)
}

func (k *key) read(der []byte) Reason {
	switch k.kind {
	case "rsa":
		public, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			public, err = x509.ParsePKCS1PublicKey(der) // RFC 6376 says this, everybody does the other
		}
		r, ok := public.(*rsa.PublicKey)
		if err != nil || !ok {
			return BadKey
		}
		if k.public, k.bits = r, r.N.BitLen(); k.bits < 1024 {
			return WeakKey
		}
	case "ed25519":
		if len(der) != ed25519.PublicKeySize {
			return BadKey
		}
		k.public, k.bits = ed25519.PublicKey(der), 256
	default:
		return BadKey
	}
	return ""
}

// holds checks a signature over the bytes (RFC 6376 section 3.3, RFC 8463
// section 3: Ed25519 signs the hash).
func (k *key) holds(signed, signature []byte) bool {
	sum := sha256.Sum256(signed)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(public, sum[:], signature)
	}
	return false
}

func has(list []string, want string) bool {
	for _, one := range list {
		if strings.EqualFold(one, want) {
			return true
		}
	}
	return false
}
