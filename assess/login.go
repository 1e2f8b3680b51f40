package assess

import (
	"math"
	"slices"
	"strings"
	"time"

	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
)

// loginRules are the signals of a login, each a pure function of the facts.
var loginRules = []func(Facts) (Signal, bool){
	newDevice, newNetwork, hosting, newCountry, travel, secondStrange, language, hour,
	failuresBefore, sameHand, breachedPassword, inactivity, watched, factorPassed,
}

func login(f Facts) *event.Login {
	l, _ := f.Event.Payload.(*event.Login)
	if l == nil {
		l = &event.Login{}
	}
	return l
}

func deviceKey(f Facts) string { return profile.DeviceKey(login(f).Device, f.Agent) }

func newDevice(f Facts) (Signal, bool) {
	d, seen := f.Profile.Device(deviceKey(f))
	switch {
	case f.Profile.Logins == 0:
		return Signal{}, false // the first login is enrolment
	case seen && d.Usual(f.Event.Time) && login(f).Device != "":
		return named("device_known", -2.5), true
	case seen && d.Usual(f.Event.Time):
		// Without our token only the kind of browser is known: many have it.
		return named("device_alike", -0.5), true
	case seen:
		return named("device_new", 1.5), true
	default:
		return named("device_new", 2.5), true
	}
}

// lastSession is the session that was seen last before the event.
func lastSession(f Facts) (profile.Session, bool) {
	var last profile.Session
	for _, s := range f.Profile.Sessions {
		if s.Last.After(last.Last) && !s.Last.After(f.Event.Time) {
			last = s
		}
	}
	return last, last.ID != ""
}

func newNetwork(f Facts) (Signal, bool) {
	if f.Profile.Logins == 0 {
		return Signal{}, false
	}
	if n, ok := f.Profile.Network(f.Network); ok && n.Usual(f.Event.Time) {
		return named("network_known", -2.0), true
	}
	for _, n := range f.Profile.Networks {
		if n.ASN != 0 && n.ASN == f.Place.ASN && n.Usual(f.Event.Time) {
			return named("operator_known", -0.8), true
		}
	}
	return named("network_new", 0.8), true
}

func hosting(f Facts) (Signal, bool) {
	if n, ok := f.Profile.Network(f.Network); ok && n.Usual(f.Event.Time) {
		return Signal{}, false // his own VPN, for weeks
	}
	switch f.Place.Kind {
	case geo.Hosting:
		return named("network_hosting", 1.8), true
	case geo.VPN:
		return named("network_vpn", 1.8), true
	case geo.Tor:
		return named("network_tor", 3.0), true
	}
	return Signal{}, false
}

func newCountry(f Facts) (Signal, bool) {
	if f.Place.Country == "" || f.Profile.Logins == 0 {
		return Signal{}, false
	}
	for _, c := range f.Profile.Countries {
		if c.Code == f.Place.Country {
			return Signal{}, false
		}
	}
	return named("country_new", 2.0), true
}

// travel compares countries only: inside one country no address table tells
// places apart (most Japanese addresses resolve to Tokyo).
func travel(f Facts) (Signal, bool) {
	last, ok := lastSession(f)
	if !ok || last.Country == "" || f.Place.Country == "" || last.Country == f.Place.Country {
		return Signal{}, false
	}
	km, known := geo.Distance(last.Country, f.Place.Country)
	hours := math.Max(f.Event.Time.Sub(last.Last).Hours(), 0.05)
	if !known || km < 500 || km/hours < 1000 {
		return Signal{}, false
	}
	return named("travel_too_fast", 2.5), true
}

// secondStrange: two sign-ins that are each unlike the customer, from two
// different networks within a day, are much less likely than one.
func secondStrange(f Facts) (Signal, bool) {
	if d, ok := f.Profile.Device(deviceKey(f)); ok && d.Usual(f.Event.Time) {
		return Signal{}, false
	}
	for _, s := range f.Profile.Sessions {
		if !s.Known && s.Verdict != "customer" && s.Network != f.Network && s.ASN != f.Place.ASN &&
			f.Event.Time.Sub(s.Began).Abs() < 24*time.Hour && s.Terms["device_new"] > 0 {
			return named("second_unfamiliar", 2.5), true
		}
	}
	return Signal{}, false
}

func language(f Facts) (Signal, bool) {
	lang := Language(login(f).AcceptLanguage)
	if lang == "" || len(f.Profile.Langs) == 0 || slices.Contains(f.Profile.Langs, lang) {
		return Signal{}, false
	}
	return named("language_new", 0.8), true
}

func hour(f Facts) (Signal, bool) {
	if f.Profile.Logins < 20 {
		return Signal{}, false
	}
	h := f.Event.Time.In(f.Profile.Location()).Hour()
	near := f.Profile.Hours[(h+23)%24] + f.Profile.Hours[h] + f.Profile.Hours[(h+1)%24]
	if near > 0 {
		return Signal{}, false
	}
	return named("hour_unusual", 0.5), true
}

// failuresBefore is capped low: wrong passwords are noise that anybody can
// make on anybody's account.
func failuresBefore(f Facts) (Signal, bool) {
	if f.Profile.FailedLogins(f.Event.Time) < 3 {
		return Signal{}, false
	}
	if d, ok := f.Profile.Device(deviceKey(f)); ok && d.Usual(f.Event.Time) {
		return Signal{}, false
	}
	return named("failures_before", 0.5), true
}

func sameHand(f Facts) (Signal, bool) {
	switch {
	case f.Traffic.Network.Campaign():
		return named("campaign_network", 2.0), true
	case f.Traffic.Client.Campaign() && f.Place.Kind != geo.Access && f.Place.Kind != geo.Mobile:
		return named("campaign_client", 1.5), true
	}
	return Signal{}, false
}

func breachedPassword(f Facts) (Signal, bool) {
	if !login(f).PasswordBreached {
		return Signal{}, false
	}
	return named("password_breached", 0.8), true
}

func inactivity(f Facts) (Signal, bool) {
	if f.Profile.LastLogin.IsZero() || f.Event.Time.Sub(f.Profile.LastLogin) < 180*24*time.Hour {
		return Signal{}, false
	}
	return named("long_inactive", 0.5), true
}

// watched: an account that was hijacked once is looked at more closely. On its
// own this changes little; it weighs on every unknown device.
func watched(f Facts) (Signal, bool) {
	if !f.Event.Time.Before(f.WatchUntil) {
		return Signal{}, false
	}
	if d, ok := f.Profile.Device(deviceKey(f)); ok && d.Usual(f.Event.Time) {
		return Signal{}, false
	}
	return named("watched", 1.5), true
}

func factorPassed(f Facts) (Signal, bool) {
	switch login(f).Factor {
	case "passkey":
		return named("factor_passed", -4), true
	case "totp":
		return named("factor_passed", -3), true
	case "mail_code":
		return named("factor_passed", -1.5), true
	}
	return Signal{}, false
}

// Language is the first tag of an Accept-Language header, without region.
func Language(header string) string {
	tag, _, _ := strings.Cut(header, ",")
	tag, _, _ = strings.Cut(tag, ";")
	tag, _, _ = strings.Cut(tag, "-")
	tag = strings.ToLower(strings.TrimSpace(tag))
	if len(tag) > 3 {
		return ""
	}
	return tag
}
