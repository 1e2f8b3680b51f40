package walktest

import (
	"context"
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
		nightIntruder(w)
		w.mail(demoshop.Hanako, k.say("パスワードを無効", "password"))
		early(k)
		takesAway(k)
		if t.Failed() {
			t.Log(w.logged())
		}
	})
}

// enrols adds a passkey and spare codes on the device she always uses.
func enrols(k *walker) {
	k.signIn(demoshop.Hanako, passwords[demoshop.Hanako])
	k.open(k.w.shopURL + "/security?page=second-step").sees(k.say("パスワードのほかの守り", "Beyond the password")).look("p01-none").inDark("p01-none")
	k.press(k.say("この端末で設定する", "Set it up on this device")).sees(k.say("使えます", "Counts"), k.say("加えました", "Added")).hides(k.say("確認待ち", "To be confirmed"))
	k.look("p02-passkey")
	k.w.mail(demoshop.Hanako, k.say("確認方法が変わりました", "second step"))
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
	k.open(k.w.shopURL + "/security?page=second-step").look("p20-second")
}
