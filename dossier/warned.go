package dossier

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/intake"
	"mimamori/response"
)

// Warned takes in what another provider knows of an account: somebody else may
// be in it, and perhaps in the mailbox. It raises at once, to a hold and a
// person who looks, and never lowers. An account that is not ours is nothing.
func (d *Desk) Warned(ctx context.Context, subject string, mailbox bool, by mimamori.Actor) error {
	now, told := time.Now().UTC(), false
	err := d.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(mimamori.NewAccountID(subject), subject)
		if err != nil || !a.Exists {
			return err
		}
		words := []assess.Signal{assess.Word("provider_warned")}
		if mailbox {
			words = append(words, assess.Word(assess.MailboxWarned))
		}
		told = true
		alarm := response.Alarm{Account: a, Policy: d.opt.Policy(), Decision: decide.Hold, Probability: .5, Signals: words, At: now, Now: now, By: by,
			Voice: "shop", Ask: []mimamori.Text{askWarned}}
		if _, err := response.Raise(tx, alarm); err != nil {
			return err
		}
		return tx.PutAccount(a)
	})
	if err != nil {
		return fmt.Errorf("raise on a provider's warning: %w", err)
	}
	if told {
		d.opt.Wake()
	}
	return nil
}

var askWarned = mimamori.Text{JA: "メールなどの提供元から、乗っ取りのおそれがあると知らせがありました。お客様に確かめてください", EN: "A provider warned that the account may be taken over: please ask the customer"}
