package profile

import (
	"testing"
	"time"
)

// TestWhatWasHersIsNoMark: an intruder with her cookie, or behind her own
// line, leaves neither behind as a mark of his; what he brought in he does.
func TestWhatWasHersIsNoMark(t *testing.T) {
	his := begin.Add(30 * 24 * time.Hour)
	for _, c := range []struct {
		name            string
		device, network string
		want            Foe
	}{
		{"her cookie", "hers", "elsewhere", Foe{Network: "elsewhere"}},
		{"her line", "his", "home", Foe{Device: "his"}},
		{"his own", "his", "elsewhere", Foe{Device: "his", Network: "elsewhere"}},
	} {
		var p Profile
		p.LearnLogin(begin, Seen{Device: "hers", Network: "home", Session: "first"})
		p.LearnLogin(his, Seen{Device: c.device, Network: c.network, Session: "s"})
		p.KeepSession(Session{ID: "s", Began: his, Last: his, Device: c.device, Network: c.network})
		p.Unlearn("s")
		if len(p.Foes) != 1 || p.Foes[0].Device != c.want.Device || p.Foes[0].Network != c.want.Network {
			t.Errorf("%s: remembered of him %+v, want %+v", c.name, p.Foes, c.want)
		}
	}
}
