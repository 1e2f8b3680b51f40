package console_test

import (
	"strings"
	"testing"
	"time"

	"mimamori/factor/code"
	"mimamori/factor/phonetest"
	"mimamori/staff"
	"mimamori/web/console"
)

func withPasskeys(t *testing.T, required bool) *place {
	t.Helper()
	return newPlace(t, func(o *console.Options) {
		rules := staff.PasskeyRules{Domain: "desk.shop.example", Name: "Shop", Origin: "https://desk.shop.example", Required: required}
		if err := o.Desk.UsePasskeys(rules); err != nil {
			t.Fatal(err)
		}
	})
}

// session finds the one that a browser holds.
func (b *browser) session() staff.Session {
	b.p.t.Helper()
	s, _, err := b.p.desk.Session(b.p.t.Context(), b.cookies["__Host-mimamori-console"])
	if err != nil {
		b.p.t.Fatal(err)
	}
	return s
}

func (b *browser) bind() {
	b.p.t.Helper()
	s := b.session()
	options, err := b.p.desk.BeginPasskey(b.p.t.Context(), s)
	if err == nil {
		_, err = b.p.desk.FinishPasskey(b.p.t.Context(), s, "key", phonetest.New("desk.shop.example", "https://desk.shop.example").Bind(options))
	}
	if err != nil {
		b.p.t.Fatal(err)
	}
}

func TestE09_PagesStayShutWithoutAPasskey(t *testing.T) {
	p := withPasskeys(t, true)
	b := p.signIn("lead")
	b.post("/incidents/"+string(night)+"/reason", "why", "call")
	for _, path := range []string{"/", "/incidents/" + string(night), "/waiting", "/audit", "/staff", "/keys", "/live"} {
		if w := b.get(path); w.Code != 403 || !strings.Contains(w.Body.String(), "パスキー") {
			t.Errorf("%s by code alone: %d", path, w.Code)
		}
	}
	if w := b.post("/incidents/"+string(night)+"/contain", "reason", "x"); w.Code != 403 || len(p.flow.done) > 0 {
		t.Errorf("an act: %d, done %v", w.Code, p.flow.done)
	}
	if w := b.get("/me"); w.Code != 200 || !strings.Contains(w.Body.String(), "data-passkey-new") {
		t.Errorf("the page on which to set one up: %d", w.Code)
	}
}

func TestE09_ALeadsCodeIsNotEnoughOnceThereIsAPasskey(t *testing.T) {
	p := withPasskeys(t, false)
	b := p.signIn("lead")
	b.post("/incidents/"+string(night)+"/reason", "why", "call")
	b.bind()
	typed, _ := code.TOTP(p.people["lead"].Secret, time.Now().Add(30*time.Second))
	for _, deed := range []string{"release", "dismiss", "points"} {
		w := b.post("/incidents/"+string(night)+"/"+deed, "reason", "x", "entry", "pt_1", "code", typed)
		if w.Code != 403 || !strings.Contains(w.Body.String(), "パスキーで確かめる") {
			t.Errorf("%s with a code: %d", deed, w.Code)
		}
	}
	if len(p.flow.done) > 0 {
		t.Errorf("done: %v", p.flow.done)
	}
	if w := b.get("/incidents/" + string(night)); w.Code != 200 || !strings.Contains(w.Body.String(), "data-passkey-get") || strings.Contains(w.Body.String(), `name="code"`) {
		t.Errorf("the page does not ask for the passkey: %d", w.Code)
	}
}

// TestE09_NobodyChangesHimself: one's own roles and customer numbers are other
// people's to set.
func TestE09_NobodyChangesHimself(t *testing.T) {
	p := newPlace(t)
	b, id := p.signIn("admin"), p.people["admin"].Person.ID
	for _, what := range []string{"roles", "own", "disable"} {
		if w := b.post("/staff/"+id+"/"+what, "reason", "x", "role", "lead"); w.Code != 403 {
			t.Errorf("%s of oneself: %d, want 403", what, w.Code)
		}
	}
	if body := b.get("/staff/" + id).Body.String(); strings.Contains(body, "/roles") {
		t.Error("the own page offers it")
	}
	other := p.people["agent"].Person.ID
	if w := b.post("/staff/"+other+"/own", "reason", "he shops here", "own", "hanako\r\n"); w.Code != 303 {
		t.Fatalf("his customer number: %d", w.Code)
	}
	agent := p.signIn("agent")
	agent.post("/incidents/"+string(night)+"/reason", "why", "call")
	if w := agent.get("/incidents/" + string(night)); w.Code != 403 || !strings.Contains(w.Body.String(), "ご自身のお客様番号") {
		t.Errorf("his own incident: %d", w.Code)
	}
}

func TestDisabledPersonsPageIsGoneAtOnce(t *testing.T) {
	p := newPlace(t)
	b, agent := p.signIn("admin"), p.signIn("agent")
	if w := agent.get("/"); w.Code != 200 {
		t.Fatal(w.Code)
	}
	if w := b.post("/staff/"+p.people["agent"].Person.ID+"/disable", "reason", "left"); w.Code != 303 {
		t.Fatalf("disable: %d", w.Code)
	}
	if w := agent.get("/"); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
		t.Errorf("his next page: %d", w.Code)
	}
}

func TestD15_KeyIsShownOnce(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("admin")
	w := b.post("/keys", "name", "shop", "scope", "events", "days", "90")
	_, rest, _ := strings.Cut(w.Body.String(), "mimamori_")
	secret := "mimamori_" + rest[:min(len(rest), 70)]
	secret, _, _ = strings.Cut(secret, "<")
	if _, err := p.gate.Check(t.Context(), secret); w.Code != 200 || err != nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("made: %d, %v", w.Code, err)
	}
	if body := b.get("/keys").Body.String(); strings.Contains(body, secret) || !strings.Contains(body, "shop") {
		t.Error("the list shows the key itself, or not at all")
	}
}
