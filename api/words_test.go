package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/staff"
)

func judged(id, subject, session, verdict string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"midori","type":"session.judged","subject":%q,"time":%q,"data":{"session":%q,"verdict":%q,"by":"agent"}}`,
		id, subject, time.Now().Format(time.RFC3339), session, verdict)
}

// TestG14_AStolenKeyContainsNotEveryone: a key that calls everybody's sign-in an
// intruder's is stopped after a hundred; other events of it still pass.
func TestG14_AStolenKeyContainsNotEveryone(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeEvents]
	var batch []string
	for i := range 100 {
		batch = append(batch, judged(fmt.Sprint("j", i), fmt.Sprint("customer-", i), "s", "intruder"))
	}
	w.want(202, call{method: "POST", path: "/v1/events", key: key, body: "[" + strings.Join(batch, ",") + "]"})
	w.want(429, call{method: "POST", path: "/v1/events", key: key, body: judged("j-more", "customer-101", "s", "intruder")})
	w.want(429, call{method: "POST", path: "/v1/reports", key: key, body: reportBody})
	if n := w.events("customer-101"); n != 0 {
		t.Errorf("a refused word was stored: %d events", n)
	}
	w.want(202, call{method: "POST", path: "/v1/events", key: key, body: login("e1", "hanako", "")})
	w.want(202, call{method: "POST", path: "/v1/events", key: key, body: judged("j-calm", "hanako", "s", "customer")})
	w.want(202, call{method: "POST", path: "/v1/events", key: w.key("", staff.ScopeEvents), body: judged("j-other", "customer-102", "s", "intruder")})
}

// TestG14_SafeWordsLowerNothing: what a person set, no word of a key takes back,
// whomever it says to speak for.
func TestG14_SafeWordsLowerNothing(t *testing.T) {
	w := newWorld(t)
	account := mimamori.NewAccountID("hanako")
	for _, by := range []string{"detector", "customer", "agent"} {
		session := "s-" + by
		set := journal.Verdict{Session: session, Owner: journal.OfIntruder, By: by, At: time.Now().UTC()}
		err := w.store.Take(context.Background(), false, func(tx intake.Tx) error {
			if _, err := tx.Account(account, "hanako"); err != nil {
				return err
			}
			return tx.PutVerdict(account, set)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.want(202, call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], body: judged("calm-"+by, "hanako", session, "customer")})
		list, err := w.store.Verdicts(context.Background(), account)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if v.Session == session && (v.Owner != journal.OfIntruder || v.By != by) {
				t.Errorf("the %s's word became %+v", by, v)
			}
		}
	}
}
