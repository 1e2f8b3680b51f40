package dossier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/journal"
	"mimamori/support"
	"mimamori/web"
	"mimamori/web/console"
)

var _ console.Calls = (*Casework)(nil)

// Bounds of what the pages of calls list.
const (
	maxCalls      = 500
	maxCallOrders = 30
	beforeNight   = 24 * time.Hour      // orders from so long before the intrusion are read out too
	withoutNight  = 14 * 24 * time.Hour // without an intrusion, those of the last two weeks
)

// Calls lists the open calls, those that are due first. It names no customer.
func (c *Casework) Calls(ctx context.Context, actor mimamori.Actor, f console.CallFilter) (console.CallList, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.CallList{}, err
	}
	all, err := c.opt.Store.CallQueue(ctx, maxCalls)
	if err != nil {
		return console.CallList{}, err
	}
	now := time.Now()
	support.SortDue(all, now)
	out := console.CallList{Due: map[support.Due]int{}, Langs: map[mimamori.Lang]int{}}
	for _, call := range all {
		due := call.Due(now)
		lang, time := f.Lang == "" || f.Lang == call.Lang, f.Due == "" || f.Due == due
		if lang {
			out.Due[due]++
		}
		if time {
			out.Langs[call.Lang]++
		}
		if !lang || !time {
			continue
		}
		row, err := c.callRow(ctx, actor, call, now)
		if err != nil {
			return console.CallList{}, err
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

func (c *Casework) callRow(ctx context.Context, reader mimamori.Actor, call support.Call, now time.Time) (console.CallRow, error) {
	row := console.CallRow{Ref: console.CallRef{Account: call.Account, ID: call.ID}, Due: call.Due(now), Lang: call.Lang, From: call.Window.From,
		Until: call.Window.Until, AskedAt: call.AskedAt, Tries: call.Tries, LockedOut: call.Recovery != "", Mine: hasCall(call, reader)}
	if call.Agent == "" || call.State == support.CallAsked {
		return row, nil
	}
	var err error
	row.Agent, err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: call.Agent})
	return row, err
}

// hasCall says that this person is on the call now.
func hasCall(call support.Call, who mimamori.Actor) bool {
	return call.State == support.CallTaken && who.Kind == mimamori.ActorStaff && call.Agent == who.ID
}

// callFile is one call with its account's file and its other calls.
type callFile struct {
	*file
	call  support.Call
	other []support.Call
}

// openCall is the first line of all that concerns one call: it asks the guard
// and reads the file. The reason is the call itself, the customer asked for it,
// and what the agent adds, if anything.
func (c *Casework) openCall(ctx context.Context, actor mimamori.Actor, of console.CallRef, why string, acts ...audit.Act) (callFile, error) {
	if !strings.HasPrefix(of.ID, "call_") || len(of.ID) > 64 {
		return callFile{}, fmt.Errorf("find call: %w", mimamori.ErrNotFound)
	}
	all, err := c.opt.Store.Calls(ctx, of.Account)
	if err != nil {
		return callFile{}, err
	}
	at := slices.IndexFunc(all, func(x support.Call) bool { return x.ID == of.ID })
	reason := callReason(of)
	if why != "" {
		reason += ": " + why
	}
	target := audit.Target{}
	if at >= 0 {
		target = audit.Target{Account: of.Account, Incident: all[at].Incident}
	}
	for _, act := range acts {
		if err := c.opt.Guard.Allow(ctx, actor, act, target, reason); err != nil {
			return callFile{}, err
		}
	}
	if at < 0 {
		return callFile{}, fmt.Errorf("find call %s: %w", of.ID, mimamori.ErrNotFound)
	}
	f, err := c.desk.open(ctx, all[at].Subject)
	if err != nil {
		return callFile{}, err
	}
	return callFile{f, all[at], all}, nil
}

// callReason is why an agent looks at a customer who asked to be called.
func callReason(of console.CallRef) string { return "call: " + of.ID }

// live says that the account has an incident in which one may still act.
func (f *file) live() bool { return f.current != nil && !over(f.current) }

