package flowtest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/store/pgtest"
)

var (
	aToken    = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)
	aCallCode = regexp.MustCompile(`\b\d{3}-\d{3}\b`)
)

// plain is a page without what is random in it.
func plain(page string) string {
	return aCallCode.ReplaceAllString(aToken.ReplaceAllString(page, "TOKEN"), "CALL")
}

// TestA01_ThePagesReadAlike: for a customer, for one with a second step, for a
// name that nobody has, and for nobody: the same answers, byte for byte, at each
// step that needs no proof.
func TestA01_ThePagesReadAlike(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.Customer("taro")
		h.EnterCentre(h.SignIn("taro", HomePC)).AddAuthenticator()
		h.ExpectMail("taro@mail.example", "確認方法が変わりました")
		h.FastForward(time.Hour)
		walk := func(subject any) (steps []string) {
			var to struct{ URL string }
			h.Do("POST", "/v1/recoveries", map[string]any{"subject": subject, "locale": "ja", "return_url": "http://localhost/password/new"}, &to)
			v := h.Browser().Get(to.URL)
			page := v.at
			keep := func() { steps = append(steps, fmt.Sprint(v.Status, " ", plain(v.at), "\n", plain(v.Page))) }
			keep()
			v.Get(page + "/forgot-id")
			keep()
			v.Post(page+"/forgot-id", url.Values{"mail": {fmt.Sprint(subject, "@elsewhere.example")}})
			keep()
			v.Post(page+"/send", url.Values{"reach": {"mail"}})
			keep()
			for _, by := range []string{"mail_code", "totp", "recovery_code"} {
				v.Post(page+"/code", url.Values{"by": {by}, "code": {"123456"}})
				keep()
			}
			return steps
		}
		want := walk("hanako")
		for _, subject := range []any{"taro", "nobody-5f2a", nil} {
			for i, got := range walk(subject) {
				if got != want[i] {
					t.Errorf("step %d for %v reads differently:\n%s\nfor hanako:\n%s", i, subject, text(got), text(want[i]))
				}
			}
		}
		statuses := map[int]int{}
		for n := range 400 {
			subject := any("hanako")
			if n%2 == 1 {
				subject = fmt.Sprint("nobody-", n)
			}
			status, body := h.call("POST", "/v1/recoveries", []byte(fmt.Sprintf(`{"subject":%q,"locale":"ja","return_url":"http://localhost/password/new"}`, subject)))
			statuses[status]++
			if got, like := aToken.ReplaceAllString(string(body), "TOKEN"), `"url":"`+h.App.Config.PublicURL+`/recover/TOKEN"`; !strings.Contains(got, like) {
				t.Fatalf("recovery of %v: %s", subject, got)
			}
		}
		if statuses[http.StatusOK] != 400 {
			t.Errorf("statuses %v, want 400 times 200", statuses)
		}
		for _, m := range h.Mail.Messages("") {
			h.taken[m.ID] = true
		}
	})
}

