package dossier_test

import (
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/web/centre"
)

// login is a successful sign-in of hanako's from an address.
func (p *plot) login(at time.Time, session, ip, agent string) event.Event {
	return p.event(event.LoginAttempted, at, map[string]any{"outcome": "succeeded", "session": session, "ip": ip, "user_agent": agent})
}

// TestScreensFollowTheStore: what is kept in memory never hides what came
// since: new events, late ones, a word about a session, and what was taken
// away.
func TestScreensFollowTheStore(t *testing.T) {
	p := newPlot(t)
	now := time.Now().UTC()
	v := p.visit("s1")
	rows := func() (n int, owners map[centre.Owner]int) {
		t.Helper()
		logins, err := p.desk.Logins(p.ctx, v)
		p.must(err)
		owners = map[centre.Owner]int{}
		for _, g := range logins.Groups {
			n += len(g.Rows)
			owners[g.Owner] += len(g.Rows)
		}
		return n, owners
	}
	if n, _ := rows(); n != 0 {
		t.Fatalf("nothing happened, and %d sign-ins are shown", n)
	}
	p.put(p.login(now.Add(-time.Hour), "s1", "49.98.141.77", phone))
	if n, _ := rows(); n != 1 {
		t.Errorf("after one: %d shown", n)
	}
	p.put(p.login(now.Add(-48*time.Hour), "s0", "49.98.141.78", phone)) // arrives late
	if n, _ := rows(); n != 2 {
		t.Errorf("after a late one: %d shown", n)
	}
	p.must(p.store.Take(p.ctx, false, func(tx intake.Tx) error {
		return tx.PutVerdict(mimamori.NewAccountID("hanako"), journal.Verdict{Session: "s0", Owner: journal.OfIntruder, By: "agent", At: now})
	}))
	if _, owners := rows(); owners[centre.OwnerIntruder] != 1 || owners[centre.OwnerCustomer] != 1 {
		t.Errorf("after a word about s0: %v, want one of each", owners)
	}
}

// TestFolding: a device on a network is one group however often it came; what
// did not get in is one group a country; household-account services are
// labelled, and only from their own networks.
func TestFolding(t *testing.T) {
	p := newPlot(t)
	now := time.Now().UTC()
	const robot = "Mozilla/5.0 (compatible; KakeiboBot/2.0)"
	at := func(h int) time.Time { return now.Add(-time.Duration(h) * time.Hour) }
	failed := func(h int, ip string) event.Event {
		return p.event(event.LoginAttempted, at(h), map[string]any{"outcome": "wrong_password", "ip": ip, "user_agent": phone})
	}
	p.put(p.login(at(1), "s1", "49.98.141.77", phone), p.login(at(2), "s2", "49.98.141.78", phone), p.login(at(3), "s3", "45.76.100.31", robot), p.login(at(4), "s4", "203.0.113.9", robot),
		failed(5, "45.76.100.40"), failed(6, "138.199.22.20"), failed(7, "49.98.141.99"))
	v := p.visit("s1")
	logins, err := p.desk.Logins(p.ctx, v)
	p.must(err)
	labelled, failures, same := 0, 0, 0
	ids := map[string]bool{}
	for _, g := range logins.Groups {
		ids[g.ID] = true
		if g.Aggregator.JA != "" {
			labelled += len(g.Rows)
		}
		if g.Rows[0].Outcome == "wrong_password" {
			failures++
		}
		if g.ThisDevice {
			same = len(g.Rows)
		}
	}
	if labelled != 1 || failures != 1 || same != 2 || len(ids) != len(logins.Groups) {
		t.Errorf("labelled %d, want 1 (the other calls itself so from elsewhere); groups of failures %d, want 1; sign-ins of this device %d, want 2; %d ids of %d groups",
			labelled, failures, same, len(ids), len(logins.Groups))
	}
}

// TestQuietDayOffersOneThing: no incident, no second step: one strong step.
func TestQuietDayOffersOneThing(t *testing.T) {
	p := newPlot(t)
	p.put(p.login(time.Now().Add(-time.Hour), "s1", "49.98.141.77", phone))
	home, err := p.desk.Home(p.ctx, p.visit("s1"))
	p.must(err)
	if home.Standing != centre.Safe || home.Next != centre.NextSecondStep || len(home.Guards) == 0 {
		t.Errorf("home = %+v, want safe, with a second step offered", home)
	}
}

