package console

import (
	"net/http"
	"strings"

	"mimamori"
	"mimamori/accounting"
	"mimamori/audit"
	"mimamori/staff"
)

// Accounting is what the accounting page shows.
type Accounting struct {
	accounting.Report
	Period string
	Names  map[string]string // of staff, by id
}

func (c *console) keeping(w http.ResponseWriter, r *http.Request, me Reader) {
	k, err := c.opt.Law.Keeping(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.showLaw(w, r, me, lawView{Part: "keeping", Keep: &k})
}

// keepingDeed places or lifts a legal hold, asks for an account's deletion, or
// sends what is kept of one. All of these name a customer: they take a reason
// and the authenticator along.
func (c *console) keepingDeed(w http.ResponseWriter, r *http.Request, me Reader) {
	deed, subject := r.PathValue("deed"), strings.TrimSpace(clip(r.PostFormValue("subject"), 200))
	reason := strings.TrimSpace(clip(r.PostFormValue("reason"), 500))
	if reason == "" || subject == "" {
		c.fail(w, r, me, &staff.RefusedError{Act: audit.AccountExport, Why: "reason"})
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	var err error
	said := ""
	switch deed {
	case "hold":
		said, err = "legal.hold", c.opt.Law.SetLegalHold(r.Context(), me.Actor(), subject, reason, true)
	case "lift":
		said, err = "legal.lift", c.opt.Law.SetLegalHold(r.Context(), me.Actor(), subject, reason, false)
	case "delete":
		said, err = "asked", c.opt.Law.DeleteAccount(r.Context(), me.Actor(), subject, reason)
	case "json", "html":
		c.sendAccount(w, r, me, subject, reason, deed == "html")
		return
	default:
		err = mimamori.ErrNotFound
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/law/keeping", said)
}

func (c *console) sendAccount(w http.ResponseWriter, r *http.Request, me Reader, subject, reason string, html bool) {
	lang := mimamori.Japanese
	if r.PostFormValue("lang") == string(mimamori.English) {
		lang = mimamori.English
	}
	file, err := c.opt.Law.ExportAccount(r.Context(), me.Actor(), subject, reason, html, lang)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	kind, name := "application/json", "account.json"
	if html {
		kind, name = "text/html; charset=utf-8", "account.html"
	}
	attached(w, kind, name)
	_, _ = w.Write(file) // the reader is gone: nothing to do
}

func (c *console) accounting(w http.ResponseWriter, r *http.Request, me Reader) {
	a, err := c.opt.Law.Accounting(r.Context(), me.Actor(), clip(r.URL.Query().Get("period"), 10))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.showLaw(w, r, me, lawView{Part: "accounting", Sum: &a})
}

func (c *console) accountingFile(w http.ResponseWriter, r *http.Request, me Reader) {
	lang := c.pages.New(r, nil).Lang
	file, err := c.opt.Law.AccountingFile(r.Context(), me.Actor(), clip(r.URL.Query().Get("period"), 10), lang)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	attached(w, "text/csv; charset=utf-8", "restitution-"+clip(r.URL.Query().Get("period"), 10)+".csv")
	_, _ = w.Write(file) // the reader is gone: nothing to do
}

// Points is an amount as the page's number words take it.
func (Accounting) Points(n int64) int { return int(n) }
