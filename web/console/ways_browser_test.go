package console_test

import (
	"context"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/staff"
	"mimamori/web/console"
	"mimamori/web/webtest"
)

// seat is somebody at a real browser before a console of our own.
type seat struct {
	*place
	ctx  context.Context
	axe  webtest.Axe
	site string
	lang string
}

// newSeat serves a console at localhost, where passkeys work without TLS.
func newSeat(t *testing.T, lang string) *seat {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s := &seat{ctx: webtest.Browser(t), axe: webtest.LoadAxe(t), site: "http://localhost:" + port, lang: lang}
	s.place = newPlace(t, func(o *console.Options) {
		o.PlainHTTP = true
		o.Staff.URL = s.site
		rules := staff.PasskeyRules{Domain: "localhost", Name: "Mimamori", Origin: s.site}
		if err := o.Desk.UsePasskeys(rules); err != nil {
			t.Fatal(err)
		}
	})
	server := httptest.NewUnstartedServer(s.handler)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections() // a page still open watches for news
		server.Close()
	})
	s.do(webtest.Size(webtest.Desk, false), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
		return err
	}))
	s.cookie("mimamori-lang", lang)
	return s
}

func (s *seat) do(actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, actions...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seat) cookie(name, value string) {
	s.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: s.site})
		return err
	}))
}

