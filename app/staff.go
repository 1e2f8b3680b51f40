package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/staff"
	"mimamori/staff/company"
	"mimamori/web/console"
)

// StaffConfig says how people at the desk sign in.
type StaffConfig struct {
	// Passkeys is "optional" (a lead or an administrator who has one needs it for
	// dangerous acts) or "required" (nobody sees a page without one).
	Passkeys string        `yaml:"passkeys"`
	Idle     time.Duration `yaml:"idle"`     // without a page
	Absolute time.Duration `yaml:"absolute"` // since sign-in
	Fresh    time.Duration `yaml:"fresh"`    // how long a proof counts for dangerous acts
	OIDC     OIDCConfig    `yaml:"oidc"`
}

// OIDCConfig says where the company's identity provider is; off unless Issuer
// is set.
type OIDCConfig struct {
	Issuer       string                  `yaml:"issuer"`
	ClientID     string                  `yaml:"client_id"`
	ClientSecret string                  `yaml:"client_secret"`
	Scopes       []string                `yaml:"scopes"`
	Groups       string                  `yaml:"groups"`
	Roles        map[string][]staff.Role `yaml:"roles"`
	ACR          []string                `yaml:"acr"`
	AMR          []string                `yaml:"amr"`
	Strong       []string                `yaml:"strong"`
}

func defaultStaff() StaffConfig {
	return StaffConfig{Passkeys: "optional", Idle: 30 * time.Minute, Absolute: 12 * time.Hour, Fresh: 5 * time.Minute,
		OIDC: OIDCConfig{Groups: "groups", Scopes: []string{"openid", "profile", "email"}, Strong: []string{"phr", "phrh", "hwk"}}}
}

// checkStaff names the field that is wrong.
func (c *Config) checkStaff() error {
	bad := func(field, why string) error { return fmt.Errorf("config: %s %s: %w", field, why, mimamori.ErrInvalid) }
	s := c.Staff
	switch {
	case s.Passkeys != "optional" && s.Passkeys != "required":
		return bad("staff.passkeys", "must be optional or required")
	case s.Passkeys == "required" && c.passkeyHost() == "":
		return bad("console_url", "must name a host where staff.passkeys is required: passkeys are made for it")
	case s.Idle < time.Minute || s.Idle > 12*time.Hour:
		return bad("staff.idle", "must be between 1m and 12h")
	case s.Absolute < s.Idle || s.Absolute > 7*24*time.Hour:
		return bad("staff.absolute", "must be between staff.idle and 168h")
	case s.Fresh < time.Minute || s.Fresh > time.Hour:
		return bad("staff.fresh", "must be between 1m and 1h")
	}
	if s.OIDC.Issuer == "" {
		return nil
	}
	err := c.provider().Check()
	if field, ok := errors.AsType[*mimamori.FieldError](err); ok {
		name := "staff.oidc." + field.Field
		if field.Field == "console_url" {
			name = field.Field
		}
		return bad(name, field.Reason)
	}
	return err
}

// consoleURL is how the console is reached; empty: nobody said.
func (c *Config) consoleURL() string {
	if c.ConsoleURL != "" {
		return c.ConsoleURL
	}
	_, port, err := net.SplitHostPort(c.ConsoleListen)
	if !c.local() || err != nil {
		return ""
	}
	return "http://localhost:" + port
}

// passkeyHost is the host that staff passkeys are made for; empty: none can be
// made. A passkey's domain is never an address (WebAuthn Level 3, 5.1.2).
func (c *Config) passkeyHost() string {
	u, err := url.Parse(c.consoleURL())
	if err != nil {
		return ""
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return ""
	}
	return u.Hostname()
}

func (c *Config) provider() company.Config {
	o, back, out := c.Staff.OIDC, "", ""
	if at := c.consoleURL(); at != "" {
		back, out = at+"/sign-in/callback", at+"/sign-in"
	}
	return company.Config{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Redirect: back, SignedOut: out, Scopes: o.Scopes,
		Groups: o.Groups, Roles: o.Roles, ACR: o.ACR, AMR: o.AMR, Strong: o.Strong, Transport: c.OIDCTransport}
}

// openStaff tells the desk how people sign in.
func (a *App) openStaff() error {
	a.APIKeys.Alarm = func(_ context.Context, k staff.APIKey) {
		a.log.Warn("an API key names more intruders than it may", "key", k.ID)
		a.Alarms.Raise(alarm.KeyWords, k.ID)
	}
	a.Staff.Powers = func(_ context.Context, by mimamori.Actor, p staff.Person) {
		a.log.Warn("somebody who may approve was let in", "by", by.ID, "person", p.ID)
		a.Alarms.Raise(alarm.StaffPower, by.ID)
	}
	if host := a.Config.passkeyHost(); host != "" {
		rules := staff.PasskeyRules{Domain: host, Name: a.Config.Shop.Name.JA, Origin: a.Config.consoleURL(), Required: a.Config.Staff.Passkeys == "required"}
		if err := a.Staff.UsePasskeys(rules); err != nil {
			return fmt.Errorf("config: console_url: %w", err)
		}
	}
	if a.Config.Staff.OIDC.Issuer == "" {
		return nil
	}
	var err error
	if a.Company, err = company.New(a.Config.provider(), a.Store, a.Ring); err != nil {
		return fmt.Errorf("config: staff.oidc: %w", err)
	}
	a.Staff.InCharge(func(_ context.Context, actor mimamori.Actor) {
		a.log.Warn("emergency sign-in beside the identity provider", "person", actor.ID)
		a.Alarms.Raise(alarm.BreakGlass, actor.ID)
	})
	return nil
}

// staffPages are the parts behind the pages about people and keys.
func (a *App) staffPages() (*console.StaffPages, console.Provider) {
	pages := &console.StaffPages{FourEyes: staff.NewFourEyes(a.Store, a.Guard), Keys: a.APIKeys, URL: a.Config.consoleURL()}
	if a.Company == nil {
		return pages, nil
	}
	return pages, a.Company
}

// ConsoleAddress is how the console is reached, as far as it is known.
func (a *App) ConsoleAddress() string {
	if at := a.Config.consoleURL(); at != "" {
		return at
	}
	return "http://" + a.Config.ConsoleListen
}
