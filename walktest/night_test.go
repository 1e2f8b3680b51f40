package walktest

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/demoshop"
	"mimamori/web/webtest"
)

// inEach runs a walk in the languages asked for: both with WALK_ALL or when
// pictures are taken, else the one that is given.
func inEach(t *testing.T, first mimamori.Lang, walk func(t *testing.T, lang mimamori.Lang)) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		t.Run(string(lang), func(t *testing.T) {
			if lang != first && os.Getenv("WALK_ALL") == "" && os.Getenv("WALK_IMAGES") == "" && os.Getenv("WALK_SHOTS") == "" {
				t.Skip("in one language unless WALK_ALL=1")
			}
			walk(t, lang)
		})
	}
}

// nightIntruder does over HTTP what the intruder of the night story did. What
// the shop stops him from is not done.
func nightIntruder(w *world) {
	t, v := w.t, w.intruder("tokyo-server")
	must := func(p demoshop.Page, err error) demoshop.Page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := must(v.SignIn(t.Context(), demoshop.Hanako, passwords[demoshop.Hanako])); !p.In() {
		t.Fatalf("the intruder does not get in: %d %s", p.Status, p.Headline)
	}
	must(v.Join(t.Context()))
	address, p, err := v.AddAddress(t.Context(), "見知らぬ人", "530-0002", "大阪府", "大阪市北区曽根崎新地1-1-1")
	must(p, err)
	card, p, err := v.AddCard(t.Context(), "5555555555554444", "2029-08")
	must(p, err)
	var orders []string
	for _, o := range []struct {
		product string
		more    url.Values
	}{{"teapot", nil}, {"towel", nil}, {"gift-5000", nil}} {
		id, p, err := v.Order(t.Context(), o.product, address, card, o.more)
		must(p, err)
		if id != "" {
			orders = append(orders, id)
		}
	}
	t.Logf("the intruder placed %d orders", len(orders))
	if len(orders) > 0 {
		must(v.HideOrder(t.Context(), orders[0]))
	}
	must(v.Leave(t.Context()))
	if address == "" || card == "" || len(orders) == 0 {
		t.Fatalf("the intruder got address %q, card %q, %d orders; the story needs all three", address, card, len(orders))
	}
}

// say picks a text in the walk's language.
func (k *walker) say(ja, en string) string { return mimamori.Text{JA: ja, EN: en}.In(k.w.lang) }

const hanakosNew = "himitsu-no-niwa-2026"

// TestNightWalk: she is refused at night and learns until when and why; reads
// the notice, makes sure that it is real, and after the wait walks back in,
// sees what was done, and orders again.
func TestNightWalk(t *testing.T) {
	inEach(t, mimamori.Japanese, func(t *testing.T, lang mimamori.Lang) {
		k := night(t, lang, 8*time.Second)
		refused(k)
		believed(k)
		k.w.mail(demoshop.Hanako, k.say("設定できます", "can set"))
		backIn(k)
		looksAround(k)
		ordersAgain(k)
		if t.Failed() {
			t.Log(k.w.logged())
		}
	})
}

// TestTrueWaitWalk is the first hour of the same night with the real wait: the
// pages say five hours, and no word of a demonstration's shortened ones.
func TestTrueWaitWalk(t *testing.T) {
	inEach(t, "", func(t *testing.T, lang mimamori.Lang) {
		k := night(t, lang, 5*time.Hour)
		refused(k)
		k.hides(k.say("短く", "shortened"))
		believed(k)
	})
}

// night opens her phone at the sign-in page, and lets the intruder do what he
// did.
func night(t *testing.T, lang mimamori.Lang, wait time.Duration) *walker {
	w := newWorld(t, lang, wait)
	k := newWalker(w)
	k.open(w.shopURL + "/signin").look("n01-signin")
	nightIntruder(w)
	w.mail(demoshop.Hanako, k.say("パスワードを無効", "password"))
	return k
}

// onlyTrue takes the picture when the wait on the page is the real one.
func (k *walker) onlyTrue(name string, height int) *walker {
	if k.w.app.Config.Policy.Shortened {
		return k
	}
	return k.picture(name, webtest.Phone, height)
}

