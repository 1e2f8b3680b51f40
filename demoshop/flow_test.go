package demoshop

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/client"
)

func place(t *testing.T, key string) Place {
	t.Helper()
	p, ok := PlaceByKey(key)
	if !ok {
		t.Fatalf("no place %s", key)
	}
	return p
}

// What Mimamori decides about a sign-in is what happens at the door.
func TestSignInHonoursTheDecision(t *testing.T) {
	for _, c := range []struct {
		decision string
		status   int
		in       bool
		state    string
	}{
		{client.Allow, 200, true, "open"},
		{client.Notify, 200, true, "open"},
		{client.Hold, 200, true, "open"},
		{client.Contain, 403, false, "ended"},
		{client.Challenge, 303, false, "pending"},
	} {
		t.Run(c.decision, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, 1)
				w.m.set(func(m *fakeMimamori) { m.decide[place(t, "lagos").IP] = c.decision })
				v := w.visitor("lagos")
				p, err := v.SignIn(t.Context(), Hanako, "asagao-kingyo-7")
				if err != nil || p.Status != c.status || p.In() != c.in {
					t.Errorf("SignIn = %d in %v %q, %v; want %d in %v", p.Status, p.In(), p.Headline, err, c.status, c.in)
				}
				my, _ := v.Get(t.Context(), "/my")
				if got := strings.HasSuffix(my.URL, "/my"); got != c.in {
					t.Errorf("then my page is %s, want in %v", my.URL, c.in)
				}
				var state string
				if err := w.shop.db.QueryRow(`SELECT state FROM session ORDER BY began_at DESC LIMIT 1`).Scan(&state); err != nil || state != c.state {
					t.Errorf("the session is %s, %v; want %s", state, err, c.state)
				}
			})
		})
	}
}

func TestChallengeCountsOnlyForItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		ip := place(t, "travel").IP
		w.m.set(func(m *fakeMimamori) { m.decide[ip] = client.Challenge })
		challenged := func() (*Visitor, string) {
			v := w.visitor("travel")
			p, _ := v.SignIn(t.Context(), Hanako, "asagao-kingyo-7")
			u, err := url.Parse(p.Leads)
			if err != nil || u.Host != "security.shop.test" || u.Query().Get("return_url") != "https://shop.test/signin/challenge" {
				t.Fatalf("a challenge leads to %q", p.Leads)
			}
			return v, filepath.Base(u.Path)
		}
		mine, id := challenged()
		other, _ := challenged()
		back := "/signin/challenge?challenge=" + id
		if p, _ := mine.Get(t.Context(), back); p.In() {
			t.Error("an open challenge let somebody in")
		}
		state := func(state, session string) {
			w.m.set(func(m *fakeMimamori) {
				s := m.challenges[id]
				s.State, s.Session = state, session
				m.challenges[id] = s
			})
		}
		session := strings.TrimPrefix(id, "ch_")
		state("passed", session)
		if p, _ := other.Get(t.Context(), back); p.In() {
			t.Error("another session's challenge let somebody in")
		}
		if p, _ := mine.Get(t.Context(), back); !p.In() {
			t.Errorf("a passed challenge = %d %s, want in", p.Status, p.Headline)
		}
		third, id3 := challenged()
		id, back = id3, "/signin/challenge?challenge="+id3
		state("passed", session)
		if p, _ := third.Get(t.Context(), back); p.In() {
			t.Error("a challenge that Mimamori holds to be another session's let somebody in")
		}
	})
}

// A containment that comes while a sign-in is being decided wins.
func TestContainmentOvertakesASignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		w.m.thinking = func() { w.command("a", "password.invalidate", Hanako, `{}`) }
		p, err := w.visitor("lagos").SignIn(t.Context(), Hanako, "asagao-kingyo-7")
		if err != nil || p.In() || w.truth().Sessions != 0 {
			t.Errorf("SignIn = %d %s, %v; want nobody in after password.invalidate", p.Status, p.Headline, err)
		}
	})
}

func TestWrongOnesReadAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		strip := func(p Page, name string) string { return strings.ReplaceAll(p.Body, name, "") }
		a, _ := w.visitor("cloud").SignIn(t.Context(), Hanako, "not this one")
		b, _ := w.visitor("cloud").SignIn(t.Context(), "nobodyhere", "not this one")
		if a.Status != b.Status || strip(a, Hanako) != strip(b, "nobodyhere") {
			t.Errorf("a wrong password = %d and an unknown name = %d read differently", a.Status, b.Status)
		}
		for _, name := range []string{Hanako, "nobodyhere"} {
			p, _ := w.visitor("cloud").Post(t.Context(), "/forgot", url.Values{"name": {name}})
			if p.Leads != "https://security.shop.test/recover/1" {
				t.Errorf("forgot %s leads to %q", name, p.Leads)
			}
		}
		w.m.set(func(m *fakeMimamori) {
			if got := strings.Join(m.recovered, " "); !regexp.MustCompile(`^hanako nobody-[0-9a-f]{20}$`).MatchString(got) {
				t.Errorf("recoveries = %s, want hanako and a stand-in for nobody", got)
			}
		})
		synctest.Wait()
		for _, e := range w.m.events {
			if bytes.Contains(e.Data, []byte("not this one")) || strings.Contains(e.Subject, "nobodyhere") {
				t.Errorf("an event tells what was typed: %s %s", e.Subject, e.Data)
			}
		}
	})
}

// R1: the old password leads to the way back; the grant, once, to a new one.
func TestWayBackAfterContainment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		v := w.in(HomePC)
		w.command("a", "password.invalidate", Hanako, `{}`)
		time.Sleep(time.Second)
		w.command("b", "sessions.revoke", Hanako, `{"before":"`+time.Now().Format(time.RFC3339Nano)+`","remembered":true}`)
		if p, _ := v.Get(t.Context(), "/my"); p.In() {
			t.Error("the session goes on after sessions.revoke")
		}
		p, _ := v.SignIn(t.Context(), Hanako, "asagao-kingyo-7")
		if p.Status != 403 || p.In() || !strings.Contains(p.Body, "https://security.shop.test/recover/1") {
			t.Errorf("the old password = %d %s, want the way back", p.Status, p.Headline)
		}
		if p, _ := v.SignIn(t.Context(), Hanako, "something else"); p.Status != 401 || strings.Contains(p.Body, "recover/1") {
			t.Errorf("a wrong password = %d, want the neutral answer", p.Status)
		}

		token := w.m.grant(Hanako, "jti-1", time.Now())
		set := func(grant, password string) Page {
			p, err := v.Post(t.Context(), "/password/new", url.Values{"grant": {grant}, "password": {password}, "again": {password}})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p, _ := v.Post(t.Context(), "/password/new", url.Values{"grant": {token}}); p.Status != 200 || !strings.Contains(p.Body, `name="again"`) {
			t.Errorf("the form = %d %s", p.Status, p.Headline)
		}
		for bad, why := range map[string]string{"short": "short", "asagao-kingyo-7": "the old one", "password123": "common", "hanako-2026!": "the user id"} {
			if p := set(token, bad); p.Status != 422 {
				t.Errorf("%s (%s) = %d, want it refused", bad, why, p.Status)
			}
		}
		if p := set(token[:len(token)-3]+"AAA", "himitsu-no-niwa-3"); p.Status != 403 {
			t.Errorf("a forged grant = %d, want 403", p.Status)
		}
		if p := set(token, "himitsu-no-niwa-3"); p.Status != 200 {
			t.Errorf("a good one = %d %s", p.Status, p.Headline)
		}
		if p := set(token, "himitsu-no-niwa-4"); p.Status != 403 {
			t.Errorf("the grant again = %d, want 403", p.Status)
		}
		if p, _ := v.SignIn(t.Context(), Hanako, "himitsu-no-niwa-3"); !p.In() {
			t.Errorf("the new password = %d %s, want in", p.Status, p.Headline)
		}
		es := w.m.reported(Hanako)
		found := false
		for _, e := range es {
			var c client.Change
			_ = json.Unmarshal(e.Data, &c)
			found = found || (e.Type == client.AccountChanged && c.Resource.Kind == "password" && c.Grant == "jti-1" && c.Command == "")
		}
		if !found {
			t.Error("no account.changed password names the grant")
		}
	})
}

