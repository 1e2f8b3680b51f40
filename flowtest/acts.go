package flowtest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/mail/mailbox"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// Where people sign in from. The addresses are of networks of that kind.
var (
	HomePC = shoptest.Connection{IP: "106.72.45.10", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", AcceptLanguage: "ja"}
	Phone  = shoptest.Connection{IP: "49.98.140.7", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", AcceptLanguage: "ja-JP"}

	// The intruders.
	Hosting   = shoptest.Connection{IP: "45.76.100.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", AcceptLanguage: "ja"}
	RelayPC   = shoptest.Connection{IP: "146.70.31.1", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", AcceptLanguage: "en"}
	Somalia   = shoptest.Connection{IP: "41.78.72.14", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", AcceptLanguage: "en"}
	OtherHome = shoptest.Connection{IP: "133.106.32.1", UserAgent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", AcceptLanguage: "ja"}

	// The customer abroad, with a new phone.
	HotelNewPhone = shoptest.Connection{IP: "86.150.10.20", UserAgent: "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36", AcceptLanguage: "ja-JP"}
)

// Customer registers somebody at the shop, with two months behind her: PC in
// the evening, phone in between, an order a week.
func (h *Harness) Customer(subject string) {
	h.T.Helper()
	h.Shop.Customer(subject)
	var past []event.Event
	now := time.Now()
	for day := 62; day >= 1; day-- {
		at := now.Add(-time.Duration(day)*24*time.Hour + 20*time.Hour) // nine in the evening
		from, session := HomePC, fmt.Sprintf("past-%s-%d", subject, day)
		if day%2 == 0 {
			from, at = Phone, at.Add(-9*time.Hour)
		}
		past = append(past, h.past(subject, "login.attempted", at, map[string]any{"outcome": "succeeded", "session": session,
			"ip": from.IP, "user_agent": from.UserAgent, "accept_language": from.AcceptLanguage}))
		if day%7 == 0 {
			past = append(past, h.past(subject, "order.placed", at.Add(5*time.Minute), map[string]any{"session": session,
				"order": fmt.Sprintf("past-%s-%d", subject, day), "total": map[string]any{"amount": 3200 + 100*day, "currency": "JPY"}, "ship_to": "home", "payment": "card-1"}))
		}
	}
	if _, err := h.App.Intake.Take(context.Background(), past, intake.How{Past: true}); err != nil {
		h.T.Fatal(err)
	}
}

func (h *Harness) past(subject, kind string, at time.Time, data map[string]any) event.Event {
	raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprintf("%s-%s-%d", kind, subject, at.UnixNano()), "source": "shop", "type": kind,
		"subject": subject, "time": at.Format(time.RFC3339Nano), "data": data})
	if err != nil {
		h.T.Fatal(err)
	}
	e, err := event.DecodeLine(raw, time.Now(), event.Limits{AnyTime: true})
	if err != nil {
		h.T.Fatal(err)
	}
	return e
}

// SignIn signs in with the right password, with the device's token if it has
// one already, and expects to get in.
func (h *Harness) SignIn(subject string, from shoptest.Connection) *shoptest.Session {
	h.T.Helper()
	s, err := h.TrySignIn(subject, from)
	if err != nil {
		h.T.Fatalf("sign in as %s from %s: %v", subject, from.IP, err)
	}
	return s
}

// TrySignIn is SignIn that may be refused.
func (h *Harness) TrySignIn(subject string, from shoptest.Connection) (*shoptest.Session, error) {
	h.mu.Lock()
	from.Device = h.tokens[subject+from.UserAgent]
	h.mu.Unlock()
	return h.Shop.SignIn(subject, from)
}

// Incident is the newest incident of a customer.
func (h *Harness) Incident(subject string) *incident.Incident {
	h.T.Helper()
	h.Settle()
	all, err := h.App.Store.Incidents(context.Background(), mimamori.NewAccountID(subject))
	if err != nil {
		h.T.Fatal(err)
	}
	if len(all) == 0 {
		h.T.Fatalf("%s has no incident", subject)
	}
	return &all[0]
}

// NoIncident says that nothing was held against anybody.
func (h *Harness) NoIncident(subject string) {
	h.T.Helper()
	h.Settle()
	all, err := h.App.Store.Incidents(context.Background(), mimamori.NewAccountID(subject))
	if err != nil || len(all) != 0 {
		h.T.Fatalf("%s has incidents %v (%v), want none", subject, all, err)
	}
}

// ExpectState checks where the newest incident stands.
func (h *Harness) ExpectState(subject string, want incident.State) *incident.Incident {
	h.T.Helper()
	i := h.Incident(subject)
	if i.State != want {
		h.T.Fatalf("incident of %s is %s, want %s; needs %v", subject, i.State, want, i.NeedingPerson())
	}
	return i
}

// ShopAccount reads the account back from the shop itself.
func (h *Harness) ShopAccount(subject string) shop.Account {
	h.T.Helper()
	a, err := h.Shop.Account(context.Background(), subject)
	if err != nil {
		h.T.Fatal(err)
	}
	return a
}

// ExpectMail takes the next mail to an address whose subject has these words.
// Each mail is taken once; one that is left over fails the story.
func (h *Harness) ExpectMail(to, contains string) mailbox.Mail {
	h.T.Helper()
	h.Settle()
	for _, m := range h.Mail.Messages(to) {
		d := mailbox.Decode(m.Raw, nil)
		if !h.taken[m.ID] && strings.Contains(d.Subject, contains) {
			h.taken[m.ID] = true
			return d
		}
	}
	h.T.Fatalf("no mail to %s with %q; there are %v", to, contains, h.subjects())
	return mailbox.Mail{}
}

// MailCount is how many mails with these words reached an address.
func (h *Harness) MailCount(to, contains string) int {
	n := 0
	for _, m := range h.Mail.Messages(to) {
		if strings.Contains(mailbox.Decode(m.Raw, nil).Subject, contains) {
			n++
		}
	}
	return n
}

func (h *Harness) subjects() []string {
	var out []string
	for _, m := range h.Mail.Messages("") {
		out = append(out, m.To+": "+mailbox.Decode(m.Raw, nil).Subject)
	}
	return out
}

// Visitor is a browser: cookies kept, redirects followed, in process.
type Visitor struct {
	h      *Harness
	client *http.Client
	at     string
	Status int
	Page   string
	Header http.Header
}

// Browser opens a fresh one.
func (h *Harness) Browser() *Visitor {
	jar, _ := cookiejar.New(nil) // nil options never fail
	return &Visitor{h: h, client: &http.Client{Transport: shoptest.InProcess(h.App.Doors), Jar: jar}}
}

// Get opens a page; an address without a host is the centre's.
func (v *Visitor) Get(path string) *Visitor { return v.do("GET", path, nil) }

// Post sends a form, as the page's own button does.
func (v *Visitor) Post(path string, form url.Values) *Visitor { return v.do("POST", path, form) }

func (v *Visitor) do(method, path string, form url.Values) *Visitor {
	v.h.T.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.h.App.Config.PublicURL + path
	}
	r, err := http.NewRequest(method, path, strings.NewReader(form.Encode()))
	if err != nil {
		v.h.T.Fatal(err)
	}
	r.Header.Set("Accept-Language", "ja")
	r.RemoteAddr = "106.72.45.10:4000"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := v.client.Do(r)
	if err != nil {
		v.h.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.h.T.Fatal(err)
	}
	v.Status, v.Page, v.at, v.Header = resp.StatusCode, string(body), resp.Request.URL.Path, resp.Header
	return v
}

// Shows fails the story when the page lacks one of these words.
func (v *Visitor) Shows(words ...string) *Visitor {
	v.h.T.Helper()
	for _, w := range words {
		if !strings.Contains(v.Page, w) {
			v.h.T.Fatalf("%s (%d) does not show %q:\n%s", v.at, v.Status, w, text(v.Page))
		}
	}
	return v
}

var tags = regexp.MustCompile(`(?s)<(script|style|svg).*?</(script|style|svg)>|<[^>]*>`)

// text is a page without its tags.
func text(page string) string {
	var out []string
	for _, line := range strings.Split(tags.ReplaceAllString(page, "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// EnterCentre goes from the shop into the security centre.
func (h *Harness) EnterCentre(s *shoptest.Session) *Visitor {
	h.T.Helper()
	var to struct{ URL string }
	if status := h.Do("POST", "/v1/handoffs", map[string]any{"subject": s.Subject, "session": s.ID, "locale": "ja", "return_url": "http://localhost/account"}, &to); status != http.StatusOK {
		h.T.Fatalf("handoff: status %d", status)
	}
	return h.Browser().Get(to.URL)
}

// ForgotPassword begins a recovery and opens its page.
func (h *Harness) ForgotPassword(subject string) *Visitor {
	h.T.Helper()
	var to struct{ URL string }
	if status := h.Do("POST", "/v1/recoveries", map[string]any{"subject": subject, "locale": "ja", "return_url": "http://localhost/password/new"}, &to); status != http.StatusOK {
		h.T.Fatalf("recovery: status %d", status)
	}
	return h.Browser().Get(to.URL)
}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	grantForm = regexp.MustCompile(`name="grant" value="([^"]+)"`)
	reachForm = regexp.MustCompile(`name="reach" value="([^"]+)"`)
)

// Prove asks for a code on a recovery page, reads it in the mail that goes to
// the address, types it in, and gives the grant that the page then holds.
func (v *Visitor) Prove(mailAddr string) (grant string) {
	v.h.T.Helper()
	at := v.at
	reach := reachForm.FindStringSubmatch(v.Page)
	if reach == nil {
		v.h.T.Fatalf("the page offers no contact:\n%s", text(v.Page))
	}
	v.Post(at+"/send", url.Values{"reach": {reach[1]}})
	mailed := v.h.ExpectMail(mailAddr, "確認コード")
	if !sixDigits.MatchString(mailed.Body) {
		v.h.T.Fatalf("no code in the mail:\n%s", mailed.Body)
	}
	v.Post(at+"/code", url.Values{"by": {"mail_code"}, "code": {sixDigits.FindString(mailed.Body)}})
	m := grantForm.FindStringSubmatch(v.Page)
	if m == nil {
		v.h.T.Fatalf("no grant on the page after the code:\n%s", text(v.Page))
	}
	return m[1]
}

// Commands are the types of the commands that had an effect, in order.
func (h *Harness) Commands(subject string) []string {
	h.Settle()
	var out []string
	for _, e := range h.Shop.Effects() {
		if e.Command.Subject == subject {
			out = append(out, string(e.Command.Type))
		}
	}
	return out
}

// ExpectOnce checks that no command took effect twice.
func (h *Harness) ExpectOnce() {
	h.T.Helper()
	seen := map[string]bool{}
	for _, e := range h.Shop.Effects() {
		if seen[e.Command.ID] {
			h.T.Errorf("command %s (%s) took effect twice", e.Command.ID, e.Command.Type)
		}
		seen[e.Command.ID] = true
	}
}

type claims struct {
	ID      string `json:"jti"`
	Subject string `json:"sub"`
}

func readClaims(grant string) (claims, error) {
	var c claims
	parts := strings.Split(grant, ".")
	if len(parts) != 3 {
		return c, fmt.Errorf("grant has %d parts", len(parts))
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(body, &c)
}

// Held lists what an account has of a kind, by id.
func Held(a shop.Account, kind event.ResourceKind) []string {
	var out []string
	for _, r := range a.Resources {
		if r.Kind == kind {
			out = append(out, r.ID)
		}
	}
	slices.Sort(out)
	return out
}
