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
	tokenFirst         // never seen, on a browser of the kind that was given one lately
	tokenNone          // none, and she never had one
	tokens      = 6
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
	0.08, 0.02, 0.001, 0.0005, 0.0005,
	0.68, 0.18, 0.01, 0.04, 0.09,
}

func login(f *Facts) *event.Login {
	l, _ := f.Event.Payload.(*event.Login)
	if l == nil {
		l = &event.Login{}
	}
	return l
}

func deviceKey(f *Facts) string {
	switch {
	case f.known == nil:
		return profile.DeviceKey(login(f).Device, f.Agent)
	case f.known.key == "":
		f.known.key = profile.DeviceKey(login(f).Device, f.Agent)
	}
	return f.known.key
}

// relate says how a user agent stands to a device last seen at a time.
func relate(a profile.Agent, d *profile.Device, at time.Time) int {
	both, os := d.Like(a)
	switch {
	case !both && os:
		return system
	case !both:
		return different
	case a.Major == 0 || d.Major == 0:
		return same
	}
	return path(d.Major, a.Major, at.Sub(d.Last), at)
}

// path says whether a version can have become another in so much time: same,
// upgraded or odd. Browsers bring a release every four weeks.
func path(from, to int, after time.Duration, at time.Time) int {
	switch {
	case from == to:
		return same
	case to < from:
		return odd
	case float64(to-from) <= after.Hours()/(28*24)+2:
		return upgraded
	case from < 20 && to >= 26 && at.Year() >= 2025:
		return upgraded // Safari's numbers leapt from 18 to 26
	}
	return odd
}

// hardware is the login's device against those of hers: the token's answer
// and the user agent's together.
func hardware(f *Facts) (token, relation int, any bool) {
	given := login(f).Device
	key := deviceKey(f)
	token, relation = tokenNone, different
	first := -1
	for i := range f.Profile.Devices {
		d := &f.Profile.Devices[i]
		usual := d.Usual(f.Event.Time)
		if given != "" && d.Key == key {
			if token = tokenYoung; usual {
				token = tokenKnown
			}
			return token, relate(f.Agent, d, f.Event.Time), true
		}
		if given != "" && d.Given {
			if both, _ := d.Like(f.Agent); both {
				first = i
			}
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
	switch {
	case given != "" && first >= 0:
		return tokenFirst, relate(f.Agent, &f.Profile.Devices[first], f.Event.Time), any
	case given != "":
		token = tokenFresh
	}
	return token, relation, any
}

// device is the one term for token, browser and system.
func device(f *Facts) (Signal, bool) {
	token, relation, any := hardware(f)
	if !any {
		return Signal{}, false
	}
	w := ratio(among(deviceOdds(f, token, relation)), 1, -3, 6)
	switch {
	case token == tokenKnown && relation > upgraded:
		return named("device_changed", w), true
	case token == tokenKnown:
		return named("device_known", w), true
	case token == tokenYoung && w <= 0 && doubtfulSince(f):
		return Signal{}, false // the browser came with somebody doubtful
	case (token == tokenYoung || token == tokenFirst) && w <= 0:
		return named("device_young", w), true
	case w <= 0:
		return named("device_alike", w), true
	case token == tokenAbsent && relation <= upgraded:
		return named("device_unrecognised", w), true
	}
	return named("device_new", w), true
}

// doubtfulSince says that the login's device was brought in by a session that
// was unlike the customer itself.
func doubtfulSince(f *Facts) bool {
	d, ok := f.Profile.Device(deviceKey(f))
	if !ok {
		return false
	}
	s, ok := f.Profile.Session(d.Via)
	if !ok || s.Known {
		return false
	}
	var z float64
	for _, w := range s.Terms {
		z += w.Value
	}
	return z > 3
}

// startOwn is how often genuine sign-ins come on a device of hers, by season:
// of shops without tokens, where a device is a browser and its system, and of
// those with.
var startOwn = [2 * seasons][]float64{{0.80, 0.20}, {0.88, 0.12}, {0.93, 0.07}, {0.65, 0.35}, {0.75, 0.25}, {0.83, 0.17}}

// ownOf says where it is counted whether a device is hers, and which it is:
// 0 hers, 1 not.
func ownOf(f *Facts, token, relation int) (place, not int) {
	place = season(f)
	if known := token == tokenKnown || token == tokenNone && relation < system; !known {
		not = 1
	}
	if token != tokenNone {
		place += seasons
	}
	return place, not
}

// genuineDevice is how likely she comes like this. How often she comes on
// something else than a known device is her own rate, that of accounts as old
// as much as four sign-ins.
func genuineDevice(f *Facts, token, relation int) float64 {
	h := &f.Traffic.Habits
	t := table{habitDevice, startDevice[:tokenNone*relations], 150}
	i, from, to := token*relations+relation, 0, relations
	if token == tokenNone {
		t = table{habitDevice + tokenNone*relations, startDevice[tokenNone*relations:], 150}
		i, to = relation, system
	}
	outcome, known := t.share(h, i), 0.0
	for r := from; r < to; r++ {
		known += t.share(h, r)
	}
	place, not := ownOf(f, token, relation)
	rate := table{habitOwn + 2*place, startOwn[place], 100}.share(h, 1)
	n, strange := strangeOf(f, token)
	const weight = 4
	usual := 1 - (max(strange-1, 0)+weight*rate)/(max(n-1, 0)+weight)
	if not == 0 {
		return usual * outcome / known
	}
	return (1 - usual) * outcome / (1 - known)
}

// strangeOf is how many of her sign-ins on devices that are hers by now were
// the first on a device; those without a token count whole where she has had one.
func strangeOf(f *Facts, token int) (n, strange float64) {
	for i := range f.Profile.Devices {
		d := &f.Profile.Devices[i]
		if d.Given || !d.Usual(f.Event.Time) {
			continue
		}
		count := float64(min(d.Count, 50))
		n += count
		if d.Token() || token == tokenNone {
			count = min(count, 1)
		}
		strange += count
	}
	return n, strange
}

// unfamiliar says that the login's device does not count as the customer's.
func unfamiliar(f *Facts) bool {
	if d, ok := f.Profile.Device(deviceKey(f)); ok && d.Usual(f.Event.Time) {
		return login(f).Device == "" && !usualNetwork(f)
	}
	return true
}

func usualNetwork(f *Facts) bool {
	n, ok := f.Profile.Network(f.Network)
	return ok && n.Usual(f.Event.Time)
}

// fingerprint is how the connection was made.
func fingerprint(f *Facts) (Signal, bool) {
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
func hints(f *Facts) (Signal, bool) {
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