// The grant's form comes from another origin; everything else must not.
func TestOtherOriginsCannotAct(t *testing.T) {
	w := newTown(t, 1)
	for path, want := range map[string]int{"/my/membership/join": 403, "/signin": 403, "/password/new": 403} {
		r := httptest.NewRequest("POST", "https://shop.test"+path, strings.NewReader("grant=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-site")
		r.Header.Set("Origin", "https://security.shop.test")
		rec := httptest.NewRecorder()
		w.shop.Handler().ServeHTTP(rec, r)
		ours := strings.Contains(rec.Body.String(), "<h1>")
		if rec.Code != want || ours != (path == "/password/new") {
			t.Errorf("POST %s from another origin = %d, our page %v", path, rec.Code, ours)
		}
	}
}

func TestGateIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		v := w.in(HomePC)
		until := time.Now().Add(5 * time.Hour)
		w.m.set(func(m *fakeMimamori) {
			m.gate = client.Gate{Decision: client.Hold, WaitUntil: &until, Text: client.Text{JA: "とめています。", EN: "Stopped."}}
		})
		before := w.truth()
		if id, p, _ := v.Order(t.Context(), "tea", "", "", nil); id != "" || p.Status != 403 || !strings.Contains(p.Body, "とめています。") {
			t.Errorf("an order on hold = %q, %d", id, p.Status)
		}
		for path, form := range map[string]url.Values{
			"/my/addresses":       {"recipient": {"x"}, "postal_code": {"1"}, "prefecture": {"x"}, "line": {"x"}},
			"/my/payments":        {"number": {"4242424242424242"}, "expiry": {"2030-01"}},
			"/my/contacts/phone":  {"value": {"+81900000"}},
			"/my/membership/join": {},
			"/my/points/spend":    {"gift": {"500"}},
			"/my/password":        {"old": {"asagao-kingyo-7"}, "password": {"himitsu-no-niwa-3"}},
		} {
			if p, _ := v.Post(t.Context(), path, form); p.Status != 403 || !strings.Contains(p.Body, "とめています。") {
				t.Errorf("%s on hold = %d %s", path, p.Status, p.Headline)
			}
		}
		if a := w.truth(); len(a.State.Resources) != len(before.State.Resources) || a.State.Points != before.State.Points || len(a.Purchases) != len(before.Purchases) {
			t.Errorf("something changed on hold: %+v", a)
		}

		w.m.set(func(m *fakeMimamori) {
			m.gate = client.Gate{Decision: client.Allow, Obligations: []string{client.ReenterPayment, client.ReenterAddress}}
		})
		if id, p, _ := v.Order(t.Context(), "tea", "", "", nil); id != "" || p.Status != 422 {
			t.Errorf("an order without entering again = %q, %d", id, p.Status)
		}
		var card, address map[string]any
		for _, r := range before.State.Resources {
			switch r.Kind {
			case "payment_method":
				card = r.Value
			case "address":
				address = r.Value
			}
		}
		again := url.Values{"number": {"４２４２ 4242 4242 4242"}, "expiry": {card["expiry"].(string)},
			"postal_code": {address["postal_code"].(string)}, "line": {address["line"].(string)}}
		id, p, _ := v.Order(t.Context(), "tea", "", "", again)
		if id == "" {
			t.Fatalf("an order with all entered again = %d %s", p.Status, p.Headline)
		}
		for _, e := range w.m.reported(Hanako) {
			var o client.Order
			_ = json.Unmarshal(e.Data, &o)
			if e.Type == client.OrderPlaced && o.Order == id && strings.Join(o.Reentered, " ") != "payment address" {
				t.Errorf("reentered = %v, want payment and address", o.Reentered)
			}
		}
	})
}

