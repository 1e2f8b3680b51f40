package assess

import (
	"math"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// TestWhoElseUsesTheLine: on a line that is new to her, others make it
// likelier that it is she; on her own they say nothing; and where all lines
// are full, for homes too, a full one excuses little.
func TestWhoElseUsesTheLine(t *testing.T) {
	score := func(network string, asn uint32, others float64, full bool) float64 {
		return signIn(her(), func(f *Facts, l *event.Login) {
			f.Network, f.Place = network, geo.Place{Country: "JP", ASN: asn, Kind: geo.Access}
			f.Traffic.Network = traffic.Level{Good: others}
			for sort := range crowds {
				for fill := range fills {
					if full {
						f.Traffic.Habits[habitCrowd+sort*fills+fill] = []float32{20, 20, 4000}[fill]
					}
				}
			}
		}).Score
	}
	for _, c := range []struct {
		name    string
		network string
		asn     uint32
	}{{"another line of her operator", "106.72.99.0/24", 2516}, {"another operator", "126.1.1.0/24", 17676}} {
		empty, crowded := score(c.network, c.asn, 0, false), score(c.network, c.asn, 40, false)
		if crowded > empty-0.4 {
			t.Errorf("%s: %.2f where nobody else is, %.2f where many are", c.name, empty, crowded)
		}
		everywhere := score(c.network, c.asn, 40, true)
		if d := score(c.network, c.asn, 0, true) - everywhere; d < 0.3 {
			t.Errorf("%s: an empty line among full ones is only %.2f worse", c.name, d)
		}
		if everywhere < crowded {
			t.Errorf("%s: a full line excuses %.2f where all are full, %.2f where few are", c.name, everywhere, crowded)
		}
	}
	if a, b := score("106.72.45.0/24", 2516, 15, false), score("106.72.45.0/24", 2516, 40, false); math.Abs(a-b) > 1 {
		t.Errorf("her own line scores %.2f and %.2f", a, b)
	}
}

// TestSeldomUsed: of two accounts the one that is signed in to once a season
// is likelier in other hands than the one signed in to every day, and little
// is made of it.
func TestSeldomUsed(t *testing.T) {
	weight := func(logins int, days int) float64 {
		f := &Facts{Profile: &profile.Profile{Logins: logins, FirstSeen: now.Add(-time.Duration(days) * 24 * time.Hour)}, Event: event.Event{Time: now}}
		s, _ := rhythm(f)
		return s.tempered().Weight
	}
	daily, middling, seldom := weight(200, 200), weight(5, 230), weight(1, 270)
	if !(daily < -0.2 && math.Abs(middling) < 0.2 && seldom > 0.1) {
		t.Errorf("daily %.2f, middling %.2f, seldom %.2f", daily, middling, seldom)
	}
	if weight(100_000, 1) < -0.6 || weight(1, 5000) > 0.6 {
		t.Errorf("no bounds: %.2f, %.2f", weight(100_000, 1), weight(1, 5000))
	}
	if s, ok := rhythm(&Facts{Profile: &profile.Profile{}, Event: event.Event{Time: now}}); ok {
		t.Errorf("an account without a past has a rhythm: %v", s)
	}
}

// TestHerHourExcusesNoProxy: that it is her hour speaks for her where a
// stranger chose the time, not where she was led to a false page.
func TestHerHourExcusesNoProxy(t *testing.T) {
	p := her()
	for i := range p.Hours {
		p.Hours[i] = 0
	}
	p.Hours[now.In(p.Location()).Hour()] = 30
	hourOf := func(change func(*Facts, *event.Login)) float64 {
		a := signIn(p, change)
		for _, s := range a.Signals {
			if s.Name == "hour_usual" {
				return s.Weight
			}
		}
		return 0
	}
	proxied := hourOf(func(f *Facts, l *event.Login) {
		f.Network, f.Place = "52.192.1.0/24", geo.Place{Country: "JP", ASN: 16509, Kind: geo.Hosting}
		l.Device = ""
	})
	if home := hourOf(nil); !(home <= -0.8 && proxied >= home/2) {
		t.Errorf("her hour counts %.2f at home and %.2f from a server on her browser without her mark", home, proxied)
	}
}

// TestNewPhonesExcuseNoLostCookie: where customers bring new phones onto new
// lines, such a pair is hers oftener; a lost cookie on her old browser is not.
func TestNewPhonesExcuseNoLostCookie(t *testing.T) {
	score := func(browser string, pairs float32) float64 {
		return signIn(her(), func(f *Facts, l *event.Login) {
			f.Network, f.Place.ASN = "126.1.1.0/24", 17676
			l.Device = ""
			if browser != "" {
				l.UserAgent = browser
			}
			from := habitBoth + len(startPair)*(seasons-2)
			for i, n := range []float32{6000, 1500, 500, 100, 100, 800} {
				f.Traffic.Habits[from+i] = pairs * n
			}
		}).Score
	}
	if phone := score(firefox, 0) - score(firefox, 1); phone < 0.2 {
		t.Errorf("a new browser on a new line is excused by %.2f where they come together", phone)
	}
	if lost := score("", 0) - score("", 1); lost > 0.1 {
		t.Errorf("a lost cookie on a new line is excused by %.2f where new phones come on new lines", lost)
	}
}
