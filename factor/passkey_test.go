package factor_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"mimamori"
	"mimamori/factor"
	"mimamori/factor/phonetest"
)

const origin = "https://security.shop.example"

func withPasskeys(t *testing.T) (*factor.Book, *memory) {
	t.Helper()
	b, store := newBook(t)
	if err := b.UsePasskeys("shop.example", "Shop", origin); err != nil {
		t.Fatal(err)
	}
	return b, store
}

// bound binds a phone and takes it out of quarantine.
func bound(t *testing.T, b *factor.Book, account mimamori.AccountID, p *phonetest.Phone) factor.Factor {
	t.Helper()
	options, err := b.BeginPasskey(t.Context(), account, "visit", "hana")
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.FinishPasskey(t.Context(), account, "visit", "my phone", factor.Binding{Session: "s1"}, p.Bind(options))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(t.Context(), account, f.ID); err != nil {
		t.Fatal(err)
	}
	return f
}

func asked(t *testing.T, b *factor.Book, ref string) []byte {
	t.Helper()
	options, err := b.AskPasskey(t.Context(), hana, ref)
	if err != nil {
		t.Fatal(err)
	}
	return options
}

// TestPasskeyProves: bound, in quarantine until confirmed, then a proof; each
// answer once, however many send it at once.
func TestA04_PasskeyAnswersWorkOnce(t *testing.T) {
	b, _ := withPasskeys(t)
	p := phonetest.New("shop.example", origin)
	options, err := b.BeginPasskey(t.Context(), hana, "visit", "hana")
	if err != nil {
		t.Fatal(err)
	}
	answer := p.Bind(options)
	f, err := b.FinishPasskey(t.Context(), hana, "visit", "my phone", factor.Binding{Session: "s1"}, answer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.FinishPasskey(t.Context(), hana, "visit", "again", factor.Binding{}, answer)
	denied(t, "the same binding again", err)
	_, err = b.CheckPasskey(t.Context(), hers, "rec", p.Prove(asked(t, b, "rec")))
	denied(t, "a passkey in quarantine", err)
	if err := b.Confirm(t.Context(), hana, f.ID); err != nil {
		t.Fatal(err)
	}
	good := p.Prove(asked(t, b, "rec"))
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if proof, err := b.CheckPasskey(t.Context(), hers, "rec", good); err == nil && proof.Factor == f.ID && proof.Binding.Session == "s1" {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 uses of one answer succeeded, want 1", won.Load())
	}
}

// TestPasskeyRefusals: what is not her passkey, for this question, on our page,
// with her finger, proves nothing.
func TestA16_PasskeyRefusals(t *testing.T) {
	b, _ := withPasskeys(t)
	p := phonetest.New("shop.example", origin)
	p.Counts = true
	f := bound(t, b, hana, p)
	taro := phonetest.New("shop.example", origin)
	bound(t, b, mimamori.NewAccountID("taro"), taro)
	check := func(what string, answer []byte) {
		t.Helper()
		_, err := b.CheckPasskey(t.Context(), hers, "rec", answer)
		denied(t, what, err)
	}
	old := p.Prove(asked(t, b, "rec"))
	asked(t, b, "rec")
	check("an answer to an older question", old)
	other := p.Prove(asked(t, b, "chl"))
	asked(t, b, "rec")
	check("an answer to another page's question", other)
	check("another account's passkey", taro.Prove(asked(t, b, "rec")))
	stranger := phonetest.New("shop.example", origin)
	stranger.Handle = p.Handle
	check("a passkey that nobody bound", stranger.Prove(asked(t, b, "rec")))
	stolen := *p
	stolen.Key = stranger.Key
	check("her id with another key", stolen.Prove(asked(t, b, "rec")))
	fake := *p
	fake.Origin = "https://security.shop.example.evil.example"
	check("a fake site's answer", fake.Prove(asked(t, b, "rec")))
	untouched := *p
	untouched.Flags = 1
	check("an answer without face, finger or PIN", untouched.Prove(asked(t, b, "rec")))
	for _, junk := range []string{"", "{}", "null", `{"id":"AAAA"}`, "\xff\xfe"} {
		asked(t, b, "rec")
		check("junk", []byte(junk))
	}
	p.Count = 100
	if _, err := b.CheckPasskey(t.Context(), hers, "rec", p.Prove(asked(t, b, "rec"))); err != nil {
		t.Fatalf("her own passkey: %v", err)
	}
	p.Count = 50
	check("a copy, whose counter runs behind", p.Prove(asked(t, b, "rec")))
	p.Count = 200
	if err := b.Remove(t.Context(), hana, f.ID, mimamori.System); err != nil {
		t.Fatal(err)
	}
	check("a removed passkey", p.Prove(asked(t, b, "rec")))
	if s, err := b.Signal(t.Context(), hana); err != nil || len(s.Accepted) != 0 || s.User == "" {
		t.Errorf("Signal after the removal = %+v, %v; want none accepted", s, err)
	}
	if _, err := b.BeginPasskey(t.Context(), hana, "visit", "hana"); err != nil {
		t.Errorf("begin again: %v", err)
	}
	plain, _ := newBook(t)
	if _, err := plain.AskPasskey(t.Context(), hana, "rec"); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("asking without passkeys: %v, want not found", err)
	}
}

// TestA08_HerOwnLaneStaysFree: two hundred wrong codes from strangers leave the
// tries of a browser known as hers untouched, and her mailed codes too.
func TestA08_HerOwnLaneStaysFree(t *testing.T) {
	b, _ := newBook(t)
	secret := enrolled(t, b)
	for range 200 {
		_, _ = b.CheckTOTP(t.Context(), hers, "000000")
	}
	_, err := b.CheckTOTP(t.Context(), hers, totp(t, secret))
	var throttled *factor.ThrottledError
	if !errors.As(err, &throttled) {
		t.Errorf("a stranger after 200 wrong codes: %v, want throttled", err)
	}
	known := factor.Try{Account: hana, Lane: "known"}
	_, err = b.CheckTOTP(t.Context(), known, "000000")
	denied(t, "a wrong code in her lane", err)
	if errors.As(err, &throttled) {
		t.Error("strangers' wrong codes fill her lane")
	}
	for range 2 * factor.MaxADay {
		_, _, err = b.IssueMailed(t.Context(), recovery, "")
	}
	denied(t, "one code too many in strangers' lane", err)
	if _, _, err := b.IssueMailed(t.Context(), recovery, "known"); err != nil {
		t.Errorf("her own code of the day: %v", err)
	}
}

// TestHostileNames: a name is one short line of visible characters.
func TestHostileNames(t *testing.T) {
	for in, want := range map[string]string{"": "", "  my   phone ": "my phone", "a\r\nBcc: x@y": "a Bcc: x@y", "\u202eevil\u2066": "evil", "\x00\x1b[31m": "[31m",
		"\xff\xfe": "", "電話📱": "電話📱"} {
		if got := factor.CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
	}
	if n := len([]rune(factor.CleanName(string(bytes.Repeat([]byte("あ"), 1000))))); n != 40 {
		t.Errorf("a long name keeps %d characters, want 40", n)
	}
}
