package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/alarm"
	"mimamori/api"
	"mimamori/audit"
	"mimamori/brands"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/factor/code"
	"mimamori/geo"
	"mimamori/journal"
	"mimamori/keys"
	"mimamori/password"
	"mimamori/profile"
	"mimamori/recovery"
	"mimamori/retention"
	"mimamori/staff"
	"mimamori/support"
	"mimamori/web/centre"
)

// openDesks makes what stands behind pages and doors: the customer's desk,
// the staff, the record of what they do.
func (a *App) openDesks() error {
	hasher := code.NewHasher()
	a.Factors = factor.NewBook(a.Store, a.Store, a.Vault, a.Ring, hasher)
	if err := a.Factors.UsePasskeys(a.Config.passkeyDomain(), a.Config.Shop.Name.JA, a.Config.PublicURL); err != nil {
		return fmt.Errorf("config: public_url, shop.domain: %w", err)
	}
	a.Audit = audit.New(a.Store, a.Ring, a.Vault)
	a.openAlarms()
	a.openLaw()
	a.Staff = staff.NewDesk(a.Store, a.Ring, hasher, a.Audit, a.Config.Shop.Name.EN, staff.Limits{Idle: a.Config.Staff.Idle, Absolute: a.Config.Staff.Absolute, Fresh: a.Config.Staff.Fresh})
	a.Guard = staff.NewGuard(a.Store, a.Store, a.Store, a.Audit, func(_ context.Context, actor mimamori.Actor, looks int) {
		a.log.Warn("mass look-up", "actor", actor.ID, "looks", looks)
		a.Alarms.Raise(alarm.MassLookup, actor.ID)
	})
	a.APIKeys = staff.NewGatekeeper(a.Store, a.Audit)
	if err := a.openStaff(); err != nil {
		return err
	}
	brand, err := a.brand()
	if err != nil {
		return err
	}
	a.shopBrand, a.directory = brand, brand.Directory()
	a.Editions = support.NewEditions(a.Store, a.directory)
	a.Desk = dossier.New(dossier.Options{Store: a.Store, Geo: a.Geo, Factors: a.Factors, Post: a.post(), House: a.house(),
		Directory: a.directory, Editions: a.Editions, Brand: brand, Policy: a.policy, Wake: a.wake,
		Signer: func() recovery.Signer {
			k := a.Ring.Active(keys.Grant)
			return recovery.Signer{ID: k.ID, Key: k.Signer()}
		},
		Issuer: a.Config.PublicURL, Base: a.Config.PublicURL, ChallengeReturn: a.Config.Shop.ChallengeReturn,
		Aggregators: a.Config.Aggregators, Log: a.log})
	a.closers = append(a.closers, func() error { a.Desk.Close(); return nil })
	return nil
}

func (a *App) policy() decide.Policy { return a.Config.Policy }

// brand is the shop's own brand file.
func (a *App) brand() (brands.Brand, error) {
	all, err := brands.Load(a.Config.Brands...)
	if err != nil {
		return brands.Brand{}, err
	}
	for _, b := range all {
		if b.ID == a.Config.Shop.Brand {
			return b, nil
		}
	}
	return brands.Brand{}, fmt.Errorf("config: shop.brand: no brand file has the id %q: %w", a.Config.Shop.Brand, mimamori.ErrInvalid)
}