// TestF07_HistoryOfSixtyDays: what happened 60 days ago is on the page, with
// time, device, address and place; what is older is said to be left out.
func TestF07_HistoryOfSixtyDays(t *testing.T) {
	p := newPlot(t)
	now := time.Now().UTC()
	p.put(p.login(now.AddDate(0, 0, -60), "s1", "45.76.100.31", phone), p.login(now.AddDate(0, 0, -90), "s0", "45.76.100.31", phone))
	logins, err := p.desk.Logins(p.ctx, p.visit("s1"))
	p.must(err)
	if len(logins.Groups) != 1 || len(logins.Groups[0].Rows) != 1 || !logins.HasMore {
		t.Fatalf("history = %+v, want the sign-in of 60 days ago alone, and that there is more", logins)
	}
	g, row := logins.Groups[0], logins.Groups[0].Rows[0]
	if g.Device != "iPhone" || g.Browser == "" || row.IP.String() != "45.76.100.31" || row.Place.Country == "" || row.Place.Operator == "" || row.Place.Kind == "" || row.At.IsZero() {
		t.Errorf("the line = %+v of %+v, want everything that an address tells", row, g)
	}
}

// TestWhatIsInDoubt: while an incident asks about a session, its lines are
// nobody's yet and marked, on every screen; the customer's other ones are not.
func TestWhatIsInDoubt(t *testing.T) {
	p := newPlot(t)
	now := time.Now().UTC()
	at := func(m int) time.Time { return now.Add(-time.Duration(m) * time.Minute) }
	p.put(p.login(at(600), "s1", "49.98.141.77", phone), p.login(at(30), "s2", "45.76.100.31", phone),
		p.event(event.AccountChanged, at(29), map[string]any{"session": "s2", "op": "added", "resource": map[string]any{"kind": "address", "id": "a9"}, "after": map[string]any{"prefecture": "大阪府"}}),
		p.event(event.OrderPlaced, at(28), map[string]any{"session": "s2", "order": "o9", "total": map[string]any{"amount": 5000, "currency": "JPY"}, "ship_to": "a9", "gift": true}),
		p.event(event.OrderPlaced, at(500), map[string]any{"session": "s1", "order": "o1", "total": map[string]any{"amount": 3480, "currency": "JPY"}}))
	account := mimamori.NewAccountID("hanako")
	p.must(p.store.Take(p.ctx, false, func(tx intake.Tx) error {
		return tx.PutIncident(&incident.Incident{ID: mimamori.NewIncidentID(), Account: account, Subject: "hanako", State: incident.Suspected, OpenedAt: now, Start: at(30),
			Evidence: []incident.Evidence{{At: at(30), Session: "s2"}}})
	}))
	v := p.visit("s1")
	home, err := p.desk.Home(p.ctx, v)
	p.must(err)
	var asked []string
	for _, l := range home.Ask {
		asked = append(asked, l.What.JA)
	}
	if home.Standing != centre.Confirm || len(asked) != 3 || asked[1] != "お届け先の追加" || asked[2] != "¥5,000 の注文" {
		t.Errorf("home asks %q, want the sign-in, the address and the order", asked)
	}
	orders, err := p.desk.Purchases(p.ctx, v)
	p.must(err)
	if o := orders.Orders; o[0].Order != "o9" || o[0].Owner != centre.OwnerUnknown || !o[0].Unfamiliar || len(o[0].Why) < 2 || o[1].Unfamiliar || o[1].Owner != centre.OwnerCustomer {
		t.Errorf("orders = %+v, want o9 in doubt with its reasons, o1 hers", o)
	}
	contacts, err := p.desk.Contacts(p.ctx, v)
	p.must(err)
	if c := contacts.Changes[0]; c.Owner != centre.OwnerUnknown {
		t.Errorf("the change is %s's, want unknown", c.Owner)
	}
	logins, err := p.desk.Logins(p.ctx, v)
	p.must(err)
	if g := logins.Groups; len(g) != 2 || !g[0].Unfamiliar || g[0].Owner != centre.OwnerUnknown || g[1].Unfamiliar {
		t.Errorf("sign-ins = %+v, want the one in doubt first, and marked", g)
	}
}
