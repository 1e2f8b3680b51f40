package dossier

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/profile"
	"mimamori/queue"
	"mimamori/web/console"
)

// maxShared bounds how many accounts are looked at for one value, and how many
// are listed.
const (
	maxSharedEach = 500
	maxShared     = 100
)

// touched are the links by which other accounts have the values of an incident.
type touched struct {
	own    []queue.Link // of the incident, each value once
	others map[string]sharers
	shared []queue.Shared
}

// sharers is how many other accounts have one value.
type sharers struct {
	accounts int
	more     bool // it was not counted to the end
}

// touched are the accounts that have something in common with an incident:
// those with an incident of their own, and those where the same stranger was
// seen and nobody has said anything yet.
func (c *Casework) touched(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) (touched, error) {
	out := touched{others: map[string]sharers{}}
	own, err := c.opt.Store.LinksOf(ctx, account, id)
	if err != nil {
		return out, err
	}
	var all []queue.Link
	for _, l := range own {
		if _, asked := out.others[string(l.Hash)]; asked {
			continue
		}
		same, err := c.opt.Store.LinkedTo(ctx, l.Hash, account, maxSharedEach)
		if err != nil {
			return out, err
		}
		accounts := map[mimamori.AccountID]bool{}
		for _, s := range same {
			accounts[s.Account] = true
		}
		out.own = append(out.own, l)
		out.others[string(l.Hash)] = sharers{len(accounts), len(same) == maxSharedEach}
		all = append(all, same...)
	}
	out.shared = queue.Share(all)
	return out, nil
}

// alike puts what is shared into the page's words, and finds what is of the
// same campaign.
func (c *Casework) alike(ctx context.Context, f *file, page *console.Incident) error {
	if err := c.lists.Freshen(ctx); err != nil {
		return err
	}
	t, err := c.touched(ctx, f.account.ID, f.current.ID)
	if err != nil {
		return err
	}
	var numbers map[string]int
	if page.Common, numbers, err = c.common(ctx, f, t); err != nil {
		return err
	}
	out := make([]console.Alike, 0, len(t.shared))
	seen := map[mimamori.IncidentID]bool{f.current.ID: true}
	for _, s := range t.shared[:min(len(t.shared), maxShared)] {
		a := console.Alike{Subject: s.Subject, Incident: s.Incident, At: s.At}
		for _, k := range s.Kinds {
			a.Kinds = append(a.Kinds, string(k))
		}
		for _, h := range s.Hashes {
			if n := numbers[string(h)]; n > 0 {
				a.Numbers = append(a.Numbers, n)
			}
		}
		slices.Sort(a.Numbers)
		seen[s.Incident] = true
		out = append(out, a)
	}
	for _, campaign := range f.current.Campaigns {
		rows, err := c.opt.Store.QueuePage(ctx, queue.Filter{Campaign: campaign}, maxShared)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !seen[r.Incident] && len(out) < maxShared {
				seen[r.Incident] = true
				out = append(out, console.Alike{Incident: r.Incident, At: r.OpenedAt, Kinds: []string{"campaign"}})
			}
		}
	}
	page.Alike = out
	return nil
}

