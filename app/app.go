// Package app puts the parts together: it is the only place that imports
// everything. Wiring is one straight function: build a part, register how it
// is closed, next part; closing runs backwards.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/alarm"
	"mimamori/analysis"
	"mimamori/audit"
	"mimamori/brands"
	"mimamori/breach"
	"mimamori/clock"
	"mimamori/contain"
	"mimamori/dossier"
	"mimamori/factor"
	"mimamori/geo"
	"mimamori/inbox"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/keys"
	"mimamori/notice"
	"mimamori/numbers"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/retention"
	"mimamori/shop"
	"mimamori/ssf"
	"mimamori/staff"
	"mimamori/staff/company"
	"mimamori/store"
	"mimamori/support"
	"mimamori/trace"
	"mimamori/traffic"
	"mimamori/undo"
)

// App is a running Mimamori.
type App struct {
	Config Config
	Store  *store.SQL
	Ring   *keys.Ring
	Vault  *keys.Vault
	Geo    *geo.DB
	Intake *intake.Intake
	Runner *playbook.Runner
	Shop   *shop.HTTP

	Signals   *ssf.Transmitter // tells others (Shared Signals)
	signalsIn func(context.Context, string, []byte) error

	// Doors serves the API and the customer's centre; Console the staff.
	Doors   http.Handler
	Console http.Handler
	// Inbox takes mails to be checked and those that come back; nil: none.
	Inbox *inbox.Server
	// Metrics serves /metrics; nil unless configured.
	Metrics http.Handler
	// TLS is what both are served with; nil behind a proxy.
	TLS      *tls.Config
	Analysis *analysis.Analysis
	// Traces sends spans; nil unless switched on.
	Traces  *trace.Tracer
	Traffic *traffic.Traffic

	Desk    *dossier.Desk
	Factors *factor.Book
	Audit   *audit.Log
	Lists   *queue.Keeper // of the desk's queue
	bulk    *dossier.BulkWorker
	Anchors *audit.Anchoring
	Clock   *breach.Clock
	// Alarms wakes people.
	Alarms *alarm.Bell
	// Retention forgets in time.
	Retention *retention.Job
	Staff     *staff.Desk
	Guard     *staff.Guard
	APIKeys   *staff.Gatekeeper
	Company   *company.Provider // nil: people sign in here

	// Editions are the contact directory's.
	Editions *support.Editions
	// Numbers is how the work goes.
	Numbers *numbers.Book

	strain    strain
	early     []alarm.Kind // raised before the bell was there
	log       *slog.Logger
	directory support.Directory
	shopBrand brands.Brand
	plain     http.Handler
	reloads   []func() error

	clock      *clock.Watch
	clockFloor time.Time // waits begin no earlier: the clock is behind; zero when it is not

	closers []func() error
}

// Version is what this build calls itself.
const Version = "0.1.0"

