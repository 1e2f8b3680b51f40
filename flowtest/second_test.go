package flowtest

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/factor/code"
	"mimamori/incident"
	"mimamori/recovery"
	"mimamori/shop/shoptest"
)

var secretLink = regexp.MustCompile(`otpauth://[^"]*?secret=([A-Z2-7]+)`)

// appCode is what an authenticator app shows now.
func (h *Harness) appCode(secret string) string {
	h.T.Helper()
	time.Sleep(time.Minute) // each code is good once
	c, err := code.TOTP(secret, time.Now())
	if err != nil {
		h.T.Fatal(err)
	}
	return c
}

// AddAuthenticator adds an authenticator app on the page of the second step and
// gives its secret.
func (v *Visitor) AddAuthenticator() (secret string) {
	v.h.T.Helper()
	v.Post("/second-step/authenticator", url.Values{})
	m := secretLink.FindStringSubmatch(v.Page)
	if m == nil {
		v.h.T.Fatalf("no secret on %s (%d):\n%s", v.at, v.Status, text(v.Page))
	}
	v.Post(v.at, url.Values{"code": {v.h.appCode(m[1])}, "name": {"my phone"}})
	return m[1]
}

// heldFactors are the account's second steps in use.
func (h *Harness) heldFactors(subject string) []factor.Factor {
	h.T.Helper()
	list, err := h.App.Factors.List(context.Background(), mimamori.NewAccountID(subject))
	if err != nil {
		h.T.Fatal(err)
	}
	return list
}

// notMe is her word on a session: the account is contained.
func (h *Harness) notMe(his *shoptest.Session) {
	h.T.Helper()
	h.FastForward(time.Minute)
	h.Do("POST", "/v1/reports", map[string]any{"subject": his.Subject, "session": his.ID, "verdict": "not_me"}, nil)
	h.Settle()
}

// sendCode asks for a mailed code and reads it.
func (v *Visitor) sendCode(to string) string {
	v.h.T.Helper()
	v.Post(v.at+"/send", url.Values{"reach": {"mail"}})
	return sixDigits.FindString(v.h.ExpectMail(to, "確認コード").Body)
}

func (v *Visitor) give(by, typed string) *Visitor {
	v.h.T.Helper()
	return v.Post(strings.TrimSuffix(v.at, "/code")+"/code", url.Values{"by": {by}, "code": {typed}})
}

// TestA09_ASecondStepIsAskedForOnTheWayBack: an account with an authenticator
// does not open to a mailed code alone, nor by skipping ahead; with both it does.
func TestA09_ASecondStepIsAskedForOnTheWayBack(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		secret := h.EnterCentre(h.SignIn("hanako", HomePC)).AddAuthenticator()
		h.ExpectMail("hanako@mail.example", "確認方法が変わりました")
		v := h.ForgotPassword("hanako")
		page := v.at
		v.give("mail_code", v.sendCode("hanako@mail.example"))
		h.ExpectMail("hanako@mail.example", "手続き")
		if v.Get(page); grantForm.MatchString(v.Page) {
			t.Fatal("a mailed code alone gave a grant")
		}
		v.Shows("2つの確認")
		v.give("mail_code", "000000")
		if grantForm.MatchString(v.Get(page).Page) {
			t.Fatal("the same way twice gave a grant")
		}
		v.give("totp", h.appCode(secret))
		h.ExpectMail("hanako@mail.example", "手続き")
		if !grantForm.MatchString(v.Get(page).Page) {
			t.Errorf("both ways gave no grant:\n%s", text(v.Page))
		}
	})
}

