package centre

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"mimamori"
)

// How much of a long life one page draws. Nobody reads further, and ten
// thousand rows would take half a second.
const (
	groupsShown  = 20 // devices on networks, on the first page
	rowsShown    = 5  // sign-ins of each, there
	entriesShown = 50 // of one list that is looked at by itself
)

// pager says which part of a long list is shown. Page counts from 1.
type pager struct {
	Page, Pages int
	At          string // address of the list, ending in "?page=" or "&page="
}

// part cuts a list into pages; a page that is not there is the nearest that is.
func part[T any](list []T, r *http.Request, size int, at string) ([]T, pager) {
	p := pager{Page: 1, Pages: max(1, (len(list)+size-1)/size), At: at}
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		p.Page = min(max(n, 1), p.Pages)
	}
	from := (p.Page - 1) * size
	return list[from:min(len(list), from+size)], p
}

// first cuts a list, and counts what was left out: an intruder can make it as
// long as he likes.
func first[T any](list []T, most int) ([]T, int) {
	if over := len(list) - most; over > 0 {
		return list[:most], over
	}
	return list, 0
}

// loginPage is the history with its map, or one group of it.
type loginPage struct {
	Logins
	Map   *drawnMap // nil: nothing to see on one
	From1 int       // number of the first group shown, from 1
	Pager pager
	One   *LoginGroup // only this group, with Rows cut to the page
}

func (c *centre) logins(w http.ResponseWriter, r *http.Request) {
	if c.session(r) == "" {
		c.outside(w, r, mimamori.ErrDenied)
		return
	}
	logins, err := c.opt.Service.Logins(r.Context(), c.visitor(r))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	if id := r.URL.Query().Get("group"); id != "" {
		c.oneGroup(w, r, logins, id)
		return
	}
	view := loginPage{Logins: logins}
	view.Groups, view.Pager = part(logins.Groups, r, groupsShown, "/logins?page=")
	view.From1 = (view.Pager.Page-1)*groupsShown + 1
	for i := range view.Groups {
		view.Groups[i].fold()
	}
	view.Map = c.opt.World.draw(view.Groups, view.From1)
	c.show(w, r, "logins", view)
}

// fold leaves the newest rows, and counts the others.
func (g *LoginGroup) fold() {
	if over := len(g.Rows) - rowsShown; over > 0 {
		g.Rows, g.More = g.Rows[:rowsShown], g.More+over
	}
}

// oneGroup shows every sign-in of one device on one network.
func (c *centre) oneGroup(w http.ResponseWriter, r *http.Request, logins Logins, id string) {
	i := slices.IndexFunc(logins.Groups, func(g LoginGroup) bool { return g.ID == id })
	if i < 0 {
		c.fail(w, r, mimamori.ErrNotFound)
		return
	}
	g := logins.Groups[i]
	view := loginPage{Logins: logins, One: &g}
	g.More = len(g.Rows)
	g.Rows, view.Pager = part(g.Rows, r, entriesShown, "/logins?group="+g.ID+"&page=")
	g.More -= len(g.Rows)
	c.show(w, r, "login-group", view)
}

// exportLogins gives the whole history as a file, for the card company or the
// police.
func (c *centre) exportLogins(w http.ResponseWriter, r *http.Request) {
	if c.session(r) == "" {
		c.outside(w, r, mimamori.ErrDenied)
		return
	}
	logins, err := c.opt.Service.Logins(r.Context(), c.visitor(r))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	page := c.pages.New(r, nil)
	name := "logins-" + page.Clock.Now.In(page.Clock.Zone).Format("2006-01-02")
	if r.URL.Path == "/logins.json" {
		err = sendJSON(w, name+".json", exported(logins))
	} else {
		err = c.sendCSV(w, page, name+".csv", logins)
	}
	if err != nil && !errors.Is(err, http.ErrHandlerTimeout) {
		c.opt.Log.Warn("export the login history", "err", err)
	}
}
