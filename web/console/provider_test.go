package console_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"mimamori"
	"mimamori/keys/keystest"
	"mimamori/staff"
	"mimamori/staff/company"
	"mimamori/staff/stafftest"
	"mimamori/web/console"
)

// someProvider answers as it is told, without any network.
type someProvider struct {
	id   staff.Identity
	err  error // of Begin
	back company.Back
}

func (p *someProvider) Begin(_ context.Context, back company.Back) (string, string, error) {
	p.back = back
	return "https://id.example/auth?x=1", "ref-1", p.err
}

func (p *someProvider) Finish(_ context.Context, ref string, q url.Values) (staff.Identity, company.Back, error) {
	if ref != "ref-1" || q.Get("state") != "good" {
		return staff.Identity{}, p.back, mimamori.ErrDenied
	}
	return p.id, p.back, nil
}

func (p *someProvider) SignOut(context.Context) string { return "https://id.example/end" }

func withProvider(t *testing.T) (*place, *someProvider) {
	t.Helper()
	said := &someProvider{id: staff.Identity{Issuer: "https://id.example", Subject: "1", Login: "mori", Name: "森", Roles: []staff.Role{staff.Agent}}}
	p := newPlace(t, func(o *console.Options) { o.Provider = said })
	p.desk.InCharge(nil)
	return p, said
}

// atCompany brings a browser in by the provider.
func (p *place) atCompany(to string) (*browser, *httptest.ResponseRecorder) {
	p.t.Helper()
	b := p.browser()
	if w := b.get("/sign-in/company?to=" + to); w.Code != 303 || w.Header().Get("Location") != "https://id.example/auth?x=1" {
		p.t.Fatalf("to the provider: %d %s", w.Code, w.Header().Get("Location"))
	}
	return b, b.get("/sign-in/callback?state=good&code=c")
}

func TestCompanySignIn(t *testing.T) {
	p, said := withProvider(t)
	if body := p.browser().get("/sign-in").Body.String(); !strings.Contains(body, "/sign-in/company") || strings.Contains(body, `name="password"`) {
		t.Error("the sign-in page does not lead to the company's")
	}
	b, w := p.atCompany("/calls")
	if w.Code != 303 || w.Header().Get("Location") != "/calls" {
		t.Fatalf("back: %d to %q: %s", w.Code, w.Header().Get("Location"), clip(w.Body.String(), 300))
	}
	if w := b.get("/"); w.Code != 200 || !strings.Contains(w.Body.String(), "森") {
		t.Errorf("the queue: %d", w.Code)
	}
	if w := b.get("/sign-in/callback?state=good&code=c"); w.Code != 403 {
		t.Errorf("the answer again, without its cookie: %d, want 403", w.Code)
	}
	other := p.browser()
	other.cookies["__Host-mimamori-company"] = "ref-of-another"
	if w := other.get("/sign-in/callback?state=good&code=c"); w.Code != 403 || other.cookies["__Host-mimamori-console"] != "" {
		t.Errorf("another browser's answer: %d, want 403", w.Code)
	}
	for _, evil := range []string{"//evil.example", "https://evil.example", "/\\evil.example"} {
		if _, w := p.atCompany(url.QueryEscape(evil)); w.Header().Get("Location") != "/" {
			t.Errorf("to %q leads to %q", evil, w.Header().Get("Location"))
		}
	}
	said.id.Roles, said.id.Subject = nil, "2"
	if _, w := p.atCompany("/"); w.Code != 403 || !strings.Contains(w.Body.String(), "役割がありません") {
		t.Errorf("no role: %d, %s", w.Code, clip(w.Body.String(), 200))
	}
	if w := b.post("/leave"); w.Header().Get("Location") != "/sign-in?said=left" || !strings.Contains(b.get("/sign-in?said=left").Body.String(), "/sign-in/left") {
		t.Error("leaving does not offer to leave the company's sign-in too")
	}
	if w := b.get("/sign-in/left"); w.Header().Get("Location") != "https://id.example/end" {
		t.Errorf("out of the company: %s", w.Header().Get("Location"))
	}
}

