package centre

import (
	"context"
	"net/netip"
	"time"

	"mimamori"
)

func (f *fixture) Record(ctx context.Context, v Visitor) (Record, error) {
	line, err := f.Timeline(ctx, v)
	if err != nil {
		return Record{}, err
	}
	orders, _ := f.Purchases(ctx, v)
	changes, _ := f.Contacts(ctx, v)
	return Record{Timeline: line, PrintedAt: f.now, Subject: "hanako-0001", Decided: f.at(-1.2), Recovered: f.at(-0.2), Why: f.incident().Why,
		Logins: []RecordLogin{{f.at(-1.3), netip.MustParseAddr("198.51.100.23"), hosting, "Windows・Chrome 140"}}, Orders: orders.Orders[:2], Changes: changes.Changes[:3],
		Notices: []NoticeRow{f.notice()}, Calls: f.calls()}, nil
}

func (f *fixture) After(ctx context.Context, v Visitor) (After, error) {
	h, err := f.Home(ctx, v)
	if err != nil || v.Session == "quiet" {
		return After{}, err
	}
	plan := Value{Fields: map[string]string{"plan": "プレミアム会員", "price": "600"}}
	card := Value{Fields: map[string]string{"brand": "VISA", "last4": "1234"}}
	return After{Obligations: h.Obligations, WatchUntil: h.WatchUntil, MayRemove: v.Session == "watched",
		Subscriptions: []Registered{{Kind: "subscription", Value: Value{Fields: map[string]string{"plan": "お茶の定期便", "price": "1980"}}, Since: f.at(-24 * 300)}},
		JoinedLeft: []ChangeRow{{Line: Line{At: f.at(-1.1)}, Kind: "subscription", Op: "removed", Before: plan, Owner: OwnerIntruder},
			{Line: Line{At: f.at(-1.3)}, Kind: "subscription", Op: "added", After: plan, Owner: OwnerIntruder, Fate: FateReverted}},
		Payments: []StoredPayment{{"pm1", card, f.at(-24 * 200), false}, {"pm2", card, time.Time{}, true}}}, nil
}

func (f *fixture) RemovePayment(_ context.Context, v Visitor, id string) error {
	if v.Session != "watched" {
		return mimamori.ErrDenied
	}
	f.reported = append(f.reported, "remove "+id)
	return nil
}

func (f *fixture) windows() []CallWindow {
	return []CallWindow{{From: f.at(-0.1), Until: f.at(2), Soon: true}, {From: f.at(8), Until: f.at(11)}, {From: f.at(11), Until: f.at(14)}}
}

func (f *fixture) CallBack(_ context.Context, v Visitor, token string, asked time.Time) (CallBack, error) {
	out := CallBack{Windows: f.windows()}
	switch {
	case token == "gone":
		return CallBack{}, mimamori.ErrNotFound
	case token != "":
		if !asked.IsZero() {
			out.Coming = &ComingCall{CallWindow: CallWindow{From: asked, Until: asked.Add(3 * time.Hour)}, Code: "42"}
		}
		return out, nil
	case v.Session == "quiet":
		return CallBack{}, nil
	case v.Session == "watched":
		out.Coming = &ComingCall{CallWindow: out.Windows[1], To: "•••• 78", Code: "07"}
	case v.Session == "person":
		out.Coming = &ComingCall{CallWindow: out.Windows[0], To: "•••• 78", Code: "07", Missed: true}
	case v.Session != "set": // set: no number from before
		out.Phones = []Reach{{"p1", "phone", "•••• 78"}, {"p2", "phone", "•••• 90"}}
	}
	out.Refused = []CallRefusal{{"•••• 11", text("不審なサインインの後に登録された番号です。", "This number was registered after the sign-in in question.")}}
	return out, nil
}

func (f *fixture) AskCall(ctx context.Context, v Visitor, token string, ask CallAsk) (CallBack, error) {
	out, err := f.CallBack(ctx, v, token, time.Time{})
	if ask.Window.Before(f.now) {
		out.Problem = NoWindow
	}
	return out, err
}

func (f *fixture) WithdrawCall(context.Context, Visitor) error { return nil }
