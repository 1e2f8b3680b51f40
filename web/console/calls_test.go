package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/support"
	"mimamori/web/console"
	"mimamori/web/webtest"
)

// someCalls is a working queue of one call that anybody at the desk may take,
// a blocked one and one for later. It asks the guard as the real one does.
type someCalls struct {
	guard audit.Guard
	now   time.Time
	taken string // who has the call; empty: nobody
	marks map[string]support.Mark
	ended *console.CallEnd
	order []string // what was done
}

var (
	hanakos = console.CallRef{Account: mimamori.NewAccountID("hanako"), ID: "call_due00000000000000000000000"}
	blocked = console.CallRef{Account: mimamori.NewAccountID("taro"), ID: "call_blocked0000000000000000000"}
	later   = console.CallRef{Account: mimamori.NewAccountID("jiro"), ID: "call_later000000000000000000000"}
)

func (s *someCalls) allow(ctx context.Context, actor mimamori.Actor, of console.CallRef, act audit.Act) error {
	return s.guard.Allow(ctx, actor, act, audit.Target{Account: of.Account}, "call: "+of.ID)
}

func (s *someCalls) row(of console.CallRef, actor mimamori.Actor) console.CallRow {
	row := console.CallRow{Ref: of, Due: support.DueNow, Lang: mimamori.Japanese, From: s.now.Add(-time.Hour), Until: s.now.Add(2 * time.Hour), AskedAt: s.now.Add(-8 * time.Hour), Tries: 1}
	switch of {
	case blocked:
		row.Due, row.LockedOut = support.DueLate, true
	case later:
		row.Due, row.Lang, row.From, row.Until = support.DueLater, mimamori.English, s.now.Add(3*time.Hour), s.now.Add(6*time.Hour)
	default:
		if s.taken != "" {
			row.Due, row.Agent, row.Mine = support.DueTaken, "佐藤 agent", s.taken == actor.ID
		}
	}
	return row
}

func (s *someCalls) Calls(ctx context.Context, actor mimamori.Actor, _ console.CallFilter) (console.CallList, error) {
	if err := s.guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.CallList{}, err
	}
	return console.CallList{Rows: []console.CallRow{s.row(blocked, actor), s.row(hanakos, actor), s.row(later, actor)},
		Due: map[support.Due]int{support.DueLate: 1, support.DueNow: 1, support.DueLater: 1}, Langs: map[mimamori.Lang]int{mimamori.Japanese: 2, mimamori.English: 1}}, nil
}

func (s *someCalls) Call(ctx context.Context, actor mimamori.Actor, of console.CallRef) (console.CallSheet, error) {
	if err := s.allow(ctx, actor, of, audit.LookAccount); err != nil {
		return console.CallSheet{}, err
	}
	if of != hanakos && of != blocked && of != later {
		return console.CallSheet{}, mimamori.ErrNotFound
	}
	out := console.CallSheet{CallRow: s.row(of, actor), Subject: "hanako", State: support.CallMissed, ChangedAt: s.now, Number: "•••• 78",
		Incident: night, Stands: incident.Waiting, WaitUntil: s.now.Add(3 * time.Hour), Agreed: []console.Agreement{{Key: "card", Text: text("カード会社に、お客様から確認していただきます", "You ask your card company")}}}
	if of == blocked {
		out.Blocked = text("不審なサインインの前の30日以内、またはその後に登録された番号です。", "This number was registered within 30 days before the sign-in in question.")
	}
	if out.Mine {
		out.Number, out.Code, out.Vouching, out.Second = "090-1234-5678", "47", true, true
	}
	out.Orders = []console.CallOrder{
		{ID: "1001", At: s.now.Add(-9 * time.Hour), Amount: 3300, Currency: "JPY", State: "placed", Owner: console.Customer, Mark: s.marks["1001"]},
		{ID: "1002", At: s.now.Add(-8 * time.Hour), Amount: 29800, Currency: "JPY", State: "cancelled", Owner: console.Intruder, Mark: s.marks["1002"], Together: 1},
	}
	switch {
	case s.ended != nil:
		out.State, out.Result, out.Code, out.Number = support.CallDone, s.ended.Result, "", "•••• 78"
	case s.taken != "" && of == hanakos:
		out.State = support.CallTaken
	}
	return out, nil
}