// refused: the old password leads to "until when and why" (R1).
func refused(k *walker) {
	k.types("name", demoshop.Hanako).types("password", passwords[demoshop.Hanako]).press(k.say("サインイン", "Sign in")).
		sees(k.say("このパスワードは、いまは使えません", "This password is not in use now"), k.say("第三者による利用", "Somebody else")).
		look("n02-refused").onlyTrue("night-01-refused", 620)
	k.press(k.say("新しいパスワードの手続きへ", "Go on to a new password")).
		sees(k.say("お守りするため、お待ちください", "For your safety, please wait"), k.say("防ぎ", "cannot get ahead"), k.say("いまここ", "You are here")).
		look("n03-waiting").onlyTrue("night-02-waiting", 900).inDark("n03-waiting")
}

// believed: the mail, and its number on the real site (T3).
func believed(k *walker) {
	w := k.w
	notice := w.mail(demoshop.Hanako, k.say("パスワードを無効", "password"))
	code := reference.FindStringSubmatch(notice.Subject)
	if code == nil {
		k.t.Fatalf("no notice number in %q", notice.Subject)
	}
	k.open(w.boxURL + "/?lang=" + string(w.lang)).look("n04-mailbox")
	k.press(notice.Subject).sees(k.say("正しい署名", "valid"), k.say("3件を取り消しました", "3 orders")).look("n05-notice").onlyTrue("night-03-notice", 1250)
	k.hides("http://", "https://")
	k.open(w.centreURL + "/").look("n06-front").press(k.say("お知らせのメールが届いた", "I got a mail")).look("n07-reference")
	k.types("code", strings.ToLower(code[1])).press(k.say("確かめる", "Check")).
		sees(k.say("わたしたちが送りました", "We sent the notice"), code[1]).look("n08-genuine").onlyTrue("night-04-genuine", 760)
	k.open(w.centreURL+"/reference").types("code", "AAAA-BBBB-CCC").press(k.say("確かめる", "Check")).sees(k.say("見つかりません", "not found"))
	k.open(w.centreURL+"/help").sees(k.say("いま、つながります", "Answers now"), "050-0000-0000", "+81-50-0000-0000").look("n09-help")
	k.open(w.centreURL + "/ours").sees("security@security.midori.example").look("n10-ours")
}

// backIn is the way back after the wait, counted in presses.
func backIn(k *walker) {
	k.open(k.w.shopURL + "/signin")
	k.clicks = 0
	k.press(k.say("パスワードをお忘れですか", "Forgot your password")).look("n11-forgot").
		types("name", demoshop.Hanako).press(k.say("次へ", "Next")).sees(k.say("以前から登録されているメールアドレス", "the mail address you had registered")).hides("@mail.example").look("n12-recover")
	k.press(k.say("確認コードを送る", "Send the code")).look("n13-code").picture("night-05-code", webtest.Phone, 760)
	mailed := k.w.mail(demoshop.Hanako, k.say("確認コード", "confirmation code"))
	k.types("code", sixDigits.FindString(mailed.Body)).press(k.say("確かめる", "Check")).sees(k.say("確認できました", "it is you")).look("n14-proven")
	k.press(k.say("新しいパスワードを決める", "Choose a new password")).look("n15-newpassword")
	k.types("password", hanakosNew).types("again", hanakosNew).press(k.say("このパスワードにする", "Use this password")).look("n16-set")
	k.press(k.say("サインインへ", "Go to sign-in")).types("name", demoshop.Hanako).types("password", hanakosNew).
		press(k.say("サインイン", "Sign in")).sees("山田 花子").look("n17-my")
	if k.clicks > 12 {
		k.t.Errorf("the way back took %d presses, want at most 12", k.clicks)
	}
	k.t.Logf("the way back took %d presses", k.clicks)
}

