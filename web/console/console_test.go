package console_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/bulk"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/factor/code"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/staff"
	"mimamori/undo"
	"mimamori/web/console"
)

func TestCatalogueHasEveryWord(t *testing.T) {
	text, err := console.Texts()
	if err != nil {
		t.Fatal(err)
	}
	want := func(prefix string, values ...string) {
		t.Helper()
		for _, v := range values {
			if !text.Has(prefix + v) {
				t.Errorf("no text for %s%s", prefix, v)
			}
		}
	}
	want("state.", names(incident.States)...)
	want("decision.", names([]decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain})...)
	want("rung.", names([]decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain})...)
	want("show.", names(console.Shows)...)
	want("owner.", names(console.Owners)...)
	want("outcome.", names(console.Outcomes)...)
	want("resolve.", names(console.Choices)...)
	want("reason.", console.Reasons...)
	want("resource.", names(event.ResourceKinds)...)
	want("action.", names([]undo.Action{undo.Keep, undo.Restore, undo.Remove, undo.Ask})...)
	want("stepstate.", names([]playbook.StepState{playbook.Pending, playbook.Ready, playbook.Retrying, playbook.Done, playbook.Refused, playbook.Skipped})...)
	want("notice.", names(notice.Kinds)...)
	want("noticestate.", names([]notice.State{notice.Queued, notice.Sent, notice.Failed, notice.Bounced, notice.Kept})...)
	want("role.", names(staff.Roles)...)
	for _, r := range staff.Roles {
		want("role."+string(r), ".may")
	}
	want("scope.", names(staff.Scopes)...)
	want("keystate.", names(staff.KeyStates)...)
	want("way.", names([]staff.Way{staff.ByCode, staff.ByPasskey, staff.ByProvider, staff.ByInvite})...)
	for _, n := range console.Overlaps {
		want("hours.", strconv.Itoa(n))
	}
	for _, n := range console.Lives {
		want("days.", strconv.Itoa(n))
	}
	for _, r := range staff.Roles {
		want("act.", names(r.Acts())...)
	}
	want("actor.", names([]mimamori.ActorKind{mimamori.ActorCustomer, mimamori.ActorStaff, mimamori.ActorShop, mimamori.ActorSystem})...)
	want("bulk.state.", names([]bulk.State{bulk.Draft, bulk.Asked, bulk.Running, bulk.Done, bulk.Stopped, bulk.Undoing, bulk.Undone, bulk.Dropped})...)
	want("bulk.item.", names(bulk.ItemStates)...)
	for _, prefix := range []string{"bulk.act.", "bulk.one.", "bulk.cost.", "bulk.undo."} {
		want(prefix, names(bulk.Acts)...)
	}
	want("link.", append(names(queue.LinkKinds), "campaign")...)
	want("age.", names(console.Ages)...)
	want("whose.", names(console.Whoses)...)
	want("group.", console.Kinds...)
	want("obligation.", names([]decide.Obligation{decide.SetPassword, decide.ReenterPayment, decide.ReenterAddress, decide.ReviewSubscriptions})...)
	want("refused.", "role", "reason", "own", "mass", "unknown", "same", "code", "passkey", "provider")
}

