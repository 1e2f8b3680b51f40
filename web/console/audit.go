package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mimamori"
	"mimamori/audit"
)

// auditPage is how many entries a page shows.
const auditPage = 100

// Record is the View of the audit page.
type Record struct {
	Entries  []Entry
	Names    map[string]string // of staff, by id
	Incident string
	Actor    string
	Next     int64 // Seq below which the next page begins; 0: this is the last
}

// Entry is one line of the record. Words are what was typed; Key is the reason
// that was chosen from the list, empty when none was.
type Entry struct {
	audit.Read
	Key, Words string
}

func entryOf(e audit.Read) Entry {
	key, words, _ := strings.Cut(e.Reason, ": ")
	if !slices.Contains(Reasons, key) {
		key, words = "", e.Reason
	}
	return Entry{Read: e, Key: key, Words: words}
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
	list, err := c.opt.Log.Entries(r.Context(), query)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	for _, e := range list {
		view.Entries = append(view.Entries, entryOf(e))
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
