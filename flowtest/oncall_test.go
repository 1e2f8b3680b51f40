package flowtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/app"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/webhook"
)

// pager is an on-call service that takes our webhooks and believes signed ones
// only.
type pager struct {
	t      *testing.T
	secret webhook.Secret
	mu     sync.Mutex // guards said
	said   []string   // "alarm.raised mass_lookup stf_1", in order
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m struct {
		Data struct {
			Alarms []struct {
				Kind, About string
				Until       *time.Time // over since then
			}
		}
	}
	if _, err := webhook.Verify(r.Header, []webhook.Secret{p.secret}, body, time.Now()); err != nil {
		p.t.Errorf("a webhook that does not verify: %v", err)
	}
	if err := json.Unmarshal(body, &m); err != nil || strings.Contains(string(body), "@") {
		p.t.Errorf("a webhook: %v in %s", err, body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range m.Data.Alarms {
		what := "alarm.raised "
		if a.Until != nil {
			what = "alarm.over "
		}
		p.said = append(p.said, what+a.Kind+" "+a.About)
	}
}

// heard counts what begins so.
func (p *pager) heard(what string, k alarm.Kind) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.said {
		if strings.HasPrefix(s, what+" "+string(k)+" ") {
			n++
		}
	}
	return n
}

// onCall plays a story with somebody on call, by mail and by webhook.
func onCall(t *testing.T, tune func(*app.Config), story func(h *Harness, p *pager)) {
	p := &pager{t: t, secret: webhook.NewSecret()}
	RunWith(t, func(c *app.Config) {
		c.Alarms.Contacts = []app.AlarmContact{{Mail: "oncall@shop.example", Language: mimamori.Japanese},
			{Webhook: "https://pager.shop.example/mimamori", Secret: p.secret.Reveal(), Language: mimamori.English}}
		c.SignalTransport = shoptest.InProcess(p)
		if tune != nil {
			tune(c)
		}
	}, func(h *Harness) {
		story(h, p)
		h.takeAllMails()
	})
}

// told wants both ways to have told of a kind so often, and nobody's data in it.
func (p *pager) told(h *Harness, k alarm.Kind, raised int) {
	p.t.Helper()
	h.FastForward(30 * time.Second)
	mails := 0
	for _, m := range h.Mail.Messages("oncall@shop.example") {
		seen := mailbox.Decode(m.Raw, nil)
		if strings.Contains(seen.Subject, "要確認") && strings.Contains(seen.Body, k.Word().JA) {
			mails++
		}
		if strings.Contains(seen.Body, "hanako") || strings.Contains(seen.Body, "customer-") {
			p.t.Errorf("a customer is named:\n%s", seen.Body)
		}
	}
	if got := p.heard("alarm.raised", k); got != raised || mails != raised {
		p.t.Errorf("%s: told %d times by webhook and %d by mail, want %d; all: %v", k, got, mails, raised, p.said)
	}
}

// TestOnCallHearsThatTheBudgetIsReached: the first intrusion is contained, the
// second only held, and somebody hears of it, and with the next message that it
// is over.
func TestOnCallHearsThatTheBudgetIsReached(t *testing.T) {
	onCall(t, func(c *app.Config) { c.Policy.BudgetFloor, c.Policy.BudgetShare = 1, 0 }, func(h *Harness, p *pager) {
		h.Customer("hanako")
		h.Customer("taro")
		nightIntruder(h, "hanako")
		h.ExpectState("hanako", incident.Waiting)
		p.told(h, alarm.Budget, 0)
		his := h.SignIn("taro", Hosting)
		time.Sleep(time.Minute)
		for _, act := range []func() error{his.JoinMembership, func() error { _, err := his.AddAddress("知らない人", "大阪市北区1-1"); return err },
			func() error { _, err := his.AddCard("Visa", "9876", "2028-01"); return err }, func() error {
				_, err := his.PlaceOrder(shoptest.Order{Amount: 9000, Digital: true, Gift: true})
				return err
			}} {
			_ = act() // he goes on until he is held
			time.Sleep(time.Minute)
		}
		h.ExpectState("taro", incident.Held)
		p.told(h, alarm.Budget, 1)
		h.FastForward(30 * time.Minute)
		p.told(h, alarm.Budget, 1) // quiet
		h.FastForward(6 * time.Hour)
		if p.heard("alarm.over", alarm.Budget) != 1 {
			t.Errorf("nobody hears that it is over: %v", p.said)
		}
	})
}

// TestOnCallHearsThatTheShopIsSilent: after three tries; again after an hour,
// and once more when the shop answers.
func TestOnCallHearsThatTheShopIsSilent(t *testing.T) {
	onCall(t, nil, func(h *Harness, p *pager) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		h.Shop.Misbehave(shoptest.Mood{Way: shoptest.Fails})
		nightActs(h, his)
		h.FastForward(5 * time.Minute)
		p.told(h, alarm.ShopSilent, 1)
		h.FastForward(40 * time.Minute)
		p.told(h, alarm.ShopSilent, 1)
		h.FastForward(25 * time.Minute)
		p.told(h, alarm.ShopSilent, 2)
		h.Shop.Recover()
		h.FastForward(3 * time.Hour)
		if p.heard("alarm.over", alarm.ShopSilent) != 1 {
			t.Errorf("nobody hears that it is over: %v", p.said)
		}
	})
}

