package walktest

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/demoshop"
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

// TestNightWalk: she is refused at night and learns until when and why; reads
// the notice, makes sure that it is real, and after the wait walks back in,
// sees what was done, and orders again.
func TestNightWalk(t *testing.T) {
	inEach(t, mimamori.Japanese, func(t *testing.T, lang mimamori.Lang) {
		w := newWorld(t, lang, 8*time.Second)
		k := newWalker(w)
		k.open(w.shopURL + "/signin").look("n01-signin")
		nightIntruder(w)
		w.mail(demoshop.Hanako, k.say("パスワードを無効", "password"))
		night(k)
		if t.Failed() {
			t.Log(w.logged())
		}
	})
}

func night(k *walker) {
	w := k.w
	// R1: the old password leads to "until when and why".
	k.types("name", demoshop.Hanako).types("password", passwords[demoshop.Hanako]).
		press(k.say("サインイン", "Sign in")).look("n02-refused")
	k.press(k.say("新しいパスワードの手続きへ", "Go on to a new password")).look("n03-waiting").inDark("n03-waiting")

	// T3: the mail, and the same number on the real site.
	notice := w.mail(demoshop.Hanako, k.say("パスワードを無効", "password"))
	k.open(w.boxURL + "/?lang=" + string(w.lang)).look("n04-mailbox")
	k.press(k.say("パスワードを無効", "password")).look("n05-notice")
	code := reference.FindStringSubmatch(notice.Subject)
	if code == nil {
		k.t.Fatalf("no notice number in %q", notice.Subject)
	}
	k.open(w.centreURL+"/").look("n06-front").press(k.say("お知らせのメールが届いた", "notice")).look("n07-reference").
		types("code", strings.ToLower(code[1])).press(k.say("確かめる", "Check")).look("n08-genuine")
	k.open(w.centreURL + "/help").look("n09-help")
	k.open(w.centreURL + "/ours").look("n10-ours")

	// After the wait: forgot password, code, new password, in.
	w.mail(demoshop.Hanako, k.say("設定できます", "can set"))
	k.open(w.shopURL + "/signin")
	k.clicks = 0
	k.press(k.say("パスワードをお忘れですか", "Forgot your password")).look("n11-forgot").
		types("name", demoshop.Hanako).press(k.say("次へ", "Next")).look("n12-recover")
	k.press(k.say("送る", "Send")).look("n13-code")
	mailed := w.mail(demoshop.Hanako, k.say("確認コード", "confirmation code"))
	k.types("code", sixDigits.FindString(mailed.Body)).press(k.say("確かめる", "Check")).look("n14-proven")
	k.press(k.say("新しいパスワードを決める", "new password")).look("n15-newpassword")
	k.types("password", "himitsu-no-niwa-2026").types("again", "himitsu-no-niwa-2026").press(k.say("このパスワードにする", "Use this password")).look("n16-set")
	k.press(k.say("サインインへ", "Go to sign-in")).types("name", demoshop.Hanako).types("password", "himitsu-no-niwa-2026").
		press(k.say("サインイン", "Sign in")).look("n17-my")
	if k.clicks > 12 {
		k.t.Errorf("the way back took %d presses, want at most 12", k.clicks)
	}
	k.t.Logf("the way back took %d presses", k.clicks)

	// The security centre.
	k.press(k.say("セキュリティセンター", "Security centre")).look("n20-home").inDark("n20-home").wide("n20-home")
	for _, p := range []string{"timeline", "logins", "purchases", "contacts", "devices", "checklist", "messages"} {
		k.open(w.centreURL + "/" + p).look("n21-" + p).wide("n21-" + p)
	}
	k.press(k.say("パスワードを無効", "password")).look("n22-message")

	// R3: the next order asks for card and address again.
	k.open(w.shopURL + "/order?product=tea").look("n23-order")
	k.types("number", "4242424242424242").types("expiry", "2029-01").look("n24")
}