func (s *someCalls) did(ctx context.Context, actor mimamori.Actor, of console.CallRef, act audit.Act, what string) error {
	err := s.allow(ctx, actor, of, act)
	if err == nil {
		s.order = append(s.order, what)
	}
	return err
}

func (s *someCalls) TakeCall(ctx context.Context, actor mimamori.Actor, of console.CallRef) error {
	if of != hanakos || s.taken != "" {
		return mimamori.ErrConflict
	}
	err := s.did(ctx, actor, of, audit.CallRecord, "take")
	if err == nil {
		s.taken = actor.ID
	}
	return err
}

func (s *someCalls) PutBackCall(ctx context.Context, actor mimamori.Actor, of console.CallRef) error {
	s.taken = ""
	return s.did(ctx, actor, of, audit.CallRecord, "back")
}

func (s *someCalls) MarkOrder(ctx context.Context, actor mimamori.Actor, of console.CallRef, order string, m support.Mark) (console.Result, error) {
	if s.marks == nil {
		s.marks = map[string]support.Mark{}
	}
	s.marks[order] = m
	return console.Done, s.did(ctx, actor, of, audit.CallRecord, "mark "+order+" "+string(m))
}

func (s *someCalls) Vouch(ctx context.Context, actor mimamori.Actor, of console.CallRef, code, reason string) (console.Result, error) {
	if code != "123-456" {
		return console.Failed, mimamori.ErrNotFound
	}
	return console.Asked, s.did(ctx, actor, of, audit.RecoveryVouch, "vouch "+reason)
}

func (s *someCalls) EndCall(ctx context.Context, actor mimamori.Actor, of console.CallRef, end console.CallEnd) error {
	s.ended = &end
	return s.did(ctx, actor, of, audit.CallRecord, "end "+string(end.Result)+" "+strings.Join(end.Agreed, ","))
}

var _ console.Calls = (*someCalls)(nil)

// TestACallStepByStep: number and code stand there only once the call was
// taken; wrong forms are said on the page; every deed reaches the desk below.
func TestACallStepByStep(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	at := hanakos.Path()
	if page := b.get("/calls").Body.String(); !strings.Contains(page, at) || strings.Contains(page, "hanako\"") || strings.Contains(page, "78") {
		t.Error("the queue lacks the call, or shows more than it should")
	}
	if page := b.get(at).Body.String(); strings.Contains(page, "090-1234-5678") || strings.Contains(page, `class="match`) {
		t.Error("number or code before the call was taken")
	}
	for _, refused := range []console.CallRef{blocked, later} {
		if page := b.get(refused.Path()).Body.String(); strings.Contains(page, "/take\"") {
			t.Errorf("%s can be taken", refused.ID)
		}
		if w := b.post(refused.Path() + "/take"); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("take %s: %d, want the page with what is wrong", refused.ID, w.Code)
		}
	}
	if w := b.post(at + "/take"); w.Code != http.StatusSeeOther {
		t.Fatalf("take: %d", w.Code)
	}
	page := b.get(at).Body.String()
	for _, want := range []string{"090-1234-5678", "<span>4</span> <span>7</span>", "けっしてたずねない", "二人目の確認がいります", "1002"} {
		if !strings.Contains(page, want) {
			t.Errorf("the script lacks %q", want)
		}
	}
	for name, c := range map[string]struct {
		form []string
		want int
	}{
		at + "/order": {[]string{"order", "1002", "mark", "not_own"}, http.StatusSeeOther},
		at + "/vouch": {[]string{"recovery", "111-111", "reason", "hears it"}, http.StatusUnprocessableEntity},
		at + "/end":   {[]string{"result", "reached"}, http.StatusUnprocessableEntity},
	} {
		if w := b.post(name, c.form...); w.Code != c.want {
			t.Errorf("POST %s: %d, want %d", name, w.Code, c.want)
		}
	}
	if w := b.post(at+"/vouch", "recovery", "123-456"); w.Code != http.StatusForbidden {
		t.Errorf("vouch without a reason: %d, want refused", w.Code)
	}
	if w := b.post(at+"/vouch", "recovery", "123-456", "reason", "she reads it"); w.Header().Get("Location") != at+"?said=asked" {
		t.Errorf("vouch leads to %s", w.Header().Get("Location"))
	}
	if w := b.post(at+"/end", "result", "reached", "code_read", "yes", "agreed", "card"); w.Header().Get("Location") != "/calls?said=call.end.reached" {
		t.Errorf("end leads to %s", w.Header().Get("Location"))
	}
	want := "take|mark 1002 not_own|vouch she reads it|end reached card"
	if got := strings.Join(p.calls.order, "|"); got != want {
		t.Errorf("done: %s, want %s", got, want)
	}
	if page := b.get("/calls?said=call.end.reached").Body.String(); !strings.Contains(page, "確認のメール") {
		t.Error("nothing is said after the call")
	}
}

