package console_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/bulk"
	"mimamori/web/console"
)

// someBulks is a bulk act in each state, and remembers what it was asked.
type someBulks struct {
	guard audit.Guard
	now   time.Time
	done  []string
}

func (b *someBulks) DraftBulk(ctx context.Context, actor mimamori.Actor, act bulk.Act, what console.Selection) (string, error) {
	b.done = append(b.done, fmt.Sprintf("draft %s %v %s %s", act, what.IDs, what.Touched, what.Filter.Query()))
	return "blk_draft", b.guard.Allow(ctx, actor, audit.BulkContain, audit.Target{}, "draft")
}

func (b *someBulks) CarryOut(ctx context.Context, on console.On, id string) (console.Result, error) {
	b.done = append(b.done, "go "+id+" "+on.Reason)
	return console.Asked, b.guard.Allow(ctx, on.Actor, audit.BulkContain, audit.Target{}, on.Reason)
}

func (b *someBulks) StopBulk(ctx context.Context, on console.On, id string) error {
	b.done = append(b.done, "stop "+id)
	return b.guard.Allow(ctx, on.Actor, audit.BulkUndo, audit.Target{}, on.Reason)
}

func (b *someBulks) UndoBulk(ctx context.Context, on console.On, id string) (console.Result, error) {
	b.done = append(b.done, "undo "+id)
	return console.Done, b.guard.Allow(ctx, on.Actor, audit.BulkUndo, audit.Target{}, on.Reason)
}

func (b *someBulks) Bulks(ctx context.Context, actor mimamori.Actor) ([]console.Bulk, error) {
	var out []console.Bulk
	for _, id := range []string{"blk_running", "blk_draft", "blk_done"} {
		one, err := b.Bulk(ctx, actor, id)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (b *someBulks) Bulk(ctx context.Context, actor mimamori.Actor, id string) (console.Bulk, error) {
	if err := b.guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.Bulk{}, err
	}
	run := bulk.Run{ID: id, Act: bulk.Contain, State: bulk.State(strings.TrimPrefix(id, "blk_")), Selection: text("攻撃 cmp_1 に属するもの", "of the campaign cmp_1"), Size: 3482, SignedOut: 3401,
		Second: true, Reason: "一斉の不正利用", At: b.now.Add(-10 * time.Minute)}
	out := console.Bulk{Run: run, ByName: "佐藤", Mine: true, Counts: map[bulk.ItemState]int{bulk.Waiting: 3482}}
	if run.State != bulk.Draft {
		out.ApprovedName = "鈴木"
		out.Counts = map[bulk.ItemState]int{bulk.Waiting: 1200, bulk.Did: 2200, bulk.Same: 80, bulk.Failed: 2}
		out.Examples = []bulk.Item{{State: bulk.Failed, Incident: mall, Was: "held", Why: text("見つかりませんでした", "It was not found")}, {State: bulk.Did, Incident: night, Made: night, Was: "suspected"}}
	}
	out.Examples = append(out.Examples, bulk.Item{State: bulk.Waiting, Subject: "jiro"})
	return out, nil
}

func TestBulkPagesReachTheFlow(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	r := httptest.NewRequest("POST", "/bulk", strings.NewReader("act=contain&filter=kind%3Ddevice&pick="+string(night)+"&pick="+string(mall)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := b.send(r)
	if w.Code != 303 || w.Header().Get("Location") != "/bulk/blk_draft" {
		t.Fatalf("draft of two: %d to %q", w.Code, w.Header().Get("Location"))
	}
	b.post("/bulk", "act", "hold", "all", "1", "filter", "kind=device&for=en&search=x&after=1.2.y", "pick", string(night))
	b.post("/bulk", "act", "contain", "touched", string(night))
	want := []string{"draft contain [" + string(night) + " " + string(mall) + "]  ", "draft hold [] " + " after=1.2.y&for=en&kind=device", "draft contain [] " + string(night) + " "}
	for k, x := range want {
		if p.bulks.done[k] != x {
			t.Errorf("draft %d = %q, want %q", k, p.bulks.done[k], x)
		}
	}
	if w := b.post("/bulk", "act", "contain", "filter", "kind=device"); w.Header().Get("Location") != "/?pick=1&kind=device" {
		t.Errorf("nobody chosen: to %q", w.Header().Get("Location"))
	}
	for deed, said := range map[string]string{"go": "asked", "stop": "bulkstop", "undo": "bulkundo"} {
		if w := b.post("/bulk/blk_done/"+deed, "reason", "one attack"); w.Header().Get("Location") != "/bulk/blk_done?said="+said {
			t.Errorf("%s: %d to %q", deed, w.Code, w.Header().Get("Location"))
		}
	}
	if page := b.get("/?pick=1").Body.String(); !strings.Contains(page, `name="pick" value="`+string(night)+`"`) {
		t.Error("nothing can be picked")
	}
	n := len(p.bulks.done)
	agent := p.signIn("agent")
	if page := agent.get("/?pick=1").Body.String(); strings.Contains(page, `name="pick"`) || strings.Contains(page, "/bulk") {
		t.Error("an agent is offered bulk acts")
	}
	if w := agent.post("/bulk", "act", "contain", "touched", string(night)); w.Code != 403 {
		t.Errorf("an agent drafts: %d", w.Code)
	}
	if len(p.bulks.done) != n+1 {
		t.Errorf("done = %v", p.bulks.done[n:])
	}
}

func TestSearchForACustomerTakesAReasonAndStaysOutOfAddresses(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	if w := b.post("/search", "search", " "+string(night)+" "); w.Header().Get("Location") != "/?search="+string(night) {
		t.Errorf("an incident: to %q", w.Header().Get("Location"))
	}
	w := b.post("/search", "search", "hanako@example.jp")
	if w.Code != 200 || strings.Contains(w.Body.String(), string(night)) || !strings.Contains(w.Body.String(), `name="why"`) {
		t.Errorf("without a reason: %d; want it asked, and nothing found yet", w.Code)
	}
	if w := b.post("/search", "search", "hanako@example.jp", "why", "other"); strings.Contains(w.Body.String(), string(night)) {
		t.Error("another reason without words finds")
	}
	w = b.post("/search", "search", "hanako@example.jp", "why", "call")
	if !strings.Contains(w.Body.String(), "/incidents/"+string(night)) {
		t.Errorf("with a reason: %d, nothing found", w.Code)
	}
	if loc := w.Header().Get("Location"); strings.Contains(loc, "hanako") {
		t.Errorf("the address names the customer: %s", loc)
	}
	if !slices.ContainsFunc(p.audit.Rows, func(r audit.Row) bool { return r.Act == audit.LookAccount }) {
		t.Error("the search is not recorded")
	}
}

// TestNewsIsStreamed: the version comes at once, and again when it changes; a
// server that shuts down is not kept waiting.
func TestNewsIsStreamed(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	site := httptest.NewServer(p.handler)
	defer site.Close()
	r, err := http.NewRequest("GET", site.URL+"/news?of=queue", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := site.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil || line != "data: v1\n" || answer.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("news = %q, %v", line, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- site.Config.Shutdown(t.Context()) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(8 * time.Second):
		t.Error("a stream keeps the server from shutting down")
	}
	if w := p.browser().get("/news?of=queue"); w.Code != 401 {
		t.Errorf("without signing in: %d", w.Code)
	}
}
