package assess

import (
	"math"
	"time"

	"mimamori/event"
	"mimamori/profile"
)

// What the login's token says.
const (
	tokenKnown  = iota // a device of hers
	tokenYoung         // seen on this account, but not for long enough to count
	tokenFresh         // never seen on this account
	tokenAbsent        // none, though her devices have had one
	tokenNone          // none, and she never had one
	tokens      = 5
)

// How the login's user agent stands to the device: that of the token, or the
// likest of hers.
const (
	same      = iota // same browser, system and version
	upgraded         // the same, some versions on
	odd              // the same, but versions back, or further on than can be
	system           // another browser on the same system
	different        //
	relations = 5
)

// startDevice is how genuine sign-ins of accounts with a past stand to their
// devices before anything was counted.
var startDevice = [tokens * relations]float64{
	0.60, 0.14, 0.004, 0.002, 0.002,
	0.04, 0.004, 0.0005, 0.0005, 0.0005,
	0.035, 0.010, 0.003, 0.007, 0.02,
	0.035, 0.010, 0.003, 0.007, 0.02,
	0.68, 0.18, 0.01, 0.04, 0.09,
}

// attackToken is which token attackers of an account come with.
var attackToken = [tokens]float64{0.05, 0.03, 0.30, 0.62, 1}

// mimics is the share of attackers who copy the victim's browser and system.
const mimics = 0.3

func login(f Facts) *event.Login {
	l, _ := f.Event.Payload.(*event.Login)
	if l == nil {
		l = &event.Login{}
	}
	return l
}

func deviceKey(f Facts) string { return profile.DeviceKey(login(f).Device, f.Agent) }

// relate says how a user agent stands to a device last seen at a time.
func relate(a profile.Agent, d *profile.Device, at time.Time) int {
	both, os := d.Like(a)
	switch {
	case !both && os:
		return system
	case !both:
		return different
	case a.Major == d.Major || d.Major == 0 || a.Major == 0:
		return same
	case a.Major < d.Major:
		return odd
	case float64(a.Major-d.Major) <= at.Sub(d.Last).Hours()/(28*24)+2:
		return upgraded
	case d.Major < 20 && a.Major >= 26 && at.Year() >= 2025:
		return upgraded // Safari's numbers leapt from 18 to 26
	}
	return odd
}

// hardware is the login's device against those of hers: the token's answer
// and the user agent's together.
func hardware(f Facts) (token, relation int, any bool) {
	given := login(f).Device
	key := deviceKey(f)
	token, relation = tokenNone, different
	for i := range f.Profile.Devices {
		d := &f.Profile.Devices[i]
		usual := d.Usual(f.Event.Time)
		if given != "" && d.Key == key {
			if token = tokenYoung; usual {
				token = tokenKnown
			}
			return token, relate(f.Agent, d, f.Event.Time), true
		}
		if !usual {
			continue
		}
		any = true
		if d.Token() && !d.Given {
			token = tokenAbsent
		}
		relation = min(relation, relate(f.Agent, d, f.Event.Time))
	}
	if given != "" {
		token = tokenFresh
	}
	return token, relation, any
}

// device is the one term for token, browser and system.
func device(f Facts) (Signal, bool) {
	token, relation, any := hardware(f)
	if !any {
		return Signal{}, false
	}
	genuine := genuineDevice(f, token, relation)
	attack := attackToken[token] * attackRelation(f, token, relation)
	w := ratio(attack, genuine, -5, 5)
	switch {
	case token == tokenKnown && relation > upgraded:
		return named("device_changed", w), true
	case token == tokenKnown:
		return named("device_known", w), true
	case token == tokenYoung && w <= 0:
		return named("device_young", w), true
	case w <= 0:
		return named("device_alike", w), true
	case token == tokenAbsent && relation <= upgraded:
		return named("device_unrecognised", w), true
	}
	return named("device_new", w), true
}

