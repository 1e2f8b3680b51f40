package app

import (
	"context"

	"mimamori/dossier"
	"mimamori/keys"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/staff"
	"mimamori/web/console"
)

// openConsole builds the staff's pages.
func (a *App) openConsole() (err error) {
	work := dossier.NewCasework(dossier.CaseworkOptions{Desk: a.Desk, Store: a.Store, Guard: a.Guard, People: a.Store,
		FourEyes: staff.NewFourEyes(a.Store, a.Guard), Lists: a.Lists, Signer: a.Audit, Clock: a.Clock, Retention: a.Retention, Anchors: a.Anchors})
	a.bulk = work.BulkWorker()
	analyst := dossier.NewAnalyst(dossier.AnalystOptions{Store: a.Store, Guard: a.Guard, Analysis: a.Analysis, Traffic: a.Traffic, Geo: a.Geo})
	pages, provider := a.staffPages()
	a.Console, err = console.New(console.Options{Staff: pages, Provider: provider,
		Service: work, Analyst: analyst, Desk: a.Staff, Guard: a.Guard, Log: a.Audit, Mails: waves{a}, Calls: work, Law: work, Bulks: work, Directory: work, Counts: &dossier.Numbers{Book: a.Numbers, Calls: a.Store, Guard: a.Guard},
		Alarms: &dossier.Alarms{Store: a.Store, Guard: a.Guard, People: a.Store, Wake: a.Alarms.Wake}, Brand: a.webBrand(),
		Shortened: a.shortened(), PlainHTTP: a.Config.local(), ClientIP: a.Config.ClientIP, Errors: a.log})
	return err
}

// keepLists makes what keeps the desk's lists up to date.
func (a *App) keepLists() {
	a.Lists = queue.NewKeeper(a.Store, func(trait string) []byte { return a.Ring.MAC(keys.Pseudonym, "link", trait) }, a.log)
}

// startDesk sets to work what stands behind the staff's pages.
func (a *App) startDesk() {
	a.Lists.Start()
	a.bulk.Start()
	a.closers = append(a.closers, func() error {
		a.bulk.Stop()
		a.Lists.Stop()
		return nil
	})
}

// stepped notes a step and has the lists follow.
func (a *App) stepped(ctx context.Context, s playbook.Step, first bool) error {
	defer a.Lists.Wake()
	return a.noteStep(ctx, s, first)
}

// wake is for whoever wrote a step: the runner does it, the lists follow.
func (a *App) wake() {
	a.Alarms.Look()
	a.Runner.Wake()
	a.Lists.Wake()
}
