package app

import (
	"context"
	"fmt"
	"time"

	"mimamori/analysis"
	"mimamori/dossier"
	"mimamori/geo"
	"mimamori/metrics"
	"mimamori/policy"
	"mimamori/support"
)

// loadPolicy reads the policy file, if there is one, over the configuration's
// policy.
func (a *App) loadPolicy() (*policy.Rules, error) {
	if a.Config.PolicyFile == "" {
		return &policy.Rules{}, nil
	}
	p, err := policy.LoadOver(a.Config.PolicyFile, a.Config.Policy)
	if err != nil {
		return nil, err
	}
	a.Config.Policy = p.Policy
	return p.Rules, a.Config.Check()
}

// openGeo opens the table of networks and the operator's own files.
func (a *App) openGeo() (*geo.DB, error) {
	db, err := geo.Open(geo.Options{MMDB: a.Config.Geo.MMDB, Lists: a.Config.Geo.Lists, Warn: func(err error) {
		a.log.Warn("IP data", "problem", err)
	}})
	if err != nil {
		return nil, fmt.Errorf("config: geo: %w", err)
	}
	return db, nil
}

// lookForFiles is how often the operator's IP files are looked at.
const lookForFiles = 5 * time.Minute

// watchGeo takes new versions of the operator's IP files while the app runs.
// Without such files nothing runs.
func (a *App) watchGeo() {
	if len(a.Config.Geo.MMDB) == 0 && len(a.Config.Geo.Lists) == 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Geo.Run(ctx, lookForFiles)
	}()
	a.closers = append(a.closers, func() error { stop(); <-done; return nil })
}

// keepCalibrated has probabilities given out by what people said, made anew
// each day, while the app runs.
func (a *App) keepCalibrated() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Analysis.Run(ctx, func(err error) { a.log.Warn("calibration", "problem", err) })
	}()
	a.closers = append(a.closers, func() error { stop(); <-done; return nil })
}

// openAnalysis builds what the analyst's pages and the metrics read.
func (a *App) openAnalysis(rules *policy.Rules) {
	a.Analysis = analysis.New(analysis.Options{Tally: a.Intake.Tally(), Labels: a.Store, Policy: a.policy, Rules: rules, Use: a.Intake.Calibrate})
	if a.Config.Metrics.Listen == "" {
		return
	}
	a.Metrics = metrics.New(metrics.Options{Version: Version, Key: a.Config.Metrics.Key, Log: a.log, Tally: a.Intake.Tally(), Analysis: a.Analysis,
		Incidents: a.Store, Geo: a.Geo, Ready: func() error { return a.ready(context.Background()) },
		Traces: a.countTraces(), Work: a.Numbers, Alarms: a.Store, Calls: func(ctx context.Context, now time.Time) (map[support.Due]int, error) {
			return dossier.Waiting(ctx, a.Store, now)
		}})
}
