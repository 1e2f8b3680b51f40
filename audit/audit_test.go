package audit_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/audit/audittest"
	"mimamori/keys"
	"mimamori/keys/keystest"
)

var (
	agent = mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_agent"}
	hana  = mimamori.NewAccountID("hana")
)

func newLog(t *testing.T) (*audit.Log, *audittest.Memory, *keys.Vault, []string) {
	t.Helper()
	ring, vault := keystest.New(t)
	store := &audittest.Memory{}
	log := audit.New(store, ring, vault)
	vkeys, err := log.VerifierKeys()
	if err != nil {
		t.Fatal(err)
	}
	return log, store, vault, vkeys
}

func fill(t *testing.T, log *audit.Log, n int) {
	t.Helper()
	for i := range n {
		target := audit.Target{Account: mimamori.NewAccountID(fmt.Sprint("c", i%7)), Incident: "inc_x"}
		if i%5 == 0 {
			target = audit.Target{}
		}
		err := log.Record(t.Context(), agent, audit.LookIncident, target, "customer called", map[string]any{"page": i})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, m *audittest.Memory, vkeys []string, outside ...[]byte) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), m, vkeys, outside)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func copyOf(m *audittest.Memory) *audittest.Memory {
	c := &audittest.Memory{Rows: slices.Clone(m.Rows), Hashes: slices.Clone(m.Hashes), Head: slices.Clone(m.Head), Size: m.Size, Anchors: slices.Clone(m.Anchors)}
	for i := range c.Rows {
		c.Rows[i].Raw = slices.Clone(c.Rows[i].Raw)
	}
	return c
}

// Every byte of 1,000 entries is flipped: the n-th of each entry in one pass, in
// which each of them has to be found in its own place; and a sample of them one
// by one.
func TestE01_EveryFlippedByteIsFoundAndPlaced(t *testing.T) {
	log, m, _, vkeys := newLog(t)
	fill(t, log, 1000)
	if r := verify(t, m, vkeys); r.Entries != 1000 || r.Heads != 1 || len(r.Findings) > 0 {
		t.Fatalf("untouched log: %+v", r)
	}
	c, flips, longest := copyOf(m), 0, 0
	for _, row := range c.Rows {
		longest = max(longest, len(row.Raw))
	}
	for at := range longest {
		var want []audit.Finding
		for i := range c.Rows {
			if raw := c.Rows[i].Raw; at < len(raw) {
				raw[at] ^= 1 << rand.N(8)
				want = append(want, audit.Finding{Seq: int64(i), Last: int64(i), What: audit.Altered})
			}
		}
		r := verify(t, c, vkeys)
		slices.SortFunc(r.Findings, func(a, b audit.Finding) int { return cmp.Compare(a.Seq, b.Seq) })
		if !slices.Equal(r.Findings, want) {
			t.Fatalf("byte %d of %d entries flipped: %d findings, the first %v", at, len(want), len(r.Findings), r.First())
		}
		for _, f := range want {
			c.Rows[f.Seq].Raw[at] = m.Rows[f.Seq].Raw[at]
		}
		flips += len(want)
	}
	if flips < 200_000 {
		t.Errorf("only %d bytes were flipped", flips)
	}
	t.Logf("%d bytes of 1,000 entries flipped, each found in its place", flips)
	for range 100 {
		i := rand.N(len(c.Rows))
		raw := c.Rows[i].Raw
		at := rand.N(len(raw))
		old := raw[at]
		raw[at] ^= 1 << rand.N(8)
		if r := verify(t, c, vkeys); len(r.Findings) != 1 || r.Findings[0] != (audit.Finding{Seq: int64(i), Last: int64(i), What: audit.Altered}) {
			t.Fatalf("entry %d, byte %d flipped: %v", i, at, r.Findings)
		}
		raw[at] = old
	}
	if r := verify(t, c, vkeys); len(r.Findings) > 0 {
		t.Errorf("after %d flips taken back: %v", flips, r.Findings)
	}
}

