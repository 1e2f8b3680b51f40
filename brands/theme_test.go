package brands

import (
	"strings"
	"testing"
)

const plain = "id: x\nnames: [X]\nnotice_domains: [x.example]\nlink_domains: [x.example]\ntheme:\n"

// TestThemeRefuses: what could run, fetch, or mislead is no theme.
func TestThemeRefuses(t *testing.T) {
	for theme, ok := range map[string]bool{
		`  {action: "#115a37", action_dark: "#71c598"}`:                                                             true,
		`  {logo: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0"/></svg>'}`:              true,
		`  {logo: "<svg><script>alert(1)</script></svg>"}`:                                                          false,
		`  {logo: '<svg onload="x()"/>'}`:                                                                           false,
		`  {logo: '<svg><image href="https://evil.example/x.png"/></svg>'}`:                                         false,
		`  {logo: '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>'}`:                                                        false,
		`  {logo: '<svg><path></svg>'}`:                                                                             false,
		`  {logo: "<html/>"}`:                                                                                       false,
		`  {logo: "logo.svg"}`:                                                                                      false,
		`  {unknown_orders: "javascript:alert(1)"}`:                                                                 false,
		`  {unknown_orders: "http://x.example/"}`:                                                                   false,
		`  {unknown_orders: "https://x.example/help"}`:                                                              true,
		`  {security: {contact: ["mailto:security@x.example"], expires: "2027-01-31"}}`:                             true,
		`  {security: {contact: ["mailto:security@x.example"]}}`:                                                    false,
		`  {security: {contact: ["security@x.example"], expires: "2027-01-31"}}`:                                    false,
		"  {security: {contact: [\"mailto:a@x.example\\nPolicy: https://evil.example\"], expires: \"2027-01-31\"}}": false,
		`  {texts: {fr: {a: b}}}`:                                                                                   false,
		`  {colour: red}`:                                                                                           false,
	} {
		_, err := Parse([]byte(plain + theme))
		if (err == nil) != ok {
			t.Errorf("theme %s: %v, want ok = %v", theme, err, ok)
		}
	}
	if _, err := Parse([]byte(plain + "  {logo: '<svg><path d=\"" + strings.Repeat("M0 0", 20_000) + "\"/></svg>'}")); err == nil {
		t.Error("a logo of 80 kB is taken")
	}
}
