package profile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mimamori/event"
	"mimamori/geo"
)

var begin = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// TestFloodingNeverPushesHerOut: an intruder with the right password signs in
// as often as he likes for six days, each time from another device, network
// and country, in sessions with the longest ids that shops may use. What was
// usual before stays, and the row stays within its bound.
func TestFloodingNeverPushesHerOut(t *testing.T) {
	for range 10 {
		rapid.Check(t, func(rt *rapid.T) {
			var p Profile
			devices, networks := rapid.IntRange(1, 5).Draw(rt, "devices"), rapid.IntRange(1, 8).Draw(rt, "networks")
			var hers []Seen
			for i := range max(devices, networks) {
				hers = append(hers, Seen{Device: fmt.Sprint("hers", i%devices), Agent: "Safari / iOS", Network: fmt.Sprintf("106.72.%d.0/24", i%networks), Place: geo.Place{Country: "JP", ASN: 2516}, Lang: "ja"})
			}
			at := begin
			for day := range rapid.IntRange(10, 30).Draw(rt, "days") {
				for i, s := range hers {
					s.Session = fmt.Sprintf("s-%d-%d", day, i)
					p.LearnLogin(at.Add(time.Duration(i)*time.Minute), s)
				}
				at = at.Add(24 * time.Hour)
			}
			at = at.Add(time.Duration(rapid.IntRange(0, 300*24).Draw(rt, "idle hours")) * time.Hour)
			was := clone(p)
			id := strings.Repeat("x", rapid.IntRange(1, 190).Draw(rt, "id"))
			end := at.Add(6 * 24 * time.Hour)
			for i := range rapid.IntRange(1, 60).Draw(rt, "sign-ins") {
				at = at.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "minutes")) * time.Minute)
				if at.After(end) {
					break
				}
				k := rapid.IntRange(0, i).Draw(rt, "which")
				s := Seen{Session: fmt.Sprint(id, i), Device: fmt.Sprint("his", k), Agent: "Firefox / Linux", Network: fmt.Sprintf("45.76.%d.0/24", k%250), Place: geo.Place{Country: string([]byte{'A' + byte(k%26), 'X'}), ASN: uint32(k)}}
				p.LearnLogin(at, s)
				p.KeepSession(Session{ID: s.Session, Began: at, Last: at, Device: s.Device, Network: s.Network, Terms: NamedOf(map[string]float64{"device_new": 2.5, "network_new": 0.8, "second_unfamiliar": 2.5, "country_new": 2})})
				if i%4 == 0 {
					p = reread(rt, p)
				}
			}
			p = reread(rt, p)
			for _, d := range was.Devices {
				if got, ok := p.Device(d.Key); !ok || !got.Usual(at) {
					rt.Fatalf("her device %s was pushed out: %v", d.Key, keysOf(p))
				}
			}
			for _, n := range was.Networks {
				if got, ok := p.Network(n.Key); !ok || !got.Usual(at) {
					rt.Fatalf("her network %s was pushed out: %v", n.Key, keysOf(p))
				}
			}
			if !slices.ContainsFunc(p.Countries, func(c Country) bool { return c.Code == "JP" }) {
				rt.Fatalf("her country was pushed out: %v", p.Countries)
			}
			for i := range p.Devices {
				if d := p.Devices[i]; strings.HasPrefix(d.Key, "his") && d.Usual(at) {
					rt.Fatalf("his device became usual within %s", at.Sub(d.First))
				}
			}
			if len(p.Sessions) == 0 || p.Sessions[len(p.Sessions)-1].Last != at && at.Before(end) {
				rt.Fatalf("the newest session is not watched: %d sessions", len(p.Sessions))
			}
		})
	}
}

func reread(rt *rapid.T, p Profile) Profile {
	b, err := p.Encode()
	if err != nil || len(b) > MaxBytes {
		rt.Fatalf("the row has %d bytes, %v", len(b), err)
	}
	q, err := Decode(b)
	if err != nil || len(q.Devices) > MaxDevices || len(q.Networks) > MaxNetworks || len(q.Countries) > MaxCountries || len(q.Sessions) > MaxSessions {
		rt.Fatalf("the row has %d devices, %d networks, %d countries, %d sessions, %v", len(q.Devices), len(q.Networks), len(q.Countries), len(q.Sessions), err)
	}
	return q
}

