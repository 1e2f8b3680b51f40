package faulttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/keys"
	"mimamori/mail/mailbox"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/store"
)

// Fault is one row of the table: something that goes wrong while takeovers
// are under way.
type Fault struct {
	Row    int
	Name   string
	Tune   func(w *World, c *app.Config) // may be nil
	Strike func(w *World)                // runs beside the cases; returns when it is over
	Strong bool                          // detection decides too
	Share  float64                       // of the simulated incidents
}

// Faults are those that are tried in fake time, many takeovers at a time. The
// others need a process, a socket or a disk of their own (real_test.go).
var Faults = []Fault{
	{Row: 0, Name: "nothing goes wrong", Strike: func(*World) {}, Share: 0.04},
	{Row: 0, Name: "nothing goes wrong, detection decides", Strike: func(*World) {}, Strong: true, Share: 0.04},
	{Row: 1, Name: "killed at a step: before its effect, after it, after its record", Strike: killed, Share: 0.25},
	{Row: 6, Name: "mail server down, refusing for now, dropping after DATA", Strike: mailDown, Share: 0.06},
	{Row: 7, Name: "shop failing, hanging, babbling, redirecting, putting off", Strike: shopIll, Share: 0.14},
	{Row: 8, Name: "shop says done and did not", Strike: shopLies, Share: 0.06},
	{Row: 9, Name: "events repeated, out of order, hours late", Strike: disorder, Share: 0.06},
	{Row: 10, Name: "the clock set ahead and back, between restarts too", Strike: clockSet, Share: 0.06},
	{Row: 12, Name: "malformed requests all the while", Strike: garbage, Share: 0.03},
	{Row: 14, Name: "a line that loses messages and answers", Strike: lossy, Share: 0.06},
	{Row: 15, Name: "addresses of every form, detection decides", Strike: func(*World) {}, Strong: true, Share: 0.03},
	{Row: 17, Name: "a second process on the store", Strike: second, Share: 0.02},
	{Row: 19, Name: "backup under load, put back later", Strike: putBack, Share: 0.05},
	{Row: 20, Name: "a step that breaks whoever tries it", Strike: poison, Share: 0.03},
	{Row: 21, Name: "every key rotated meanwhile", Strike: rotate, Share: 0.03},
	{Row: 22, Name: "IP data deleted and damaged meanwhile", Tune: ownGeo, Strike: spoilGeo, Strong: true, Share: 0.02},
	{Row: 1, Name: "killed at steps and at any moment, and any three others at once", Strike: together, Share: 0.04},
	{Row: 6, Name: "mail server a tarpit: silent, a byte a second, no answer for what it took", Strike: tarpit, Share: 0.03},
}

// after sleeps a random while.
func (w *World) after(least, most time.Duration) bool {
	t := time.NewTimer(least + time.Duration(w.pick(int((most-least)/time.Millisecond)))*time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.stop:
		return false
	}
}

func (w *World) struckOnce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.struck++
}

// steps at which a process is killed.
var killSteps = []string{"sessions.revoke", "password.invalidate", "orders.stop", "order.cancel", "points.freeze", "factors.remove", "state.contained",
	"account.check", "undo.plan", "resource.restore", "resource.remove", "order.unhide", "payment.suspect", "notice.contained", "wait.begin", "wait.end",
	"notice.reset_open", "account.release", "points.unfreeze", "notice.password_set", "notice.reminders"}

func killed(w *World) {
	w.killAt(8)
}

// killAt arms deaths at random steps and points; each comes once.
func (w *World) killAt(most int) {
	type place struct {
		name string
		at   playbook.Point
		nth  int
	}
	var plan []place
	for range most {
		plan = append(plan, place{killSteps[w.pick(len(killSteps)-1)], []playbook.Point{playbook.BeforeEffect, playbook.BeforeRecord, playbook.AfterRecord}[w.pick(2)], w.pick(6)})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crash = func(at playbook.Point, s playbook.Step) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range plan {
			p := &plan[i]
			if p.name != s.Name || p.at != at {
				continue
			}
			if p.nth--; p.nth == -1 {
				return true
			}
		}
		return false
	}
}

