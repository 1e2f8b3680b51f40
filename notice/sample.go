package notice

import (
	"cmp"
	"fmt"
	"time"

	"mimamori"
)

// Sample are facts of an invented night, for previews and tests: everything
// that a notice may say is there. What the house says of itself is taken from
// it; an empty house is an invented shop.
func Sample(h House) Facts {
	at := time.Date(2026, 11, 21, 16, 10, 0, 0, time.UTC)
	f := h.facts(at)
	if f.Shop == (mimamori.Text{}) {
		f.Shop = mimamori.Text{JA: "ひかり商店", EN: "Hikari Store"}
	}
	f.NoticeDomain = cmp.Or(f.NoticeDomain, "notice.hikari.example")
	f.CentreDomain = cmp.Or(f.CentreDomain, "security.hikari.example")
	if f.Contacts == nil {
		always := mimamori.Text{JA: "24時間", EN: "day and night"}
		f.Contacts = []Contact{
			{From: mimamori.Text{JA: "日本国内から", EN: "from Japan"}, Number: "0120-000-111", Hours: always, Free: true},
			{From: mimamori.Text{JA: "海外から", EN: "from abroad"}, Number: "+81-50-0000-1111", Hours: always},
		}
	}
	f.Customer, f.At = "山田 花子", at
	f.Place = mimamori.Text{JA: "ナイジェリア・ホスティング回線", EN: "Nigeria, hosting network"}
	f.Device = mimamori.Text{JA: "Windows の Chrome", EN: "Chrome on Windows"}
	f.Reason = mimamori.Text{
		JA: "はじめての国と端末から正しいパスワードでサインインがあり、すぐに登録内容が変えられたためです。",
		EN: "The right password came from a country and a device never used before, and details were changed at once.",
	}
	f.Acts = []Act{{Kind: ActAddress, Outcome: Reverted}, {Kind: ActPayment, Outcome: Reverted}, {Kind: ActSubscription, Outcome: Reverted},
		{Kind: ActOrder, Outcome: Cancelled, Count: 3}, {Kind: ActPoints, Outcome: Frozen}}
	f.OrdinaryMails = []mimamori.Text{{JA: "ご注文の確認", EN: "Your order"}, {JA: "プレミアム会員へようこそ", EN: "Welcome to Premium"}}
	f.WaitUntil, f.Wait, f.StrongSkip = at.Add(5*time.Hour+90*time.Second), 5*time.Hour, true
	f.Step = mimamori.Text{JA: "登録済みのパスキーで、ご本人であることを確認しました。", EN: "We checked that it is you by the passkey you had registered."}
	f.Points, f.Balance = 12400, 15120
	f.Changed, f.Day, f.NextDay, f.WatchFor, f.More = "mail", 3, 30, 90*24*time.Hour, 4
	f.Reference, f.WrittenAt = "7K2QM9XWTA4", at.Add(80*time.Second)
	return f
}

// Previewed is one notice as it would read.
type Previewed struct {
	Name  string        // unique: the kind, with the variant behind a hyphen
	Title mimamori.Text // the stage in words
	Lang  mimamori.Lang
	Rendered
}

// stage is a kind with the case of it that is shown.
type stage struct {
	kind    Kind
	variant string
	title   mimamori.Text
	change  func(*Facts)
}