// TestC4_AuthenticatorFromBeforeSkipsTheWait, but neither alone, nor by one that
// the intruder added; and what he added is gone (A21).
func TestA21_WhatTheIntruderBoundOpensNothing(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		secret := h.EnterCentre(h.SignIn("hanako", HomePC)).AddAuthenticator()
		h.ExpectMail("hanako@mail.example", "確認方法が変わりました")
		h.FastForward(time.Hour)
		his := h.SignIn("hanako", Hosting)
		c := h.EnterCentre(his).Get("/second-step")
		c.Shows("先に、ご本人の確認をお願いします")
		if c.Post("/second-step/authenticator", url.Values{}); secretLink.MatchString(c.Page) {
			t.Fatal("a risky visit was shown a new authenticator's secret")
		}
		// Even had he got one in, by whatever way, it goes.
		e, err := h.App.Factors.EnrolTOTP(context.Background(), mimamori.NewAccountID("hanako"), factor.Binding{Session: his.ID}, "", "x", "x")
		if err != nil {
			t.Fatal(err)
		}
		try := factor.Try{Account: mimamori.NewAccountID("hanako")}
		if err := h.App.Factors.FinishTOTP(context.Background(), try, e.ID, h.appCode(e.Secret)); err != nil {
			t.Fatal(err)
		}
		if err := h.App.Factors.Confirm(context.Background(), try.Account, e.ID); err != nil {
			t.Fatal(err)
		}
		h.notMe(his)
		i := h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		for _, f := range h.heldFactors("hanako") {
			if !f.BoundAt.Before(i.Start) {
				t.Errorf("%s bound at %s is left; the intrusion began at %s", f.ID, f.BoundAt, i.Start)
			}
		}
		v := h.ForgotPassword("hanako").Shows("待たずに進むには")
		page := v.at
		v.give("totp", h.appCode(e.Secret))
		if v.Get(page); grantForm.MatchString(v.Page) {
			t.Fatal("the intruder's authenticator skipped the wait")
		}
		v.give("totp", h.appCode(secret))
		h.ExpectMail("hanako@mail.example", "手続き")
		if v.Get(page); grantForm.MatchString(v.Page) {
			t.Fatal("the authenticator alone gave a grant: it is one proof of two")
		}
		v.give("mail_code", v.sendCode("hanako@mail.example"))
		h.ExpectMail("hanako@mail.example", "手続き")
		m := grantForm.FindStringSubmatch(v.Get(page).Page)
		if m == nil {
			t.Fatalf("authenticator and mailbox from before gave no grant in the wait:\n%s", text(v.Page))
		}
		if err := h.Shop.SetPassword("hanako", "a new and long one", m[1]); err != nil {
			t.Fatal(err)
		}
		h.ExpectMail("hanako@mail.example", "新しいパスワード")
		h.ExpectState("hanako", incident.Watching)
	})
}

// thereAndBack is an intrusion that hanako sees, up to her new password; it
// gives the incident as it stood in the wait.
func (h *Harness) thereAndBack() *incident.Incident {
	h.T.Helper()
	h.Customer("hanako")
	h.SignIn("hanako", HomePC)
	h.notMe(h.SignIn("hanako", Hosting))
	i := h.ExpectState("hanako", incident.Waiting)
	h.ExpectMail("hanako@mail.example", "パスワードを無効")
	h.FastForward(time.Until(i.WaitUntil) + time.Second)
	h.ExpectMail("hanako@mail.example", "設定できます")
	grant := h.ForgotPassword("hanako").Prove("hanako@mail.example")
	if err := h.Shop.SetPassword("hanako", "a new and long one", grant); err != nil {
		h.T.Fatal(err)
	}
	h.ExpectMail("hanako@mail.example", "手続き")
	h.ExpectMail("hanako@mail.example", "新しいパスワード")
	return i
}

// TestG08_TheMailboxDoesNotOpenTwice: after the second intrusion within the
// watch a mailed code is not enough, the wait is twice as long, and the page
// says to call.
func TestG08_TheMailboxDoesNotOpenTwice(t *testing.T) {
	Run(t, func(h *Harness) {
		first := h.thereAndBack()
		h.FastForward(time.Hour)
		if _, err := h.TrySignIn("hanako", OtherHome); err == nil {
			t.Error("an hour after the reset a stranger's phone is let in unasked")
		}
		h.notMe(h.SignIn("hanako", HomePC)) // he sits at her own computer
		second := h.Incident("hanako")
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		if got, want := second.WaitUntil.Sub(second.DecidedAt), 2*first.WaitUntil.Sub(first.DecidedAt); got < want-time.Minute {
			t.Errorf("the second wait is %s, want %s", got, want)
		}
		h.FastForward(time.Until(second.WaitUntil) + time.Minute)
		v := h.ForgotPassword("hanako")
		if v.Post(v.at+"/send", url.Values{"reach": {"mail"}}); reachForm.MatchString(v.Page) || grantForm.MatchString(v.Page) {
			t.Errorf("the mailbox alone goes on:\n%s", text(v.Page))
		}
	})
}

// TestSheComesBackOnAnotherDevice: who has just proven herself and chosen a new
// password is asked for one more proof on a device that nobody knows, and not
// locked out again.
func TestSheComesBackOnAnotherDevice(t *testing.T) {
	Run(t, func(h *Harness) {
		i := h.thereAndBack()
		h.FastForward(time.Minute)
		_, err := h.TrySignIn("hanako", RelayPC)
		if d := h.decided(); d != "challenge" {
			t.Errorf("a minute after the reset her sign-in from a strange device is answered %s (%v), want one more proof", d, err)
		}
		if now := h.ExpectState("hanako", incident.Watching); now.ID != i.ID {
			t.Errorf("a second incident %s was opened", now.ID)
		}
	})
}

