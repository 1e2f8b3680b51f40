// Package traffic is what is going on across all accounts: how common each
// network, operator, browser and language is among successful sign-ins, what
// failed attempts look like, which campaigns are under way and who belongs to
// them, and what is known of intruders found out elsewhere. It lives in
// memory, bounded whatever comes in, is saved now and then and caught up at
// start. One account's picture is profile's; what the numbers mean is said by
// assess.
package traffic

import (
	"math"
	"strconv"
	"sync"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

// Window is how far back events are read again at a start without a saved
// state.
const Window = 24 * time.Hour

// Login is one attempt as the counters see it.
type Login struct {
	At      time.Time
	Account [16]byte
	Outcome event.Outcome

	Network  string // key of geo.Network
	ASN      uint32
	Country  string
	Kind     geo.Kind
	Agent    string // browser and system, no version
	Browser  string
	System   string
	UA       string // the whole user agent string
	Lang     string // first language asked for
	Accept   string // the whole Accept-Language
	TLS      string // JA4, if given
	Tag      string // password_tag, if given
	RTT      float64
	Device   string // profile.DeviceKey of a token, if given
	Moved    int8   // of a success: 1 on the usual network of the operator, 2 on another of it, 0 not known
	Doubtful bool   // of a success: it may well be an intruder's, and teaches nothing
	Familiar bool   // device or network counts as this account's own

	Member Member // of a success: what a later alarm needs to find it again
}

// Level is how often one value was seen: in successful sign-ins, in failed
// attempts of strangers, and in confirmed takeovers (once each).
type Level struct{ Good, Bad, Taken float64 }

// View is what traffic knows that bears on one login.
type View struct {
	Known bool   // false: nothing was ever counted
	Home  string // the country most customers sign in from

	All, Class, Country, Operator, Network Level // of the address, coarsest first
	System, Agent, UA                      Level // of the client, coarsest first
	Lang, Accept                           Level
	TLS                                    Level // this fingerprint under this browser
	TLSAll                                 Level // this browser with any fingerprint
	Device                                 Level // this device token
	Pair                                   Level // operator and kind of client together
	Stay, Moved                            Level // on this operator: customers on their usual network, and on another
	RTT                                    Delay
	Hour                                   Level // of the day, in the shop's own time
	Habits                                 Habits
	Hand                                   Hand
	Stranger                               bool // neither the account nor anybody was seen here on this client
}

// Habits are counts of small facts about genuine sign-ins and sessions that
// assess learns from; what each index means is assess's.
type Habits [228]float32

// Delay is the round-trip time of an operator's lines: the natural logarithm
// of milliseconds.
type Delay struct {
	N    float64
	Mean float64
	Dev  float64 // mean absolute deviation
}

// Traffic counts. The zero value is not usable; call New.
type Traffic struct {
	mu sync.Mutex // guards all below

	seed      hash
	clock     int64 // the latest plausible moment seen, unix seconds
	ahead     int   // attempts in a row that claim to be far ahead of it
	people    *sketch
	lately    *sketch // successes and failures of strangers, fading within a day
	places    *seen   // network and client of successes
	tried     *seen   // accounts that a stranger tried in vain, by the day
	countries map[string]float64
	home      string
	delays    map[uint32]*Delay
	habits    Habits
	habitsAt  int64
	taken     map[uint64]*trace
	watch     watch
	ring      ring
	memory    int
	outbox    outbox
}

// New makes counters that take at most so many mebibytes; 0 means 64.
func New(mebibytes int) *Traffic {
	if mebibytes <= 0 {
		mebibytes = 64
	}
	unit := mebibytes << 20 / 64
	const cellBytes = 8
	return &Traffic{seed: 14695981039346656037,
		people: newSketch(16*unit/cellBytes, 60*24*time.Hour, 7*24*time.Hour),
		lately: newSketch(8*unit/cellBytes, 24*time.Hour, 24*time.Hour),
		places: newSeen(6*unit, 45*24*time.Hour), tried: newSeen(2*unit, 24*time.Hour),
		countries: map[string]float64{}, home: "JP", delays: map[uint32]*Delay{}, taken: map[uint64]*trace{},
		watch: newWatch(8 * unit / trackBytes), ring: ring{max: 8 * unit / memberBytes}, memory: mebibytes}
}

// Keyed gives an installation hashing of its own: call it before anything is
// counted. Without it the counters of equal streams are equal.
func (t *Traffic) Keyed(seed uint64) *Traffic {
	t.seed = t.seed.number(seed)
	return t
}

// tick says at which time an attempt counts, and moves the clock. An attempt
// that claims to be days ahead of everybody else must not make all else fade:
// it is refused, until many in a row agree.
func (t *Traffic) tick(at time.Time) (unix int64, ok bool) {
	unix = at.Unix()
	const day = 24 * 60 * 60
	switch {
	case unix < 0:
		return 0, false
	case t.clock == 0:
		t.clock = unix
	case unix > t.clock+4*day:
		if t.ahead++; t.ahead < 50 {
			return 0, false
		}
		t.clock = unix
	case unix < t.clock-400*day:
		return 0, false
	default:
		t.clock = max(t.clock, unix)
	}
	t.ahead = 0
	return unix, true
}

// Note counts one attempt.
func (t *Traffic) Note(l Login) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.outbox.node != "" {
		other := l
		other.Member = Member{} // who signed in here is looked at again here
		t.tell(told{Login: &other})
	}
	t.note(l)
}