func TestE01_EveryFlippedByteOfAHeadIsFound(t *testing.T) {
	log, m, _, vkeys := newLog(t)
	fill(t, log, 5)
	for at := range m.Head {
		for flip := 1; flip < 256; flip++ {
			if flip > 1 && at < len(m.Head)-6 { // every value where base64 is lenient
				break
			}
			c := copyOf(m)
			c.Head[at] ^= byte(flip)
			if r := verify(t, c, vkeys); len(r.Findings) == 0 {
				t.Errorf("head byte %d (%q) flipped by %#x unnoticed", at, m.Head[at], flip)
			}
		}
	}
	c := copyOf(m)
	c.Head = append(c.Head, "\u2014 stranger AAAAAAAA\n"...)
	if r := verify(t, c, vkeys); len(r.Findings) == 0 {
		t.Error("a signature added to the head is not noticed")
	}
	for i := range m.Hashes {
		c := copyOf(m)
		c.Hashes[i][i%32] ^= 1
		if r := verify(t, c, vkeys); len(r.Findings) == 0 {
			t.Errorf("stored hash %d flipped unnoticed", i)
		}
	}
}

func TestE01_TamperingIsFound(t *testing.T) {
	log, m, _, vkeys := newLog(t)
	fill(t, log, 100)
	var outside []byte
	err := log.Anchor(t.Context(), "file", func(_ context.Context, head []byte) error { outside = head; return nil })
	if err != nil {
		t.Fatal(err)
	}
	early := copyOf(m)
	early.Anchors = nil
	fill(t, log, 50)
	ring, vault := keystest.New(t)
	if err := ring.Rotate(t.Context(), keys.AuditHead); err != nil { // the tamperer's own key
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		tamper func(c *audittest.Memory)
		want   audit.Finding
	}{
		"removed from the middle": {func(c *audittest.Memory) { c.Rows = slices.Delete(c.Rows, 40, 41) }, audit.Finding{Seq: 40, Last: 40, What: audit.Missing}},
		"removed and numbered anew": {func(c *audittest.Memory) {
			c.Rows = slices.Delete(c.Rows, 40, 41)
			for i := range c.Rows {
				c.Rows[i].Seq = int64(i)
			}
		}, audit.Finding{Seq: 40, Last: 40, What: audit.Altered}},
		"reordered":      {func(c *audittest.Memory) { c.Rows[3].Raw, c.Rows[4].Raw = c.Rows[4].Raw, c.Rows[3].Raw }, audit.Finding{Seq: 3, Last: 3, What: audit.Altered}},
		"column changed": {func(c *audittest.Memory) { c.Rows[9].Actor.ID = "stf_other" }, audit.Finding{Seq: 9, Last: 9, What: audit.Altered}},
		"time changed":   {func(c *audittest.Memory) { c.Rows[9].At = c.Rows[9].At.Add(time.Microsecond) }, audit.Finding{Seq: 9, Last: 9, What: audit.Altered}},
		"tail cut":       {func(c *audittest.Memory) { c.Rows = c.Rows[:120] }, audit.Finding{Seq: 120, Last: 149, What: audit.Cut}},
		"tail cut with hashes and head of then": {func(c *audittest.Memory) {
			*c = audittest.Memory{Rows: early.Rows[:90], Hashes: early.Hashes, Head: early.Head, Size: 90}
		}, audit.Finding{Seq: 90, Last: 99, What: audit.Cut}},
		"rewritten whole with other keys": {func(c *audittest.Memory) {
			*c = audittest.Memory{}
			fill(t, audit.New(c, ring, vault), 150)
		}, audit.Finding{Seq: 0, Last: 149, What: audit.BadHead}},
		"entry added without a head": {func(c *audittest.Memory) {
			c.Rows = append(c.Rows, audit.Row{Seq: 150, Raw: []byte("{}")})
		}, audit.Finding{Seq: 150, Last: 150, What: audit.Altered}},
		"number far ahead": {func(c *audittest.Memory) {
			c.Rows = append(c.Rows, audit.Row{Seq: 1 << 40, Raw: []byte("{}")})
		}, audit.Finding{Seq: 1 << 40, Last: 1 << 40, What: audit.Altered}},
	} {
		c := copyOf(m)
		row.tamper(c)
		if r := verify(t, c, vkeys, outside); !slices.Contains(r.Findings, row.want) {
			t.Errorf("%s: findings %v, want %v among them", name, r.Findings, row.want)
		}
	}
	if r := verify(t, m, vkeys, outside); len(r.Findings) > 0 || r.Heads != 3 {
		t.Errorf("untouched log with its anchors: %+v", r)
	}
}

