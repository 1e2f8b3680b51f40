package measure

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/replay"
	"mimamori/simulate"
)

func TestThresholdIsReachedByAtMostItsShare(t *testing.T) {
	var scores []float64
	for i := range 1000 {
		scores = append(scores, float64(i%500)) // each twice
	}
	for _, share := range []float64{0, 0.001, 0.01, 0.0105, 0.5} {
		limit := threshold(scores, share)
		if got := above(scores, limit); got > share || share-got > 0.002 {
			t.Errorf("at %g %% of the list %g %% reach the threshold", 100*share, 100*got)
		}
	}
	if !math.IsInf(threshold(nil, 0.01), 1) || !math.IsInf(threshold(scores, 1), -1) {
		t.Error("of nothing, or of all")
	}
}

func TestRanksAndArea(t *testing.T) {
	sorted := []float64{1, 2, 2, 3}
	for score, want := range map[float64]float64{0: 1, 1: 0.875, 2: 0.5, 2.5: 0.25, 3: 0.125, 4: 0} {
		if got := rank(sorted, score); got != want {
			t.Errorf("rank(%g) = %g, want %g", score, got, want)
		}
	}
	if got := AUC([]float64{0, 1, 0.5}); got != 0.5 {
		t.Errorf("AUC = %g", got)
	}
}

// day is a world of one day, by hand: 100 genuine logins before and after, an
// intruder with an order, and a campaign of four attempts.
func day(t *testing.T) *World {
	t.Helper()
	dir := t.TempDir()
	at := func(minute int) string {
		return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC).Format("2006-01-02T15:04:05.000Z07:00")
	}
	truth := strings.Join(simulate.TruthHeader, ",") + "\n" +
		"x1," + at(900) + ",v,sx,login.attempted,vpn,,t1,1\nx2," + at(910) + ",v,sx,order.placed,vpn,,t1,\nx3," + at(1000) + ",v,,order.shipped,vpn,,t1,\n"
	for i := range 4 {
		take, first := "", ""
		if i == 3 {
			take, first = "t2", "1"
		}
		truth += fmt.Sprintf("k%d,%s,w%d,sk%d,login.attempted,spray,K1,%s,%s\n", i, at(1100+i), i, i, take, first)
	}
	if err := os.WriteFile(filepath.Join(dir, simulate.TruthFile), []byte(truth), 0o644); err != nil {
		t.Fatal(err)
	}
	tr, err := ReadTruth(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorld(tr)
	put := func(id, subject, session string, minute int, kind event.Kind, payload any, p float64, d decide.Decision, campaign ...string) {
		e := event.Event{ID: id, Kind: kind, Subject: subject, Session: session, Time: time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC), Payload: payload}
		w.See(e, geo.Place{Country: "JP", ASN: 4713})
		if err := w.Row(replay.Row{EventID: id, Subject: subject, Session: session, Type: string(kind), Assessed: true, Probability: p, Decision: d, Campaigns: campaign, At: e.Time}); err != nil {
			t.Fatal(err)
		}
	}
	in := func(session string) *event.Login {
		return &event.Login{Outcome: event.Succeeded, Session: session, IP: "126.0.0.1", UserAgent: "UA"}
	}
	for i := range 200 {
		put(fmt.Sprint("g", i), fmt.Sprint("c", i%50), fmt.Sprint("s", i), i*7, event.LoginAttempted, in(fmt.Sprint("s", i)), float64(i%100)/1000, decide.Allow)
	}
	put("x1", "v", "sx", 900, event.LoginAttempted, in("sx"), 0.5, decide.Challenge)
	put("x2", "v", "sx", 910, event.OrderPlaced, &event.Order{Order: "o", Session: "sx"}, 0.9, decide.Hold)
	put("x3", "v", "", 1000, event.OrderShipped, &event.Order{Order: "o"}, 0, decide.Allow)
	for i := range 3 {
		put(fmt.Sprint("k", i), fmt.Sprint("w", i), "", 1100+i, event.LoginAttempted, &event.Login{Outcome: event.WrongPassword}, 0, decide.Allow, []string{"C"}[:min(i, 1)]...)
	}
	put("k3", "w3", "sk3", 1103, event.LoginAttempted, in("sk3"), 0.02, decide.Hold, "C")
	put("g-last", "c1", "s-last", 1439, event.LoginAttempted, in("s-last"), 0.01, decide.Allow, "D")
	return w
}

func TestJudge(t *testing.T) {
	r := day(t).Judge()
	if p := r.Ours.Recall["vpn"][0.01]; *p != (Part{1, 1}) {
		t.Errorf("recall of vpn: %+v", p)
	}
	if p := r.Ours.Recall["spray"][0.01]; *p != (Part{0, 1}) {
		t.Errorf("recall of spray: %+v", p)
	}
	if r.AllOrders != (Part{1, 1}) || len(r.ToHold) != 2 || r.ToHold[1] != 10*time.Minute {
		t.Errorf("orders %+v, to hold %v", r.AllOrders, r.ToHold)
	}
	if len(r.Campaigns) != 1 || r.False != 1 || r.Contained != 0 {
		t.Fatalf("campaigns %+v, false %d, contained %d", r.Campaigns, r.False, r.Contained)
	}
	if c := r.Campaigns[0]; c.Alarm.Minute() != 21 || c.Before != 0.25 || c.OnHold != (Part{1, 1}) {
		t.Errorf("campaign %+v", c)
	}
	all := Pool([]*Result{r, r})
	if p := all.Ours.Recall["vpn"][0.01]; *p != (Part{2, 2}) || all.Worlds != 2 || len(all.Campaigns) != 2 || all.Campaigns[1].World != 2 {
		t.Errorf("pooled: %+v", all)
	}
}

// TestPageNeedsNothing: the report is one file without a script or anything
// from elsewhere, and names each bar.
func TestPageNeedsNothing(t *testing.T) {
	r := day(t).Judge()
	var b bytes.Buffer
	if err := Page(&b, Pool([]*Result{r}), []simulate.Summary{{Seed: 7, Shop: map[string]bool{"device": true}}}, true, "mimamori simulate <x>"); err != nil {
		t.Fatal(err)
	}
	if bad := regexp.MustCompile(`(?i)<script|https?://|@import|url\(|<link|src=| on\w+=|NaN|ZgotmplZ`).FindString(b.String()); bad != "" {
		t.Errorf("the page holds %q", bad)
	}
	for _, want := range []string{"takeovers with an order", "&lt;x&gt;", "lang=\"ja\"", "<svg", "✗ not yet", "✓ met"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if got := Text(r.Bars(false)); strings.Count(got, "\n") != len(r.Bars(false))+1 || strings.Contains(got, "NaN") {
		t.Errorf("text:\n%s", got)
	}
}

func TestTruthIsChecked(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "a,b\n", strings.Join(simulate.TruthHeader, ",") + "\nx,y\n", strings.Join(simulate.TruthHeader, ",") + "\nx,yesterday,s,s,login.attempted,spray,K,,\n"} {
		if err := os.WriteFile(filepath.Join(dir, simulate.TruthFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTruth(dir); err == nil {
			t.Errorf("ReadTruth(%q): no error", text)
		}
	}
}