// stages are every kind in the order in which a customer may meet them, and
// the forms of it that read differently.
var stages = []stage{
	{Contained, "", mimamori.Text{JA: "第三者を締め出したとき", EN: "A third party was shut out"}, nil},
	{Contained, "underway", mimamori.Text{JA: "同じく、お店の側の処理が続いているとき", EN: "The same, while the shop is still at work"}, func(f *Facts) { f.Underway = true }},
	{Contained, "call-first", mimamori.Text{JA: "同じく、再度の侵入でお電話が必要なとき", EN: "The same, after a second intrusion: a call is needed"}, func(f *Facts) { f.CallFirst, f.StrongSkip = true, false }},
	{Contained, "short", mimamori.Text{JA: "同じく、メールを他人が読むおそれがあるとき（短い形）", EN: "The same, where somebody else may read the mail (short form)"}, func(f *Facts) { f.MailboxInDoubt = true }},
	{Hold, "", mimamori.Text{JA: "ご注文とポイントを止めたとき", EN: "Orders and points were put on hold"}, nil},
	{ResetOpen, "", mimamori.Text{JA: "パスワードを設定できるようになったとき", EN: "The password can be set again"}, nil},
	{Code, "", mimamori.Text{JA: "確認コード", EN: "A confirmation code"}, func(f *Facts) { f.Code = "••••••" }},
	{RecoveryStep, "", mimamori.Text{JA: "再設定の手続きが進んだとき", EN: "A step of the recovery"}, nil},
	{PasswordSet, "", mimamori.Text{JA: "新しいパスワードが設定されたとき", EN: "A new password was set"}, nil},
	{Recovered, "", mimamori.Text{JA: "ご確認がすべて済んだとき", EN: "Everything is checked"}, nil},
	{ReminderDay3, "", mimamori.Text{JA: "その後のご確認", EN: "A later look"}, nil},
	{ReminderDay30, "", mimamori.Text{JA: "その後のご確認（最後）", EN: "The last later look"}, func(f *Facts) { f.Day, f.NextDay = 30, 0 }},
	{WordMe, "", mimamori.Text{JA: "「わたし」とのお答えがあったとき", EN: "Somebody answered “That was me”"}, nil},
	{CallAsked, "", mimamori.Text{JA: "お電話のご希望があったとき", EN: "A call was asked for"}, nil},
	{CallConfirmed, "", mimamori.Text{JA: "お電話のあと", EN: "After a call"}, nil},
	{ContactChangedOld, "", mimamori.Text{JA: "ご連絡先が変わったとき（前のアドレスへ）", EN: "A contact was changed (to the address from before)"}, nil},
	{ContactChangedNew, "", mimamori.Text{JA: "ご連絡先が変わったとき（新しいアドレスへ）", EN: "A contact was changed (to the new address)"}, nil},
	{NewDevice, "", mimamori.Text{JA: "新しい端末からのサインイン", EN: "A sign-in from a new device"}, nil},
	{SecondStep, "", mimamori.Text{JA: "サインインの確認方法が変わったとき", EN: "A second step was added or removed"}, nil},
	{UserID, "", mimamori.Text{JA: "ユーザーIDのお問い合わせ", EN: "A forgotten user id"}, nil},
	{Breach, "", mimamori.Text{JA: "個人情報が見られたおそれをお知らせするとき", EN: "Personal details may have been seen"}, func(f *Facts) {
		f.Step = mimamori.Text{JA: "氏名、住所（お届け先）、電話番号、購入履歴", EN: "name, delivery addresses, telephone number, purchase history"}
	}},
	{PointsRestored, "", mimamori.Text{JA: "ポイントをお返ししたとき", EN: "Points were given back"}, nil},
	{Release, "", mimamori.Text{JA: "ご本人と分かり、解除したとき", EN: "It was the customer: all is open again"}, nil},
	{Digest, "", mimamori.Text{JA: "お知らせが多すぎたとき", EN: "Too many notices in a day"}, nil},
}

// Preview renders every stage in a language, of the sample facts.
func Preview(h House, l mimamori.Lang) ([]Previewed, error) {
	var out []Previewed
	for _, s := range stages {
		f := Sample(h)
		name := string(s.kind)
		if s.variant != "" {
			name += "-" + s.variant
		}
		if s.change != nil {
			s.change(&f)
		}
		r, err := Render(s.kind, l, f)
		if err != nil {
			return nil, fmt.Errorf("preview %s: %w", name, err)
		}
		out = append(out, Previewed{Name: name, Title: s.title, Lang: l, Rendered: r})
	}
	return out, nil
}
