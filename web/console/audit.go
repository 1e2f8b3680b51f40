package console

import (
	"net/http"
	"strconv"

	"mimamori"
	"mimamori/audit"
)

// auditPage is how many entries a page shows.
const auditPage = 100

// Record is the View of the audit page.
type Record struct {
	Entries  []audit.Read
	Names    map[string]string // of staff, by id
	Incident string
	Actor    string
	Next     int64 // Seq below which the next page begins; 0: this is the last
}

func (c *console) audit(w http.ResponseWriter, r *http.Request, me Reader) {
	q := r.URL.Query()
	view := Record{Incident: clip(q.Get("incident"), 100), Actor: clip(q.Get("actor"), 100), Names: map[string]string{}}
	target := audit.Target{Incident: mimamori.IncidentID(view.Incident)}
	if err := c.opt.Guard.Allow(r.Context(), me.Actor(), audit.LookAudit, target, ""); err != nil {
		c.fail(w, r, me, err)
		return
	}
	query := audit.Query{Incident: target.Incident, Actor: view.Actor, Limit: auditPage}
	query.Before, _ = strconv.ParseInt(q.Get("before"), 10, 64) // anything else is the first page
	var err error
	if view.Entries, err = c.opt.Log.Entries(r.Context(), query); err != nil {
		c.fail(w, r, me, err)
		return
	}
	if n := len(view.Entries); n == auditPage && view.Entries[n-1].Seq > 0 {
		view.Next = view.Entries[n-1].Seq
	}
	people, err := c.opt.Desk.People(r.Context())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	for _, p := range people {
		view.Names[p.ID] = p.Name
	}
	c.show(w, r, "audit", Frame{Me: me, Section: "audit", V: view})
}
