package centre

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"mimamori"
)

func (c *centre) help(w http.ResponseWriter, r *http.Request) {
	read(c, w, r, "help", c.opt.Service.Help)
}

func (c *centre) ours(w http.ResponseWriter, r *http.Request) {
	read(c, w, r, "ours", func(ctx context.Context, _ Visitor) (Ours, error) { return c.opt.Service.Ours(ctx) })
}

// ipPage is the look-up's form and, below it, what was found.
type ipPage struct {
	Typed   string
	Your    netip.Addr
	Found   *IPAnswer
	Problem Problem
}

// lookup explains an address. It is a GET: nothing changes, and the customer
// may keep the page.
func (c *centre) lookup(w http.ResponseWriter, r *http.Request) {
	v := c.visitor(r)
	typed := strings.TrimSpace(r.URL.Query().Get("addr"))
	if len(typed) > 60 {
		typed = typed[:60]
	}
	view := ipPage{Typed: strings.ToValidUTF8(typed, ""), Your: v.IP}
	status := http.StatusOK
	if r.URL.Query().Has("addr") {
		addr, err := netip.ParseAddr(typed)
		switch {
		case typed == "":
			view.Problem = EmptyField
		case err != nil || addr.Zone() != "":
			view.Problem = NotAddress
		default:
			found, err := c.opt.Service.LookupIP(r.Context(), v, addr.Unmap())
			if err != nil {
				c.fail(w, r, err)
				return
			}
			view.Found = &found
		}
		if view.Problem != NoProblem {
			status = http.StatusUnprocessableEntity
		}
	}
	page := c.pages.New(r, view)
	page.Signed = v.Session != ""
	c.pages.Render(w, status, "ip", page)
}

// referencePage is the form for a notice's code, or the notice.
type referencePage struct {
	Typed   string
	Found   *NoticeRow
	Problem Problem
}

func (c *centre) reference(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, "reference", referencePage{})
}

// openReference shows the notice with the code that was typed. Every code that
// is not found gets the same answer, whatever the reason (G09).
func (c *centre) openReference(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v := c.visitor(r)
	view := referencePage{Typed: strings.ToUpper(strings.Join(strings.Fields(r.PostFormValue("code")), ""))}
	status := http.StatusOK
	switch {
	case view.Typed == "":
		view.Problem, status = EmptyField, http.StatusUnprocessableEntity
	case len(view.Typed) > 40:
		view.Typed, view.Problem, status = "", NoReference, http.StatusNotFound
	default:
		notice, err := c.opt.Service.Reference(r.Context(), v, view.Typed)
		switch {
		case errors.Is(err, mimamori.ErrUnavailable):
			view.Problem, status = TooMany, http.StatusTooManyRequests
		case errors.Is(err, mimamori.ErrNotFound), errors.Is(err, mimamori.ErrInvalid), errors.Is(err, mimamori.ErrDenied):
			view.Problem, status = NoReference, http.StatusNotFound
		case err != nil:
			c.fail(w, r, err)
			return
		default:
			view.Found = &notice
		}
	}
	page := c.pages.New(r, view)
	page.Signed = v.Session != ""
	c.pages.Render(w, status, "reference", page)
}
