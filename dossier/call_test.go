package dossier_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"mimamori"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/web/centre"
)

// registers gives hanako a number from long ago, and one that was set since.
func (p *plot) registers() {
	now := time.Now().UTC()
	long := now.AddDate(-2, 0, 0).Format(time.RFC3339)
	p.put(p.event(event.AccountSeen, now.AddDate(0, 0, -100), map[string]any{"registered_at": long, "resources": []map[string]any{
		{"kind": "contact", "id": "phone", "value": map[string]any{"phone": "+819000000078"}, "verified_at": long, "since": long},
		{"kind": "contact", "id": "phone2", "value": map[string]any{"phone": "+819000000090"}, "since": long}}}),
		p.event(event.AccountChanged, now.AddDate(0, 0, -1), map[string]any{"op": "added", "verified": true, "resource": map[string]any{"kind": "contact", "id": "phone3"},
			"after": map[string]any{"phone": "+819000000011"}}))
}

// TestG10_CallsOldNumbersOnly: a number that was changed yesterday, or never
// verified, is shown with the reason and never rings.
func TestG10_CallsOldNumbersOnly(t *testing.T) {
	p := newPlot(t)
	p.registers()
	v := p.visit("s1")
	page, err := p.desk.CallBack(p.ctx, v, "", time.Time{})
	p.must(err)
	if len(page.Phones) != 1 || page.Phones[0].Masked != "•••• 78" || len(page.Refused) != 2 || len(page.Windows) == 0 {
		t.Fatalf("numbers %+v, refused %+v, %d windows; want 78 alone, two refused", page.Phones, page.Refused, len(page.Windows))
	}
	for _, id := range []string{"phone2", "phone3"} {
		if _, err := p.desk.AskCall(p.ctx, v, "", centre.CallAsk{Phone: id, Window: page.Windows[0].From}); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("ask for a call to %s = %v, want denied", id, err)
		}
	}
	if queue, err := p.store.CallQueue(p.ctx, 10); err != nil || len(queue) != 0 {
		t.Errorf("the queue holds %v, %v", queue, err)
	}
}

// TestG11_MatchCode: the call stands on her page with the two digits that the
// agent who takes it sees, and nobody else's page has it.
func TestG11_MatchCode(t *testing.T) {
	p := newPlot(t)
	p.registers()
	v := p.visit("s1")
	page, err := p.desk.CallBack(p.ctx, v, "", time.Time{})
	p.must(err)
	ask := centre.CallAsk{Phone: "phone", Window: page.Windows[1].From}
	got, err := p.desk.AskCall(p.ctx, v, "", ask)
	p.must(err)
	again, err := p.desk.AskCall(p.ctx, v, "", ask) // pressed twice
	p.must(err)
	queue, err := p.store.CallQueue(p.ctx, 10)
	p.must(err)
	if len(queue) != 1 || got.Coming == nil || got.Coming.Code != queue[0].MatchCode || len(queue[0].MatchCode) != 2 || again.Coming.Code != got.Coming.Code || queue[0].Phone.Number != "+819000000078" {
		t.Fatalf("page %+v, again %+v, queue %+v; want one call with one code", got.Coming, again.Coming, queue)
	}
	home, err := p.desk.Home(p.ctx, v)
	if err != nil || home.Call == nil || home.Call.Code != queue[0].MatchCode {
		t.Errorf("home says %+v, %v; want the call", home.Call, err)
	}
	p.must(p.desk.WithdrawCall(p.ctx, v))
	if queue, err = p.store.CallQueue(p.ctx, 10); err != nil || len(queue) != 0 {
		t.Errorf("after taking it back: %v, %v", queue, err)
	}
	if _, err := p.desk.AskCall(p.ctx, v, "", centre.CallAsk{Phone: "phone", Window: time.Now().Add(-time.Hour)}); err != nil {
		t.Errorf("a window that has passed = %v, want a page that says so", err)
	}
}

