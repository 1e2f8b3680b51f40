package playbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"mimamori"
	"mimamori/shop"
)

// Tell gives the shop the step's command and turns its answer into an outcome.
func Tell(ctx context.Context, to shop.Shop, s Step, data shop.Data) Outcome {
	cmd, err := shop.New(s.Key, s.Subject, s.Incident, s.First, data)
	if err != nil {
		return Outcome{Result: Refuse, Why: WhyBroken, Err: err}
	}
	answer, err := to.Do(ctx, cmd)
	if err != nil {
		return FailedTry(err)
	}
	switch answer.Result {
	case shop.Done, shop.Already:
		return OK()
	case shop.Later:
		return Outcome{Result: Later, After: answer.After}
	}
	if answer.Nothing(cmd.Type) {
		return Outcome{Result: Skip}
	}
	why := whyImpossible
	if answer.Why != nil && answer.Why.Text != (mimamori.Text{}) {
		why = answer.Why.Text
	}
	return Outcome{Result: Refuse, Why: why}
}

// FailedTry turns a failed try at the shop into an outcome.
func FailedTry(err error) Outcome {
	if try, ok := errors.AsType[*shop.TryError](err); ok {
		if try.Disabled || !try.Retryable {
			return Outcome{Result: Refuse, Why: whyDisabled, Err: err}
		}
		return Outcome{Result: Later, After: try.RetryAfter, Err: err}
	}
	return Again(err)
}

// Arg reads a step's argument.
func Arg[T any](s Step) (T, error) {
	var v T
	if err := json.Unmarshal(s.Data, &v); err != nil {
		return v, fmt.Errorf("read the argument of %s: %w", s.Key, err)
	}
	return v, nil
}

// With makes a named step with its argument.
func With(name string, arg any) Named {
	b, err := json.Marshal(arg)
	if err != nil { // arguments are plain structs
		b = nil
	}
	return Named{Name: name, Data: b}
}

var (
	// WhyBroken is said when our own records contradict each other.
	WhyBroken     = mimamori.Text{JA: "内部の不整合のため実行できませんでした", EN: "Something does not fit together on our side"}
	whyImpossible = mimamori.Text{JA: "お店の側では実行できませんでした", EN: "The shop could not do this"}
	whyDisabled   = mimamori.Text{JA: "お店への接続が受け付けられませんでした", EN: "The shop does not take our commands"}
)
