package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mimamori/alarm"
	"mimamori/incident"
	"mimamori/numbers"
	"mimamori/support"
)

// Work is how the desk's work goes.
type Work interface {
	// Days are folded days until now; numbers.Book has it.
	Days(ctx context.Context, days int, now time.Time) ([]numbers.Day, error)
}

// Alarms lists alarms.
type Alarms interface {
	Alarms(ctx context.Context, all bool, limit int) ([]alarm.Alarm, error)
}

// workDays is over how many days the work is counted here: what Prometheus
// keeps itself need not come from us.
const workDays = 28

var (
	opened      = describe("incidents_opened_28d", "Incidents opened in the last 28 days, by the state they are in now.", "state")
	lengths     = describe("incident_seconds_28d", "How long it took: contain (decision to containment), read (notice sent to read), recover (opened to recovered).", "what", "quantile")
	falses      = describe("false_containments_28d", "Containments of the last 28 days that were dismissed as the customer's own doing.")
	second      = describe("second_intrusions_28d", "Incidents of the last 28 days of an account that had one before.")
	undoneShare = describe("undone_share_28d", "Share of what was to be undone in 28 days that was undone without a person; absent when nothing was.")
	challenged  = describe("challenges_28d", "Challenges of the last 28 days: passed, or failed (run out included).", "outcome")
	calls       = describe("calls_waiting", "Customers who wait for a call, by due: late, now, taken, later.", "due")
	alarmsOpen  = describe("alarms_open", "Open alarms, by kind.", "kind")
	folded      = describe("numbers_age_seconds", "Age of the numbers of 28 days.")
)

// work reads how the work goes.
func (c *collector) work(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string), now time.Time) {
	if c.opt.Work != nil {
		if days, err := c.opt.Work.Days(ctx, workDays, now); err != nil {
			c.missing("numbers", err)
		} else if len(days) > 0 {
			workOf(gauge, numbers.Total(days), now)
		}
	}
	if c.opt.Calls != nil {
		if waiting, err := c.opt.Calls(ctx, now); err != nil {
			c.missing("calls", err)
		} else {
			for _, d := range []support.Due{support.DueLate, support.DueNow, support.DueTaken, support.DueLater} {
				gauge(calls, float64(waiting[d]), string(d))
			}
		}
	}
	if c.opt.Alarms != nil {
		if list, err := c.opt.Alarms.Alarms(ctx, false, 10_000); err != nil {
			c.missing("alarms", err)
		} else {
			byKind := map[alarm.Kind]int{}
			for _, a := range list {
				byKind[a.Kind]++
			}
			for _, k := range alarm.Kinds {
				gauge(alarmsOpen, float64(byKind[k]), string(k))
			}
		}
	}
}

func workOf(gauge func(*prometheus.Desc, float64, ...string), sum numbers.Day, now time.Time) {
	for _, s := range incident.States {
		gauge(opened, float64(sum.States[s]), string(s))
	}
	for what, s := range map[string]numbers.Spread{"contain": sum.Contain, "read": sum.Read, "recover": sum.Recover} {
		if s.Len() > 0 {
			gauge(lengths, s.At(0.5).Seconds(), what, "0.5")
			gauge(lengths, s.At(0.99).Seconds(), what, "0.99")
		}
	}
	gauge(falses, float64(sum.False))
	gauge(second, float64(sum.Again))
	if share, any := sum.UndoneShare(); any {
		gauge(undoneShare, share)
	}
	gauge(challenged, float64(sum.Passed), "passed")
	gauge(challenged, float64(sum.Failed), "failed")
	gauge(folded, now.Sub(sum.FoldedAt).Seconds())
}
