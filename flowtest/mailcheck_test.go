package flowtest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"mimamori/app"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/mailcheck/auth"
	"mimamori/wave"
)

// fake passes itself off as the shop's; the name alone must not make it.
const fake = "From: みどり商店 <info@midori-store.evil.example>\nTo: hanako@home.example\nSubject: 【みどり商店】お支払い方法を確認してください\nDate: Tue, 10 Nov 2026 01:00:00 +0800\nMessage-ID: <x@evil.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" +
	"みどり商店をご利用いただきありがとうございます。お客様のアカウントに異常が見つかったため、ご利用を制限しています。24時間以内に下のリンクからログインして、カード情報を更新してください。\nhttps://midori.example.account-check.evil.example/login\n"

// home is the customer's own mail provider, which signs.
type home struct {
	key mail.Key
	dns map[string][]string
}

func newHome(t *testing.T) home {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := home{key: mail.Key{Domain: "home.example", Selector: "s", Signer: private}, dns: map[string][]string{"home.example": {"v=spf1 -all"}}}
	name, value, err := h.key.Record()
	if err != nil {
		t.Fatal(err)
	}
	h.dns[name] = []string{value}
	return h
}

// forward is the fake as the customer forwards it.
func (h home) forward(t *testing.T, n int, signed bool) []byte {
	t.Helper()
	raw := []byte(strings.ReplaceAll(fmt.Sprintf("From: <hanako@home.example>\nTo: <check@check.midori.example>\nSubject: Fwd: %d\nDate: Tue, 10 Nov 2026 01:10:00 +0900\nMessage-ID: <f%d@home.example>\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nIs this real?\n--b\nContent-Type: message/rfc822\n\n%s\n--b--\n", n, n, fake), "\n", "\r\n"))
	if !signed {
		return raw
	}
	raw, err := mail.Sign(raw, []mail.Key{h.key})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// deliver hands a mail to the inbox and gives the refusal's code, 250 for none.
func deliver(t *testing.T, pipe *mailbox.PipeListener, from, to string, raw []byte) int {
	t.Helper()
	conn, err := pipe.Dial(context.Background(), "tcp", "x")
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClient(conn)
	defer c.Close()
	err = c.SendMail(from, []string{to}, strings.NewReader(string(raw)))
	if refused, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return refused.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return 250
}

// TestOwnNoticeIsGenuineAndFakesAreNot: the customer shows the notice she got
// and a fake on the public page; the fake is counted for the analyst, without
// a word of it.
func TestOwnNoticeIsGenuineAndFakesAreNot(t *testing.T) {
	RunWith(t, func(c *app.Config) {
		c.MailDNS = auth.NewRecorded(nil)
		c.Mail.From = "security@security.midori.example"
	}, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		thrownOut(h, "hanako")
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		raw := string(h.Mail.Messages("hanako@mail.example")[0].Raw)
		show := func(text string) *Visitor { return h.Browser().Post("/mail-check", url.Values{"text": {text}}) }
		show(raw).Shows("本物のメールです").Shows("みどり商店から送られたことを確かめました")
		show(fake).Shows("にせもののメールです").Shows("みどり商店の名前をかたっています")
		// One word more, or another recipient, and it is not the one we sent.
		if page := show(strings.Replace(raw, "To: <hanako", "To: <hanakx", 1)).Page; strings.Contains(page, "本物のメールです") {
			t.Error("a notice to another recipient is called genuine")
		}
		seen, err := h.App.Store.Sightings(context.Background(), time.Time{})
		if err != nil || len(seen) == 0 || seen[len(seen)-1].Brand != "midori" && seen[0].Brand != "midori" {
			t.Fatalf("sightings are %+v (%v)", seen, err)
		}
		if w := wave.Find(seen); len(w[0].Hosts) == 0 {
			t.Errorf("the wave leads nowhere: %+v", w[0])
		}
	})
}