func mailDown(w *World) {
	for range 1 + w.pick(2) {
		if !w.after(time.Minute, 40*time.Minute) {
			break
		}
		hows := []mailbox.Behaviour{mailbox.RefuseForNow, mailbox.KeepAndDrop, mailbox.LoseAndDrop, mailbox.RefuseForEver, mailbox.RefuseContent}
		how := hows[w.pick(len(hows)-1)]
		if how == mailbox.RefuseForNow {
			w.Mail.Always(how)
		} else {
			w.Mail.Next(how)
		}
		w.struckOnce()
		w.after(time.Minute, 3*time.Hour)
		w.Mail.Always(mailbox.Accept)
	}
}

func shopIll(w *World) {
	ways := []shoptest.Way{shoptest.Fails, shoptest.FailsAfter, shoptest.Slow, shoptest.Hangs, shoptest.HangsAfter, shoptest.SaysLater, shoptest.Garbage,
		shoptest.HugeAnswer, shoptest.Redirects, shoptest.Throttles, shoptest.Gone, shoptest.SaysImpossible, shoptest.NoPoints}
	for range 1 + w.pick(3) {
		if !w.after(0, 30*time.Minute) {
			break
		}
		m := shoptest.Mood{Way: ways[w.pick(len(ways)-1)], Delay: time.Duration(1+w.pick(14)) * time.Second}
		if w.pick(1) == 0 {
			m.Types = w.someCommands()
		}
		if m.Way == shoptest.NoPoints {
			m.Types = []shop.CommandType{shop.TypePointsFreeze, shop.TypePointsUnfreeze}
		}
		w.Shop.Misbehave(m)
		w.struckOnce()
		w.after(30*time.Second, 2*time.Hour)
		w.Shop.Recover()
	}
}

func (w *World) someCommands() []shop.CommandType {
	all := []shop.CommandType{shop.TypeSessionsRevoke, shop.TypePasswordInvalidate, shop.TypeOrderCancel, shop.TypePointsFreeze, shop.TypeResourceRestore, shop.TypeResourceRemove, shop.TypeOrderUnhide}
	var out []shop.CommandType
	for range 1 + w.pick(2) {
		out = append(out, all[w.pick(len(all)-1)])
	}
	return out
}

func shopLies(w *World) {
	for range 1 + w.pick(1) {
		if !w.after(0, 30*time.Minute) {
			break
		}
		w.Shop.Misbehave(shoptest.Mood{Way: shoptest.Lies, Types: w.someCommands()})
		w.struckOnce()
		w.after(10*time.Minute, 2*time.Hour)
		w.Shop.Recover()
	}
}

func disorder(w *World) {
	w.Line.Worsen(0, 4, true, time.Now().Add(3*time.Hour))
	w.Line.PutAside(0.05)
	for range 1 + w.pick(2) {
		if !w.after(0, 20*time.Minute) {
			break
		}
		w.Line.Hold(time.Now().Add(time.Duration(w.pick(7200)) * time.Second))
		w.struckOnce()
		w.after(10*time.Minute, time.Hour)
	}
}

func clockSet(w *World) {
	for range 1 + w.pick(3) {
		if !w.after(0, 90*time.Minute) {
			return
		}
		by := []time.Duration{time.Hour, -time.Hour, 3 * time.Hour, 2 * time.Minute, 6 * time.Hour, -10 * time.Minute}[w.pick(5)]
		if w.pick(2) == 0 {
			w.Crash(time.Duration(w.pick(90)) * time.Second)
		}
		w.setClock(by)
	}
}

func lossy(w *World) {
	w.Line.Worsen(float64(5+w.pick(35))/100, 2, false, time.Now().Add(4*time.Hour))
}

// malformed are bodies that no door may choke on.
var malformed = []string{"", "{", "[", `{"id":1}`, `{"a":1,"a":2}`, "\xff\xfe", `{"specversion":"1.0","id":"x","source":"shop","type":"login.attempted","subject":"` + "\x00" + `"}`,
	strings.Repeat("[", 5000), strings.Repeat(`{"a":`, 2000), `{"specversion":"1.0","id":"x","source":"shop","type":"order.placed","subject":"case-0","time":"2026-11-10T23:59:60Z","data":{}}`,
	`{"specversion":"1.0","id":"x","source":"elsewhere","type":"login.attempted","subject":"case-0","time":"2026-11-10T01:00:00+09:00","data":{"outcome":"succeeded","session":"s","ip":"fe80::1%eth0","user_agent":"x"}}`,
	strings.Repeat("x", 5<<20), "null", "[]x", `[{"id":"1"},{"id":"1"}]`}

