package assess

import (
	"fmt"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// weightOf is a signal's weight; 0 when it does not speak.
func weightOf(a Assessment, name string) float64 {
	for _, s := range a.Signals {
		if s.Name == name {
			return s.Weight
		}
	}
	return 0
}

// comer is a customer with so many sign-ins from home on one browser.
func comer(signIns int) *profile.Profile {
	p := &profile.Profile{}
	for i := range signIns {
		p.LearnLogin(now.Add(-time.Duration(400-10*i)*24*time.Hour), profile.Seen{Session: fmt.Sprint(i), Device: "achrome/windows", Agent: "Chrome (Windows)",
			Network: "home", Place: geo.Place{Country: "JP", ASN: 2516, Kind: geo.Access}, Lang: "ja"})
	}
	return p
}

// TestNewDeviceByHowLongSheIsKnown: a browser that she never had says more of
// an account that came twenty times on the same than of one that came twice.
func TestNewDeviceByHowLongSheIsKnown(t *testing.T) {
	other := func(f *Facts, l *event.Login) {
		l.Device, l.UserAgent = "", firefox
	}
	young, old := weightOf(signIn(comer(2), other), "device_new"), weightOf(signIn(comer(20), other), "device_new")
	if old < young+0.5 {
		t.Errorf("a new browser weighs %.2f after 2 sign-ins and %.2f after 20, want clearly more", young, old)
	}
}

// TestHisLineIsNotHersToo: after an intruder who copied her browser on a line
// of her operator, she is not taken for him; on another browser he is.
func TestHisLineIsNotHersToo(t *testing.T) {
	p := comer(20)
	p.Foes = []profile.Foe{{At: now.Add(-48 * time.Hour), Network: "n", ASN: 2516, Agent: "chrome/windows"}, {At: now.Add(-48 * time.Hour), Network: "n", ASN: 2516, Agent: "firefox/linux"}}
	for agent, want := range map[string]bool{
		fmt.Sprintf(windows, 141): false,
		firefox:                   true,
	} {
		a := signIn(p, func(f *Facts, l *event.Login) { l.Device, l.UserAgent = "", agent })
		if got := weightOf(a, "foe_alike") > 0; got != want {
			t.Errorf("%s: foe_alike is %v, want %v", profile.ParseAgent(agent), got, want)
		}
	}
}

// TestRentedLineWithoutHerDevice: a rented machine weighs more on a device that
// her token does not name than the line alone.
func TestRentedLineWithoutHerDevice(t *testing.T) {
	line := func(f *Facts, l *event.Login) {
		l.Device, f.Network, f.Place = "", "n", geo.Place{Country: "JP", ASN: 9009, Kind: geo.VPN}
		f.Traffic.Class, f.Traffic.Country, f.Traffic.Operator = traffic.Level{Good: 500}, traffic.Level{Good: 500}, traffic.Level{Good: 200}
		f.Traffic.Habits[habitNovel+novelties+hiddenNew] = 40
	}
	var alone float64
	a := signIn(comer(5), func(f *Facts, l *event.Login) {
		line(f, l)
		f.Agent = profile.ParseAgent(l.UserAgent)
		alone, _ = networkWeight(f)
	})
	if got := weightOf(a, "network_vpn"); got < 1.2*alone*temper {
		t.Errorf("a rented line without her device weighs %.2f, alone %.2f", got, alone*temper)
	}
}
