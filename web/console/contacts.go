package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/staff"
	"mimamori/support"
)

// Directories are whom customers call. Each method checks with the guard
// first.
type Directories interface {
	Contacts(ctx context.Context, actor mimamori.Actor) (ContactSheet, error)
	// EditContacts replaces the edition base; Asked when telephone numbers
	// change: then a second person approves. ErrConflict when another edition was
	// made meanwhile.
	EditContacts(ctx context.Context, actor mimamori.Actor, base int, d support.Directory, reason string) (Result, error)
}

// ContactSheet is the directory as it stands, and as it stood.
type ContactSheet struct {
	Now   support.Edition
	Past  []support.Edition // newest first; the brand file's own last
	Names map[string]string // of staff, by id
}

// contactView is the View of the page.
type contactView struct {
	ContactSheet
	Lines   []contactLine
	May     bool
	At      string // of the preview, as the field has it
	Country string
	Lang    mimamori.Lang
	Preview []support.Line
	When    time.Time
	Wrong   string // what is wrong with what was entered: a field's name; empty: nothing
	Line    int    // in which line
	Reason  string
}

// contactLine is one number in the form; the last is empty, for a new one.
type contactLine struct {
	N int
	support.Number
	New bool
}

// Weekdays are the days as the form has them.
func (contactLine) Weekdays() []string {
	return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
}

// On says that a day is one of the line's.
func (l contactLine) On(day string) bool { return slices.Contains(l.Days, day) }

// Speaks says that a language is.
func (l contactLine) Speaks(lang string) bool { return slices.Contains(l.Languages, lang) }

func (c *console) contactRoutes(mux *http.ServeMux) {
	if c.opt.Directory == nil {
		return
	}
	mux.HandleFunc("GET /contacts", c.signedIn(c.contacts))
	mux.HandleFunc("POST /contacts", c.signedIn(c.editContacts))
	mux.HandleFunc("POST /contacts/restore", c.signedIn(c.restoreContacts))
}

// fieldTime is how a datetime-local field writes a moment.
const fieldTime = "2006-01-02T15:04"

func (c *console) contacts(w http.ResponseWriter, r *http.Request, me Reader) {
	sheet, err := c.opt.Directory.Contacts(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	v := contactView{ContactSheet: sheet}
	c.showContacts(w, r, me, http.StatusOK, v, sheet.Now.Directory)
}

// showContacts shows the page with a directory in its form; the preview is
// always of the edition of now.
func (c *console) showContacts(w http.ResponseWriter, r *http.Request, me Reader, status int, v contactView, form support.Directory) {
	q := r.URL.Query()
	zone := c.opt.Zone
	if zone == nil {
		zone = breach.Japan
	}
	v.May, v.When, v.Country, v.Lang = me.May(audit.DirectoryEdit), time.Now().In(zone), "JP", mimamori.Japanese
	if t, err := time.ParseInLocation(fieldTime, q.Get("at"), zone); err == nil {
		v.When = t
	}
	if s := strings.ToUpper(q.Get("country")); len(s) == 2 {
		v.Country = s
	}
	if q.Get("speaks") == string(mimamori.English) {
		v.Lang = mimamori.English
	}
	v.At, v.Preview = v.When.Format(fieldTime), v.Now.Directory.Now(v.When, v.Country, v.Lang)
	for i, n := range form.Numbers {
		v.Lines = append(v.Lines, contactLine{N: i, Number: n})
	}
	v.Lines = append(v.Lines, contactLine{N: len(form.Numbers), Number: support.Number{TimeZone: "Asia/Tokyo"}, New: true})
	c.showStatus(w, r, status, "contacts", Frame{Me: me, Section: "contacts", V: v})
}

// maxForm bounds how many lines are read.
const maxForm = 64

// entered reads the directory out of the form; lines to be taken out, and an
// empty new one, are not in it.
func entered(r *http.Request) (d support.Directory) {
	for i := range maxForm {
		at := func(name string) string {
			return strings.TrimSpace(clip(r.PostFormValue(fmt.Sprintf("%s-%d", name, i)), 100))
		}
		if at("number") == "" && at("country") == "" || at("drop") != "" {
			continue
		}
		country := strings.ToUpper(at("country"))
		d.Numbers = append(d.Numbers, support.Number{Country: country, Number: at("number"), Free: at("free") != "", Hours: strings.ReplaceAll(at("hours"), " ", ""), TimeZone: at("zone"),
			Days: picked(r, "day", i), Languages: picked(r, "speaks", i), Callback: at("callback") != "", Holidays: at("holidays")})
	}
	return d
}

func picked(r *http.Request, name string, i int) (out []string) {
	for _, v := range r.PostForm[fmt.Sprintf("%s-%d", name, i)] {
		if len(out) < 7 {
			out = append(out, clip(v, 5))
		}
	}
	return out
}

func (c *console) editContacts(w http.ResponseWriter, r *http.Request, me Reader) {
	r.Body = http.MaxBytesReader(w, r.Body, 128<<10)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, me, fmt.Errorf("read the form: %w", mimamori.ErrInvalid))
		return
	}
	c.putContacts(w, r, me, entered(r))
}

// restoreContacts puts the numbers of an earlier edition into a new one.
func (c *console) restoreContacts(w http.ResponseWriter, r *http.Request, me Reader) {
	sheet, err := c.opt.Directory.Contacts(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	number, err := strconv.Atoi(r.PostFormValue("edition"))
	i := slices.IndexFunc(sheet.Past, func(e support.Edition) bool { return e.Number == number })
	if err != nil || i < 0 {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	c.putContacts(w, r, me, sheet.Past[i].Directory)
}

func (c *console) putContacts(w http.ResponseWriter, r *http.Request, me Reader, d support.Directory) {
	reason := strings.TrimSpace(clip(r.PostFormValue("reason"), 200))
	base, err := strconv.Atoi(r.PostFormValue("base"))
	if reason == "" || err != nil {
		c.fail(w, r, me, &staff.RefusedError{Act: audit.DirectoryEdit, Why: "reason"})
		return
	}
	if !me.May(audit.DirectoryEdit) {
		_, err := c.opt.Directory.EditContacts(r.Context(), me.Actor(), base, d, reason) // refused, and recorded
		c.fail(w, r, me, err)
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	done, err := c.opt.Directory.EditContacts(r.Context(), me.Actor(), base, d, reason)
	if f, wrong := err.(*mimamori.FieldError); wrong {
		sheet, err := c.opt.Directory.Contacts(r.Context(), me.Actor())
		if err != nil {
			c.fail(w, r, me, err)
			return
		}
		c.showContacts(w, r, me, http.StatusUnprocessableEntity, contactView{ContactSheet: sheet, Wrong: f.Field, Line: f.Index + 1, Reason: reason}, d)
		return
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	if done == Asked {
		c.back(w, r, "/contacts", "asked")
		return
	}
	c.back(w, r, "/contacts", "contacts")
}
