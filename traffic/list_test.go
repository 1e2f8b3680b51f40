package traffic

import (
	"fmt"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/geo"
)

// TestOldBrowsersOfAList: a list of names, all but one in twelve of which nobody has here,
// tried over a week from homes, on browsers that the tool turns over and that
// are some versions old. Hardly a customer has such a version still, but many
// have the browser.
func TestOldBrowsersOfAList(t *testing.T) {
	w := newWorld(4)
	for d := range 20 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	const tries = 1200
	found := -1
	from := begin.AddDate(0, 0, 20)
	for i := range tries {
		at := from.Add(time.Duration(i) * 7 * 24 * time.Hour / tries)
		w.hour(at, i, tries/(7*24))
		o := event.UnknownAccount
		if i%12 == 0 {
			o = event.WrongPassword
		}
		agent := fmt.Sprintf("%s %d Windows", [...]string{"Chrome", "Safari"}[i%2], 128+i%8)
		w.t.Note(w.attempt(at, 600_000+i, fmt.Sprintf("219.%d.%d.0/24", w.rnd.IntN(250), w.rnd.IntN(250)), agent, o, false))
		if len(w.t.Campaigns(from)) > 0 && found < 0 {
			found = i
		}
	}
	if found < 0 || found > tries/5 {
		t.Fatalf("found after %d of %d tries, want before a fifth", found, tries)
	}
}

// TestNoiseFromTheFirstDay: the noise that was there before anybody counted is
// no campaign, though nothing is known yet of what is usual.
func TestNoiseFromTheFirstDay(t *testing.T) {
	w := newWorld(6)
	for d := range 14 {
		for i := range 320 { // one in seven on a name that somebody has
			at := begin.AddDate(0, 0, d).Add(time.Duration(i) * 24 * time.Hour / 320)
			w.hour(at, i, 13)
			o := event.UnknownAccount
			if i%7 == 0 {
				o = event.WrongPassword
			}
			l := w.attempt(at, 2_000_000+w.n, fmt.Sprintf("3.%d.%d.0/24", w.rnd.IntN(250), w.rnd.IntN(250)), agents[w.rnd.IntN(5)], o, false)
			l.Kind, l.Country, l.ASN, l.Lang, l.Accept = geo.Hosting, "US", 16509, "en", "en"
			w.t.Note(l)
		}
	}
	if got := w.t.Campaigns(begin); len(got) > 0 {
		t.Errorf("%d campaigns, the first by %s (%s), of %d attempts", len(got), got[0].Family, got[0].Name, got[0].Attempts)
	}
}
