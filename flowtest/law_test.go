package flowtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/incident"
	"mimamori/staff"
)

// TestF06_WhatTheIntruderSaw: the list is what the shop served to his session,
// page by page and field by field, and nothing of what she looked at herself;
// the report drafts its nine items from it; she is told once what may have been
// seen.
func TestF06_WhatTheIntruderSaw(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		hers := h.SignIn("hanako", HomePC)
		view := func(s interface{ View(string, ...string) error }, page string, fields ...string) {
			t.Helper()
			if err := s.View(page, fields...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		view(hers, "payment", "payment", "last4")
		his := h.SignIn("hanako", Hosting)
		view(his, "orders", "orders", "recipient")
		view(his, "addresses", "address", "phone")
		view(his, "orders", "orders", "name")
		nightActs(h, his)
		i := h.ExpectState("hanako", incident.Waiting)
		h.takeAllMails()

		rei := h.AtTheDesk("rei", staff.Lead)
		rei.Get("/law/incident/" + string(i.ID))
		if !strings.HasPrefix(rei.at, "/law/brc_") {
			t.Fatalf("the incident's report: %d at %s\n%s", rei.Status, rei.at, text(rei.Page))
		}
		report := rei.at
		rei.Shows("速報", "確報", "60日", "不正の目的")
		rei.Get(report + "/report.json")
		var d breach.Document
		if err := json.Unmarshal([]byte(rei.Page), &d); err != nil {
			t.Fatalf("%v in %s", err, rei.Page)
		}
		got := map[string][]string{}
		for _, p := range d.Seen {
			got[p.Page] = p.Fields
		}
		want := map[string][]string{"addresses": {"address", "phone"}, "orders": {"name", "orders", "recipient"}}
		if len(got) != len(want) || !slices.Equal(got["addresses"], want["addresses"]) || !slices.Equal(got["orders"], want["orders"]) {
			t.Errorf("he saw %v, was shown %v", got, want)
		}
		if len(d.Items) != 9 || !strings.Contains(d.Items[1].Text.JA, "電話番号") || strings.Contains(d.Items[1].Text.JA, "下4桁、") {
			t.Errorf("the items: %+v", d.Items)
		}
		if !d.Aware.At.Equal(i.DecidedAt) {
			t.Errorf("known since %s, decided at %s", d.Aware.At, i.DecidedAt)
		}

		// The customer is told, once.
		for range 2 {
			rei.Post(report+"/notify", url.Values{"reason": {"article 26"}, "code": {rei.code()}})
			h.Settle()
		}
		m := h.ExpectMail("hanako@mail.example", "見られたおそれ")
		for _, w := range []string{"購入履歴", "電話番号", "住所", "個人情報保護委員会"} {
			if !strings.Contains(m.Body, w) {
				t.Errorf("the notice does not say %q:\n%s", w, m.Body)
			}
		}
		if n := h.MailCount("hanako@mail.example", "見られたおそれ"); n != 1 {
			t.Errorf("she was told %d times", n)
		}

		// Words of a person's, and the filing.
		rei.Post(report+"/item", url.Values{"item": {"publicity"}, "words": {"公表していません。"}}).Shows("公表していません。")
		rei.Post(report+"/file", url.Values{"stage": {"preliminary"}, "at": {time.Now().In(breach.Japan).Format("2006-01-02T15:04")}, "number": {"R8-1"}}).Shows("速報済み", "R8-1")
		rei.Get(report+"/report.txt").Shows("公表していません。", "1　概要", "9　その他")
		// Who only looks cannot write.
		aki := h.AtTheDesk("aki", staff.Auditor)
		aki.Get(report).Shows("公表していません。")
		if aki.Post(report+"/item", url.Values{"item": {"publicity"}, "words": {"x"}}); aki.Status != http.StatusForbidden {
			t.Errorf("an auditor wrote into a report: %d", aki.Status)
		}
		if ai := h.AtTheDesk("ai", staff.Agent); ai.Get(report).Status != http.StatusForbidden {
			t.Errorf("an agent opened a report: %d", ai.Status)
		}
		h.takeAllMails()
	})
}

