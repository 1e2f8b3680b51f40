package faulttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"mimamori/event"
	"mimamori/mail/mailbox"
	"mimamori/shop/shoptest"
)

// Case is one customer, her intruder, and what ought to be in the end.
type Case struct {
	Subject string
	Quiet   bool // no intruder: nothing may happen to her

	mu       sync.Mutex // guards all below
	his      *shoptest.Session
	hers     []*shoptest.Session
	word     time.Time     // when her word was acknowledged
	asked    time.Duration // the same by the steady clock, before it was said
	askedAt  time.Time     // that moment by the wall clock
	want     map[key]string
	muddled  map[key]bool    // both touched it, or the line may have hidden which came first
	orders   map[string]bool // order → his
	spent    int64
	back     time.Duration   // when she has set a new password, by the steady clock; 0: not yet
	early    []time.Duration // ways in that opened so long after her word, though the wait is longer
	recovers bool
}

type key struct {
	kind event.ResourceKind
	id   string
}

// from are where people sign in from; some of them behind relays and
// carriers' translators, whose addresses look odd.
var (
	home     = shoptest.Connection{IP: "106.72.45.10", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", AcceptLanguage: "ja"}
	hosting  = shoptest.Connection{IP: "45.76.100.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", AcceptLanguage: "ja"}
	oddPlace = []string{"45.76.100.1", "::ffff:45.76.100.1", "64:ff9b::2d4c:6401", "100.64.3.9", "2400:8500:1301:999::7", "2001:db8:1:2:dead:beef:1:2", "146.70.31.1", "41.78.72.14"}
)

// open registers the customer, with what the shop holds of her.
func (w *World) open(subject string, quiet bool) *Case {
	c := &Case{Subject: subject, Quiet: quiet, want: map[key]string{}, muddled: map[key]bool{}, orders: map[string]bool{}, recovers: w.between(0, 9) < 6}
	w.Shop.Customer(subject)
	a, err := w.Shop.Account(w.T.Context(), subject)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, r := range a.Resources {
		c.want[key{r.Kind, r.ID}] = canonical(r.Value)
	}
	w.cases = append(w.cases, c)
	return c
}

func canonical(raw []byte) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, _ := json.Marshal(v) // it was just read
	return string(b)
}

// intrude is the intruder at work, with the customer about her own things now
// and then, and her word in the end.
func (w *World) intrude(c *Case) {
	pause := func(most int) { time.Sleep(time.Duration(w.pick(most)) * time.Second) }
	if s, err := w.Shop.SignIn(c.Subject, home); err == nil {
		c.hers = append(c.hers, s)
	}
	pause(600)
	from := hosting
	from.IP = oddPlace[w.pick(len(oddPlace)-1)]
	his, err := w.Shop.SignIn(c.Subject, from)
	if err != nil {
		his, err = w.Shop.SignIn(c.Subject, home) // with her own device's token stolen
	}
	if err != nil {
		return // contained before he was in: the case is about that then
	}
	c.mu.Lock()
	c.his = his
	c.mu.Unlock()
	for n := range 3 + w.pick(7) {
		pause(60)
		if w.pick(3) == 0 && len(c.hers) > 0 {
			w.acts(c, c.hers[0], false, n)
		} else {
			w.acts(c, his, true, n)
		}
	}
	pause(900)
	w.says(c)
	pause(300)
	w.acts(c, his, true, 100) // if he is still in
}

// pick is a random number from 0 to most. Cases run beside each other, so it
// is taken under the world's lock.
func (w *World) pick(most int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Rand.IntN(most + 1)
}

// acts is one act on the account. What the customer does is wanted in the end;
// what the intruder does is not.
func (w *World) acts(c *Case, s *shoptest.Session, his bool, n int) {
	who := "hers"
	if his {
		who = "his"
	}
	set := func(kind event.ResourceKind, id string, value map[string]any) {
		if s.Set(kind, id, value) != nil {
			return
		}
		c.touch(key{kind, id}, his, value)
	}
	mark := fmt.Sprintf("%s-%s-%d", who, c.Subject, n)
	switch w.pick(9) {
	case 0:
		set(event.Address, "address-"+mark, map[string]any{"recipient": mark, "line": "大阪市北区1-1", "country": "JP"})
	case 1:
		set(event.PaymentMethod, "card-"+mark, map[string]any{"brand": "Visa", "last4": "9876", "expiry": "2028-01"})
	case 2:
		if his {
			set(event.Address, "home", map[string]any{"recipient": mark, "postal_code": "530-0001", "prefecture": "大阪府", "line": "梅田9-9", "country": "JP"})
		} else {
			set(event.Contact, "name", map[string]any{"name": mark})
		}
	case 3:
		if his {
			set(event.Contact, "phone", map[string]any{"phone": fmt.Sprintf("+81-80-%04d-%04d", w.pick(9999), n)})
		} else {
			set(event.Setting, "theme", map[string]any{"value": mark})
		}
	case 4:
		if his {
			set(event.Contact, "mail", map[string]any{"mail": mark + "@elsewhere.example"})
		}
	case 5:
		if his {
			set(event.Setting, "notify", map[string]any{"value": "off"})
		}
	case 6:
		if his && s.JoinMembership() == nil {
			c.touch(key{event.Subscription, "premium"}, true, nil)
		}
	case 7:
		amount := int64(1 + w.pick(99))
		if _, err := s.SpendPoints(amount, "gift"); err == nil {
			c.mu.Lock()
			c.spent += amount
			c.mu.Unlock()
		}
	default:
		if id, err := s.PlaceOrder(shoptest.Order{Amount: int64(1000 + w.pick(9000))}); err == nil {
			c.mu.Lock()
			c.orders[id] = his
			c.mu.Unlock()
			if his && w.pick(2) == 0 {
				_ = s.HideOrder(id)
			}
		}
	}
}

