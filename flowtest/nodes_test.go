//go:build unix

package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/mail/mailbox"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store"
	"mimamori/store/pgtest"
	"mimamori/traffic"
	"mimamori/webhook"
)

// TestOneOfTwoNodesIsKilled: two nodes on one database, sign-ins at both, an
// intruder in a dozen accounts; one node dies by kill -9 in the middle of the
// response. What it had acknowledged is there, what it had begun goes on at the
// other (within ten seconds on a machine that does nothing else: it says how
// long it took), and nothing is done twice.
func TestOneOfTwoNodesIsKilled(t *testing.T) {
	p := newPair(t)
	a, b := p.start("password.invalidate#2:before-effect"), p.start("")
	p.nodes.Store(&[]string{a.url, b.url})
	for _, name := range p.customers {
		p.shop.Customer(name)
	}
	load, endLoad := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	for w := range 4 {
		busy.Go(func() { p.signIns(load, w) })
	}
	var intruders sync.WaitGroup
	for _, name := range p.customers {
		intruders.Go(func() { p.intrude(name) })
	}
	for len(p.spare) > 0 && !a.died(2*time.Second) { // the other took all there was to do
		name := p.spare[0]
		p.customers, p.spare = append(p.customers, name), p.spare[1:]
		p.shop.Customer(name)
		intruders.Go(func() { p.intrude(name) })
	}
	if !a.died(10 * time.Second) {
		p.nodes.Store(&[]string{})
		endLoad()
		intruders.Wait()
		busy.Wait()
		t.Fatalf("the node never came there; not contained: %v; it took %d events of %d: %s", p.contained(time.Second), p.acked(a.url), p.acked(""), strings.Join(a.said.all(), ""))
	}
	died := time.Now()
	p.nodes.Store(&[]string{b.url})
	intruders.Wait()
	late := p.contained(time.Minute)
	took := time.Since(died)
	time.Sleep(300 * time.Millisecond)
	endLoad()
	busy.Wait()
	p.nodes.Store(&[]string{}) // what the shop still does it keeps to itself
	b.kill()
	if len(late) > 0 {
		t.Errorf("%s after the kill these were not contained: %v", took, late)
	}
	t.Logf("contained in %s after the kill; %d events acknowledged, %d of them by the node that died", took, p.acked(""), p.acked(a.url))
	p.nothingTwice()
	p.nothingLost()
	if p.acked(a.url) == 0 {
		t.Error("the node that died had acknowledged nothing: this proves nothing")
	}
}

// pair is two nodes, and what is around them.
type pair struct {
	t         *testing.T
	setting   setting
	key       string
	shop      *shoptest.Shop
	customers []string
	spare     []string                 // customers in whose accounts nobody is yet
	nodes     atomic.Pointer[[]string] // that are asked
	turn      atomic.Int64

	mu    sync.Mutex // guards taken
	taken []acknowledged
}

type acknowledged struct {
	subject, id, by string
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t}
	for i := range 12 {
		p.customers = append(p.customers, fmt.Sprint("customer-", i))
	}
	for i := range 8 { // no more than may be contained in an hour without a person
		p.spare = append(p.spare, fmt.Sprint("customer-", len(p.customers)+i))
	}
	secret := webhook.NewSecret()
	p.shop = shoptest.New(shoptest.Options{Source: "shop", Secret: secret, Emit: func(e json.RawMessage) { p.send("/v1/events", e) }, Decide: p.decide})
	box, err := mailbox.Open(mailbox.Options{Dir: filepath.Join(t.TempDir(), "spool")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = box.Serve(l) })
	at := httptest.NewServer(p.shop)
	t.Cleanup(func() {
		at.CloseClientConnections()
		at.Close()
		_ = box.Close()
		serving.Wait()
	})
	p.setting = setting{Data: filepath.Join(t.TempDir(), "data"), Database: pgtest.Address(t), Shop: at.URL, Secret: secret.Reveal(), Mail: l.Addr().String(), Wait: time.Hour}
	p.past()
	return p
}

// past gives each customer two months, and the shop its key.
func (p *pair) past() {
	a, err := app.New(p.t.Context(), p.setting.config())
	if err != nil {
		p.t.Fatal(err)
	}
	h := Harness{T: p.t, App: a}
	for _, name := range slices.Concat(p.customers, p.spare) {
		var past []event.Event
		for day := 62; day >= 1; day-- {
			past = append(past, h.past(name, "login.attempted", time.Now().Add(-time.Duration(day)*24*time.Hour-12*time.Hour), map[string]any{"outcome": "succeeded",
				"session": fmt.Sprint("past-", day), "ip": HomePC.IP, "user_agent": HomePC.UserAgent, "accept_language": HomePC.AcceptLanguage}))
		}
		if _, err := a.Intake.Take(p.t.Context(), past, intake.How{Past: true}); err != nil {
			p.t.Fatal(err)
		}
	}
	p.key, _, err = a.APIKeys.Create(p.t.Context(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "shop", Scopes: staff.Scopes})
	if err := errors.Join(err, a.Stop()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) start(crash string) *process {
	c, err := startChild(p.setting, crash)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.kill)
	return c
}

// signIns are other people's, until ctx ends.
func (p *pair) signIns(ctx context.Context, w int) {
	for i := 0; ctx.Err() == nil; i++ {
		subject, id := fmt.Sprint("other-", w, "-", i%50), fmt.Sprint("load-", w, "-", i)
		body, _ := json.Marshal(map[string]any{"specversion": "1.0", "source": "shop", "id": id, "type": "login.attempted", "subject": subject,
			"time": time.Now().Format(time.RFC3339Nano), "data": map[string]any{"outcome": "succeeded", "session": id, "ip": HomePC.IP, "user_agent": HomePC.UserAgent}})
		p.send("/v1/decisions", body)
	}
}

