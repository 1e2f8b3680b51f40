package console

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"time"

	"mimamori"
	"mimamori/alarm"
)

// The words of the pages of alarms and numbers, beside the catalogue.
//
//go:embed numbers/text/*.json
var numberTextFiles embed.FS

func numberTexts() fs.FS {
	sub, err := fs.Sub(numberTextFiles, "numbers")
	if err != nil { // the path is a constant
		return numberTextFiles
	}
	return sub
}

// Alarms are what people are woken for. Each method checks with the guard
// first.
type Alarms interface {
	// Alarms lists the open ones, with all set those that are over behind them.
	Alarms(ctx context.Context, actor mimamori.Actor, all bool) ([]alarm.Alarm, error)
	// SeenAlarm notes that the actor has seen one: ErrConflict when somebody had
	// before, ErrDenied for whom it is about.
	SeenAlarm(ctx context.Context, actor mimamori.Actor, id string) error
}

// AlarmRow is one alarm in the list.
type AlarmRow struct {
	alarm.Alarm
	Word mimamori.Text
	To   string // page of what it is about; empty: none
	By   string // who has seen it
	Last time.Time
	Sent int // messages in all
}

type alarmView struct {
	All  bool
	Rows []AlarmRow
}

func (c *console) alarmRoutes(mux *http.ServeMux) {
	if c.opt.Alarms == nil {
		return
	}
	mux.HandleFunc("GET /alarms", c.signedIn(c.alarms))
	mux.HandleFunc("POST /alarms/{id}/seen", c.signedIn(c.alarmSeen))
}

func (c *console) alarms(w http.ResponseWriter, r *http.Request, me Reader) {
	view := alarmView{All: r.URL.Query().Get("all") != ""}
	list, err := c.opt.Alarms.Alarms(r.Context(), me.Actor(), view.All)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	names := map[string]string{}
	people, err := c.opt.Desk.People(r.Context())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	for _, p := range people {
		names[p.ID] = p.Name
	}
	for _, a := range list {
		row := AlarmRow{Alarm: a, Word: a.Kind.Word(), By: names[a.AckedBy.ID]}
		switch a.Kind {
		case alarm.NeedsPerson:
			row.To = "/incidents/" + a.About
		case alarm.LawDeadline:
			row.To = "/law/" + a.About
		}
		for _, t := range a.Told {
			row.Sent += t.Times
			if t.At.After(row.Last) {
				row.Last = t.At
			}
		}
		view.Rows = append(view.Rows, row)
	}
	c.show(w, r, "alarms", Frame{Me: me, Section: "alarms", V: view})
}

func (c *console) alarmSeen(w http.ResponseWriter, r *http.Request, me Reader) {
	if err := c.opt.Alarms.SeenAlarm(r.Context(), me.Actor(), clip(r.PathValue("id"), 64)); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/alarms", "alarm")
}
