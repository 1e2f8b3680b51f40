package centre

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"mimamori"
)

// read is a page that shows what one method of the Service answers.
func read[V any](c *centre, w http.ResponseWriter, r *http.Request, name string, get func(context.Context, Visitor) (V, error)) {
	view, err := get(r.Context(), c.visitor(r))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	c.show(w, r, name, view)
}

// own is read for what only the signed-in customer may see: without a session
// the Service is not even asked.
func own[V any](c *centre, w http.ResponseWriter, r *http.Request, name string, get func(context.Context, Visitor) (V, error)) {
	if c.session(r) == "" {
		c.outside(w, r, mimamori.ErrDenied)
		return
	}
	read(c, w, r, name, get)
}

// outside answers somebody whose session is missing or has ended with the
// front page, which says how to come in; other errors as everywhere.
func (c *centre) outside(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, mimamori.ErrDenied) {
		c.fail(w, r, err)
		return
	}
	if c.session(r) != "" { // a visit that is over, perhaps by a containment: the browser keeps nothing of it
		c.dropSession(w)
	}
	page := c.pages.New(r, nil)
	if said := r.URL.Query().Get("said"); said == "left" || said == "signed_out" {
		page.Said = "said." + said
	}
	status := http.StatusForbidden
	if r.URL.Path == "/" {
		status = http.StatusOK // it is the front page, nothing was refused
	}
	c.pages.Render(w, status, "front", page)
}

func (c *centre) home(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "home", func(ctx context.Context, v Visitor) (homePage, error) {
		view, err := c.opt.Service.Home(ctx, v)
		view.Obligations = c.offered(view.Obligations)
		if view.Next == NextSecondStep && (c.opt.SecondStep == "" || c.later(r)) {
			view.Next = NextNone // never offer what leads nowhere, nor what was put off
			if view.Standing == Watched {
				view.Next = NextCheckLogins
			}
		}
		return homePage{view, c.opt.SecondStep}, err
	})
}

// homePage is the home page with where a second step is added.
type homePage struct {
	Home
	SecondStep string
}

// Progress is how many of the steps are done.
func (h homePage) Progress() (done int) {
	for _, s := range h.Steps {
		if s.State == StepDone {
			done++
		}
	}
	return done
}

// offered leaves out a second step where there is no page to add one.
func (c *centre) offered(list []Obligation) []Obligation {
	return slices.DeleteFunc(slices.Clone(list), func(o Obligation) bool { return o.Kind == OfferSecondStep && c.opt.SecondStep == "" })
}

// laterCookie remembers that the offer of a second step was put off, for
// laterDays. It says nothing else.
const (
	laterCookie = "mimamori-later"
	laterDays   = 30
)

func (c *centre) later(r *http.Request) bool {
	_, err := r.Cookie(c.cookieName(laterCookie))
	return err == nil
}

// putOff takes "not now" for the second step; it is asked again after 30 days.
func (c *centre) putOff(w http.ResponseWriter, r *http.Request) {
	c.setCookie(w, laterCookie, "1", laterDays*24*3600)
	c.back(w, r, "/", "put_off")
}

// purchasePage and contactPage are parts of long lists.
type purchasePage struct {
	Purchases
	Pager pager
}

type contactPage struct {
	Contacts
	Pager pager
	More  int // registered things that are not shown
}

type timelinePage struct {
	Timeline
	Pager pager
}

func (c *centre) purchases(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "purchases", func(ctx context.Context, v Visitor) (view purchasePage, err error) {
		view.Purchases, err = c.opt.Service.Purchases(ctx, v)
		view.Orders, view.Pager = part(view.Orders, r, entriesShown, "/purchases?page=")
		return view, err
	})
}

func (c *centre) contacts(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "contacts", func(ctx context.Context, v Visitor) (view contactPage, err error) {
		view.Contacts, err = c.opt.Service.Contacts(ctx, v)
		view.Changes, view.Pager = part(view.Changes, r, entriesShown, "/contacts?page=")
		view.Registered, view.More = first(view.Registered, 2*entriesShown)
		return view, err
	})
}

func (c *centre) timeline(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "timeline", func(ctx context.Context, v Visitor) (view timelinePage, err error) {
		view.Timeline, err = c.opt.Service.Timeline(ctx, v)
		view.Entries, view.Pager = part(view.Entries, r, 2*entriesShown, "/timeline?page=")
		return view, err
	})
}

func (c *centre) unknownOrders(w http.ResponseWriter, r *http.Request) {
	read(c, w, r, "unknown", c.opt.Service.Help)
}

func (c *centre) devices(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "devices", c.opt.Service.Devices)
}

func (c *centre) messages(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "messages", c.opt.Service.Messages)
}

func (c *centre) message(w http.ResponseWriter, r *http.Request) {
	own(c, w, r, "message", func(ctx context.Context, v Visitor) (NoticeRow, error) {
		return c.opt.Service.Message(ctx, v, r.PathValue("id"))
	})
}

// reportable are the pages that a report may come from and lead back to.
var reportable = map[string]bool{"/": true, "/logins": true, "/purchases": true, "/contacts": true}

// confirm asks once more before "that wasn't me" sets off the response.
type confirm struct {
	Line, From string
	PutOut     bool // it is over: nobody is signed out for it
}

// report takes わたし / ちがう / わからない. ちがう is asked once more, for it may
// sign everybody out.
func (c *centre) report(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	line, answer, from := r.PostFormValue("line"), Answer(r.PostFormValue("answer")), r.PostFormValue("from")
	if !reportable[from] {
		from = "/"
	}
	if line == "" || len(line) > 300 || answer != Me && answer != NotMe && answer != DontKnow {
		c.fail(w, r, mimamori.ErrInvalid)
		return
	}
	if answer == NotMe && r.PostFormValue("sure") != "yes" {
		over, err := c.opt.Service.PutOut(r.Context(), c.visitor(r), line)
		if err != nil {
			c.outside(w, r, err)
			return
		}
		page := c.pages.New(r, confirm{line, from, over})
		page.Signed, page.Here = true, c.opt.Base+from
		c.pages.Render(w, http.StatusOK, "confirm", page)
		return
	}
	effect, err := c.opt.Service.Report(r.Context(), c.visitor(r), line, answer)
	if err != nil {
		c.outside(w, r, err)
		return
	}
	if effect == EffectRaised {
		from = "/" // there it says what happens now
	}
	c.back(w, r, from, string(effect))
}

// signOut ends every session, this one too.
func (c *centre) signOut(w http.ResponseWriter, r *http.Request) {
	if err := c.opt.Service.SignOutEverywhere(r.Context(), c.visitor(r)); err != nil {
		c.outside(w, r, err)
		return
	}
	c.dropSession(w)
	c.back(w, r, "/", "signed_out")
}

// veto stops a recovery that somebody else began.
func (c *centre) veto(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	effect, err := c.opt.Service.Stop(r.Context(), c.visitor(r), r.PostFormValue("veto"))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	c.back(w, r, "/", string(effect))
}