func TestE01_HistoryRewrittenWithOurOwnKeysMeetsTheAnchor(t *testing.T) {
	ring, vault := keystest.New(t)
	honest, forged := &audittest.Memory{}, &audittest.Memory{}
	fill(t, audit.New(honest, ring, vault), 60)
	log := audit.New(honest, ring, vault)
	var outside []byte
	if err := log.Anchor(t.Context(), "mail", func(_ context.Context, head []byte) error { outside = head; return nil }); err != nil {
		t.Fatal(err)
	}
	fill(t, audit.New(forged, ring, vault), 80)
	vkeys, err := log.VerifierKeys()
	if err != nil {
		t.Fatal(err)
	}
	if r := verify(t, forged, vkeys); len(r.Findings) > 0 {
		t.Fatalf("the forgery is not even consistent: %v", r.Findings)
	}
	want := []audit.Finding{{Seq: 0, Last: 59, What: audit.Rewritten}}
	if r := verify(t, forged, vkeys, outside); !slices.Equal(r.Findings, want) {
		t.Errorf("findings %v, want %v", r.Findings, want)
	}
}

func TestNodesAppendTogether(t *testing.T) {
	ring, vault := keystest.New(t)
	m := &audittest.Memory{}
	var wait sync.WaitGroup
	for node := range 3 {
		log := audit.New(m, ring, vault)
		wait.Go(func() {
			for i := range 20 {
				for {
					err := log.Record(t.Context(), agent, audit.LookQueue, audit.Target{}, fmt.Sprint(node, i), nil)
					if err == nil {
						break
					}
					if !errors.Is(err, mimamori.ErrUnavailable) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
	vkeys, err := audit.New(m, ring, vault).VerifierKeys()
	if err != nil {
		t.Fatal(err)
	}
	if r := verify(t, m, vkeys); r.Entries != 60 || len(r.Findings) > 0 {
		t.Errorf("60 entries by three nodes: %+v", r)
	}
}

func TestF04_ForgettingAnAccountKeepsTheLogWhole(t *testing.T) {
	log, m, vault, vkeys := newLog(t)
	err := log.Record(t.Context(), agent, audit.LookReveal, audit.Target{Account: hana}, "read back 090-1234-5678 to hana", map[string]string{"field": "phone"})
	if err != nil {
		t.Fatal(err)
	}
	customer := mimamori.Actor{Kind: mimamori.ActorCustomer, ID: "hana"}
	if err := log.Record(t.Context(), customer, audit.IncidentJudge, audit.Target{Account: hana}, "", nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range m.Rows {
		if bytes.Contains(row.Raw, []byte("090-1234")) || bytes.Contains(row.Raw, []byte(`"hana"`)) || row.Actor.ID == "hana" {
			t.Errorf("the stored entry holds personal data: %s", row.Raw)
		}
	}
	list, err := log.Entries(t.Context(), audit.Query{Account: hana, Acts: []audit.Act{audit.LookReveal}})
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Reason, "090") || !json.Valid(list[0].Details) {
		t.Fatalf("Entries = %+v, %v", list, err)
	}
	if err := vault.Forget(t.Context(), hana); err != nil {
		t.Fatal(err)
	}
	list, err = log.Entries(t.Context(), audit.Query{Account: hana})
	if err != nil || len(list) != 2 || !list[1].Forgotten || list[1].Reason != "" {
		t.Errorf("after forgetting: %+v, %v", list, err)
	}
	if r := verify(t, m, vkeys); len(r.Findings) > 0 {
		t.Errorf("the log broke: %v", r.Findings)
	}
}

func TestAnchorHandsOutEachHeadOnce(t *testing.T) {
	log, m, _, _ := newLog(t)
	handed := 0
	put := func(context.Context, []byte) error { handed++; return nil }
	for _, step := range []struct{ record, want int }{{0, 0}, {1, 1}, {0, 1}, {2, 2}} {
		fill(t, log, step.record)
		if err := log.Anchor(t.Context(), "file", put); err != nil || handed != step.want {
			t.Errorf("after %d more entries: handed out %d times, %v; want %d", step.record, handed, err, step.want)
		}
	}
	fill(t, log, 1)
	failing := func(context.Context, []byte) error { return mimamori.ErrUnavailable }
	if err := log.Anchor(t.Context(), "file", failing); !errors.Is(err, mimamori.ErrUnavailable) || len(m.Anchors) != 2 {
		t.Errorf("a place that does not answer: %v, %d anchors remembered", err, len(m.Anchors))
	}
}

func jsonText(s string) ([]byte, error) { return json.Marshal(s) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
