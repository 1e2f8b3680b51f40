package faulttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/webhook"
)

// kept is what an older build left: how, testdata/keep_test.go.txt says.
type kept struct {
	Secret, Key string
	Taken       time.Time
	Ops         []keptOp
	Acked       []json.RawMessage
	Said, Back  map[string]time.Time
}

// keptOp is one thing that was done at the shop, by people or by Mimamori.
type keptOp struct {
	At                           time.Time
	What, Subject, Who, Decision string
	Kind, ID                     string
	Value                        map[string]any
	Amount                       int64
	Command                      *shop.Command
	Password, JTI                string
}

// TestUpgradeWithOpenIncidents (row 18): a process of an older build dies in
// the middle of everything: one customer waits, one stands between two steps,
// for one nothing was done yet, one is back and watched. Today's build is
// started on what is on disk, and every promise holds to the end.
func TestUpgradeWithOpenIncidents(t *testing.T) {
	files, err := filepath.Glob("testdata/kept-*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kept file (%v)", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			folder, err := os.MkdirTemp(memory(), "mimamori-kept-")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(folder)
			story := unpack(t, file, folder)
			before := schema(t, folder)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(night))
				upgrade(t, folder, story)
			})
			if after := schema(t, folder); after <= before {
				t.Errorf("schema %d before and %d after: nothing was migrated", before, after)
			}
		})
	}
}

// unpack puts the folders of a kept file in place and gives its story.
func unpack(t *testing.T, file, folder string) (story kept) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return story
		}
		var body []byte
		if err == nil {
			body, err = io.ReadAll(in)
		}
		switch {
		case err != nil:
		case h.Name == "story.json":
			err = json.Unmarshal(body, &story)
		default:
			to := filepath.Join(folder, filepath.FromSlash(h.Name))
			if err = os.MkdirAll(filepath.Dir(to), 0o700); err == nil {
				err = os.WriteFile(to, body, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// schema is the number of the last migration that ran on the folder's store.
func schema(t *testing.T, folder string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "data", "mimamori.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT max(version_id) FROM goose_db_version").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// upgrade brings a shop to where the older build's stood, starts today's on
// what it left, and plays on to the end.
func upgrade(t *testing.T, folder string, story kept) {
	secret, err := webhook.ParseSecret(story.Secret)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Rand: rand.New(rand.NewPCG(18, 22)), folder: folder, ready: Prepared{key: story.Key, secret: secret}, pipe: mailbox.Pipe(),
		log: &logbook{}, Line: &Line{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	w.Line.world = w
	past, op := true, keptOp{}
	w.Shop = shoptest.New(shoptest.Options{Source: "shop", Secret: secret,
		Emit: func(e json.RawMessage) {
			if !past {
				w.emit(e)
			}
		},
		Decide: func(e json.RawMessage) string {
			if past {
				return op.Decision
			}
			return w.decide(e)
		},
		Redeem: func(grant string) (string, string, error) {
			if past {
				return op.Subject, op.JTI, nil
			}
			return w.redeem(grant)
		}})
	if w.Mail, err = mailbox.Open(mailbox.Options{Dir: filepath.Join(folder, "spool")}); err != nil {
		t.Fatal(err)
	}
	w.ends.Go(func() { _ = w.Mail.Serve(w.pipe) })
	byName := map[string]*Case{}
	for _, op = range story.Ops {
		time.Sleep(time.Until(op.At))
		w.replay(byName, op)
	}
	past = false
	w.takeOver(story, byName)

	time.Sleep(time.Until(story.Taken.Add(20 * time.Second))) // the new program is put in place
	w.live(filepath.Join(folder, "data"))
	w.ends.Go(w.carry)
	for _, name := range []string{"waiting", "midway", "fresh"} {
		c := byName[name]
		w.ends.Go(func() { w.impatience(c) })
		w.ends.Go(func() {
			if w.after(6*time.Hour, 7*time.Hour) {
				w.comeBack(c)
			}
		})
	}
	time.Sleep(20 * time.Hour)
	synctest.Wait()
	found, err := Check(context.Background(), w.evidence())
	if err != nil {
		t.Error(err)
	}
	for _, v := range found {
		t.Error(v)
	}
	for name, want := range map[string]incident.State{"watching": incident.Watching, "waiting": incident.Watching, "midway": incident.Watching, "fresh": incident.Watching} {
		all, err := w.living().app.Store.Incidents(context.Background(), mimamori.NewAccountID(name))
		if err != nil || len(all) != 1 || all[0].State != want && all[0].State != incident.Recovered {
			t.Errorf("%s has incidents %+v (%v), want one that is %s", name, all, err, want)
		}
	}
	for _, line := range w.log.lines {
		t.Errorf("in the log: %s", line)
	}
	w.end()
}

// replay does at the shop what was done there, and notes whose it was.
func (w *World) replay(byName map[string]*Case, op keptOp) {
	c := byName[op.Subject]
	var err error
	var session *shoptest.Session
	if c != nil {
		if session = c.his; op.Who == "hers" && len(c.hers) > 0 {
			session = c.hers[0]
		}
	}
	switch op.What {
	case "customer":
		byName[op.Subject] = w.open(op.Subject, op.Subject[:min(5, len(op.Subject))] == "quiet")
	case "in":
		from := home
		if op.Who == "his" {
			from = hosting
		}
		if session, err = w.Shop.SignIn(op.Subject, from); op.Who == "his" {
			c.his = session
		} else {
			c.hers = append(c.hers, session)
		}
	case "set":
		k := key{event.ResourceKind(op.Kind), op.ID}
		err = session.Set(k.kind, k.id, op.Value)
		c.touch(k, op.Who == "his", op.Value)
	case "join":
		err = session.JoinMembership()
	case "order":
		var id string
		id, err = session.PlaceOrder(shoptest.Order{Amount: op.Amount})
		c.orders[id] = op.Who == "his"
	case "hide":
		for id, his := range c.orders {
			if his {
				err = session.HideOrder(id)
			}
		}
	case "spend":
		_, err = session.SpendPoints(op.Amount, "gift")
		c.spent += op.Amount
	case "command":
		_, err = w.Shop.Do(context.Background(), *op.Command)
	case "password":
		err = w.Shop.SetPassword(op.Subject, op.Password, "as it was redeemed")
	}
	if err != nil {
		w.T.Fatalf("replay %+v: %v", op, err)
	}
}

// takeOver notes what was acknowledged and said before, and sees to it that
// the shop is where the older one was.
func (w *World) takeOver(story kept, byName map[string]*Case) {
	now := w.Shop.Events()
	if len(now) != len(story.Acked) {
		w.T.Fatalf("the shop has had %d events, the older one %d", len(now), len(story.Acked))
	}
	for n, raw := range story.Acked {
		if canonical(raw) != canonical(now[n]) {
			w.T.Fatalf("event %d is\n%s, was\n%s", n, now[n], raw)
		}
		w.acknowledge(raw)
	}
	for name, at := range story.Said {
		byName[name].word, byName[name].asked = at, at.Sub(night)
	}
	for name, at := range story.Back {
		byName[name].back = at.Sub(night)
	}
}
