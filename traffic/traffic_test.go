package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

var begin = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// world makes attempts as a shop sees them.
type world struct {
	t   *Traffic
	rnd *rand.Rand
	n   int
}

func newWorld(seed uint64) *world {
	return &world{t: New(16), rnd: rand.New(rand.NewPCG(seed, 7))}
}

var agents = []string{"Chrome 141 Windows", "Safari 18 iPhone", "Chrome 141 Android", "Edge 141 Windows", "Safari 18 Mac"}

func (w *world) attempt(at time.Time, account int, network string, agent string, o event.Outcome, familiar bool) Login {
	w.n++
	return Login{At: at, Account: [16]byte{byte(account), byte(account >> 8), byte(account >> 16)}, Outcome: o, Network: network, ASN: 2516, Country: "JP", Kind: geo.Access,
		Agent: agent[:6], Browser: agent[:6], System: agent, UA: agent, Lang: "ja", Accept: "ja", Familiar: familiar,
		Member: Member{Event: fmt.Sprint("e", w.n), Subject: fmt.Sprint("s", account)}}
}

// day is a day of genuine traffic: some hundred sign-ins, a few mistyped
// passwords, a few new phones, and bots that try accounts nobody has.
func (w *world) day(at time.Time, factor, broken float64) {
	logins := int(400 * factor)
	for i := range logins {
		t := at.Add(time.Duration(float64(i) / float64(logins) * 24 * float64(time.Hour)))
		account := w.rnd.IntN(3000)
		familiar := w.rnd.Float64() < 0.85
		network, agent := fmt.Sprintf("106.72.%d.0/24", account%250), agents[account%len(agents)]
		if !familiar {
			network = fmt.Sprintf("126.%d.%d.0/24", w.rnd.IntN(250), w.rnd.IntN(250))
		}
		for w.rnd.Float64() < 0.06+broken {
			w.t.Note(w.attempt(t, account, network, agent, event.WrongPassword, familiar))
			if broken > 0 && w.rnd.Float64() < 0.4 {
				break
			}
		}
		w.t.Note(w.attempt(t, account, network, agent, event.Succeeded, familiar))
		if i%4 == 0 {
			w.t.Note(w.attempt(t, 1_000_000+w.rnd.IntN(1_000_000), fmt.Sprintf("45.76.%d.0/24", w.rnd.IntN(250)), "python-requests/2", event.UnknownAccount, false))
		}
	}
}

// hour is the genuine traffic around one of many tries.
func (w *world) hour(at time.Time, i, perHour int) {
	if i%perHour != 0 {
		return
	}
	for range 17 {
		account := w.rnd.IntN(3000)
		w.t.Note(w.attempt(at, account, fmt.Sprintf("106.72.%d.0/24", account%250), agents[account%len(agents)], event.Succeeded, true))
	}
}

// TestQuietMonthsRaiseNothing: weeks of ordinary days, a sale, a form that
// refuses right passwords, louder bots: no campaign.
func TestQuietMonthsRaiseNothing(t *testing.T) {
	w := newWorld(1)
	for d := range 60 {
		factor, broken := 1.0, 0.0
		switch d {
		case 30, 31:
			factor = 5
		case 45:
			broken = 0.8
		}
		w.day(begin.AddDate(0, 0, d), factor, broken)
	}
	if got := w.t.Campaigns(begin); len(got) > 2 {
		t.Errorf("%d campaigns in two quiet months, want at most 2 (one in thirty days): %+v", len(got), got)
	}
}

// TestStealthIsFound: a list tried over five days, each try from a home of its
// own on the customers' own browsers.
func TestStealthIsFound(t *testing.T) {
	w := newWorld(2)
	for d := range 20 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	const tries = 1500
	found, in := -1, 0
	from := begin.AddDate(0, 0, 20)
	for i := range tries {
		at := from.Add(time.Duration(i) * 5 * 24 * time.Hour / tries)
		w.hour(at, i, tries/(5*24))
		o := event.WrongPassword
		switch {
		case i%3 != 0:
			o = event.UnknownAccount
		case i%60 == 0:
			o = event.Succeeded
			if found < 0 {
				in++
			}
		}
		w.t.Note(w.attempt(at, 500_000+i, fmt.Sprintf("219.%d.%d.0/24", w.rnd.IntN(250), w.rnd.IntN(250)), agents[i%2], o, false))
		if len(w.t.Campaigns(from)) > 0 && found < 0 {
			found = i
		}
	}
	if found < 0 || found > tries/5 {
		t.Fatalf("found after %d of %d tries, want before a fifth", found, tries)
	}
	again := map[string]bool{}
	for _, a := range w.t.Again() {
		again[a.Event] = true
	}
	if in == 0 || len(again) < in {
		t.Errorf("%d sign-ins are looked at again, %d got in before the alarm", len(again), in)
	}
}

// TestSprayByTag: the same password on many accounts, from everywhere.
func TestSprayByTag(t *testing.T) {
	w := newWorld(3)
	for d := range 5 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	at := begin.AddDate(0, 0, 5)
	for i := range 40 {
		l := w.attempt(at.Add(time.Duration(i)*20*time.Minute), 700_000+i, fmt.Sprintf("219.%d.1.0/24", i), agents[i%5], event.WrongPassword, false)
		l.Tag = "abcde"
		w.t.Note(l)
	}
	l := w.attempt(at.Add(14*time.Hour), 12, "219.9.9.0/24", agents[0], event.Succeeded, false)
	l.Tag = "abcde"
	if h := w.t.View(l).Hand; h.Family != "tag" || len(h.Campaigns) == 0 {
		t.Errorf("the password tried on 40 accounts is not noticed: %+v", h)
	}
}