func (t *Traffic) note(l Login) {
	unix, ok := t.tick(l.At)
	if !ok {
		return
	}
	k := t.keys(&l)
	stranger := !l.Familiar && !t.places.has(k.place)
	if l.Outcome == event.Succeeded {
		t.succeeded(&l, &k, unix, stranger)
	} else {
		t.failed(&l, &k, unix, stranger)
	}
	t.observe(&l, &k, unix, stranger)
}

func (t *Traffic) succeeded(l *Login, k *keys, unix int64, stranger bool) {
	if stranger {
		for _, key := range k.watched() {
			t.lately.add(key, unix, 1, 0)
		}
	}
	if l.Doubtful {
		return
	}
	for _, key := range k.levels() {
		t.people.add(key, unix, 1, 0)
	}
	if l.Device != "" {
		t.people.add(k.device, unix, 1, 0)
	}
	if l.TLS != "" {
		t.people.add(k.tls, unix, 1, 0)
		t.people.add(k.tlsAll, unix, 1, 0)
	}
	switch l.Moved {
	case 1:
		t.people.add(k.stay, unix, 1, 0)
	case 2:
		t.people.add(k.moved, unix, 1, 0)
	}
	// A network from which strangers' accounts are being tried is nobody's
	// usual place.
	wg, wb := t.lately.weights(unix)
	if _, tries := t.lately.count(k.network, wg, wb); tries < 4 || !stranger {
		t.places.add(k.place, unix)
	}
	t.from(l.Country)
	if l.RTT > 0 {
		t.learnDelay(l.ASN, math.Log(max(l.RTT, 1)))
		t.learnDelay(0, math.Log(max(l.RTT, 1)))
	}
}

// failed counts an attempt that failed. Only strangers' teach what attacks
// look like: a customer who mistypes her password does not.
func (t *Traffic) failed(l *Login, k *keys, unix int64, stranger bool) {
	if !stranger {
		return
	}
	for _, key := range k.levels() {
		t.people.add(key, unix, 0, 1)
	}
	if l.TLS != "" {
		t.people.add(k.tls, unix, 0, 1)
		t.people.add(k.tlsAll, unix, 0, 1)
	}
}

// learnDelay moves an operator's usual round trip; one slow line moves it
// little.
func (t *Traffic) learnDelay(asn uint32, ln float64) {
	d := t.delays[asn]
	if d == nil {
		if len(t.delays) >= 1<<14 {
			return
		}
		d = &Delay{Mean: ln, Dev: 0.3}
		t.delays[asn] = d
	}
	d.N = min(d.N+1, 2000)
	step := 1 / min(d.N, 200)
	off := max(-3*d.Dev-0.05, min(3*d.Dev+0.05, ln-d.Mean))
	d.Mean += off * step
	d.Dev += (math.Abs(off) - d.Dev) * step
}

// View answers what is known about where a login comes from.
func (t *Traffic) View(l Login) View {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys(&l)
	unix := l.At.Unix()
	if unix > t.clock+4*24*60*60 || unix < t.clock-400*24*60*60 {
		unix = t.clock // absurd: as things stand now
	}
	t.people.rebase(t.clock)
	wg, wb := t.people.weights(unix)
	level := func(key uint64) Level {
		good, bad := t.people.count(key, wg, wb)
		return Level{Good: good, Bad: bad, Taken: t.taken[key].weight(unix)}
	}
	v := View{Known: t.clock != 0, Home: t.home, All: level(k.all), Class: level(k.class), Country: level(k.country), Operator: level(k.operator), Network: level(k.network),
		System: level(k.system), Agent: level(k.agent), UA: level(k.ua), Lang: level(k.lang), Accept: level(k.accept), Pair: level(k.pair), Stay: level(k.stay), Moved: level(k.moved),
		Hour: level(k.hour), Stranger: !l.Familiar && !t.places.has(k.place), Habits: t.habits}
	if l.TLS != "" {
		v.TLS, v.TLSAll = level(k.tls), level(k.tlsAll)
	}
	if l.Device != "" {
		v.Device = level(k.device)
	}
	if l.RTT > 0 {
		v.RTT = t.delay(l.ASN, l.Country)
	}
	v.Hand = t.hand(&l, &k, unix, v.Stranger)
	return v
}

// Brief is a View of what does not depend on a login.
func (t *Traffic) Brief() View {
	t.mu.Lock()
	defer t.mu.Unlock()
	return View{Known: t.clock != 0, Home: t.home, Habits: t.habits}
}

// Belongs says to which campaigns under way an attempt belongs.
func (t *Traffic) Belongs(l Login) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch.under == 0 {
		return nil
	}
	k := t.keys(&l)
	return t.hand(&l, &k, l.At.Unix(), !l.Familiar && !t.places.has(k.place)).Campaigns
}

