// Package faulttest breaks things on purpose: it plays takeovers against the
// whole of Mimamori while the process dies, the shop lies, the mail server is
// gone, the clock is set or a backup is put back, and then looks whether what
// was promised holds (invariants I1 to I10, one function, after every fault).
// Most of it runs in fake time in one process, so that ten thousand takeovers
// take minutes; what needs a real process, socket or disk has one. It stands
// beside flowtest, which tells single stories, and never reaches the binary.
package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/clock"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/playbook"
	"mimamori/shop/shoptest"
	"mimamori/webhook"
)

// night is when worlds begin: 01:00 in Tokyo.
var night = time.Date(2026, 11, 10, 1, 0, 0, 0, time.FixedZone("JST", 9*60*60))

// World is one installation with its shop, its mailbox and its customers, and
// what is known of it from outside.
type World struct {
	T    testing.TB
	Rand *rand.Rand
	Shop *shoptest.Shop
	Mail *mailbox.Server
	Line *Line // between Mimamori and everybody else

	folder  string
	ready   Prepared
	tune    func(*World, *app.Config) // may be nil
	pipe    *mailbox.PipeListener
	log     *logbook
	cases   []*Case
	patient bool // nobody looks before the wait is over
	strong  bool // detection decides too; else only the customer's word

	mu       sync.Mutex // guards all below
	life     *life
	lives    int
	acked    []Acked
	news     []json.RawMessage // the shop's events that were not taken yet, in order
	wake     chan struct{}
	stop     chan struct{}
	struck   int // faults that really happened
	crash    func(at playbook.Point, s playbook.Step) bool
	poisoned string    // commands for this customer break whoever gives them
	set      []setting // of the wall clock
	pit      pit       // what the mail server is
	lost     time.Time // restored from a backup of then: what was acknowledged later may be gone
	ends     sync.WaitGroup
}

// Acked is an event that Mimamori has acknowledged.
type Acked struct {
	Subject, ID string
	At          time.Time
	Raw         json.RawMessage
}

// life is one process: after its death nothing of it reaches anybody.
type life struct {
	app    *app.App
	folder string
	dead   atomic.Bool
}

var errDead = errors.New("the process is gone")

// Prepared is a data folder with its keys and a key to the doors, copied for
// each world: making RSA keys each time would take the longest.
type Prepared struct {
	folder, key string
	secret      webhook.Secret
}

