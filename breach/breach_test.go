package breach_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/breach"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/store"
)

var (
	rei   = mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_rei"}
	aware = time.Date(2026, 11, 10, 1, 10, 0, 0, breach.Japan)
)

func known(subject string, at time.Time) breach.Known {
	return breach.Known{Ref: breach.Ref{Account: mimamori.NewAccountID(subject), Incident: mimamori.IncidentID("inc_" + subject)}, At: at, By: "system"}
}

func TestF05_Deadlines(t *testing.T) {
	day := func(month time.Month, d int) time.Time {
		return time.Date(2026, month, d, 23, 59, 59, 0, breach.Japan)
	}
	for name, row := range map[string]struct {
		aware   time.Time
		grounds []breach.Ground
		want    []time.Time
	}{
		"unauthorised access: 60 days":       {aware, []breach.Ground{breach.Wrongful}, []time.Time{day(11, 12), day(11, 14), day(12, 31).AddDate(0, 0, 8)}},
		"lost, for no purpose: 30 days":      {aware, []breach.Ground{breach.Property}, []time.Time{day(11, 12), day(11, 14), day(12, 9)}},
		"late at night is still the day":     {time.Date(2026, 11, 10, 23, 59, 0, 0, breach.Japan), []breach.Ground{breach.Thousand}, []time.Time{day(11, 12), day(11, 14), day(12, 9)}},
		"the day in Japan, not in Greenwich": {time.Date(2026, 11, 9, 16, 0, 0, 0, time.UTC), []breach.Ground{breach.Sensitive}, []time.Time{day(11, 12), day(11, 14), day(12, 9)}},
	} {
		r := breach.New(known("hanako", row.aware), row.aware)
		r.Grounds = row.grounds
		var got []time.Time
		for _, d := range r.Deadlines() {
			got = append(got, d.At)
		}
		if !slices.EqualFunc(got, row.want, time.Time.Equal) {
			t.Errorf("%s: deadlines %v, want %v", name, got, row.want)
		}
	}
}

// open gives a store with one contained incident.
func open(t *testing.T) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contained(t *testing.T, s *store.SQLite, subject string, at time.Time) {
	t.Helper()
	i := &incident.Incident{ID: mimamori.IncidentID("inc_" + subject), Account: mimamori.NewAccountID(subject), Subject: subject, State: incident.Waiting,
		Decision: decide.Contain, OpenedAt: at.Add(-time.Minute), DecidedAt: at, Start: at.Add(-time.Minute), Sessions: []string{"s1"}, Lang: mimamori.Japanese, By: mimamori.System}
	if err := s.Update(context.Background(), store.Normal, func(tx store.Tx) error { return tx.PutIncident(i) }); err != nil {
		t.Fatal(err)
	}
}

// TestF05_AlarmsByTheClock: an alarm a day before each deadline and one when it
// has passed, each once, whatever is restarted; none for what was filed.
func TestF05_AlarmsByTheClock(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(aware))
		s, err := store.OpenSQLite(context.Background(), filepath.Join(folder, "m.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		contained(t, s, "hanako", aware)
		var mu sync.Mutex
		var rang []string
		tell := func(d breach.Deadline) {
			mu.Lock()
			defer mu.Unlock()
			at := time.Now().In(breach.Japan)
			rang = append(rang, fmt.Sprintf("%s %s %d over=%v", at.Format("01-02 15:04"), d.Stage, d.Days, d.Over(at.Add(time.Second))))
		}
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(rang, want) {
				t.Errorf("alarms\n%s\nwant\n%s", strings.Join(rang, "\n"), strings.Join(want, "\n"))
			}
			rang = nil
		}
		log := slog.New(slog.DiscardHandler)
		c := breach.NewClock(s, tell, log)
		c.Start(t.Context())
		time.Sleep(47 * time.Hour)
		expect("11-11 23:59 preliminary 3 over=false")
		c.Stop() // and after a restart nothing rings twice
		c = breach.NewClock(s, tell, log)
		c.Start(t.Context())
		time.Sleep(72 * time.Hour)
		expect("11-12 23:59 preliminary 3 over=true", "11-13 23:59 preliminary 5 over=false", "11-14 23:59 preliminary 5 over=true")
		r, err := s.BreachOf(t.Context(), breach.Ref{Account: mimamori.NewAccountID("hanako"), Incident: "inc_hanako"})
		if err != nil {
			t.Fatal(err)
		}
		if due, err := c.Due(t.Context(), time.Now()); err != nil || len(due) != 2 || due[0].Stage != breach.Preliminary || !due[1].Over(time.Now()) {
			t.Errorf("due now: %+v, %v", due, err)
		}
		change := func(do func(*breach.Report) error) {
			t.Helper()
			if err := s.ChangeBreach(t.Context(), r.ID, do); err != nil {
				t.Fatal(err)
			}
			c.Wake()
		}
		change(func(r *breach.Report) error { return r.File(rei, breach.Preliminary, time.Now(), "P-1", time.Now()) })
		time.Sleep(50 * 24 * time.Hour)
		expect() // the final report has 60 days
		time.Sleep(10 * 24 * time.Hour)
		expect("01-07 23:59 final 60 over=false", "01-08 23:59 final 60 over=true")
		change(func(r *breach.Report) error { return r.File(rei, breach.Final, time.Now(), "", time.Now()) })
		time.Sleep(400 * 24 * time.Hour)
		expect()
		if due, err := c.Due(t.Context(), time.Now()); err != nil || len(due) != 0 {
			t.Errorf("due when all is filed: %v, %v", due, err)
		}
		c.Stop()
	})
}

