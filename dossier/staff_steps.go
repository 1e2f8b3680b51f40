package dossier

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/playbook"
	"mimamori/web/console"
)

func notFound(what string) error { return fmt.Errorf("find %s: %w", what, mimamori.ErrNotFound) }

// Retry has a step that failed tried again now.
func (c *Casework) Retry(ctx context.Context, on console.On, run string, seq int) error {
	f, err := c.open(ctx, on, audit.StepRetry)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.steps, func(s playbook.Step) bool { return s.Run == run && s.Seq == seq })
	if at < 0 {
		return notFound("step")
	}
	step := f.steps[at]
	if !again(step) {
		return notNow("try a step again", f.current)
	}
	if err := c.opt.Store.RetryStep(ctx, f.account.ID, run, seq, time.Now().UTC()); err != nil {
		return err
	}
	err = c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		answered(i, now, func(n incident.Need) bool { return n.Key == refusedKey(step) })
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		return tx.PutEntry(i.Account, said(i, on.Actor, "person", textRetried, now))
	})
	c.desk.opt.Wake()
	return err
}

// again says that a person may have a step tried once more.
func again(s playbook.Step) bool { return s.State == playbook.Refused || s.State == playbook.Retrying }

var textRetried = mimamori.Text{JA: "担当者が、できなかった手順をもう一度試しました", EN: "Staff had a failed step tried again"}

// maxWait is how long a wait can be made, from containment on.
const maxWait = 7 * 24 * time.Hour

// ExtendWait makes the wait longer. Nobody makes it shorter: only the customer
// does, by a strong proof of her own (standards A11). She reads of it in her
// timeline.
func (c *Casework) ExtendWait(ctx context.Context, on console.On, by time.Duration) error {
	f, err := c.open(ctx, on, audit.IncidentWait)
	if err != nil {
		return err
	}
	if by <= 0 || by > maxWait {
		return fmt.Errorf("extend the wait: %w", mimamori.ErrInvalid)
	}
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		if !waits(i) {
			return notNow("extend the wait", i)
		}
		until := i.WaitUntil.Add(by)
		if from := later(i.ContainedAt, i.DecidedAt); until.After(from.Add(maxWait)) {
			return fmt.Errorf("extend the wait past %s: %w", maxWait, mimamori.ErrInvalid)
		}
		i.WaitUntil = until
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		e := said(i, on.Actor, "person", mimamori.Text{
			JA: fmt.Sprintf("担当者が、パスワードを再設定できるまでの待ち時間を%d時間延ばしました", int(by.Hours())),
			EN: fmt.Sprintf("Staff made the wait %d hours longer", int(by.Hours()))}, now)
		e.Public = true
		return tx.PutEntry(i.Account, e)
	})
}

// waits says that the wait of an incident has not ended.
func waits(i *incident.Incident) bool {
	return !i.WaitUntil.IsZero() && (i.State == incident.Contained || i.State == incident.Waiting)
}
