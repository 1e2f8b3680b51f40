package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

func (c *console) keyRoutes(mux *http.ServeMux) {
	if c.opt.Staff == nil || c.opt.Staff.Keys == nil {
		return
	}
	mux.HandleFunc("GET /keys", c.signedIn(c.keys))
	mux.HandleFunc("POST /keys", c.signedIn(c.makeKey))
	mux.HandleFunc("POST /keys/{id}/rotate", c.signedIn(c.rotateKey))
	mux.HandleFunc("POST /keys/{id}/revoke", c.signedIn(c.revokeKey))
}

// Overlaps are how long a replaced key may go on counting, in hours.
var Overlaps = []int{1, 24, 7 * 24, 30 * 24}

// Lives are how long a key may live, in days; 0 is for good.
var Lives = []int{90, 180, 365, 0}

// KeyList is the View of the page of API keys.
type KeyList struct {
	Rows     []KeyRow
	Scopes   []staff.Scope
	Overlaps []int
	Lives    []int
	May      bool
	Typed    staff.NewAPIKey
}

// KeyRow is one key, without what is secret.
type KeyRow struct {
	staff.APIKey
	State staff.KeyState
	By    string // the name of who made it; empty: the command line
	Next  string // the name of its successor's id; empty: none
}

// Counts says whether the key works.
func (k KeyRow) Counts() bool { return k.State == staff.KeyGood || k.State == staff.KeyReplaced }

func (c *console) keys(w http.ResponseWriter, r *http.Request, me Reader) {
	c.keyPage(w, r, me, staff.NewAPIKey{Scopes: []staff.Scope{staff.ScopeEvents, staff.ScopeDecisions, staff.ScopeHandoff, staff.ScopeRead}}, "")
}

func (c *console) keyPage(w http.ResponseWriter, r *http.Request, me Reader, typed staff.NewAPIKey, problem string) {
	if err := c.opt.Guard.Allow(r.Context(), me.Actor(), audit.LookKeys, audit.Target{}, ""); err != nil {
		c.fail(w, r, me, err)
		return
	}
	list, err := c.opt.Staff.Keys.Keys(r.Context())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	people, err := c.opt.Desk.People(r.Context())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	v := KeyList{Scopes: staff.Scopes, Overlaps: Overlaps, Lives: Lives, May: me.May(audit.KeyCreate), Typed: typed}
	for _, k := range list {
		row := KeyRow{APIKey: k, State: k.State(time.Now()), Next: k.ReplacedBy}
		if at := slices.IndexFunc(people, func(p staff.Person) bool { return p.ID == k.CreatedBy }); at >= 0 {
			row.By = people[at].Name
		}
		v.Rows = append(v.Rows, row)
	}
	// What counts stands above what does not; each part stays newest first.
	slices.SortStableFunc(v.Rows, func(a, b KeyRow) int {
		switch {
		case a.Counts() == b.Counts():
			return 0
		case a.Counts():
			return -1
		}
		return 1
	})
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	c.showStatus(w, r, status, "keys", Frame{Me: me, Section: "keys", Problem: problem, V: v})
}

func (c *console) makeKey(w http.ResponseWriter, r *http.Request, me Reader) {
	n := staff.NewAPIKey{Name: strings.TrimSpace(r.PostFormValue("name")), Source: strings.TrimSpace(r.PostFormValue("source"))}
	for _, s := range staff.Scopes {
		if slices.Contains(r.PostForm["scope"], string(s)) {
			n.Scopes = append(n.Scopes, s)
		}
	}
	n.PerSecond, _ = strconv.Atoi(r.PostFormValue("per_second"))   // anything else is no cap
	n.WordsAnHour, _ = strconv.Atoi(r.PostFormValue("words_hour")) // anything else is the usual one
	if days, err := strconv.Atoi(r.PostFormValue("days")); err == nil && days > 0 && days <= 3650 {
		n.ExpiresAt = time.Now().AddDate(0, 0, days)
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	text, k, err := c.opt.Staff.Keys.Create(r.Context(), c.opt.Guard, me.Actor(), n)
	if field, ok := errors.AsType[*mimamori.FieldError](err); ok {
		c.keyPage(w, r, me, n, "key."+field.Field)
		return
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.once(w, r, me, Once{Kind: "key", Name: k.Name, Secret: text, Back: "/keys"}, "keys")
}

func (c *console) rotateKey(w http.ResponseWriter, r *http.Request, me Reader) {
	hours, err := strconv.Atoi(r.PostFormValue("overlap"))
	if err != nil || !slices.Contains(Overlaps, hours) {
		c.fail(w, r, me, mimamori.ErrInvalid)
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	text, k, err := c.opt.Staff.Keys.Rotate(r.Context(), c.opt.Guard, me.Actor(), r.PathValue("id"), time.Duration(hours)*time.Hour)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.once(w, r, me, Once{Kind: "rotated", Name: k.Name, Secret: text, Back: "/keys"}, "keys")
}

func (c *console) revokeKey(w http.ResponseWriter, r *http.Request, me Reader) {
	reason := clip(strings.TrimSpace(r.PostFormValue("reason")), 200)
	if reason == "" {
		c.keyPage(w, r, me, staff.NewAPIKey{}, "why")
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	if err := c.opt.Staff.Keys.Revoke(r.Context(), c.opt.Guard, me.Actor(), r.PathValue("id"), reason); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/keys", "revoked")
}