// TestTwoPeopleDeleteAnAccount: one asks, another approves, and only then it is
// gone; the export before it holds everything, masked where it may be somebody
// else's.
func TestTwoPeopleDeleteAnAccount(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		rei, ado := h.AtTheDesk("rei", staff.Lead), h.AtTheDesk("ado", staff.Admin)
		ask := func(c *clerk, deed string) *clerk {
			c.Post("/law/keeping/"+deed, url.Values{"subject": {"hanako"}, "reason": {"she asked for it"}, "code": {c.code()}, "lang": {"ja"}})
			return c
		}
		ask(rei, "json").Shows(`"subject": "hanako"`, `"login.attempted"`, HomePC.IP)
		ask(rei, "html").Shows("お預かりしている情報の開示", "サインイン", HomePC.IP)
		if strings.Contains(rei.Page, "<script") {
			t.Error("the page holds a script")
		}
		ask(rei, "delete")
		if a, err := h.App.Store.ReadAccount(context.Background(), "hanako"); err != nil || !a.Exists {
			t.Fatal("deleted by one person")
		}
		waiting := rei.Get("/waiting").Shows("hanako").Page
		at := aWaiting.FindStringSubmatch(waiting)
		if at == nil {
			t.Fatalf("nothing waits:\n%s", text(waiting))
		}
		if rei.Post(at[1], url.Values{"answer": {"approve"}, "reason": {"me again"}, "code": {rei.code()}}); rei.Status != http.StatusForbidden {
			t.Errorf("the one who asked approved it: %d", rei.Status)
		}
		ask(ado, "hold") // a legal hold comes between
		ado.Post(at[1], url.Values{"answer": {"approve"}, "reason": {"right"}, "code": {ado.code()}})
		if a, err := h.App.Store.ReadAccount(context.Background(), "hanako"); err != nil || !a.Exists {
			t.Fatal("deleted under a legal hold")
		}
		ado.Get("/law/keeping").Shows("削除を待っているアカウント", "hanako")
		ask(ado, "lift")
		h.FastForward(time.Minute)
		if a, err := h.App.Store.ReadAccount(context.Background(), "hanako"); err != nil || a.Exists {
			t.Errorf("still there after the hold was lifted: %v", err)
		}
		if found := h.inFiles("hanako", Phone.IP); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
		if ask(ado, "delete"); ado.Status != http.StatusNotFound {
			t.Errorf("deleting nobody: %d", ado.Status)
		}
	})
}

var (
	aWaiting = regexp.MustCompile(`action="(/waiting/prp_[^"]+)"`)
	aSignIn  = regexp.MustCompile(`href="(/live/one\?[^"]+)"`)
	aField   = regexp.MustCompile(`name="field" value="([^"]*mail[^"]*)"`)
)

// looksOf counts what stands in the record about an act of somebody's.
func (h *Harness) looksOf(who staff.Welcome, act audit.Act) (n, with int) {
	h.T.Helper()
	list, err := h.App.Audit.Entries(context.Background(), audit.Query{Actor: who.Person.ID, Acts: []audit.Act{act}, Limit: 1000})
	if err != nil {
		h.T.Fatal(err)
	}
	for _, e := range list {
		if e.Outcome == audit.Done {
			n++
			if e.Reason != "" && (e.Account != "" || e.Incident != "") {
				with++
			}
		}
	}
	return n, with
}

