//go:build unix

package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/mail/mailbox"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store/pgtest"
	"mimamori/webhook"
)

// crashSteps are all steps of the takeover, those that it finds out included.
var crashSteps = []string{
	"sessions.revoke", "password.invalidate", "sessions.revoke#2", "orders.stop", "order.cancel", "points.freeze", "state.contained",
	"account.check", "undo.plan", "resource.restore", "resource.remove", "order.unhide", "payment.suspect", "notice.contained",
	"wait.begin", "wait.end", "notice.reset_open",
}

var crashPoints = []playbook.Point{playbook.BeforeEffect, playbook.BeforeRecord, playbook.AfterRecord}

// crashWait is the wait of the crash cases, shortened by configuration.
const crashWait = 2 * time.Second

// TestKilledAtEachStep: kill -9 at each step of the takeover, before its
// effect, after it, and after it was written down; a restart; and everything
// was done exactly once (standards 3.3, row 1; invariants I1 to I6).
func TestKilledAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a hundred processes")
	}
	if os.Getenv(pgtest.Env) != "" {
		t.Skip("plays on the embedded store whatever is given")
	}
	ready := prepare(t)
	cases := []string{"mail stored"}
	for _, s := range crashSteps {
		for _, p := range crashPoints {
			cases = append(cases, s+":"+string(p))
		}
	}
	at := make(chan string)
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			for c := range at {
				w := &wreck{t: t, name: c, data: filepath.Join(t.TempDir(), "data"), prepared: ready}
				if err := w.play(); err != nil {
					t.Errorf("killed at %s: %v", c, err)
				}
			}
		})
	}
	for _, c := range cases {
		at <- c
	}
	close(at)
	workers.Wait()
}

// prepared is a data folder with its keys made and a customer's two months,
// copied for each case: making RSA keys each time would take the longest.
type prepared struct {
	folder, key string
	secret      webhook.Secret
}

func prepare(t *testing.T) prepared {
	t.Helper()
	p := prepared{folder: filepath.Join(t.TempDir(), "ready"), secret: webhook.NewSecret()}
	a, err := app.New(t.Context(), p.setting("http://127.0.0.1:1", "127.0.0.1:1").config())
	if err != nil {
		t.Fatal(err)
	}
	h := Harness{T: t, App: a}
	var past []event.Event
	for day := 62; day >= 1; day-- {
		at := time.Now().Add(-time.Duration(day)*24*time.Hour - 12*time.Hour) // never at this hour
		past = append(past, h.past("hanako", "login.attempted", at, map[string]any{"outcome": "succeeded", "session": fmt.Sprint("past-", day),
			"ip": HomePC.IP, "user_agent": HomePC.UserAgent, "accept_language": HomePC.AcceptLanguage}))
	}
	if _, err := a.Intake.Take(t.Context(), past, intake.How{Past: true}); err != nil {
		t.Fatal(err)
	}
	if p.key, _, err = a.APIKeys.Create(t.Context(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "shop", Scopes: staff.Scopes}); err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p prepared) setting(shopURL, mailAddr string) setting {
	return setting{Data: p.folder, Shop: shopURL, Secret: p.secret.Reveal(), Mail: mailAddr, Wait: crashWait}
}

// wreck is one case: the shop and the mailbox live here, in the parent;
// Mimamori is a child that is killed and started again.
type wreck struct {
	t        *testing.T
	name     string
	data     string
	prepared prepared

	shop  *shoptest.Shop
	mail  *mailbox.Server
	hurry chan struct{} // closed: the events may go out

	mu    sync.Mutex // guards child and acked
	child *process
	acked []json.RawMessage
	queue chan json.RawMessage
}

// play runs the case and says what is wrong afterwards.
func (w *wreck) play() error {
	if err := os.CopyFS(w.data, os.DirFS(w.prepared.folder)); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(w.data, "master.key"), 0o600); err != nil {
		return err
	}
	s, closeAll, err := w.open()
	if err != nil {
		return err
	}
	defer closeAll()
	crash := w.name
	if w.name == "mail stored" {
		crash = ""
	}
	child, err := startChild(s, crash)
	if err != nil {
		return err
	}
	w.became(child)
	if err := w.intrude(); err != nil {
		return err
	}
	if !child.died(time.Minute) {
		child.kill()
		return fmt.Errorf("the child never came there: %s", strings.Join(child.said.all(), ""))
	}
	again, err := startChild(s, "")
	if err != nil {
		return err
	}
	w.became(again)
	settled := w.settled(time.Minute)
	again.kill()
	var wrong []string
	if !settled {
		wrong = append(wrong, "not settled in time")
	}
	wrong = append(wrong, w.wrongOutside()...)
	inside, err := w.wrongInside(s)
	if err != nil {
		return err
	}
	wrong = append(wrong, inside...)
	for _, line := range again.said.errors() {
		wrong = append(wrong, "in the log: "+line)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d wrong:\n  %s", len(wrong), strings.Join(wrong, "\n  "))
	}
	return nil
}

