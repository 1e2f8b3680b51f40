package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"mimamori"
	"mimamori/mail/mailbox"
)

// office is an inbox with its neighbours.
type office struct {
	t    *testing.T
	pipe *mailbox.PipeListener

	mu       sync.Mutex // guards all below
	denied   error      // what Authenticate says
	judged   int
	answers  []Answer
	returned []string
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, pipe: mailbox.Pipe()}
	s, err := New(Options{
		Domain: "in.shop.example", Check: "check@check.shop.example", Bounces: "bounce@notice.shop.example", NoticeDomain: "notice.shop.example",
		Authenticate: func(context.Context, Received) error { o.mu.Lock(); defer o.mu.Unlock(); return o.denied },
		Judge: func(_ context.Context, m Received) (Verdict, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.judged++
			return Verdict{Answer: mimamori.Text{JA: "にせのメールです。", EN: "It is a fake."},
				Reasons: []mimamori.Text{{JA: "リンク先 https://evil.example/login が当店のものではありません（「ひみつ」）。", EN: "It leads to evil.example (“ひみつ”), which is not ours."}},
				Do:      []mimamori.Text{{JA: "何も押さずに消してください。", EN: "Delete it without pressing anything."}}}, nil
		},
		Reply: func(_ context.Context, a Answer) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.answers = append(o.answers, a)
			return nil
		},
		CameBack: func(_ context.Context, id, code string) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.returned = append(o.returned, id+" "+code)
			return mimamori.ErrNotFound
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(o.pipe) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(ctx)
		done.Wait()
	})
	return o
}

// send gives a mail over and returns the refusal's code, 250 for none.
func (o *office) send(from, to, raw string) int {
	o.t.Helper()
	conn, err := o.pipe.Dial(context.Background(), "tcp", "x")
	if err != nil {
		o.t.Fatal(err)
	}
	c := smtp.NewClient(conn)
	defer c.Close()
	err = c.SendMail(from, []string{to}, strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n")))
	if refused, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return refused.Code
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return 250
}

func forwarded(n int) string {
	return fmt.Sprintf("From: Hanako ZEBRA <hanako@home.example>\nTo: check@check.shop.example\nSubject: Fwd: ZEBRA-%d\nMessage-ID: <ZEBRA%d@home.example>\nDate: Sun, 22 Nov 2026 10:00:00 +0900\n\nZEBRA http://zebra.example/ ZEBRA %d\n", n, n, n)
}

func TestForwardedMailIsAnswered(t *testing.T) {
	o := open(t)
	if code := o.send("hanako@home.example", "check@check.shop.example", forwarded(1)); code != 250 {
		t.Fatalf("refused with %d", code)
	}
	if len(o.answers) != 1 || o.answers[0].To != "hanako@home.example" {
		t.Fatalf("answers are %+v", o.answers)
	}
	body := o.answers[0].Subject + o.answers[0].Body
	for _, want := range []string{"にせのメールです", "It is a fake", "何も押さずに", "当店のものではありません", "which is not ours"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	// Nothing of the mail is in the answer, and nothing can be pressed.
	for _, not := range []string{"ZEBRA", "zebra", "Hanako", "://", "evil", "@", "ひみつ"} {
		if strings.Contains(body, not) {
			t.Errorf("%q stands in\n%s", not, body)
		}
	}
}

// TestInboxIsNoWeapon: nobody is written to who has not written himself, and
// provably so; no loop can begin.
func TestInboxIsNoWeapon(t *testing.T) {
	const me, check = "hanako@home.example", "check@check.shop.example"
	with := func(line string) string { return line + "\n" + forwarded(7) }
	for _, c := range []struct {
		name, from, to, raw string
		denied              error
		want                int
	}{
		{"not signed by its domain", me, check, forwarded(7), mimamori.ErrDenied, 550},
		{"DNS does not answer", me, check, forwarded(7), mimamori.ErrUnavailable, 451},
		{"relay", me, "victim@elsewhere.example", forwarded(7), nil, 550},
		{"relay through us", me, "victim%elsewhere.example@check.shop.example", forwarded(7), nil, 550},
		{"null sender", "", check, forwarded(7), nil, 550},
		{"another envelope", "mallory@home.example", check, forwarded(7), nil, 550},
		{"two senders", me, check, strings.Replace(forwarded(7), "<hanako@home.example>", "<hanako@home.example>, victim@elsewhere.example", 1), nil, 554},
		{"From twice", me, check, with("From: victim@elsewhere.example"), nil, 554},
		{"no From", me, check, "Subject: x\n\nx\n", nil, 554},
		{"no mail", me, check, "\x00\x01", nil, 554},
		{"automatic", me, check, with("Auto-Submitted: auto-replied"), nil, 550},
		{"list", me, check, with("List-Id: <x.example>"), nil, 550},
		{"bulk", me, check, with("Precedence: Bulk"), nil, 550},
		{"newsletter", me, check, with("List-Unsubscribe: <mailto:x@y.example>"), nil, 550},
		{"robot", "no-reply@home.example", check, strings.Replace(forwarded(7), "hanako@", "no-reply@", 1), nil, 550},
		{"daemon", "MAILER-DAEMON@home.example", check, strings.Replace(forwarded(7), "hanako@", "MAILER-DAEMON@", 1), nil, 550},
		{"ourselves", "security@notice.shop.example", check, strings.Replace(forwarded(7), "hanako@home.example", "security@notice.shop.example", 1), nil, 550},
		{"our own check address", check, check, strings.Replace(forwarded(7), "hanako@home.example", check, 1), nil, 550},
		{"bounce with a sender", me, "bounce+abcdefghijklm@notice.shop.example", forwarded(7), nil, 550},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t)
			o.denied = c.denied
			if got := o.send(c.from, c.to, c.raw); got != c.want {
				t.Errorf("code %d, want %d", got, c.want)
			}
			if len(o.answers) != 0 || len(o.returned) != 0 {
				t.Errorf("it was answered: %+v %v", o.answers, o.returned)
			}
		})
	}
}

