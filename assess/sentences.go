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
	"device_young":               {Device, "最近使われ始めた端末からのサインインです", "The sign-in came from a device used here since lately"},
	"device_alike":               {Device, "以前からお使いの端末と同じ種類の端末です", "The device is of a kind used here for a long time"},
	"device_unrecognised":        {Device, "いつもの端末と同じ種類ですが、以前の端末である目印がありません", "The device is of the usual kind, but does not show the mark of one used before"},
	"device_changed":             {Device, "端末の目印は以前と同じですが、ブラウザが変わっています", "The device shows its mark from before, but its browser has changed"},
	"device_new":                 {Device, "これまで使われたことのない端末からのサインインです", "The sign-in came from a device never used here before"},
	"pattern_intruder":           {Device, "端末と回線の組み合わせが、第三者のサインインによくあるものです", "Device and network come together as they do when somebody else signs in"},
	"pattern_customer":           {Device, "端末と回線の組み合わせが、ご本人のサインインによくあるものです", "Device and network come together as they do when customers sign in"},
	"fingerprint_odd":            {Device, "接続のしかたが、名乗っているブラウザのものではありません", "The connection is not made the way the browser it claims to be makes it"},
	"hints_odd":                  {Device, "端末の種類の名乗りが、互いに食い違っています", "What the device says of its system contradicts itself"},
	"network_known":              {Network, "いつもの回線からのサインインです", "The sign-in came from the usual network"},
	"operator_known":             {Network, "いつもの通信会社の回線です", "The network belongs to the usual operator"},
	"network_ordinary":           {Network, "多くのお客様がお使いの種類の回線です", "The network is of a kind that many customers use"},
	"network_new":                {Network, "これまで使われたことのない回線からのサインインです", "The sign-in came from a network never used here before"},
	"network_hosting":            {Network, "家庭や携帯電話の回線ではなく、サーバー用の回線からのサインインです", "The sign-in came from a server network, not from a home or a phone"},
	"network_vpn":                {Network, "本当の場所を隠すための中継回線（VPN）からのサインインです", "The sign-in came through a relay (VPN) that hides the true place"},
	"network_tor":                {Network, "発信元を隠す匿名回線（Tor）からのサインインです", "The sign-in came through an anonymising network (Tor)"},
	"country_new":                {Network, "これまで使われたことのない国からのサインインです", "The sign-in came from a country never seen on this account"},
	"travel_too_fast":            {Network, "直前のサインインの国から、移動できないほど短い時間でのサインインです", "The sign-in came from another country sooner than anyone can travel"},
	"round_trip_long":            {Network, "通信の往復に、この回線としては長い時間がかかっています。中継されているおそれがあります", "The connection takes longer than this network's usually do, as if it were passed on"},
	"round_trip_usual":           {Network, "通信の往復の時間は、この回線としてふだんどおりです", "The connection takes no longer than this network's usually do"},
	"second_unfamiliar":          {Network, "見慣れないサインインが、1日のうちに別々の場所から続きました", "A second unfamiliar sign-in followed from elsewhere within a day"},
	"language_known":             {Device, "端末の言語の設定は、いつもと同じです", "The device asks for the usual language"},
	"language_new":               {Device, "端末の言語の設定が、いつもと違います", "The device asks for another language than usual"},
	"language_rare":              {Device, "端末の言語の設定が、多くのお客様とは違います", "The device asks for a language that few customers use"},
	"header_known":               {Device, "ブラウザの言語の並びは、いつもと同じです", "The browser lists its languages as usual"},
	"header_new":                 {Device, "ブラウザの言語の並びが、いつもと違います", "The browser lists its languages unlike before"},
	"hour_usual":                 {Behaviour, "いつもの時間帯のサインインです", "The sign-in came at a usual hour"},
	"hour_unusual":               {Behaviour, "いつもは使われない時間帯のサインインです", "The sign-in came at an hour when this account is hardly used"},
	"failures_before":            {History, "直前に、間違ったパスワードが何度も入力されています", "Several wrong passwords were tried just before"},
	"campaign_password":          {Campaign, "同じパスワードが、多くのお客様のアカウントで試されています", "The same password is being tried on the accounts of many customers"},
	"campaign_network":           {Campaign, "同じ回線から、多くのお客様のパスワードが次々に試されています", "The same network has been trying the passwords of many customers"},
	"campaign_client":            {Campaign, "同じ種類の接続から、多くのお客様のパスワードが次々に試されています", "The same kind of connection has been trying the passwords of many customers"},
	"failing_alike":              {Campaign, "同じ種類の接続で、サインインの失敗が目立っています", "Connections of this kind have been failing to sign in remarkably often"},
	"password_breached":          {History, "このパスワードは、よそで漏れた一覧に載っています", "This password is on a list that leaked elsewhere"},
	"seldom_used":                {History, "サインインの少ないアカウントです。ご本人のサインインはまれです", "The account is seldom signed in to, so that the customer's own sign-ins are rare"},
	"often_used":                 {History, "ふだんからよくサインインされているアカウントです", "The account is signed in to often, as a rule by the customer"},
	"long_inactive":              {History, "半年以上使われていなかったあとのサインインです", "The account had not been used for more than half a year"},
	"watched":                    {History, "最近、第三者に使われたことがあるため、特に注意して見守っています", "The account was taken over not long ago and is under closer watch"},
	"foe_device":                 {Device, "以前このアカウントに入り込んだ第三者の端末と同じ端末です", "The device is the one by which a third party was in this account before"},
	"foe_network":                {Network, "以前このアカウントに入り込んだ第三者の回線と同じ回線です", "The network is the one from which a third party was in this account before"},
	"foe_alike":                  {Network, "以前このアカウントに入り込んだ第三者と、通信会社もブラウザも同じです", "Operator and browser are those of a third party who was in this account before"},
	"taken_device":               {Device, "ほかのアカウントに入り込んだ第三者の端末と同じ端末です", "The device is one by which a third party was in another account"},
	"taken_network":              {Network, "ほかのアカウントに入り込んだ第三者の回線と同じ回線です", "The network is one from which a third party was in another account"},
	"taken_alike":                {Network, "ほかのアカウントに入り込んだ第三者と、通信会社もブラウザも同じです", "Operator and browser are those of a third party who was in another account"},
	"factor_passed":              {Device, "2段階目の確認を通っています", "A second step was passed"},
	"enrolment":                  {History, "ご登録いただいたばかりのアカウントの、最初のサインインです", "This is the first sign-in of an account registered just now"},
	"session_moved":              {Device, "サインインしたまま、回線と端末が同時に入れ替わりました", "Network and device changed together in the middle of the session"},
	"session_elsewhere":          {Network, "サインインしたまま、見慣れない回線に移りました", "The session went on from an unfamiliar network"},
	"address_added":              {Behaviour, "お届け先が追加されました", "A delivery address was added"},
	"payment_added":              {Behaviour, "お支払い方法が追加されました", "A payment method was added"},
	"name_changed":               {Behaviour, "お名前が変更されました", "The name was changed"},
	"contact_changed":            {Behaviour, "ご連絡先が変更されました", "Contact details were changed"},
	"factor_removed":             {Behaviour, "2段階目の確認が外されました", "The second step was removed"},
	"membership_joined":          {Behaviour, "会員サービスに登録されました", "A membership was joined"},
	"membership_joined_and_left": {Behaviour, "会員サービスに登録され、すぐに退会されました", "A membership was joined and left again within hours"},
	"password_changed":           {Behaviour, "パスワードが変更されました", "The password was changed"},
	"access_granted":             {Behaviour, "ほかのアプリや質問から入れるようにする設定が加えられました", "Another way in was added: an app, or a question for lost passwords"},
	"value_of_intruder":          {Behaviour, "ほかのアカウントに入り込んだ第三者が使った届け先や連絡先が登録されました", "An address or contact was registered that a third party brought into another account"},
	"value_on_many_accounts":     {Behaviour, "同じ届け先や連絡先が、最近いくつものアカウントに登録されています", "The same address or contact was registered on several accounts lately"},
	"order_to_new_address":       {Behaviour, "追加されたばかりのお届け先へ注文されました", "An order went to an address added just before"},
	"details_several":            {Behaviour, "一日のうちに、登録内容がいくつも変えられました", "Several of the account's details were changed within a day"},
	"orders_several":             {Behaviour, "一日のうちに、何度も注文されました", "Several orders were placed within a day"},
	"points_apart":               {Behaviour, "ポイントが、ほかのお客様があまりなさらない使われ方をしました", "Points were spent in a way that customers here seldom do"},
	"order_unusually_large":      {Behaviour, "いつもの注文よりずっと大きな金額です", "The order comes to far more than usual"},
	"order_gift_card":            {Behaviour, "換金しやすいギフト券などが注文されました", "Gift cards or digital goods were ordered"},
	"order_hidden":               {Behaviour, "注文が、履歴から見えないようにされました", "An order was hidden from the history"},
	"points_spent":               {Behaviour, "ポイントが使われました", "Points were spent"},
	"points_mostly_spent":        {Behaviour, "ポイントの大半が使われました", "Most of the points were spent"},
	"watched_money":              {History, "最近、第三者に使われたアカウントで、見慣れない端末からお金やポイントが動きました", "Money or points moved from an unfamiliar device on an account taken over not long ago"},
	"customer_said_not_me":       {Customer, "お客様が「自分ではない」と知らせてくださいました", "The customer told us that it was not them"},
	"staff_said_intruder":        {Customer, "担当者が、第三者による利用と判断しました", "A member of staff judged it to be a third party"},
	"shop_said_intruder":         {Customer, "お店のシステムが、第三者による利用と判断しました", "The shop's systems judged it to be a third party"},
	"provider_warned":            {Customer, "メールなどの提供元が、乗っ取りのおそれを知らせてきました", "A mail or sign-in provider warned of a takeover"},
	"mailbox_warned":             {Customer, "お客様のメールボックス自体が乗っ取られたおそれがあると、提供元が知らせてきました", "The mailbox itself may have been taken over, its provider warns"},
	"payment_disputed":           {Customer, "カードの名義人が、この支払いに覚えがないと申し出ました", "The card holder does not recognise the payment"},
}

// named makes the signal of that name; a name without a sentence is a
// programming error that TestEverySignalHasItsSentence finds.
func named(name string, weight float64) Signal {
	s := sentences[name]
	return Signal{Name: name, Group: s.group, Weight: weight, Text: mimamori.Text{JA: s.ja, EN: s.en}}
}

// MailboxWarned is the signal of a mailbox that its provider holds to be taken
// over.
const MailboxWarned = "mailbox_warned"

// Word is a signal that a person or the shop gave outright: "customer_said_not_me",
// "staff_said_intruder", "shop_said_intruder", "payment_disputed",
// "provider_warned", "mailbox_warned".
func Word(name string) Signal { return named(name, 6) }

// Sentence is how the signal of that name reads; empty for an unknown name.
func Sentence(name string) mimamori.Text { return named(name, 0).Text }