func clone(p Profile) Profile {
	p.Devices, p.Networks = slices.Clone(p.Devices), slices.Clone(p.Networks)
	return p
}

func keysOf(p Profile) (out []string) {
	for _, d := range p.Devices {
		out = append(out, d.Key)
	}
	for _, n := range p.Networks {
		out = append(out, n.Key)
	}
	return out
}

// TestG16_NothingIsUsualBeforeAWeek: signing in again and again does not make
// a device usual; a week, or a proof, does.
func TestG16_NothingIsUsualBeforeAWeek(t *testing.T) {
	var p Profile
	p.LearnLogin(begin, Seen{Device: "hers", Network: "n1"})
	if d, _ := p.Device("hers"); !d.Usual(begin) {
		t.Error("the device of the registration is not usual")
	}
	for i := range 100 {
		p.LearnLogin(begin.Add(time.Duration(i)*time.Minute), Seen{Device: "his", Network: "n2", Session: "s"})
	}
	d, _ := p.Device("his")
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {Quiet - time.Second, false}, {Quiet, true}} {
		if got := d.Usual(begin.Add(c.after)); got != c.want {
			t.Errorf("after %s usual is %v, want %v", c.after, got, c.want)
		}
	}
	p.Unlearn("s")
	if _, ok := p.Device("his"); ok {
		t.Error("what his session brought in is still there")
	}
	if _, ok := p.Device("hers"); !ok {
		t.Error("her device was unlearned with his")
	}
}

// TestTrust: a confirmed session's device and network count from now on.
func TestTrust(t *testing.T) {
	var p Profile
	p.LearnLogin(begin, Seen{Device: "old", Network: "n1"})
	p.LearnLogin(begin.Add(time.Hour), Seen{Device: "new", Network: "n2", Session: "s"})
	p.KeepSession(Session{ID: "s", Device: "new", Network: "n2", Terms: Weights{{"device_new", 2.5}}})
	p.Trust("s")
	d, _ := p.Device("new")
	n, _ := p.Network("n2")
	s, _ := p.Session("s")
	if !d.Usual(begin) || !n.Usual(begin) || s.Verdict != "customer" || len(s.Terms) != 0 {
		t.Errorf("after trust: device %+v, network %+v, session %+v", d, n, s)
	}
	p.Trust("unknown") // changes nothing
}

// TestRoundTrip: a row says afterwards what it said before.
func TestRoundTrip(t *testing.T) {
	var p Profile
	p.LearnLogin(begin, Seen{Device: "d", Network: "n", Place: geo.Place{Country: "JP"}, Lang: "ja", Session: "s"})
	p.LearnFailure(begin)
	p.LearnOrder(&event.Order{Total: &event.Money{Amount: 4800}})
	p.KeepSession(Session{ID: "s", Began: begin, Last: begin, Marks: Marks{{"address", 1}}})
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	q, err := Decode(b)
	if d := cmp.Diff(p, q); err != nil || d != "" {
		t.Errorf("after the round trip (%v):\n%s", err, d)
	}
	if _, err := Decode([]byte(`{"d":`)); err == nil {
		t.Error("a broken row was read")
	}
	if q, err := Decode(nil); err != nil || q.Logins != 0 {
		t.Errorf("an empty row gives %+v, %v", q, err)
	}
}

func TestFailuresOfTheHour(t *testing.T) {
	var p Profile
	for i := range 5 {
		p.LearnFailure(begin.Add(time.Duration(i) * time.Minute))
	}
	for after, want := range map[time.Duration]int{5 * time.Minute: 5, 59 * time.Minute: 5, 61 * time.Minute: 0} {
		if got := p.FailedLogins(begin.Add(after)); got != want {
			t.Errorf("after %s: %d failures, want %d", after, got, want)
		}
	}
}

func FuzzParseAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1")
	f.Add("<script>\x00")
	f.Fuzz(func(t *testing.T, s string) {
		a := ParseAgent(s)
		if text := a.String(); strings.ContainsAny(text, "<>\x00\n") || len(text) > 90 {
			t.Errorf("ParseAgent(%q) reads %q", s, text)
		}
		if len(DeviceKey("", a)) > 90 || !strings.HasPrefix(DeviceKey(s+"x", a), "t") {
			t.Errorf("keys of %q", s)
		}
	})
}
