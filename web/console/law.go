package console

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/retention"
)

// The words of the pages about what the law asks, beside the catalogue.
//
//go:embed law/text/*.json
var lawTextFiles embed.FS

func lawTexts() fs.FS {
	sub, err := fs.Sub(lawTextFiles, "law")
	if err != nil { // the path is a constant
		return lawTextFiles
	}
	return sub
}

// Law is what the pages about the law's clock, retention and accounting ask of
// the flow. Each method checks with the guard first, and records who looked or
// acted.
type Law interface {
	// Breaches lists reports, those that are due first; with all set the ended
	// ones too.
	Breaches(ctx context.Context, actor mimamori.Actor, all bool) ([]BreachRow, error)
	// Breach gives one whole; ErrNotFound.
	Breach(ctx context.Context, actor mimamori.Actor, id string) (BreachSheet, error)
	// BreachOf names the report of an incident; ErrNotFound.
	BreachOf(ctx context.Context, actor mimamori.Actor, id mimamori.IncidentID) (string, error)
	// EditBreach does one of BreachEdits.
	EditBreach(ctx context.Context, actor mimamori.Actor, id string, e BreachEdit) error
	// NotifyBreach has the customers of a report told, each once; it says how
	// many are told now.
	NotifyBreach(ctx context.Context, actor mimamori.Actor, id, reason string) (int, error)
	// Attacks are the campaigns whose reports could be one.
	Attacks(ctx context.Context, actor mimamori.Actor) ([]breach.Attack, error)
	// JoinAttack joins a campaign's reports into one and names it.
	JoinAttack(ctx context.Context, actor mimamori.Actor, campaign string) (string, error)
	// ExportBreach gives a report as a file.
	ExportBreach(ctx context.Context, actor mimamori.Actor, id string) (breach.Document, error)

	// Keeping says how the job that forgets in time gets on.
	Keeping(ctx context.Context, actor mimamori.Actor) (Keeping, error)
	// SetLegalHold places or lifts one.
	SetLegalHold(ctx context.Context, actor mimamori.Actor, subject, reason string, on bool) error
	// DeleteAccount asks a second person to have an account deleted.
	DeleteAccount(ctx context.Context, actor mimamori.Actor, subject, reason string) error
	// ExportAccount gives everything kept of an account as a file; html: to be
	// read by a person, in a language.
	ExportAccount(ctx context.Context, actor mimamori.Actor, subject, reason string, html bool, lang mimamori.Lang) ([]byte, error)

	// Accounting reports what was given back in a period.
	Accounting(ctx context.Context, actor mimamori.Actor, period string) (Accounting, error)
	// AccountingFile is the same as a CSV file.
	AccountingFile(ctx context.Context, actor mimamori.Actor, period string, lang mimamori.Lang) ([]byte, error)
}

// BreachRow is one report in the list.
type BreachRow struct {
	breach.Report
	Next *breach.Deadline // nil: nothing is due any more
	Over bool             // Next has passed
	Near bool
}

// BreachSheet is one report whole.
type BreachSheet struct {
	BreachRow
	Dates  []BreachDate
	Items  []BreachItem
	Seen   []breach.Page
	Told   int               // customers who were mailed the notice
	Names  map[string]string // of staff, by id
	Others []BreachRow       // open reports that it could take over
	May    bool              // the reader may edit
	Notify bool              // the reader may have the customers told
}

// GroundChoice is one of the four grounds, and whether it is held to apply.
type GroundChoice struct {
	Ground breach.Ground
	On     bool
}

// AllGrounds are the four, to choose from.
func (s BreachSheet) AllGrounds() []GroundChoice {
	var out []GroundChoice
	for _, g := range breach.Grounds {
		out = append(out, GroundChoice{g, slices.Contains(s.Grounds, g)})
	}
	return out
}

// Words says what fields are, in words.
func (BreachSheet) Words(fields []string) []mimamori.Text {
	var out []mimamori.Text
	for _, f := range fields {
		out = append(out, breach.FieldWord(f))
	}
	return out
}

// BreachDate is a deadline as the page shows it.
type BreachDate struct {
	breach.Deadline
	Near, Over bool
}

// BreachItem is one of the nine items.
type BreachItem struct {
	Item    breach.Item
	Name    mimamori.Text
	Text    mimamori.Text
	Draft   mimamori.Text
	Written bool
}

// BreachEdit is one change of a report. Do says which, and with that which
// fields count.
type BreachEdit struct {
	Do      string // aware, grounds, item, file, refrain, reopen, join
	At      time.Time
	Grounds []breach.Ground
	Item    breach.Item
	Words   string
	Stage   breach.Stage
	Number  string
	Other   string // id of the report to take over
	Reason  string
}

// Keeping is what the page about keeping and forgetting shows.
type Keeping struct {
	Pass      retention.Pass
	Cut       retention.Cutoffs
	Anchors   []audit.PlaceState
	Deletions []retention.Deletion
	Held      int
	May       map[audit.Act]bool
}