func (w *wreck) became(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.child = p
}

func (w *wreck) url() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil {
		return ""
	}
	return w.child.url
}

// open sets up the shop, the mailbox and what carries the shop's events.
func (w *wreck) open() (setting, func(), error) {
	w.queue, w.hurry = make(chan json.RawMessage, 1000), make(chan struct{})
	w.shop = shoptest.New(shoptest.Options{Source: "shop", Secret: w.prepared.secret, Decide: w.decide,
		Emit: func(e json.RawMessage) { w.queue <- e }})
	var once sync.Once
	box, err := mailbox.Open(mailbox.Options{Dir: filepath.Join(filepath.Dir(w.data), "spool"), OnStored: func(mailbox.Stored) {
		if w.name == "mail stored" { // on disk there, not acknowledged yet
			once.Do(func() { _ = w.child.cmd.Process.Kill() })
		}
	}})
	if err != nil {
		return setting{}, nil, err
	}
	w.mail = box
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return setting{}, nil, err
	}
	var running sync.WaitGroup
	running.Go(func() { _ = box.Serve(l) })
	at := httptest.NewServer(w.shop)
	stop := make(chan struct{})
	running.Go(func() { w.carry(stop) })
	s := w.prepared.setting(at.URL, l.Addr().String())
	s.Data = w.data
	return s, func() {
		close(stop)
		at.CloseClientConnections()
		at.Close()
		_ = box.Close()
		running.Wait()
	}, nil
}

// carry brings the shop's events to the door in order, those that wait together
// as one batch, until it is taken, as the SDK does.
func (w *wreck) carry(stop chan struct{}) {
	select {
	case <-w.hurry:
	case <-stop:
		return
	}
	for {
		select {
		case <-stop:
			return
		case e := <-w.queue:
			batch := []json.RawMessage{e}
			for len(w.queue) > 0 {
				batch = append(batch, <-w.queue)
			}
			body, err := json.Marshal(batch)
			if err != nil {
				w.t.Error(err)
				return
			}
			for {
				if status, _ := w.call("POST", "/v1/events", "application/cloudevents-batch+json", body); status == http.StatusAccepted {
					w.mu.Lock()
					w.acked = append(w.acked, batch...)
					w.mu.Unlock()
					break
				}
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	}
}

func (w *wreck) decide(e json.RawMessage) string {
	status, body := w.call("POST", "/v1/decisions", "application/cloudevents+json", e)
	var answer struct{ Decision string }
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return "allow"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, e)
	return answer.Decision
}

func (w *wreck) call(method, path, kind string, body []byte) (int, []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.url()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+w.prepared.key)
	r.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

// intrude is the night's intruder. His acts reach Mimamori together, so that
// all of them are there to be undone.
func (w *wreck) intrude() error {
	w.shop.Customer("hanako")
	s, err := w.shop.SignIn("hanako", Hosting)
	if err != nil {
		return fmt.Errorf("the intruder's sign-in: %w", err)
	}
	address, err1 := s.AddAddress("知らない人", "大阪市北区1-1")
	card, err2 := s.AddCard("Visa", "9876", "2028-01")
	errs := []error{err1, err2, s.JoinMembership(),
		s.Set(event.Address, "home", map[string]any{"recipient": "hanako", "postal_code": "530-0001", "prefecture": "大阪府", "line": "梅田9-9", "country": "JP"})}
	var first string
	for i, o := range []shoptest.Order{{Amount: 4800, ShipTo: address, Payment: card}, {Amount: 5200, ShipTo: address, Payment: card}, {Amount: 9000, Payment: card, Digital: true, Gift: true}} {
		id, err := s.PlaceOrder(o)
		if i == 0 {
			first = id
		}
		errs = append(errs, err)
	}
	errs = append(errs, s.HideOrder(first), s.LeaveMembership())
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("the intruder's act: %w", err)
		}
	}
	close(w.hurry)
	return nil
}

// settled waits until the last mail of the takeover is there and the events
// that came of it are taken.
func (w *wreck) settled(within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if w.different() < 2 || len(w.queue) > 0 {
			continue
		}
		var all struct {
			Incidents []struct{ State incident.State }
		}
		if status, body := w.call("GET", "/v1/incidents", "", nil); status == http.StatusOK && json.Unmarshal(body, &all) == nil &&
			len(all.Incidents) == 1 && all.Incidents[0].State == incident.Recovering && w.quiet() {
			return true
		}
	}
	return false
}

// different counts the mails that came: one that was sent again after the kill
// is the same mail.
func (w *wreck) different() int {
	ids := map[string]bool{}
	for _, m := range w.mail.Messages("") {
		ids[messageID(m.Raw)] = true
	}
	return len(ids)
}

// quiet: nothing has been asked of the shop for a little while.
func (w *wreck) quiet() bool {
	n, mails := len(w.shop.Requests()), len(w.mail.Messages(""))
	time.Sleep(250 * time.Millisecond)
	return n == len(w.shop.Requests()) && mails == len(w.mail.Messages("")) && len(w.queue) == 0
}

