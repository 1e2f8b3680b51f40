package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
	"mimamori/support"
	"mimamori/web/console"
)

// directories are a shop's numbers, kept as the real ones are.
type directories struct {
	guard audit.Guard
	four  *staff.FourEyes
	list  []support.Edition
	book  *support.Editions
}

func newDirectories(guard audit.Guard, four *staff.FourEyes) *directories {
	d := &directories{guard: guard, four: four}
	d.book = support.NewEditions(d, support.Directory{Numbers: []support.Number{
		{Country: "JP", Number: "0120-000-001", Free: true, Days: []string{"mon", "tue", "wed", "thu", "fri"}, Hours: "09:00-18:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja"}},
		{Country: "*", Number: "+81-3-0000-0001", Hours: "00:00-24:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja", "en"}, Callback: true}}})
	return d
}

func (d *directories) AddEdition(_ context.Context, e support.Edition) error {
	d.list = append([]support.Edition{e}, d.list...)
	return nil
}

func (d *directories) Editions(_ context.Context, limit int) ([]support.Edition, error) {
	return d.list[:min(limit, len(d.list))], nil
}

func (d *directories) Contacts(ctx context.Context, actor mimamori.Actor) (console.ContactSheet, error) {
	if err := d.guard.Allow(ctx, actor, audit.LookContacts, audit.Target{}, ""); err != nil {
		return console.ContactSheet{}, err
	}
	past, err := d.book.History(ctx, 20)
	return console.ContactSheet{Now: d.book.Now(ctx), Past: past}, err
}

func (d *directories) EditContacts(ctx context.Context, actor mimamori.Actor, base int, next support.Directory, reason string) (console.Result, error) {
	if err := d.guard.Allow(ctx, actor, audit.DirectoryEdit, audit.Target{}, reason); err != nil {
		return console.Failed, err
	}
	if err := next.Check(); err != nil {
		return console.Failed, err
	}
	if !next.SamePhones(d.book.Now(ctx).Directory) {
		_, err := d.four.Propose(ctx, actor, staff.Proposal{Act: audit.DirectoryEdit, Reason: reason}, next)
		return console.Asked, err
	}
	return console.Done, d.book.Add(ctx, base, support.Edition{Directory: next, At: time.Now(), By: actor.ID, Reason: reason})
}

// form is the directory as the page sends it, with some fields otherwise.
func contactForm(over map[string]string) []string {
	fields := map[string]string{"base": "0", "reason": "new hours", "country-0": "JP", "number-0": "0120-000-001", "hours-0": "09:00-18:00", "zone-0": "Asia/Tokyo", "speaks-0": "ja", "day-0": "mon",
		"country-1": "*", "number-1": "+81-3-0000-0001", "hours-1": "00:00-24:00", "zone-1": "Asia/Tokyo", "speaks-1": "en"}
	for k, v := range over {
		fields[k] = v
	}
	var out []string
	for k, v := range fields {
		out = append(out, k, v)
	}
	return out
}

// TestContactsAreEditedAndPreviewed: hours count at once, a telephone waits for
// a second person, what cannot be shown is refused in place, and the page says
// what a customer sees at any time.
func TestContactsAreEditedAndPreviewed(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead2")
	if page := b.get("/contacts?at=2026-07-04T03:00&country=JP&speaks=ja").Body.String(); !strings.Contains(page, "24時間いつでもつながります") || !strings.Contains(page, "次は日本時間7月6日（月）09:00から") {
		t.Error("the preview of a Saturday night does not say who answers")
	}
	said := func(over map[string]string) string {
		t.Helper()
		w := b.post("/contacts", contactForm(over)...)
		if w.Code == http.StatusSeeOther {
			return w.Header().Get("Location")
		}
		return w.Body.String()
	}
	if got := said(map[string]string{"hours-0": "10:00-12:00,13:00-16:00"}); got != "/contacts?said=contacts" {
		t.Errorf("hours: %.300s", got)
	}
	if got := said(map[string]string{"base": "1", "number-0": "090-6666-6666"}); got != "/contacts?said=asked" {
		t.Errorf("a telephone: %.300s", got)
	}
	page := b.get("/contacts").Body.String()
	if strings.Contains(page, "090-6666-6666") || !strings.Contains(page, "10:00-12:00,13:00-16:00") {
		t.Error("a telephone counts without a second person, or hours do not")
	}
	if got := said(map[string]string{"base": "1", "hours-0": "25:00"}); !strings.Contains(got, `role="alert"`) {
		t.Error("hours that do not exist are taken")
	}
	if w := b.post("/contacts/restore", "base", "1", "edition", "0", "reason", "undo"); w.Header().Get("Location") != "/contacts?said=contacts" {
		t.Errorf("undo: %d", w.Code)
	}
	if w := p.signIn("agent").post("/contacts", contactForm(nil)...); w.Code != http.StatusForbidden {
		t.Errorf("an agent: %d", w.Code)
	}
}
