package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/shop/shoptest"
	"mimamori/store/pgtest"
)

// inFiles says in which of our own files any of the words stands, as it is or
// in JSON's escapes.
func (h *Harness) inFiles(words ...string) (found []string) {
	h.T.Helper()
	if h.address != "" {
		text := pgtest.Dump(h.T, h.address)
		for _, w := range words {
			if n := len(places(text, w)); n > 0 {
				found = append(found, fmt.Sprintf("%q stands %d times in the database", w, n))
			}
		}
		return found
	}
	err := filepath.WalkDir(filepath.Join(h.folder, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, w := range words {
			if n := len(places(text, w)); n > 0 {
				found = append(found, fmt.Sprintf("%q stands %d times in %s", w, n, filepath.Base(path)))
			}
		}
		return nil
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return found
}

// places are where a word stands in a text. Four digits are found in any
// megabyte of ids and sums by chance: a word so short counts only where it
// stands by itself, as the last digits of a card do.
func places[T string | []byte](text T, word string) (at []int) {
	for from := 0; ; {
		n := bytes.Index([]byte(text[from:]), []byte(word))
		if n < 0 || word == "" {
			return at
		}
		n += from
		from = n + len(word)
		if len(word) > 4 || !inWord(text, n-1, -1) && !inWord(text, from, 1) {
			at = append(at, n)
		}
	}
}

// inWord says whether the byte before a word (step -1) or after it (1) makes
// the word a part of an id, a number or a sum.
func inWord[T string | []byte](text T, at, step int) bool {
	if at < 0 || at >= len(text) {
		return false
	}
	b := text[at]
	if b == '.' { // a fraction's, not a sentence's
		return inWord(text, at+step, step)
	}
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || strings.IndexByte("-_+/", b) >= 0
}

// TestPlaces: what the stories look for is found, and chance is not.
func TestPlaces(t *testing.T) {
	for text, want := range map[string]int{`{"last4":"9876"}`: 1, "末尾 9876 のカード": 1, "VISA ****9876, 9876": 2, "9876": 1, "\x9876": 0,
		"0b1f-9876-44": 0, "1763799876001": 0, "12.9876s": 0, "": 0} {
		if got := len(places(text, "9876")); got != want {
			t.Errorf("9876 stands %d times in %q, want %d", got, text, want)
		}
	}
	if got := len(places("xhanako-1hanako", "hanako")); got != 2 {
		t.Errorf("a long word is found %d times, want 2", got)
	}
}

// elsewhere is an address and a browser of one person alone.
func elsewhere(n int) shoptest.Connection {
	return shoptest.Connection{IP: fmt.Sprintf("106.72.%d.%d", 50+n/200, 1+n%200), AcceptLanguage: "ja",
		UserAgent: fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.%d.77 Safari/537.36", 7000+n)}
}

// TestF03_AddressesBecomeHashesAfterThirteenMonths: on the day, and not before;
// what is under a legal hold stays; after it is lifted it goes, too.
func TestF03_AddressesBecomeHashesAfterThirteenMonths(t *testing.T) {
	Run(t, func(h *Harness) {
		people := 40
		if os.Getenv("MIMAMORI_LONG") != "" {
			people = 2000
		}
		var words []string
		for n := range people {
			name, from := fmt.Sprintf("customer-%03d", n), elsewhere(n)
			h.Shop.Customer(name)
			s := h.SignIn(name, from)
			if err := s.See(from); err != nil {
				t.Fatal(err)
			}
			h.Settle()
			if n > 0 {
				words = append(words, from.IP, fmt.Sprintf("141.0.%d.77", 7000+n))
			}
		}
		held := mimamori.NewAccountID("customer-000")
		if err := h.App.Store.PlaceLegalHold(context.Background(), held, "stf_x", time.Now()); err != nil {
			t.Fatal(err)
		}
		h.FastForward(390 * 24 * time.Hour)
		if n := len(h.inFiles(words...)); n < people {
			t.Fatalf("after 390 days %d of %d words are found: too early", n, len(words))
		}
		h.FastForward(10 * 24 * time.Hour)
		if found := h.inFiles(words...); len(found) > 0 {
			t.Errorf("after 400 days: %s", strings.Join(found, "\n"))
		}
		if pass := h.App.Retention.Pass(); pass.EndedAt.IsZero() || pass.Waiting != 1 || !pass.Next.After(time.Now()) {
			t.Errorf("pass %+v", pass)
		}
		if found := h.inFiles(elsewhere(0).IP); len(found) == 0 {
			t.Error("the account under a legal hold was not kept as it is")
		}
		events, err := h.App.Store.Events(context.Background(), mimamori.NewAccountID("customer-007"))
		if err != nil || len(events) < 2 {
			t.Fatalf("events that were faded: %d, %v: they are still read", len(events), err)
		}
		if err := h.App.Store.LiftLegalHold(context.Background(), held); err != nil {
			t.Fatal(err)
		}
		h.App.Retention.Wake()
		h.Settle()
		time.Sleep(time.Second)
		h.Settle()
		if found := h.inFiles(elsewhere(0).IP, "141.0.7000.77"); len(found) > 0 {
			t.Errorf("after the hold was lifted: %s", strings.Join(found, "\n"))
		}
	})
}

// TestF04_ADeletedAccountLeavesNothing: while the incident is open it waits;
// then nothing of her is in any file, and the audit log is as it was written.
func TestF04_ADeletedAccountLeavesNothing(t *testing.T) {
	Run(t, func(h *Harness) {
		ctx := context.Background()
		h.Customer("hanako")
		nightIntruder(h, "hanako")
		i := h.ExpectState("hanako", incident.Waiting)
		h.takeAllMails()
		words := []string{"hanako", "知らない人", "大阪市北区", "45.76.100.1", "9876"}
		for _, r := range h.ShopAccount("hanako").Resources {
			var value map[string]string
			if json.Unmarshal(r.Value, &value) != nil {
				continue
			}
			for name, v := range value {
				if name == "mail" || name == "phone" {
					words = append(words, v)
				}
			}
		}
		if len(words) < 7 {
			t.Fatalf("only these words are looked for: %v", words)
		}
		target := audit.Target{Account: i.Account, Incident: i.ID}
		if err := h.App.Audit.Record(ctx, mimamori.System, audit.LookReveal, target, "read back to hanako", nil); err != nil {
			t.Fatal(err)
		}
		// A recovery and a visit leave their marks, too.
		h.Do("POST", "/v1/recoveries", map[string]any{"subject": "hanako", "locale": "ja", "return_url": "http://localhost/"}, nil)
		remove := func() (state string) {
			t.Helper()
			var answer struct{ State string }
			if status := h.Do("DELETE", "/v1/accounts/hanako", nil, &answer); status != http.StatusOK {
				t.Fatalf("the shop's order to delete: %d", status)
			}
			return answer.State
		}
		for range 2 { // again changes nothing
			if state := remove(); state != "waiting" {
				t.Fatalf("the shop's order to delete while the incident is open: %s, want waiting", state)
			}
		}
		if d, err := h.App.Store.DeletionOf(ctx, i.Account); err != nil || !d.DoneAt.IsZero() {
			t.Fatalf("deleted while the incident was open: %+v, %v", d, err)
		}
		if found := h.inFiles(words...); len(found) < 5 {
			t.Fatalf("before the deletion only %v", found)
		}
		h.wayBack("hanako")
		h.FastForward(100 * 24 * time.Hour) // the watch ends, and the job comes by
		h.takeAllMails()
		if s := h.Incident("hanako").State; s != incident.Closed {
			t.Fatalf("the incident is %s", s)
		}
		h.FastForward(31 * 24 * time.Hour)
		if d, err := h.App.Store.DeletionOf(ctx, i.Account); err != nil || d.DoneAt.IsZero() || d.Subject != "" {
			t.Fatalf("not deleted once nothing postponed it: %+v, %v", d, err)
		}
		if found := h.inFiles(words...); len(found) > 0 {
			t.Errorf("left behind:\n%s", strings.Join(found, "\n"))
		}
		vkeys, err := h.App.Audit.VerifierKeys()
		if err != nil {
			t.Fatal(err)
		}
		report, err := audit.Verify(ctx, h.App.Store, vkeys, nil)
		if err != nil || len(report.Findings) > 0 || report.Entries == 0 {
			t.Errorf("the audit log afterwards: %+v, %v", report, err)
		}
		entries, err := h.App.Audit.Entries(ctx, audit.Query{Account: i.Account})
		if err != nil || len(entries) == 0 || !entries[0].Forgotten {
			t.Errorf("its entries afterwards: %d, %v", len(entries), err)
		}
		left, err := h.App.Store.Incidents(ctx, i.Account)
		if err != nil || len(left) != 1 || left[0].Subject != "" || left[0].ContainedAt.IsZero() || len(left[0].Evidence) > 0 {
			t.Errorf("what stays of the incident: %+v, %v", left, err)
		}
		// Whoever comes back under the same name begins anew.
		h.Shop.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.Settle()
		if events, err := h.App.Store.Events(ctx, i.Account); err != nil || len(events) == 0 {
			t.Errorf("a new beginning: %d events, %v", len(events), err)
		}
		// Now that nothing stands against it, it is done at once.
		if state := remove(); state != "deleted" {
			t.Errorf("the shop's order to delete: %s, want deleted", state)
		}
		if found := h.inFiles(words...); len(found) > 0 {
			t.Errorf("left behind by the shop's order:\n%s", strings.Join(found, "\n"))
		}
	})
}

// takeAllMails expects whatever came; the story is about something else.
func (h *Harness) takeAllMails() {
	h.Settle()
	for _, m := range h.Mail.Messages("") {
		h.taken[m.ID] = true
	}
}

// wayBack waits until the password can be set, and sets it.
func (h *Harness) wayBack(subject string) {
	h.T.Helper()
	h.FastForward(time.Until(h.Incident(subject).WaitUntil) + time.Second)
	grant := h.ForgotPassword(subject).Prove(subject + "@mail.example")
	if err := h.Shop.SetPassword(subject, "a new and long one", grant); err != nil {
		h.T.Fatal(err)
	}
	h.takeAllMails()
	h.ExpectState(subject, incident.Watching)
}
