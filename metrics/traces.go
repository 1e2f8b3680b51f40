package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"mimamori/trace"
)

var spans = describe("trace_spans_total", "Spans by what became of them: sent, dropped (too many waited), refused (the collector did not take them).", "what")

// traces are absent when tracing is off.
func (c *collector) traces(out chan<- prometheus.Metric) {
	if c.opt.Traces == nil {
		return
	}
	n := c.opt.Traces()
	for _, x := range []struct {
		what string
		n    int64
	}{{"sent", n.Sent}, {"dropped", n.Dropped}, {"refused", n.Refused}} {
		out <- prometheus.MustNewConstMetric(spans, prometheus.CounterValue, float64(x.n), x.what)
	}
}

// Traces counts spans; trace.Tracer has it.
type Traces func() trace.Counts
