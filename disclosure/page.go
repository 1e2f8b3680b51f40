package disclosure

import (
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"time"

	"mimamori"
	"mimamori/event"
)

//go:embed page.html
var page string

var words = map[string]mimamori.Text{
	"title":     {JA: "お預かりしている情報の開示", EN: "Everything kept of an account"},
	"lead":      {JA: "アカウントの安全を守るためにお預かりしている情報のすべてです。パスワードとカード番号の全桁は、もともとお預かりしていません。第三者が登録した内容は、ほかの方の情報である場合があるため伏せています。", EN: "This is everything kept to guard the account. Passwords and whole card numbers were never kept. What somebody else registered is hidden, since it may be another person's."},
	"subject":   {JA: "お客さまID", EN: "Customer"},
	"made":      {JA: "作成日時", EN: "Made at"},
	"first":     {JA: "記録のはじまり", EN: "Kept since"},
	"logins":    {JA: "サインインの回数", EN: "Sign-ins"},
	"devices":   {JA: "いつもの端末", EN: "Usual devices"},
	"networks":  {JA: "いつもの回線", EN: "Usual networks"},
	"countries": {JA: "国", EN: "Countries"},
	"incidents": {JA: "第三者による利用の疑いと対応", EN: "Suspected use by somebody else, and the response"},
	"notices":   {JA: "お送りしたお知らせ", EN: "Notices sent"},
	"factors":   {JA: "2段階認証", EN: "Second step"},
	"calls":     {JA: "お電話のご依頼", EN: "Calls asked for"},
	"record":    {JA: "担当者などによる閲覧と操作", EN: "What staff looked at and did"},
	"events":    {JA: "お店から届いた記録", EN: "What the shop reported"},
	"events.lead": {JA: "お店から届いたままの記録です。決まった期間が過ぎたIPアドレスと端末の情報は、元に戻せない符号に置き換えています。",
		EN: "As the shop reported it. Addresses and devices older than the set time were replaced by codes that cannot be turned back."},
	"none": {JA: "ありません。", EN: "None."}, "when": {JA: "日時", EN: "When"}, "what": {JA: "内容", EN: "What"}, "data": {JA: "詳しい内容", EN: "Details"},
	"to": {JA: "宛先：", EN: "To:"}, "reference": {JA: "お知らせ番号：", EN: "Reference:"}, "kind": {JA: "種類", EN: "Kind"}, "name": {JA: "名前", EN: "Name"},
	"bound": {JA: "登録", EN: "Added"}, "removed": {JA: "削除", EN: "Removed"}, "phone": {JA: "電話番号", EN: "Telephone"}, "by": {JA: "だれが", EN: "By"},
}

var kinds = map[event.Kind]mimamori.Text{
	event.LoginAttempted: {JA: "サインイン", EN: "Sign-in"}, event.SessionSeen: {JA: "利用の続き", EN: "Session went on"}, event.SessionEnded: {JA: "サインアウト", EN: "Sign-out"},
	event.AccountSeen: {JA: "登録内容", EN: "Account as registered"}, event.AccountChanged: {JA: "登録内容の変更", EN: "Change"},
	event.OrderPlaced: {JA: "注文", EN: "Order"}, event.OrderShipped: {JA: "発送", EN: "Shipped"}, event.OrderCancelled: {JA: "注文の取り消し", EN: "Order cancelled"},
	event.OrderHidden: {JA: "注文の非表示", EN: "Order hidden"}, event.OrderUnhidden: {JA: "注文の再表示", EN: "Order shown again"},
	event.PointsMoved: {JA: "ポイントの増減", EN: "Points"}, event.PageViewed: {JA: "画面の表示", EN: "Page shown"}, event.PaymentDisputed: {JA: "支払いの異議", EN: "Payment disputed"},
	event.SessionJudged: {JA: "だれの利用かの判断", EN: "Whose session it was"},
}

// HTML writes the account as one page that needs nothing else: for a person to
// read and print. Times are told in the zone.
func (a Account) HTML(w io.Writer, lang mimamori.Lang, zone *time.Location) error {
	pick := func(t mimamori.Text) string {
		if lang == mimamori.English && t.EN != "" {
			return t.EN
		}
		return t.JA
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"w":  func(key string) string { return pick(words[key]) },
		"tr": pick,
		"at": func(t time.Time) string {
			if t.IsZero() {
				return "–"
			}
			return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
		},
		"kind": func(k event.Kind) string {
			if t, ok := kinds[k]; ok {
				return pick(t)
			}
			return string(k)
		},
		"text": func(raw json.RawMessage) string { return string(raw) },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("write an account: %w", err)
	}
	if err := t.Execute(w, struct {
		Lang mimamori.Lang
		A    Account
	}{lang, a}); err != nil {
		return fmt.Errorf("write an account: %w", err)
	}
	return nil
}