// openDoors builds the handlers: the API, the customer's centre, the console.
func (a *App) openDoors() error {
	admission := api.NewAdmission(a.log)
	doors, err := api.New(api.Options{Admission: admission, Intake: a.Intake, Keys: tokenKeys{a}, Words: a.APIKeys.Words, Signals: a.Signals, SignalsIn: a.signalsIn, AccessToken: a.access, Audit: a.Audit, Imports: a.Store, Handoffs: handoffs{a}, Recoveries: recoveries{a},
		Challenges: challenges{a.Desk}, Grants: a.Desk, Reports: reports{a}, Histories: histories{a}, Deletions: deletions{a}, Erased: a.APIKeys.Deletions, Incidents: a.Store,
		JWKS: func() ([]byte, error) { return json.Marshal(a.Ring.JWKS()) }, Ready: a.ready,
		ReturnHosts: a.Config.Shop.ReturnHosts, AllowLocal: a.Config.local(), RatePerSecond: a.Config.RatePerKey, Version: Version, Log: a.log})
	if err != nil {
		return err
	}
	check, err := a.newChecker()
	if err != nil {
		return err
	}
	if a.Inbox, err = a.openInbox(check); err != nil {
		return err
	}
	said, until := a.securityText()
	pages, err := centre.New(centre.Options{Service: a.Desk, MailCheck: check, MailForward: a.mailForward(), Passkeys: a.Desk, SecondStep: "/second-step", Brand: a.webBrand(), Texts: a.shopBrand.Theme.Texts,
		SecurityText: said, SecurityUntil: until, Shortened: a.shortened(), PlainHTTP: a.Config.local(),
		ShopOrigins: a.shopOrigins(), Log: a.log, ClientIP: a.Config.ClientIP,
		World: centre.World{Path: geo.WorldPath, Width: geo.WorldWidth, Height: geo.WorldHeight, Point: geo.Point}})
	if err != nil {
		return err
	}
	list, err := password.Open(a.Config.PasswordList)
	if err != nil {
		return fmt.Errorf("config: password_list: %w", err)
	}
	a.closers = append(a.closers, list.Close)
	a.Doors = split(doors, admission.Before(list.Door(a.log)), admission.Before(a.mindful(pages)))
	return a.openConsole()
}

// apiPaths are the doors' own; everything else is a customer's page.
var apiPaths = []string{"/v1/", "/openapi.json", "/openapi.yaml", "/docs", "/docs/", "/problems", "/problems/", "/.well-known/jwks.json", "/.well-known/ssf-configuration", "/ssf/", "/healthz", "/readyz"}