func (c *console) lawRoutes(mux *http.ServeMux) {
	if c.opt.Law == nil {
		return
	}
	mux.HandleFunc("GET /law", c.signedIn(c.breaches))
	mux.HandleFunc("POST /law/campaigns/join", c.signedIn(c.joinAttack))
	mux.HandleFunc("GET /law/{id}", c.signedIn(c.breach))
	mux.HandleFunc("GET /law/{id}/{file}", c.signedIn(c.breachFile))
	mux.HandleFunc("POST /law/{id}/{deed}", c.signedIn(c.breachDeed))
	mux.HandleFunc("GET /law/incident/{id}", c.signedIn(c.breachOf))
	mux.HandleFunc("GET /law/keeping", c.signedIn(c.keeping))
	mux.HandleFunc("POST /law/keeping/{deed}", c.signedIn(c.keepingDeed))
	mux.HandleFunc("GET /law/accounting", c.signedIn(c.accounting))
	mux.HandleFunc("GET /law/accounting/file.csv", c.signedIn(c.accountingFile))
}

// lawView is the View of all of them: which part is shown, and its own.
type lawView struct {
	Part string // reports, keeping, accounting
	All  bool
	List []BreachRow
	// Attacks are campaigns to be joined; May: by the reader.
	Attacks []breach.Attack
	May     bool
	One     *BreachSheet
	Keep    *Keeping
	Sum     *Accounting
}

func (c *console) showLaw(w http.ResponseWriter, r *http.Request, me Reader, v lawView) {
	c.show(w, r, "law", Frame{Me: me, Section: "law", V: v})
}

func (c *console) breaches(w http.ResponseWriter, r *http.Request, me Reader) {
	v := lawView{Part: "reports", All: r.URL.Query().Get("all") != ""}
	var err error
	if v.List, err = c.opt.Law.Breaches(r.Context(), me.Actor(), v.All); err != nil {
		c.fail(w, r, me, err)
		return
	}
	if v.Attacks, err = c.opt.Law.Attacks(r.Context(), me.Actor()); err != nil {
		c.fail(w, r, me, err)
		return
	}
	v.May = me.May(audit.BreachEdit)
	c.showLaw(w, r, me, v)
}

// joinAttack makes one report of all of a campaign's.
func (c *console) joinAttack(w http.ResponseWriter, r *http.Request, me Reader) {
	id, err := c.opt.Law.JoinAttack(r.Context(), me.Actor(), clip(r.PostFormValue("campaign"), 64))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/law/"+id, "breach.saved")
}

func (c *console) breach(w http.ResponseWriter, r *http.Request, me Reader) {
	sheet, err := c.opt.Law.Breach(r.Context(), me.Actor(), clip(r.PathValue("id"), 64))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.showLaw(w, r, me, lawView{Part: "reports", One: &sheet})
}

func (c *console) breachOf(w http.ResponseWriter, r *http.Request, me Reader) {
	id, err := c.opt.Law.BreachOf(r.Context(), me.Actor(), mimamori.IncidentID(clip(r.PathValue("id"), 64)))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/law/"+id, "")
}

func (c *console) breachFile(w http.ResponseWriter, r *http.Request, me Reader) {
	kinds := map[string]string{"report.txt": "text/plain; charset=utf-8", "report.html": "text/html; charset=utf-8", "report.json": "application/json"}
	name := r.PathValue("file")
	d, err := c.opt.Law.ExportBreach(r.Context(), me.Actor(), clip(r.PathValue("id"), 64))
	if err == nil && kinds[name] == "" {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	attached(w, kinds[name], d.ID+"-"+name)
	switch name {
	case "report.txt":
		err = d.Text(w, true)
	case "report.html":
		err = d.HTML(w)
	default:
		err = d.JSON(w)
	}
	if err != nil {
		c.opt.Errors.Warn("console: send a report", "error", err.Error())
	}
}

// attached sends what follows as a file to be saved and never shown in place.
func attached(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	w.Header().Set("Cache-Control", "no-store")
}

// breachDeed does what a form on a report's page asks for.
func (c *console) breachDeed(w http.ResponseWriter, r *http.Request, me Reader) {
	r.Body = http.MaxBytesReader(w, r.Body, 128<<10)
	id, deed := clip(r.PathValue("id"), 64), r.PathValue("deed")
	reason := strings.TrimSpace(clip(r.PostFormValue("reason"), 500))
	if deed == "notify" {
		me, ok := c.again(w, r, me)
		if !ok {
			return
		}
		if _, err := c.opt.Law.NotifyBreach(r.Context(), me.Actor(), id, reason); err != nil {
			c.fail(w, r, me, err)
			return
		}
		c.back(w, r, "/law/"+id, "breach.notify")
		return
	}
	e := BreachEdit{Do: deed, Item: breach.Item(r.PostFormValue("item")), Words: strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("words"), "\r\n", "\n")),
		Stage: breach.Stage(r.PostFormValue("stage")), Number: strings.TrimSpace(clip(r.PostFormValue("number"), 100)), Other: clip(r.PostFormValue("other"), 64), Reason: reason}
	for _, g := range breach.Grounds {
		if slices.Contains(r.PostForm["ground"], string(g)) {
			e.Grounds = append(e.Grounds, g)
		}
	}
	if at := r.PostFormValue("at"); at != "" {
		t, err := time.ParseInLocation("2006-01-02T15:04", at, breach.Japan)
		if err != nil {
			c.fail(w, r, me, fmt.Errorf("edit report: time: %w", mimamori.ErrInvalid))
			return
		}
		e.At = t
	}
	if err := c.opt.Law.EditBreach(r.Context(), me.Actor(), id, e); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/law/"+id, "breach.saved")
}
