package assess

import (
	"testing"

	"mimamori/event"
	"mimamori/geo"
	"mimamori/traffic"
)

// TestFirstTimesAreCountedByThemselves: that some customers sign in through a
// VPN every day excuses nobody who does so for the first time; that many do
// for the first time does.
func TestFirstTimesAreCountedByThemselves(t *testing.T) {
	vpn := func(class, firsts float64) float64 {
		return signIn(her(), func(f *Facts, l *event.Login) {
			f.Network, f.Place = "146.70.31.0/24", geo.Place{Country: "JP", ASN: 9009, Kind: geo.VPN}
			f.Traffic.Class = traffic.Level{Good: class * f.Traffic.All.Good}
			f.Traffic.Country, f.Traffic.Operator = f.Traffic.Class, traffic.Level{Good: class * f.Traffic.All.Good / 4}
			for a := range ages {
				f.Traffic.Habits[habitNovel+a*novelties+hiddenNew] = float32(2000 * firsts)
				f.Traffic.Habits[habitNovel+a*novelties+noneNew] = float32(2000 * (1 - firsts))
			}
		}).Score
	}
	rare, everyday, common := vpn(0.005, 0.002), vpn(0.05, 0.002), vpn(0.05, 0.05)
	if everyday < rare-0.7 {
		t.Errorf("a first VPN scores %.2f where a twentieth of all sign-ins come by one, %.2f where hardly any do: that is somebody else's habit", everyday, rare)
	}
	if common > everyday-0.7 {
		t.Errorf("a first VPN scores %.2f where first times are common, %.2f where they are not", common, everyday)
	}
}

// TestObscureOperators: a line of an operator that no customer uses, which no
// table knows for a relay, speaks for an intruder more than a large one's.
func TestObscureOperators(t *testing.T) {
	at := func(good float64) float64 {
		return signIn(her(), func(f *Facts, l *event.Login) {
			f.Network, f.Place = "103.5.1.0/24", geo.Place{Country: "JP", ASN: 4711, Kind: geo.Access}
			f.Traffic.Class, f.Traffic.Country = traffic.Level{Good: 4900}, traffic.Level{Good: 4900}
			f.Traffic.Operator = traffic.Level{Good: good}
		}).Score
	}
	if obscure, large := at(0), at(600); obscure < large+0.5 {
		t.Errorf("an operator without customers scores %.2f, one with many %.2f", obscure, large)
	}
}

// TestTravellersCarryTheirDevice: her own device abroad is a journey; her own
// device on a relay that she never used is a stolen cookie as likely.
func TestTravellersCarryTheirDevice(t *testing.T) {
	from := func(p geo.Place, device string) float64 {
		return signIn(her(), func(f *Facts, l *event.Login) {
			f.Network, f.Place, l.Device = "14.160.1.0/24", p, device
			l.RTTMillis = nil
		}).Score
	}
	abroad, relay := geo.Place{Country: "VN", ASN: 45899, Kind: geo.Access}, geo.Place{Country: "JP", ASN: 9009, Kind: geo.VPN}
	if hers, other := from(abroad, "tok"), from(abroad, ""); hers > other-2 {
		t.Errorf("abroad her own device scores %.2f, an unknown one %.2f", hers, other)
	}
	if journey, stolen := from(abroad, "tok"), from(relay, "tok"); stolen < journey+0.5 {
		t.Errorf("her device on a relay scores %.2f, on a journey %.2f", stolen, journey)
	}
}
