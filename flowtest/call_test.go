package flowtest

import (
	"context"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/incident"
	"mimamori/shop/shoptest"
	"mimamori/staff"
)

// clerk is somebody at the desk, in a browser of his own.
type clerk struct {
	*Visitor
	who staff.Welcome
}

// AtTheDesk has somebody with these roles sign in to the console.
func (h *Harness) AtTheDesk(login string, roles ...staff.Role) *clerk {
	h.T.Helper()
	ctx := context.Background()
	if h.boss.Person.ID == "" {
		var err error
		if h.boss, err = h.App.Staff.CreateFirst(ctx, staff.NewPerson{Login: "boss", Name: "boss"}); err != nil {
			h.T.Fatal(err)
		}
	}
	who, err := h.App.Staff.Create(ctx, h.App.Guard, h.boss.Person.Actor(), staff.NewPerson{Login: login, Name: login, Roles: roles})
	if err != nil {
		h.T.Fatal(err)
	}
	jar, _ := cookiejar.New(nil) // nil options never fail
	c := &clerk{&Visitor{h: h, client: &http.Client{Transport: shoptest.InProcess(h.App.Console), Jar: jar}}, who}
	c.Post("/sign-in", url.Values{"login": {login}, "password": {who.Password}, "code": {c.code()}})
	return c
}

// code is what his authenticator shows; each is good once.
func (c *clerk) code() string {
	time.Sleep(time.Minute)
	typed, err := code.TOTP(c.who.Secret, time.Now())
	if err != nil {
		c.h.T.Fatal(err)
	}
	return typed
}

var (
	aCallLink  = regexp.MustCompile(`href="(/calls/[0-9a-f]{32}/call_[^"]+)"`)
	aMatchCode = regexp.MustCompile(`class="match num"[^>]*>(.*?)</p>`)
	aWindow    = regexp.MustCompile(`name="window" value="([^"]+)"`)
	aPhone     = regexp.MustCompile(`name="phone" value="([^"]+)"`)
)

// asksForCall presses the button on the page of calls for its first window.
func (v *Visitor) asksForCall(at string) {
	v.h.T.Helper()
	v.Get(at)
	window := aWindow.FindStringSubmatch(v.Page)
	if window == nil {
		v.h.T.Fatalf("no window is offered:\n%s", text(v.Page))
	}
	form := url.Values{"window": {html.UnescapeString(window[1])}}
	if phone := aPhone.FindStringSubmatch(v.Page); phone != nil {
		form.Set("phone", html.UnescapeString(phone[1]))
	}
	v.Post(at, form)
}

// spelled is the match code on a page, without the tags between its digits.
func (v *Visitor) spelled() string {
	m := aMatchCode.FindStringSubmatch(v.Page)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(tags.ReplaceAllString(m[1], ""), " ", "")
}

// TestTheCallThatLetsHerSleep: she sees an order that she does not know at one
// in the night and asks to be called; nobody rings before nine; the agent takes
// the call, her page says so and shows the same two digits; the orders are gone
// through; hers stays, the other is stopped with all that came with it; the
// mail is there when they have hung up (mission H2, T5; standards G10, G11).
func TestTheCallThatLetsHerSleep(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		hers := h.SignIn("hanako", HomePC)
		ordered := func(s *shoptest.Session, amount int64) string {
			id, err := s.PlaceOrder(shoptest.Order{Amount: amount, ShipTo: "home"})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		mine := ordered(hers, 3300)
		his := h.SignIn("hanako", OtherHome)
		theirs := ordered(his, 4100)
		h.FastForward(10 * time.Minute)
		centre := h.EnterCentre(hers)
		centre.asksForCall("/call")
		h.ExpectMail("hanako@mail.example", "お電話のご希望")

		ai := h.AtTheDesk("ai", staff.Agent)
		ai.Get("/calls")
		link := aCallLink.FindStringSubmatch(ai.Page)
		if link == nil || strings.Contains(ai.Page, "hanako") || strings.Contains(ai.Page, "0000-0000") {
			t.Fatalf("the queue has no call, or names the customer:\n%s", text(ai.Page))
		}
		at := link[1]
		if ai.Post(at+"/take", url.Values{"code": {ai.code()}}); ai.Status != http.StatusUnprocessableEntity || ai.spelled() != "" {
			t.Fatalf("in the night the call can be taken (%d):\n%s", ai.Status, text(ai.Page))
		}

		h.FastForward(8 * time.Hour) // nine o'clock and a quarter
		ai = h.AtTheDesk("ai2", staff.Agent)
		if ai.Get(at); ai.spelled() != "" || strings.Contains(ai.Page, "9000000000") || strings.Contains(ai.Page, "90-0000-0000") {
			t.Fatalf("number or code before the call was taken:\n%s", text(ai.Page))
		}
		ai.Post(at+"/order", url.Values{"order": {theirs}, "mark": {"not_own"}})
		h.NoIncident("hanako") // nobody is on the line yet
		ai.Post(at+"/take", url.Values{"code": {ai.code()}})
		ai.Shows("90-0000-0000", "けっしてたずねない", mine, theirs)
		centre = h.EnterCentre(h.SignIn("hanako", HomePC)).Get("/call")
		centre.Shows("まもなく、担当者がお電話します")
		if said := ai.spelled(); len(said) != 2 || said != centre.spelled() {
			t.Fatalf("the agent reads out %q, her page shows %q", said, centre.spelled())
		}

		ai.Post(at+"/order", url.Values{"order": {mine}, "mark": {"own"}})
		h.NoIncident("hanako")
		ai.Post(at+"/order", url.Values{"order": {theirs}, "mark": {"not_own"}})
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		for _, o := range h.ShopAccount("hanako").Orders {
			if stopped := o.State == "cancelled"; (o.Order == theirs) != stopped && (o.Order == theirs || o.Order == mine) {
				t.Errorf("order %s is %s", o.Order, o.State)
			}
		}
		if ai.Post(at+"/end", url.Values{"result": {"reached"}}); ai.Status != http.StatusUnprocessableEntity {
			t.Errorf("a call without the code read out can be recorded as spoken: %d", ai.Status)
		}
		ai.Post(at+"/end", url.Values{"result": {"reached"}, "code_read": {"yes"}, "agreed": {"reset", "card"}})
		mail := h.ExpectMail("hanako@mail.example", "お電話でお話しした内容")
		for _, want := range []string{"1件はお客様のものではない", "カード会社", "新しいパスワード"} {
			if !strings.Contains(strings.ReplaceAll(mail.Body, "\n", ""), want) {
				t.Errorf("the mail does not say %q:\n%s", want, mail.Body)
			}
		}
		if ai.Get("/calls"); aCallLink.MatchString(ai.Page) {
			t.Error("the call is still in the queue")
		}
		if ai.Get(at); strings.Contains(ai.Page, "90-0000-0000") || ai.spelled() != "" {
			t.Error("after the call the number still stands there")
		}
		record, err := h.App.Audit.Entries(context.Background(), audit.Query{Actor: ai.who.Person.ID})
		if err != nil {
			t.Fatal(err)
		}
		acts := map[audit.Act]int{}
		for _, e := range record {
			if acts[e.Act]++; e.Account != "" && e.Account != mimamori.NewAccountID("hanako").String() {
				t.Errorf("the record names another account: %+v", e)
			}
		}
		for _, want := range []audit.Act{audit.LookQueue, audit.LookAccount, audit.LookReveal, audit.CallRecord, audit.IncidentContain} {
			if acts[want] == 0 {
				t.Errorf("%s is not in the record: %v", want, acts)
			}
		}
	})
}
