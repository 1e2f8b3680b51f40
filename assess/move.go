package assess

import (
	"mimamori/event"
	"mimamori/profile"
	"mimamori/traffic"
)

// Where a session is seen again, compared with where it began.
const (
	moveNone     = iota // on the same network
	moveUsual           // on another network of hers
	moveOperator        // on another network of the same operator
	moveDomestic        // on another operator's line at home
	moveFar             // abroad, or behind a relay
	moves        = 5
)

// What its browser is compared with that of the login.
const (
	driftNone  = iota
	driftOther // versions
	driftNew   // another browser or system, or another token
	drifts     = 3
)

// startMove is how genuine sessions go on before anything was counted: a
// phone on its way home changes its network, never its browser.
var startMove = [moves * drifts]float64{
	0.80, 0.0008, 0.0008,
	0.10, 0.0003, 0.0004,
	0.05, 0.0003, 0.0003,
	0.04, 0.0003, 0.0003,
	0.004, 0.0001, 0.0001,
}

// attackMove is how stolen ones go on: elsewhere, and rarely on the very same
// browser.
var attackMove = [moves * drifts]float64{
	0.02, 0.01, 0.03,
	0.01, 0.005, 0.01,
	0.06, 0.03, 0.06,
	0.10, 0.06, 0.12,
	0.17, 0.09, 0.225,
}

// drifted compares a session seen again with what is kept of it.
func drifted(f Facts, s *profile.Session, seen *event.Session) (move, drift int) {
	switch n, ok := f.Profile.Network(f.Network); {
	case f.Network == s.Network || f.Network == "":
		move = moveNone
	case ok && n.Usual(f.Event.Time):
		move = moveUsual
	case f.Place.ASN == s.ASN && s.ASN != 0:
		move = moveOperator
	case traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home) == traffic.Domestic,
		traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home) == traffic.Relayed && f.Place.Country == s.Country:
		move = moveDomestic
	default:
		move = moveFar
	}
	agent := profile.ParseAgent(seen.UserAgent)
	family := s.Agent
	if family == "" && len(s.Device) > 1 && s.Device[0] == 'a' {
		family = s.Device[1:]
	}
	switch {
	case seen.UserAgent == "":
	case family != "" && agent.Family() != family:
		drift = driftNew
	case s.Major != 0 && agent.Major != s.Major:
		drift = driftOther
	}
	if seen.Device != "" && len(s.Device) > 1 && s.Device[0] == 't' && profile.DeviceKey(seen.Device, agent) != s.Device {
		drift = driftNew
	}
	return move, drift
}

// sessionMoved: network and device changing together in the middle of a
// session is a stolen session; a network alone is a phone on its way home.
func sessionMoved(f Facts, s *profile.Session) (Signal, bool) {
	seen, ok := f.Event.Payload.(*event.Session)
	if !ok || f.Event.Kind != event.SessionSeen || seen.IP == "" {
		return Signal{}, false
	}
	move, drift := drifted(f, s, seen)
	if move == moveNone && drift == driftNone {
		return Signal{}, false
	}
	genuine := table{habitMove, startMove[:], 400}.share(&f.Traffic.Habits, move*drifts+drift)
	w := ratio(attackMove[move*drifts+drift], genuine, 0, 8)
	if move == moveFar && drift == driftNone {
		w = min(w, 4)
	}
	if w < 0.3 {
		return Signal{}, false
	}
	if drift == driftNone {
		return named("session_elsewhere", w), true
	}
	return named("session_moved", w), true
}