// looksAround: the security centre, screen by screen.
func looksAround(k *walker) {
	k.press(k.say("セキュリティセンター", "Security centre")).
		sees(k.say("守られています", "Your account is safe"), k.say("起きたこと", "What happened"), k.say("わたしたちがしたこと", "What we did"), k.say("残っていること", "What is left to do")).
		hides(k.say("だれかが、パスワードの", "Somebody has begun")).
		look("n20-home").picture("night-06-home", webtest.Phone, 1150).inDark("n20-home").wide("n20-home")
	stolen := "•••• 4444"
	k.press(k.say("第三者がしたことと、その結果を見る", "See what they did")).
		sees(stolen, k.say("注文を購入履歴から隠した", "Hid an order"), k.say("取り消しました", "Cancelled"), k.say("元に戻しました", "Put back"), k.say("第三者に見られたもの", "What they could see")).
		hides("5555", "見知らぬ人", "曽根崎").look("n21-timeline").picture("night-07-timeline", webtest.Phone, 1450)
	k.press(k.say("カード会社や警察に渡す記録を印刷する", "Print a record")).
		sees("45.76.100.31", stolen, k.say("第三者のサインイン", "Their sign-ins"), k.say("お送りしたお知らせ", "Notices sent to you")).
		hides("5555", "見知らぬ人", "曽根崎").look("n28-record").picture("night-10-record", webtest.Desk, 1300)
	k.open(k.w.centreURL + "/unknown-orders").look("n29-unknown")
	k.open(k.w.centreURL+"/logins").sees("45.76.100.31", "49.98.141.77", k.say("いま使っている端末", "This device"), k.say("貸しサーバー", "rented server")).look("n22-logins").wide("n22-logins")
	k.open(k.w.centreURL+"/purchases").sees("¥4,950", "¥3,080", "¥5,000", k.say("隠されていました", "Was hidden")).look("n23-purchases")
	k.open(k.w.centreURL+"/contacts").sees(stolen, k.say("もとの内容", "Before"), k.say("現在", "Now"), "•••• 4242").hides("5555", "曽根崎").
		look("n24-contacts").wide("n24-contacts").picture("night-08-changes", webtest.Desk, 1100)
	k.open(k.w.centreURL + "/devices").look("n25-devices")
	k.open(k.w.centreURL + "/messages").look("n26-messages").press(k.say("パスワードを無効にしました", "Your password was made invalid")).
		sees(k.say("メールでお送りしたものと、同じ文章です", "the very text")).look("n27-message")
}

// ordersAgain: the next order asks for card and address again (R3), and the
// list is done.
func ordersAgain(k *walker) {
	k.open(k.w.centreURL+"/checklist").sees(k.say("お支払い方法を入れ直す", "payment method again"), k.say("これから", "To do")).look("n30-checklist")
	var postal, line, expiry string
	for _, r := range k.w.account(demoshop.Hanako).State.Resources {
		text := func(field string) string { s, _ := r.Value[field].(string); return s }
		switch r.Kind {
		case "address":
			postal, line = text("postal_code"), text("line")
		case "payment_method":
			expiry = text("expiry")
		}
	}
	k.open(k.w.shopURL+"/order?product=tea").sees(k.say("もう一度の入力", "Once more, for safety")).look("n31-order").picture("night-09-order", webtest.Phone, 1150)
	k.types("number", "4242424242424242").types("expiry", expiry).types("postal_code", postal).types("line", line).
		press(k.say("注文を確定する", "Place the order")).sees(k.say("ご注文を受け付けました", "Your order is placed"))
	k.open(k.w.shopURL + "/my/membership").look("n32-membership")
	k.w.until("the list is done", func() bool {
		k.open(k.w.centreURL + "/checklist")
		return strings.Contains(k.text(), k.say("すべて済んでいます", "Everything is done"))
	})
	k.look("n33-checklist").picture("night-11-after", webtest.Phone, 1500)
	k.savedCard()
	k.open(k.w.centreURL + "/").sees(k.say("守られています", "Your account is safe")).look("n34-home")
}

// savedCard: the card that she does not want kept is gone from the shop.
func (k *walker) savedCard() {
	k.press(k.say("外す", "Remove")).sees(k.say("受け取りました", "Noted")).look("n35-removed")
	k.w.until("the shop holds no card", func() bool {
		for _, r := range k.w.account(demoshop.Hanako).State.Resources {
			if r.Kind == "payment_method" {
				return false
			}
		}
		return true
	})
	k.open(k.w.centreURL + "/checklist").hides("4242")
}
