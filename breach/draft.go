package breach

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
)

// fieldWords are the usual names of what a page shows.
var fieldWords = map[string]mimamori.Text{
	"name": {JA: "氏名", EN: "name"}, "mail": {JA: "メールアドレス", EN: "mail address"}, "phone": {JA: "電話番号", EN: "telephone number"},
	"address": {JA: "住所", EN: "address"}, "addresses": {JA: "住所（お届け先）", EN: "delivery addresses"}, "recipient": {JA: "お届け先の氏名", EN: "recipient's name"},
	"postal_code": {JA: "郵便番号", EN: "postal code"}, "orders": {JA: "購入履歴", EN: "purchase history"}, "order": {JA: "購入履歴", EN: "purchase history"},
	"birthday": {JA: "生年月日", EN: "date of birth"}, "birth_date": {JA: "生年月日", EN: "date of birth"}, "points": {JA: "ポイント残高", EN: "points balance"},
	"payment":         {JA: "お支払い方法（カード番号は下4桁のみ）", EN: "payment methods (last 4 digits of card numbers only)"},
	"payment_methods": {JA: "お支払い方法（カード番号は下4桁のみ）", EN: "payment methods (last 4 digits of card numbers only)"},
	"last4":           {JA: "カード番号の下4桁", EN: "last 4 digits of card numbers"}, "expiry": {JA: "カードの有効期限", EN: "cards' expiry dates"},
	"brand": {JA: "カードの種類", EN: "cards' brands"}, "subscriptions": {JA: "会員登録の内容", EN: "memberships"},
}

// FieldWord says what a field is, in words; one that is not usual as the shop
// names it.
func FieldWord(name string) mimamori.Text {
	if t, ok := fieldWords[name]; ok {
		return t
	}
	return mimamori.Text{JA: name, EN: name}
}

var kindWords = map[event.ResourceKind]mimamori.Text{
	event.Contact: {JA: "連絡先", EN: "contacts"}, event.Address: {JA: "お届け先", EN: "addresses"}, event.PaymentMethod: {JA: "お支払い方法", EN: "payment methods"},
	event.Subscription: {JA: "会員登録", EN: "memberships"}, event.Password: {JA: "パスワード", EN: "password"}, event.Factor: {JA: "2段階認証", EN: "second step"},
	event.RecoveryQuestion: {JA: "秘密の質問", EN: "recovery question"}, event.Setting: {JA: "設定", EN: "settings"}, event.AppGrant: {JA: "アプリの許可", EN: "app permissions"},
}

func when(t time.Time) mimamori.Text {
	if t.IsZero() {
		return mimamori.Text{JA: "（不明）", EN: "(unknown)"}
	}
	t = t.In(Japan)
	return mimamori.Text{JA: t.Format("2006年1月2日 15時04分"), EN: t.Format("2 January 2006 15:04") + " JST"}
}

// total is what all incidents of a report come to.
type total struct {
	people, sessions, orders, cancelled, shipped, contained, told, recovered, notices int
	spent, back                                                                       int64
	start, end, stopped, toldAt                                                       time.Time
	changed                                                                           map[event.ResourceKind]int
	views                                                                             bool
}

func sum(all []Facts) total {
	t := total{changed: map[event.ResourceKind]int{}}
	people := map[mimamori.AccountID]bool{}
	first := func(into *time.Time, at time.Time) {
		if !at.IsZero() && (into.IsZero() || at.Before(*into)) {
			*into = at
		}
	}
	for _, f := range all {
		people[f.Account] = true
		first(&t.start, f.Start)
		first(&t.toldAt, f.Told)
		if f.End.After(t.end) {
			t.end = f.End
		}
		if f.Contained.After(t.stopped) {
			t.stopped = f.Contained
		}
		for _, c := range []struct {
			n  *int
			at time.Time
		}{{&t.contained, f.Contained}, {&t.told, f.Told}, {&t.recovered, f.Recovered}} {
			if !c.at.IsZero() {
				*c.n++
			}
		}
		t.sessions, t.orders, t.cancelled, t.shipped, t.notices = t.sessions+f.Sessions, t.orders+f.Orders, t.cancelled+f.Cancelled, t.shipped+f.Shipped, t.notices+f.Notices
		t.spent, t.back, t.views = t.spent+f.PointsSpent, t.back+f.PointsBack, t.views || f.Views
		for k, n := range f.Changed {
			t.changed[k] += n
		}
	}
	t.people = len(people)
	return t
}

// Draft writes the nine items from what is known: in Japanese for the report,
// in English to help a reader. What nobody here can know is left to a person,
// and says so.
func Draft(r *Report, all []Facts) map[Item]mimamori.Text {
	t, pages := sum(all), SeenBy(all)
	if len(all) < len(r.Incidents) { // more than were read: the number is known all the same
		t.people = r.Count()
	}
	campaign := r.ofCampaign()
	out := map[Item]mimamori.Text{
		Outline: {
			JA: fmt.Sprintf("%sから%sまでの間に、第三者が正しいパスワードなどを用いて、お客さま%d名のアカウントに計%d回サインインしました。当社は%sにこれを知り、%d名についてサインイン中の端末の切断とパスワードの無効化を行いました。",
				when(t.start).JA, when(t.end).JA, t.people, t.sessions, when(r.Aware.At).JA, t.contained) + campaign.JA,
			EN: fmt.Sprintf("Between %s and %s somebody else signed in %d times to the accounts of %d customers with the right password or the like. We learned of it on %s; for %d of them all devices were signed out and the password made invalid.",
				when(t.start).EN, when(t.end).EN, t.sessions, t.people, when(r.Aware.At).EN, t.contained) + campaign.EN},
		Data: dataItem(t, pages),
		Persons: {JA: fmt.Sprintf("%d名", t.people),
			EN: fmt.Sprintf("%d", t.people)},
		Cause:     causeItem(all),
		Secondary: secondaryItem(t),
		Response:  responseItem(t),
		Publicity: {JA: "公表の有無と、その時期・方法を記入してください。（未記入）", EN: "Write whether, when and how it was made public. (Not written yet.)"},
		Prevention: {
			JA: "実施済み：該当するアカウントのパスワードの無効化、変更内容の復元、90日間の監視の強化、2段階認証のご案内。追加の措置があれば記入してください。",
			EN: "Done: passwords of these accounts made invalid, changes undone, closer watch for 90 days, a second step offered. Add what else is being done."},
		Other: {JA: "警察への相談・届出、他の行政機関への報告などがあれば記入してください。（未記入）", EN: "Write whether the police or other authorities were told. (Not written yet.)"},
	}
	return out
}

