package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// What can be wrong with a grant, by errors.Is.
var (
	// ErrGrant means that the grant is not one of Mimamori's for this shop and
	// this act, or is no longer good.
	ErrGrant = errors.New("not a valid grant")
	// ErrGrantUsed means that it was redeemed before.
	ErrGrantUsed = errors.New("grant was used before")
)

// ActPasswordSet is the act of a grant that lets a new password be set.
const ActPasswordSet = "password.set"

// Grant is the permission with which a recovery ends.
type Grant struct {
	ID       string // jti; goes into account.changed as "grant"
	Subject  string
	Incident string
	Act      string
	Expires  time.Time
}

const (
	keysFresh  = 10 * time.Minute // a rotated-out key is gone after this
	keysPause  = 10 * time.Second // an unknown key id asks at most this often
	clockSkew  = 60 * time.Second // a grant from a clock ahead of ours
	grantBytes = 8 << 10
)

// VerifyGrant checks the ES256 signature against Mimamori's published keys
// (RFC 7515, RFC 7517), then type, issuer, audience, time and act. It does not
// use the grant up: call RedeemGrant right before the password is set.
func (c *Client) VerifyGrant(ctx context.Context, token, act string) (Grant, error) {
	head, claims, signed, sig, err := splitGrant(token)
	if err != nil {
		return Grant{}, err
	}
	key, err := c.keys.find(ctx, c, head.KeyID)
	if err != nil {
		return Grant{}, err
	}
	sum := sha256.Sum256([]byte(signed))
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	if !ecdsa.Verify(key, sum[:], r, s) {
		return Grant{}, fmt.Errorf("%w: the signature is wrong", ErrGrant)
	}
	now := time.Now()
	exp := time.Unix(claims.Expires, 0)
	switch {
	case claims.Issuer != c.opt.Issuer:
		err = fmt.Errorf("%w: from another issuer", ErrGrant)
	case !claims.Audience.has(c.opt.Source):
		err = fmt.Errorf("%w: for another shop", ErrGrant)
	case claims.Act != act:
		err = fmt.Errorf("%w: for another act", ErrGrant)
	case claims.ID == "" || claims.Subject == "":
		err = fmt.Errorf("%w: jti or sub is missing", ErrGrant)
	case !now.Before(exp):
		err = fmt.Errorf("%w: its time is over", ErrGrant)
	case time.Unix(claims.Issued, 0).After(now.Add(clockSkew)):
		err = fmt.Errorf("%w: issued in the future", ErrGrant)
	}
	if err != nil {
		return Grant{}, err
	}
	return Grant{ID: claims.ID, Subject: claims.Subject, Incident: claims.Incident, Act: claims.Act, Expires: exp}, nil
}

// RedeemGrant uses the grant up. Only after nil may the password be set; an
// ErrGrantUsed means that somebody was first.
func (c *Client) RedeemGrant(ctx context.Context, jti string) error {
	err := c.callJSON(ctx, http.MethodPost, "/v1/grants/"+url.PathEscape(jti)+"/redeem", nil, nil)
	if p, ok := errors.AsType[*Problem](err); ok {
		switch p.Status {
		case http.StatusConflict:
			return ErrGrantUsed
		case http.StatusNotFound, http.StatusGone, http.StatusBadRequest:
			return fmt.Errorf("%w: %s", ErrGrant, p.Error())
		}
	}
	if err != nil {
		return fmt.Errorf("redeem the grant: %w", err)
	}
	return nil
}

type grantHead struct {
	Alg   string          `json:"alg"`
	Typ   string          `json:"typ"`
	KeyID string          `json:"kid"`
	Crit  json.RawMessage `json:"crit"`
}

type grantClaims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"`
	ID       string   `json:"jti"`
	Issued   int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	Incident string   `json:"inc"`
	Act      string   `json:"act"`
}

// audience is a string or a list of them (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func (a audience) has(s string) bool {
	for _, x := range a {
		if x == s {
			return true
		}
	}
	return false
}

// splitGrant takes a compact JWS apart. The algorithm is fixed before any key
// is looked at: a token does not choose how it is verified (RFC 8725 3.1).
func splitGrant(token string) (h grantHead, cl grantClaims, signed string, sig []byte, err error) {
	parts := strings.Split(token, ".")
	if len(token) > grantBytes || len(parts) != 3 {
		return h, cl, "", nil, fmt.Errorf("%w: not a signed token", ErrGrant)
	}
	if err = decodePart(parts[0], &h); err != nil {
		return
	}
	if h.Alg != "ES256" || h.Typ != "mimamori-grant+jwt" || h.Crit != nil {
		return h, cl, "", nil, fmt.Errorf("%w: another kind of token", ErrGrant)
	}
	if err = decodePart(parts[1], &cl); err != nil {
		return
	}
	sig, derr := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if derr != nil || len(sig) != 64 {
		return h, cl, "", nil, fmt.Errorf("%w: the signature has the wrong form", ErrGrant)
	}
	return h, cl, parts[0] + "." + parts[1], sig, nil
}

func decodePart(s string, out any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		return fmt.Errorf("%w: a part cannot be read", ErrGrant)
	}
	return nil
}

// keySet holds Mimamori's public keys by id.
type keySet struct {
	mu    sync.Mutex // guards what follows; never held over a request
	keys  map[string]*ecdsa.PublicKey
	asked time.Time
}

// find returns a key, asking for the set when it is old or lacks the id. Random
// ids in forged grants must not turn into a request each, hence the pause.
func (k *keySet) find(ctx context.Context, c *Client, id string) (*ecdsa.PublicKey, error) {
	now := time.Now()
	k.mu.Lock()
	key, age := k.keys[id], now.Sub(k.asked)
	fetch := k.keys == nil || age >= keysFresh || (key == nil && age >= keysPause)
	if fetch {
		k.asked = now
	}
	k.mu.Unlock()
	if fetch {
		keys, err := c.fetchKeys(ctx)
		if err != nil {
			k.mu.Lock()
			k.asked = time.Time{} // the next one may ask again
			k.mu.Unlock()
			return nil, err
		}
		k.mu.Lock()
		k.keys = keys
		k.mu.Unlock()
		key = keys[id]
	}
	if key == nil {
		return nil, fmt.Errorf("%w: signed with an unknown key", ErrGrant)
	}
	return key, nil
}

func (c *Client) fetchKeys(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	var set struct {
		Keys []struct {
			Kty, Crv, Kid, Alg, Use, X, Y string
		} `json:"keys"`
	}
	if err := c.callJSON(ctx, http.MethodGet, "/.well-known/jwks.json", nil, &set); err != nil {
		return nil, fmt.Errorf("get mimamori's keys: %w", err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys {
		if k.Kty != "EC" || k.Crv != "P-256" || (k.Alg != "" && k.Alg != "ES256") || (k.Use != "" && k.Use != "sig") {
			continue // a key for something else
		}
		x, xerr := base64.RawURLEncoding.DecodeString(k.X)
		y, yerr := base64.RawURLEncoding.DecodeString(k.Y)
		if xerr != nil || yerr != nil || len(x) != 32 || len(y) != 32 {
			continue
		}
		// ParseUncompressedPublicKey refuses a point that is not on the curve.
		pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err == nil {
			keys[k.Kid] = pub
		}
	}
	return keys, nil
}
