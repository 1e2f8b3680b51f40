package dossier

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/web/centre"
)

// maxRows is how many sign-ins a group shows before it says "and more".
const maxRows = 60

// Logins is the login history of the last two months, folded by device and
// network.
func (d *Desk) Logins(ctx context.Context, v centre.Visitor) (centre.Logins, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Logins{}, err
	}
	out := centre.Logins{From: f.now.Add(-Shown), YourIP: v.IP, Yours: place(d.opt.Geo.Lookup(v.IP))}
	here := f.loginOf(s.ShopSession)
	groups := map[string]*centre.LoginGroup{}
	var order []string
	for _, l := range slices.Backward(f.journal.Logins) {
		if l.Event.Time.Before(out.From) {
			out.HasMore = true
			break
		}
		key := d.groupKey(l)
		g := groups[key]
		if g == nil {
			g = d.newGroup(f, l)
			groups[key] = g
			order = append(order, key)
		}
		d.addRow(f, g, l, v, here)
	}
	for _, key := range order {
		out.Groups = append(out.Groups, *groups[key])
	}
	slices.SortStableFunc(out.Groups, func(a, b centre.LoginGroup) int {
		return cmp.Or(boolean(b.Unfamiliar)-boolean(a.Unfamiliar), b.Last.Compare(a.Last))
	})
	return out, nil
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// groupKey folds by kind of device, operator, and whose it is.
func (d *Desk) groupKey(l journal.Login) string {
	p := d.placeOf(l.Data.IP)
	outcome := ""
	if l.Data.Outcome != event.Succeeded {
		outcome = "failed"
	}
	return profile.ParseAgent(l.Data.UserAgent).String() + "|" + p.Country + p.Operator + p.Kind + "|" + string(l.Owner) + outcome
}

func (d *Desk) newGroup(f *file, l journal.Login) *centre.LoginGroup {
	agent := profile.ParseAgent(l.Data.UserAgent)
	g := &centre.LoginGroup{Device: agent.System(), Browser: agent.Browser, Place: d.placeOf(l.Data.IP), Owner: owner(l.Owner), Last: l.Event.Time}
	g.Why = f.whyUnfamiliar(l)
	g.Unfamiliar = len(g.Why) > 0 || l.Owner == journal.OfIntruder
	return g
}

// whyUnfamiliar are the reasons noted when the session was assessed.
func (f *file) whyUnfamiliar(l journal.Login) []mimamori.Text {
	var out []mimamori.Text
	for _, i := range f.incidents {
		for _, e := range i.Evidence {
			if e.Session == l.Data.Session && e.Session != "" && (e.Signal.Group == assess.Network || e.Signal.Group == assess.Device) && e.Signal.Weight > 0.3 && !slices.Contains(out, e.Signal.Text) {
				out = append(out, e.Signal.Text)
			}
		}
	}
	if len(out) > 0 {
		return out[:min(3, len(out))]
	}
	s, ok := f.account.Profile.Session(l.Data.Session)
	if !ok || s.Verdict == string(journal.OfCustomer) || !assess.Strange(s) {
		return nil
	}
	for _, name := range []string{"network_tor", "network_vpn", "network_hosting", "country_new", "device_new", "network_new"} {
		if s.Terms[name] > 0 && len(out) < 3 {
			out = append(out, assess.Sentence(name))
		}
	}
	return out
}

func (d *Desk) addRow(f *file, g *centre.LoginGroup, l journal.Login, v centre.Visitor, here *event.Login) {
	g.First = l.Event.Time
	addr := parseAddr(l.Data.IP)
	row := centre.LoginRow{Line: centre.Line{At: l.Event.Time, Answer: f.answerTo(l.Data.Session)}, IP: addr, Outcome: string(l.Data.Outcome), YourIP: addr.IsValid() && addr == v.IP.Unmap()}
	if l.Data.Session != "" {
		row.ID = "login:" + l.Event.ID
	}
	g.YourIP = g.YourIP || row.YourIP
	g.SameNetwork = g.SameNetwork || addr.IsValid() && v.IP.IsValid() && geo.SameNetwork(addr, v.IP)
	g.ThisDevice = g.ThisDevice || here != nil && l.Data == here
	if len(g.Rows) == maxRows {
		g.More++
		return
	}
	g.Rows = append(g.Rows, row)
}

// Devices are where the customer is signed in now, as far as events tell.
func (d *Desk) Devices(ctx context.Context, v centre.Visitor) ([]centre.Device, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return nil, err
	}
	_, revoked := f.done("sessions.revoke")
	out := []centre.Device{}
	for _, x := range slices.Backward(f.account.Profile.Sessions) {
		if x.Ended || x.Began.Before(revoked) || f.now.Sub(x.Last) > 30*24*time.Hour {
			continue
		}
		dev := centre.Device{Last: x.Last, ThisDevice: x.ID == s.ShopSession}
		if l := f.loginOf(x.ID); l != nil {
			agent := profile.ParseAgent(l.UserAgent)
			dev.Name, dev.Browser, dev.Place, dev.Remembered = agent.System(), agent.Browser, d.placeOf(l.IP), l.Device != ""
		}
		out = append(out, dev)
	}
	return out, nil
}