// TestOnCallHearsThatMailFails: the webhook says so while no mail passes; the
// mail comes when it can.
func TestOnCallHearsThatMailFails(t *testing.T) {
	onCall(t, nil, func(h *Harness, p *pager) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		h.Mail.Always(mailbox.RefuseForNow)
		nightIntruder(h, "hanako")
		h.FastForward(40 * time.Minute)
		if p.heard("alarm.raised", alarm.MailBouncing) != 1 || len(h.Mail.Messages("oncall@shop.example")) != 0 {
			t.Fatalf("while no mail passes: %v", p.said)
		}
		h.Mail.Always(mailbox.Accept)
		h.FastForward(45 * time.Minute)
		if n := h.MailCount("oncall@shop.example", "要確認"); n == 0 {
			t.Errorf("the mail does not come when it can: %v", h.subjects())
		}
	})
}

// TestOnCallHearsOfMassLookUps: who looks for seventy customers in ten minutes
// is named by his number to the others (standards E06).
func TestOnCallHearsOfMassLookUps(t *testing.T) {
	onCall(t, nil, func(h *Harness, p *pager) {
		ai := h.AtTheDesk("ai", staff.Agent)
		for k := range 70 {
			ai.Post("/search", url.Values{"search": {fmt.Sprintf("guess-%d", k)}, "why": {"call"}})
		}
		p.told(h, alarm.MassLookup, 1)
		if want := "alarm.raised mass_lookup " + ai.who.Person.ID; !slices.Contains(p.said, want) {
			t.Errorf("said %v, want %q", p.said, want)
		}
		h.FastForward(50 * time.Minute)
		p.told(h, alarm.MassLookup, 1)
		h.FastForward(15 * time.Minute)
		p.told(h, alarm.MassLookup, 2)
	})
}

// TestG17_OnCallHearsOfAFloodOnce: two hundred and fifty incidents from one
// source are one alarm about the source, and few about incidents.
func TestG17_OnCallHearsOfAFloodOnce(t *testing.T) {
	onCall(t, nil, func(h *Harness, p *pager) {
		var list []json.RawMessage
		for k := range 250 {
			list = append(list, happened(fmt.Sprintf("customer-%03d", k), "payment.disputed", fmt.Sprint("dispute-", k), map[string]any{"order": "o1"}))
		}
		h.reports(list...)
		h.FastForward(time.Minute)
		p.told(h, alarm.SourceFlood, 1)
		if !slices.Contains(p.said, "alarm.raised source_flood shop") {
			t.Errorf("said %v", p.said)
		}
	})
}