// TestG09_CheckerIsBounded: a machine that tries mails against the checker is
// told to come back later.
func TestG09_CheckerIsBounded(t *testing.T) {
	RunWith(t, func(c *app.Config) { c.MailDNS = auth.NewRecorded(nil) }, func(h *Harness) {
		busy := 0
		for range 40 {
			if v := h.Browser().Post("/mail-check", url.Values{"text": {"https://example.test/"}}); v.Status == 429 {
				busy++
			}
		}
		if busy != 10 {
			t.Errorf("%d of 40 tries in an hour were refused, want 10", busy)
		}
	})
}

// TestForwardedFakeIsAnswered: through the real inbox, judged by the real
// checker, answered through the real submission, signed, from the null sender.
func TestForwardedFakeIsAnswered(t *testing.T) {
	house, pipe := newHome(t), (*mailbox.PipeListener)(nil)
	RunWith(t, func(c *app.Config) {
		c.MailDNS = auth.NewRecorded(house.dns)
		c.Inbox = app.InboxConfig{Listen: "pipe", Host: "in.midori.example", Check: "check@check.midori.example"}
	}, func(h *Harness) {
		pipe = mailbox.Pipe()
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- h.App.ServeInbox(ctx, pipe) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		const me, check = "hanako@home.example", "check@check.midori.example"
		if code := deliver(t, pipe, me, check, house.forward(t, 1, false)); code != 550 {
			t.Errorf("an unsigned mail: %d, want 550 and no answer", code)
		}
		if code := deliver(t, pipe, me, check, house.forward(t, 2, true)); code != 250 {
			t.Fatalf("a signed mail: %d", code)
		}
		answer := h.ExpectMail(me, "確認結果")
		if !strings.Contains(answer.Body, "にせもののメールです") || strings.Contains(answer.Body, "evil") || strings.Contains(answer.Body, "://") {
			t.Errorf("the answer says\n%s", answer.Body)
		}
		stored := h.Mail.Messages(me)[0]
		if stored.From != "" || !strings.Contains(string(stored.Raw), "Auto-Submitted: auto-replied") {
			t.Errorf("it left from %q, want the null sender, as an automatic answer", stored.From)
		}
		seen, err := h.App.Store.Sightings(context.Background(), time.Time{})
		if err != nil || len(seen) != 1 || seen[0].Door != "inbox" || seen[0].Template == 0 {
			t.Errorf("sightings are %+v (%v)", seen, err)
		}
	})
}

// TestG09_NumbersTellLittleAndTriesAreFew: the number of a notice shows its
// text to nobody but its own customer; numbers that are nobody's look alike;
// after five tries in an hour there is no answer.
func TestG09_NumbersTellLittleAndTriesAreFew(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		thrownOut(h, "hanako")
		m := h.ExpectMail("hanako@mail.example", "パスワードを無効")
		_, number, _ := strings.Cut(m.Subject, "お知らせ番号 ")
		number = strings.Trim(number, "） ")
		stranger := h.Browser()
		try := func(code string) *Visitor { return stranger.Post("/reference", url.Values{"code": {code}}) }
		if page := try(number); page.Status != 200 || !strings.Contains(page.Page, "わたしたちが送りました") || strings.Contains(page.Page, "第三者") || strings.Contains(page.Page, "hanako") {
			t.Errorf("a stranger with the number: %d\n%s", page.Status, text(page.Page))
		}
		unknown, slip := try("0000-0000-000"), try("not a number")
		if unknown.Status != 404 || slip.Status != 404 {
			t.Errorf("numbers that are nobody's: %d and %d, want 404", unknown.Status, slip.Status)
		}
		try("ABCD-EFGH-JKM")
		try("ABCD-EFGH-JKN")
		if page := try(number); page.Status != 429 {
			t.Errorf("the sixth try in an hour: %d, want 429", page.Status)
		}
		h.FastForward(61 * time.Minute)
		if page := try(number); page.Status != 200 {
			t.Errorf("an hour later: %d, want 200", page.Status)
		}
	})
}