// TestA13_NobodyIsInAfterAReset: a reset signs nobody in, and ends every visit
// from before.
func TestA13_NobodyIsInAfterAReset(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		visit := h.EnterCentre(pc)
		h.notMe(h.SignIn("hanako", Hosting))
		i := h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		if visit.Get("/logins"); visit.Status != http.StatusForbidden {
			t.Errorf("a visit from before the containment = %d, want 403", visit.Status)
		}
		h.FastForward(time.Until(i.WaitUntil) + time.Second)
		h.ExpectMail("hanako@mail.example", "設定できます")
		v := h.ForgotPassword("hanako")
		grant := v.Prove("hanako@mail.example")
		if err := h.Shop.SetPassword("hanako", "a new and long one", grant); err != nil {
			t.Fatal(err)
		}
		h.ExpectMail("hanako@mail.example", "手続き")
		h.ExpectMail("hanako@mail.example", "新しいパスワード")
		if n := h.ShopAccount("hanako").Sessions; n != 0 || pc.Alive() {
			t.Errorf("%d sessions after the reset, her old one alive: %v; want none", n, pc.Alive())
		}
		if v.Get("/logins"); v.Status != http.StatusForbidden {
			t.Errorf("the browser that recovered is in the centre: %d", v.Status)
		}
	})
}

// TestA14_AChangedMailboxIsHalfAProof, and TestA15: the code goes to the address
// from before, never to the one that was set ten days ago.
func TestA15_CodesGoToTheAddressFromBefore(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		h.FastForward(time.Hour)
		if err := pc.ChangeContact("mail", "someone@mail.example"); err != nil {
			t.Fatal(err)
		}
		h.FastForward(10 * 24 * time.Hour)
		for _, m := range h.Mail.Messages("") { // what the change and the days set off
			h.taken[m.ID] = true
		}
		v := h.ForgotPassword("hanako")
		page := v.at
		typed := v.sendCode("hanako@mail.example")
		if n := h.MailCount("someone@mail.example", "確認コード"); n != 0 {
			t.Errorf("%d codes went to the new address", n)
		}
		v.give("mail_code", typed)
		h.ExpectMail("hanako@mail.example", "手続き")
		if v.Get(page); grantForm.MatchString(v.Page) {
			t.Error("a mailbox in doubt gave a grant by itself (A14)")
		}
		h.Settle()
		for _, m := range h.Mail.Messages("someone@mail.example") {
			h.taken[m.ID] = true // T2: the new one hears of the steps too
		}
	})
}

// TestA18_EveryTransitionIsTold: start, failure, success and cancel each reach
// the address from before, once.
func TestA18_EveryTransitionIsTold(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		told := func(what string, steps, codes int) {
			t.Helper()
			h.Settle()
			if s, c := h.MailCount("hanako@mail.example", "手続き"), h.MailCount("hanako@mail.example", "確認コード"); s != steps || c != codes {
				t.Errorf("after %s: %d mails of steps and %d of codes, want %d and %d", what, s, c, steps, codes)
			}
		}
		v := h.ForgotPassword("hanako")
		told("beginning", 0, 0)
		v.sendCode("hanako@mail.example")
		told("a start", 0, 1)
		for range 7 { // the fifth wrong one is told, and no other
			v.give("totp", "000000")
			time.Sleep(time.Minute)
		}
		told("a failure", 1, 1)
		c := h.EnterCentre(pc)
		veto := regexp.MustCompile(`name="veto" value="([^"]+)"`).FindStringSubmatch(c.Get("/").Page)
		if veto == nil {
			t.Fatalf("no veto on her home page:\n%s", text(c.Page))
		}
		for range 2 {
			c.Post("/veto", url.Values{"veto": {veto[1]}})
		}
		told("a cancel", 2, 1)
		if v.Get(strings.TrimSuffix(v.at, "/code")); reachForm.MatchString(v.Page) || grantForm.MatchString(v.Page) {
			t.Errorf("after the veto his page goes on:\n%s", text(v.Page))
		}
		h.ForgotPassword("hanako").Prove("hanako@mail.example")
		told("a success", 3, 2)
		for _, m := range h.Mail.Messages("") {
			h.taken[m.ID] = true
		}
	})
}

// TestG05_TheOwnerStopsARecovery: a stranger's start changes nothing, shows the
// owner a veto at her known device, and after it no code helps him. From his own
// session nobody stops hers.
func TestG05_TheOwnerStopsARecovery(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		his := h.ForgotPassword("hanako")
		page := his.at
		typed := his.sendCode("hanako@mail.example") // say he reads the mailbox
		if !pc.Alive() || h.ShopAccount("hanako").Password != "set" {
			t.Error("a start changed something")
		}
		c := h.EnterCentre(pc).Get("/")
		id := regexp.MustCompile(`name="veto" value="([^"]+)"`).FindStringSubmatch(c.Page)
		stranger := h.EnterCentre(h.SignIn("hanako", OtherHome))
		if stranger.Post("/veto", url.Values{"veto": {id[1]}}); stranger.Status != http.StatusForbidden {
			t.Errorf("a veto from an unfamiliar device = %d, want 403", stranger.Status)
		}
		c.Post("/veto", url.Values{"veto": {id[1]}})
		h.ExpectMail("hanako@mail.example", "手続き")
		if his.Post(page+"/code", url.Values{"by": {"mail_code"}, "code": {typed}}); grantForm.MatchString(his.Get(page).Page) {
			t.Error("after the veto his code gave a grant")
		}
		for _, m := range h.Mail.Messages("") {
			h.taken[m.ID] = true
		}
	})
}