// look takes a picture and lets axe-core look too.
func (s *seat) look(name string) *seat {
	s.t.Helper()
	if err := webtest.Screenshot(s.ctx, os.Getenv("SHOTS_DIR"), "ways-"+name+"-"+s.lang); err != nil {
		s.t.Error(err)
	}
	found, err := s.axe.Violations(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, v := range found {
		s.t.Errorf("%s in %s: axe-core: %s", name, s.lang, v)
	}
	for _, width := range []int{webtest.Phone, webtest.Desk} {
		s.do(webtest.Size(width, false))
		if px, err := webtest.Wider(s.ctx); err != nil || px > 0 {
			s.t.Errorf("%s at %d: %d pixels wider than the window (%v)", name, width, px, err)
		}
		small, err := webtest.SmallTargets(s.ctx)
		if err != nil || len(small) > 0 {
			s.t.Errorf("%s at %d: under 44 pixels: %q, %v", name, width, small, err)
		}
		if width == webtest.Phone {
			if err := webtest.Screenshot(s.ctx, os.Getenv("SHOTS_DIR"), "ways-"+name+"-phone"); err != nil {
				s.t.Error(err)
			}
		}
	}
	return s
}

func ask[T any](s *seat, expression string) T {
	s.t.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *seat) open(path string) *seat {
	s.t.Helper()
	s.do(chromedp.Navigate(s.site + path))
	return s
}

// press clicks what is seen first of those that match, and waits until the
// address or the text says that it worked.
func (s *seat) press(selector, until string) *seat {
	s.t.Helper()
	if !ask[bool](s, `(() => { const e = [...document.querySelectorAll("`+selector+`")].find(x => x.offsetParent !== null); if (e) setTimeout(() => e.click()); return !!e; })()`) { // answered before the page goes away
		s.t.Fatalf("nothing to press at %s on %s", selector, s.text())
	}
	deadline := time.Now().Add(20 * time.Second)
	for !s.holds(until) {
		if time.Now().After(deadline) {
			s.t.Fatalf("pressed %s; %s never became true on %s: %s", selector, until, ask[string](s, `location.href`), s.text())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return s
}

// holds asks the page. One that goes away at this moment does not answer.
func (s *seat) holds(until string) bool {
	yes, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](until))
	return err == nil && yes
}

func (s *seat) text() string {
	return ask[string](s, `document.body ? document.body.innerText.slice(0, 1500) : ""`)
}

func (s *seat) types(id, value string) *seat {
	s.t.Helper()
	ask[bool](s, `(() => { const e = document.getElementById("`+id+`"); e.value = `+quote(value)+`; return true; })()`)
	return s
}

func quote(v string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"` }

// signsIn goes through the form with password and code.
func (s *seat) signsIn(login string) *seat {
	s.t.Helper()
	who := s.people[login]
	typed, err := code.TOTP(who.Secret, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.open("/sign-in").types("login", login).types("password", who.Password).types("code", typed).
		press("form.ask button[type=submit]", `location.pathname !== "/sign-in"`)
}

const ready = ` && document.readyState === "complete" && document.querySelector("h1") !== null`

// TestPasskeyWay: a lead adds a passkey, signs out, and signs in with it alone.
func TestPasskeyWay(t *testing.T) {
	s := newSeat(t, "ja")
	s.open("/sign-in").look("01-sign-in")
	s.signsIn("lead").open("/me").look("02-me").types("pk-name", "青い鍵").press("[data-passkey-new]", `location.search === "?said=passkey"`+ready).look("03-me-passkey")
	if !strings.Contains(s.text(), "青い鍵") {
		t.Errorf("the passkey is not listed: %s", s.text())
	}
	s.press("form[action$='/leave'] button", `location.pathname === "/sign-in"`+ready)
	s.press("[data-passkey-get]", `location.pathname === "/"`+ready)
	list, err := s.desk.Sessions(t.Context(), s.people["lead"].Person.ID)
	if err != nil || list[0].Way != staff.ByPasskey || !list[0].Strong {
		t.Fatalf("the session: %+v, %v", list, err)
	}
	s.open("/me").look("04-me-again").press("form[action$='/remove'] button", `location.search === "?said=passkey_removed"`+ready)
}

// TestProvingAgainKeepsTheForm: what was typed stays while the passkey is
// shown, and the act goes through.
func TestProvingAgainKeepsTheForm(t *testing.T) {
	s := newSeat(t, "ja")
	s.signsIn("admin").open("/me").press("[data-passkey-new]", `location.search === "?said=passkey"`+ready)
	// The session was opened by a code; with a passkey there, that is not enough.
	s.open("/keys").look("05-keys-prove").types("name", "お店の本番")
	s.press("#make ~ form [data-passkey-get]", `document.querySelector("#make ~ form [data-proved]").hidden === false`)
	if got := ask[string](s, `document.getElementById("name").value`); got != "お店の本番" {
		t.Errorf("what was typed became %q", got)
	}
	s.press("#make ~ form button[type=submit]", `document.getElementById("secret") !== null`+ready).look("06-key-once")
	key := ask[string](s, `document.getElementById("secret").value`)
	if _, err := s.gate.Check(t.Context(), key); err != nil {
		t.Errorf("the key %q: %v", key, err)
	}
}

// TestKeyMadeAndReplaced is the key's whole life in a browser, in English.
func TestKeyMadeAndReplaced(t *testing.T) {
	s := newSeat(t, "en")
	s.signsIn("admin").open("/keys").types("name", "Shop, production").types("source", "midori").press("#make ~ form button[type=submit]", `document.getElementById("secret") !== null`+ready)
	old := ask[string](s, `document.getElementById("secret").value`)
	s.press("a.button", `document.getElementById("secret") === null`+ready).look("07-keys")
	ask[bool](s, `(document.querySelectorAll("details").forEach(d => d.open = true), true)`)
	s.look("08-keys-open").press("form[action$='/rotate'] button[type=submit]", `document.getElementById("secret") !== null`+ready).look("09-key-rotated")
	next := ask[string](s, `document.getElementById("secret").value`)
	for _, k := range []string{old, next} {
		if _, err := s.gate.Check(t.Context(), k); err != nil {
			t.Errorf("during the overlap: %v", err)
		}
	}
	s.open("/keys").look("10-keys-both")
	ask[bool](s, `(document.querySelectorAll("details").forEach(d => d.open = true), document.querySelectorAll("form[action$='/revoke'] input[name=reason]").forEach(i => i.value = "leaked"), true)`)
	s.press("form[action$='/revoke'] button[type=submit]", `location.search === "?said=revoked"`+ready)
	if !containsRow(s.audit.Rows, audit.KeyRevoke) {
		t.Error("the revocation is not in the record")
	}
}

func containsRow(rows []audit.Row, act audit.Act) bool {
	for _, r := range rows {
		if r.Act == act {
			return true
		}
	}
	return false
}

// TestInvitationWay: an administrator makes a link, the new person comes in by
// a passkey, and sees the queue.
func TestInvitationWay(t *testing.T) {
	s := newSeat(t, "en")
	s.signsIn("admin").open("/staff/"+s.people["agent"].Person.ID).look("19-person").open("/staff").look("20-staff").types("name", "鈴木 花").types("login", "suzuki@shop.example")
	ask[bool](s, `(document.querySelector("input[name=role][value=agent]").checked = true)`)
	s.press("#invite ~ form button[type=submit]", `document.getElementById("secret") !== null`+ready).look("21-invited")
	link, err := url.Parse(ask[string](s, `document.getElementById("secret").value`))
	if err != nil || !strings.HasPrefix(link.String(), s.site+"/invite/") {
		t.Fatalf("link %v, %v", link, err)
	}
	s.press("form[action$='/leave'] button", `location.pathname === "/sign-in"`+ready)
	s.open(link.Path).look("23-invitation")
	s.press("[data-passkey-new]", `location.pathname === "/me"`+ready).look("24-welcome")
	s.open("/")
	if !strings.Contains(s.text(), "鈴木") {
		t.Errorf("she is not at the queue: %s", s.text())
	}
	if status := ask[int](s, `(() => { const x = new XMLHttpRequest(); x.open("GET", "`+link.Path+`", false); x.send(); return x.status; })()`); status != 404 {
		t.Errorf("the used link answers %d, want 404", status)
	}
}

// TestTwoPeopleReset: lost ways in, two administrators, a link and six digits.
func TestTwoPeopleReset(t *testing.T) {
	s := newSeat(t, "ja")
	ctx := t.Context()
	second, err := s.desk.Create(ctx, s.flow.guard, s.people["admin"].Person.Actor(), staff.NewPerson{Login: "admin2", Name: "管理 二郎", Roles: []staff.Role{staff.Admin}})
	if err != nil {
		t.Fatal(err)
	}
	s.people["admin2"] = second
	s.signsIn("admin").open("/staff/"+s.people["agent"].Person.ID).look("30-person").types("why-reset", "端末をなくした")
	s.press("form[action$='/reset'] button[type=submit]", `document.getElementById("secret") !== null`+ready).look("31-digits")
	digits := ask[string](s, `document.getElementById("secret").value`)
	s.signsIn("admin2").open("/staff").look("32-resets").types("why-reset0", "本人に会って確かめた")
	s.press("form[action*='/resets/'] button[value=approve]", `document.getElementById("secret") !== null`+ready).look("33-reset-link")
	link, err := url.Parse(ask[string](s, `document.getElementById("secret").value`))
	if err != nil {
		t.Fatal(err)
	}
	s.open(link.Path).look("34-reset-invitation")
	s.types("digits", digits).types("password", "とても長いあいことばです")
	in, err := s.desk.Invited(ctx, strings.TrimPrefix(link.Path, "/invite/"))
	if err != nil {
		t.Fatal(err)
	}
	typed, _ := code.TOTP(in.Secret, time.Now())
	s.types("code", typed).press("form[action*='/invite/'] button[type=submit]", `location.pathname === "/me"`+ready)
	if !strings.Contains(s.text(), "佐藤 agent") {
		t.Errorf("he is not in: %s", s.text())
	}
}
