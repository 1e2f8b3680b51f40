package company

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"mimamori"
	"mimamori/staff"
)

// claims are what we read of an ID token beyond what the library checks
// (OpenID Connect Core 1.0, section 2).
type claims struct {
	AZP      string   `json:"azp"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	AuthTime int64    `json:"auth_time"`
	Name     string   `json:"name"`
	Login    string   `json:"preferred_username"`
	Mail     string   `json:"email"`
	Locale   string   `json:"locale"`
}

// identity checks the ID token (OpenID Connect Core 1.0, section 3.1.3.7) and
// reads who it is about. The library checks signature, algorithm (never none,
// never a shared secret), issuer, audience and expiry.
func (p *Provider) identity(ctx context.Context, d *discovered, token *oauth2.Token, b begun) (staff.Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	ctx = oidc.ClientContext(ctx, p.client)
	verifier := d.provider.Verifier(&oidc.Config{ClientID: p.conf.ClientID, Now: func() time.Time { return time.Now().Add(-skew) }})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return staff.Identity{}, err
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return staff.Identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	switch {
	case id.Subject == "" || len(id.Subject) > 255:
		return staff.Identity{}, errors.New("the ID token names nobody")
	case id.Nonce != b.Nonce:
		return staff.Identity{}, errors.New("the nonce is another sign-in's")
	case len(id.Audience) > 1 && c.AZP != p.conf.ClientID, c.AZP != "" && c.AZP != p.conf.ClientID:
		return staff.Identity{}, errors.New("the ID token was made for somebody else")
	case id.IssuedAt.After(time.Now().Add(skew)):
		return staff.Identity{}, errors.New("the ID token is from the future")
	case b.Session != "" && time.Unix(c.AuthTime, 0).Before(b.At.Add(-skew)):
		return staff.Identity{}, errors.New("the provider did not ask the person anew")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return staff.Identity{}, errors.New("the access token is another sign-in's")
	}
	if err := p.enough(c); err != nil {
		return staff.Identity{}, err
	}
	groups, known, err := p.groups(id.Claims)
	if err != nil {
		return staff.Identity{}, err
	}
	if !known { // many providers tell groups there only
		if groups, err = p.askGroups(ctx, d, token, id.Subject, &c); err != nil {
			return staff.Identity{}, err
		}
	}
	out := staff.Identity{Issuer: id.Issuer, Subject: id.Subject, Login: c.Login, Name: c.Name, Roles: p.roles(groups), Strong: p.strong(c)}
	if out.Login == "" {
		out.Login = c.Mail
	}
	if strings.HasPrefix(c.Locale, "en") {
		out.Lang = mimamori.English
	}
	return out, nil
}

// enough says whether the person proved himself as we ask.
func (p *Provider) enough(c claims) error {
	if len(p.conf.ACR) > 0 && !slices.Contains(p.conf.ACR, c.ACR) {
		return fmt.Errorf("acr is %.40q, want one of %q", c.ACR, p.conf.ACR)
	}
	for _, want := range p.conf.AMR {
		if !slices.Contains(c.AMR, want) {
			return fmt.Errorf("amr lacks %q", want)
		}
	}
	return nil
}

func (p *Provider) strong(c claims) bool {
	return slices.ContainsFunc(p.conf.Strong, func(v string) bool { return v != "" && (v == c.ACR || slices.Contains(c.AMR, v)) })
}

// groups reads the claim; known says whether it was there at all.
func (p *Provider) groups(read func(any) error) (groups []string, known bool, err error) {
	var all map[string]json.RawMessage
	if err := read(&all); err != nil {
		return nil, false, fmt.Errorf("read claims: %w", err)
	}
	path := strings.Split(p.conf.Groups, ".")
	value, known := all[p.conf.Groups] // a claim's name may hold dots: "https://shop.example/groups"
	for i := 0; !known && i < len(path); i++ {
		next, ok := all[path[i]]
		if !ok {
			return nil, false, nil
		}
		if i == len(path)-1 {
			value, known = next, true
			break
		}
		all = nil
		if json.Unmarshal(next, &all) != nil {
			return nil, false, nil
		}
	}
	if !known {
		return nil, false, nil
	}
	if json.Unmarshal(value, &groups) == nil {
		return groups, true, nil
	}
	var one string
	if err := json.Unmarshal(value, &one); err != nil {
		return nil, true, fmt.Errorf("the claim %s is no list of names", p.conf.Groups)
	}
	return []string{one}, true, nil
}

func (p *Provider) askGroups(ctx context.Context, d *discovered, token *oauth2.Token, subject string, c *claims) ([]string, error) {
	if d.provider.UserInfoEndpoint() == "" {
		return nil, nil
	}
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask who it is: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	if info.Subject != subject { // OpenID Connect Core 1.0, section 5.3.2
		return nil, errors.New("the provider tells of somebody else")
	}
	var told claims // how he proved himself counts only where it is signed
	if err := info.Claims(&told); err != nil {
		return nil, fmt.Errorf("read who it is: %w", err)
	}
	c.Name, c.Login, c.Mail, c.Locale = cmp.Or(c.Name, told.Name), cmp.Or(c.Login, told.Login), cmp.Or(c.Mail, told.Mail), cmp.Or(c.Locale, told.Locale)
	groups, _, err := p.groups(info.Claims)
	return groups, err
}

// roles are what the groups may do, in the usual order; unknown groups have
// none.
func (p *Provider) roles(groups []string) []staff.Role {
	var out []staff.Role
	for _, r := range staff.Roles {
		for _, g := range groups {
			if slices.Contains(p.conf.Roles[g], r) && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}
