package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"mimamori"
	"mimamori/api"
	"mimamori/metrics"
	"mimamori/playbook"
	"mimamori/trace"
)

// TraceConfig says whether and where spans are sent (OpenTelemetry's OTLP over
// HTTP). What is not said here is taken from OpenTelemetry's own environment.
type TraceConfig struct {
	On       bool    `yaml:"on"`
	Endpoint string  `yaml:"endpoint"` // of the collector; empty: OTEL_EXPORTER_OTLP_(TRACES_)ENDPOINT, or port 4318 here
	Key      string  `yaml:"key"`      // given there as a bearer token; empty: OTEL_EXPORTER_OTLP_HEADERS, or none
	Service  string  `yaml:"service"`  // what we are called there; empty: OTEL_SERVICE_NAME, or mimamori
	Ratio    float64 `yaml:"ratio"`    // share of requests that are traced; 0: OTEL_TRACES_SAMPLER_ARG, or usualRatio
}

const usualRatio = 0.1

// options puts together what the file and the environment say.
func (c TraceConfig) options(env func(string) string) (trace.Options, error) {
	o := trace.Options{Endpoint: env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), Service: cmp.Or(c.Service, env("OTEL_SERVICE_NAME"), "mimamori"), Ratio: c.Ratio, Headers: map[string]string{}}
	if base := cmp.Or(c.Endpoint, env("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://localhost:4318"); c.Endpoint != "" || o.Endpoint == "" {
		o.Endpoint = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	if c.Ratio == 0 {
		o.Ratio = usualRatio
		if arg := env("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
			ratio, err := strconv.ParseFloat(arg, 64)
			if err != nil {
				return o, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is no number: %w", mimamori.ErrInvalid)
			}
			o.Ratio = ratio
		}
	}
	for _, pair := range strings.Split(env("OTEL_EXPORTER_OTLP_HEADERS"), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if value, err := url.PathUnescape(strings.TrimSpace(value)); ok && err == nil {
			o.Headers[strings.TrimSpace(name)] = value
		}
	}
	if c.Key != "" {
		o.Headers["Authorization"] = "Bearer " + c.Key
	}
	return o, nil
}

// openTraces starts to send spans, when that is switched on. Without it
// a.Traces is nil, and nothing is measured.
func (a *App) openTraces() error {
	c := a.Config.Traces
	if !c.On || os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return nil
	}
	o, err := c.options(os.Getenv)
	if err != nil {
		return fmt.Errorf("config: traces: %w", err)
	}
	o.Version, o.Log, o.Transport = Version, a.log, a.Config.TraceTransport
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 1
		o.Transport = t
	}
	if a.Traces, err = trace.New(o); err != nil {
		return fmt.Errorf("config: traces: %w: %w", err, mimamori.ErrInvalid)
	}
	a.closers = append(a.closers, func() error { a.Traces.Stop(); return nil })
	return nil
}

// checkTraces says what is wrong with the traces part of a configuration.
func (c *Config) checkTraces() error {
	bad := func(field, why string) error {
		return fmt.Errorf("config: traces.%s %s: %w", field, why, mimamori.ErrInvalid)
	}
	if e := c.Traces.Endpoint; e != "" {
		if u, err := url.Parse(e); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
			return bad("endpoint", "must be like http://localhost:4318")
		}
	}
	if r := c.Traces.Ratio; !(r >= 0 && r <= 1) {
		return bad("ratio", "must be 0 to 1")
	}
	return nil
}

// traceDoors has requests traced.
func (a *App) traceDoors() {
	a.Doors, a.Console = api.Traced(a.Traces, a.Doors), api.Traced(a.Traces, a.Console)
}

// traced has each try of a step be a span, in the trace of its incident: the
// same on all nodes and after each restart.
func (a *App) traced(act playbook.Act) playbook.Act {
	if a.Traces == nil {
		return act
	}
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		of := trace.Named("run", s.Run)
		if s.Incident != "" {
			of = trace.Named("incident", string(s.Incident))
		}
		root := trace.NamedSpan("run", s.Run)
		span := a.Traces.Named(of, root, "step "+s.Name, trace.Internal)
		span.Set(trace.Step, s.Name)
		span.Set(trace.Run, s.Run)
		span.Set(trace.Incident, string(s.Incident))
		span.Count(trace.Attempt, s.Attempts+1)
		result := "broke"
		defer func() {
			span.Set(trace.Result, result)
			if result != string(playbook.Did) && result != string(playbook.Skip) && result != string(playbook.Later) {
				span.Fail(result)
			}
			span.End()
			if s.Attempts == 0 && s.Seq == playbook.FirstSeq {
				run := a.Traces.Root(of, root, "run", s.Due)
				run.Set(trace.Run, s.Run)
				run.Set(trace.Incident, string(s.Incident))
				run.End()
			}
		}()
		out := act(trace.In(ctx, span), s)
		if result = string(out.Result); out.Result == playbook.Later && out.Err != nil {
			span.Fail("again")
		}
		return out
	}
}

// countTraces is for the metrics; nil when nothing is traced.
func (a *App) countTraces() metrics.Traces {
	if a.Traces == nil {
		return nil
	}
	return a.Traces.Counts
}
