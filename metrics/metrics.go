// Package metrics is the door for Prometheus: what was decided, by which
// levels, how true the probabilities have been, what has drifted, and whether
// the parts are well. It holds no customer's data, no account and no address;
// all the same it is the operator's alone, on an address of its own or behind
// a key. Everything is read when it is asked for; nothing here decides.
package metrics

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mimamori/analysis"
	"mimamori/decide"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/support"
)

// Incidents lists incidents for the staff's queue.
type Incidents interface {
	Queue(ctx context.Context, closed bool, limit int) ([]incident.Incident, error)
}

// Options are what the metrics read.
type Options struct {
	Version   string
	Key       string // bearer token; empty: none is asked
	Log       *slog.Logger
	Tally     *decide.Tally
	Analysis  *analysis.Analysis
	Incidents Incidents
	Geo       *geo.DB
	Ready     func() error // nil when decisions can be made
	Work      Work         // nil: the desk's work is left out
	Alarms    Alarms       // nil: left out
	Traces    Traces       // nil: left out
	// Calls counts the calls that wait; nil: left out.
	Calls func(ctx context.Context, now time.Time) (map[support.Due]int, error)
}

// New builds the handler of /metrics.
func New(opt Options) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{opt: opt})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", locked(opt.Key, promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})))
	return mux
}

// locked asks for the key, in constant time.
func locked(key string, h http.Handler) http.Handler {
	if key == "" {
		return h
	}
	want := sha256.Sum256([]byte(key))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if got := sha256.Sum256([]byte(given)); !bearer || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a key is needed", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// collector reads everything when asked.
type collector struct{ opt Options }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mimamori_"+name, help, labels, nil)
}

var (
	build      = describe("build_info", "Which build runs.", "version")
	ready      = describe("ready", "1 when decisions can be made.")
	signIns    = describe("sign_ins_total", "Successful sign-ins by what was decided.", "decision")
	heldByActs = describe("sessions_held_by_acts_total", "Sessions put on hold by what they did after the sign-in.")
	signals    = describe("signals_total", "Sign-ins on which a signal spoke for a third party.", "signal")
	ruleHits   = describe("rule_hits_total", "Hits of the operator's own rules; mode live, shadow or broken.", "rule", "mode")
	level      = describe("level_log_odds", "Log-odds from which a decision is taken.", "of", "decision")
	quota      = describe("quota_share", "Share of presumed genuine sign-ins that a decision may meet.", "decision")
	would      = describe("met_share", "Share of the presumed genuine sign-ins of 28 days that the level of now would meet.", "decision")
	counted    = describe("quota_sign_ins", "Sign-ins that the levels were counted over.")
	labels     = describe("labels", "Sign-ins of 180 days that people said something of.", "word")
	calibrated = describe("calibrated", "1 when there are labels enough to calibrate by.")
	ece        = describe("calibration_error", "Expected calibration error of the probability, before and after calibration.", "stage")
	drift      = describe("drift_psi", "Population stability index of a signal, the last week against the three before.", "signal")
	incidents  = describe("incidents", "Incidents that are not closed, by state (1,000 at most).", "state")
	persons    = describe("incidents_needing_person", "Of these, how many wait for a person.")
	geoAge     = describe("ip_data_age_seconds", "Age of the sources of the IP table, by the operator's file or built in.", "source")
	geoProblem = describe("ip_data_warnings", "Operator's IP files that are old, absurdly dated or damaged.")
)

// Describe tells nothing beforehand: what there is depends on what was seen.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads all parts. A part that cannot be read is left out and logged.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	now := time.Now()
	gauge := func(d *prometheus.Desc, v float64, names ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, names...)
	}
	gauge(build, 1, c.opt.Version)
	gauge(ready, truth(c.opt.Ready() == nil))
	c.totals(out)
	c.traces(out)
	if r, err := c.opt.Analysis.Report(ctx, now.UTC()); err != nil {
		c.missing("analysis", err)
	} else {
		report(gauge, r)
	}
	if list, err := c.opt.Incidents.Queue(ctx, false, 1000); err != nil {
		c.missing("incidents", err)
	} else {
		byState, waiting := map[incident.State]int{}, 0
		for _, i := range list {
			byState[i.State]++
			if len(i.NeedingPerson()) > 0 {
				waiting++
			}
		}
		for s, n := range byState {
			gauge(incidents, float64(n), string(s))
		}
		gauge(persons, float64(waiting))
	}
	c.work(ctx, gauge, now)
	seen := map[string]bool{}
	for _, s := range c.opt.Geo.Sources() {
		if !s.Date.IsZero() && !seen[s.Name] {
			seen[s.Name] = true
			gauge(geoAge, now.Sub(s.Date).Seconds(), s.Name)
		}
	}
	gauge(geoProblem, float64(len(c.opt.Geo.Warnings(now))))
}

// totals are the counters since the process began.
func (c *collector) totals(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n int, names ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), names...)
	}
	t := c.opt.Tally.Totals()
	for _, d := range []decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain} {
		count(signIns, t.Met[d], string(d))
	}
	count(heldByActs, t.Held)
	for s, n := range t.Signals {
		count(signals, n, s)
	}
	for key, n := range t.Rules {
		name, mode, _ := strings.Cut(key, "/")
		count(ruleHits, n, name, mode)
	}
}

func report(gauge func(*prometheus.Desc, float64, ...string), r analysis.Report) {
	for _, m := range r.Met {
		gauge(level, m.Level, "sign_in", string(m.Decision))
		gauge(level, m.ActLevel, "act", string(m.Decision))
		gauge(quota, m.Quota, string(m.Decision))
		gauge(would, m.Would, string(m.Decision))
	}
	gauge(counted, float64(r.Counted.Counted))
	c := r.Calibration
	gauge(labels, float64(c.Intruders), string(decide.SaidIntruder))
	gauge(labels, float64(c.Labels-c.Intruders), string(decide.SaidCustomer))
	gauge(labels, float64(c.Unknown), string(decide.SaidUnknown))
	gauge(calibrated, truth(c.Enough()))
	gauge(ece, c.Before, "before")
	gauge(ece, c.ECE, "after")
	for _, d := range r.Drift {
		gauge(drift, d.PSI, d.Signal)
	}
}

func (c *collector) missing(what string, err error) {
	c.opt.Log.Error("metrics: a part is missing", "part", what, "error", err)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
