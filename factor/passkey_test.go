package factor_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"mimamori"
	"mimamori/factor"
)

const origin = "https://security.shop.example"

// phone is a passkey's authenticator: it signs what it is asked, for the page
// that asks (WebAuthn Level 3, section 6).
type phone struct {
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	count   uint32
	origin  string // of the page; a fake site has another
	flags   byte   // user present 1, user verified 4
	counter bool   // counts its signatures
}

func newPhone() *phone {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // never fails
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &phone{key: key, id: id, origin: origin, flags: 1 | 4}
}

var b64 = base64.RawURLEncoding

func (p *phone) client(kind, challenge string) []byte {
	raw, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": p.origin, "crossOrigin": false})
	return raw
}

func (p *phone) data(extra byte, more []byte) []byte {
	if p.counter {
		p.count++
	}
	sum := sha256.Sum256([]byte("shop.example"))
	out := append(sum[:], p.flags|extra)
	out = binary.BigEndian.AppendUint32(out, p.count)
	return append(out, more...)
}

// bind answers navigator.credentials.create.
func (p *phone) bind(options []byte) []byte {
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	_ = json.Unmarshal(options, &o)
	p.handle, _ = b64.DecodeString(o.User.ID)
	point, _ := p.key.PublicKey.Bytes()
	cose := bytes.Join([][]byte{{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33], {0x22, 0x58, 32}, point[33:]}, nil) // RFC 9053, ES256
	held := bytes.Join([][]byte{make([]byte, 16), {0, byte(len(p.id))}, p.id, cose}, nil)
	auth := p.data(0x40, held)
	object := bytes.Join([][]byte{{0xa3, 0x63}, []byte("fmt"), {0x64}, []byte("none"), {0x67}, []byte("attStmt"), {0xa0, 0x68}, []byte("authData"),
		{0x59, byte(len(auth) >> 8), byte(len(auth))}, auth}, nil)
	raw, _ := json.Marshal(map[string]any{"id": b64.EncodeToString(p.id), "rawId": b64.EncodeToString(p.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64.EncodeToString(p.client("webauthn.create", o.Challenge)), "attestationObject": b64.EncodeToString(object)}})
	return raw
}

// prove answers navigator.credentials.get.
func (p *phone) prove(options []byte) []byte {
	var o struct {
		Challenge string `json:"challenge"`
	}
	_ = json.Unmarshal(options, &o)
	client, auth := p.client("webauthn.get", o.Challenge), p.data(0, nil)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(bytes.Clone(auth), hash[:]...))
	sig, _ := ecdsa.SignASN1(rand.Reader, p.key, signed[:])
	raw, _ := json.Marshal(map[string]any{"id": b64.EncodeToString(p.id), "rawId": b64.EncodeToString(p.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(auth),
			"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(p.handle)}})
	return raw
}

func withPasskeys(t *testing.T) (*factor.Book, *memory) {
	t.Helper()
	b, store := newBook(t)
	if err := b.UsePasskeys("shop.example", "Shop", origin); err != nil {
		t.Fatal(err)
	}
	return b, store
}

// bound binds a phone and takes it out of quarantine.
func bound(t *testing.T, b *factor.Book, account mimamori.AccountID, p *phone) factor.Factor {
	t.Helper()
	options, err := b.BeginPasskey(t.Context(), account, "visit", "hana")
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.FinishPasskey(t.Context(), account, "visit", "my phone", factor.Binding{Session: "s1"}, p.bind(options))
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
	p := newPhone()
	options, err := b.BeginPasskey(t.Context(), hana, "visit", "hana")
	if err != nil {
		t.Fatal(err)
	}
	answer := p.bind(options)
	f, err := b.FinishPasskey(t.Context(), hana, "visit", "my phone", factor.Binding{Session: "s1"}, answer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.FinishPasskey(t.Context(), hana, "visit", "again", factor.Binding{}, answer)
	denied(t, "the same binding again", err)
	_, err = b.CheckPasskey(t.Context(), hers, "rec", p.prove(asked(t, b, "rec")))
	denied(t, "a passkey in quarantine", err)
	if err := b.Confirm(t.Context(), hana, f.ID); err != nil {
		t.Fatal(err)
	}
	good := p.prove(asked(t, b, "rec"))
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
	p := newPhone()
	p.counter = true
	f := bound(t, b, hana, p)
	taro := newPhone()
	bound(t, b, mimamori.NewAccountID("taro"), taro)
	check := func(what string, answer []byte) {
		t.Helper()
		_, err := b.CheckPasskey(t.Context(), hers, "rec", answer)
		denied(t, what, err)
	}
	old := p.prove(asked(t, b, "rec"))
	asked(t, b, "rec")
	check("an answer to an older question", old)
	other := p.prove(asked(t, b, "chl"))
	asked(t, b, "rec")
	check("an answer to another page's question", other)
	check("another account's passkey", taro.prove(asked(t, b, "rec")))
	stranger := newPhone()
	stranger.handle = p.handle
	check("a passkey that nobody bound", stranger.prove(asked(t, b, "rec")))
	stolen := *p
	stolen.key = stranger.key
	check("her id with another key", stolen.prove(asked(t, b, "rec")))
	fake := *p
	fake.origin = "https://security.shop.example.evil.example"
	check("a fake site's answer", fake.prove(asked(t, b, "rec")))
	untouched := *p
	untouched.flags = 1
	check("an answer without face, finger or PIN", untouched.prove(asked(t, b, "rec")))
	for _, junk := range []string{"", "{}", "null", `{"id":"AAAA"}`, "\xff\xfe"} {
		asked(t, b, "rec")
		check("junk", []byte(junk))
	}
	p.count = 100
	if _, err := b.CheckPasskey(t.Context(), hers, "rec", p.prove(asked(t, b, "rec"))); err != nil {
		t.Fatalf("her own passkey: %v", err)
	}
	p.count = 50
	check("a copy, whose counter runs behind", p.prove(asked(t, b, "rec")))
	p.count = 200
	if err := b.Remove(t.Context(), hana, f.ID, mimamori.System); err != nil {
		t.Fatal(err)
	}
	check("a removed passkey", p.prove(asked(t, b, "rec")))
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
