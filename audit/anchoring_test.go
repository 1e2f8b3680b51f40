package audit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/keys/keystest"
	"mimamori/mail"

	"mimamori/audit/audittest"
)

// outside is a place in memory that may be out of order.
type outside struct {
	mu    sync.Mutex // guards both
	heads [][]byte
	down  bool
}

func (o *outside) put(_ context.Context, head []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		return errors.New("connection refused")
	}
	o.heads = append(o.heads, bytes.Clone(head))
	return nil
}

func (o *outside) broken(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *outside) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.heads)
}

func TestE01_HeadsGoOutsideOnSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, vault := keystest.New(t)
		m, far, near := &audittest.Memory{}, &outside{down: true}, &outside{}
		log := audit.New(m, ring, vault)
		var asked []string
		a := audit.NewAnchoring(log, audit.AnchoringOptions{Every: time.Hour, Log: slog.New(slog.DiscardHandler),
			Places: []audit.Place{{Name: "mail far", Put: far.put}, {Name: "file near", Put: near.put}},
			Failed: func(s audit.PlaceState) { asked = append(asked, s.Name) }})
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer a.Stop()
		time.Sleep(100 * time.Hour)
		if n := near.count(); n != 0 {
			t.Fatalf("%d heads of an empty log", n)
		}
		fill(t, log, 20) // a burst shares one head
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := near.count(); n != 1 {
			t.Errorf("%d heads an hour after 20 entries, want 1", n)
		}
		fill(t, log, 1)
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		if n := near.count(); n != 2 {
			t.Errorf("%d heads, want 2: nothing new is anchored twice", n)
		}
		if !slices.Equal(asked, []string{"mail far"}) {
			t.Errorf("a person was asked for %v, want once for the place that fails", asked)
		}
		if s := a.State(); s[0].Since.IsZero() || s[0].Why == "" || !s[1].Since.IsZero() || s[1].Size != 21 {
			t.Errorf("state %+v", s)
		}
		far.broken(false)
		time.Sleep(time.Hour) // the longest wait between tries
		synctest.Wait()
		if n := far.count(); n != 1 {
			t.Errorf("%d heads where it failed before, want the newest", n)
		}
		if s := a.State(); !s[0].Since.IsZero() || s[0].Size != 21 {
			t.Errorf("state after the repair %+v", s[0])
		}
		vkeys, err := log.VerifierKeys()
		if err != nil {
			t.Fatal(err)
		}
		m.Rows = m.Rows[:15] // the tail is cut, and what the database knows of heads with it
		m.Anchors, m.Head, m.Size = nil, nil, 0
		r := verify(t, m, vkeys, far.heads...)
		if first := r.First(); first == nil || first.Seq > 15 || !slices.Contains(r.Findings, audit.Finding{Seq: 15, Last: 20, What: audit.Cut}) {
			t.Errorf("cut tail against the head outside: %v", r.Findings)
		}
	})
}

// A head comes back from each form in which it may be kept outside.
func TestHeadsAreReadFromWhatWasKept(t *testing.T) {
	log, m, _, vkeys := newLog(t)
	fill(t, log, 3)
	path := filepath.Join(t.TempDir(), "heads")
	place := audit.FilePlace(path)
	for range 2 {
		if err := log.Anchor(t.Context(), place.Name, place.Put); err != nil {
			t.Fatal(err)
		}
		fill(t, log, 2)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := string(m.Anchors[0].Head)
	composed, err := mail.Compose(mail.Message{From: mail.Address{Addr: "security@midori.example"}, To: mail.Address{Addr: "audit@example.net"}, Subject: "audit head",
		Date: time.Now(), MessageID: mail.NewMessageID("midori.example"), Body: "see below\n\n" + head + "\nthat was all\n"})
	if err != nil {
		t.Fatal(err)
	}
	hook := `{"type":"audit.head","data":{"head":` + string(must(jsonText(head))) + `}}`
	for name, row := range map[string]struct {
		text string
		want int
	}{"file": {string(file), 2}, "mail": {string(composed), 1}, "webhook": {hook, 1}, "with CRLF": {strings.ReplaceAll(head, "\n", "\r\n"), 1}} {
		heads, err := audit.ReadHeads(strings.NewReader(row.text))
		if err != nil || len(heads) != row.want {
			t.Errorf("%s: %d heads, %v, want %d", name, len(heads), err, row.want)
			continue
		}
		for _, h := range heads {
			if _, err := audit.OpenHead(h, vkeys); err != nil {
				t.Errorf("%s: a head does not verify: %v\n%q", name, err, h)
			}
		}
		if r := verify(t, m, vkeys, heads...); len(r.Findings) > 0 {
			t.Errorf("%s: %v", name, r.Findings)
		}
	}
	if _, err := audit.ReadHeads(strings.NewReader("a shopping list")); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("no head in it: %v", err)
	}
}

func FuzzReadHeads(f *testing.F) {
	f.Add([]byte("mimamori.audit\n1\nabc\n2026-01-01T00:00:00Z\n\n\u2014 mimamori.audit abc\n"))
	f.Add([]byte("Content-Transfer-Encoding: base64\r\n\r\nbWlt"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		heads, err := audit.ReadHeads(bytes.NewReader(raw))
		if (err == nil) != (len(heads) > 0) {
			t.Errorf("%d heads and error %v", len(heads), err)
		}
	})
}
