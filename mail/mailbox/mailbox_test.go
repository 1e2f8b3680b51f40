package mailbox_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/mail"
	"mimamori/mail/mailbox"
)

func open(t *testing.T, opt mailbox.Options) *mailbox.Server {
	t.Helper()
	box, err := mailbox.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// over runs do against the mailbox on a real socket.
func over(t *testing.T, box *mailbox.Server, do func(s *mail.Submitter)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := box.Serve(l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	do(&mail.Submitter{Addr: l.Addr().String(), TLS: mail.NoTLS})
	if err := box.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	done.Wait()
}

func signedLetter(t *testing.T, subject, body string) ([]byte, func(string) ([]string, error)) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []mail.Key{{Domain: "notice.shop.example", Selector: "e1", Signer: private}}
	raw, err := mail.Compose(mail.Message{
		From: mail.Address{Name: "ひかり商店", Addr: "security@notice.shop.example"}, To: mail.Address{Addr: "hanako@example.com"},
		Subject: subject, Body: body, MessageID: mail.NewMessageID("notice.shop.example"), Date: time.Now(), Lang: mimamori.Japanese,
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := mail.Sign(raw, keys)
	if err != nil {
		t.Fatal(err)
	}
	lookup, err := mail.LookupTXT(keys)
	if err != nil {
		t.Fatal(err)
	}
	return signed, lookup
}

func TestWhatWasAcknowledgedIsThereAfterRestart(t *testing.T) {
	dir := t.TempDir()
	over(t, open(t, mailbox.Options{Dir: dir}), func(s *mail.Submitter) {
		for i := range 3 {
			if err := s.Submit(t.Context(), "a@shop.example", fmt.Sprintf("c%d@example.com", i%2), fmt.Appendf(nil, "Subject: %d\r\n\r\nx\r\n", i)); err != nil {
				t.Fatal(err)
			}
		}
	})
	// What a crash and other programs leave behind is no mail.
	for _, name := range []string{"tmp/20261122T010000.000000000-000009-00000000.eml", "notes.eml", "20261122T010000.000000000-000009-00000000.eml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Subject: half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, mailbox.Options{Dir: dir})
	over(t, again, func(s *mail.Submitter) {
		if err := s.Submit(t.Context(), "a@shop.example", "c0@example.com", []byte("Subject: 3\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
	})
	var got []string
	for _, m := range again.Messages("c0@example.com") {
		subject, _, _ := strings.Cut(string(m.Raw), "\r\n")
		got = append(got, subject)
	}
	if want := "[Subject: 0 Subject: 2 Subject: 3]"; fmt.Sprint(got) != want {
		t.Errorf("after the restart c0 has %v, want %v", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp", "*")); len(left) != 0 {
		t.Errorf("tmp still holds %v", left)
	}
}

func TestManyAtOnceLoseNothing(t *testing.T) {
	box := open(t, mailbox.Options{Dir: t.TempDir()})
	over(t, box, func(s *mail.Submitter) {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := s.Submit(t.Context(), "a@shop.example", "c@example.com", fmt.Appendf(nil, "Subject: %d\r\n\r\nx\r\n", i)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	seen := map[string]bool{}
	for _, m := range box.Messages("c@example.com") {
		seen[string(m.Raw)] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 mails arrived", len(seen))
	}
}

func TestPageShowsMailsAsText(t *testing.T) {
	raw, lookup := signedLetter(t, "お知らせ <script>alert(1)</script>", "山田 様\n\n<a href=\"https://evil.example/\">ここ</a> http://evil.example/\n")
	box := open(t, mailbox.Options{Dir: t.TempDir(), LookupTXT: lookup})
	forged := bytes.Replace(raw, []byte("To: <hanako"), []byte("To: <taro"), 1)
	over(t, box, func(s *mail.Submitter) {
		for _, b := range [][]byte{raw, forged, []byte("no header at all")} {
			if err := s.Submit(t.Context(), "security@notice.shop.example", "hanako@example.com", b); err != nil {
				t.Fatal(err)
			}
		}
	})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		box.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("GET %s: policy %q", path, csp)
		}
		return w.Code, w.Body.String()
	}
	mails := box.Messages("")
	_, list := get("/?lang=ja")
	if !strings.Contains(list, "届いたメール") || !strings.Contains(list, "お知らせ &lt;script&gt;") || !strings.Contains(list, "m/"+mails[0].ID) {
		t.Errorf("the list shows:\n%s", list)
	}
	_, genuine := get("/m/" + mails[0].ID + "?lang=ja")
	if !strings.Contains(genuine, "正しい署名") || !strings.Contains(genuine, "山田 様") || strings.Contains(genuine, "<script") || strings.Contains(genuine, `<a href="https://evil`) {
		t.Errorf("the signed mail shows:\n%s", genuine)
	}
	if _, fake := get("/m/" + mails[1].ID + "?lang=en"); !strings.Contains(fake, "not valid") || strings.Contains(fake, "✓") {
		t.Errorf("the forged mail shows:\n%s", fake)
	}
	if _, source := get("/m/" + mails[0].ID + "/source"); source != string(raw) {
		t.Errorf("the source differs from what was sent:\n%s", source)
	}
	for _, id := range []string{"..%2f..%2fetc%2fpasswd", "x", mails[0].ID + "0"} {
		if code, _ := get("/m/" + id); code != 404 {
			t.Errorf("GET /m/%s = %d, want 404", id, code)
		}
	}
	if code, broken := get("/m/" + mails[2].ID + "?lang=en"); code != 200 || !strings.Contains(broken, "no header at all") {
		t.Errorf("the broken mail: %d\n%s", code, broken)
	}
	if _, some := get("/?to=nobody%40example.com&lang=en"); !strings.Contains(some, "Nothing has arrived yet") {
		t.Errorf("the empty list shows:\n%s", some)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("Subject: =?iso-2022-jp?B?GyRCJCIbKEI=?=\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$\"\x1b(B"))
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; h=from; bh=; b=\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		mailbox.Decode(raw, func(string) ([]string, error) { return []string{"v=DKIM1; k=ed25519; p=AAAA"}, nil })
	})
}