func TestProviderDownLeavesOneDoor(t *testing.T) {
	p, said := withProvider(t)
	said.err = errors.Join(mimamori.ErrUnavailable, errors.New("dial tcp 10.0.0.1: refused"))
	w := p.browser().get("/sign-in/company")
	if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "応答しません") || !strings.Contains(body, "/sign-in/local") || strings.Contains(body, "10.0.0.1") {
		t.Errorf("down: %d, %s", w.Code, clip(body, 300))
	}
	if body := p.browser().get("/sign-in/local").Body.String(); !strings.Contains(body, `name="password"`) || !strings.Contains(body, "警報") {
		t.Error("the emergency entrance has no form, or does not say that it is watched")
	}
	b := p.signIn("admin") // fails the test if it does not open
	if w := b.get("/staff"); w.Code != 200 {
		t.Errorf("the administrator inside: %d", w.Code)
	}
}

func TestProvingAgainAtTheCompany(t *testing.T) {
	p, said := withProvider(t)
	b, _ := p.atCompany("/")
	old := b.cookies["__Host-mimamori-console"]
	if w := b.get("/me/again/company?to=/me"); w.Code != 303 || said.back.Session == "" || said.back.To != "/me" {
		t.Fatalf("again: %d, %+v", w.Code, said.back)
	}
	if w := b.get("/sign-in/callback?state=good&code=c"); w.Code != 303 || b.cookies["__Host-mimamori-console"] == old {
		t.Errorf("proved again: %d, and the token is the same", w.Code)
	}
	// Somebody else's word does not renew this session.
	b.get("/me/again/company?to=/me")
	said.id.Subject = "another"
	if w := b.get("/sign-in/callback?state=good&code=c"); w.Code != 403 {
		t.Errorf("another's word: %d, want 403", w.Code)
	}
}

// TestCertifiedProvider plays the way in against npm oidc-provider; see
// integrations/oidc.
func TestCertifiedProvider(t *testing.T) {
	command := os.Getenv("MIMAMORI_OIDC")
	if command == "" {
		t.Skip("make test-integrations ONLY=oidc runs this against a real provider")
	}
	for _, conform := range []string{"yes", "no"} { // groups in userinfo, groups in the ID token
		t.Run("conform "+conform, func(t *testing.T) { certified(t, strings.Fields(command), conform) })
	}
}

