package dossier

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/contain"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/profile"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// Logins is the login history of the last two months, folded by device and
// network.
func (d *Desk) Logins(ctx context.Context, v centre.Visitor) (centre.Logins, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Logins{}, err
	}
	fold := d.newFold(f, v, s.ShopSession)
	out := centre.Logins{From: f.now.Add(-Shown), YourIP: v.IP, Yours: place(d.opt.Geo.Lookup(v.IP))}
	for _, l := range slices.Backward(f.journal.Logins) {
		if l.Event.Time.Before(out.From) {
			out.HasMore = true
			break
		}
		fold.add(l)
	}
	for _, key := range fold.order {
		out.Groups = append(out.Groups, *fold.groups[key])
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

// Aggregator is a service that signs in for customers to read their accounts
// (household accounts), as the operator knows it. Its networks must fit, and
// the user agent must hold Agent if that is said: whoever calls himself so from
// elsewhere is not labelled. A label explains; it never makes anything familiar.
type Aggregator struct {
	Name     mimamori.Text  `yaml:"name"`
	Networks []netip.Prefix `yaml:"networks"`
	Agent    string         `yaml:"agent"`
}

func (a Aggregator) fits(addr netip.Addr, agent string) bool {
	return strings.Contains(agent, a.Agent) && slices.ContainsFunc(a.Networks, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// folding puts sign-ins into groups. Addresses and user agents repeat, so each
// is read once.
type folding struct {
	d      *Desk
	f      *file
	v      centre.Visitor
	here   *event.Login // the sign-in of the visitor's own session
	groups map[string]*centre.LoginGroup
	order  []string
	ips    map[string]seenIP
	agents map[string]profile.Agent
}

type seenIP struct {
	addr  netip.Addr
	place centre.Place
	same  bool
}

func (d *Desk) newFold(f *file, v centre.Visitor, session string) *folding {
	return &folding{d: d, f: f, v: v, here: f.loginOf(session), groups: map[string]*centre.LoginGroup{}, ips: map[string]seenIP{}, agents: map[string]profile.Agent{}}
}

func (x *folding) add(l journal.Login) {
	ip, known := x.ips[l.Data.IP]
	if !known {
		ip = seenIP{addr: parseAddr(l.Data.IP), place: x.d.placeOf(l.Data.IP)}
		ip.same = ip.addr.IsValid() && x.v.IP.IsValid() && geo.SameNetwork(ip.addr, x.v.IP)
		x.ips[l.Data.IP] = ip
	}
	agent, known := x.agents[l.Data.UserAgent]
	if !known {
		agent = profile.ParseAgent(l.Data.UserAgent)
		x.agents[l.Data.UserAgent] = agent
	}
	by := x.aggregator(l, ip.addr)
	whose := x.f.whose(l.Owner, l.Data.Session)
	key := groupKey(l, agent, ip.place, by, whose)
	g := x.groups[key]
	if g == nil {
		sum := sha256.Sum256([]byte(key))
		g = &centre.LoginGroup{ID: hex.EncodeToString(sum[:8]), Device: agent.System(), Browser: agent.Browser, Place: ip.place, Owner: whose,
			Last: l.Event.Time, Aggregator: by, Why: x.f.whyUnfamiliar(l)}
		g.Unfamiliar = len(g.Why) > 0 || whose == centre.OwnerIntruder || whose == centre.OwnerUnknown
		x.groups[key] = g
		x.order = append(x.order, key)
	}
	x.row(g, l, ip, agent)
}

// groupKey folds by kind of device, operator, and whose it is; what did not
// get in by country alone, for a thousand machines may have tried.
func groupKey(l journal.Login, agent profile.Agent, p centre.Place, by mimamori.Text, whose centre.Owner) string {
	switch {
	case l.Data.Outcome != event.Succeeded:
		return "failed|" + p.Country
	case by != mimamori.Text{}:
		return "aggregator|" + by.JA + by.EN
	}
	return agent.String() + "|" + p.Country + p.Operator + p.Kind + "|" + string(whose)
}

// aggregator names the household-account service that a sign-in came from.
func (x *folding) aggregator(l journal.Login, addr netip.Addr) mimamori.Text {
	if l.Owner == journal.OfIntruder || l.Data.Outcome != event.Succeeded {
		return mimamori.Text{}
	}
	for _, a := range x.d.opt.Aggregators {
		if a.fits(addr, l.Data.UserAgent) {
			return a.Name
		}
	}
	return mimamori.Text{}
}

func (x *folding) row(g *centre.LoginGroup, l journal.Login, ip seenIP, agent profile.Agent) {
	g.First = l.Event.Time
	if g.Place.Operator != ip.place.Operator || g.Place.Kind != ip.place.Kind {
		g.Place.Operator, g.Place.Kind = "", ""
	}
	if g.Device != agent.System() || g.Browser != agent.Browser {
		g.Device, g.Browser = "", ""
	}
	row := centre.LoginRow{Line: centre.Line{At: l.Event.Time, Answer: x.f.answerTo(l.Data.Session)}, IP: ip.addr, Place: ip.place,
		Outcome: string(l.Data.Outcome), YourIP: ip.addr.IsValid() && ip.addr == x.v.IP.Unmap()}
	if l.Data.Session != "" {
		row.ID = "login:" + l.Event.ID
	}
	g.YourIP = g.YourIP || row.YourIP
	g.SameNetwork = g.SameNetwork || ip.same
	g.ThisDevice = g.ThisDevice || x.here != nil && l.Data == x.here
	g.Rows = append(g.Rows, row)
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
		if s.Terms.Value(name) > 0 && len(out) < 3 {
			out = append(out, assess.Sentence(name))
		}
	}
	return out
}

// agentOf is a sign-in's browser and system in words.
func agentOf(l *event.Login) string { return profile.ParseAgent(l.UserAgent).String() }

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
		dev := centre.Device{ID: deviceID(x.ID), Last: x.Last, ThisDevice: x.ID == s.ShopSession}
		if l := f.loginOf(x.ID); l != nil {
			agent := profile.ParseAgent(l.UserAgent)
			dev.Name, dev.Browser, dev.Place, dev.Remembered = agent.System(), agent.Browser, d.placeOf(l.IP), l.Device != ""
		}
		out = append(out, dev)
	}
	return out, nil
}

// deviceID stands for a session on a page: the shop's own id is no business of
// a browser's.
func deviceID(session string) string {
	return hex.EncodeToString(recovery.HashToken("device " + session)[:12])
}

// SignOut ends one of the account's sessions at the shop, and the visits that
// go back to it. It needs no proof: it only raises.
func (d *Desk) SignOut(ctx context.Context, v centre.Visitor, id string) error {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return err
	}
	for _, x := range f.account.Profile.Sessions {
		if deviceID(x.ID) != id {
			continue
		}
		now := time.Now().UTC()
		run := playbook.Run{Account: s.Account, Subject: s.Subject, Playbook: "sign-out", Version: 1}
		run, steps := playbook.Plan(run, []playbook.Named{playbook.With("session.revoke", contain.SessionArg{Session: x.ID})}, now)
		if err := d.opt.Store.PutRunNow(ctx, run, steps); err != nil {
			return err
		}
		d.opt.Wake()
		return d.opt.Store.EndSessions(ctx, s.Account, x.ID, now)
	}
	return fmt.Errorf("sign out a device: %w", mimamori.ErrNotFound)
}