func garbage(w *World) {
	for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); {
		if !w.after(0, 4*time.Minute) {
			return
		}
		body := []byte(malformed[w.pick(len(malformed)-1)])
		path := []string{"/v1/events", "/v1/decisions", "/v1/reports", "/v1/recoveries", "/v1/handoffs", "/v1/imports?name=x", "/ssf/push"}[w.pick(6)]
		status, _ := w.call("POST", path, body)
		w.struckOnce()
		if status != 0 && (status < 400 || status >= 500) { // 0: a process that is gone answers nothing
			w.T.Errorf("POST %s of %.60q = %d, want 4xx", path, body, status)
		}
	}
}

func second(w *World) {
	for range 5 {
		if !w.after(0, 20*time.Minute) {
			return
		}
		l := w.living()
		a, err := app.New(context.Background(), w.config(&life{folder: l.folder}))
		if !errors.Is(err, mimamori.ErrConflict) {
			w.T.Errorf("a second process on the store: %v, want a conflict", err)
			if err == nil {
				_ = a.Stop()
			}
		}
		w.struckOnce()
	}
}

func putBack(w *World) {
	if !w.after(5*time.Minute, 50*time.Minute) {
		return
	}
	l := w.living()
	file := filepath.Join(w.folder, "backup.db")
	if _, err := store.Backup(context.Background(), filepath.Join(l.folder, "mimamori.db"), file, time.Now(), nil); err != nil {
		w.T.Error(err)
		return
	}
	taken := time.Now()
	if !w.after(0, 20*time.Minute) {
		return
	}
	w.mu.Lock()
	w.lost = taken
	w.mu.Unlock()
	w.crashTo(time.Duration(w.pick(60))*time.Second, func(folder string) {
		master, err := os.ReadFile(filepath.Join(folder, "master.key"))
		if err == nil {
			err = os.RemoveAll(folder)
		}
		if err == nil {
			_, err = store.Restore(context.Background(), file, folder, time.Now(), nil)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "master.key"), master, 0o600)
		}
		if err != nil {
			w.T.Error(err)
		}
		// The shop sends what it reported since, as the operator is told to.
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, a := range w.acked {
			if a.At.After(taken) {
				w.news = append(w.news, a.Raw)
			}
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	})
}

// poison breaks whoever gives this one customer's commands, each time.
func poison(w *World) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.poisoned = fmt.Sprintf("case-%d", w.Rand.IntN(3))
	w.struck++
}

func rotate(w *World) {
	for range 4 {
		if !w.after(time.Minute, 20*time.Minute) {
			return
		}
		for _, use := range []keys.Use{keys.DKIMRSA, keys.DKIMEd25519, keys.Webhook, keys.Grant, keys.AuditHead, keys.Cookie, keys.Pseudonym} {
			l := w.living()
			if err := l.app.Ring.Rotate(context.Background(), use); err != nil && !errors.Is(err, mimamori.ErrUnavailable) && !l.dead.Load() {
				w.T.Errorf("rotate %s: %v", use, err)
			}
		}
		w.struckOnce()
	}
}

func ownGeo(w *World, c *app.Config) {
	list := filepath.Join(w.folder, "hosting.txt")
	if _, err := os.Stat(list); err != nil {
		_ = os.WriteFile(list, []byte("45.76.0.0/16\n"), 0o600)
	}
	c.Geo.Lists = map[geoKind][]string{"hosting": {list}}
}

func spoilGeo(w *World) {
	list := filepath.Join(w.folder, "hosting.txt")
	for n := range 6 {
		if !w.after(time.Minute, 15*time.Minute) {
			return
		}
		if n%2 == 0 {
			_ = os.Remove(list)
		} else {
			_ = os.WriteFile(list, []byte("45.76.0.0/16\n\x00\xffno network\n"), 0o600)
		}
		w.struckOnce()
	}
}

// together strikes with three faults at once, whichever they are, and kills
// besides.
func together(w *World) {
	others := []func(*World){mailDown, tarpit, shopIll, shopLies, disorder, lossy, clockSet, garbage, putBack, rotate}
	w.killAt(5)
	var strikes sync.WaitGroup
	strikes.Go(func() { crashes(w) })
	for range 3 {
		n := w.pick(len(others) - 1)
		strike := others[n]
		others = slices.Delete(others, n, n+1)
		strikes.Go(func() { strike(w) })
	}
	strikes.Wait()
}

func crashes(w *World) {
	for range 3 {
		if !w.after(0, time.Hour) {
			return
		}
		w.Crash(time.Duration(w.pick(600)) * time.Second)
	}
}