// delay is an operator's usual round trip, or everybody's while the operator
// is little known; abroad nobody's, since distance is no detour.
func (t *Traffic) delay(asn uint32, country string) Delay {
	all := t.delays[0]
	if d := t.delays[asn]; d != nil && (d.N >= 8 || all == nil) {
		return *d
	}
	if all == nil || country != t.home {
		return Delay{}
	}
	return *all
}

// from counts a success's country. Home is the country that most come from:
// Japan until another has clearly more.
func (t *Traffic) from(country string) {
	if country == "" || len(t.countries) >= 300 && t.countries[country] == 0 {
		return
	}
	t.countries[country]++
	if n := t.countries[country]; country != t.home && n > t.countries[t.home]+50 {
		t.home = country
	}
}

// Learn counts habits of genuine sign-ins and sessions.
func (t *Traffic) Learn(at time.Time, habits []uint8) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(told{At: at, Habits: habits})
	t.learn(at, habits)
}

func (t *Traffic) learn(at time.Time, habits []uint8) {
	if unix := at.Unix(); unix-t.habitsAt >= 24*60*60 && unix <= t.clock+24*60*60 {
		if t.habitsAt > 0 {
			fade := float32(math.Exp2(-float64(unix-t.habitsAt) / (120 * 24 * 60 * 60)))
			for i := range t.habits {
				t.habits[i] *= fade
			}
		}
		t.habitsAt = unix
	}
	for _, i := range habits {
		if int(i) < len(t.habits) {
			t.habits[i]++
		}
	}
}

// Habits is what was learned so far.
func (t *Traffic) Habits() Habits {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.habits
}

// Class is the sort of place a login comes from, as attacks differ by it.
type Class string

const (
	Domestic Class = "domestic" // homes and phones of the shop's own country
	Abroad   Class = "abroad"   // homes and phones elsewhere
	Hidden   Class = "hidden"   // rented machines, VPN, Tor
	Relayed  Class = "relayed"  // privacy relays of ordinary people
	Nowhere  Class = "nowhere"  // nothing is known
)

// ClassOf sorts a place.
func ClassOf(kind geo.Kind, country, home string) Class {
	switch {
	case kind == geo.Relay:
		return Relayed
	case kind.Hides():
		return Hidden
	case country == "":
		return Nowhere
	case country == home:
		return Domestic
	}
	return Abroad
}

// Operator names an address's operator; where no table knows it, its /16 or
// /32 stands for one.
func Operator(asn uint32, network string) string {
	if asn != 0 {
		return strconv.FormatUint(uint64(asn), 10)
	}
	return "~" + Block(network)
}

// Block is the first half of a network: what stands for its operator where
// nobody knows that.
func Block(network string) string {
	for i, dots := 0, 0; i < len(network); i++ {
		if network[i] == '.' || network[i] == ':' {
			if dots++; dots == 2 {
				return network[:i]
			}
		}
	}
	return network
}

// keys are the hashes under which one attempt is counted.
type keys struct {
	all, class, country, operator, network uint64
	system, agent, ua                      uint64
	lang, accept, tls, tlsAll, device      uint64
	pair, hour, stay, moved                uint64
	client, kin, tag, place, account       uint64
}

func (t *Traffic) keys(l *Login) keys {
	class := string(ClassOf(l.Kind, l.Country, t.home))
	operator := Operator(l.ASN, l.Network)
	s := t.seed
	ua := s.string("ua").string(l.UA)
	k := keys{all: s.string("all").key(), class: s.string("class").string(class).key(), country: s.string("country").string(class).string(l.Country).key(),
		operator: s.string("op").string(operator).key(), network: s.string("net").string(l.Network).key(),
		system: s.string("os").string(l.System).key(), agent: s.string("agent").string(l.Agent).key(), ua: ua.key(),
		lang: s.string("lang").string(l.Lang).key(), accept: s.string("accept").string(l.Accept).key(),
		stay: s.string("stay").string(operator).key(), moved: s.string("moved").string(operator).key(),
		pair: s.string("pair").string(operator).string(l.Agent).key(), hour: s.string("hour").number(uint64(l.At.Unix() / 3600 % 24)).key(),
		client: ua.string(l.Accept).string(class).key(), kin: s.string("kin").string(l.Agent).string(l.Lang).string(class).key(),
		place: ua.string(l.Network).key(), account: s.string("who").string(string(l.Account[:])).key()}
	if l.TLS != "" {
		k.tls, k.tlsAll = s.string("tls").string(l.TLS).string(l.Browser).key(), s.string("tls").string(l.Browser).key()
	}
	if l.Device != "" {
		k.device = s.string("dev").string(l.Device).key()
	}
	if l.Tag != "" {
		k.tag = s.string("tag").string(l.Tag).key()
	}
	return k
}

// levels are the keys that make up the population's picture.
func (k *keys) levels() [12]uint64 {
	return [12]uint64{k.all, k.class, k.country, k.operator, k.network, k.system, k.agent, k.ua, k.lang, k.accept, k.pair, k.hour}
}