func (c *Case) touch(k key, his bool, value map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if his {
		return
	}
	b, _ := json.Marshal(value) // a map of texts
	c.want[k] = canonical(b)
}

// says is "that wasn't me", until it is heard.
func (w *World) says(c *Case) {
	body, _ := json.Marshal(map[string]any{"subject": c.Subject, "session": c.his.ID, "verdict": "not_me"})
	c.mu.Lock()
	c.asked, c.askedAt = w.steady(), time.Now()
	c.mu.Unlock()
	w.insist(func() bool {
		status, answer := w.call("POST", "/v1/reports", body)
		if status >= 400 && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			w.T.Errorf("her word for %s: %d %s", c.Subject, status, answer)
			return true
		}
		if status == 0 || status >= 400 {
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.word = time.Now()
		return true
	})
}

// insist tries until it works, or the world ends.
func (w *World) insist(do func() bool) bool {
	for wait := time.Second; !do(); wait = min(2*wait, time.Minute) {
		select {
		case <-w.stop:
			return false
		case <-time.After(wait):
		}
	}
	return true
}

// impatience tries to get in before the wait is over, as an intruder with the
// mailbox would, by whichever clock; what opens too early is noted.
func (w *World) impatience(c *Case) {
	for range 3 {
		if w.patient || !w.after(0, 110*time.Minute) {
			return
		}
		w.peek(c)
	}
}

// peek looks whether there is a way in, and notes one that opens too early.
func (w *World) peek(c *Case) {
	page, ok := w.forgot(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if waited := w.steady() - c.asked; ok && waited < 5*time.Hour && (reachForm.MatchString(page.body) || grantForm.MatchString(page.body)) {
		c.early = append(c.early, waited)
	}
}

// comeBack walks the customer back in, over and over until it works.
func (w *World) comeBack(c *Case) {
	w.insist(func() bool {
		page, ok := w.forgot(c)
		if !ok {
			return false
		}
		reach := reachForm.FindStringSubmatch(page.body)
		if reach == nil {
			return false
		}
		at, before := page.at, w.codes(c)
		page = page.post(at+"/send", url.Values{"reach": {reach[1]}})
		time.Sleep(time.Minute)
		codes := w.codes(c)
		if len(codes) == len(before) {
			return false
		}
		page = page.post(at+"/code", url.Values{"by": {"mail_code"}, "code": {codes[len(codes)-1]}})
		m := grantForm.FindStringSubmatch(page.body)
		if m == nil || w.Shop.SetPassword(c.Subject, "a new and long one", m[1]) != nil {
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.back = w.steady()
		return true
	})
}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	grantForm = regexp.MustCompile(`name="grant" value="([^"]+)"`)
	reachForm = regexp.MustCompile(`name="reach" value="([^"]+)"`)
)

// codes are the confirmation codes in her old mailbox, oldest first.
func (w *World) codes(c *Case) (out []string) {
	for _, m := range w.Mail.Messages(c.Subject + "@mail.example") {
		if d := mailbox.Decode(m.Raw, nil); strings.Contains(d.Subject, "確認コード") {
			out = append(out, sixDigits.FindString(d.Body))
		}
	}
	return out
}

// leaf is a page in a browser.
type leaf struct {
	w      *World
	client *http.Client
	at     string
	body   string
}

func (w *World) forgot(c *Case) (*leaf, bool) {
	body, _ := json.Marshal(map[string]any{"subject": c.Subject, "locale": "ja", "return_url": "http://localhost/password/new"})
	status, answer := w.call("POST", "/v1/recoveries", body)
	var to struct{ URL string }
	if status != http.StatusOK || json.Unmarshal(answer, &to) != nil {
		return nil, false
	}
	jar, _ := cookiejar.New(nil) // nil options never fail
	l := &leaf{w: w, client: &http.Client{Transport: doorsOf{w}, Jar: jar}}
	l = l.do("GET", to.URL, nil)
	return l, l.body != ""
}

func (l *leaf) post(path string, form url.Values) *leaf {
	return l.do("POST", l.w.living().app.Config.PublicURL+path, form)
}

func (l *leaf) do(method, to string, form url.Values) *leaf {
	l.body = ""
	r, err := http.NewRequest(method, to, strings.NewReader(form.Encode()))
	if err != nil {
		l.w.T.Error(err)
		return l
	}
	r.Header.Set("Accept-Language", "ja")
	r.RemoteAddr = "106.72.45.10:4000"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := l.client.Do(r)
	if err != nil {
		return l
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		l.body, l.at = string(body), resp.Request.URL.Path
	}
	return l
}

// doorsOf carries a browser's requests to whichever process lives.
type doorsOf struct{ w *World }

func (d doorsOf) RoundTrip(r *http.Request) (*http.Response, error) {
	l := d.w.living()
	if l.dead.Load() || d.w.Line.drops() {
		return nil, errDead
	}
	resp, err := shoptest.InProcess(l.app.Doors).RoundTrip(r)
	if l.dead.Load() || d.w.Line.drops() {
		return nil, errDead
	}
	return resp, err
}

// readGrant reads a grant's claims; that it is good is asked at the door.
func readGrant(grant string) (subject, jti string, err error) {
	parts := strings.Split(grant, ".")
	if len(parts) != 3 {
		return "", "", fmt.Errorf("a grant has three parts, this has %d", len(parts))
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Sub, Jti string }
	if err == nil {
		err = json.Unmarshal(body, &claims)
	}
	return claims.Sub, claims.Jti, err
}
