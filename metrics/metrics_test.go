package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mimamori/alarm"
	"mimamori/analysis"
	"mimamori/decide"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/numbers"
	"mimamori/policy"
	"mimamori/support"
)

type queue struct{ err error }

func (q queue) Queue(context.Context, bool, int) ([]incident.Incident, error) {
	return []incident.Incident{{State: incident.Held}, {State: incident.Held}, {State: incident.Waiting}}, q.err
}

// work is a day with a bit of everything.
type work struct{}

func (work) Days(_ context.Context, _ int, now time.Time) ([]numbers.Day, error) {
	d := numbers.Day{FoldedAt: now, States: map[incident.State]int{incident.Closed: 3}, Contain: numbers.Spread{0: 2}, Read: numbers.Spread{40: 1}, Recover: numbers.Spread{60: 1}, False: 1, Again: 2, Undone: 9, Asked: 1, Passed: 5, Failed: 4}
	return []numbers.Day{d}, nil
}

func (work) Alarms(context.Context, bool, int) ([]alarm.Alarm, error) {
	return []alarm.Alarm{{Kind: alarm.ShopSilent}, {Kind: alarm.ShopSilent}}, nil
}

type nobody struct{}

func (nobody) Labels(context.Context, time.Time) ([]decide.Label, error) { return nil, nil }

func get(t *testing.T, q queue, key, sent string) (int, string) {
	t.Helper()
	p := policy.Default()
	tally := decide.NewTally(p.Policy)
	tally.Note(decide.Note{At: time.Now(), Login: true, Genuine: true, Decision: decide.Challenge, Signals: []string{"device_new"}, Rules: []string{"gift_cards/shadow"}})
	h := New(Options{Version: "x", Key: key, Log: slog.New(slog.DiscardHandler), Tally: tally, Incidents: q, Geo: geo.Embedded(), Ready: func() error { return nil },
		Work: work{}, Alarms: work{}, Calls: func(context.Context, time.Time) (map[support.Due]int, error) {
			return map[support.Due]int{support.DueLate: 2}, nil
		},
		Analysis: analysis.New(analysis.Options{Tally: tally, Labels: nobody{}, Policy: func() decide.Policy { return p.Policy }, Rules: p.Rules})})
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if sent != "" {
		r.Header.Set("Authorization", sent)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestMetrics(t *testing.T) {
	status, body := get(t, queue{}, "", "")
	if status != 200 {
		t.Fatalf("%d: %s", status, body)
	}
	for _, line := range []string{
		`mimamori_sign_ins_total{decision="challenge"} 1`, `mimamori_sign_ins_total{decision="allow"} 0`, `mimamori_signals_total{signal="device_new"} 1`,
		`mimamori_rule_hits_total{mode="shadow",rule="gift_cards"} 1`, `mimamori_incidents{state="held"} 2`, `mimamori_ready 1`,
		`mimamori_quota_share{decision="challenge"} 0.01`, `mimamori_level_log_odds{decision="challenge",of="sign_in"} 0`, `mimamori_calibrated 0`, `mimamori_calibration_error{stage="after"}`,
		`go_goroutines`, `mimamori_incidents_opened_28d{state="closed"} 3`, `mimamori_incident_seconds_28d{quantile="0.5",what="contain"} 1.09`,
		`mimamori_false_containments_28d 1`, `mimamori_second_intrusions_28d 2`, `mimamori_undone_share_28d 0.9`, `mimamori_challenges_28d{outcome="passed"} 5`,
		`mimamori_calls_waiting{due="late"} 2`, `mimamori_alarms_open{kind="shop_not_answering"} 2`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("no line %s", line)
		}
	}
	if _, body := get(t, queue{errors.New("gone")}, "", ""); strings.Contains(body, "mimamori_incidents{") || !strings.Contains(body, "mimamori_sign_ins_total") {
		t.Error("a part that cannot be read takes the others along, or is made up")
	}
}

// TestMetricsAreTheOperators: behind a key, nothing is told without it.
func TestMetricsAreTheOperators(t *testing.T) {
	for sent, want := range map[string]int{"": 401, "Bearer ": 401, "Bearer wrong": 401, "secret": 401, "Bearer secret": 200, "Basic secret": 401} {
		status, body := get(t, queue{}, "secret", sent)
		if status != want || want == 401 && strings.Contains(body, "mimamori") {
			t.Errorf("%q: %d, want %d", sent, status, want)
		}
	}
}