func dataItem(t total, pages []Page) mimamori.Text {
	var ja, en []string
	for _, f := range Fields(pages) {
		w := FieldWord(f)
		if !slices.Contains(ja, w.JA) {
			ja, en = append(ja, w.JA), append(en, w.EN)
		}
	}
	out := mimamori.Text{
		JA: "第三者に表示された項目（画面の表示記録による）：" + strings.Join(ja, "、") + "。",
		EN: "Shown to somebody else (by the record of pages shown): " + strings.Join(en, ", ") + "."}
	switch {
	case !t.views:
		out = mimamori.Text{JA: "画面の表示記録がお店から届いていないため、表示された項目を特定できません。サインイン後に見られる項目をすべて記入してください。",
			EN: "The shop does not report which pages were shown, so it is not known what was. List everything that can be seen after signing in."}
	case len(ja) == 0:
		out = mimamori.Text{JA: "画面の表示記録では、第三者に表示された個人データの項目はありません。", EN: "By the record of pages shown, no personal data was shown to somebody else."}
	}
	if changed := changedWords(t); changed.JA != "" {
		out.JA += "第三者が変更した項目：" + changed.JA + "。"
		out.EN += " Changed by somebody else: " + changed.EN + "."
	}
	out.JA += "カード番号の全桁とパスワードは画面に表示されません。"
	out.EN += " Whole card numbers and passwords are never shown on pages."
	return out
}

func changedWords(t total) mimamori.Text {
	var ja, en []string
	for _, k := range event.ResourceKinds {
		if n := t.changed[k]; n > 0 {
			ja, en = append(ja, fmt.Sprintf("%s（%d件）", kindWords[k].JA, n)), append(en, fmt.Sprintf("%s (%d)", kindWords[k].EN, n))
		}
	}
	return mimamori.Text{JA: strings.Join(ja, "、"), EN: strings.Join(en, ", ")}
}

func causeItem(all []Facts) mimamori.Text {
	var ja, en []string
	for _, f := range all {
		if f.Cause.JA != "" && !slices.Contains(ja, f.Cause.JA) {
			ja, en = append(ja, f.Cause.JA), append(en, f.Cause.EN)
		}
	}
	if len(ja) == 0 {
		return mimamori.Text{JA: "第三者による不正アクセス。パスワードがどこで知られたかは分かっていません。", EN: "Unauthorised access by somebody else. Where the passwords became known is not known."}
	}
	return mimamori.Text{JA: "第三者による不正アクセス。" + strings.Join(ja, "／"), EN: "Unauthorised access by somebody else. " + strings.Join(en, " / ")}
}

func secondaryItem(t total) mimamori.Text {
	if t.orders == 0 && t.spent == 0 {
		return mimamori.Text{JA: "現在までに、注文やポイントの利用などの被害は確認していません。同じパスワードをほかで使っている場合や、知られた連絡先への不審な連絡には注意が必要です。",
			EN: "No orders or points spent so far. The same password used elsewhere, and strange messages to contacts that became known, need care."}
	}
	return mimamori.Text{
		JA: fmt.Sprintf("第三者による注文%d件（うち取消し%d件、発送済み%d件）、ポイント等の利用%d（うち返還%d）。", t.orders, t.cancelled, t.shipped, t.spent, t.back),
		EN: fmt.Sprintf("%d orders by somebody else (%d cancelled, %d shipped), %d points or the like spent (%d given back).", t.orders, t.cancelled, t.shipped, t.spent, t.back)}
}

func responseItem(t total) mimamori.Text {
	if t.told == 0 {
		return mimamori.Text{JA: fmt.Sprintf("該当する%d名へのお知らせは、まだ送信していません。", t.people), EN: fmt.Sprintf("None of the %d customers was told yet.", t.people)}
	}
	return mimamori.Text{
		JA: fmt.Sprintf("該当する%d名のうち%d名に、%sから電子メール（計%d通）と会員ページで事実と対応を知らせました。%d名がパスワードを再設定しました。", t.people, t.told, when(t.toldAt).JA, t.notices, t.recovered),
		EN: fmt.Sprintf("%d of the %d customers were told by mail (%d mails) and on their own pages, from %s on. %d have set a new password.", t.told, t.people, t.notices, when(t.toldAt).EN, t.recovered)}
}

// Text is an item as it will be reported: a person's words, else the draft's.
// written says which; there is no English of a person's words.
func (r *Report) Text(item Item, draft map[Item]mimamori.Text) (t mimamori.Text, written bool) {
	if words, ok := r.Written[item]; ok {
		return mimamori.Text{JA: words}, true
	}
	return draft[item], false
}