// intrude is one intruder in one account, whom the customer sees.
func (p *pair) intrude(name string) {
	s, err := p.shop.SignIn(name, Hosting)
	if err != nil {
		p.t.Errorf("%s: sign in: %v", name, err)
		return
	}
	address, err := s.AddAddress("知らない人", "大阪市北区1-1")
	if err != nil {
		p.t.Errorf("%s: add an address: %v", name, err)
	}
	// Detection may have had him out before.
	if _, err := s.PlaceOrder(shoptest.Order{Amount: 4800, ShipTo: address}); err != nil && !errors.Is(err, shoptest.ErrSignedOut) {
		p.t.Errorf("%s: order: %v", name, err)
	}
	word, _ := json.Marshal(map[string]any{"specversion": "1.0", "source": "shop", "id": "judged-" + name, "type": "session.judged", "subject": name,
		"time": time.Now().Format(time.RFC3339Nano), "data": map[string]any{"session": s.ID, "verdict": "intruder", "by": "customer"}})
	p.send("/v1/events", word)
}

func (p *pair) decide(e json.RawMessage) string {
	var answer struct{ Decision string }
	if json.Unmarshal(p.send("/v1/decisions", e), &answer) != nil {
		return "allow"
	}
	return answer.Decision
}

// send gives an event to one node after the other until one has taken it, as
// the SDK does, and notes who did.
func (p *pair) send(path string, e []byte) []byte {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		nodes := *p.nodes.Load()
		if len(nodes) == 0 {
			return nil
		}
		node := nodes[int(p.turn.Add(1))%len(nodes)]
		status, body := p.post(node+path, e)
		if status != http.StatusOK && status != http.StatusAccepted {
			continue
		}
		var name struct{ Subject, ID string }
		_ = json.Unmarshal(e, &name)
		p.mu.Lock()
		p.taken = append(p.taken, acknowledged{name.Subject, name.ID, node})
		p.mu.Unlock()
		return body
	}
	p.t.Errorf("nobody took %s", e)
	return nil
}

func (p *pair) post(url string, e []byte) (int, []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(e))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+p.key)
	r.Header.Set("Content-Type", "application/cloudevents+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}

// contained waits until the shop has locked every account that was entered, and
// names those that it has not.
func (p *pair) contained(within time.Duration) (late []string) {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		late = slices.DeleteFunc(slices.Clone(p.customers), func(name string) bool {
			return p.shop.EffectsOf(name, shop.TypePasswordInvalidate) > 0 && p.shop.EffectsOf(name, shop.TypePointsFreeze) > 0
		})
		if len(late) == 0 {
			return nil
		}
	}
	return late
}

func (p *pair) acked(by string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.taken {
		if by == "" || a.by == by {
			n++
		}
	}
	return n
}

func (p *pair) nothingTwice() {
	seen := map[string]bool{}
	for _, e := range p.shop.Effects() {
		if seen[e.Command.ID] {
			p.t.Errorf("command %s (%s) took effect twice", e.Command.ID, e.Command.Type)
		}
		seen[e.Command.ID] = true
	}
	for _, name := range p.customers {
		if n := p.shop.EffectsOf(name, shop.TypePasswordInvalidate); n > 1 {
			p.t.Errorf("%s: the password was made invalid %d times", name, n)
		}
	}
}

// nothingLost: every acknowledged event is in the database, and each account
// that was entered has one open incident.
func (p *pair) nothingLost() {
	s, err := store.Open(p.t.Context(), p.setting.Database)
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	here := map[string]map[string]bool{}
	for _, a := range p.taken {
		if here[a.subject] == nil {
			here[a.subject] = map[string]bool{}
			events, err := s.Events(p.t.Context(), mimamori.NewAccountID(a.subject))
			if err != nil {
				p.t.Fatal(err)
			}
			for _, e := range events {
				here[a.subject][e.ID] = true
			}
		}
		if !here[a.subject][a.id] {
			p.t.Errorf("event %s of %s was acknowledged by %s and is lost", a.id, a.subject, a.by)
		}
	}
	for _, name := range p.customers {
		all, err := s.Incidents(p.t.Context(), mimamori.NewAccountID(name))
		if err != nil || len(all) != 1 {
			p.t.Errorf("%s: incidents %v, %v; want one", name, all, err)
		}
	}
}

// TestNodesTellEachOther: what one node counts of an attack the other knows a
// moment later, so that half an attack at each is a whole one to both.
func TestNodesTellEachOther(t *testing.T) {
	s := setting{Data: filepath.Join(t.TempDir(), "data"), Database: pgtest.Address(t), Shop: "http://127.0.0.1:1", Secret: webhook.NewSecret().Reveal(), Mail: "127.0.0.1:1", Wait: time.Hour}
	var two [2]*app.App
	for i := range two {
		c := s.config()
		c.NodeTick = 50 * time.Millisecond
		var err error
		if two[i], err = app.New(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := two[i].Stop(); err != nil {
				t.Error(err)
			}
		})
		if err := two[i].Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h := Harness{T: t, App: two[0]}
	browser := traffic.Login{UA: "an attacker's own browser/1.0", At: time.Now()}
	known := func(a *app.App) float64 { return a.Traffic.View(browser).UA.Bad }
	for n := 0; known(two[1]) < 20; n++ {
		if n > 200 {
			t.Fatalf("the other node counts %.1f of %d failed attempts, want 20 at least", known(two[1]), n)
		}
		e := h.past(fmt.Sprint("customer-", n), "login.attempted", time.Now(), map[string]any{"outcome": "wrong_password", "ip": Hosting.IP, "user_agent": browser.UA})
		if _, err := two[0].Intake.Take(t.Context(), []event.Event{e}, intake.How{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
