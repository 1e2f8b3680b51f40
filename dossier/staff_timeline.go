package dossier

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/profile"
	"mimamori/web/centre"
	"mimamori/web/console"
)

// maxLines bounds the timeline; the newest stay.
const maxLines = 500

// timeline puts everybody's acts in one order: the intruder's, the customer's,
// the shop's, ours and the staff's.
func (c *Casework) timeline(f *file, plan console.Plan) []console.Line {
	from := f.from()
	var out []console.Line
	add := func(l console.Line) {
		if !l.At.Before(from) {
			out = append(out, l)
		}
	}
	for _, l := range f.journal.Logins {
		if l.Data.Outcome == event.Succeeded {
			add(c.loginLine(f, l))
		}
	}
	for _, x := range f.journal.Changes {
		add(f.changeLine(x, plan))
	}
	for _, o := range f.journal.Orders {
		add(f.orderLine(o))
	}
	for _, m := range f.journal.Points {
		add(f.pointsLine(m))
	}
	for _, e := range f.entries {
		if e.Kind != noteKind {
			add(console.Line{At: e.At, Owner: entryOwner(e.Actor), Text: e.Text})
		}
	}
	slices.SortStableFunc(out, func(a, b console.Line) int { return a.At.Compare(b.At) })
	return out[max(0, len(out)-maxLines):]
}

func entryOwner(a mimamori.Actor) console.Owner {
	switch a.Kind {
	case mimamori.ActorCustomer:
		return console.Customer
	case mimamori.ActorStaff:
		return console.Staff
	case mimamori.ActorShop:
		return console.Shop
	}
	return console.Us
}

func (c *Casework) loginLine(f *file, l journal.Login) console.Line {
	where, agent := c.desk.describe(l.Data.IP), profile.ParseAgent(l.Data.UserAgent).String()
	line := console.Line{At: l.Event.Time, Owner: f.holder(l.Data.Session), Session: l.Data.Session,
		Text: mimamori.Text{JA: fmt.Sprintf("サインイン：%s、%s", where.JA, agent), EN: fmt.Sprintf("Signed in: %s, %s", where.EN, agent)}}
	if l.Owner == journal.OfIntruder {
		if _, ended := f.done("sessions.revoke"); !ended.IsZero() {
			line.Fate, line.Good = fates[centre.FateEnded], true
		}
	}
	return line
}

func (f *file) changeLine(x journal.Change, plan console.Plan) console.Line {
	line := console.Line{At: x.At, Owner: staffOwner(x.Owner), Session: x.Session, Text: changeText(x.Resource.Kind, x.Op), Value: plain(firstOf(x.After, x.Before))}
	if x.Owner != journal.OfIntruder {
		return line
	}
	for _, p := range plan.Changes {
		if p.Kind == string(x.Resource.Kind) && p.ID == x.Resource.ID {
			line.Fate, line.Good = outcomeTexts[p.Outcome], p.Outcome == console.Reverted || p.Outcome == console.Kept
		}
	}
	return line
}

func (f *file) orderLine(o *journal.Order) console.Line {
	words := fmt.Sprintf("%s（%d %s）", o.ID, o.Total.Amount, o.Total.Currency)
	line := console.Line{At: o.At, Owner: staffOwner(o.Owner), Session: o.Session, Text: mimamori.Text{JA: "注文 " + words, EN: "Order " + words}}
	row := f.purchase(o)
	line.Fate, line.Good = fates[row.Fate], row.Fate == centre.FateCancelled
	return line
}

func (f *file) pointsLine(m journal.Movement) console.Line {
	line := console.Line{At: m.At, Owner: staffOwner(m.Owner), Session: m.Session,
		Text: mimamori.Text{JA: fmt.Sprintf("%s %+d（残高 %d）", ledgerNames[m.Kind].JA, m.Amount, m.Balance), EN: fmt.Sprintf("%s %+d (balance %d)", ledgerNames[m.Kind].EN, m.Amount, m.Balance)}}
	if m.Owner != journal.OfIntruder || m.Amount >= 0 {
		return line
	}
	line.Fate = fates[centre.FatePerson]
	if at := f.restored(m.Entry); !at.IsZero() {
		line.Fate, line.Good = fates[centre.FateRestored], true
	}
	return line
}

// restored is when an entry was given back; zero: not yet.
func (f *file) restored(entry string) time.Time {
	if s, ok := restoring(f.steps, entry); ok && s.State == playbook.Done {
		return s.DoneAt
	}
	return time.Time{}
}

func changeText(kind event.ResourceKind, op event.Op) mimamori.Text {
	name, ok := resourceNames[kind]
	if !ok {
		name = mimamori.Text{JA: "ご登録内容", EN: "Registered detail"}
	}
	verb := opWords[op]
	return mimamori.Text{JA: name.JA + verb.JA, EN: name.EN + verb.EN}
}

var resourceNames = map[event.ResourceKind]mimamori.Text{
	event.Contact:          {JA: "連絡先", EN: "Contact"},
	event.Address:          {JA: "お届け先", EN: "Address"},
	event.PaymentMethod:    {JA: "お支払い方法", EN: "Payment method"},
	event.Subscription:     {JA: "会員登録", EN: "Membership"},
	event.Password:         {JA: "パスワード", EN: "Password"},
	event.Factor:           {JA: "2段階認証", EN: "Second step"},
	event.RecoveryQuestion: {JA: "秘密の質問", EN: "Recovery question"},
	event.Setting:          {JA: "設定", EN: "Setting"},
	event.AppGrant:         {JA: "アプリの許可", EN: "App permission"},
}

var opWords = map[event.Op]mimamori.Text{
	event.Added:   {JA: "の追加", EN: " added"},
	event.Changed: {JA: "の変更", EN: " changed"},
	event.Removed: {JA: "の削除", EN: " removed"},
}

var ledgerNames = map[string]mimamori.Text{
	"":       {JA: "ポイント", EN: "Points"},
	"points": {JA: "ポイント", EN: "Points"},
	"gift":   {JA: "ギフト残高", EN: "Gift balance"},
}

var fates = map[centre.Fate]mimamori.Text{
	centre.FateCancelled: {JA: "取り消しました", EN: "Cancelled"},
	centre.FateRestored:  {JA: "お返ししました", EN: "Given back"},
	centre.FateEnded:     {JA: "サインアウトさせました", EN: "Signed out"},
	centre.FateWorking:   {JA: "対応中です", EN: "In work"},
	centre.FatePerson:    {JA: "担当者の判断を待っています", EN: "Waits for a person’s decision"},
	centre.FateShipped:   {JA: "すでに発送されています", EN: "Shipped already"},
}

var outcomeTexts = map[console.Outcome]mimamori.Text{
	console.Planned:   {JA: "元に戻す予定です", EN: "To be reverted"},
	console.Reverted:  {JA: "元に戻しました", EN: "Reverted"},
	console.Kept:      {JA: "そのままで問題ありません", EN: "Nothing to do"},
	console.Conflict:  {JA: "担当者の判断を待っています", EN: "Waits for a person’s decision"},
	console.Refused:   {JA: "お店の側で戻せませんでした", EN: "The shop could not revert it"},
	console.TakenBack: {JA: "戻したことを取り消しました", EN: "The undo was taken back"},
}