// callStart is from when the account's numbers do not count any more: the
// earliest that an intrusion may have begun, without one now.
func (f callFile) callStart() time.Time {
	start := f.startOr(f.now)
	if f.live() {
		start = earlier(start, f.suspectedStart())
	}
	return start
}

// blocked says why the number must not ring; empty when it may (standards G10).
func (f callFile) blocked() mimamori.Text {
	return f.call.MayRing(f.phones(), f.other, f.callStart())
}

// Call gives one whole.
func (c *Casework) Call(ctx context.Context, actor mimamori.Actor, of console.CallRef) (console.CallSheet, error) {
	f, err := c.openCall(ctx, actor, of, "", audit.LookAccount)
	if err != nil {
		return console.CallSheet{}, err
	}
	out := console.CallSheet{Subject: f.call.Subject, State: f.call.State, ChangedAt: f.call.ChangedAt, Number: web.MaskPhone(f.call.Phone.Number),
		Orders: f.callOrders(), Agreed: agreements}
	if out.CallRow, err = c.callRow(ctx, actor, f.call, f.now); err != nil {
		return out, err
	}
	if f.call.State == support.CallDone || f.call.State == support.CallWithdrawn {
		out.Result = support.Result(f.call.Outcome)
	}
	if f.live() {
		out.Incident, out.Stands = f.current.ID, f.current.State
		if f.current.WaitUntil.After(f.now) {
			out.WaitUntil = f.current.WaitUntil
		}
	}
	out.Blocked = f.blocked()
	if out.Mine && out.Blocked == (mimamori.Text{}) {
		out.Number, out.Code = f.call.Phone.Number, f.call.MatchCode
		if out.Vouching, err = c.vouching(ctx, f); err != nil {
			return out, err
		}
		out.Second = c.lowers(ctx, f)
	}
	return out, nil
}

// night are the orders that are read out, in order of time.
func (f callFile) night() []*journal.Order {
	from := f.now.Add(-withoutNight)
	if f.live() {
		from = f.suspectedStart().Add(-beforeNight)
	}
	var out []*journal.Order
	for _, o := range f.journal.Orders {
		if !o.At.Before(from) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *journal.Order) int { return a.At.Compare(b.At) })
	return out[:min(len(out), maxCallOrders)]
}

func (f callFile) callOrders() []console.CallOrder {
	var out []console.CallOrder
	night := f.night()
	for _, o := range night {
		v := console.CallOrder{ID: o.ID, At: o.At, Amount: o.Total.Amount, Currency: o.Total.Currency, State: "placed", Owner: console.Unknown, Mark: f.call.Marks[o.ID]}
		if o.Session != "" {
			v.Owner = f.holder(o.Session)
		}
		switch {
		case !o.Cancelled.IsZero():
			v.State = "cancelled"
		case !o.Shipped.IsZero():
			v.State = "shipped"
		}
		for _, x := range night {
			if x.ID != o.ID && x.Session == o.Session && o.Session != "" {
				v.Together++
			}
		}
		out = append(out, v)
	}
	return out
}

// agreements are what can be agreed on, as it stands in the mail: sentences of
// ours only, so that nothing an agent types reaches a customer in our name.
var agreements = []console.Agreement{
	{Key: "reset", Text: mimamori.Text{JA: "お待ちいただく時間のあと、お客様ご自身で新しいパスワードを決めていただきます", EN: "After the wait you choose a new password yourself"}},
	{Key: "card", Text: mimamori.Text{JA: "カード会社に、お客様から確認していただきます", EN: "You ask your card company"}},
	{Key: "parcel", Text: mimamori.Text{JA: "発送された品物を止められるか、わたしたちが運送会社に確かめます", EN: "We ask the carrier whether the parcel can be stopped"}},
	{Key: "other", Text: mimamori.Text{JA: "同じパスワードを使っているほかの店でも、お客様がパスワードを変えます", EN: "You change the password at other shops where you use the same one"}},
	{Key: "second", Text: mimamori.Text{JA: "サインインのときの二つ目の確認を、お客様に加えていただきます", EN: "You add a second step to your sign-in"}},
}
