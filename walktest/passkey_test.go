package walktest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/demoshop"
)

// screenLock gives the browser a phone's screen lock, which knows its owner.
func (k *walker) screenLock() *walker {
	k.t.Helper()
	k.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
		return err
	}))
	return k
}

// TestPasskeyWalk: she set up a passkey on her phone some day. Then comes the
// night, and she does not wait the five hours: her finger on the phone lets her
// in at once. Afterwards she takes the spare codes away, which takes the finger
// once more.
func TestPasskeyWalk(t *testing.T) {
	inEach(t, mimamori.Japanese, func(t *testing.T, lang mimamori.Lang) {
		w := newWorld(t, lang, 5*time.Hour)
		k := newWalker(w).screenLock()
		enrols(k)
		intrudes(w)
		mailed := func(words string) bool {
			return slices.ContainsFunc(w.subjects(), func(s string) bool { return strings.Contains(s, words) })
		}
		invalid, held := k.say("パスワードを無効", "made invalid"), k.say("止めています", "on hold")
		time.Sleep(2 * time.Second)
		if !mailed(invalid) && !mailed(held) { // her passkey kept him out; she hears of it and says whose sign-in it was
			a, err := w.app.Store.ReadAccount(t.Context(), demoshop.Hanako)
			if err != nil || len(a.Profile.Sessions) == 0 {
				t.Fatalf("his session: %v", err)
			}
			his := a.Profile.Sessions[len(a.Profile.Sessions)-1].ID
			if err := w.app.Desk.Heard(t.Context(), demoshop.Hanako, his, true, mimamori.System); err != nil {
				t.Fatal(err)
			}
		}
		w.until("he is stopped", func() bool { return mailed(invalid) || mailed(held) })
		if !mailed(invalid) { // what he did was strange, and no more: her word decides
			k.open(w.centreURL + "/").look("p05-asked").press(k.say("ちがう", "Not me")).press(k.say("はい、わたしではありません", "Yes, it was not me"))
		}
		w.mail(demoshop.Hanako, invalid)
		early(k)
		takesAway(k)
		if t.Failed() {
			t.Log(w.logged())
		}
	})
}

// intrudes does what he comes to; how much of it the shop lets him is another
// walk's to see.
func intrudes(w *world) {
	ctx, v := w.t.Context(), w.intruder("tokyo-server")
	_, _ = v.SignIn(ctx, demoshop.Hanako, passwords[demoshop.Hanako])
	_, _ = v.Join(ctx)
	address, _, _ := v.AddAddress(ctx, "見知らぬ人", "530-0002", "大阪府", "大阪市北区曽根崎新地1-1-1")
	card, _, _ := v.AddCard(ctx, "5555555555554444", "2029-08")
	for _, product := range []string{"teapot", "towel", "gift-5000"} {
		_, _, _ = v.Order(ctx, product, address, card, nil)
	}
}

// enrols adds a passkey and spare codes on the device she always uses.
func enrols(k *walker) {
	k.signIn(demoshop.Hanako, passwords[demoshop.Hanako])
	k.open(k.w.shopURL + "/security?page=second-step").sees(k.say("パスワードのほかの守り", "Beyond the password")).look("p01-none").inDark("p01-none")
	k.press(k.say("この端末で設定する", "Set it up on this device")).sees(k.say("使えます", "Counts"), k.say("加えました", "Added")).hides(k.say("確認待ち", "To be confirmed"))
	k.look("p02-passkey")
	k.w.mail(demoshop.Hanako, k.say("確認方法が変わりました", "second step"))
	k.press(k.say("予備の番号を作る", "Make spare codes")).sees(k.say("いまだけ", "only this once")).look("p03-codes")
	k.press(k.say("控えました", "I have written them down")).sees(k.say("10個", "10 codes"))
	provesHerself(k)
	k.press(k.say("認証アプリを設定する", "Set up an authenticator app")).look("p04-app").inDark("p04-app")
}

// provesHerself: taking something away needs another look at who she is.
func provesHerself(k *walker) {
	k.press(k.say("ご本人の確認をする", "Show that it is you")).sees(k.say("この端末の画面ロックで確かめる", "Use this device's screen lock")).hides("@mail.example").look("p05-challenge")
	k.press(k.say("この端末の画面ロックで確かめる", "screen lock")).look("p06-passed")
	k.press(k.say("続ける", "Go on")).sees(k.say("パスワードのほかの守り", "Beyond the password"))
}

// early: before the wait is over, her passkey from before is proof enough (C4).
func early(k *walker) {
	k.open(k.w.shopURL + "/signin")
	k.clicks = 0
	k.types("name", demoshop.Hanako).types("password", passwords[demoshop.Hanako]).press(k.say("サインイン", "Sign in")).
		press(k.say("新しいパスワードの手続きへ", "Go on to a new password")).
		sees(k.say("お守りするため、お待ちください", "For your safety, please wait"), k.say("待たずに", "Without waiting")).look("p10-waiting").inDark("p10-waiting")
	k.press(k.say("この端末の画面ロックで確かめる", "screen lock")).sees(k.say("確認できました", "it is you")).look("p11-proven")
	k.press(k.say("新しいパスワードを決める", "Choose a new password")).
		types("password", hanakosNew).types("again", hanakosNew).press(k.say("このパスワードにする", "Use this password")).
		press(k.say("サインインへ", "Go to sign-in")).types("name", demoshop.Hanako).types("password", hanakosNew).
		press(k.say("サインイン", "Sign in")).sees("山田 花子")
	if k.clicks > 12 {
		k.t.Errorf("the early way back took %d presses, want at most 12", k.clicks)
	}
	k.t.Logf("the early way back took %d presses", k.clicks)
}

// takesAway removes the spare codes: a look at who she is comes first.
func takesAway(k *walker) {
	k.open(k.w.shopURL + "/security?page=second-step").sees(k.say("使えます", "Counts")).look("p20-second")
	ask[bool](k, `[...document.querySelectorAll("details")].at(-1).open = true`)
	before := strings.Count(k.text(), k.say("使えます", "Counts"))
	k.press(k.say("外す", "Remove")).look("p23-remove").press(k.say("外す", "Remove")).sees(k.say("外しました", "Removed")).look("p24-removed")
	if after := strings.Count(k.text(), k.say("使えます", "Counts")); after != before-1 {
		k.t.Errorf("%d second steps count after one of %d was removed", after, before)
	}
}
