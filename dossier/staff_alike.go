package dossier

import (
	"context"

	"mimamori"
	"mimamori/audit"
	"mimamori/queue"
	"mimamori/web/console"
)

// maxShared bounds how many accounts are looked at for one value, and how many
// are listed.
const (
	maxSharedEach = 500
	maxShared     = 100
)

// touched are the accounts that have something in common with an incident:
// those with an incident of their own, and those where the same stranger was
// seen and nobody has said anything yet.
func (c *Casework) touched(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]queue.Shared, error) {
	own, err := c.opt.Store.LinksOf(ctx, account, id)
	if err != nil {
		return nil, err
	}
	var all []queue.Link
	asked := map[string]bool{}
	for _, l := range own {
		if asked[string(l.Hash)] {
			continue
		}
		asked[string(l.Hash)] = true
		same, err := c.opt.Store.LinkedTo(ctx, l.Hash, account, maxSharedEach)
		if err != nil {
			return nil, err
		}
		all = append(all, same...)
	}
	return queue.Share(all), nil
}

// alike puts what is shared into the page's words, and finds what is of the
// same campaign.
func (c *Casework) alike(ctx context.Context, f *file) ([]console.Alike, error) {
	if err := c.lists.Freshen(ctx); err != nil {
		return nil, err
	}
	shared, err := c.touched(ctx, f.account.ID, f.current.ID)
	if err != nil {
		return nil, err
	}
	out := make([]console.Alike, 0, len(shared))
	seen := map[mimamori.IncidentID]bool{f.current.ID: true}
	for _, s := range shared[:min(len(shared), maxShared)] {
		a := console.Alike{Subject: s.Subject, Incident: s.Incident, At: s.At}
		for _, k := range s.Kinds {
			a.Kinds = append(a.Kinds, string(k))
		}
		seen[s.Incident] = true
		out = append(out, a)
	}
	for _, campaign := range f.current.Campaigns {
		rows, err := c.opt.Store.QueuePage(ctx, queue.Filter{Campaign: campaign}, maxShared)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if !seen[r.Incident] && len(out) < maxShared {
				seen[r.Incident] = true
				out = append(out, console.Alike{Incident: r.Incident, At: r.OpenedAt, Kinds: []string{"campaign"}})
			}
		}
	}
	return out, nil
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
	out.Alike, err = c.alike(ctx, f)
	return err
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