// While Mimamori is away the shop goes on: sign-ins are allowed, money acts ask
// again, what was told to be held stays held, and nothing of it is lost.
func TestShopGoesOnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 2)
		w.m.set(func(m *fakeMimamori) { m.away = true })
		v := w.in(HomePC)
		form := url.Values{"gift": {"500"}}
		p, _ := v.Post(t.Context(), "/my/points/spend", form)
		if !strings.Contains(p.Body, "confirm_password") {
			t.Errorf("points without the gate = %d %s, want the password asked", p.Status, p.Headline)
		}
		form.Set("confirm_password", "asagao-kingyo-7")
		if p, _ := v.Post(t.Context(), "/my/addresses", url.Values{"recipient": {"x"}, "postal_code": {"1"}, "prefecture": {"x"}, "line": {"x"},
			"confirm_password": {"asagao-kingyo-7"}}); p.Status != 200 {
			t.Errorf("an address with the password = %d %s", p.Status, p.Headline)
		}
		w.command("a", "account.hold", Hanako, `{"scopes":["points"]}`)
		if p, _ := v.Post(t.Context(), "/my/points/spend", form); p.Status != 403 {
			t.Errorf("held points without the gate = %d, want 403", p.Status)
		}
		w.m.set(func(m *fakeMimamori) { m.away = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		kinds := map[string]int{}
		for _, e := range w.m.reported(Hanako) {
			kinds[e.Type]++
		}
		if kinds[client.LoginAttempted] != 1 || kinds[client.AccountChanged] != 1 || w.all().Waiting != 0 {
			t.Errorf("afterwards Mimamori has %v and %d wait; want the sign-in and the address", kinds, w.all().Waiting)
		}
	})
}

// Nothing ships before Mimamori was told of the order, or while it is held.
func TestParcelWaitsForItsReportAndForTheHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		v := w.in(HomePC)
		w.m.set(func(m *fakeMimamori) { m.away = true })
		p, _ := v.Get(t.Context(), "/order?product=tea")
		form := url.Values{"product": {"tea"}, "address": {first(p.Body, `name="address" value="([^"]+)"`)}, "payment": {first(p.Body, `name="payment" value="([^"]+)"`)}}
		w.m.set(func(m *fakeMimamori) { m.away = false })
		if p, _ := v.Post(t.Context(), "/order", form); p.Status != 200 {
			t.Fatalf("order = %d %s", p.Status, p.Headline)
		}
		state := func() string { ps := w.truth().Purchases; return ps[len(ps)-1].State }
		w.command("h", "account.hold", Hanako, `{"scopes":["orders"]}`)
		time.Sleep(2 * time.Hour)
		if s := state(); s != "placed" {
			t.Errorf("a held order is %s after two hours, want placed", s)
		}
		w.command("r", "account.release", Hanako, `{"scopes":["orders"]}`)
		synctest.Wait()
		if s := state(); s != "shipped" {
			t.Errorf("after the release it is %s, want shipped", s)
		}
		w.m.set(func(m *fakeMimamori) { m.away = true })
		if _, err := w.shop.db.Exec(`UPDATE event SET state = 'waiting' WHERE id = (SELECT event FROM purchase ORDER BY placed_at DESC LIMIT 1)`); err != nil {
			t.Fatal(err)
		}
		if _, err := w.shop.db.Exec(`UPDATE purchase SET state = 'placed', due_at = ? WHERE state = 'shipped' AND placed_at = (SELECT max(placed_at) FROM purchase)`,
			micros(time.Now().Add(time.Minute))); err != nil {
			t.Fatal(err)
		}
		w.shop.wakeShipper()
		time.Sleep(30 * time.Minute)
		if s := state(); s != "placed" {
			t.Errorf("an order that Mimamori was not told of is %s, want placed", s)
		}
		time.Sleep(time.Hour)
		if s := state(); s != "shipped" {
			t.Errorf("an hour later it is %s, want shipped all the same", s)
		}
	})
}

func TestRememberedDeviceComesBackUntilRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		v := w.visitor(HomePC)
		form := url.Values{"name": {Hanako}, "password": {"asagao-kingyo-7"}, "remember": {"1"}, "from": {HomePC}}
		if p, _ := v.Post(t.Context(), "/signin", form); !p.In() {
			t.Fatalf("sign-in = %d", p.Status)
		}
		time.Sleep(24 * time.Hour)
		if p, _ := v.Get(t.Context(), "/my"); !p.In() {
			t.Error("a remembered device is not let in a day later")
		}
		w.command("a", "sessions.revoke", Hanako, `{"before":"`+time.Now().Add(time.Second).Format(time.RFC3339Nano)+`","remembered":true}`)
		if p, _ := v.Get(t.Context(), "/my"); p.In() {
			t.Error("it is let in after sessions.revoke")
		}
	})
}

// B7: no card number anywhere: not in the shop's files, not in what is told.
func TestCardNumberIsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 3)
		v := w.in(HomePC)
		if id, p, _ := v.AddCard(t.Context(), "5555 5555 5555 4444", "2030-01"); id == "" {
			t.Fatalf("no card: %d", p.Status)
		}
		w.m.set(func(m *fakeMimamori) { m.away = true }) // the password is asked: the number must not travel in that page
		p, _ := v.Post(t.Context(), "/my/payments", url.Values{"number": {"5105105105105100"}, "expiry": {"2030-01"}})
		if strings.Contains(p.Body, "5105105105105100") {
			t.Error("the page that asks for the password has the number in it")
		}
		files, _ := filepath.Glob(w.db + "*")
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []string{"5555555555554444", "5555 5555", "4242424242424242", "3566002020360505", "5105105105105100"} {
				if bytes.Contains(b, []byte(n)) {
					t.Errorf("%s holds %s", filepath.Base(f), n)
				}
			}
		}
		for _, e := range w.m.events {
			if bytes.Contains(e.Data, []byte("55555555")) {
				t.Errorf("an event tells a number: %s", e.Data)
			}
		}
	})
}

// Every page answers in both languages, for somebody signed in.
func TestEveryPageInBothLanguages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		v := w.in(HomePC)
		for _, lang := range []string{"ja", "en"} {
			for _, path := range []string{"/", "/products/tea", "/signin", "/forgot", "/forgot-id", "/password/new", "/order?product=tea", "/my", "/my/orders",
				"/my/addresses", "/my/payments", "/my/contacts", "/my/membership", "/my/points", "/my/password"} {
				sep := "?"
				if strings.Contains(path, "?") {
					sep = "&"
				}
				p, err := v.Get(t.Context(), path+sep+"lang="+lang)
				if err != nil || p.Status != http.StatusOK || !strings.Contains(p.Body, `<html lang="`+lang+`">`) || p.Headline == "" {
					t.Errorf("%s in %s = %d %q, %v", path, lang, p.Status, p.Headline, err)
				}
			}
		}
		if p, _ := v.Get(t.Context(), "/security"); p.Leads != "https://security.shop.test/in?h=1" {
			t.Errorf("the security centre leads to %q", p.Leads)
		}
		if p, _ := v.Get(t.Context(), "/nothing/here"); p.Status != 404 {
			t.Errorf("a page that is not there = %d", p.Status)
		}
	})
}
