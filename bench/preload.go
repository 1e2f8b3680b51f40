package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/profile"
)

// patterns is how many different pasts there are: beyond them accounts differ
// by their device alone.
const patterns = 200

// preload writes accounts with three sign-ins of the last two months each. The
// first of each pattern goes through the door for the past, the others are
// copies of its row with a device of their own. They are written in the order
// of their keys: millions in any other order cost a page each.
func preload(ctx context.Context, a *app.App, o Options) error {
	models := make([]*incident.Account, min(patterns, o.Accounts))
	for i := range models {
		var past []event.Event
		for k := range 3 {
			at := time.Now().Add(-time.Duration(60-25*k) * 24 * time.Hour)
			e, err := event.DecodeLine(login(source, i, fmt.Sprint("past-", k), at), time.Now(), event.Limits{})
			if err != nil {
				return err
			}
			past = append(past, e)
		}
		if _, err := a.Intake.Take(ctx, past, intake.How{Past: true}); err != nil {
			return err
		}
		var err error
		if models[i], err = a.Store.ReadAccount(ctx, subject(i)); err != nil {
			return err
		}
	}
	order := inOrder(len(models), o.Accounts)
	so := 0
	share := slice
	if o.Kind == Restart {
		share = max(1, slice/o.History)
	}
	for part := range slices.Chunk(order, share) {
		if err := preloadPart(ctx, a, o, models, part); err != nil {
			return err
		}
		so += len(part)
		o.Progress(int64(so), int64(len(order)))
	}
	o.Progress(0, 0)
	return nil
}

const slice = 2000 // rows a transaction

// inOrder are the accounts from one number to another in the order of their
// keys.
func inOrder(from, to int) []int32 {
	type numbered struct {
		id mimamori.AccountID
		n  int32
	}
	all := make([]numbered, 0, max(to-from, 0))
	for i := from; i < to; i++ {
		all = append(all, numbered{mimamori.NewAccountID(subject(i)), int32(i)})
	}
	slices.SortFunc(all, func(a, b numbered) int { return slices.Compare(a.id[:], b.id[:]) })
	out := make([]int32, len(all))
	for i, x := range all {
		out[i] = x.n
	}
	return out
}

// preloadPart writes some accounts and, to be started again over, their events.
func preloadPart(ctx context.Context, a *app.App, o Options, models []*incident.Account, part []int32) error {
	var events []event.Event
	if o.Kind == Restart {
		for _, n := range part {
			events = append(events, pastOf(int(n), o.History)...)
		}
	}
	return a.Store.TakeEvents(ctx, false, events, func(tx intake.Tx) error {
		for _, n := range part {
			if err := tx.PutAccount(copied(models[int(n)%patterns], int(n))); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := tx.PutEvent(e, `{"decision":"allow","probability":0.0001,"reasons":[],"obligations":[]}`, e.Time); err != nil {
				return err
			}
		}
		return nil
	})
}

// pastOf are events of the last two months of an account, in the order of
// their names; three in ten are sign-ins.
func pastOf(i, n int) []event.Event {
	out := make([]event.Event, n)
	id := mimamori.NewAccountID(subject(i))
	for k := range out {
		// Spread over the days by account too: not all sign in at the same hour.
		at := time.Now().Add(-time.Duration((k*7919+i*104729)%(60*24*60)) * time.Minute).UTC()
		e := event.Event{ID: fmt.Sprintf("lived-%05d", k), Source: source, Kind: event.PageViewed, Subject: subject(i), Account: id, Time: at}
		e.Data = fmt.Appendf(nil, `{"session":"s-%d-past-2","page":"orders","fields":["orders"]}`, i%patterns)
		if k%10 < 3 {
			p := i % patterns
			e.Kind = event.LoginAttempted
			e.Data = fmt.Appendf(nil, `{"outcome":"succeeded","session":"s-%d-lived-%d","ip":"126.%d.%d.%d","user_agent":"%s","accept_language":"ja-JP,ja;q=0.9","device":"%s"}`,
				i, k, 16+p/50, p, 1+i/patterns%250, agents[p%len(agents)], device(i))
		}
		out[k] = e
	}
	return out
}

func copied(model *incident.Account, i int) *incident.Account {
	out := *model
	out.Subject = subject(i)
	out.ID, out.Exists = mimamori.NewAccountID(out.Subject), false
	out.Profile.Devices = nil
	for _, d := range model.Profile.Devices {
		d.Key = profile.DeviceKey(device(i), profile.ParseAgent(agents[i%patterns%len(agents)]))
		out.Profile.Devices = append(out.Profile.Devices, d)
	}
	return &out
}
