package storetest

import (
	"encoding/json"
	"fmt"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/store"
)

func tally(h *harness) {
	doc, err := h.Tally(h.ctx)
	h.ok(err)
	if doc != nil {
		h.Errorf("a tally before any was saved: %s", doc)
	}
	h.ok(h.PutTally(h.ctx, []byte("one"), now))
	h.ok(h.PutTally(h.ctx, []byte("two"), now))
	doc, err = h.Tally(h.ctx)
	h.ok(err)
	h.same(string(doc), "two")

	// The traffic counters are kept beside it and apart from it.
	doc, err = h.Traffic(h.ctx)
	h.ok(err)
	if doc != nil {
		h.Errorf("traffic counters before any were saved: %s", doc)
	}
	h.ok(h.PutTraffic(h.ctx, []byte("three"), now))
	doc, err = h.Traffic(h.ctx)
	h.ok(err)
	h.same(string(doc), "three")
	doc, err = h.Tally(h.ctx)
	h.ok(err)
	h.same(string(doc), "two")
}

// said makes an event of an account with the answer it got.
func (h *harness) said(subject, id string, kind event.Kind, at time.Time, data any, answer intake.Answer) {
	h.Helper()
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "id": id, "source": "test", "type": kind, "subject": subject, "time": at, "data": data})
	h.ok(err)
	e, err := event.DecodeLine(body, at, event.Limits{})
	h.ok(err)
	told, err := json.Marshal(answer)
	h.ok(err)
	h.write(func(tx store.Tx) error { return tx.PutEvent(e, string(told), at) })
}

// labels: people's words find the sign-in they are about, and what it was
// answered with; a chargeback finds it by its order.
func labels(h *harness) {
	in := func(session, ip string) map[string]any {
		return map[string]any{"outcome": "succeeded", "session": session, "ip": ip, "user_agent": "x"}
	}
	for i, subject := range []string{"hanako", "taro", "jiro"} {
		at := now.Add(time.Duration(i) * time.Minute)
		given := intake.Answer{Decision: decide.Notify, Probability: float64(i+1) / 10}
		if i == 1 { // given out calibrated: the label is of the engine's own
			given.Probability, given.Uncalibrated = 0.001, given.Probability
		}
		h.said(subject, "l1", event.LoginAttempted, at, in("s-"+subject, "203.0.113.7"), given)
		h.said(subject, "l2", event.LoginAttempted, at, in("other", "203.0.113.7"), intake.Answer{Decision: decide.Allow, Probability: 0.01})
	}
	h.said("jiro", "o1", event.OrderPlaced, now.Add(time.Hour), map[string]any{"session": "s-jiro", "order": "J-1", "total": map[string]any{"amount": 600, "currency": "JPY"}}, intake.Answer{})
	h.said("jiro", "d1", event.PaymentDisputed, now.Add(30*24*time.Hour), map[string]any{"order": "J-1"}, intake.Answer{})
	h.said("jiro", "d2", event.PaymentDisputed, now.Add(30*24*time.Hour), map[string]any{"order": "nobody's"}, intake.Answer{})
	word := now.Add(2 * time.Hour)
	h.write(func(tx store.Tx) error {
		for _, v := range []struct {
			subject string
			journal.Verdict
		}{
			{"hanako", journal.Verdict{Session: "s-hanako", Owner: journal.OfIntruder, By: "customer", At: word}},
			{"taro", journal.Verdict{Session: "s-taro", Owner: journal.OfCustomer, By: "agent", At: word}},
			{"taro", journal.Verdict{Session: "other", Owner: journal.OfIntruder, By: "detector", At: word}},
			{"taro", journal.Verdict{Session: "never seen", Owner: journal.OfIntruder, By: "agent", At: word}},
		} {
			if err := tx.PutVerdict(mimamori.NewAccountID(v.subject), v.Verdict); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := h.Labels(h.ctx, now)
	h.ok(err)
	h.same(got, []decide.Label{
		{At: word, Began: now, By: "customer", Owner: decide.SaidIntruder, Probability: 0.1},
		{At: word, Began: now.Add(time.Minute), By: "agent", Owner: decide.SaidCustomer, Probability: 0.2},
		{At: now.Add(30 * 24 * time.Hour), Began: now.Add(2 * time.Minute), By: "dispute", Owner: decide.SaidIntruder, Probability: 0.3},
	})
	got, err = h.Labels(h.ctx, word.Add(time.Second))
	h.ok(err)
	if len(got) != 1 {
		h.Errorf("%d labels since a later moment, want the chargeback alone", len(got))
	}
}

// decided: the newest sign-ins with their answers, by how stern they were.
func decided(h *harness) {
	for i, d := range []decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain} {
		at := now.Add(time.Duration(i) * time.Minute)
		h.said("hanako", fmt.Sprint("l", i), event.LoginAttempted, at, map[string]any{"outcome": "succeeded", "session": fmt.Sprint("s", i), "ip": "203.0.113.7", "user_agent": "x"},
			intake.Answer{Decision: d, Probability: float64(i) / 10, Terms: profile.NamedOf(map[string]float64{"device_new": 2.5})})
		h.said("hanako", fmt.Sprint("f", i), event.LoginAttempted, at, map[string]any{"outcome": "wrong_password", "ip": "203.0.113.7", "user_agent": "x"}, intake.Answer{Decision: decide.Allow})
	}
	ids := func(least decide.Decision, before time.Time, limit int) (out []string) {
		list, err := h.Decided(h.ctx, before, least, limit)
		h.ok(err)
		for _, d := range list {
			out = append(out, d.Event.ID)
		}
		return out
	}
	end := now.Add(time.Hour)
	h.same(ids(decide.Allow, end, 10), []string{"l4", "l3", "l2", "l1", "l0"})
	h.same(ids(decide.Challenge, end, 10), []string{"l4", "l3", "l2"})
	h.same(ids(decide.Allow, end, 2), []string{"l4", "l3"})
	h.same(ids(decide.Allow, now.Add(3*time.Minute), 2), []string{"l2", "l1"})
	one, err := h.DecidedOn(h.ctx, hanako, "test", "l3")
	h.ok(err)
	if one.Answer.Decision != decide.Hold || one.Answer.Terms.Value("device_new") != 2.5 || !one.ReceivedAt.Equal(now.Add(3*time.Minute)) {
		h.Errorf("DecidedOn = %+v", one)
	}
	_, err = h.DecidedOn(h.ctx, taro, "test", "l3")
	h.is(err, mimamori.ErrNotFound)
}