// TestAColleaguesCallIsNotShown: who has not taken it sees neither number nor
// code, and roles without calls do not see the tab.
func TestAColleaguesCallIsNotShown(t *testing.T) {
	p := newPlace(t)
	agent, lead := p.signIn("agent"), p.signIn("lead")
	agent.post(hanakos.Path() + "/take")
	page := lead.get(hanakos.Path()).Body.String()
	if strings.Contains(page, "090-1234-5678") || !strings.Contains(page, "ほかの担当者が受け持っています") {
		t.Error("a colleague's call shows its number")
	}
	admin := p.signIn("admin")
	if page := admin.get("/me").Body.String(); strings.Contains(page, `href="/calls"`) {
		t.Error("an admin is offered the calls")
	}
	if w := admin.get("/calls"); w.Code != http.StatusForbidden {
		t.Errorf("GET /calls by an admin: %d, want refused", w.Code)
	}
	if w := agent.get("/calls/xx/call_1"); w.Code != http.StatusNotFound {
		t.Errorf("a call that cannot be: %d", w.Code)
	}
	if err := p.calls.TakeCall(t.Context(), admin.p.people["admin"].Person.Actor(), later); !errors.Is(err, mimamori.ErrConflict) {
		t.Error(err)
	}
}

func TestCallsHaveEveryWord(t *testing.T) {
	text, err := console.Texts()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{"due.": names(support.Dues), "end.": append(names(support.Results), "missed"), "mark.": {"own", "not_own"}, "lang.": {"ja", "en"},
		"callstate.":     names([]support.CallState{support.CallAsked, support.CallTaken, support.CallMissed, support.CallDone, support.CallWithdrawn}),
		"said.call.end.": append(names(support.Results), "missed"), "said.call.": {"take", "back", "order", "vouch"}, "problem.call.": {"take", "moved", "result", "code", "vouch", "vouch.many"}}
	for prefix, list := range keys {
		for _, k := range list {
			if !text.Has(prefix + k) {
				t.Errorf("no text for %s%s", prefix, k)
			}
		}
	}
}

// TestCallInBrowser goes through a call as an agent does, pressing what is on
// the page, without JavaScript.
func TestCallInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a few seconds")
	}
	ctx := webtest.Browser(t)
	p := newPlace(t)
	b := p.signIn("agent")
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie") // __Host- and Secure: over plain HTTP the test carries them
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		p.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	err := chromedp.Do(ctx, webtest.Size(webtest.Desk, false), webtest.NoScript(),
		chromedp.Navigate(site.URL+"/calls"), chromedp.Click(chromedp.CSS(`a[href="`+hanakos.Path()+`"]`)),
		chromedp.WaitVisible(chromedp.CSS(`form[action$="/take"] button`)), chromedp.Click(chromedp.CSS(`form[action$="/take"] button`)),
		chromedp.WaitVisible(chromedp.CSS(`.match`)), chromedp.Click(chromedp.CSS(`#order-1 button[value=not_own]`)),
		chromedp.WaitVisible(chromedp.CSS(`#order-1 button[value=not_own][aria-pressed=true]`)),
		chromedp.Click(chromedp.CSS(`input[name=result][value=reached]`)), chromedp.Click(chromedp.CSS(`form[action$="/end"] button[type=submit]`)),
		chromedp.WaitVisible(chromedp.CSS(`#problem`)), // the digits were not read out
		chromedp.Click(chromedp.CSS(`input[name=code_read]`)), chromedp.Click(chromedp.CSS(`input[name=agreed]`)), chromedp.Click(chromedp.CSS(`input[name=result][value=reached]`)),
		chromedp.Click(chromedp.CSS(`form[action$="/end"] button[type=submit]`)), chromedp.WaitVisible(chromedp.CSS(`.said`)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(p.calls.order, "|"), "take|mark 1002 not_own|end reached card"; got != want {
		t.Errorf("done: %s, want %s", got, want)
	}
}
