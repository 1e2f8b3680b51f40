package profile

import (
	"cmp"
	"math"
	"slices"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

// Seen is a login as the profile remembers it: where from and on what.
type Seen struct {
	Session string
	Device  string // key
	Agent   string // for people
	Network string // key
	Place   geo.Place
	Lang    string  // Accept-Language, first tag
	Proof   bool    // a challenge was passed, or the account was made here
	Major   int     // the browser's version
	Print   string  // PrintKey
	Delay   float64 // ln of the round trip in ms, 0 when not measured
	Strange bool    // unlike the customer: its habits teach nothing
}

// LearnLogin notes a successful login. What it brings in for the first time
// is remembered with the session that brought it, so that it can be unlearned.
func (p *Profile) LearnLogin(at time.Time, s Seen) {
	if p.FirstSeen.IsZero() {
		p.FirstSeen = at
	}
	if p.Logins == 0 && !s.Strange {
		s.Proof = true // the first login of an account is its enrolment
	}
	p.Logins++
	p.LastLogin = later(p.LastLogin, at)
	if !s.Strange {
		p.Hours[at.In(p.Location()).Hour()]++
	}
	p.noteDevice(at, s)
	p.noteNetwork(at, s)
	p.noteCountry(at, s)
	if s.Lang != "" && !slices.Contains(p.Langs, s.Lang) && len(p.Langs) < 4 {
		p.Langs = append(p.Langs, s.Lang)
	}
}

// LearnDevice notes the token that a browser got during a session: the device
// is as old as the session's own when it was given there.
func (p *Profile) LearnDevice(at time.Time, s Seen, a Agent) {
	if _, ok := p.Device(s.Device); ok || p.Claim(s.Device, a) {
		return
	}
	p.noteDevice(at, s)
}

// LearnNetwork notes a network on which a session of the customer's went on.
func (p *Profile) LearnNetwork(at time.Time, s Seen) {
	p.noteNetwork(at, s)
	p.noteCountry(at, s)
}

func (p *Profile) noteDevice(at time.Time, s Seen) {
	if d, ok := p.Device(s.Device); ok {
		if d.Count == 0 {
			d.First = at // it was in doubt: its week begins now
		}
		d.First, d.Last, d.Count = earlier(d.First, at), later(d.Last, at), d.Count+1
		d.Proof, d.Given = d.Proof || s.Proof, false
		if !s.Strange {
			d.Major, d.Print = s.Major, s.Print
		}
		return
	}
	p.Devices = append(p.Devices, Device{Key: s.Device, Agent: s.Agent, First: at, Last: at, Count: 1, Proof: s.Proof, Via: s.Session, Major: s.Major, Print: s.Print})
	for len(p.Devices) > MaxDevices {
		p.Devices = dropLeast(p.Devices, at, Device.worth)
	}
}

func (p *Profile) noteNetwork(at time.Time, s Seen) {
	if n, ok := p.Network(s.Network); ok {
		if n.Count == 0 {
			n.First = at
		}
		n.First, n.Last, n.Count = earlier(n.First, at), later(n.Last, at), n.Count+1
		n.Proof = n.Proof || s.Proof
		if s.Delay > 0 && !s.Strange {
			if n.Delay == 0 {
				n.Delay = float32(s.Delay)
			}
			n.Delay += (float32(s.Delay) - n.Delay) / float32(min(n.Count, 8))
		}
		return
	}
	p.Networks = append(p.Networks, Network{Key: s.Network, ASN: s.Place.ASN, Country: s.Place.Country, Kind: s.Place.Kind,
		First: at, Last: at, Count: 1, Proof: s.Proof, Via: s.Session, Delay: float32(s.Delay)})
	for len(p.Networks) > MaxNetworks {
		p.Networks = dropLeast(p.Networks, at, Network.worth)
	}
}

func (p *Profile) noteCountry(at time.Time, s Seen) {
	if s.Place.Country == "" {
		return
	}
	for i := range p.Countries {
		if c := &p.Countries[i]; c.Code == s.Place.Country {
			c.First, c.Last = earlier(c.First, at), later(c.Last, at)
			return
		}
	}
	p.Countries = append(p.Countries, Country{Code: s.Place.Country, First: at, Last: at, Via: s.Session})
	for len(p.Countries) > MaxCountries {
		p.Countries = dropLeast(p.Countries, at, Country.worth)
	}
}

// LearnFailure counts a failed attempt in the running hour.
func (p *Profile) LearnFailure(at time.Time) {
	if at.Sub(p.FailedAt) > time.Hour {
		p.FailedAt, p.Failed = at, 0
	}
	p.Failed = min(p.Failed+1, 1_000_000)
}

// LearnOrder notes an order of a session that is not held to be unlike the
// customer.
func (p *Profile) LearnOrder(o *event.Order) {
	p.Orders++
	if o.Total != nil {
		p.MaxOrder = max(p.MaxOrder, o.Total.Amount)
		p.Typical = typical(p.Typical, p.Orders, o.Total.Amount)
	}
}

// typical takes the n-th order into the geometric mean.
func typical(mean int64, n int, amount int64) int64 {
	if amount <= 0 {
		return mean
	}
	if mean <= 0 || n <= 1 {
		return amount
	}
	share := 1 / float64(min(n, 20))
	return max(1, int64(math.Round(math.Exp((1-share)*math.Log(float64(mean))+share*math.Log(float64(amount))))))
}

// KeepSession puts a session on the list, or its newer self in its place.
func (p *Profile) KeepSession(s Session) {
	if old, ok := p.Session(s.ID); ok {
		*old = s
		return
	}
	// Those of the customer that nobody saw for weeks are of no use any more.
	kept := 0
	for i := range p.Sessions {
		if o := &p.Sessions[i]; o.Verdict != "" || s.Last.Sub(o.Last) <= staleAfter {
			if kept < i {
				p.Sessions[kept] = *o
			}
			kept++
		}
	}
	clear(p.Sessions[kept:])
	p.Sessions = append(p.Sessions[:kept], s)
	for i := range p.Sessions { // nearly in order already
		for ; i > 0 && p.Sessions[i].Last.Before(p.Sessions[i-1].Last); i-- {
			p.Sessions[i], p.Sessions[i-1] = p.Sessions[i-1], p.Sessions[i]
		}
	}
	for len(p.Sessions) > MaxSessions {
		p.dropSession(s.Last)
	}
}

// Unlearn forgets everything that a session brought in: it was the intruder's.
func (p *Profile) Unlearn(session string) {
	if session == "" {
		return
	}
	p.Devices = slices.DeleteFunc(p.Devices, func(d Device) bool { return d.Via == session })
	p.Networks = slices.DeleteFunc(p.Networks, func(n Network) bool { return n.Via == session })
	p.Countries = slices.DeleteFunc(p.Countries, func(c Country) bool { return c.Via == session })
	if s, ok := p.Session(session); ok {
		p.remember(*s)
	}
}

// remember keeps what an intruder came from: he may come again. A device or
// network that was hers before is no mark of his: he had her cookie, or sat
// where she does, and she goes on using it.
func (p *Profile) remember(s Session) {
	f := Foe{At: s.Began, Device: s.Device, Network: s.Network, ASN: s.ASN, Agent: s.Agent}
	before := s.Began.Add(-24 * time.Hour)
	if d, ok := p.Device(f.Device); ok && d.First.Before(before) {
		f.Device = ""
	}
	if n, ok := p.Network(f.Network); ok && n.First.Before(before) {
		f.Network = ""
	}
	if slices.ContainsFunc(p.Foes, func(o Foe) bool { return o.Device == f.Device && o.Network == f.Network && o.Agent == f.Agent }) {
		return
	}
	p.Foes = append(p.Foes, f)
	if len(p.Foes) > MaxFoes {
		p.Foes = p.Foes[len(p.Foes)-MaxFoes:]
	}
}

// Doubt is for a changed password: somebody may have had cause. What came in
// during the last weeks, unproven and not by the session that changed it, has
// to come again, and then to be quiet for a week, before it counts.
func (p *Profile) Doubt(session string, now time.Time) {
	const weeks = 45 * 24 * time.Hour
	for i := range p.Devices {
		if d := &p.Devices[i]; !d.Proof && d.Via != session && now.Sub(d.First) < weeks && d.First.Before(now) {
			d.First, d.Count = now, 0
		}
	}
	for i := range p.Networks {
		if n := &p.Networks[i]; !n.Proof && n.Via != session && now.Sub(n.First) < weeks && n.First.Before(now) {
			n.First, n.Count = now, 0
		}
	}
}

// Claim takes a token never seen before for the one that a browser of the
// same kind was given and has not brought back: the shop may name its tokens
// itself. The age of the device is that of the gift. False when none was.
func (p *Profile) Claim(key string, a Agent) bool {
	for i := len(p.Devices) - 1; i >= 0; i-- {
		d := &p.Devices[i]
		if both, _ := d.Like(a); d.Given && both {
			d.Key, d.Given = key, false
			return true
		}
	}
	return false
}

// Give notes the token that a device was given at a login. Of those that
// never came back only the latest few stay: a shop that keeps no cookies must
// not fill the row with them.
func (p *Profile) Give(d Device) {
	const few = 3
	d.Given = true
	for given := 0; ; given = 0 {
		oldest := -1
		for i := range p.Devices {
			if p.Devices[i].Given {
				if given++; oldest < 0 || p.Devices[i].Last.Before(p.Devices[oldest].Last) {
					oldest = i
				}
			}
		}
		if given < few {
			break
		}
		p.Devices = slices.Delete(p.Devices, oldest, oldest+1)
	}
	p.Devices = append(p.Devices, d)
}

// Trust makes the device and network of a session the customer's: it passed a
// challenge, or was confirmed by somebody who could know.
func (p *Profile) Trust(session string) {
	s, ok := p.Session(session)
	if !ok {
		return
	}
	s.Verdict, s.Known, s.Terms = "customer", true, nil
	if d, ok := p.Device(s.Device); ok {
		d.Proof = true
	}
	if n, ok := p.Network(s.Network); ok {
		n.Proof = true
	}
}

// The worth of an entry decides what stays when there is no room. What counts
// as the customer's is worth more than any number of new entries, so nobody
// can push it out by flooding.
func (d Device) worth(now time.Time) float64 {
	return standing(d.kept(now), d.First, d.Last, d.Count, now)
}
func (n Network) worth(now time.Time) float64 {
	return standing(n.kept(now), n.First, n.Last, n.Count, now)
}
func (c Country) worth(now time.Time) float64 {
	return standing(c.kept(now), c.First, c.Last, 1, now)
}

// kept says that an entry is the customer's beyond doubt: proven, or there for
// long and come back to.
func (d Device) kept(now time.Time) bool  { return d.Proof || d.Usual(now) && d.Count > 1 }
func (n Network) kept(now time.Time) bool { return n.Proof || n.Usual(now) && n.Count > 1 }
func (c Country) kept(now time.Time) bool { return now.Sub(c.First) >= Quiet && c.Last.After(c.First) }

// worth of a session: the customer's own that is over goes first, one that
// somebody judged or that did something stays longest.
func (s Session) worth(now time.Time) float64 {
	w := -now.Sub(s.Last).Hours()
	if s.Verdict == "intruder" || len(s.Marks) > 0 {
		w += 72
	}
	if s.Known && (s.Ended || now.Sub(s.Last) > strangeFor) {
		w -= 10_000
	}
	return w
}

// staleAfter is how long a session that nobody judged stays on the list
// without being seen.
const staleAfter = 21 * 24 * time.Hour

// strangeFor is how long what faded counts against a session that is not on
// the list.
const strangeFor = 72 * time.Hour

// dropSession lets the least valuable session go; of a strange one it keeps
// what spoke against it. Of one that Recall made that is only what it added
// itself, and what faded before does not last longer for it: a customer with
// more sessions than the list holds would never be rid of it.
func (p *Profile) dropSession(now time.Time) {
	least := slices.MinFunc(p.Sessions, func(a, b Session) int { return cmp.Compare(a.worth(now), b.worth(now)) })
	p.Sessions = slices.DeleteFunc(p.Sessions, func(s Session) bool { return s.ID == least.ID })
	if least.Known || least.Verdict == "customer" || now.Sub(least.Last) > strangeFor {
		return
	}
	recalled := least.Faded()
	if recalled {
		least.Terms = slices.DeleteFunc(slices.Clone(least.Terms), func(w Entry[float64]) bool { return w.Value <= p.Faded.Value(w.Name) })
	}
	if !least.remarkable() {
		return
	}
	if p.Faded == nil || least.Last.Sub(p.FadedAt) > strangeFor {
		p.Faded, recalled = nil, false
	}
	for _, w := range least.Terms {
		if w.Value > max(0, p.Faded.Value(w.Name)) {
			p.Faded = p.Faded.With(w.Name, w.Value)
		}
	}
	if !recalled {
		p.FadedAt = later(p.FadedAt, least.Last)
	}
}

// remarkable says that much spoke against a session.
func (s Session) remarkable() bool {
	var sum float64
	for _, w := range s.Terms {
		sum += w.Value
	}
	return sum >= 2
}

// Recall makes the session of an id that is not on the list when strange ones
// have faded lately: it may be one of them. False when none have.
func (p *Profile) Recall(id string, now time.Time) (*Session, bool) {
	if id == "" || len(p.Faded) == 0 || now.Sub(p.FadedAt) > strangeFor {
		return nil, false
	}
	p.KeepSession(Session{ID: id, Began: p.FadedAt, Last: now, Terms: slices.Clone(p.Faded)})
	return p.Session(id)
}

// Faded says that a session is one that Recall made: nothing is known of how it
// began, and what stands against it is what stood against others.
func (s *Session) Faded() bool { return s.Event == "" && s.Agent == "" && s.Device == "" }

func standing(kept bool, first, last time.Time, count int, now time.Time) float64 {
	w := last.Sub(first).Hours()/24 + float64(min(count, 100)) - now.Sub(last).Hours()/24/3
	if kept {
		w += 10_000
	}
	return w
}

func dropLeast[T any](list []T, now time.Time, worth func(T, time.Time) float64) []T {
	least := slices.IndexFunc(list, func(x T) bool {
		return worth(x, now) == worth(slices.MinFunc(list, func(a, b T) int { return cmp.Compare(worth(a, now), worth(b, now)) }), now)
	})
	return slices.Delete(list, least, least+1)
}

// dropKept lets the least valuable go of what is the customer's beyond doubt.
func dropKept[T any](list []T, now time.Time, kept func(T, time.Time) bool, worth func(T, time.Time) float64) []T {
	return dropLeast(list, now, func(x T, now time.Time) float64 {
		if !kept(x, now) {
			return math.Inf(1)
		}
		return worth(x, now)
	})
}

// dropOne lets the least valuable entry go; false when there is nothing left
// to drop. Strangers and old sessions go before anything of the customer's:
// long session ids must not crowd her devices out of the row.
func (p *Profile) dropOne() bool {
	const few = 3 // stays that go on must stay under watch
	now := p.LastLogin
	devices, networks, countries := strangers(p.Devices, now, Device.kept), strangers(p.Networks, now, Network.kept), strangers(p.Countries, now, Country.kept)
	sessions := max(len(p.Sessions)-few, 0)
	most := max(devices, networks, countries, sessions)
	// Who goes about with a phone, and loses cookies, comes to have more of her
	// own than there is room for. That must not keep out for ever what is new:
	// nobody would ever know her next phone.
	const newcomers, ownDevices, ownNetworks = 3, 5, 8
	switch settled := most <= newcomers && sessions == 0; {
	case settled && len(p.Devices)-devices > ownDevices:
		p.Devices = dropKept(p.Devices, now, Device.kept, Device.worth)
	case settled && len(p.Networks)-networks > ownNetworks:
		p.Networks = dropKept(p.Networks, now, Network.kept, Network.worth)
	case most == 0 && len(p.Sessions) > 1, most > 0 && most == sessions:
		p.dropSession(now)
	case most > 0 && most == networks, most == 0 && len(p.Networks) > max(len(p.Devices), 1):
		p.Networks = dropLeast(p.Networks, now, Network.worth)
	case most > 0 && most == countries:
		p.Countries = dropLeast(p.Countries, now, Country.worth)
	case len(p.Devices) > 1:
		p.Devices = dropLeast(p.Devices, now, Device.worth)
	case len(p.Sessions) > 0:
		p.Sessions = nil
	default:
		return false
	}
	return true
}

// strangers counts what is not the customer's beyond doubt.
func strangers[T any](list []T, now time.Time, kept func(T, time.Time) bool) (n int) {
	for _, x := range list {
		if !kept(x, now) {
			n++
		}
	}
	return n
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