// TestBounded: memory does not grow with what comes in.
func TestBounded(t *testing.T) {
	measure := func(n int) uint64 {
		w := newWorld(4)
		for i := range n {
			o := event.WrongPassword
			if i%3 == 0 {
				o = event.Succeeded
			}
			at := begin.Add(time.Duration(i) * 30 * time.Second)
			l := w.attempt(at, i, fmt.Sprintf("%d.%d.%d.0/24", i%220, i/220%250, i%97), fmt.Sprint("agent", i), o, false)
			l.Country, l.ASN, l.Tag, l.Device, l.TLS = fmt.Sprint(i%400), uint32(i), fmt.Sprintf("%05x", i), fmt.Sprint("t", i), fmt.Sprint(i)
			l.RTT = float64(i%300 + 1)
			w.t.Note(l)
			w.t.NoteTakeover(Takeover{At: at, Values: []string{fmt.Sprint(i)}})
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		defer runtime.KeepAlive(w)
		return m.HeapAlloc
	}
	small, large := measure(40_000), measure(120_000)
	if large > small*3/2 {
		t.Errorf("%d MiB after 40,000 attempts, %d MiB after three times as many", small>>20, large>>20)
	}
	if large > 40<<20 {
		t.Errorf("counters of 16 MiB take %d MiB", large>>20)
	}
}

// TestSketches: counts are never too low, fade as said, and merge.
func TestSketches(t *testing.T) {
	a, b := newSketch(1<<12, 24*time.Hour, time.Hour), newSketch(1<<12, 24*time.Hour, time.Hour)
	unix := begin.Unix()
	for i := range uint64(500) {
		for range 3 {
			a.add(i*2654435761, unix, 1, 1)
		}
		b.add(i*2654435761, unix, 1, 0)
	}
	wg, wb := a.weights(unix)
	for i := range uint64(500) {
		if good, bad := a.count(i*2654435761, wg, wb); good < 3-1e-3 || good > 4 || bad < 3-1e-3 {
			t.Fatalf("key %d: %v good, %v bad, want 3", i, good, bad)
		}
	}
	wg, wb = a.weights(unix + 24*3600)
	if good, bad := a.count(0, wg, wb); math.Abs(good-1.5) > 0.3 || bad > 1e-3 {
		t.Errorf("a day later: %v good, %v bad", good, bad)
	}
	a.merge(b)
	wg, wb = a.weights(unix)
	if good, _ := a.count(2654435761, wg, wb); math.Abs(good-4) > 0.5 {
		t.Errorf("merged: %v, want 4", good)
	}
	a.rebase(unix + 100*24*3600)
	wg, wb = a.weights(unix + 100*24*3600)
	if good, _ := a.count(2654435761, wg, wb); good > 1e-3 {
		t.Errorf("after a hundred days: %v", good)
	}
	for _, n := range []int{1, 50, 1000, 100_000} {
		var d, e distinct
		for i := range n {
			key := hash(14695981039346656037).number(uint64(i)).key()
			d.add(key)
			if i%2 == 0 {
				e.add(key)
			}
		}
		d.merge(&e)
		if got := d.count(); math.Abs(float64(got-n)) > 0.12*float64(n)+1 {
			t.Errorf("%d things are estimated as %d", n, got)
		}
	}
}

// TestAbsurdTimes: an attempt from 1970 or 2100, or days out of order, neither
// crashes nor makes everything else fade.
func TestAbsurdTimes(t *testing.T) {
	w := newWorld(5)
	w.day(begin, 1, 0)
	l := w.attempt(begin.AddDate(0, 0, 1), 1, "106.72.1.0/24", agents[1], event.Succeeded, true)
	was := w.t.View(l).All.Good
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1<<40, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), begin.AddDate(0, 0, -3), begin.AddDate(1, 0, 0)} {
		x := l
		x.At = at
		w.t.Note(x)
		if v := w.t.View(x); math.IsNaN(v.All.Good) || math.IsInf(v.All.Good, 0) {
			t.Errorf("at %s the view is %+v", at, v)
		}
		w.t.Learn(at, []uint8{0, 1})
	}
	if now := w.t.View(l).All.Good; now < was*0.95 {
		t.Errorf("%.1f sign-ins were counted, %.1f after absurd ones", was, now)
	}
}

func FuzzNote(f *testing.F) {
	f.Add(int64(1775000000), "106.72.45.0/24", "Chrome", "ja", "JP", uint32(2516), "wrong_password")
	f.Add(int64(-1), "", "\x00", "", "", uint32(0), "never heard of")
	t := New(1)
	f.Fuzz(func(_ *testing.T, unix int64, network, agent, lang, country string, asn uint32, outcome string) {
		l := Login{At: time.Unix(unix%(1<<40), 0), Network: network, UA: agent, Agent: agent, Lang: lang, Accept: lang, Country: country, ASN: asn, Outcome: event.Outcome(outcome), Tag: lang, TLS: agent, RTT: float64(unix)}
		t.Note(l)
		t.View(l)
		t.Again()
	})
}

func BenchmarkView(b *testing.B) {
	w := newWorld(6)
	for d := range 10 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	l := w.attempt(begin.AddDate(0, 0, 10), 1, "106.72.1.0/24", agents[1], event.Succeeded, false)
	b.ReportAllocs()
	for b.Loop() {
		w.t.View(l)
	}
}

func BenchmarkNote(b *testing.B) {
	w := newWorld(6)
	for d := range 10 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	l := w.attempt(begin.AddDate(0, 0, 10), 1, "106.72.1.0/24", agents[1], event.Succeeded, true)
	b.ReportAllocs()
	for b.Loop() {
		w.t.Note(l)
	}
}
