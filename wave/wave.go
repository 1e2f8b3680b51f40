// Package wave finds the waves of fakes in what customers hand in: the same
// text, the same target, the same senders within days. It stands behind the
// doors of the mail checker, which tell it what they judged to be fake, and
// before the analyst, who reads the waves and reports them to the Council of
// Anti-Phishing Japan.
//
// A sighting holds nothing of a person: no address, no subject, no text, no
// address within a site, only a fingerprint of the text, names of hosts, the
// sender's network and its domain.
package wave

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/bits"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// Kept is how long sightings are kept, and Most how many.
const (
	Kept = 90 * 24 * time.Hour
	Most = 50_000
)

// Sighting is one mail that was judged a fake.
type Sighting struct {
	At       time.Time `json:"at"`
	Door     string    `json:"door"`              // page or inbox
	Brand    string    `json:"brand,omitzero"`    // in whose name
	Template uint64    `json:"template,omitzero"` // fingerprint of the text; 0: too short for one
	Hosts    []string  `json:"hosts,omitzero"`    // where its links lead, at most ten
	Network  string    `json:"network,omitzero"`  // operator of the sending server
	From     string    `json:"from,omitzero"`     // domain of the From address
	Reasons  []string  `json:"reasons,omitzero"`  // ids
}

// Store keeps sightings.
type Store interface {
	// AddSighting keeps one, and drops those older than oldest and those beyond
	// the newest most.
	AddSighting(ctx context.Context, s Sighting, oldest time.Time, most int) error
	// Sightings are those since a moment, oldest first.
	Sightings(ctx context.Context, since time.Time) ([]Sighting, error)
}

// Host is what is kept of an address: its host's name in lower case. Empty
// when it has none.
func Host(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || len(u.Hostname()) > 253 {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Fingerprint is a similarity hash of a text (Charikar 2002): texts that differ
// by names, numbers and addresses have fingerprints that differ in few bits. 0
// for a text too short to tell anything.
func Fingerprint(text string) uint64 {
	var letters []rune
	for _, r := range norm.NFKC.String(limit(text, 20_000)) {
		if unicode.IsLetter(r) { // numbers, links' punctuation and layout differ from mail to mail
			letters = append(letters, unicode.ToLower(r))
		}
	}
	const gram = 4
	if len(letters) < 40 {
		return 0
	}
	var sums [64]int
	for i := 0; i+gram <= len(letters); i++ {
		h := fnv.New64a()
		_, _ = h.Write([]byte(string(letters[i : i+gram])))
		v := h.Sum64()
		for b := range sums {
			if v>>b&1 == 1 {
				sums[b]++
			} else {
				sums[b]--
			}
		}
	}
	var out uint64
	for b, n := range sums {
		if n > 0 {
			out |= 1 << b
		}
	}
	return max(out, 1)
}

func limit(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// alike says that two fingerprints are of one template.
func alike(a, b uint64) bool { return a != 0 && b != 0 && bits.OnesCount64(a^b) <= 8 }

// Wave is one attack as customers saw it.
type Wave struct {
	ID          string // made of its first sighting; the same while it grows
	Count       int
	First, Last time.Time
	Brands      []string // each list: the most frequent first
	Hosts       []string
	Networks    []string
	From        []string
	Reasons     []string
	Template    uint64
	ByDay       []int // from the first day to the last, at most 90
}

// Find puts sightings together: those of one template, those that lead to one
// site, and those of one brand from one network within a day. Largest first.
func Find(all []Sighting) []Wave {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Sighting) int { return a.At.Compare(b.At) })
	g := newGroups(len(all))
	seen := map[string]int{}
	var templates []int // one index for each distinct template
	for i, s := range all {
		for _, h := range s.Hosts {
			if site := site(h); site != "" {
				g.same(seen, "site "+site, i)
			}
		}
		if s.Network != "" && s.Brand != "" {
			g.same(seen, "network "+s.Network+" "+s.Brand+" "+s.At.UTC().Format(time.DateOnly), i)
		}
		if s.Template == 0 {
			continue
		}
		known := slices.IndexFunc(templates, func(t int) bool { return alike(all[t].Template, s.Template) })
		if known >= 0 {
			g.join(templates[known], i)
		} else if len(templates) < 5000 {
			templates = append(templates, i)
		}
	}
	members := map[int][]Sighting{}
	for i, s := range all {
		root := g.find(i)
		members[root] = append(members[root], s)
	}
	var out []Wave
	for _, list := range members {
		out = append(out, waveOf(list))
	}
	slices.SortFunc(out, func(a, b Wave) int { return cmp.Or(b.Count-a.Count, b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
	return out
}

// shared are sites that everybody links to: they join nothing.
var shared = map[string]bool{"google.com": true, "bit.ly": true, "t.co": true, "tinyurl.com": true, "w3.org": true, "amazonaws.com": true, "googleapis.com": true}

// site is the registered name under which a host stands.
func site(host string) string {
	s, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		s = host // an address in numbers, or a bare suffix
	}
	if shared[s] {
		return ""
	}
	return s
}

func waveOf(list []Sighting) Wave {
	w := Wave{Count: len(list), First: list[0].At, Last: list[len(list)-1].At, Template: list[0].Template}
	var brands, hosts, networks, from, reasons tally
	day := func(t time.Time) int { return int(t.Sub(w.First.Truncate(24*time.Hour)) / (24 * time.Hour)) }
	w.ByDay = make([]int, min(day(w.Last)+1, 90))
	for _, s := range list {
		brands.add(s.Brand)
		hosts.add(s.Hosts...)
		networks.add(s.Network)
		from.add(s.From)
		reasons.add(s.Reasons...)
		w.ByDay[min(day(s.At), len(w.ByDay)-1)]++
		if w.Template == 0 {
			w.Template = s.Template
		}
	}
	w.Brands, w.Hosts, w.Networks, w.From, w.Reasons = brands.list(5), hosts.list(50), networks.list(20), from.list(50), reasons.list(10)
	h := fnv.New32a()
	_, _ = h.Write([]byte(list[0].Brand + "\x00" + list[0].From + "\x00" + strings.Join(list[0].Hosts, "\x00") + strconv.FormatUint(list[0].Template, 16)))
	w.ID = w.First.UTC().Format("20060102-") + strconv.FormatUint(uint64(h.Sum32()), 16)
	return w
}

// tally counts names.
type tally struct{ n map[string]int }

func (t *tally) add(names ...string) {
	if t.n == nil {
		t.n = map[string]int{}
	}
	for _, s := range names {
		if s != "" {
			t.n[s]++
		}
	}
}

func (t *tally) list(most int) []string {
	var out []string
	for s := range t.n {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(t.n[b]-t.n[a], cmp.Compare(a, b)) })
	return out[:min(len(out), most)]
}

// groups is a union-find.
type groups struct{ up []int }

func newGroups(n int) *groups {
	g := &groups{up: make([]int, n)}
	for i := range g.up {
		g.up[i] = i
	}
	return g
}

func (g *groups) find(i int) int {
	for g.up[i] != i {
		g.up[i] = g.up[g.up[i]]
		i = g.up[i]
	}
	return i
}

// join keeps the earlier one as the root.
func (g *groups) join(a, b int) {
	a, b = g.find(a), g.find(b)
	g.up[max(a, b)] = min(a, b)
}

func (g *groups) same(seen map[string]int, key string, i int) {
	if first, ok := seen[key]; ok {
		g.join(first, i)
		return
	}
	seen[key] = i
}