func TestDismissedIncidentsOweNothing(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(aware))
		s, err := store.OpenSQLite(context.Background(), filepath.Join(folder, "m.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		contained(t, s, "hanako", aware)
		c := breach.NewClock(s, func(d breach.Deadline) { t.Errorf("rang for %+v", d) }, slog.New(slog.DiscardHandler))
		c.Start(t.Context())
		defer c.Stop()
		synctest.Wait()
		err = s.ChangeIncident(t.Context(), mimamori.NewAccountID("hanako"), "hanako", "inc_hanako", func(i *incident.Incident) error {
			i.State = incident.Dismissed
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * 24 * time.Hour)
		synctest.Wait()
		list, err := s.Breaches(t.Context(), true, 10)
		if err != nil || len(list) != 1 || list[0].State != breach.NotOwed {
			t.Errorf("the report of a false alarm: %+v, %v", list, err)
		}
	})
}

func TestOneAttackOneReport(t *testing.T) {
	s := open(t)
	defer s.Close()
	now := aware.Add(time.Hour)
	early, late := breach.New(known("hanako", aware), now), breach.New(known("taro", aware.Add(30*time.Minute)), now)
	for _, r := range []breach.Report{early, late} {
		if err := s.AddBreach(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddBreach(t.Context(), breach.New(known("taro", aware), now)); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("a second report of one incident: %v", err)
	}
	join := func(list []*breach.Report) error { return list[0].Join(rei, list[1], now) }
	if err := s.JoinBreaches(t.Context(), []string{late.ID, early.ID}, join); err != nil {
		t.Fatal(err)
	}
	r, err := s.BreachOf(t.Context(), early.Incidents[0])
	if err != nil || r.ID != late.ID || r.Count() != 2 || !r.Aware.At.Equal(aware) {
		t.Errorf("joined: %+v, %v", r, err)
	}
	if err := s.JoinBreaches(t.Context(), []string{late.ID, early.ID}, join); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("joined twice: %v", err)
	}
	if live, err := s.Breaches(t.Context(), false, 10); err != nil || len(live) != 1 {
		t.Errorf("live reports: %v, %v", live, err)
	}
	// Over a thousand people are a ground of their own.
	for n := range breach.ManyPersons {
		one := breach.New(known(fmt.Sprint("c", n), aware), now)
		if err := r.Join(rei, &one, now); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(r.Grounds, breach.Thousand) || r.Count() != breach.ManyPersons+2 {
		t.Errorf("%d people, grounds %v", r.Count(), r.Grounds)
	}
}

func TestEditsAreKept(t *testing.T) {
	now := aware.Add(time.Hour)
	r := breach.New(known("hanako", aware), now)
	for name, err := range map[string]error{
		"awareness without a reason": r.SetAware(rei, aware.Add(-time.Hour), "", now),
		"awareness in the future":    r.SetAware(rei, now.Add(time.Minute), "later", now),
		"no ground":                  r.SetGrounds(rei, nil, "", now),
		"an unknown ground":          r.SetGrounds(rei, []breach.Ground{"bad luck"}, "", now),
		"an item that is none":       r.Write(rei, "tenth", "x", "", now),
		"an endless item":            r.Write(rei, breach.Other, strings.Repeat("x", 10_001), "", now),
		"filed before it happened":   r.File(rei, breach.Final, aware.AddDate(0, 0, -3), "", now),
		"refrained without a reason": r.Refrain(rei, "", now),
	} {
		if !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.History) != 1 {
		t.Fatalf("refused edits left a history: %+v", r.History)
	}
	if err := errors.Join(r.SetAware(rei, aware.Add(-time.Hour), "the shop knew before", now), r.Write(rei, breach.Publicity, "公表していません。", "", now),
		r.Write(rei, breach.Publicity, "", "back to the draft", now), r.Refrain(rei, "a test account", now)); err != nil {
		t.Fatal(err)
	}
	if len(r.History) != 5 || r.History[1].Before == "" || r.History[2].After != "公表していません。" || r.History[4].Reason != "a test account" {
		t.Errorf("history %+v", r.History)
	}
	if err := r.Write(rei, breach.Other, "x", "", now); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("written into an ended report: %v", err)
	}
	if err := r.Reopen(rei, "it was not", now); err != nil || r.State != breach.Open {
		t.Errorf("reopened: %v, %s", err, r.State)
	}
}

// TestF05_TheDraftHasNineItems, whatever little is known.
func TestF05_TheDraftHasNineItems(t *testing.T) {
	r := breach.New(known("hanako", aware), aware)
	for name, facts := range map[string][]breach.Facts{"nothing": nil, "much": {{Ref: r.Incidents[0], Start: aware, End: aware.Add(time.Hour), Views: true, Sessions: 1, Orders: 3, Cancelled: 2, Shipped: 1,
		PointsSpent: 500, Seen: []breach.Page{{Page: "orders", Fields: []string{"orders", "name"}, Times: 2, People: 1}}}}} {
		d := breach.Export(r, facts, aware)
		var text, page, doc bytes.Buffer
		if err := errors.Join(d.Text(&text, true), d.HTML(&page), d.JSON(&doc)); err != nil {
			t.Fatal(err)
		}
		if len(d.Items) != 9 {
			t.Errorf("%s: %d items, want 9", name, len(d.Items))
		}
		for n, i := range d.Items {
			if i.Text.JA == "" || i.Text.EN == "" || !strings.HasPrefix(i.Name.JA, fmt.Sprint(n+1)) {
				t.Errorf("%s: item %d %q: %+v", name, n+1, i.Name.JA, i.Text)
			}
			if !strings.Contains(text.String(), i.Text.JA) || !strings.Contains(page.String(), i.Name.JA) {
				t.Errorf("%s: item %d is not in the files", name, n+1)
			}
		}
	}
}
