package assess

import (
	"math"
	"slices"
	"time"

	"mimamori/profile"
)

// failuresBefore is capped low: wrong passwords are noise that anybody can
// make on anybody's account.
func failuresBefore(f *Facts) (Signal, bool) {
	if f.Profile.FailedLogins(f.Event.Time) < 3 || !unfamiliar(f) {
		return Signal{}, false
	}
	return named("failures_before", 0.5), true
}

// breachedPassword weighs as much as such passwords are rare among customers.
func breachedPassword(f *Facts) (Signal, bool) {
	if !login(f).PasswordBreached {
		return Signal{}, false
	}
	usual := table{habitBreached, []float64{0.97, 0.03}, 100}.share(&f.Traffic.Habits, 1)
	return named("password_breached", ratio(0.4, usual, 0.3, 2)), true
}

// idle sorts how long the account was not used.
func idle(f *Facts) int {
	switch d := f.Event.Time.Sub(f.Profile.LastLogin); {
	case f.Profile.LastLogin.IsZero() || d < 30*24*time.Hour:
		return 0
	case d < 180*24*time.Hour:
		return 1
	}
	return 2
}

// inactivity: lists of passwords do not know which accounts are still in use.
func inactivity(f *Facts) (Signal, bool) {
	if idle(f) < 2 {
		return Signal{}, false
	}
	usual := table{habitIdle, []float64{0.6, 0.35, 0.05}, 100}.share(&f.Traffic.Habits, 2)
	return named("long_inactive", ratio(0.2, usual, 0.1, 1)), true
}

// watched: an account that was hijacked once is looked at more closely for 90
// days, most in the first weeks. It weighs on every unfamiliar device: who
// came once comes again, and not from where he came.
func watched(f *Facts) (Signal, bool) {
	if !f.Event.Time.Before(f.WatchUntil) || !unfamiliar(f) {
		return Signal{}, false
	}
	if !f.Contained {
		return named("watched", 1), true
	}
	days := max(0, f.Event.Time.Sub(f.RecoveredAt).Hours()/24)
	return named("watched", math.Round((1.5+4*math.Exp2(-days/15))*1000)/1000), true
}

// foe: the device, network or kind of browser on that operator of somebody
// who was found out on this very account.
func foe(f *Facts) (Signal, bool) {
	best, name := 0.0, ""
	take := func(w float64, n string) {
		if w > best {
			best, name = w, n
		}
	}
	token := login(f).Device != ""
	key, family := deviceKey(f), f.Agent.Family()
	for _, o := range f.Profile.Foes {
		if usualDevice(f) {
			continue // his cookie was hers, or her own browser was turned against her
		}
		if token && o.Device == key {
			take(8, "foe_device")
		}
		if o.Network == f.Network && f.Network != "" && !usualNetwork(f) {
			take(8, "foe_network")
		}
		if o.ASN != 0 && o.ASN == f.Place.ASN && o.Agent == family && !hersToo(f, o.At) {
			take(4, "foe_alike")
		}
	}
	switch name {
	case "foe_device":
		return named("foe_device", best), true
	case "foe_network":
		return named("foe_network", best), true
	case "foe_alike":
		return named("foe_alike", best), true
	}
	return Signal{}, false
}

// hersToo says that she signed in on such a browser from that operator before
// an intruder did: who copies her leaves nothing by which he is told from her.
func hersToo(f *Facts, then time.Time) bool {
	browser := slices.ContainsFunc(f.Profile.Devices, func(d profile.Device) bool {
		both, _ := d.Like(f.Agent)
		return both && d.First.Before(then) && d.Usual(f.Event.Time)
	})
	return browser && slices.ContainsFunc(f.Profile.Networks, func(n profile.Network) bool {
		return n.ASN == f.Place.ASN && n.First.Before(then) && n.Usual(f.Event.Time)
	})
}

func usualDevice(f *Facts) bool {
	d, ok := f.Profile.Device(deviceKey(f))
	return ok && d.Token() && d.Usual(f.Event.Time)
}

// foeElsewhere: the same of somebody who was found out on another account. What
// he left on this one is in those counts too, and is not counted twice: whoever
// was contained by mistake would be so again at each sign-in.
func foeElsewhere(f *Facts) (Signal, bool) {
	if _, here := foe(f); here {
		return Signal{}, false
	}
	v := &f.Traffic
	switch {
	case v.Device.Taken >= 0.2 && login(f).Device != "":
		return named("taken_device", min(10, 8+math.Log(0.5+v.Device.Taken))), true
	case v.Network.Taken >= 0.2 && !usualNetwork(f):
		// A network of many customers says less than one of few.
		return named("taken_network", ratio(1+40*v.Network.Taken, 1+v.Network.Good/2, 0.1, 5)), true
	case v.Pair.Taken >= 0.5 && !usualNetwork(f) && unfamiliar(f):
		return named("taken_alike", ratio(1+4*v.Pair.Taken, 1+v.Pair.Good/10, 0.1, 2)), true
	}
	return Signal{}, false
}

// factorPassed: a passkey cannot be passed on to a false page; a code can, and
// is, so from an unfamiliar place it says next to nothing.
func factorPassed(f *Facts) (Signal, bool) {
	switch factor := login(f).Factor; {
	case factor == "passkey":
		return named("factor_passed", -3.5), true
	case factor != "totp" && factor != "mail_code":
		return Signal{}, false
	case !unfamiliar(f) || usualNetwork(f):
		return named("factor_passed", -1.5), true
	}
	return named("factor_passed", -0.4), true
}

// secondStrange: two sign-ins that are each unlike the customer, from two
// different operators within a day. On a new phone, at home and on the way,
// that is ordinary; from two places where she never was it is not. After one
// that was answered, she comes back herself, often on something new.
func secondStrange(f *Facts) (Signal, bool) {
	if !unfamiliar(f) || usualNetwork(f) {
		return Signal{}, false
	}
	w, _ := networkWeight(f)
	best := 0.0
	for _, s := range f.Profile.Sessions {
		if s.Known || s.Verdict == "customer" || s.Network == f.Network || s.ASN == f.Place.ASN ||
			f.Event.Time.Sub(s.Began).Abs() >= 24*time.Hour || !strange(s.Terms) {
			continue
		}
		if far := 2 * temper; w > 2 && max(s.Terms.Value("network_vpn"), s.Terms.Value("network_hosting"), s.Terms.Value("network_tor"), s.Terms.Value("country_new"), s.Terms.Value("network_new")) > far {
			far := 12.5
			if s.Verdict == "intruder" {
				far = 8 // one more proof; it may be she herself, on something new
			}
			best = max(best, far)
		} else if login(f).Device == "" || s.Device != deviceKey(f) {
			best = max(best, 1)
		}
	}
	if best == 0 {
		return Signal{}, false
	}
	return named("second_unfamiliar", best), true
}

// strange says that a session began on a device unlike the customer's.
func strange(terms profile.Weights) bool {
	return terms.Value("device_new") > 0 || terms.Value("device_unrecognised") > 0
}

// Strange says so of a session that is kept.
func Strange(s *profile.Session) bool { return !s.Known && strange(s.Terms) }
