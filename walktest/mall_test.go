package walktest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/demoshop"
	"mimamori/web/webtest"
)

// listTries tries a list of passwords on customers that mostly do not exist,
// from a place's network.
func listTries(w *world, from string, n int) {
	v := w.intruder(from)
	for i := range n {
		if _, err := v.SignIn(w.t.Context(), fmt.Sprintf("list%03d", i), "qwerty-2016"); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestMallWalk: a password from a list worked; it is initialised, he sets a
// new one. Somebody comes back with that, from somewhere else, and spends
// points; he finds them frozen, whom to call, and what the two strange
// addresses of the first night mean.
func TestMallWalk(t *testing.T) {
	inEach(t, mimamori.English, func(t *testing.T, lang mimamori.Lang) {
		w := newWorld(t, lang, 3*time.Second)
		listTries(w, "tokyo-relay", 30)
		listTries(w, "somalia", 30)
		must := func(p demoshop.Page, err error) demoshop.Page {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		relay := must(w.intruder("tokyo-relay").SignIn(t.Context(), demoshop.Taro, passwords[demoshop.Taro]))
		somalia := must(w.intruder("somalia").SignIn(t.Context(), demoshop.Taro, passwords[demoshop.Taro]))
		t.Logf("the relay: %d %s %s; Somalia: %d %s %s", relay.Status, relay.Headline, relay.Leads, somalia.Status, somalia.Headline, somalia.Leads)
		if somalia.In() {
			t.Errorf("the sign-in from Somalia got in: %s", somalia.Headline)
		}
		w.until("taro's password is invalid", func() bool { return w.account(demoshop.Taro).Password == "invalid" })
		k := newWalker(w)
		mall(k)
		if t.Failed() {
			t.Log(w.logged())
		}
	})
}

func mall(k *walker) {
	w := k.w
	w.mail(demoshop.Taro, k.say("設定できます", "can set"))
	const fresh = "kirakira-2026-boshi"
	k.back(demoshop.Taro, fresh)
	k.open(w.shopURL + "/security").look("m01-home")
	k.open(w.centreURL+"/logins").sees("138.199.22.20", "197.220.84.51").look("m02-logins").wide("m02-logins").picture("mall-01-logins", webtest.Desk, 1100)

	// Twelve days later, for us at once: another network, another device.
	thief := w.intruder("other-home")
	if p, err := thief.SignIn(k.t.Context(), demoshop.Taro, fresh); err != nil || p.Status != http.StatusOK || !p.In() {
		k.t.Fatalf("the second intruder: %v, %d %s", err, p.Status, p.Headline)
	}
	if _, err := thief.SpendPoints(k.t.Context(), 3000); err != nil {
		k.t.Fatal(err)
	}
	w.until("taro's points are frozen", func() bool { return w.account(demoshop.Taro).Points.Frozen })

	// What he did was strange, and held; taro's word ends it. He is refused once
	// more himself; this time only a person can let him in.
	k.signIn(demoshop.Taro, fresh)
	if w.account(demoshop.Taro).Password != "invalid" {
		k.open(w.shopURL + "/security").press(k.say("ちがう", "Not me")).press(k.say("はい、わたしではありません", "Yes, it was not me"))
		w.until("taro's word contains it", func() bool { return w.account(demoshop.Taro).Password == "invalid" })
		k.signIn(demoshop.Taro, fresh)
	}
	k.look("m03-refused").press(k.say("新しいパスワードの手続きへ", "Go on to a new password")).
		sees(k.say("お電話でご本人と確認してから", "by phone")).look("m04-again").picture("mall-02-call", webtest.Phone, 1150)
	calledBack(k)
	second := w.mail(demoshop.Taro, k.say("パスワードを無効", "password"))
	k.open(w.boxURL+"/?lang="+string(w.lang)).press(second.Subject).
		sees(k.say("ポイントとギフト残高の利用を止めています", "Points and gift balances cannot be used"), k.say("お電話ください", "Please call")).look("m05-notice")
	k.open(w.centreURL + "/help").look("m06-help")

	// S2: what the two strange addresses are.
	k.open(w.centreURL+"/ip").types("addr", "138.199.22.20").press(k.say("調べる", "Look up")).
		sees(k.say("使った人の居場所ではありません", "not the person")).look("m07-relay").picture("mall-03-address", webtest.Phone, 900)
	k.types("addr", "197.220.84.51").press(k.say("調べる", "Look up")).sees(k.say("ソマリア", "Somalia")).look("m08-somalia")
}

// calledBack: locked out, he asks to be called; the two digits on his screen
// are those that the agent will say first, and a mail confirms it (H2).
func calledBack(k *walker) {
	k.clicks = 0
	k.press(k.say("電話をかけてもらう", "Have us call you")).hides("090", "+8190").look("m20-callback")
	k.press(k.say("この時間に電話をもらう", "Ask for this call")).sees(k.say("ご希望を受け付けました", "We have noted it")).look("m21-asked").picture("mall-04-callback", webtest.Phone, 900)
	k.w.mail(demoshop.Taro, k.say("お電話のご希望", "asked us to call"))
	queue, err := k.w.app.Store.CallQueue(k.t.Context(), 10)
	if err != nil || len(queue) != 1 || queue[0].Subject != demoshop.Taro || !strings.Contains(k.text(), queue[0].MatchCode) {
		k.t.Fatalf("the queue of calls = %+v, %v; want taro's, with the code on his screen", queue, err)
	}
}

// back is the way back in after the wait.
func (k *walker) back(subject, password string) {
	k.t.Helper()
	k.open(k.w.shopURL+"/forgot").types("name", subject).press(k.say("次へ", "Next")).press(k.say("確認コードを送る", "Send the code"))
	code := sixDigits.FindString(k.w.mail(subject, k.say("確認コード", "confirmation code")).Body)
	k.types("code", code).press(k.say("確かめる", "Check")).press(k.say("新しいパスワードを決める", "Choose a new password")).
		types("password", password).types("again", password).press(k.say("このパスワードにする", "Use this password"))
	k.signIn(subject, password)
	if again := k.say("確認コードを送る", "Send the code"); strings.Contains(k.text(), again) {
		// An account under closer watch, from a browser that it does not know:
		// one more code before he is in.
		k.press(again)
		code := sixDigits.FindString(k.w.mail(subject, k.say("確認コード", "confirmation code")).Body)
		k.types("code", code).press(k.say("確かめる", "Check")).press(k.say("お店に戻る", "Back to the shop"))
	}
}

func (k *walker) signIn(subject, password string) {
	k.t.Helper()
	k.open(k.w.shopURL+"/signin").types("name", subject).types("password", password).press(k.say("サインイン", "Sign in"))
}
