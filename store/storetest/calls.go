package storetest

import (
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/store"
	"mimamori/support"
)

// eventsAfter: what was written since a mark, each once, and how many there
// are in all, so that a reader who holds fewer knows.
func eventsAfter(h *harness) {
	put := func(ids ...string) {
		h.write(func(tx store.Tx) error {
			for i, id := range ids {
				if err := tx.PutEvent(h.login("hanako", id, now.Add(-time.Duration(i)*time.Hour)), "", now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	ids := func(mark int64) (out []string, newest int64, all int) {
		events, newest, all, err := h.EventsAfter(h.ctx, hanako, mark)
		h.ok(err)
		for _, e := range events {
			out = append(out, e.ID)
		}
		return out, newest, all
	}
	none, mark, all := ids(0)
	h.same([]any{none, all}, []any{[]string(nil), 0})
	put("a", "b")
	h.write(func(tx store.Tx) error { return tx.PutEvent(h.login("taro", "t", now), "", now) })
	got, mark, all := ids(mark)
	h.same([]any{got, all}, []any{[]string{"b", "a"}, 2}) // by their times
	put("c")
	got, newer, all := ids(mark)
	h.same([]any{got, all, newer > mark}, []any{[]string{"c"}, 3, true})
	got, same, _ := ids(newer)
	h.same([]any{got, same}, []any{[]string(nil), newer})
}

func aCall(subject, id, recovery string, wanted time.Time) support.Call {
	return support.Call{ID: id, Account: mimamori.NewAccountID(subject), Subject: subject, Phone: support.Phone{Resource: "phone", Number: "+81-90-0000-0078", VerifiedAt: now.AddDate(-2, 0, 0)},
		Window: support.Window{From: wanted, Until: wanted.Add(3 * time.Hour)}, Lang: mimamori.Japanese, Recovery: recovery, MatchCode: "42", State: support.CallAsked, AskedAt: now, ChangedAt: now}
}

func calls(h *harness) {
	first, second := aCall("hanako", "call_1", "", now.Add(5*time.Hour)), aCall("taro", "call_2", "", now.Add(time.Hour))
	h.ok(h.AddCall(h.ctx, first))
	h.ok(h.AddCall(h.ctx, second))
	h.is(h.AddCall(h.ctx, aCall("hanako", "call_3", "", now)), mimamori.ErrConflict) // one is open
	h.reopen()
	got, err := h.Calls(h.ctx, hanako)
	h.ok(err)
	h.same(got, []support.Call{first})
	queue, err := h.CallQueue(h.ctx, 10)
	h.ok(err)
	h.same(queue, []support.Call{second, first})

	move := func(to support.CallState) error {
		return h.ChangeCall(h.ctx, hanako, "call_1", func(c *support.Call) (err error) {
			*c, err = c.Move(to, "stf_ai", "spoken", now.Add(time.Minute))
			return err
		})
	}
	h.is(move(support.CallDone), mimamori.ErrConflict)
	h.ok(move(support.CallTaken))
	h.ok(move(support.CallDone))
	h.is(h.ChangeCall(h.ctx, taro, "call_1", func(*support.Call) error { return nil }), mimamori.ErrNotFound) // another's
	got, err = h.Calls(h.ctx, hanako)
	h.ok(err)
	if len(got) != 1 || got[0].State != support.CallDone || got[0].Phone != first.Phone {
		h.Fatalf("the call made = %+v, want done, to the same number", got)
	}
	queue, err = h.CallQueue(h.ctx, 10)
	h.ok(err)
	h.same(queue, []support.Call{second})
	h.ok(h.AddCall(h.ctx, aCall("hanako", "call_4", "", now)))
}

// callsParallel: of many presses of the button one makes a call.
func callsParallel(h *harness) {
	n := h.parallel(50, func(i int) (bool, error) {
		err := h.AddCall(h.ctx, aCall("hanako", fmt.Sprintf("call_%d", i), "", now))
		if errors.Is(err, mimamori.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
	if n != 1 {
		h.Fatalf("%d of 50 made a call, want 1", n)
	}
}

// callForgotten: with the account's key its number is gone; that it was called
// stays.
func callForgotten(h *harness) {
	h.ok(h.AddCall(h.ctx, aCall("hanako", "call_1", "", now)))
	h.ok(h.vault.Forget(h.ctx, hanako))
	got, err := h.Calls(h.ctx, hanako)
	h.ok(err)
	if len(got) != 1 || got[0].Phone.Number != "" || got[0].ID != "call_1" {
		h.Fatalf("after forgetting = %+v, want the call without its number", got)
	}
}
