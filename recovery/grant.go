package recovery

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"mimamori"
)

// GrantType is the JWT's typ header.
const GrantType = "mimamori-grant+jwt"

// GrantAct is what a grant permits.
const GrantAct = "password.set"

// Signer is the key that grants are signed with (ES256) and its id.
type Signer struct {
	ID  string
	Key crypto.Signer
}

// claims of a grant, as the contract names them.
type claims struct {
	jwt.Claims
	Incident mimamori.IncidentID `json:"inc,omitempty"`
	Act      string              `json:"act"`
}

// MakeGrant signs a grant for a proven recovery and stores it. A newer grant
// voids the one before.
func MakeGrant(ctx context.Context, st Store, signer Signer, issuer string, r Record, now time.Time) (Grant, error) {
	g := Grant{JTI: mimamori.NewID("grt"), Account: r.Account, Recovery: r.ID, Incident: r.Incident, Source: r.Source, ExpiresAt: now.Add(GrantLife)}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: signer.Key, KeyID: signer.ID}}
	s, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(GrantType))
	if err != nil {
		return Grant{}, fmt.Errorf("make grant: %w", err)
	}
	g.Token, err = jwt.Signed(s).Claims(claims{
		Claims: jwt.Claims{Issuer: issuer, Audience: jwt.Audience{r.Source}, Subject: r.Subject, ID: g.JTI,
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(g.ExpiresAt)},
		Incident: r.Incident, Act: GrantAct}).Serialize()
	if err != nil {
		return Grant{}, fmt.Errorf("make grant: %w", err)
	}
	if err := st.AddGrant(ctx, g, now); err != nil {
		return Grant{}, fmt.Errorf("make grant: %w", err)
	}
	return g, nil
}