// New builds all parts. Nothing runs before Start; Stop also closes an app
// that was never started.
func New(ctx context.Context, c Config) (_ *App, err error) {
	a := &App{Config: c, log: c.Log}
	if a.log == nil {
		a.log = slog.Default()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := a.openTLS(); err != nil {
		return nil, err
	}
	if err := a.openTraces(); err != nil {
		return nil, err
	}
	rules, err := a.loadPolicy()
	if err != nil {
		return nil, err
	}
	if c.ClientIP == nil && len(c.TrustedProxies) > 0 {
		a.Config.ClientIP = BehindProxies(c.TrustedProxies)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil { // the master key stands there, wherever the records do
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if a.Store, err = store.Open(ctx, c.Place()); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.Store.Close)
	if doubt := a.Store.Doubt(); doubt != "" {
		a.log.Warn("the store", "doubt", doubt)
	}
	if err := a.openClock(ctx); err != nil {
		return nil, err
	}
	if err := a.openKeys(ctx); err != nil {
		return nil, err
	}
	if a.Geo, err = a.openGeo(); err != nil {
		return nil, err
	}
	if a.Shop, err = a.dialShop(); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { a.Shop.Close(); return nil })
	a.keepLists()
	if err := a.openDesks(); err != nil {
		return nil, err
	}
	a.Signals, a.signalsIn = a.transmitter(), a.receiving()
	to, err := a.commands(ctx)
	if err != nil {
		return nil, err
	}
	a.Runner = a.newRunner(to)
	seed := rand.Uint64()
	if a.Store.Several() { // nodes that tell each other hash alike
		if seed, err = a.Store.TrafficSeed(ctx, seed, time.Now()); err != nil {
			return nil, err
		}
	}
	a.Traffic = traffic.New(0).Keyed(seed)
	a.Intake = intake.New(a.Store, intake.Options{Geo: a.Geo, Traffic: a.Traffic, Policy: a.Config.Policy, Wake: a.wake, Strange: a.Lists.Note, Challenger: a.Desk,
		Rules: rules, Keep: a.Store, Crowd: a.crowded})
	a.openAnalysis(rules)
	if err := a.openDoors(); err != nil {
		return nil, err
	}
	a.traceDoors()
	return a, nil
}

// Start catches up and sets the runner to work.
func (a *App) Start(ctx context.Context) error {
	if err := a.Intake.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	a.closers = append(a.closers, func() error { a.Intake.Stop(); return nil })
	if err := a.joinNodes(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	a.startDesk()
	a.watchGeo()
	a.keepCalibrated()
	if a.signalsIn != nil {
		a.fetching(context.WithoutCancel(ctx), a.signalsIn)
	}
	if err := a.startLaw(ctx); err != nil {
		return err
	}
	a.startAlarms(ctx)
	a.Runner.Start()
	a.closers = append(a.closers, func() error { a.Runner.Stop(); return nil })
	return nil
}

// Stop ends the runner and closes everything, last opened first.
func (a *App) Stop() error { return a.close() }

func (a *App) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *App) openKeys(ctx context.Context) error {
	master, err := masterKey(ctx, a.Config)
	if err != nil {
		return err
	}
	if a.Ring, err = keys.Open(ctx, a.Store, master); err != nil {
		return err
	}
	a.Vault = keys.NewVault(a.Store, master)
	a.Store.SealWith(a.Vault)
	a.Store.IndexWith(a.mailHashes)
	return nil
}

// newRunner gives the playbook's steps their acts and tells the timeline.
func (a *App) newRunner(to shop.Shop) *playbook.Runner {
	acts := map[string]playbook.Act{}
	add := func(more map[string]playbook.Act) {
		for name, act := range more {
			acts[name] = act
		}
	}
	add((&contain.Steps{Shop: to, Store: a.Store, Wait: a.Config.Policy.Wait, Floor: a.clockFloor}).Acts())
	add((&access.Steps{Store: a.Store, Factors: a.Factors}).Acts())
	add((&undo.Steps{Shop: to, Store: a.Store}).Acts())
	add((&dossier.PointsSteps{Shop: to, Store: a.Store}).Acts())
	add((&dossier.CustomerSteps{Shop: to}).Acts())
	add((&notice.Steps{Store: a.Store, Post: a.post(), House: a.house(), Strong: a.Desk.StrongProof, Second: a.second()}).Acts())
	for _, name := range []string{"state.contained", "wait.begin", "wait.end"} {
		acts[name] = a.minding(acts[name])
	}
	for name, act := range acts {
		acts[name] = a.telling(name, act)
	}
	add(a.signalActs())
	for name, act := range acts {
		acts[name] = a.traced(act)
	}
	return playbook.NewRunner(a.Store, playbook.Options{Acts: acts, Log: a.log, Tried: a.stepped, Refused: a.askPerson, Crash: a.Config.Crash})
}

// noteStep writes a done step into the incident's timeline.
func (a *App) noteStep(ctx context.Context, s playbook.Step, _ bool) error {
	a.clocked(ctx, s)
	a.alarmStep(s)
	text, told := stepText(s)
	if !told || s.Incident == "" { // a notice of an account that has no incident
		return nil
	}
	return a.Store.NoteEntry(ctx, s.Account, incident.Entry{Incident: s.Incident, Key: s.Key, At: s.TriedAt.UTC(), Kind: s.Name,
		Actor: mimamori.System, Text: text, Public: s.State == playbook.Done})
}

// askPerson puts a step that cannot succeed before a person.
func (a *App) askPerson(ctx context.Context, s playbook.Step) error {
	if s.Incident == "" {
		a.log.Warn("a step outside of an incident could not be done", "step", s.Name, "run", s.Run)
		return nil
	}
	why := s.Why
	if why == (mimamori.Text{}) {
		why = mimamori.Text{JA: "繰り返しても実行できませんでした", EN: "It could not be done after many tries"}
	}
	return a.Store.ChangeIncident(ctx, s.Account, s.Subject, s.Incident, func(i *incident.Incident) error {
		i.Ask(s.Name+" "+s.Key, why, time.Now().UTC())
		return nil
	})
}
