package app

import (
	"strings"
	"time"

	"mimamori/web"
)

// webBrand is how the pages look: the shop's name and addresses from the
// configuration, colours and logo from its brand file.
func (a *App) webBrand() web.Brand {
	t := a.shopBrand.Theme
	return web.Brand{Name: a.Config.Shop.Name, Home: a.Config.Shop.Home, Forgot: a.Config.Shop.Forgot, SignIn: a.Config.Shop.SignIn,
		Action: t.Action, ActionDark: t.ActionDark, Logo: []byte(t.Logo), LogoHasName: t.LogoHasName}
}

// securityText is security.txt (RFC 9116) as the shop's brand file has it, and
// until when it may be relied on.
func (a *App) securityText() (string, time.Time) {
	s := a.shopBrand.Theme.Security
	until, err := time.Parse(time.DateOnly, s.Expires)
	if err != nil || len(s.Contact) == 0 {
		return "", time.Time{}
	}
	var out strings.Builder
	for _, c := range s.Contact {
		out.WriteString("Contact: " + c + "\n")
	}
	out.WriteString("Expires: " + until.Format(time.RFC3339) + "\nPreferred-Languages: ja, en\nCanonical: " + a.Config.PublicURL + "/.well-known/security.txt\n")
	if s.Policy != "" {
		out.WriteString("Policy: " + s.Policy + "\n")
	}
	return out.String(), until
}