// TestA01_CallInRecoveryAnswersAlike: locked out, she asks without proving
// anything: the page says the same for an account with a number, one without,
// and nobody's; only the first makes a call.
func TestA01_CallInRecoveryAnswersAlike(t *testing.T) {
	p := newPlot(t)
	p.registers()
	var pages []centre.CallBack
	for _, subject := range []string{"hanako", "numberless", ""} {
		token := p.begin(subject)
		v := centre.Visitor{Browser: "b" + subject, IP: p.visit("x").IP, Lang: mimamori.Japanese}
		page, err := p.desk.CallBack(p.ctx, v, token, time.Time{})
		p.must(err)
		window := page.Windows[0].From
		_, err = p.desk.AskCall(p.ctx, v, token, centre.CallAsk{Window: window})
		p.must(err)
		if page, err = p.desk.CallBack(p.ctx, v, token, window); err != nil || page.Coming == nil {
			t.Fatalf("%q: asked, and the page says %+v, %v", subject, page, err)
		}
		p.desk.Close() // what goes on behind the answer
		queue, err := p.store.CallQueue(p.ctx, 10)
		p.must(err)
		if subject == "hanako" && (len(queue) != 1 || queue[0].MatchCode != page.Coming.Code || queue[0].Recovery == "") {
			t.Errorf("hanako's call = %+v, want one with code %s", queue, page.Coming.Code)
		}
		page.Coming.Code, page.Windows = "", nil
		pages = append(pages, page)
	}
	for _, other := range pages[1:] {
		other.Coming.From, other.Coming.Until, other.Coming.Soon = pages[0].Coming.From, pages[0].Coming.Until, pages[0].Coming.Soon
		if !reflect.DeepEqual(other, pages[0]) {
			t.Errorf("pages differ: %+v and %+v", pages[0], other)
		}
	}
	if queue, err := p.store.CallQueue(p.ctx, 10); err != nil || len(queue) != 1 {
		t.Errorf("%d calls, %v; want hanako's alone", len(queue), err)
	}
}

// begin starts a recovery for whom the shop names.
func (p *plot) begin(subject string) string {
	p.Helper()
	url, err := p.desk.BeginRecovery(p.ctx, dossier.RecoveryAsk{Subject: subject, Lang: mimamori.Japanese, Source: "shop"})
	p.must(err)
	return url[len("https://security.midori.example/recover/"):]
}

// TestCallsAreBounded: pressing for ever makes the telephone ring a few times.
func TestCallsAreBounded(t *testing.T) {
	p := newPlot(t)
	p.registers()
	rang := 0
	for i := range 40 {
		token := p.begin("hanako")
		v := centre.Visitor{Browser: "stranger", IP: p.visit("x").IP}
		page, err := p.desk.CallBack(p.ctx, v, token, time.Time{})
		p.must(err)
		page, err = p.desk.AskCall(p.ctx, v, token, centre.CallAsk{Window: page.Windows[0].From})
		p.must(err)
		if i >= 30 && page.Problem != centre.TooMany {
			t.Fatalf("try %d from one network = %q, want too many", i, page.Problem)
		}
	}
	p.desk.Close()
	all, err := p.store.Calls(p.ctx, mimamori.NewAccountID("hanako"))
	p.must(err)
	for _, c := range all {
		if c.State.Open() {
			rang++
		}
	}
	if rang == 0 || rang > 2 {
		t.Errorf("%d calls of a stranger's are open, want 1 or 2", rang)
	}
	v := p.visit("s9")
	page, err := p.desk.CallBack(p.ctx, v, "", time.Time{})
	p.must(err)
	if page, err = p.desk.AskCall(p.ctx, v, "", centre.CallAsk{Phone: "phone", Window: page.Windows[0].From}); err != nil || page.Coming == nil {
		t.Errorf("her own wish after that = %+v, %v; want a call", page, err)
	}
}