// genuineDevice is how likely she comes like this. How often she comes on
// something else than a known device is her own rate, the population's as
// much as four sign-ins.
func genuineDevice(f Facts, token, relation int) float64 {
	h := &f.Traffic.Habits
	if token == tokenNone {
		return table{habitDevice + tokenNone*relations, startDevice[tokenNone*relations:], 150}.share(h, relation)
	}
	t := table{habitDevice, startDevice[:tokenNone*relations], 150}
	outcome := t.share(h, token*relations+relation)
	var known float64
	for r := range relations {
		known += t.share(h, r)
	}
	var n, strange float64
	for i := range f.Profile.Devices {
		d := &f.Profile.Devices[i]
		switch {
		case d.Given || !d.Usual(f.Event.Time):
		case d.Token():
			n += float64(min(d.Count, 50))
			strange++
		default:
			n += float64(min(d.Count, 50))
			strange += float64(min(d.Count, 50))
		}
	}
	const weight = 4
	usual := 1 - (max(strange-1, 0)+weight*(1-known))/(max(n-1, 0)+weight)
	if token == tokenKnown {
		return usual * outcome / known
	}
	return (1 - usual) * outcome / (1 - known)
}

// attackRelation is how an attacker's browser stands to hers: some copy it,
// the others are like hers as often as customers are like each other.
func attackRelation(f Facts, token, relation int) float64 {
	all := f.Traffic.All.Good + 40
	agent, os := (f.Traffic.Agent.Good+40*0.1)/all, (f.Traffic.System.Good+40*0.25)/all
	copied := [relations]float64{0.6, 0.15, 0.23, 0.01, 0.01}
	chance := [relations]float64{0.45 * agent, 0.25 * agent, 0.3 * agent, max(os-agent, 0.02), 0.6}
	share := mimics
	if token == tokenKnown {
		share = 0.75 // who has the cookie has the browser's name too
	}
	return share*copied[relation] + (1-share)*chance[relation]
}

// unfamiliar says that the login's device does not count as the customer's.
func unfamiliar(f Facts) bool {
	if d, ok := f.Profile.Device(deviceKey(f)); ok && d.Usual(f.Event.Time) {
		return login(f).Device == "" && !usualNetwork(f)
	}
	return true
}

func usualNetwork(f Facts) bool {
	n, ok := f.Profile.Network(f.Network)
	return ok && n.Usual(f.Event.Time)
}

// fingerprint is how the connection was made.
func fingerprint(f Facts) (Signal, bool) {
	l := login(f)
	if l.TLSFingerprint == "" || f.Traffic.TLSAll.Good < 30 {
		return Signal{}, false
	}
	// How common is this fingerprint under this browser's name? A proxy or a
	// script that calls itself Chrome does not greet like Chrome.
	share := (f.Traffic.TLS.Good + 0.02) / (f.Traffic.TLSAll.Good + 1)
	fails := (f.Traffic.TLS.Bad + 5*share) / (f.Traffic.TLSAll.Bad + 5)
	attack := 0.6*share + 0.25*fails + 0.15*0.02
	w := ratio(attack, share, -0.5, 4)
	if w < 0.3 {
		return Signal{}, false
	}
	return named("fingerprint_odd", w), true
}

// hints are what the browser says of its system in client hints: they must
// agree with its user agent string.
func hints(f Facts) (Signal, bool) {
	platform := login(f).ClientHints["sec-ch-ua-platform"]
	if platform == "" || f.Agent.OS == "unknown" {
		return Signal{}, false
	}
	claims := map[string]string{`"Windows"`: "Windows", `"macOS"`: "macOS", `"Android"`: "Android", `"iOS"`: "iOS", `"Linux"`: "Linux", `"Chrome OS"`: "ChromeOS", `"Chromium OS"`: "ChromeOS"}
	os, ok := claims[platform]
	if !ok || os == f.Agent.OS || math.Abs(float64(len(os)-len(f.Agent.OS))) == 1 {
		return Signal{}, false
	}
	return named("hints_odd", 2), true
}