func split(doors, passwords, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/range/", passwords)
	for _, p := range apiPaths {
		mux.Handle(p, doors)
	}
	mux.Handle("/", pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.Straight(r) {
			doors.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// mailHashes are how a mail address is kept for finding whose it is: keyed, by
// the key of now first, then by those before it.
func (a *App) mailHashes(mail string) [][]byte {
	out := [][]byte{a.Ring.MAC(keys.Pseudonym, "mail", mail)}
	for _, k := range a.Ring.Verify(keys.Pseudonym) {
		if sum := k.MAC("mail", mail); !slices.ContainsFunc(out, func(x []byte) bool { return string(x) == string(sum) }) {
			out = append(out, sum)
		}
	}
	return out
}

// ready says whether decisions can be made now.
func (a *App) ready(context.Context) error { return errors.Join(a.Store.Failed(), a.Store.Full()) }

func (a *App) shortened() mimamori.Text {
	if !a.Config.Policy.Shortened {
		return mimamori.Text{}
	}
	return mimamori.Text{
		JA: fmt.Sprintf("デモのため、待ち時間を%sに短くしています（実際は5時間です）。", inWords(a.Config.Policy.Wait).JA),
		EN: fmt.Sprintf("This is a demo: the wait is shortened to %s (really it is 5 hours).", inWords(a.Config.Policy.Wait).EN)}
}

func inWords(d time.Duration) mimamori.Text {
	if d < time.Minute {
		return mimamori.Text{JA: fmt.Sprintf("%d秒", int(d.Seconds())), EN: fmt.Sprintf("%d seconds", int(d.Seconds()))}
	}
	return mimamori.Text{JA: fmt.Sprintf("%d分", int(d.Minutes())), EN: fmt.Sprintf("%d minutes", int(d.Minutes()))}
}

// shopOrigins are where the page may post the grant to.
func (a *App) shopOrigins() []string {
	var out []string
	for _, h := range a.Config.Shop.ReturnHosts {
		out = append(out, "https://"+h)
	}
	if u, err := url.Parse(a.Config.Shop.Home); err == nil && u.Host != "" {
		out = append(out, u.Scheme+"://"+u.Host)
	}
	return out
}

// The adapters between the API's words and the parts'.

type handoffs struct{ *App }

func (h handoffs) Make(ctx context.Context, ask api.HandoffAsk) (string, error) {
	h.Desk.Warm(ask.Subject)
	return access.MakeHandoff(ctx, h.Store, access.Handoff{Subject: ask.Subject, Session: ask.Session, Lang: ask.Locale, Page: ask.Page, ReturnURL: ask.ReturnURL},
		h.Config.PublicURL, time.Now().UTC())
}

type recoveries struct{ *App }

func (r recoveries) Begin(ctx context.Context, ask api.RecoveryAsk) (string, error) {
	source := ask.Source
	if source == "" {
		source = r.Config.Shop.Source
	}
	return r.Desk.BeginRecovery(ctx, dossier.RecoveryAsk{Subject: ask.Subject, Ask: ask.Ask, Lang: ask.Locale, ReturnURL: ask.ReturnURL, Source: source})
}

type challenges struct{ desk *dossier.Desk }

func (c challenges) State(ctx context.Context, id string) (api.ChallengeState, error) {
	x, err := c.desk.ChallengeState(ctx, id)
	if err != nil {
		return api.ChallengeState{}, err
	}
	d := decide.Challenge
	if x.State == access.Passed {
		d = decide.Allow
	}
	return api.ChallengeState{State: string(x.State), Decision: d, Subject: x.Subject, Session: x.Session}, nil
}

type reports struct{ *App }

func (r reports) Report(ctx context.Context, ask api.ReportAsk) (mimamori.IncidentID, error) {
	if err := r.Desk.Heard(ctx, ask.Subject, ask.Session, ask.Verdict == "not_me", ask.By); err != nil {
		return "", err
	}
	account, err := r.Store.ReadAccount(ctx, ask.Subject)
	if err != nil {
		return "", err
	}
	return account.Standing.Incident, nil
}

type deletions struct{ *App }

func (d deletions) Delete(ctx context.Context, subject string, by mimamori.Actor) (api.Deleted, error) {
	if err := dossier.Forget(ctx, d.Store, subject, by.ID, time.Now().UTC()); err != nil {
		return api.Deleted{}, err
	}
	waiting, err := d.Store.Deletions(ctx)
	if err != nil {
		return api.Deleted{}, err
	}
	account := mimamori.NewAccountID(subject)
	if slices.ContainsFunc(waiting, func(x retention.Deletion) bool { return x.Account == account }) {
		return api.Deleted{State: "waiting"}, nil
	}
	return api.Deleted{State: "deleted"}, nil
}

type histories struct{ *App }

func (h histories) History(ctx context.Context, subject string) (api.History, error) {
	since := time.Now().Add(-60 * 24 * time.Hour)
	out := api.History{Since: since.UTC(), Logins: []api.Login{}}
	account := mimamori.NewAccountID(subject)
	events, err := h.Store.Events(ctx, account)
	if err != nil {
		return out, err
	}
	verdicts, err := h.Store.Verdicts(ctx, account)
	if err != nil {
		return out, err
	}
	logins := journal.Build(events, verdicts).Logins
	for i := len(logins) - 1; i >= 0 && logins[i].Event.Time.After(since); i-- {
		out.Logins = append(out.Logins, h.line(logins[i]))
	}
	return out, nil
}

func (h histories) line(l journal.Login) api.Login {
	agent := profile.ParseAgent(l.Data.UserAgent).String()
	out := api.Login{At: l.Event.Time, Outcome: l.Data.Outcome, Session: l.Data.Session, IP: l.Data.IP, Device: mimamori.Text{JA: agent, EN: agent},
		Unfamiliar: l.Owner == journal.OfIntruder}
	if l.Data.Outcome == event.Succeeded {
		out.Owner = string(l.Owner)
	}
	if addr, err := geo.Parse(l.Data.IP); err == nil {
		p := h.Geo.Lookup(addr)
		out.Place, out.Operator, out.Network = p.Describe(), p.Operator, string(p.Kind)
	}
	return out
}