// TestA03_NoSecretIsKept: what a browser or a mailbox holds is nowhere on the
// disk, nor in the log.
func TestA03_NoSecretIsKept(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		c := h.EnterCentre(pc)
		var secrets []string
		u, _ := url.Parse(h.App.Config.PublicURL)
		for _, cookie := range c.client.Jar.Cookies(u) {
			if cookie.Name != "mimamori-lang" {
				secrets = append(secrets, cookie.Value)
			}
		}
		totp := c.AddAuthenticator()
		h.ExpectMail("hanako@mail.example", "確認方法が変わりました")
		c.Post("/second-step/codes", url.Values{})
		saved := regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}`).FindAllString(c.Page, -1)
		h.ExpectMail("hanako@mail.example", "確認方法が変わりました")
		v := h.ForgotPassword("hanako")
		page := v.at
		for _, cookie := range v.client.Jar.Cookies(u) {
			if cookie.Name != "mimamori-lang" {
				secrets = append(secrets, cookie.Value)
			}
		}
		v.give("mail_code", v.sendCode("hanako@mail.example"))
		h.ExpectMail("hanako@mail.example", "手続き")
		v.Get(page).give("totp", h.appCode(totp))
		h.ExpectMail("hanako@mail.example", "手続き")
		grant := grantForm.FindStringSubmatch(v.Get(page).Page)
		if grant == nil || len(saved) != 10 || len(secrets) < 3 {
			t.Fatalf("the story came to no grant, or to %d codes and %d cookies", len(saved), len(secrets))
		}
		secrets = append(append(secrets, saved...), totp, strings.TrimPrefix(page, "/recover/"), grant[1])
		h.Settle()
		var kept bytes.Buffer
		files, _ := filepath.Glob(h.folder + "/data/*")
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			kept.Write(raw)
		}
		if h.address != "" {
			kept.Write(pgtest.Dump(t, h.address))
		}
		kept.WriteString(strings.Join(h.log.all(), ""))
		for i, s := range secrets {
			if bytes.Contains(kept.Bytes(), []byte(s)) || bytes.Contains(kept.Bytes(), []byte(strings.ReplaceAll(s, "-", ""))) {
				t.Errorf("secret %d of %d (%.4s…) is on the disk or in the log", i, len(secrets), s)
			}
		}
		if !bytes.Contains(kept.Bytes(), []byte("hanako")) {
			t.Error("the test reads nothing")
		}
	})
}

// TestA20_AnAgentVouchesAndSetsNoPassword: an agent's word counts for the page
// whose number the caller says; the grant is on her page and nowhere else, and
// the shop is told nothing.
func TestA20_AnAgentVouchesAndSetsNoPassword(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.EnterCentre(h.SignIn("hanako", HomePC)).AddAuthenticator() // and then she loses her phone
		h.ExpectMail("hanako@mail.example", "確認方法が変わりました")
		v := h.ForgotPassword("hanako")
		page, number := v.at, aCallCode.FindString(v.Page)
		other := aCallCode.FindString(h.ForgotPassword("hanako").Page) // a stranger's
		ai := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_ai"}
		if err := h.App.Desk.Vouch(context.Background(), ai, "taro", number); err == nil {
			t.Error("vouched for another account's recovery")
		}
		if err := h.App.Desk.Vouch(context.Background(), mimamori.Actor{Kind: mimamori.ActorCustomer, ID: "hanako"}, "hanako", number); err == nil {
			t.Error("a customer vouched for herself")
		}
		if err := h.App.Desk.Vouch(context.Background(), ai, "hanako", number); err != nil || other == number {
			t.Fatal(err)
		}
		h.ExpectMail("hanako@mail.example", "手続き")
		if !grantForm.MatchString(v.Get(page).Page) {
			t.Errorf("after the call her page goes no further:\n%s", text(v.Page))
		}
		for _, e := range h.Shop.Effects() {
			t.Errorf("the shop was told to do %s", e.Command.Type)
		}
	})
}

// TestA20_AVouchShortensNoWait: in the wait an agent's word opens nothing.
func TestA20_AVouchShortensNoWait(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.FastForward(10 * time.Minute)
		v := h.ForgotPassword("hanako")
		page, number := v.at, aCallCode.FindString(v.Page)
		his := h.SignIn("hanako", Hosting)
		h.notMe(his)
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		if err := h.App.Desk.Vouch(context.Background(), mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_ai"}, "hanako", number); err != nil {
			t.Fatal(err)
		}
		h.ExpectMail("hanako@mail.example", "手続き")
		if grantForm.MatchString(v.Get(page).Page) {
			t.Error("an agent's word gave a grant in the wait")
		}
	})
}

// TestB01_EverybodyIsOutWithinASecond: from the deciding act to the shop's
// answer, over five accounts.
func TestB01_EverybodyIsOutWithinASecond(t *testing.T) {
	Run(t, func(h *Harness) {
		for n := range 5 {
			who := fmt.Sprint("customer", n)
			h.Customer(who)
			s := h.SignIn(who, HomePC)
			his := h.SignIn(who, OtherHome)
			h.FastForward(time.Minute)
			began := time.Now()
			h.Do("POST", "/v1/reports", map[string]any{"subject": who, "session": his.ID, "verdict": "not_me"}, nil)
			h.Settle()
			if took := time.Since(began); took > time.Second || s.Alive() || his.Alive() {
				t.Errorf("%s: after %s hers lives %v, his %v", who, took, s.Alive(), his.Alive())
			}
			h.ExpectMail(who+"@mail.example", "パスワードを無効")
		}
	})
}

// TestB03_EachEntryHasItsOwnSecret: 256 bits, another one each time, and the
// one before ends with its session at the shop.
func TestB03_EachEntryHasItsOwnSecret(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		u, _ := url.Parse(h.App.Config.PublicURL)
		seen := map[string]bool{}
		var first *Visitor
		for range 5 {
			v := h.EnterCentre(pc)
			if first == nil {
				first = v
			}
			for _, cookie := range v.client.Jar.Cookies(u) {
				if cookie.Name == "mimamori-centre" {
					if len(cookie.Value) != 43 || seen[cookie.Value] {
						t.Errorf("secret %q is short, or was there before", cookie.Value)
					}
					seen[cookie.Value] = true
				}
			}
		}
		if len(seen) != 5 {
			t.Errorf("%d secrets for 5 entries", len(seen))
		}
		if err := pc.SignOut(); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if first.Get("/logins"); first.Status != http.StatusForbidden {
			t.Errorf("after signing out at the shop the visit answers %d, want 403", first.Status)
		}
		if first.Header.Get("Clear-Site-Data") == "" { // B08
			t.Error("the browser is not told to forget the visit")
		}
	})
}
