package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/bulk"
)

// Selection says on whom a bulk act is to be done: those named, all that share
// something with an incident, or all that pass a filter.
type Selection struct {
	IDs     []mimamori.IncidentID
	Touched mimamori.IncidentID
	Filter  Filter
}

// Bulk is one bulk act as its page shows it.
type Bulk struct {
	bulk.Run
	ByName, ApprovedName string
	Mine                 bool // the reader drafted it
	Counts               map[bulk.ItemState]int
	Examples             []bulk.Item
}

// Finished is how many accounts have been worked on.
func (b Bulk) Finished() int { return b.Size - b.Left() }

// Left is how many are still to be worked on.
func (b Bulk) Left() int {
	if b.State == bulk.Undoing {
		return b.Counts[bulk.Did]
	}
	return b.Counts[bulk.Waiting]
}

// Bulks is acting on many at once. Each method checks with the guard first.
type Bulks interface {
	// DraftBulk fixes on whom, and gives the draft's id; nothing is done yet.
	DraftBulk(ctx context.Context, actor mimamori.Actor, act bulk.Act, what Selection) (string, error)
	// CarryOut begins a draft of the actor's own, or asks a second person.
	CarryOut(ctx context.Context, on On, id string) (Result, error)
	// StopBulk ends what has not been done yet.
	StopBulk(ctx context.Context, on On, id string) error
	// UndoBulk takes what was done back, as far as it can be.
	UndoBulk(ctx context.Context, on On, id string) (Result, error)
	Bulks(ctx context.Context, actor mimamori.Actor) ([]Bulk, error)
	// Bulk gives one; ErrNotFound.
	Bulk(ctx context.Context, actor mimamori.Actor, id string) (Bulk, error)
}

func (c *console) bulkRoutes(mux *http.ServeMux) {
	if c.opt.Bulks == nil {
		return
	}
	mux.HandleFunc("GET /bulk", c.signedIn(c.bulks))
	mux.HandleFunc("POST /bulk", c.signedIn(c.draftBulk))
	mux.HandleFunc("GET /bulk/{id}", c.signedIn(c.bulk))
	mux.HandleFunc("POST /bulk/{id}/{deed}", c.signedIn(c.actBulk))
}

func (c *console) bulks(w http.ResponseWriter, r *http.Request, me Reader) {
	list, err := c.opt.Bulks.Bulks(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "bulks", Frame{Me: me, Section: "bulk", V: list})
}

// draftBulk takes the accounts chosen in the list, or all that the list's
// filter lets pass, and shows what would be done.
func (c *console) draftBulk(w http.ResponseWriter, r *http.Request, me Reader) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, me, mimamori.ErrInvalid)
		return
	}
	what := Selection{Touched: mimamori.IncidentID(clip(r.PostForm.Get("touched"), 64))}
	for _, id := range r.PostForm["pick"] {
		what.IDs = append(what.IDs, mimamori.IncidentID(clip(id, 64)))
	}
	if r.PostForm.Get("all") != "" {
		q, err := url.ParseQuery(r.PostForm.Get("filter"))
		if err != nil {
			c.fail(w, r, me, mimamori.ErrInvalid)
			return
		}
		what.IDs, what.Filter = nil, filterOf(q)
		what.Filter.Search = ""
	} else if len(what.IDs) == 0 && what.Touched == "" {
		c.back(w, r, "/?pick=1&"+r.PostForm.Get("filter"), "")
		return
	}
	id, err := c.opt.Bulks.DraftBulk(r.Context(), me.Actor(), bulk.Act(r.PostForm.Get("act")), what)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/bulk/"+id, "")
}

func (c *console) bulk(w http.ResponseWriter, r *http.Request, me Reader) {
	b, err := c.opt.Bulks.Bulk(r.Context(), me.Actor(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	f := Frame{Me: me, Section: "bulk", V: b}
	if b.State.Busy() || b.State == bulk.Asked {
		f.Refresh = 5
	}
	c.show(w, r, "bulk", f)
}

// actBulk carries a draft out, stops it or takes it back, with a reason and the
// authenticator code.
func (c *console) actBulk(w http.ResponseWriter, r *http.Request, me Reader) {
	id := r.PathValue("id")
	on := On{Actor: me.Actor(), Reason: strings.TrimSpace(clip(r.PostFormValue("reason"), 500))}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	said, result := "", Done
	var err error
	switch r.PathValue("deed") {
	case "go":
		said = "bulk"
		result, err = c.opt.Bulks.CarryOut(r.Context(), on, id)
	case "stop":
		said, err = "bulkstop", c.opt.Bulks.StopBulk(r.Context(), on, id)
	case "undo":
		said = "bulkundo"
		result, err = c.opt.Bulks.UndoBulk(r.Context(), on, id)
	default:
		err = mimamori.ErrNotFound
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	if result == Asked {
		said = "asked"
	}
	c.back(w, r, "/bulk/"+id, said)
}

// MayBulk says whether the reader is offered bulk acts.
func (r Reader) MayBulk() bool { return r.May(audit.BulkContain) }

// Can is May for templates, which know acts as plain texts.
func (r Reader) Can(act string) bool { return r.May(audit.Act(act)) }
