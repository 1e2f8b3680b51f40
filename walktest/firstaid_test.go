package walktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/brands"
	"mimamori/geo"
	"mimamori/mailcheck"
	"mimamori/web/firstaid"
	"mimamori/web/webtest"
)

// The notices of the two stories, as their readers had them before them; what
// they saw on a phone has no header.
const (
	nightNotice = `差出人: account-assist@amazon.co.jp
件名: お客様のAmazon.co.jpアカウントに対する最近の変更

お客様のAmazon.co.jpアカウントに、第三者がアクセスした可能性があることがわかりました。
パスワードを無効にし、第三者が行った変更を元に戻し、未発送の注文をすべてキャンセルしました。
5時間たってから、サインインの画面の「パスワードをお忘れですか?」でパスワードを再設定してください。
お心当たりのない場合は 0120-899-543、海外からは +81-22-745-6363 にお電話ください。
`
	mallNotice = `差出人: 楽天 <info@rakuten-account-verify.shop>
件名: 【楽●天】パスワード初期化のご連絡

楽天会員様
第三者によるログインの可能性があるため、パスワードを初期化いたしました。
24時間以内に下記のリンクをクリックして本人確認を行ってください。確認がない場合、アカウントは停止されます。
https://rakuten-account-verify.shop/login
`
)

// mallHistory is two months of sign-ins as copied from a page: 41, of which
// three are not his.
func mallHistory() string {
	var b strings.Builder
	b.WriteString("ログイン履歴\n過去2か月のログイン\n日時\t端末\tIPアドレス\n")
	now := time.Now()
	line := func(days, hour, minute int, device, ip string) {
		at := now.AddDate(0, 0, -days)
		fmt.Fprintf(&b, "%s %02d:%02d\t%s\t%s\n", at.Format("2006年1月2日"), hour, minute, device, ip)
	}
	line(1, 3, 20, "パソコン", "138.199.22.20")
	line(1, 3, 18, "パソコン", "197.220.84.51")
	line(2, 2, 55, "パソコン", "138.199.22.21")
	for i := range 38 {
		if i%3 == 0 {
			line(3+i, 8, 10+i, "スマートフォン", "49.98.141.77")
		} else {
			line(3+i, 21, 10+i, "パソコン", "106.72.45.9")
		}
	}
	return b.String()
}

// newAid serves first aid, offline, to a visitor in Japan.
func newAid(t *testing.T) string {
	t.Helper()
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	h, err := firstaid.New(firstaid.Options{Brands: all, Mail: mailcheck.New(mailcheck.Options{Brands: all}), Geo: geo.Embedded(), Offline: true, Public: true,
		ClientIP: func(*http.Request) netip.Addr { return netip.MustParseAddr("106.72.45.9") }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // ends by Close
	t.Cleanup(func() { _ = server.Close() })
	return local(l)
}

// pastes puts a text into a large field at once, as a paste does.
func (k *walker) pastes(field, text string) *walker {
	k.t.Helper()
	k.clicks++
	quoted, err := json.Marshal(text)
	if err != nil {
		k.t.Fatal(err)
	}
	ask[string](k, fmt.Sprintf(`document.querySelector('textarea[name="%s"]').value = %s`, field, quoted))
	return k
}

// ticks presses a box or a choice by its value.
func (k *walker) ticks(name, value string) *walker {
	k.t.Helper()
	k.clicks++
	k.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`input[name="%s"][value="%s"]`, name, value))))
	return k
}

// asPDF prints the open page.
func asPDF(ctx context.Context, t *chromedp.Target) ([]byte, error) {
	r, err := cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{})
	return r.Data, err
}