// TestA10_StepsOutOfOrderAreRefused: no later step works before the earlier
// ones, and trying changes nothing.
func TestA10_StepsOutOfOrderAreRefused(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		v := h.ForgotPassword("hanako")
		page := v.at
		record := func() recovery.Record {
			r, err := h.App.Store.RecoveryByToken(context.Background(), recovery.HashToken(strings.TrimPrefix(page, "/recover/")))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		before := record()
		v.Post(page+"/code", url.Values{"by": {"mail_code"}, "code": {"123456"}})
		v.Post(page+"/who", url.Values{"name": {"taro"}})
		if grantForm.MatchString(v.Get(page).Page) {
			t.Error("a grant before any proof")
		}
		if after := record(); after.Subject != before.Subject || len(after.Proofs) != 0 || !after.CodeAt.IsZero() || after.Wrong != before.Wrong {
			t.Errorf("steps out of order changed %+v to %+v", before, after)
		}
		h.notMe(h.SignIn("hanako", Hosting))
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		v = h.ForgotPassword("hanako")
		page, before = v.at, record()
		_ = before
		v.Post(page+"/send", url.Values{"reach": {"mail"}}) // in the wait
		v.Post(page+"/code", url.Values{"by": {"mail_code"}, "code": {"123456"}})
		v.Post(page+"/code", url.Values{"by": {"recovery_code"}, "code": {"AAAA-BBBB-CCCCC"}})
		if after := record(); !after.CodeAt.IsZero() || len(after.Proofs) != 0 || after.Sent != 0 {
			t.Errorf("in the wait a code was sent or taken: %+v", after)
		}
	})
}

// TestA04_GrantsAndHandoffsWorkOnce: of fifty at once, one.
func TestA04_GrantsAndHandoffsWorkOnce(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		var to struct{ URL string }
		h.Do("POST", "/v1/handoffs", map[string]any{"subject": "hanako", "session": pc.ID, "locale": "ja", "return_url": "http://localhost/account"}, &to)
		grant := h.ForgotPassword("hanako").Prove("hanako@mail.example")
		h.ExpectMail("hanako@mail.example", "手続き")
		claims, err := readClaims(grant)
		if err != nil {
			t.Fatal(err)
		}
		var entered, redeemed atomic.Int32
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if v := h.Browser().Get(to.URL); v.Status == http.StatusOK && v.at == "/" && strings.Contains(v.Page, "終了する") {
					entered.Add(1)
				}
			})
			wait.Go(func() {
				if status, _ := h.call("POST", "/v1/grants/"+claims.ID+"/redeem", nil); status == http.StatusOK {
					redeemed.Add(1)
				}
			})
		}
		wait.Wait()
		if entered.Load() != 1 || redeemed.Load() != 1 {
			t.Errorf("%d of 50 entered by one handoff and %d redeemed one grant, want 1 and 1", entered.Load(), redeemed.Load())
		}
		for _, forged := range []string{"/handoff/forged", "/handoff/" + strings.Repeat("A", 43)} {
			if v := h.Browser().Get(forged); v.Status != http.StatusNotFound {
				t.Errorf("%s = %d, want 404", forged, v.Status)
			}
		}
	})
}

// TestA22_TheRequestsHostIsNobodys: no address that we give out is made of what
// a request says of its host.
func TestA22_TheRequestsHostIsNobodys(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		var to struct{ URL string }
		h.Do("POST", "/v1/recoveries", map[string]any{"subject": "hanako", "locale": "ja", "return_url": "http://localhost/password/new"}, &to)
		if !strings.HasPrefix(to.URL, h.App.Config.PublicURL+"/recover/") {
			t.Errorf("the recovery is at %s, want below %s", to.URL, h.App.Config.PublicURL)
		}
		v := h.Browser()
		v.Get(to.URL)
		v.Post(v.at+"/send", url.Values{"reach": {"mail"}})
		if m := h.ExpectMail("hanako@mail.example", "確認コード"); strings.Contains(m.Body, "http") {
			t.Errorf("the mail holds an address to press:\n%s", m.Body)
		}
	})
}
