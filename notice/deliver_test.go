package notice_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"mimamori"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/notice"
)

// memory is a store that keeps notices in a map.
type memory struct {
	mu      sync.Mutex // guards all below
	notices map[string]notice.Notice
	failOn  func(notice.Mark) bool // the database is gone for these marks; nil: never
}

func (s *memory) AddNotice(_ context.Context, n notice.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.notices[n.ID]; ok {
		return mimamori.ErrConflict
	}
	if s.notices == nil {
		s.notices = map[string]notice.Notice{}
	}
	s.notices[n.ID] = n
	return nil
}

func (s *memory) NoticeByID(_ context.Context, account mimamori.AccountID, id string) (notice.Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.notices[id]
	if !ok || n.AccountID != account {
		return notice.Notice{}, mimamori.ErrNotFound
	}
	return n, nil
}

func (s *memory) NoticeByReference(_ context.Context, ref notice.Reference) (notice.Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notices {
		if n.Reference == ref {
			return n, nil
		}
	}
	return notice.Notice{}, mimamori.ErrNotFound
}

func (s *memory) NoticeByMessageID(_ context.Context, id string) (notice.Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notices {
		if n.MessageID == id {
			return n, nil
		}
	}
	return notice.Notice{}, mimamori.ErrNotFound
}

func (s *memory) Notices(_ context.Context, account mimamori.AccountID) ([]notice.Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []notice.Notice
	for _, n := range s.notices {
		if n.AccountID == account {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b notice.Notice) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}

func (s *memory) MarkNotice(_ context.Context, account mimamori.AccountID, id string, m notice.Mark) error {
	if s.failOn != nil && s.failOn(m) {
		return mimamori.ErrUnavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notices[id]
	if err := n.Apply(m); err != nil {
		return err
	}
	s.notices[id] = n
	return nil
}

var account = mimamori.NewAccountID("hanako")

// office is a store, a mailbox and the way between them.
type office struct {
	store *memory
	box   *mailbox.Server
	post  notice.Post
	keys  []mail.Key
}

func newOffice(t *testing.T) *office {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{store: &memory{}, keys: []mail.Key{
		{Domain: "notice.hikari.example", Selector: "r1", Signer: r}, {Domain: "notice.hikari.example", Selector: "e1", Signer: e},
	}}
	if o.box, err = mailbox.Open(mailbox.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	pipe := mailbox.Pipe()
	var done sync.WaitGroup
	done.Go(func() { _ = o.box.Serve(pipe) })
	t.Cleanup(func() {
		_ = o.box.Close()
		done.Wait()
	})
	o.post = notice.Post{
		From:      mail.Address{Name: "ひかり商店", Addr: "security@notice.hikari.example"},
		Keys:      func(context.Context) ([]mail.Key, error) { return o.keys, nil },
		Submitter: &mail.Submitter{Addr: "smtp.example:25", TLS: mail.NoTLS, Dial: pipe.Dial},
	}
	return o
}

func (o *office) queue(t *testing.T) string {
	t.Helper()
	f := notice.Facts{Shop: mimamori.Text{JA: "ひかり商店", EN: "Hikari Store"}, NoticeDomain: "notice.hikari.example", Customer: "山田 花子", At: time.Now()}
	n, err := notice.New(notice.Contained, mimamori.Japanese, f, "hanako@example.com", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n.AccountID = account
	if err := o.store.AddNotice(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n.ID
}

func (o *office) deliver(t *testing.T, id string) notice.Delivery {
	t.Helper()
	d, err := notice.Deliver(t.Context(), o.store, o.post, account, id)
	if err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	return d
}

func (o *office) notice(t *testing.T, id string) notice.Notice {
	t.Helper()
	n, err := o.store.NoticeByID(t.Context(), account, id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestC07_TheMessageCentreShowsWhatWasSent: the mail in the customer's mailbox
// is the record's bytes, reads as the record's text, and verifies twice.
func TestC07_TheMessageCentreShowsWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		id := o.queue(t)
		if d := o.deliver(t, id); d.State != notice.Sent || d.Retry || d.Why != "" {
			t.Fatalf("Deliver = %+v, want it sent", d)
		}
		n, got := o.notice(t, id), o.box.Messages("hanako@example.com")
		if len(got) != 1 || !bytes.Equal(got[0].Raw, n.Raw) {
			t.Fatalf("%d mails in the mailbox, or not the bytes that are kept", len(got))
		}
		lookup, err := mail.LookupTXT(o.keys)
		if err != nil {
			t.Fatal(err)
		}
		seen := mailbox.Decode(got[0].Raw, lookup)
		shown := n
		shown.Subject, shown.Body = seen.Subject, seen.Body
		if shown.TextDigest() != n.TextDigest() || !bytes.Contains([]byte(seen.Body), []byte(n.Reference.String())) {
			t.Errorf("the mailbox shows\n%s\n%s\nthe message centre\n%s\n%s", seen.Subject, seen.Body, n.Subject, n.Body)
		}
		if len(seen.Signatures) != 2 || !seen.Signatures[0].Valid || seen.Signatures[0].Algo != "rsa-sha256" || !seen.Signatures[1].Valid || seen.Signatures[1].Algo != "ed25519-sha256" {
			t.Errorf("signatures %+v, want RSA and Ed25519, both valid", seen.Signatures)
		}
		checked, err := dkim.VerifyWithOptions(bytes.NewReader(n.Raw), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(checked) != 2 || checked[0].Err != nil || checked[0].Domain != o.post.From.Domain() {
			t.Errorf("dkim.Verify = %v, %v", checked, err)
		}
		sum := sha256.Sum256(n.Raw)
		if n.Digest != hex.EncodeToString(sum[:]) || n.MessageID == "" || n.SentAt.IsZero() || n.Attempts != 1 || n.Doubts != 0 || !n.TryingAt.IsZero() {
			t.Errorf("the record is %+v", n)
		}
		if d := o.deliver(t, id); d.State != notice.Sent || len(o.box.Messages("")) != 1 {
			t.Errorf("a second Deliver = %+v and %d mails, want nothing done", d, len(o.box.Messages("")))
		}
	})
}

// watched sees the record as it is when the mail goes out.
type watched struct {
	next notice.Submitter
	see  func(raw []byte)
}

func (w watched) Submit(ctx context.Context, from, to string, raw []byte) error {
	w.see(raw)
	return w.next.Submit(ctx, from, to, raw)
}

func TestBytesAreKeptBeforeTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		id := o.queue(t)
		o.post.Submitter = watched{o.post.Submitter, func(raw []byte) {
			n := o.notice(t, id)
			if !bytes.Equal(n.Raw, raw) || n.MessageID == "" || n.Digest == "" || n.TryingAt.IsZero() || n.Attempts != 1 {
				t.Errorf("at submission the record is %+v", n)
			}
		}}
		o.deliver(t, id)
	})
}

func TestC09_DeliverTriesAgainOrGivesUp(t *testing.T) {
	type try struct {
		how   mailbox.Behaviour
		state notice.State
		retry bool
	}
	for name, c := range map[string]struct {
		tries []try
		mails int
	}{
		"refused twice, then taken":       {[]try{{mailbox.RefuseForNow, notice.Queued, true}, {mailbox.RefuseForNow, notice.Queued, true}, {mailbox.Accept, notice.Sent, false}}, 1},
		"no such mailbox":                 {[]try{{mailbox.RefuseForEver, notice.Failed, false}, {mailbox.Accept, notice.Failed, false}}, 0},
		"content not accepted":            {[]try{{mailbox.RefuseContent, notice.Failed, false}}, 0},
		"lost after DATA, then taken":     {[]try{{mailbox.LoseAndDrop, notice.Queued, true}, {mailbox.Accept, notice.Sent, false}}, 1},
		"kept unanswered: one copy more":  {[]try{{mailbox.KeepAndDrop, notice.Queued, true}, {mailbox.Accept, notice.Sent, false}}, 2},
		"kept unanswered twice: no third": {[]try{{mailbox.KeepAndDrop, notice.Queued, true}, {mailbox.KeepAndDrop, notice.Failed, false}, {mailbox.Accept, notice.Failed, false}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				id := o.queue(t)
				for i, try := range c.tries {
					o.box.Always(try.how)
					if d := o.deliver(t, id); d.State != try.state || d.Retry != try.retry {
						t.Errorf("try %d: Deliver = %+v, want %s, retry %v", i+1, d, try.state, try.retry)
					}
					time.Sleep(10 * time.Minute)
				}
				mails := o.box.Messages("")
				if len(mails) != c.mails {
					t.Errorf("%d mails arrived, want %d", len(mails), c.mails)
				}
				for _, m := range mails {
					if !bytes.Equal(m.Raw, o.notice(t, id).Raw) {
						t.Error("a repeated mail has other bytes")
					}
				}
			})
		})
	}
}

func TestDeliverGivesUpAfterTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		id := o.queue(t)
		o.box.Always(mailbox.RefuseForNow)
		time.Sleep(47 * time.Hour)
		if d := o.deliver(t, id); !d.Retry {
			t.Errorf("after 47 h: %+v, want another try", d)
		}
		time.Sleep(time.Hour)
		if d := o.deliver(t, id); d.Retry || d.State != notice.Failed {
			t.Errorf("after 48 h: %+v, want it failed", d)
		}
	})
}

// TestDeliverAfterACrash cuts the try off after the mail was taken and before
// that was written down, as kill -9 would.
func TestDeliverAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		id := o.queue(t)
		crash := func(m notice.Mark) bool { return m.Tried != nil }
		for i := range 4 {
			o.store.failOn = crash
			if i == 3 {
				o.store.failOn = nil
			}
			d, err := notice.Deliver(t.Context(), o.store, o.post, account, id)
			if i < 3 && !errors.Is(err, mimamori.ErrUnavailable) {
				t.Errorf("crash %d: Deliver = %+v, %v; want ErrUnavailable", i+1, d, err)
			}
			if i == 3 && (err != nil || d.State != notice.Failed) {
				t.Errorf("after three crashes: Deliver = %+v, %v; want it failed", d, err)
			}
		}
		if n := len(o.box.Messages("")); n != 2 {
			t.Errorf("%d copies arrived, want the mail and at most one more", n)
		}
	})
}

func TestDeliverNeedsItsOwnSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		id := o.queue(t)
		o.post.Keys = func(context.Context) ([]mail.Key, error) { return nil, mimamori.ErrUnavailable }
		if _, err := notice.Deliver(t.Context(), o.store, o.post, account, id); !errors.Is(err, mimamori.ErrUnavailable) {
			t.Errorf("without keys: %v, want ErrUnavailable", err)
		}
		if n := o.notice(t, id); n.State != notice.Queued || n.Attempts != 0 {
			t.Errorf("without keys the record is %+v, want it untouched", n)
		}
		if _, err := notice.Deliver(t.Context(), o.store, o.post, mimamori.NewAccountID("other"), id); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("another account's notice: %v, want ErrNotFound", err)
		}
	})
}

func TestMarksNeverRewriteHistory(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	sealed := &notice.Sealed{MessageID: "<a@b.example>", Digest: "d", Raw: []byte("x")}
	n := notice.Notice{ID: "ntc_1", State: notice.Queued}
	for _, step := range []struct {
		m  notice.Mark
		ok bool
	}{
		{notice.Mark{Trying: now}, false}, // nothing to send yet
		{notice.Mark{Sealed: sealed}, true}, {notice.Mark{Sealed: sealed}, false},
		{notice.Mark{Trying: now}, true}, {notice.Mark{Tried: &notice.Tried{At: now, State: notice.Sent}}, true},
		{notice.Mark{Trying: now}, false}, {notice.Mark{Tried: &notice.Tried{At: now, State: notice.Queued}}, false},
		{notice.Mark{Read: now.Add(time.Hour)}, true}, {notice.Mark{Read: now.Add(2 * time.Hour)}, true}, {notice.Mark{Bounced: "5.1.1"}, true},
	} {
		if err := n.Apply(step.m); (err == nil) != step.ok || err != nil && !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("Apply(%+v) = %v, want it allowed: %v", step.m, err, step.ok)
		}
	}
	if n.State != notice.Bounced || !n.ReadAt.Equal(now.Add(time.Hour)) || !n.SentAt.Equal(now) {
		t.Errorf("the record is %+v", n)
	}
}

func TestC08_AtMostThreeOfAKindADay(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	var sent []notice.Notice
	for i := range 3 {
		if notice.OverCap(sent, notice.NewDevice, "a@example.com", now) {
			t.Errorf("over the cap after %d", i)
		}
		sent = append(sent, notice.Notice{Kind: notice.NewDevice, To: "a@example.com", CreatedAt: now})
	}
	if !notice.OverCap(sent, notice.NewDevice, "a@example.com", now.Add(time.Hour)) {
		t.Error("a fourth is allowed")
	}
	if notice.OverCap(sent, notice.Contained, "a@example.com", now) || notice.OverCap(sent, notice.NewDevice, "b@example.com", now) || notice.OverCap(sent, notice.NewDevice, "a@example.com", now.Add(24*time.Hour)) {
		t.Error("the cap reaches another kind, another address or the next day")
	}
}

// BenchmarkNotice renders, composes and signs a notice twice.
func BenchmarkNotice(b *testing.B) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	keys := []mail.Key{{Domain: "notice.hikari.example", Selector: "r1", Signer: r}, {Domain: "notice.hikari.example", Selector: "e1", Signer: e}}
	for b.Loop() {
		n, err := notice.New(notice.Contained, mimamori.Japanese, notice.Sample(notice.House{}), "hanako@example.com", time.Now())
		if err != nil {
			b.Fatal(err)
		}
		raw, err := mail.Compose(mail.Message{From: mail.Address{Addr: "security@notice.hikari.example"}, To: mail.Address{Addr: n.To}, Subject: n.Subject, Body: n.Body,
			MessageID: mail.NewMessageID("notice.hikari.example"), Date: n.CreatedAt})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mail.Sign(raw, keys); err != nil {
			b.Fatal(err)
		}
	}
}
