package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/mileusna/useragent"
)

// Agent is a user agent string read for people and for comparing: versions
// left out, since every update would be a new device.
type Agent struct {
	Browser string // "Chrome"
	OS      string // "Android"
	Type    string // mobile, tablet, desktop, bot or unknown
	Major   int    // the browser's major version, 0 when not known

	family, text string // of one that was read: Family and String, which each sign-in asks for
}

// ParseAgent reads a user agent string; rubbish gives "unknown" parts.
func ParseAgent(s string) Agent {
	ua := useragent.Parse(s)
	a := Agent{Browser: ua.Name, OS: ua.OS, Type: "unknown", Major: ua.VersionNo.Major}
	switch {
	case ua.Bot:
		a.Type = "bot"
	case ua.Tablet:
		a.Type = "tablet"
	case ua.Mobile:
		a.Type = "mobile"
	case ua.Desktop:
		a.Type = "desktop"
	}
	if a.Browser == "" || len(a.Browser) > 40 {
		a.Browser = "unknown"
	}
	if a.OS == "" || len(a.OS) > 40 {
		a.OS = "unknown"
	}
	a.family, a.text = a.Family(), a.String()
	return a
}

// System is the device or its system as its owner calls it: "iPhone",
// "Windows".
func (a Agent) System() string {
	switch {
	case a.OS == "iOS" && a.Type == "tablet":
		return "iPad"
	case a.OS == "iOS":
		return "iPhone"
	}
	return a.OS
}

// String is for people: "Chrome (Windows)".
func (a Agent) String() string {
	if a.text != "" {
		return a.text
	}
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == '<' || r == '>' {
				return -1
			}
			return r
		}, s)
	}
	return clean(a.Browser) + " (" + clean(a.System()) + ")"
}

// Family is the browser and its system without versions, as a key:
// "chrome/windows".
func (a Agent) Family() string {
	if a.family != "" {
		return a.family
	}
	return strings.ToLower(a.Browser + "/" + a.OS)
}

// PrintKey folds what else tells one browser from another of the same kind:
// the whole language header, and the TLS fingerprint if the edge gives one.
func PrintKey(accept, tls string) string {
	if accept == "" && tls == "" {
		return ""
	}
	var room [256]byte
	sum := sha256.Sum256(append(append(append(append(room[:0], "print\x00"...), accept...), 0), tls...))
	var key [6]byte
	hex.Encode(key[:], sum[:3])
	return string(key[:])
}

// ValueKey folds something registered on an account (an address, a phone
// number) so that the same is found again elsewhere without being kept.
func ValueKey(kind, value string) string {
	sum := sha256.Sum256([]byte("value\x00" + kind + "\x00" + value))
	return hex.EncodeToString(sum[:6])
}

// DeviceKey is how a device is told from others: by our token when the shop
// sends it (hashed: tokens open nothing, but they identify), else by the kind
// of browser and system.
func DeviceKey(token string, a Agent) string {
	if token != "" {
		var room [128]byte
		sum := sha256.Sum256(append(append(room[:0], "device\x00"...), token...))
		key := [13]byte{'t'}
		hex.Encode(key[1:], sum[:6])
		return string(key[:])
	}
	return "a" + a.Family()
}

// Like says whether a device's browser and system, and its system alone, are
// those of an agent.
func (d *Device) Like(a Agent) (both, system bool) {
	browser, os, ok := strings.Cut(strings.TrimSuffix(d.Agent, ")"), " (")
	if !ok {
		return false, false
	}
	system = strings.EqualFold(os, a.System())
	return system && strings.EqualFold(browser, a.Browser), system
}