// TestE02_EveryLookIsRecorded walks every page of the console that shows a
// customer's data: each leaves an entry with who looked, why, and at what.
func TestE02_EveryLookIsRecorded(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		nightIntruder(h, "hanako")
		i := h.ExpectState("hanako", incident.Waiting)
		h.takeAllMails()
		rei := h.AtTheDesk("rei", staff.Lead)
		at := "/incidents/" + string(i.ID)

		// Without a reason nothing of the customer is shown.
		if rei.Get(at); strings.Contains(rei.Page, "hanako") || strings.Contains(rei.Page, Hosting.IP) {
			t.Error("the incident was shown before a reason was given")
		}
		rei.Post(at+"/reason", url.Values{"why": {"call"}, "words": {"she called"}})
		for name, walk := range map[string]struct {
			act  audit.Act
			look func()
			word string // of the customer's that the page shows
			list bool   // shows no single customer: no reason is asked
		}{
			"incident": {audit.LookIncident, func() { rei.Get(at) }, "hanako", false},
			"contact": {audit.LookReveal, func() {
				rei.Post(at+"/reveal", url.Values{"field": {revealable(rei, at)}, "reason": {"read back"}, "code": {rei.code()}})
			}, "hanako@mail.example", false},
			"account, JSON":  {audit.AccountExport, func() { rei.keeps("json") }, HomePC.IP, false},
			"account, page":  {audit.AccountExport, func() { rei.keeps("html") }, HomePC.IP, false},
			"queue":          {audit.LookQueue, func() { rei.Get("/") }, "", true},
			"search":         {audit.LookQueue, func() { rei.Get("/?search=hanako") }, "", true},
			"reports":        {audit.LookBreach, func() { rei.Get("/law") }, "", true},
			"report":         {audit.LookBreach, func() { rei.Get("/law/incident/" + string(i.ID)) }, "", true},
			"accounting":     {audit.LookAccounting, func() { rei.Get("/law/accounting") }, "", true},
			"accounting CSV": {audit.LookAccounting, func() { rei.Get("/law/accounting/file.csv") }, "", true},
			"keeping":        {audit.LookBreach, func() { rei.Get("/law/keeping") }, "", true},
			"sign-ins":       {audit.LookAnalysis, func() { rei.Get("/live") }, "", true},
		} {
			before, withBefore := h.looksOf(rei.who, walk.act)
			walk.look()
			after, with := h.looksOf(rei.who, walk.act)
			if rei.Status != http.StatusOK || !strings.Contains(rei.Page, walk.word) {
				t.Errorf("%s: status %d, does not show %q", name, rei.Status, walk.word)
			}
			if after <= before {
				t.Errorf("%s was shown and not recorded (%s)", name, walk.act)
			}
			if !walk.list && with <= withBefore {
				t.Errorf("%s was recorded without reason and customer", name)
			}
			if walk.list && (strings.Contains(rei.Page, "hanako@mail.example") || strings.Contains(rei.Page, Hosting.IP)) {
				t.Errorf("%s asks for no reason and shows a customer's data", name)
			}
		}
		// One sign-in whole asks for a reason, too.
		rei.Get("/live")
		one := aSignIn.FindStringSubmatch(rei.Page)
		if one == nil {
			t.Fatalf("no sign-in is listed:\n%s", text(rei.Page))
		}
		link := strings.ReplaceAll(one[1], "&amp;", "&")
		if rei.Get(link); strings.Contains(text(rei.Page), "hanako") { // the link itself names the event
			t.Error("a sign-in was shown before a reason was given")
		}
		_, query, _ := strings.Cut(link, "?")
		rei.Post("/live/reason", url.Values{"why": {"check"}, "to": {query}})
		before, _ := h.looksOf(rei.who, audit.LookAccount)
		rei.Get(link).Shows("hanako")
		if after, with := h.looksOf(rei.who, audit.LookAccount); after <= before || with < after {
			t.Errorf("a sign-in was shown and not recorded with a reason: %d then %d, %d of them with", before, after, with)
		}
		// The doors for programs, too.
		list := func() int {
			l, err := h.App.Audit.Entries(context.Background(), audit.Query{Account: mimamori.NewAccountID("hanako"), Acts: []audit.Act{audit.LookAccount}, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return len(l)
		}
		n := list()
		h.Do("GET", "/v1/accounts/hanako/history", nil, nil)
		if list() <= n {
			t.Error("the door of the history shows and records nothing")
		}
		h.takeAllMails()
	})
}

// keeps asks for everything kept of hanako.
func (c *clerk) keeps(form string) {
	c.Post("/law/keeping/"+form, url.Values{"subject": {"hanako"}, "reason": {"disclosure"}, "code": {c.code()}, "lang": {"ja"}})
}

// revealable is the first masked contact that the page offers to show.
func revealable(c *clerk, at string) string {
	m := aField.FindStringSubmatch(c.Get(at).Page)
	if m == nil {
		return ""
	}
	return m[1]
}