func names[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// pages are all pages as the lead sees them, after a proposal was made.
func (p *place) pages() (*browser, []string) {
	p.t.Helper()
	agent := p.people["agent"].Person.Actor()
	target := audit.Target{Incident: night, Account: mimamori.NewAccountID("hanako")}
	if _, err := p.flow.four.Propose(p.t.Context(), agent, staff.Proposal{Act: audit.PointsRestore, Target: target, Reason: "侵入者が使いました"}, nil); err != nil {
		p.t.Fatal(err)
	}
	b := p.signIn("lead")
	b.post("/incidents/"+string(night)+"/reason", "why", "call")
	b.post(hanakos.Path() + "/take")
	b.post("/live/reason", "to", oddOne.Query(), "why", "work")
	return b, append([]string{"/", "/?show=watch", "/?search=x", "/incidents/" + string(night), "/incidents/" + string(mall), "/waiting", "/audit", "/me", "/nowhere",
		"/?pick=1&kind=device&for=en", "/bulk", "/bulk/blk_draft", "/bulk/blk_running", "/bulk/blk_done",
		"/calls", hanakos.Path(), blocked.Path(), later.Path(), "/mails", "/mails/notices", "/live", "/live/one?" + oddOne.Query(), "/analysis",
		"/staff", "/keys", "/me/authenticator", "/staff/" + p.people["agent"].Person.ID}, append(append(append(numberPages, "/contacts"), alarmPages...), lawPages...)...)
}

func TestEveryPageHasItsWordsInBothLanguages(t *testing.T) {
	p := newPlace(t)
	b, pages := p.pages()
	pages = append(pages, "/sign-in")
	for _, lang := range []string{"ja", "en"} {
		b.cookies["mimamori-lang"] = lang
		for _, path := range pages {
			w := b.get(path)
			body := w.Body.String()
			if w.Code >= 500 || strings.Contains(body, "⟦") || strings.Contains(body, "ZgotmplZ") || !strings.Contains(body, "</html>") {
				t.Errorf("%s in %s: status %d, %q", path, lang, w.Code, missing(body))
			}
			if lang == "en" && path != "/sign-in" && strings.Contains(strings.ReplaceAll(body, "日本語", ""), "です") {
				t.Errorf("%s in English holds Japanese sentences", path)
			}
		}
	}
}

func missing(body string) string {
	at := strings.Index(body, "⟦")
	if at < 0 {
		return clip(body, 200)
	}
	return clip(body[at:], 80)
}

func clip(s string, n int) string { return s[:min(n, len(s))] }

func TestNobodySeesAnythingWithoutSigningIn(t *testing.T) {
	p := newPlace(t)
	for _, path := range []string{"/", "/incidents/" + string(night), "/waiting", "/audit", "/me"} {
		w := p.browser().get(path)
		if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") || w.Body.Len() > 200 {
			t.Errorf("%s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/incidents/" + string(night) + "/contain", "/waiting/prp_x", "/me/password", "/leave"} {
		if w := p.browser().post(path, "reason", "x"); w.Code != 303 || w.Header().Get("Location") != "/sign-in" {
			t.Errorf("POST %s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	if w := p.browser().get("/version?of=queue"); w.Code != 401 {
		t.Errorf("/version: %d, want 401", w.Code)
	}
	if len(p.flow.done) > 0 {
		t.Errorf("done: %v", p.flow.done)
	}
}

func TestSignInPage(t *testing.T) {
	p := newPlace(t)
	who := p.people["agent"]
	typed, _ := code.TOTP(who.Secret, time.Now())
	b := p.browser()
	if w := b.post("/sign-in", "login", "agent", "password", "wrong", "code", typed); w.Code != 403 || len(b.cookies) > 0 {
		t.Errorf("wrong password: %d, cookies %v", w.Code, b.cookies)
	}
	w := b.post("/sign-in", "login", "agent", "password", who.Password, "code", typed, "to", "/incidents/x")
	if w.Code != 303 || w.Header().Get("Location") != "/incidents/x" {
		t.Fatalf("sign-in: %d to %q", w.Code, w.Header().Get("Location"))
	}
	c := w.Result().Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.Name != "__Host-mimamori-console" || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie: %+v", c)
	}
	if w := b.get("/"); w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("queue: %d, %v", w.Code, w.Header())
	}
	if w := b.post("/leave"); w.Header().Get("Clear-Site-Data") == "" || b.cookies["__Host-mimamori-console"] != "" {
		t.Errorf("leave: %v, %v", w.Header(), b.cookies)
	}
}

func TestWayBackStaysHere(t *testing.T) {
	p := newPlace(t)
	for _, to := range []string{"//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:alert(1)"} {
		w := p.browser().get("/sign-in?to=" + strings.ReplaceAll(to, "\\", "%5C"))
		if !strings.Contains(w.Body.String(), `name="to" value="/"`) {
			t.Errorf("way back %q is kept", to)
		}
	}
}

func TestE02_E03_IncidentOpensWithAReasonOnly(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	path := "/incidents/" + string(night)
	if w := b.get(path); strings.Contains(w.Body.String(), "hanako") || !strings.Contains(w.Body.String(), "/reason") {
		t.Error("the incident is shown before a reason is given")
	}
	if w := b.post(path+"/reason", "why", "other"); w.Code != 400 {
		t.Errorf("“something else” without words: %d, want 400", w.Code)
	}
	b.post(path+"/reason", "why", "other", "words", "警察からの照会")
	before := len(p.audit.Rows)
	if w := b.get(path); !strings.Contains(w.Body.String(), "hanako") {
		t.Fatalf("the incident is not shown: %d", w.Code)
	}
	looks := 0
	for _, row := range p.audit.Rows[before:] {
		if row.Act == audit.LookIncident && row.Incident == night && row.Actor == p.people["agent"].Person.Actor() {
			looks++
		}
	}
	if looks != 1 {
		t.Errorf("%d looks recorded, want 1", looks)
	}
	if w := b.get("/incidents/" + string(mall)); strings.Contains(w.Body.String(), `class="incident"`) {
		t.Error("a reason for one incident opens another")
	}
}

func TestActsReachTheFlow(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	path := "/incidents/" + string(night)
	b.post(path+"/reason", "why", "work")
	for _, row := range []struct {
		deed, said, want string
		form             []string
	}{
		{"contain", "contain", "contain", nil},
		{"hold", "hold", "hold", nil},
		{"release", "asked", "release", []string{"reason", "she proved it"}},
		{"dismiss", "dismiss", "dismiss", []string{"reason", "it was her"}},
		{"plan", "plan", "plan", nil},
		{"undo", "undo", "undo v7", []string{"version", "v7"}},
		{"redo", "asked", "redo", nil},
		{"resolve", "resolve", "resolve address ad_1 before", []string{"kind", "address", "resource", "ad_1", "choice", "before"}},
		{"settle", "settle", "settle shipped o1", []string{"key", "shipped o1"}},
		{"judge", "judge", "judge s-odd intruder", []string{"session", "s-odd", "owner", "intruder"}},
		{"points", "points", "points pt_1", []string{"entry", "pt_1", "reason", "spent by the intruder"}},
		{"assign", "assign", "assign stf_x", []string{"to", "stf_x"}},
		{"retry", "retry", "retry run_1 4000", []string{"run", "run_1", "seq", "4000"}},
		{"wait", "wait", "wait 5h0m0s", []string{"hours", "5", "reason", "she asked"}},
		{"resend", "resend", "resend ntc_2", []string{"notice", "ntc_2"}},
		{"note", "note", "note called back", []string{"text", "called back"}},
	} {
		w := b.post(path+"/"+row.deed, row.form...)
		if w.Code != 303 || w.Header().Get("Location") != path+"?said="+row.said {
			t.Errorf("%s: %d to %q", row.deed, w.Code, w.Header().Get("Location"))
		}
		if !slices.Contains(p.flow.done, row.want) {
			t.Errorf("%s: done %v, want %q", row.deed, p.flow.done, row.want)
		}
	}
	n := len(p.flow.done)
	for _, bad := range [][]string{{"resolve", "choice", "burn"}, {"judge", "owner", "us"}, {"note", "text", " "}, {"explode"}} {
		if w := b.post(path+"/"+bad[0], bad[1:]...); w.Code != 400 && w.Code != 404 {
			t.Errorf("%v: %d", bad, w.Code)
		}
	}
	agent := p.signIn("agent")
	agent.post(path+"/reason", "why", "work")
	if w := agent.post(path+"/release", "reason", "x"); w.Code != 403 {
		t.Errorf("an agent releases: %d, want 403", w.Code)
	}
	if len(p.flow.done) != n {
		t.Errorf("refused acts were done: %v", p.flow.done[n:])
	}
}

func TestB05_DangerousActsTakeACodeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		b := p.signIn("lead")
		path := "/incidents/" + string(night)
		b.post(path+"/reason", "why", "work")
		time.Sleep(11 * time.Minute)
		if w := b.get(path); !strings.Contains(w.Body.String(), `name="code"`) {
			t.Error("the form does not ask for the code")
		}
		if w := b.post(path+"/points", "entry", "pt_1", "reason", "x"); w.Code != 403 || len(p.flow.done) > 0 {
			t.Errorf("without a code: %d, done %v", w.Code, p.flow.done)
		}
		old := b.cookies["__Host-mimamori-console"]
		typed, _ := code.TOTP(p.people["lead"].Secret, time.Now())
		if w := b.post(path+"/points", "entry", "pt_1", "reason", "x", "code", typed); w.Code != 303 || len(p.flow.done) != 1 {
			t.Errorf("with a code: %d, done %v", w.Code, p.flow.done)
		}
		if b.cookies["__Host-mimamori-console"] == old {
			t.Error("the session keeps its token")
		}
		if w := b.post(path + "/contain"); w.Code != 303 {
			t.Errorf("containing takes no code, and is never held up: %d", w.Code)
		}
	})
}

func TestForgottenScreenSignsItselfOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		b := p.signIn("agent")
		for range 40 {
			time.Sleep(time.Minute)
			b.get("/version?of=queue")
		}
		if w := b.get("/"); w.Code != 303 {
			t.Errorf("after 40 minutes of the script alone: %d, want the sign-in page", w.Code)
		}
	})
}

func TestE04_SecondPersonInThePages(t *testing.T) {
	p := newPlace(t)
	b, _ := p.pages()
	own := p.signIn("agent")
	id := "prp_"
	for part := range strings.SplitSeq(b.get("/waiting").Body.String(), `action="`) {
		if rest, ok := strings.CutPrefix(part, "/waiting/"); ok {
			id, _, _ = strings.Cut(rest, `"`)
		}
	}
	if w := own.get("/waiting"); strings.Contains(w.Body.String(), `value="approve"`) {
		t.Error("the one who asked is offered to approve")
	}
	if w := own.post("/waiting/"+id, "answer", "approve", "reason", "mine"); w.Code != 403 {
		t.Errorf("the one who asked approves: %d, want 403", w.Code)
	}
	if w := b.post("/waiting/"+id, "answer", "approve", "reason", ""); w.Code != 403 || len(p.flow.done) > 0 {
		t.Errorf("without a reason: %d", w.Code)
	}
	if w := b.post("/waiting/"+id, "answer", "approve", "reason", "checked"); w.Code != 303 || !slices.Contains(p.flow.done, "approved points.restore") {
		t.Errorf("another approves: %d, %v", w.Code, p.flow.done)
	}
	if w := b.post("/waiting/"+id, "answer", "approve", "reason", "again"); w.Code != 409 {
		t.Errorf("a second time: %d, want 409", w.Code)
	}
}

