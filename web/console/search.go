package console

import (
	"embed"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori/geo"
	"mimamori/notice"
)

// The words of queue, incident and bulk pages, beside the catalogue.
//
//go:embed desk/text/*.json
var deskTextFiles embed.FS

func deskTexts() fs.FS {
	sub, err := fs.Sub(deskTextFiles, "desk")
	if err != nil { // the path is a constant
		return deskTextFiles
	}
	return sub
}

func (c *console) deskRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /news", c.news)
	mux.HandleFunc("POST /search", c.signedIn(c.search))
	mux.HandleFunc("POST /incidents/{id}/mail", c.signedIn(c.noticeFile))
	mux.HandleFunc("POST /incidents/{id}/export", c.signedIn(c.export))
}

// Found is the View of a search for a customer.
type Found struct {
	Words string
	Asks  bool // the reason is still to be given
	Rows  []Row
}

// search leads to what was typed. An incident or a notice's reference names no
// customer and stands in the address; an account id or a mail address never
// does, and takes a reason.
func (c *console) search(w http.ResponseWriter, r *http.Request, me Reader) {
	words := strings.TrimSpace(clip(r.PostFormValue("search"), 200))
	_, err := notice.ParseReference(words)
	if words == "" || strings.HasPrefix(words, "inc_") || err == nil {
		http.Redirect(w, r, c.opt.Base+"/?"+Filter{Show: ShowOpen, Search: words}.Query(), http.StatusSeeOther)
		return
	}
	why, more := r.PostFormValue("why"), strings.TrimSpace(r.PostFormValue("words"))
	if !slices.Contains(Reasons, why) || why == "other" && more == "" {
		f := Frame{Me: me, Section: "queue", V: Found{Words: words, Asks: true}}
		if why != "" {
			f.Problem = "reason"
		}
		c.show(w, r, "found", f)
		return
	}
	if more != "" {
		why += ": " + clip(more, 190)
	}
	rows, err := c.opt.Service.Search(r.Context(), me.Actor(), words, why)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "found", Frame{Me: me, Section: "queue", V: Found{Words: words, Rows: rows}})
}

// noticeFile gives a notice to the byte, as a file.
func (c *console) noticeFile(w http.ResponseWriter, r *http.Request, me Reader) {
	c.file(w, r, me, "message/rfc822", ".eml", func(on On) ([]byte, error) {
		return c.opt.Service.NoticeFile(r.Context(), on, r.PostFormValue("notice"))
	})
}

// export gives the evidence as a signed file.
func (c *console) export(w http.ResponseWriter, r *http.Request, me Reader) {
	c.file(w, r, me, "text/plain; charset=utf-8", ".evidence.txt", func(on On) ([]byte, error) {
		return c.opt.Service.Export(r.Context(), on)
	})
}

func (c *console) file(w http.ResponseWriter, r *http.Request, me Reader, kind, end string, make func(On) ([]byte, error)) {
	on, ok := c.on(w, r, me)
	if !ok {
		return
	}
	if _, ok = c.again(w, r, me); !ok {
		return
	}
	body, err := make(on)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+url.PathEscape(string(on.Incident))+end+`"`)
	_, _ = w.Write(body) // the reader is gone: nothing to do
}

// Taker is somebody an incident can be handed to.
type Taker struct{ ID, Name string }

// takers are those who may look at incidents, the reader first.
func (c *console) takers(r *http.Request, me Reader) ([]Taker, error) {
	people, err := c.opt.Desk.People(r.Context())
	if err != nil {
		return nil, err
	}
	out := []Taker{{me.ID, me.Name}}
	for _, p := range people {
		if p.ID != me.ID && p.May("look.incident") {
			out = append(out, Taker{p.ID, p.Name})
		}
	}
	return out, nil
}

// Spot is a country's mark on the map.
type Spot struct {
	Dot
	X, Y   float64
	Label  string
	Toward bool // the label stands at the left: the mark is near the edge
}

// Map is the world with where the sign-ins came from.
type Map struct {
	Path          string
	Width, Height float64
	Spots         []Spot
}

// World puts the sign-ins on the map; nil when all are in Japan: it could only
// say Tokyo, whatever the truth.
func (i Incident) World() *Map {
	m := &Map{Path: geo.WorldPath, Width: geo.WorldWidth, Height: geo.WorldHeight}
	abroad := false
	for _, d := range i.Dots {
		abroad = abroad || d.Country != "JP"
		x, y, ok := geo.Point(d.Country)
		if !ok {
			continue
		}
		var numbers []string
		for _, n := range d.Numbers[:min(len(d.Numbers), 3)] {
			numbers = append(numbers, strconv.Itoa(n))
		}
		label := strings.Join(numbers, ", ")
		if len(d.Numbers) > 3 {
			label += "…"
		}
		m.Spots = append(m.Spots, Spot{d, float64(int(x*10)) / 10, float64(int(y*10)) / 10, label, x > geo.WorldWidth*0.85})
	}
	if !abroad || len(m.Spots) == 0 {
		return nil
	}
	slices.SortStableFunc(m.Spots, func(a, b Spot) int { // what matters is drawn last, on top
		return map[bool]int{true: 1}[a.Theirs] - map[bool]int{true: 1}[b.Theirs]
	})
	return m
}

// hours is a span that a form gives in hours.
func hours(r *http.Request, field string) time.Duration {
	n, err := strconv.Atoi(r.PostFormValue(field))
	if err != nil || n < 1 || n > 168 {
		return 0
	}
	return time.Duration(n) * time.Hour
}
