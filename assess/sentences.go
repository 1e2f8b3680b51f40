package assess

import "mimamori"

// sentence is what a signal is called and how it reads.
type sentence struct {
	group  Group
	ja, en string
}

// sentences has a line for each signal. Weights stand with the rules; the
// words stand here, so that a translator finds them in one place.
var sentences = map[string]sentence{
	"device_known":               {Device, "以前からお使いの端末からのサインインです", "The sign-in came from a device used here for a long time"},
	"device_alike":               {Device, "以前からお使いの端末と同じ種類の端末です", "The device is of a kind used here for a long time"},
	"device_new":                 {Device, "これまで使われたことのない端末からのサインインです", "The sign-in came from a device never used here before"},
	"network_known":              {Network, "いつもの回線からのサインインです", "The sign-in came from the usual network"},
	"operator_known":             {Network, "いつもの通信会社の回線です", "The network belongs to the usual operator"},
	"network_new":                {Network, "これまで使われたことのない回線からのサインインです", "The sign-in came from a network never used here before"},
	"network_hosting":            {Network, "家庭や携帯電話の回線ではなく、サーバー用の回線からのサインインです", "The sign-in came from a server network, not from a home or a phone"},
	"network_vpn":                {Network, "本当の場所を隠すための中継回線（VPN）からのサインインです", "The sign-in came through a relay (VPN) that hides the true place"},
	"network_tor":                {Network, "発信元を隠す匿名回線（Tor）からのサインインです", "The sign-in came through an anonymising network (Tor)"},
	"country_new":                {Network, "これまで使われたことのない国からのサインインです", "The sign-in came from a country never seen on this account"},
	"travel_too_fast":            {Network, "直前のサインインの国から、移動できないほど短い時間でのサインインです", "The sign-in came from another country sooner than anyone can travel"},
	"second_unfamiliar":          {Network, "見慣れないサインインが、1日のうちに別々の場所から続きました", "A second unfamiliar sign-in followed from elsewhere within a day"},
	"language_new":               {Device, "端末の言語の設定が、いつもと違います", "The device asks for another language than usual"},
	"hour_unusual":               {Behaviour, "いつもは使われない時間帯のサインインです", "The sign-in came at an hour when this account is never used"},
	"failures_before":            {History, "直前に、間違ったパスワードが何度も入力されています", "Several wrong passwords were tried just before"},
	"campaign_network":           {Campaign, "同じ回線から、多くのお客様のパスワードが次々に試されています", "The same network has been trying the passwords of many customers"},
	"campaign_client":            {Campaign, "同じ種類の接続から、多くのお客様のパスワードが次々に試されています", "The same kind of connection has been trying the passwords of many customers"},
	"password_breached":          {History, "このパスワードは、よそで漏れた一覧に載っています", "This password is on a list that leaked elsewhere"},
	"long_inactive":              {History, "半年以上使われていなかったあとのサインインです", "The account had not been used for more than half a year"},
	"watched":                    {History, "最近、第三者に使われたことがあるため、特に注意して見守っています", "The account was taken over not long ago and is under closer watch"},
	"factor_passed":              {Device, "2段階目の確認を通っています", "A second step was passed"},
	"session_moved":              {Device, "サインインしたまま、回線と端末が同時に入れ替わりました", "Network and device changed together in the middle of the session"},
	"address_added":              {Behaviour, "見慣れない端末から、お届け先が追加されました", "A delivery address was added from an unfamiliar device"},
	"payment_added":              {Behaviour, "見慣れない端末から、お支払い方法が追加されました", "A payment method was added from an unfamiliar device"},
	"name_changed":               {Behaviour, "見慣れない端末から、お名前が変更されました", "The name was changed from an unfamiliar device"},
	"contact_changed":            {Behaviour, "見慣れない端末から、ご連絡先が変更されました", "Contact details were changed from an unfamiliar device"},
	"factor_removed":             {Behaviour, "見慣れない端末から、2段階目の確認が外されました", "The second step was removed from an unfamiliar device"},
	"membership_joined":          {Behaviour, "見慣れない端末から、会員サービスに登録されました", "A membership was joined from an unfamiliar device"},
	"membership_joined_and_left": {Behaviour, "会員サービスに登録され、すぐに退会されました", "A membership was joined and left again within hours"},
	"order_to_new_address":       {Behaviour, "追加されたばかりのお届け先へ注文されました", "An order went to an address added just before"},
	"order_unusually_large":      {Behaviour, "いつもより大きな金額の注文です", "The order was far larger than any before"},
	"order_gift_card":            {Behaviour, "換金しやすいギフト券などが注文されました", "Gift cards or digital goods were ordered"},
	"order_hidden":               {Behaviour, "注文が、履歴から見えないようにされました", "An order was hidden from the history"},
	"points_spent":               {Behaviour, "見慣れない端末から、ポイントが使われました", "Points were spent from an unfamiliar device"},
	"points_mostly_spent":        {Behaviour, "見慣れない端末から、ポイントの大半が使われました", "Most of the points were spent from an unfamiliar device"},
	"watched_money":              {History, "最近、第三者に使われたアカウントで、見慣れない端末からお金やポイントが動きました", "Money or points moved from an unfamiliar device on an account taken over not long ago"},
	"customer_said_not_me":       {Customer, "お客様が「自分ではない」と知らせてくださいました", "The customer told us that it was not them"},
	"staff_said_intruder":        {Customer, "担当者が、第三者による利用と判断しました", "A member of staff judged it to be a third party"},
	"shop_said_intruder":         {Customer, "お店のシステムが、第三者による利用と判断しました", "The shop's systems judged it to be a third party"},
	"payment_disputed":           {Customer, "カードの名義人が、この支払いに覚えがないと申し出ました", "The card holder does not recognise the payment"},
}

// named makes the signal of that name; a name without a sentence is a
// programming error that TestEverySignalHasItsSentence finds.
func named(name string, weight float64) Signal {
	s := sentences[name]
	return Signal{Name: name, Group: s.group, Weight: weight, Text: mimamori.Text{JA: s.ja, EN: s.en}}
}

// Word is a signal that a person or the shop gave outright: "customer_said_not_me",
// "staff_said_intruder", "shop_said_intruder", "payment_disputed".
func Word(name string) Signal { return named(name, 6) }

// Sentence is how the signal of that name reads; empty for an unknown name.
func Sentence(name string) mimamori.Text { return named(name, 0).Text }
