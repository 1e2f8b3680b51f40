package console

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/notice"
	"mimamori/wave"
	"mimamori/web"
)

// The words of the pages about mails, beside the catalogue.
//
//go:embed mails/text/*.json
var mailTextFiles embed.FS

func mailTexts() fs.FS {
	sub, err := fs.Sub(mailTextFiles, "mails")
	if err != nil { // the path is a constant
		return mailTextFiles
	}
	return sub
}

// Mails are the fakes that customers handed in, and our own notices as they
// read. Neither has anything of a person in it.
type Mails interface {
	Waves(ctx context.Context, since time.Time) ([]wave.Wave, error)
	Notices(l mimamori.Lang) ([]notice.Previewed, error)
}

// wavesBack is how far back waves are shown and reported.
const wavesBack = 30 * 24 * time.Hour

// wavesShown is how many are listed; the export has all.
const wavesShown = 50

// wavesView is the View of the page of waves.
type wavesView struct {
	Waves []waveRow
	Total int // mails in all of them
	More  int // waves that are not listed
	Days  int
}

// waveRow is one wave with what of it fits into a row.
type waveRow struct {
	ID                            string
	Count                         int
	First, Last                   time.Time
	Brands, Hosts, Networks, From few
}

// few are the first of a list, and how many there are besides.
type few struct {
	Names []string
	Over  int
}

func firstOf(list []string, n int) few {
	if len(list) <= n {
		return few{Names: list}
	}
	return few{list[:n], len(list) - n}
}

func rowOf(w wave.Wave) waveRow {
	return waveRow{w.ID, w.Count, w.First, w.Last, firstOf(w.Brands, 3), firstOf(w.Hosts, 4), firstOf(w.Networks, 3), firstOf(w.From, 3)}
}

func (c *console) waves(w http.ResponseWriter, r *http.Request, me Reader) {
	list, ok := c.readWaves(w, r, me, audit.LookQueue)
	if !ok {
		return
	}
	v := wavesView{Days: int(wavesBack / (24 * time.Hour)), More: max(len(list)-wavesShown, 0)}
	for i, x := range list {
		v.Total += x.Count
		if i < wavesShown {
			v.Waves = append(v.Waves, rowOf(x))
		}
	}
	c.show(w, r, "mails", Frame{Me: me, Section: "mails", V: v})
}

func (c *console) readWaves(w http.ResponseWriter, r *http.Request, me Reader, act audit.Act) ([]wave.Wave, bool) {
	if c.opt.Mails == nil {
		c.pages.Fail(w, r, mimamori.ErrNotFound)
		return nil, false
	}
	if err := c.opt.Guard.Allow(r.Context(), me.Actor(), act, audit.Target{}, ""); err != nil {
		c.fail(w, r, me, err)
		return nil, false
	}
	list, err := c.opt.Mails.Waves(r.Context(), time.Now().Add(-wavesBack))
	if err != nil {
		c.fail(w, r, me, err)
		return nil, false
	}
	return list, true
}

// wavesFile is the report as a file: .txt to be mailed, .csv for a spreadsheet.
func (c *console) wavesFile(w http.ResponseWriter, r *http.Request, me Reader) {
	list, ok := c.readWaves(w, r, me, audit.LookQueue)
	if !ok {
		return
	}
	now := time.Now()
	name := "waves-" + now.UTC().Format(time.DateOnly)
	if r.URL.Path == "/mails/waves.csv" {
		file(w, name+".csv", "text/csv; charset=utf-8")
		_ = wave.WriteCSV(w, list) // the reader is gone: nothing to do
		return
	}
	file(w, name+".txt", "text/plain; charset=utf-8")
	_ = wave.WriteReport(w, c.opt.Brand.Name.JA, list, now) // likewise
}

func file(w http.ResponseWriter, name, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	w.Header().Set("Cache-Control", "no-store")
}

// noticesView is the View of the preview.
type noticesView struct {
	Notices []notice.Previewed
	Lang    mimamori.Lang
}

// notices shows every notice as customers read it.
func (c *console) notices(w http.ResponseWriter, r *http.Request, me Reader) {
	if c.opt.Mails == nil {
		c.pages.Fail(w, r, mimamori.ErrNotFound)
		return
	}
	if err := c.opt.Guard.Allow(r.Context(), me.Actor(), audit.LookQueue, audit.Target{}, ""); err != nil {
		c.fail(w, r, me, err)
		return
	}
	l := web.LangOf(r)
	if in := mimamori.Lang(r.URL.Query().Get("in")); in == mimamori.Japanese || in == mimamori.English {
		l = in
	}
	list, err := c.opt.Mails.Notices(l)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "notices", Frame{Me: me, Section: "mails", V: noticesView{list, l}})
}
