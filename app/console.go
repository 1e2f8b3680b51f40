package app

import (
	"mimamori/dossier"
	"mimamori/staff"
	"mimamori/web/console"
)

// openConsole builds the staff's pages.
func (a *App) openConsole() (err error) {
	work := dossier.NewCasework(dossier.CaseworkOptions{Desk: a.Desk, Store: a.Store, Guard: a.Guard, People: a.Store,
		FourEyes: staff.NewFourEyes(a.Store, a.Guard), Clock: a.Clock, Retention: a.Retention, Anchors: a.Anchors})
	analyst := dossier.NewAnalyst(dossier.AnalystOptions{Store: a.Store, Guard: a.Guard, Analysis: a.Analysis, Traffic: a.Traffic, Geo: a.Geo})
	pages, provider := a.staffPages()
	a.Console, err = console.New(console.Options{Staff: pages, Provider: provider,
		Service: work, Analyst: analyst, Desk: a.Staff, Guard: a.Guard, Log: a.Audit, Mails: waves{a}, Calls: work, Law: work, Alarms: &dossier.Alarms{Store: a.Store, Guard: a.Guard, Wake: a.Alarms.Wake}, Counts: &dossier.Numbers{Book: a.Numbers, Calls: a.Store, Guard: a.Guard}, Brand: a.webBrand(),
		Shortened: a.shortened(), PlainHTTP: a.Config.local(), ClientIP: a.Config.ClientIP, Errors: a.log})
	return err
}
