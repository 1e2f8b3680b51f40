package assess

import (
	"fmt"
	"math"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

const (
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// her is an account with a year behind it: one PC with our token, at home, in
// the evening.
func her() *profile.Profile {
	p := &profile.Profile{}
	a := profile.ParseAgent(fmt.Sprintf(windows, 141))
	for day := 300; day >= 20; day -= 20 {
		at := now.Add(-time.Duration(day) * 24 * time.Hour)
		p.LearnLogin(at, profile.Seen{Session: fmt.Sprint("s", day), Device: profile.DeviceKey("tok", a), Agent: a.String(), Network: "106.72.45.0/24",
			Place: geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, Lang: "ja", Major: 141, Print: profile.PrintKey("ja", ""), Delay: math.Log(12)})
	}
	return p
}

// signIn is a login of hers but for what change does to it.
func signIn(p *profile.Profile, change func(*Facts, *event.Login)) Assessment {
	rtt := 12
	l := &event.Login{Outcome: event.Succeeded, Session: "x", IP: "106.72.45.9", UserAgent: fmt.Sprintf(windows, 141), AcceptLanguage: "ja", Device: "tok", RTTMillis: &rtt}
	f := Facts{Profile: p, Network: "106.72.45.0/24", Place: geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, Event: event.Event{Time: now, Kind: event.LoginAttempted, Payload: l},
		Traffic: traffic.View{Known: true, Home: "JP", All: traffic.Level{Good: 5000, Bad: 200}, RTT: traffic.Delay{N: 100, Mean: math.Log(12), Dev: 0.2}}}
	if change != nil {
		change(&f, l)
	}
	f.Agent = profile.ParseAgent(l.UserAgent)
	return Login(f)
}

// TestWhoLooksWorse: what each sign of a stranger does, compared in pairs.
func TestWhoLooksWorse(t *testing.T) {
	p := her()
	usual := signIn(p, nil).Score
	cookieLost := signIn(p, func(_ *Facts, l *event.Login) { l.Device = "" }).Score
	update := signIn(p, func(_ *Facts, l *event.Login) { l.UserAgent = fmt.Sprintf(windows, 142) }).Score
	back := signIn(p, func(_ *Facts, l *event.Login) { l.UserAgent = fmt.Sprintf(windows, 120) }).Score
	onTheWay := signIn(p, func(f *Facts, _ *event.Login) { f.Network = "106.72.99.0/24" }).Score
	friend := signIn(p, func(f *Facts, _ *event.Login) { f.Network, f.Place.ASN = "126.1.1.0/24", 17676 }).Score
	relay := signIn(p, func(f *Facts, _ *event.Login) {
		f.Network, f.Place = "172.224.1.0/24", geo.Place{Country: "JP", ASN: 36183, Kind: geo.Relay}
	}).Score
	vpn := func(f *Facts, l *event.Login) {
		f.Network, f.Place = "146.70.31.0/24", geo.Place{Country: "JP", ASN: 9009, Kind: geo.VPN}
	}
	hidden := signIn(p, vpn).Score
	stranger := signIn(p, func(f *Facts, l *event.Login) { vpn(f, l); l.Device, l.UserAgent = "", firefox }).Score
	slow := signIn(p, func(f *Facts, l *event.Login) { ms := 160; l.RTTMillis = &ms }).Score
	stolen := signIn(p, func(f *Facts, l *event.Login) { vpn(f, l) }).Score
	for _, c := range []struct {
		name          string
		better, worse float64
	}{
		{"a lost cookie", usual, cookieLost}, {"an update is nearly nothing", update, usual + 1}, {"a version from long ago", update, back},
		{"another network of her operator", usual, onTheWay}, {"another operator", usual, friend},
		{"a VPN", friend, hidden}, {"a privacy relay says little", relay, usual + 2.5}, {"a relay is no VPN", relay, hidden}, {"a VPN and a strange browser", hidden, stranger},
		{"a long way round", usual, slow}, {"her cookie on a VPN is worse than at home", usual, stolen},
	} {
		if !(c.better < c.worse) {
			t.Errorf("%s: %.2f is not below %.2f", c.name, c.better, c.worse)
		}
	}
	if stranger < Prior+2.5 || usual > Prior {
		t.Errorf("a stranger scores %.2f, she herself %.2f; the prior is %.2f", stranger, usual, Prior)
	}
}

// TestLeavingOneOut: without a reason the score is what it was less that
// reason's weight (B4: "without this: p = …").
func TestLeavingOneOut(t *testing.T) {
	a := signIn(her(), func(f *Facts, l *event.Login) {
		f.Network, f.Place = "146.70.31.0/24", geo.Place{Country: "NL", ASN: 9009, Kind: geo.Hosting}
		l.Device, l.UserAgent, l.AcceptLanguage, l.PasswordBreached = "", firefox, "en-US", true
	})
	if len(a.Signals) < 4 {
		t.Fatalf("only %d signals: %v", len(a.Signals), a.Signals)
	}
	for i, s := range a.Signals {
		rest := append(append([]Signal{}, a.Signals[:i]...), a.Signals[i+1:]...)
		without := sum(rest, nil)
		if math.Abs(without.Score-(a.Score-s.Weight)) > 1e-9 {
			t.Errorf("without %s: %v, want %v", s.Name, without.Score, a.Score-s.Weight)
		}
		if s.Weight > 0 && without.Probability >= a.Probability {
			t.Errorf("without %s, which spoke against her, it is no likelier hers", s.Name)
		}
	}
}

// TestG16_NobodyIsLearnedBeforeHeIsTrusted: an intruder who signs in every day
// for six days looks no better on the sixth; once found out, he looks worse
// than at first.
func TestG16_NobodyIsLearnedBeforeHeIsTrusted(t *testing.T) {
	his := func(f *Facts, l *event.Login) {
		f.Network, f.Place = "219.9.9.0/24", geo.Place{Country: "JP", ASN: 17676, Kind: geo.Access}
		l.Device, l.UserAgent = "his", firefox
	}
	p := her()
	first := signIn(p, his)
	a := profile.ParseAgent(firefox)
	for day := 6; day >= 1; day-- {
		at := now.Add(-time.Duration(day) * 24 * time.Hour)
		p.LearnLogin(at, profile.Seen{Session: "his", Device: profile.DeviceKey("his", a), Agent: a.String(), Network: "219.9.9.0/24",
			Place: geo.Place{Country: "JP", ASN: 17676, Kind: geo.Access}, Strange: true})
		p.KeepSession(profile.Session{ID: "his", Began: at, Last: at, Device: profile.DeviceKey("his", a), Network: "219.9.9.0/24", ASN: 17676, Agent: a.Family(), Terms: first.Terms()})
	}
	for _, s := range signIn(p, his).Signals {
		if s.Group == Network && s.Weight < 0 && (s.Name == "network_known" || s.Name == "operator_known") {
			t.Errorf("after six days his line counts as hers: %+v", s)
		}
		if s.Name == "device_known" {
			t.Errorf("after six days his device counts as hers: %+v", s)
		}
	}
	p.Unlearn("his")
	if again := signIn(p, his); again.Score < first.Score+2 {
		t.Errorf("found out, he scores %.2f when he comes again; at first it was %.2f", again.Score, first.Score)
	}
	if hers := signIn(p, nil); hers.Score > Prior {
		t.Errorf("after his time she scores %.2f", hers.Score)
	}
}

// TestTheftStandsBesideTheSignIn: a session that goes on from a VPN on another
// browser is suspicious however well it began.
func TestTheftStandsBesideTheSignIn(t *testing.T) {
	p := her()
	a := signIn(p, nil)
	agent := profile.ParseAgent(fmt.Sprintf(windows, 141))
	s := &profile.Session{ID: "x", Began: now, Last: now, Device: profile.DeviceKey("tok", agent), Network: "106.72.45.0/24", ASN: 2516, Country: "JP", Known: true,
		Agent: agent.Family(), Major: 141, Terms: a.Terms()}
	onward := func(network string, place geo.Place, ua, device string) Assessment {
		return Act(Facts{Profile: p, Network: network, Place: place, Traffic: traffic.View{Home: "JP"},
			Event: event.Event{Kind: event.SessionSeen, Time: now.Add(time.Hour), Payload: &event.Session{Session: "x", IP: "192.0.2.1", UserAgent: ua, Device: device}}}, s)
	}
	home := onward("106.72.45.0/24", geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, fmt.Sprintf(windows, 141), "tok")
	updated := onward("106.72.45.0/24", geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, fmt.Sprintf(windows, 142), "tok")
	way := onward("126.1.1.0/24", geo.Place{Country: "JP", ASN: 17676, Kind: geo.Access}, fmt.Sprintf(windows, 141), "tok")
	thief := onward("146.70.31.0/24", geo.Place{Country: "NL", ASN: 9009, Kind: geo.VPN}, firefox, "")
	if len(home.Fresh) != 0 || len(updated.Fresh) != 0 {
		t.Errorf("at home: %v, after an update: %v", home.Fresh, updated.Fresh)
	}
	cleared := onward("106.72.45.0/24", geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, fmt.Sprintf(windows, 141), "new")
	if len(cleared.Fresh) != 0 {
		t.Errorf("at home, on the same browser, with a token given anew: %v", cleared.Fresh)
	}
	taken := onward("146.70.31.0/24", geo.Place{Country: "NL", ASN: 9009, Kind: geo.VPN}, fmt.Sprintf(windows, 141), "new")
	if taken.Score < Prior+5 {
		t.Errorf("on another line, with another token: %.2f", taken.Score)
	}
	if way.Score > Prior+2 {
		t.Errorf("another line on the way scores %.2f", way.Score)
	}
	if thief.Score < Prior+5 || thief.Score < way.Score+3 {
		t.Errorf("the thief scores %.2f, she on the way %.2f", thief.Score, way.Score)
	}
}

// TestValuesOf: the same address is the same however it is written; what is
// too short to mean anything is left.
func TestValuesOf(t *testing.T) {
	of := func(kind event.ResourceKind, id, after string) []string {
		return ValuesOf(event.Event{Payload: &event.Change{Resource: event.Resource{Kind: kind, ID: id}, Op: event.Added, After: []byte(after)}})
	}
	a := of(event.Address, "a1", `{"recipient":"A","postal_code":"530-0001","line":"大阪市北区 1-1"}`)
	b := of(event.Address, "zz", `{"recipient":"B","postal_code":"5300001","line":"大阪市北区1-1"}`)
	if len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("the same address is %v and %v", a, b)
	}
	if got := of(event.Contact, "phone", `{"phone":"1"}`); len(got) != 0 {
		t.Errorf("a digit is a value: %v", got)
	}
	if got := of(event.Address, "a", `[1]`); len(got) != 0 {
		t.Errorf("no object: %v", got)
	}
}

func FuzzValuesOf(f *testing.F) {
	f.Add("address", `{"line":"x","postal_code":"1"}`)
	f.Fuzz(func(t *testing.T, kind, after string) {
		for _, v := range ValuesOf(event.Event{Payload: &event.Change{Resource: event.Resource{Kind: event.ResourceKind(kind)}, Op: event.Changed, After: []byte(after)}}) {
			if len(v) != 12 {
				t.Errorf("ValuesOf = %q", v)
			}
		}
	})
}

// TestAbsurdLogins: empty and endless user agents, times out of this world,
// no address: every login is weighed, none crashes or scores NaN.
func TestAbsurdLogins(t *testing.T) {
	long := make([]byte, 8<<10)
	for i := range long {
		long[i] = byte('a' + i%26)
	}
	zero, huge := 0, 600_000
	for _, p := range []*profile.Profile{her(), {}} {
		for _, ua := range []string{"", string(long), "\x00\xff", "Mozilla/5.0 ()"} {
			for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), now} {
				for _, rtt := range []*int{nil, &zero, &huge} {
					a := signIn(p, func(f *Facts, l *event.Login) {
						l.UserAgent, l.RTTMillis, f.Event.Time, f.Network, f.Place = ua, rtt, at, "", geo.Place{Kind: geo.Unknown}
						l.AcceptLanguage = string(long)
					})
					if !a.Assessed || math.IsNaN(a.Score) || a.Probability <= 0 || a.Probability >= 1 {
						t.Errorf("%d bytes of user agent at %s: %+v", len(ua), at, a)
					}
				}
			}
		}
	}
}

// TestHabitsFit: every index is within what traffic keeps.
func TestHabitsFit(t *testing.T) {
	if habitEnd > len(traffic.Habits{}) {
		t.Errorf("%d habits, room for %d", habitEnd, len(traffic.Habits{}))
	}
}

func BenchmarkLogin(b *testing.B) {
	p := her()
	b.ReportAllocs()
	for b.Loop() {
		signIn(p, nil)
	}
}
