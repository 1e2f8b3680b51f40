package app

import (
	"context"
	"fmt"
	"slices"

	"mimamori"
	"mimamori/alarm"
	"mimamori/breach"
	"mimamori/keys"
	"mimamori/playbook"
	"mimamori/retention"
)

// RetentionConfig says how long what is kept; nobody at the desk can change it.
type RetentionConfig struct {
	LoginMonths   int `yaml:"login_months"`   // addresses and browsers in clear; 0: 13
	IncidentYears int `yaml:"incident_years"` // incidents and history; 0: 5
	UsedDays      int `yaml:"used_days"`      // used codes, ended visits; 0: 90
}

func (c *Config) checkRetention() error {
	r := c.Retention
	for _, f := range []struct {
		name         string
		value, least int
		most         int
	}{{"login_months", r.LoginMonths, 3, 120}, {"incident_years", r.IncidentYears, 1, 30}, {"used_days", r.UsedDays, 30, 730}} {
		if f.value != 0 && (f.value < f.least || f.value > f.most) {
			return fmt.Errorf("config: retention.%s must be from %d to %d: %w", f.name, f.least, f.most, mimamori.ErrInvalid)
		}
	}
	return nil
}

// openLaw makes what the law asks for: the record's anchors, the clock of
// reports, the job that forgets in time.
func (a *App) openLaw() {
	a.Anchors = a.anchoring()
	a.Clock = breach.NewClock(a.Store, func(d breach.Deadline) { a.Alarms.Raise(alarm.LawDeadline, d.Report) }, a.log)
	r := a.Config.Retention
	a.Retention = retention.NewJob(a.Store, retention.Policy{LoginMonths: r.LoginMonths, IncidentYears: r.IncidentYears, UsedDays: r.UsedDays},
		func(parts ...string) []byte { return a.Ring.MAC(keys.Pseudonym, parts...) }, a.log)
}

// startLaw sets it to work.
func (a *App) startLaw(ctx context.Context) error {
	if err := a.Anchors.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	a.closers = append(a.closers, func() error { a.Anchors.Stop(); return nil })
	a.Clock.Start(ctx)
	a.closers = append(a.closers, func() error { a.Clock.Stop(); return nil })
	if err := a.Retention.Start(ctx); err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { a.Retention.Stop(); return nil })
	return nil
}

// clocked starts the law's clock when an incident was contained or held. The
// response does not wait for it: what is missed here is found at the next start.
func (a *App) clocked(ctx context.Context, s playbook.Step) {
	if s.State != playbook.Done || s.Incident == "" || !slices.Contains([]string{"state.contained", "account.hold", "wait.begin"}, s.Name) {
		return
	}
	i, err := a.Store.IncidentByID(ctx, s.Incident)
	if err == nil {
		err = a.Clock.Open(ctx, i)
	}
	if err != nil {
		a.log.Warn("the law's clock was not started", "incident", string(s.Incident), "error", err.Error())
	}
}