func TestAnswersAreFew(t *testing.T) {
	o := open(t)
	codes := map[int]int{}
	for n := range 40 {
		codes[o.send("hanako@home.example", "check@check.shop.example", forwarded(n))]++
	}
	if len(o.answers) != answersAnHour || codes[452] != 35 {
		t.Errorf("%d answers to 40 mails in an hour, want %d; codes %v", len(o.answers), answersAnHour, codes)
	}
	if o.judged != answersAnHour {
		t.Errorf("%d mails were judged: those over the cap should cost nothing", o.judged)
	}
	c := newCaps()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	answered := 0
	for h := range 24 {
		for n := range 10 {
			if c.takeAnswer("a@b.example", "b.example", [32]byte{byte(h), byte(n)}, now.Add(time.Duration(h)*time.Hour)) {
				answered++
			}
		}
	}
	if answered != answersADay {
		t.Errorf("%d answers in a day, want %d", answered, answersADay)
	}
	if c.takeAnswer("c@d.example", "d.example", [32]byte{9, 9, 9}, now) && c.takeAnswer("e@d.example", "d.example", [32]byte{9, 9, 9}, now) {
		t.Error("the same mail was answered twice")
	}
}

func dsn(action, status, id string) string {
	return "From: MAILER-DAEMON@mx.example\nTo: bounce@notice.shop.example\nSubject: Undelivered\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nIt failed.\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; x@y.example\nAction: " + action + "\nStatus: " + status + "\n" +
		"--b\nContent-Type: text/rfc822-headers\n\nSubject: x\nMessage-ID: " + id + "\n\n--b--\n"
}

func TestC09_WhatComesBackIsNoted(t *testing.T) {
	const tagged, plain = "bounce+abcdefghijklm@notice.shop.example", "bounce@notice.shop.example"
	for _, c := range []struct{ name, to, raw, want string }{
		{"by the tag", tagged, dsn("failed", "5.1.1", "<other@else.example>"), "<abcdefghijklm@notice.shop.example> 5.1.1"},
		{"by the returned header", plain, dsn("failed", "5.2.2 (full)", "<qrstuvwxyz@notice.shop.example>"), "<qrstuvwxyz@notice.shop.example> 5.2.2"},
		{"without a status", tagged, dsn("failed", "x", "<a@b>"), "<abcdefghijklm@notice.shop.example> 5.0.0"},
		{"a delay", tagged, dsn("delayed", "4.4.1", "<a@b>"), ""},
		{"delivered", tagged, dsn("delivered", "2.0.0", "<a@b>"), ""},
		{"a vacation's answer", tagged, "From: x@y.example\nSubject: away\n\nI am away\n", ""},
		{"somebody else's mail", plain, dsn("failed", "5.1.1", "<a@else.example>"), ""},
		{"no boundary", tagged, "Content-Type: multipart/report; report-type=delivery-status\n\nx\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t)
			if code := o.send("", c.to, c.raw); code != 250 {
				t.Errorf("refused with %d: a refused bounce makes another", code)
			}
			if got := strings.Join(o.returned, " "); got != c.want {
				t.Errorf("noted %q, want %q", got, c.want)
			}
			if len(o.answers) != 0 {
				t.Errorf("it was answered: %+v", o.answers)
			}
		})
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(dsn("failed", "5.1.1", "<a@b>")))
	f.Add([]byte(forwarded(1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, ok := readReport(raw); ok && r.failed && !status.MatchString(r.status) {
			t.Errorf("status %q", r.status)
		}
		if a, err := asker(Received{Raw: raw, Envelope: "hanako@home.example"}); err == nil && !strings.EqualFold(a.Addr, "hanako@home.example") {
			t.Errorf("asker is %s", a.Addr)
		}
	})
}
