package brands

import (
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"mimamori"
)

// Theme is how the security centre of a shop looks and what it says of its
// own: an optional part of the shop's own brand file. Whatever is empty is
// ours.
type Theme struct {
	Action     string `yaml:"action"`      // colour of buttons and links on white, "#rrggbb"; 4.5:1 at least
	ActionDark string `yaml:"action_dark"` // the same on the dark ground
	// Logo is an SVG picture, written out. LogoHasName says that it shows the
	// shop's name, which is then not written beside it.
	Logo        string `yaml:"logo"`
	LogoHasName bool   `yaml:"logo_has_name"`
	// UnknownOrders is the shop's own page about orders one does not know.
	UnknownOrders string `yaml:"unknown_orders"`
	// Texts replace sentences of the centre, by language (ja, en) and key. Each
	// must be there in both languages with the arguments of ours.
	Texts    map[mimamori.Lang]map[string]string `yaml:"texts"`
	Security SecurityContact                     `yaml:"security"`
}

// SecurityContact is what /.well-known/security.txt says (RFC 9116): whom to
// tell of a weakness. Without Contact there is no such file.
type SecurityContact struct {
	Contact []string `yaml:"contact"` // mailto:, tel: or https: URIs, the preferred first
	Policy  string   `yaml:"policy"`
	Expires string   `yaml:"expires"` // date, less than a year ahead is advised
}

// maxLogo is the size of a logo; it is sent with every first visit.
const maxLogo = 32 << 10

func (t Theme) check(fault func(field, reason string) error) error {
	if len(t.Logo) > maxLogo || t.Logo != "" && !isSVG(t.Logo) {
		return fault("theme.logo", "must be one SVG picture of 32 kB at most, without script")
	}
	for field, link := range map[string]string{"theme.unknown_orders": t.UnknownOrders, "theme.security.policy": t.Security.Policy} {
		if u, err := url.Parse(link); link != "" && (err != nil || u.Scheme != "https" && u.Hostname() != "localhost" || u.Host == "") {
			return fault(field, "must be an https address")
		}
	}
	for _, c := range t.Security.Contact {
		if u, err := url.Parse(c); err != nil || u.Scheme != "mailto" && u.Scheme != "tel" && u.Scheme != "https" || strings.ContainsAny(c, " \r\n") {
			return fault("theme.security.contact", "must be mailto:, tel: or https: addresses")
		}
	}
	if _, err := time.Parse(time.DateOnly, t.Security.Expires); err != nil && (t.Security.Expires != "" || len(t.Security.Contact) > 0) {
		return fault("theme.security.expires", "must be a date, as in 2027-01-31")
	}
	for lang := range t.Texts {
		if lang != mimamori.Japanese && lang != mimamori.English {
			return fault("theme.texts", "has the languages ja and en only")
		}
	}
	return nil
}

// isSVG says that a text is a whole SVG picture that runs nothing and fetches
// nothing. Browsers would not run it as an image either; nor should anything
// else that it is given to.
func isSVG(s string) bool {
	dec := xml.NewDecoder(strings.NewReader(s))
	dec.Strict = true
	for first := true; ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return !first
		}
		if err != nil {
			return false
		}
		switch tok := tok.(type) {
		case xml.Directive: // entities
			return false
		case xml.StartElement:
			name := strings.ToLower(tok.Name.Local)
			if first && name != "svg" || name == "script" || name == "foreignobject" || name == "style" || name == "image" || name == "use" {
				return false
			}
			for _, a := range tok.Attr {
				if attr := strings.ToLower(a.Name.Local); strings.HasPrefix(attr, "on") || attr == "href" || attr == "style" {
					return false
				}
			}
			first = false
		}
	}
}