// TestFirstAidWalk: the two stories, told by somebody whose shop has no
// Mimamori. The whole path is a dozen presses; what was entered on the way
// stands on the last page.
func TestFirstAidWalk(t *testing.T) {
	inEach(t, mimamori.Japanese, func(t *testing.T, lang mimamori.Lang) {
		for story, walk := range map[string]func(*walker, string){"night": aidNight, "mall": aidMall} {
			w := &world{t: t, lang: lang}
			k := newWalker(w)
			began := time.Now()
			walk(k, newAid(t))
			t.Logf("%s: %d presses and pastes, %.0f s with all looks", story, k.clicks, time.Since(began).Seconds())
			if k.clicks > 16 || time.Since(began) > 3*time.Minute {
				t.Errorf("%s took %d presses and %v, at most 16 and 3 minutes", story, k.clicks, time.Since(began))
			}
		}
	})
}

// aidNight: a notice by night, things done that she did not do. The service
// has no known page of sign-ins; calling is what counts.
func aidNight(k *walker, at string) {
	k.open(at).sees(k.say("だれかに使われたかもしれないとき", "If somebody may have used your account")).look("a01-start").inDark("a01-start").picture("aid-01-start", webtest.Phone, 1000)
	k.ticks("happened", "mail").ticks("happened", "acts").press(k.say("次へ", "Next"))
	k.pastes("mail", nightNotice).press(k.say("確かめる", "Check it")).
		sees(k.say("本物とは確かめられません", "We cannot confirm this mail"), "account-assist@amazon.co.jp", k.say("メッセージセンター", "message centre")).look("a02-mail")
	k.press(k.say("次へ", "Next")).sees("amazon.co.jp", k.say("確かな資料がない", "no reliable source"), k.say("自分で入力", "Type this address yourself")).look("a03-screens")
	k.press(k.say("いま、することへ", "On to what to do now")).sees("0120-899-543", k.say("パスワードを変える", "Change the password"), k.say("電話をかけてもらう", "can call you")).look("a04-urgent").picture("aid-02-urgent", webtest.Phone, 1700)
	k.ticks("done", "password").ticks("from", "abroad").press(k.say("電話の案内を選び直す", "Show the numbers")).sees("+81-22-745-6363").hides("0120-899-543")
	k.press(k.say("記録のページへ", "On to your record")).sees(k.say("お客様のAmazon.co.jpアカウントに対する最近の変更", "お客様のAmazon.co.jpアカウントに対する最近の変更"), k.say("済み", "done")).look("a05-record")
}

// aidMall: a mail in the mall's name, a fake; but the history shows that
// somebody has been in all the same.
func aidMall(k *walker, at string) {
	k.open(at).ticks("happened", "mail").press(k.say("次へ", "Next"))
	k.pastes("mail", mallNotice).press(k.say("確かめる", "Check it")).
		sees(k.say("にせもののメールです", "This mail is a fake"), "rakuten-account-verify.shop").look("a06-fake").picture("aid-03-fake", webtest.Phone, 1100)
	k.press(k.say("次へ", "Next")).sees("rakuten.co.jp", "会員情報サービス").look("a07-screens")
	k.pastes("history", mallHistory()).press(k.say("読み取って説明する", "Read and explain")).
		sees(k.say("41件のうち3件が、ほかと合いません", "3 of 41 do not fit"), k.say("ソマリア", "Somalia"), "VPN", "138.199.22.20").look("a08-logins").wide("a08-logins").picture("aid-04-logins", webtest.Phone, 1500)
	k.press(k.say("いま、することへ", "On to what to do now")).sees(k.say("ほかと合わないサインインがあるためです", "sign-ins that do not fit"), k.say("ほかの端末をすべてサインアウトする", "Sign out everywhere")).look("a09-urgent")
	k.press(k.say("記録のページへ", "On to your record")).pastes("notes", k.say("22時10分に電話、受付番号 A-77", "Called at 22:10, their number A-77")).press(k.say("記録に入れる", "Put it into the record")).
		sees("A-77", "197.220.84.51", "【楽●天】パスワード初期化のご連絡").look("a10-record").picture("aid-05-record", webtest.Desk, 1300)
	if dir := os.Getenv("WALK_SHOTS"); dir != "" {
		r, err := chromedp.Run(k.ctx, chromedp.Action[[]byte](asPDF))
		if err != nil {
			k.t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/a10-record-"+string(k.w.lang)+".pdf", r, 0o600); err != nil {
			k.t.Error(err)
		}
	}
}
