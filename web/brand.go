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
	// LogoHasName says that the logo shows the shop's name.
	LogoHasName bool
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// The grounds that a brand's colour stands on, and how much of it is mixed
// into them for tinted areas.
const (
	white, dark    = "#ffffff", "#161616"
	tint, tintMore = 0.07, 0.12
	leastContrast  = 4.5 // WCAG 2.2, 1.4.3
)

// Check refuses colours that nobody could read: each must keep 4.5:1 on its
// ground and on the tints made of it.
func (b Brand) Check() error {
	for _, c := range []struct{ name, colour, ground string }{{"action", b.Action, white}, {"action, dark", b.ActionDark, dark}} {
		if c.colour == "" {
			continue
		}
		if !hexColour.MatchString(c.colour) {
			return fmt.Errorf("brand colour %s: want #rrggbb: %w", c.name, mimamori.ErrInvalid)
		}
		if got := contrast(c.colour, mix(c.colour, c.ground, tintMore)); got < leastContrast {
			return fmt.Errorf("brand colour %s: contrast %.1f on its tint, want 4.5 at least: %w", c.name, got, mimamori.ErrInvalid)
		}
	}
	return nil
}

// mix puts a share of one colour into another.
func mix(colour, ground string, share float64) string {
	out := "#"
	for i := 1; i < 7; i += 2 {
		a, _ := strconv.ParseUint(colour[i:i+2], 16, 8) // Check has looked at the form
		b, _ := strconv.ParseUint(ground[i:i+2], 16, 8)
		out += fmt.Sprintf("%02x", int(math.Round(share*float64(a)+(1-share)*float64(b))))
	}
	return out
}

// contrast is WCAG 2.2's contrast ratio of two #rrggbb colours.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// theme is the brand as a stylesheet: the policy allows no inline style.
func (b Brand) theme() string {
	rule := func(colour, ground string) string {
		return fmt.Sprintf(":root{--action:%s;--action-hover:%s;--action-press:%s;--tint:%s;--tint-2:%s}", colour,
			mix(colour, opposite(ground), 0.8), mix(colour, opposite(ground), 0.6), mix(colour, ground, tint), mix(colour, ground, tintMore))
	}
	var out strings.Builder
	if b.Action != "" {
		out.WriteString(rule(b.Action, white) + "\n")
	}
	if b.ActionDark != "" {
		out.WriteString("@media (prefers-color-scheme:dark){" + rule(b.ActionDark, dark) + "}\n")
	}
	return out.String()
}

// opposite is what a colour is mixed with to stand out more.
func opposite(ground string) string {
	if ground == white {
		return "#000000"
	}
	return white
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