func TestE07_NothingIsShownInFullUnlessRevealed(t *testing.T) {
	p := newPlace(t)
	b, _ := p.pages()
	path := "/incidents/" + string(night)
	body := b.get(path).Body.String()
	for _, secret := range []string{"川崎市1-2-3", "080-9999-0000", "210-0001", "Mori", "090-1234-5678"} {
		if strings.Contains(body, secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
	if !strings.Contains(body, "•••• 4242") {
		t.Error("the card's last four digits are missing: the test looks at nothing")
	}
	w := b.post(path+"/reveal", "field", "phone:1", "reason", "call back")
	if !strings.Contains(w.Body.String(), "090-1234-5678") {
		t.Errorf("revealed: %d", w.Code)
	}
	if strings.Contains(b.get(path).Body.String(), "090-1234-5678") {
		t.Error("the value stays in clear afterwards")
	}
	if row := p.audit.Rows; !slices.ContainsFunc(row, func(r audit.Row) bool { return r.Act == audit.LookReveal }) {
		t.Error("the reveal is not recorded")
	}
}

func TestE08_TextFromOutsideStaysText(t *testing.T) {
	p := newPlace(t)
	b, pages := p.pages()
	for i, evil := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `{{.Me}}`, `</textarea><svg/onload=alert(1)>`} {
		p.flow.evil, p.analyst.evil = evil, evil
		if i > 0 && i%5 == 0 {
			break
		}
		for _, path := range pages {
			body := b.get(path).Body.String()
			for _, mark := range []string{"<script>alert", "<img src=x", "<svg/onload", "' onmouseover='alert"} {
				if strings.Contains(body, mark) {
					t.Errorf("%s with %q holds %q", path, evil, mark)
				}
			}
		}
	}
	if !strings.Contains(b.get(pages[3]).Body.String(), "alert(1)") {
		t.Error("the text does not reach the page: the test looks at nothing")
	}
}

func TestB04_OtherSitesCannotPost(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	path := "/incidents/" + string(night)
	b.post(path+"/reason", "why", "work")
	r := httptest.NewRequest("POST", path+"/contain", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.send(r); w.Code != 403 || len(p.flow.done) > 0 {
		t.Errorf("cross-site POST: %d, done %v", w.Code, p.flow.done)
	}
}

func TestAuditPageIsForThoseWhoMay(t *testing.T) {
	p := newPlace(t)
	b, _ := p.pages()
	b.get("/incidents/" + string(night))
	body := b.get("/audit").Body.String()
	if !strings.Contains(body, "お客様からお電話があったため") || !strings.Contains(body, string(night)) {
		t.Error("the record does not show the look with its reason")
	}
	if w := p.signIn("agent").get("/audit"); w.Code != 403 {
		t.Errorf("an agent reads the record: %d, want 403", w.Code)
	}
	if w := p.signIn("admin").get("/incidents/" + string(night)); strings.Contains(w.Body.String(), "hanako") {
		t.Error("an admin sees a customer")
	}
}

func TestOwnPassword(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	for _, row := range []struct {
		old, new string
		code     int
	}{
		{"wrong", "a long enough one", 400},
		{p.people["agent"].Password, "short", 400},
		{p.people["agent"].Password, "a long enough one", 303},
	} {
		if w := b.post("/me/password", "old", row.old, "new", row.new); w.Code != row.code || strings.Contains(w.Body.String(), "⟦") {
			t.Errorf("password %q to %q: %d, want %d", row.old, row.new, w.Code, row.code)
		}
	}
	if w := b.post("/me/sign-out"); w.Code != 303 {
		t.Error(fmt.Sprint("sign out others: ", w.Code))
	}
}
