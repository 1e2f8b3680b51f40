package app

import (
	"strings"
	"testing"
	"time"

	"mimamori/staff"
)

func TestStaffConfigNamesTheField(t *testing.T) {
	good := func() Config {
		c := DefaultConfig()
		c.Shop.URL = "https://shop.example/mimamori"
		c.PublicURL, c.ConsoleURL = "https://security.shop.example", "https://desk.shop.example"
		c.Staff.OIDC.Issuer, c.Staff.OIDC.ClientID = "https://id.example", "desk"
		c.Staff.OIDC.Roles = map[string][]staff.Role{"helpdesk": {staff.Agent}}
		return c
	}
	c := good()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if p := c.provider(); p.Redirect != "https://desk.shop.example/sign-in/callback" || c.passkeyHost() != "desk.shop.example" {
		t.Errorf("provider %+v, passkeys for %q", p, c.passkeyHost())
	}
	for field, change := range map[string]func(*Config){
		"staff.passkeys":       func(c *Config) { c.Staff.Passkeys = "sometimes" },
		"staff.idle":           func(c *Config) { c.Staff.Idle = 0 },
		"staff.absolute":       func(c *Config) { c.Staff.Absolute = 8 * 24 * time.Hour },
		"staff.fresh":          func(c *Config) { c.Staff.Fresh = 2 * time.Hour },
		"staff.oidc.issuer":    func(c *Config) { c.Staff.OIDC.Issuer = "http://id.example" },
		"staff.oidc.client_id": func(c *Config) { c.Staff.OIDC.ClientID = "" },
		"staff.oidc.roles":     func(c *Config) { c.Staff.OIDC.Roles = nil },
		"console_url":          func(c *Config) { c.ConsoleURL = "" },
	} {
		c := good()
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	c = good()
	c.Staff.Passkeys, c.ConsoleURL, c.Staff.OIDC.Issuer = "required", "https://192.0.2.1", ""
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "console_url") {
		t.Errorf("passkeys required at an address: %v", err)
	}
}
