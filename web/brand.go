package web

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"mimamori"
)

// Brand is the shop as its customers know it.
type Brand struct {
	Name mimamori.Text
	Home string // the shop's address, as "https://shop.example/"
	// Forgot is the shop's page that begins a recovery; empty: Home.
	Forgot string
	// SignIn is the shop's sign-in page; empty: Home.
	SignIn string
	// Logo is an SVG file's content; empty: the name alone. It is served as an
	// image of its own, so nothing in it can run.
	Logo []byte
	// Action and ActionDark replace the blue of buttons and links ("#0017c1"), on
	// white and on the dark ground; empty: ours. They must keep 4.5:1.
	Action, ActionDark string
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Check refuses colours that nobody could read.
func (b Brand) Check() error {
	for _, c := range []struct{ name, colour, ground string }{
		{"action", b.Action, "#ffffff"}, {"action, dark", b.ActionDark, "#161616"}} {
		if c.colour == "" {
			continue
		}
		if !hexColour.MatchString(c.colour) {
			return fmt.Errorf("brand colour %s: want #rrggbb: %w", c.name, mimamori.ErrInvalid)
		}
		if got := contrast(c.colour, c.ground); got < 4.5 {
			return fmt.Errorf("brand colour %s: contrast %.1f on its ground, want 4.5 at least: %w", c.name, got, mimamori.ErrInvalid)
		}
	}
	return nil
}

// contrast is WCAG 2.2's contrast ratio of two #rrggbb colours.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// theme is the brand as a stylesheet: the policy allows no inline style.
func (b Brand) theme() string {
	var out strings.Builder
	if b.Action != "" {
		fmt.Fprintf(&out, ":root{--action:%s;--action-hover:%s;--action-press:%s}\n", b.Action, b.Action, b.Action)
	}
	if b.ActionDark != "" {
		fmt.Fprintf(&out, "@media (prefers-color-scheme:dark){:root{--action:%s;--action-hover:%s;--action-press:%s}}\n",
			b.ActionDark, b.ActionDark, b.ActionDark)
	}
	return out.String()
}

// luminance is WCAG 2.2's relative luminance of a #rrggbb colour.
func luminance(hex string) float64 {
	weights := [3]float64{0.2126, 0.7152, 0.0722}
	var sum float64
	for i, weight := range weights {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8) // Check has looked at the form
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
