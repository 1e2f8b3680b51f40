package assess

import (
	"math"
	"slices"
	"time"

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
	moveAbroad          //
	moveHidden          // on a rented machine, a VPN, Tor
	moves        = 6
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
	0.003, 0.0001, 0.0001,
	0.002, 0.0001, 0.0001,
}

// attackMove is how stolen ones go on: elsewhere, and rarely on the very same
// browser.
var attackMove = [moves * drifts]float64{
	0.02, 0.01, 0.03,
	0.01, 0.005, 0.01,
	0.06, 0.03, 0.06,
	0.12, 0.05, 0.11,
	0.10, 0.04, 0.10,
	0.10, 0.04, 0.11,
}

// drifted compares a session seen again with what is kept of it.
func drifted(f *Facts, s *profile.Session, seen *event.Session) (move, drift int) {
	switch n, ok := f.Profile.Network(f.Network); {
	case f.Network == s.Network || f.Network == "":
		move = moveNone
	case ok && n.Usual(f.Event.Time):
		move = moveUsual
	case f.Place.ASN != 0 && (f.Place.ASN == s.ASN || hers(f, func(n *profile.Network) bool { return n.ASN == f.Place.ASN })):
		move = moveOperator
	default:
		switch class := traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home); {
		case class == traffic.Domestic, class == traffic.Relayed && f.Place.Country == s.Country:
			move = moveDomestic
		case hers(f, func(n *profile.Network) bool {
			return n.Country == f.Place.Country && traffic.ClassOf(n.Kind, n.Country, f.Traffic.Home) == class
		}):
			move = moveDomestic // she comes over such lines at other times
		case class == traffic.Hidden:
			move = moveHidden
		default:
			move = moveAbroad
		}
	}
	agent := f.Agent
	if agent == (profile.Agent{}) { // not read yet
		agent = profile.ParseAgent(seen.UserAgent)
	}
	family := s.Agent
	if family == "" && len(s.Device) > 1 && s.Device[0] == 'a' {
		family = s.Device[1:]
	}
	switch {
	case seen.UserAgent == "":
	case family != "" && agent.Family() != family:
		drift = driftNew
	case s.Major != 0 && agent.Major != 0 && path(s.Major, agent.Major, f.Event.Time.Sub(s.Began), f.Event.Time) == odd:
		drift = driftOther // an update on the way is ordinary; a step back is not
	}
	// A token that is lost and given anew is no other browser, where line and
	// browser are hers as ever: people clear what a site has stored.
	same := drift == driftNone && (move == moveNone || move == moveUsual)
	if seen.Device != "" && len(s.Device) > 1 && s.Device[0] == 't' && profile.DeviceKey(seen.Device, agent) != s.Device && !same {
		drift = driftNew
	}
	return move, drift
}

// hers says that one of the account's own networks is so.
func hers(f *Facts, so func(*profile.Network) bool) bool {
	for i := range f.Profile.Networks {
		if n := &f.Profile.Networks[i]; n.Usual(f.Event.Time) && so(n) {
			return true
		}
	}
	return false
}

// sessionMoved: network and device changing together in the middle of a
// session is a stolen session; a network alone is a phone on its way home.
func sessionMoved(f *Facts, s *profile.Session) (Signal, bool) {
	seen, ok := f.Event.Payload.(*event.Session)
	if !ok || f.Event.Kind != event.SessionSeen || seen.IP == "" {
		return Signal{}, false
	}
	move, drift := drifted(f, s, seen)
	if move == moveNone && drift == driftNone {
		return Signal{}, false
	}
	genuine := movesOf(f, s).share(&f.Traffic.Habits, move*drifts+drift)
	w := ratio(attackMove[move*drifts+drift], genuine, -1, 9)
	if w = stolen(s, w); w < 0.1 {
		return Signal{}, false
	}
	if drift == driftNone {
		return named("session_elsewhere", w), true
	}
	return named("session_moved", w), true
}

// late is how long a session was not seen when it counts as taken up again:
// people take up sessions days later, from wherever they are by then.
const late = 3 * time.Hour

// startLate is how genuine sessions are taken up again before anything was
// counted.
var startLate = [moves * drifts]float64{
	0.62, 0.002, 0.002,
	0.15, 0.001, 0.001,
	0.08, 0.001, 0.001,
	0.08, 0.001, 0.001,
	0.010, 0.0005, 0.0005,
	0.008, 0.0005, 0.0005,
}

// movesOf is how genuine sessions go on, soon or hours later.
func movesOf(f *Facts, s *profile.Session) table {
	if f.Event.Time.Sub(s.Last) > late {
		return table{habitLate, startLate[:], 400}
	}
	return table{habitMove, startMove[:], 400}
}

// moveHabits are what a session that goes on teaches of how sessions do.
func moveHabits(f *Facts, s *profile.Session) []uint8 {
	seen, ok := f.Event.Payload.(*event.Session)
	if !ok || f.Event.Kind != event.SessionSeen || seen.IP == "" {
		return nil
	}
	move, drift := drifted(f, s, seen)
	return []uint8{uint8(movesOf(f, s).from + move*drifts + drift)}
}

// stolen is what a session's move weighs. That the sign-in was the customer's
// own says nothing against a theft afterwards: the odds of that stand beside
// those of the sign-in, and the weight is what they add.
func stolen(s *profile.Session, w float64) float64 {
	z := Prior
	for _, t := range s.Terms {
		if !isMove(t.Name) {
			z += t.Value
		}
	}
	theft := Prior + w // nothing else speaks of it: there is nothing to temper
	sum := max(z, theft) + math.Log1p(math.Exp(-math.Abs(z-theft)))
	return math.Round((sum-z)/temper*1000) / 1000
}

// markBack is when a session that had gone on elsewhere was seen where it
// belongs again.
const markBack = "back"

func isMove(name string) bool { return name == "session_moved" || name == "session_elsewhere" }

func moved(signals []Signal) bool {
	return slices.ContainsFunc(signals, func(x Signal) bool { return isMove(x.Name) && x.Weight > 0 })
}

// moveMarks leaves the mark of a session that has come back.
func moveMarks(a Assessment, e event.Event, marks profile.Marks) profile.Marks {
	seen, ok := e.Payload.(*event.Session)
	switch {
	case moved(a.Fresh):
		return marks.Without(markBack)
	case ok && e.Kind == event.SessionSeen && seen.IP != "" && moved(a.Signals):
		return marks.With(markBack, e.Time.Unix())
	}
	return marks
}

// Shared says that a session which began as hers may be in two hands, or in
// hers alone: it went on elsewhere and has come back, so that nobody can tell
// whose the next act is, or only its line is another, on the browser that it
// began on, as when she travels or turns a VPN on.
func Shared(s *profile.Session, a Assessment) bool {
	if !moved(a.Signals) || !s.Known && against(s) >= 1 {
		return false
	}
	if _, back := s.Marks.Of(markBack); back && !moved(a.Fresh) {
		return true
	}
	return !slices.ContainsFunc(a.Signals, func(x Signal) bool { return x.Name == "session_moved" && x.Weight > 0 })
}