func certified(t *testing.T, command []string, conform string) {
	var handler http.Handler
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(desk.Close)
	at := strings.Replace(desk.URL, "127.0.0.1", "localhost", 1)
	issuer := startProvider(t, command, "CLIENT_SECRET=a-secret-of-the-test-with-32-chars", "REDIRECT="+at+"/sign-in/callback", "SIGNED_OUT="+at+"/sign-in", "CONFORM="+conform)
	ring, _ := keystest.New(t)
	config := company.Config{Issuer: issuer, ClientID: "desk", ClientSecret: "a-secret-of-the-test-with-32-chars", Redirect: at + "/sign-in/callback", SignedOut: at + "/sign-in",
		Scopes: []string{"openid", "profile", "groups"}, Roles: map[string][]staff.Role{"helpdesk": {staff.Agent}, "bosses": {staff.Lead}}, Strong: []string{"phr", "hwk"}}
	provider := func(change func(*company.Config)) *company.Provider {
		c := config
		change(&c)
		p, err := company.New(c, &stafftest.Memory{}, ring)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var used console.Provider = provider(func(*company.Config) {})
	p := newPlace(t, func(o *console.Options) { o.Provider, o.PlainHTTP = used, true })
	p.desk.InCharge(nil)
	handler = p.handler
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	as := func(sub, acr string, amr ...string) {
		t.Helper()
		raw, _ := json.Marshal(map[string]any{"sub": sub, "acr": acr, "amr": amr})
		resp, err := http.Post(issuer+"/test/as", "application/json", bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	open := func(path string) (int, string) {
		t.Helper()
		resp, err := client.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		return resp.StatusCode, body.String()
	}
	as("u-sato", "pwd", "pwd")
	if status, body := open("/sign-in/company?to=/me"); status != 200 || !strings.Contains(body, "佐藤 花") {
		t.Fatalf("in by the provider: %d\n%s", status, clip(body, 2000))
	}
	find := func(name string) staff.Person {
		t.Helper()
		list, err := p.desk.People(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(list, func(p staff.Person) bool { return p.Name == name })
		if at < 0 {
			t.Fatalf("nobody is called %s", name)
		}
		return list[at]
	}
	sato := find("佐藤 花")
	sessions := func() []staff.Session {
		t.Helper()
		list, err := p.desk.Sessions(t.Context(), sato.ID)
		if err != nil || len(list) == 0 {
			t.Fatalf("sessions: %v", err)
		}
		return list
	}
	if s := sessions()[0]; sato.Subject != "u-sato" || !slices.Equal(sato.Roles, []staff.Role{staff.Agent}) || s.Strong || s.Way != staff.ByProvider {
		t.Errorf("%+v in %+v", sato, s)
	}
	as("u-sato", "phr", "hwk", "user")
	if status, _ := open("/me/again/company?to=/me"); status != 200 || !sessions()[0].Strong {
		t.Errorf("proved anew with a passkey there: %d, %+v", status, sessions()[0])
	}
	// Another person at the same screen: the provider's own session is forgotten.
	forget := func() {
		t.Helper()
		u, _ := url.Parse(at)
		kept := jar.Cookies(u)
		jar, _ = cookiejar.New(nil)
		jar.SetCookies(u, slices.DeleteFunc(kept, func(c *http.Cookie) bool { return !strings.HasPrefix(c.Name, "mimamori-") }))
		client.Jar = jar
	}
	forget()
	as("u-guest", "phr", "hwk")
	if status, _ := open("/me/again/company?to=/me"); status != 403 {
		t.Errorf("somebody else proves himself in her place: %d, want 403", status)
	}
	// The guest is called sato there too; his subject is another.
	forget()
	if status, body := open("/sign-in/company"); status != 403 || !strings.Contains(body, "役割") {
		t.Errorf("a guest without a role: %d", status)
	}
	if status, body := open("/sign-in/left"); status != 200 || !strings.Contains(body, issuer) && !strings.Contains(body, "sign-in") {
		t.Errorf("out at the provider: %d, %s", status, clip(body, 300))
	}
	wrongSecret := provider(func(c *company.Config) { c.ClientSecret = "another-secret-of-the-test-32-chars" })
	gold := provider(func(c *company.Config) { c.ACR = []string{"phr"} })
	for name, x := range map[string]struct {
		p   *company.Provider
		acr string
		ok  bool
	}{"another client secret": {wrongSecret, "phr", false}, "an acr too low": {gold, "pwd", false}, "the acr that we ask for": {gold, "phr", true}} {
		as("u-boss", x.acr, "pwd")
		fresh, _ := cookiejar.New(nil)
		address, ref, err := x.p.Begin(t.Context(), company.Back{})
		if err != nil {
			t.Fatal(err)
		}
		back := walk(t, &http.Client{Jar: fresh}, address, at)
		id, _, err := x.p.Finish(t.Context(), ref, back)
		if (err == nil) != x.ok || x.ok && !slices.Equal(id.Roles, []staff.Role{staff.Lead}) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		if _, _, err := x.p.Finish(t.Context(), ref, back); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("%s, again: %v, want denied", name, err)
		}
	}
}

// walk follows the provider until it leads back, and gives what it says there.
func walk(t *testing.T, client *http.Client, address, home string) url.Values {
	t.Helper()
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), home) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider does not lead back: %d", resp.StatusCode)
	}
	return u.Query()
}

func startProvider(t *testing.T, command []string, env ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://localhost:") {
			return lines.Text()
		}
	}
	t.Fatal("the provider does not start")
	return ""
}
