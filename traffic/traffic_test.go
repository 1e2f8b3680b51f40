package traffic

import (
	"fmt"
	"math"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

var now = time.Date(2026, 11, 10, 12, 30, 0, 0, time.UTC)

func login(i int, network string, o event.Outcome, at time.Time) Login {
	return Login{At: at, Account: [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}, Outcome: o, Network: network, ASN: 20473, Kind: geo.Hosting, Agent: "Firefox / Linux", Lang: "en"}
}

// TestCampaign: one hand that tries many accounts and mostly fails.
func TestCampaign(t *testing.T) {
	for _, c := range []struct {
		Count
		want bool
	}{
		{Count{}, false}, {Count{10, 10, 7}, false}, {Count{10, 10, 8}, true}, {Count{10, 8, 10}, false}, {Count{100, 81, 50}, true},
		{Count{10_000, 10_000, 1}, false}, // ten thousand failures on one account are no campaign
	} {
		if got := c.Campaign(); got != c.want {
			t.Errorf("%+v is a campaign: %v", c.Count, got)
		}
	}
}

// TestCounts: attempts and failures are exact, accounts estimated within 15 %
// up to some hundred; a network's view holds nothing of another's.
func TestCounts(t *testing.T) {
	for _, accounts := range []int{1, 8, 50, 200} {
		tr := New(0)
		for i := range accounts * 3 {
			o := event.WrongPassword
			if i%10 == 0 {
				o = event.Succeeded
			}
			tr.Note(login(i%accounts, "a", o, now))
		}
		v := tr.View(login(0, "a", event.Succeeded, now)).Network
		if v.Attempts != accounts*3 || v.Failures != accounts*3-(accounts*3+9)/10 {
			t.Errorf("%d accounts: %+v", accounts, v)
		}
		if off := math.Abs(float64(v.Accounts-accounts)) / float64(accounts); off > 0.15 && math.Abs(float64(v.Accounts-accounts)) > 1 {
			t.Errorf("%d accounts are estimated as %d", accounts, v.Accounts)
		}
		if v := tr.View(login(0, "b", event.Succeeded, now)); v.Network.Attempts != 0 || v.Client.Attempts != accounts*3 {
			t.Errorf("another network of the same client sees %+v", v)
		}
	}
}

// TestWindow: what is older than a day counts no longer, and a day later the
// same hour begins anew.
func TestWindow(t *testing.T) {
	tr := New(0)
	tr.Note(login(1, "a", event.WrongPassword, now))
	for after, want := range map[time.Duration]int{0: 1, 23 * time.Hour: 1, 24 * time.Hour: 0, 100 * time.Hour: 0} {
		if got := tr.View(login(1, "a", event.Succeeded, now.Add(after))).Network.Attempts; got != want {
			t.Errorf("after %s: %d attempts, want %d", after, got, want)
		}
	}
	tr.Note(login(1, "a", event.WrongPassword, now.Add(24*time.Hour)))
	tr.Note(login(1, "a", event.WrongPassword, now)) // late: its hour is over
	if got := tr.View(login(1, "a", event.Succeeded, now.Add(24*time.Hour))).Network.Attempts; got != 1 {
		t.Errorf("a day later: %d attempts, want 1", got)
	}
}

// TestBounded: whatever comes in, the table stays within its bound, and what
// is going on now survives a flood of single attempts better than nothing.
func TestBounded(t *testing.T) {
	tr := New(1000)
	for i := range 20_000 {
		tr.Note(login(i, fmt.Sprint("n", i), event.WrongPassword, now))
		if len(tr.cells) > 1001 {
			t.Fatalf("%d cells", len(tr.cells))
		}
	}
}