// begin opens a world on a copy of the prepared folder. It is called inside a
// synctest bubble.
func begin(t testing.TB, folder string, ready Prepared, seed uint64, strong bool, tune func(*World, *app.Config)) *World {
	w := &World{T: t, Rand: rand.New(rand.NewPCG(seed, 22)), folder: folder, ready: ready, tune: tune, strong: strong, pipe: mailbox.Pipe(),
		log: &logbook{}, Line: &Line{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	w.Line.world = w
	w.Shop = shoptest.New(shoptest.Options{Source: "shop", Secret: ready.secret, Emit: w.emit, Decide: w.decide, Redeem: w.redeem})
	var err error
	if w.Mail, err = mailbox.Open(mailbox.Options{Dir: filepath.Join(folder, "spool")}); err != nil {
		t.Fatal(err)
	}
	w.ends.Go(func() { _ = w.Mail.Serve(w.pipe) })
	data := filepath.Join(folder, "life-0")
	if err := os.CopyFS(data, os.DirFS(ready.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(data, "master.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.live(data)
	w.ends.Go(w.carry)
	return w
}

// config is the installation's, on a data folder.
func (w *World) config(l *life) app.Config {
	c := app.DefaultConfig()
	c.Data, c.Log = l.folder, slog.New(slog.NewJSONHandler(&lifeLog{l, w.log}, nil))
	c.Shop.Name = mimamori.Text{JA: "みどり商店", EN: "Midori Store"}
	c.Shop.URL, c.Shop.AllowHTTP, c.Shop.Secret, c.Shop.Source = "http://shop.invalid/commands", true, w.ready.secret.Reveal(), "shop"
	c.Shop.Home, c.Shop.Forgot = "http://localhost/", "http://localhost/forgot"
	c.ShopTransport = lifeTransport{l, w}
	c.Mail = app.MailConfig{From: "security@notice.midori.example", Server: "mail.invalid:25", TLS: mail.NoTLS, Selector: "mimamori"}
	c.MailDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if l.dead.Load() {
			return nil, errDead
		}
		conn, err := w.throughPit(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return lifeConn{conn, l}, nil
	}
	c.Clock = w.clock
	c.Policy.BudgetFloor = 100_000 // the budget is not what is tried here
	if !w.strong {
		c.Policy.NotifyAt, c.Policy.ChallengeAt, c.Policy.HoldAt, c.Policy.ContainAt = 0.99996, 0.99997, 0.99998, 0.99999
		c.Policy.Quotas.Off = true
	}
	c.Crash = func(at playbook.Point, s playbook.Step) { w.at(l, at, s) }
	if w.tune != nil {
		w.tune(w, &c)
	}
	return c
}

// setting is one time that somebody set the wall clock: ahead by `by` during
// `by`, while the steady clock stands; or back, at once.
type setting struct {
	at time.Time
	by time.Duration
}

// clock is the world's: fake time is the wall clock, so the steady one is what
// has passed less what the wall clock was set.
func (w *World) clock() clock.Reading {
	return clock.Reading{Wall: time.Now(), Steady: w.steady(), Boot: "first"}
}

func (w *World) steady() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	passed := now.Sub(night)
	for _, s := range w.set {
		if s.by > 0 {
			passed -= min(now.Sub(s.at), s.by)
		} else {
			passed -= s.by
		}
	}
	return passed
}

// setClock sets it, and returns once that has happened.
func (w *World) setClock(by time.Duration) {
	w.mu.Lock()
	w.set = append(w.set, setting{time.Now(), by})
	w.struck++
	w.mu.Unlock()
	if by > 0 {
		w.after(by, by)
	}
}

// live starts a process on a folder.
func (w *World) live(folder string) {
	l := &life{folder: folder}
	a, err := app.New(context.Background(), w.config(l))
	if err != nil {
		w.T.Fatal(err)
	}
	l.app = a
	w.mu.Lock()
	w.life = l
	w.mu.Unlock()
	if err := a.Start(context.Background()); err != nil {
		w.T.Fatal(err)
	}
}

func (w *World) living() *life {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.life
}

// at is called where a step may die. A try of a dead process goes no further.
func (w *World) at(l *life, at playbook.Point, s playbook.Step) {
	w.mu.Lock()
	f := w.crash
	w.mu.Unlock()
	if !l.dead.Load() && f != nil && f(at, s) {
		w.Crash(time.Duration(w.between(0, 5000)) * time.Millisecond)
	}
	if l.dead.Load() {
		runtime.Goexit()
	}
}

// Crash ends the process as kill -9 does, between two instructions of
// whatever it was doing, and starts another after a while on what was on disk.
func (w *World) Crash(down time.Duration) { w.crashTo(down, nil) }

// crashTo lets change what is on disk before the next process starts.
func (w *World) crashTo(down time.Duration, change func(folder string)) {
	w.mu.Lock()
	l := w.life
	if !l.dead.CompareAndSwap(false, true) {
		w.mu.Unlock()
		return
	}
	w.lives++
	w.struck++
	next := filepath.Join(w.folder, fmt.Sprint("life-", w.lives))
	w.mu.Unlock()
	if err := image(l.folder, next, func() {}); err != nil {
		w.T.Error(err)
	}
	w.ends.Go(func() {
		_ = l.app.Stop() // what is left of it writes to the old folder, where nobody looks any more
		time.Sleep(down)
		if change != nil {
			change(next)
		}
		w.live(next)
		_ = os.RemoveAll(l.folder)
	})
}

// end stops everything; what is left is looked at with Check.
func (w *World) end() {
	close(w.stop)
	if err := w.living().app.Stop(); err != nil {
		w.T.Error(err)
	}
	if err := w.Mail.Close(); err != nil {
		w.T.Error(err)
	}
	w.ends.Wait()
}

func (w *World) between(least, most int) int { return least + w.pick(most-least) }

// call asks a door of the living process; status 0 is no answer.
func (w *World) call(method, path string, body []byte) (int, []byte) {
	l := w.living()
	if l.dead.Load() || w.Line.drops() {
		return 0, nil
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.ready.key)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	l.app.Doors.ServeHTTP(rec, r)
	if l.dead.Load() || w.Line.drops() {
		return 0, nil // it answered, and the answer was lost
	}
	return rec.Code, rec.Body.Bytes()
}

// acknowledge notes an event that was taken.
func (w *World) acknowledge(raw json.RawMessage) {
	var e struct{ Subject, ID string }
	if err := json.Unmarshal(raw, &e); err != nil {
		w.T.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, Acked{Subject: e.Subject, ID: e.ID, At: time.Now(), Raw: raw})
}

// decide is the shop's question at a sign-in; without an answer it lets the
// customer in and sends the event later, as the SDK does.
func (w *World) decide(e json.RawMessage) string {
	if w.Line.holds() {
		w.emit(e)
		return "allow"
	}
	status, body := w.call("POST", "/v1/decisions", e)
	var answer struct{ Decision string }
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		w.emit(e)
		return "allow"
	}
	w.acknowledge(e)
	return answer.Decision
}

// emit puts an event where carry finds it.
func (w *World) emit(e json.RawMessage) {
	w.mu.Lock()
	w.news = append(w.news, e)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// carry brings the shop's events to the door in order, each until it is taken.
func (w *World) carry() {
	for {
		select {
		case <-w.stop:
			return
		case <-w.wake:
		}
		for {
			w.mu.Lock()
			batch := w.Line.pick(&w.news)
			w.mu.Unlock()
			if len(batch) == 0 {
				break
			}
			if !w.deliver(batch) {
				return
			}
		}
	}
}

// deliver sends events until they are taken; false when the world ends.
func (w *World) deliver(batch []json.RawMessage) bool {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 30*time.Second) {
		body := []byte(batch[0])
		path := "/v1/events"
		if len(batch) > 1 {
			body, _ = json.Marshal(batch) // raw JSON always has a form
		}
		status, answer := w.call("POST", path, body)
		switch {
		case status == http.StatusAccepted:
			for _, e := range batch {
				w.acknowledge(e)
			}
			return true
		case status >= 400 && status < 500 && status != http.StatusTooManyRequests:
			w.T.Errorf("an event was refused: %d %s\n%s", status, answer, body)
			return true
		}
		select {
		case <-w.stop:
			return false
		case <-time.After(wait):
		}
	}
}

// redeem is the shop's side of a grant.
func (w *World) redeem(grant string) (subject, jti string, err error) {
	subject, jti, err = readGrant(grant)
	if err != nil {
		return "", "", err
	}
	status, _ := w.call("POST", "/v1/grants/"+jti+"/redeem", nil)
	if status != http.StatusOK {
		return "", "", fmt.Errorf("redeem: status %d", status)
	}
	return subject, jti, nil
}

// lifeTransport carries commands to the shop while the process lives.
type lifeTransport struct {
	life  *life
	world *World
}

func (t lifeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.life.dead.Load() || t.world.Line.drops() {
		return nil, errDead
	}
	t.world.mu.Lock()
	bad := t.world.poisoned
	t.world.mu.Unlock()
	if bad != "" && r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(raw, []byte(`"subject":"`+bad+`"`)) && bytes.Contains(raw, []byte(`"order.cancel"`)) {
			panic("a defect that only this command meets")
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
	}
	resp, err := shoptest.InProcess(t.world.Shop).RoundTrip(r)
	if t.life.dead.Load() || t.world.Line.drops() {
		return nil, errDead // the shop has done it, and nobody heard so
	}
	return resp, err
}

// lifeConn is a connection that ends with its process.
type lifeConn struct {
	net.Conn
	life *life
}

func (c lifeConn) Write(b []byte) (int, error) {
	if c.life.dead.Load() {
		_ = c.Close()
		return 0, errDead
	}
	return c.Conn.Write(b)
}

func (c lifeConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.life.dead.Load() {
		_ = c.Close()
		return 0, errDead
	}
	return n, err
}

// lifeLog forgets what a dead process says.
type lifeLog struct {
	life *life
	to   *logbook
}

func (l *lifeLog) Write(p []byte) (int, error) {
	if l.life.dead.Load() {
		return len(p), nil
	}
	return l.to.Write(p)
}

// logbook keeps what was logged as an error.
type logbook struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(p, []byte(`"level":"ERROR"`)) && len(l.lines) < 100 {
		l.lines = append(l.lines, string(p))
	}
	return len(p), nil
}

var _ io.Writer = (*logbook)(nil)