// common are the values that others have too, with what they were: the hashes
// that are kept are made again from the account's events. A value from before
// the pseudonym key was rotated is not found again and has its kind alone.
func (c *Casework) common(ctx context.Context, f *file, t touched) ([]console.Common, map[string]int, error) {
	traits, err := c.traits(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(t.own, func(a, b queue.Link) int {
		return cmp.Or(slices.Index(queue.LinkKinds, a.Kind)-slices.Index(queue.LinkKinds, b.Kind), t.others[string(b.Hash)].accounts-t.others[string(a.Hash)].accounts)
	})
	var out []console.Common
	numbers := map[string]int{}
	for _, l := range t.own {
		n := t.others[string(l.Hash)]
		if n.accounts == 0 {
			continue
		}
		v := console.Common{Number: len(out) + 1, Kind: string(l.Kind), Accounts: n.accounts, More: n.more,
			Usual: (l.Kind == queue.LinkNetwork || l.Kind == queue.LinkClient) && n.accounts > queue.Common}
		if trait, ok := traits[string(l.Hash)]; ok {
			c.show(&v, trait)
			if l.Kind != queue.LinkDevice {
				v.Field = sharedField + hex.EncodeToString(l.Hash)
			}
		}
		numbers[string(l.Hash)] = v.Number
		out = append(out, v)
	}
	return out, numbers, nil
}

// sharedField begins what Reveal is asked for.
const sharedField = "shared:"

// traits are what the account's events hold of values, by their hash.
func (c *Casework) traits(ctx context.Context, f *file) (map[string]queue.Trait, error) {
	events, err := c.opt.Store.Events(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	out := map[string]queue.Trait{}
	for _, e := range events {
		if e.Time.Before(f.from()) && !slices.Contains(f.current.Sessions, e.Session) {
			continue
		}
		for _, t := range queue.TraitsOf(e) {
			h := string(c.lists.Hash(t))
			if old, known := out[h]; !known || old.Shown["user_agent"] == "" {
				out[h] = t
			}
		}
	}
	return out, nil
}

// show puts a value into the page, as far as it is shown unasked.
func (c *Casework) show(v *console.Common, t queue.Trait) {
	agent := ""
	if a := t.Shown["user_agent"]; a != "" {
		agent = profile.ParseAgent(a).String()
	}
	switch t.Kind {
	case queue.LinkDevice:
		v.Words = mimamori.Text{JA: agent, EN: agent}
	case queue.LinkClient:
		at := c.desk.describe(t.Shown["ip"])
		v.Words = mimamori.Text{JA: agent + "（" + at.JA + "）", EN: agent + " (" + at.EN + ")"}
	case queue.LinkNetwork:
		v.Words = c.desk.describe(t.Shown["ip"])
	default:
		v.Fields = t.Shown
	}
}

// revealShared gives one shared value in clear.
func (c *Casework) revealShared(ctx context.Context, f *file, hash string) (string, error) {
	traits, err := c.traits(ctx, f)
	if err != nil {
		return "", err
	}
	raw, err := hex.DecodeString(hash)
	t, ok := traits[string(raw)]
	if err != nil || !ok || t.Kind == queue.LinkDevice {
		return "", fmt.Errorf("reveal a shared value: %w", mimamori.ErrNotFound)
	}
	own, err := c.opt.Store.LinksOf(ctx, f.account.ID, f.current.ID)
	if err != nil {
		return "", err
	}
	// Only what is the incident's: the customer's own address has no button here.
	if !slices.ContainsFunc(own, func(l queue.Link) bool { return string(l.Hash) == string(raw) }) {
		return "", fmt.Errorf("reveal a shared value: %w", mimamori.ErrNotFound)
	}
	var parts []string
	for _, name := range []string{"postal_code", "prefecture", "city", "line", "line2", "mail", "phone", "brand", "last4", "expiry", "ip", "user_agent"} {
		if s := t.Shown[name]; s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " "), nil
}

// calls are those of an incident, or of its account while it is open.
func (c *Casework) callsOf(ctx context.Context, f *file) ([]console.IncidentCall, error) {
	all, err := c.opt.Store.Calls(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	var out []console.IncidentCall
	for _, call := range all {
		if call.Incident != f.current.ID && (call.Incident != "" || call.AskedAt.Before(f.from())) {
			continue
		}
		v := console.IncidentCall{Ref: console.CallRef{Account: call.Account, ID: call.ID}, State: call.State, AskedAt: call.AskedAt, ChangedAt: call.ChangedAt,
			From: call.Window.From, Until: call.Window.Until, Tries: call.Tries, Outcome: call.Outcome}
		if call.Agent != "" {
			if v.Agent, err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: call.Agent}); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// dots are the countries of the sign-ins, for the map.
func dots(sessions []console.Session) []console.Dot {
	var out []console.Dot
	at := map[string]int{}
	for n, s := range sessions {
		if s.Country == "" {
			continue
		}
		k, ok := at[s.Country]
		if !ok {
			k = len(out)
			at[s.Country] = k
			out = append(out, console.Dot{Country: s.Country})
		}
		out[k].Numbers = append(out[k].Numbers, n+1)
		out[k].Theirs = out[k].Theirs || s.Owner == console.Intruder || s.Owner == console.Unknown
	}
	return out
}

// whole adds what stands beside the incident itself.
func (c *Casework) whole(ctx context.Context, on console.On, f *file, out *console.Incident) (err error) {
	out.Dots, out.Campaigns = dots(out.Sessions), f.current.Campaigns
	for _, o := range f.account.Standing.Obligations {
		out.Obligations = append(out.Obligations, string(o))
	}
	if f.current.Assigned != "" {
		out.AssignedMine = f.current.Assigned == on.Actor.ID
		if out.Assigned, err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: f.current.Assigned}); err != nil {
			return err
		}
	}
	if out.Calls, err = c.callsOf(ctx, f); err != nil {
		return err
	}
	return c.alike(ctx, f, out)
}

// NoticeFile gives a notice as it was sent, signed, to the byte; ErrNotFound
// for one that was never tried.
func (c *Casework) NoticeFile(ctx context.Context, on console.On, id string) ([]byte, error) {
	f, err := c.open(ctx, on, audit.LookReveal)
	if err != nil {
		return nil, err
	}
	all, err := c.opt.Store.Notices(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if n.ID == id && n.IncidentID == f.current.ID && len(n.Raw) > 0 {
			return n.Raw, nil
		}
	}
	return nil, notFound("notice")
}
