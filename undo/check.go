package undo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/playbook"
	"mimamori/shop"
)

// checkStep reads back what a run put back.
const checkStep = "undo.check"

// check reads the account back from the shop once the undo was told: a shop
// that says done and did not is found here too, and a person is asked
// (standards 3.3, row 8). Once the customer is back in, what she has is hers.
func (u *Steps) check(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := u.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if !i.Open() {
		return playbook.Outcome{Result: playbook.Skip}
	}
	steps, err := u.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	a, err := u.Shop.Account(ctx, s.Subject)
	if errors.Is(err, mimamori.ErrNotFound) {
		return playbook.OK() // account.check has asked about that
	}
	if err != nil {
		return playbook.FailedTry(err)
	}
	told, patience := true, 2*time.Minute
	for _, x := range steps {
		if x.Run != s.Run || x.Seq >= s.Seq {
			continue
		}
		if !x.State.Settled() {
			patience = 5 * time.Minute
		}
		if x.State == playbook.Done && !isSo(a, x) {
			told = false
		}
	}
	switch {
	case told:
		return playbook.OK()
	case time.Since(s.First) < patience:
		return playbook.Outcome{Result: playbook.Later, After: 10 * time.Second} // an older command may still be at it
	}
	return playbook.Outcome{Result: playbook.Refuse, Why: whyNotUndone}
}

// isSo says that the account has what a done step was to bring about. Steps
// that the read-back cannot show count as so.
func isSo(a shop.Account, s playbook.Step) bool {
	switch s.Name {
	case "order.unhide":
		arg, err := playbook.Arg[OrderArg](s)
		return err != nil || !slices.ContainsFunc(a.Orders, func(o shop.OrderState) bool { return o.Order == arg.Order && o.Hidden })
	case "resource.remove", "resource.restore":
	default:
		return true
	}
	arg, err := playbook.Arg[Arg](s)
	if err != nil || strings.HasPrefix(s.Run, RunRedo) {
		return true
	}
	there := slices.IndexFunc(a.Resources, func(h event.Held) bool { return h.Kind == arg.Kind && h.ID == arg.ID })
	if s.Name == "resource.remove" {
		return there < 0
	}
	if there >= 0 {
		return agrees(arg.Value, a.Resources[there].Value)
	}
	// A shop may give what it puts back another id.
	return slices.ContainsFunc(a.Resources, func(h event.Held) bool { return h.Kind == arg.Kind && agrees(arg.Value, h.Value) })
}

// agrees says that no field which both have differs; a shop may keep more
// fields than it reports, or fewer.
func agrees(want, have json.RawMessage) bool {
	var w, h map[string]json.RawMessage
	if json.Unmarshal(want, &w) != nil || json.Unmarshal(have, &h) != nil {
		return bytes.Equal(want, have)
	}
	for name, value := range w {
		if other, both := h[name]; both && !bytes.Equal(compact(value), compact(other)) {
			return false
		}
	}
	return true
}

func compact(raw json.RawMessage) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	b, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return b
}

var whyNotUndone = mimamori.Text{JA: "お店は「完了」と答えましたが、元に戻したはずのものが実際には戻っていません。ご確認ください", EN: "The shop said done, but what was to be put back is not as it should be: please look"}