// wrongOutside looks at the shop and at the mailbox.
func (w *wreck) wrongOutside() []string {
	var wrong []string
	seen, types := map[string]bool{}, map[shop.CommandType]int{}
	for _, e := range w.shop.Effects() {
		if seen[e.Command.ID] {
			wrong = append(wrong, "command "+e.Command.ID+" took effect twice")
		}
		seen[e.Command.ID] = true
		types[e.Command.Type]++
	}
	for kind, want := range map[shop.CommandType]int{shop.TypeSessionsRevoke: 1, shop.TypePasswordInvalidate: 1, shop.TypeOrderCancel: 3, shop.TypePointsFreeze: 1,
		shop.TypeResourceRestore: 1, shop.TypeResourceRemove: 2, shop.TypeOrderUnhide: 1, shop.TypePaymentSuspect: 3} {
		if types[kind] != want {
			wrong = append(wrong, fmt.Sprintf("%s took effect %d times, want %d", kind, types[kind], want))
		}
	}
	for _, r := range w.shop.Requests() {
		if r.Err != nil {
			wrong = append(wrong, fmt.Sprintf("the shop refused a request: %v", r.Err))
		}
	}
	copies, subjects := map[string]int{}, map[string]string{}
	for _, m := range w.mail.Messages("") {
		d, id := mailbox.Decode(m.Raw, nil), messageID(m.Raw)
		copies[id]++
		subjects[d.Subject] = id
		if copies[id] > 2 || m.To != "hanako@mail.example" {
			wrong = append(wrong, fmt.Sprintf("%d copies of %q to %s", copies[id], d.Subject, m.To))
		}
	}
	if len(copies) != 2 || len(subjects) != 2 {
		wrong = append(wrong, fmt.Sprintf("%d different mails, want the two notices: %v", len(copies), subjects))
	}
	if w.name != "mail stored" && len(w.mail.Messages("")) != 2 {
		wrong = append(wrong, fmt.Sprintf("%d mails, want 2", len(w.mail.Messages(""))))
	}
	return wrong
}

func messageID(raw []byte) string {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err.Error()
	}
	return m.Header.Get("Message-Id")
}

// wrongInside looks at what Mimamori has written down.
func (w *wreck) wrongInside(s setting) (wrong []string, err error) {
	a, err := app.New(context.Background(), s.config())
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Stop() }()
	account := mimamori.NewAccountID("hanako")
	all, err := a.Store.Incidents(context.Background(), account)
	if err != nil || len(all) != 1 {
		return nil, fmt.Errorf("%d incidents, want 1: %w", len(all), err)
	}
	i := all[0]
	if i.State != incident.Recovering || i.WaitUntil.Sub(i.ContainedAt) != crashWait || len(i.NeedingPerson()) > 0 {
		wrong = append(wrong, fmt.Sprintf("incident is %s, contained %s, waits until %s, needs %v", i.State, i.ContainedAt, i.WaitUntil, i.NeedingPerson()))
	}
	steps, err := a.Store.Steps(context.Background(), account, i.ID)
	if err != nil {
		return nil, err
	}
	first := map[string]string{} // the run that has a step first
	for _, x := range slices.Backward(steps) {
		first[x.Name] = x.Run
	}
	for _, x := range steps {
		if grace, over := x.Run == first["state.contained"], x.Run == first["account.hold"] && x.State == playbook.Skipped; grace || over {
			continue // the grace run has nothing left to do; a hold's is gone over by the containment
		}
		if x.Name == "notice.second" && x.State == playbook.Ready {
			continue // in twelve hours, if nobody reads the notice
		}
		if x.State != playbook.Done {
			wrong = append(wrong, fmt.Sprintf("step %s (%s) is %s: %s", x.Key, x.Name, x.State, x.Why.EN))
		}
	}
	entries, err := a.Store.Entries(context.Background(), account, i.ID)
	if err != nil {
		return nil, err
	}
	lines := map[string]int{}
	for _, e := range entries {
		lines[e.Kind]++
	}
	for kind, want := range map[string]int{"opened": 1, "password.invalidate": 1, "order.cancel": 3, "resource.restore": 1, "resource.remove": 2, "notice.contained": 1, "wait.begin": 1, "wait.end": 1, "notice.reset_open": 1} {
		if lines[kind] != want {
			wrong = append(wrong, fmt.Sprintf("the timeline has %d lines of %s, want %d", lines[kind], kind, want))
		}
	}
	kept, err := a.Store.Events(context.Background(), account)
	if err != nil {
		return nil, err
	}
	ids := map[string]int{}
	for _, e := range kept {
		ids[e.ID]++
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, raw := range w.acked {
		var e struct{ ID string }
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		if ids[e.ID] != 1 {
			wrong = append(wrong, fmt.Sprintf("event %s was acknowledged and stands there %d times", e.ID, ids[e.ID]))
		}
	}
	slices.Sort(wrong)
	return wrong, nil
}
