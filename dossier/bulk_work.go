package dossier

import (
	"context"
	"errors"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/bulk"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/response"
	"mimamori/web/console"
)

// BulkWorker carries bulk acts out, one account after the other, and goes on
// where it was after a crash: an account that was done is done again without
// effect. It sleeps until it is woken; only a node that waits for another's
// lease looks again by itself.
type BulkWorker struct {
	work *Casework
	node string
	wake chan struct{}
	stop context.CancelFunc
	gone chan struct{}
}

// bulkLease is how long a node that is gone keeps a run from the others.
const bulkLease = 30 * time.Second

// BulkWorker gives the worker of this casework; its Start sets it to work.
func (c *Casework) BulkWorker() *BulkWorker { return c.bulks }

// Start begins, with what was left at the last stop.
func (w *BulkWorker) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.gone = cancel, make(chan struct{})
	go func() {
		defer close(w.gone)
		for {
			others, err := w.all(ctx)
			if err != nil && ctx.Err() == nil {
				w.work.desk.log.Error("carry out bulk acts", "err", err)
				others = true
			}
			var again <-chan time.Time
			if others {
				again = time.After(bulkLease)
			}
			select {
			case <-ctx.Done():
				return
			case <-w.wake:
			case <-again:
			}
		}
	}()
}

// Stop waits for the account that is being worked on.
func (w *BulkWorker) Stop() {
	if w.stop != nil {
		w.stop()
		<-w.gone
	}
}

func (c *Casework) wakeBulk() {
	select {
	case c.bulks.wake <- struct{}{}:
	default:
	}
}

// all works on every busy run; it says whether another node has one.
func (w *BulkWorker) all(ctx context.Context) (others bool, err error) {
	runs, err := w.work.opt.Store.Bulks(ctx, 100)
	if err != nil {
		return false, err
	}
	for _, r := range runs {
		if !r.State.Busy() {
			continue
		}
		mine, err := w.run(ctx, r.ID)
		if err != nil {
			return others, err
		}
		others = others || !mine
	}
	return others, nil
}

// run works on one until it is done, stopped, or another node's.
func (w *BulkWorker) run(ctx context.Context, id string) (mine bool, err error) {
	st := w.work.opt.Store
	for ctx.Err() == nil {
		now := time.Now()
		if mine, err = st.ClaimBulk(ctx, id, w.node, now, now.Add(bulkLease)); err != nil || !mine {
			return mine, err
		}
		r, err := st.Bulk(ctx, id) // it may have been stopped meanwhile
		if err != nil || !r.State.Busy() {
			return true, err
		}
		of, to := bulk.Waiting, bulk.Done
		if r.State == bulk.Undoing {
			of, to = bulk.Did, bulk.Undone
		}
		items, err := st.BulkItems(ctx, id, of, 20)
		if err != nil {
			return true, err
		}
		if len(items) == 0 {
			r.EndedAt = now.UTC()
			err := w.work.moveBulk(ctx, r, to)
			if errors.Is(err, mimamori.ErrConflict) { // stopped just now
				err = nil
			}
			return true, err
		}
		for _, i := range items {
			if ctx.Err() != nil {
				return true, nil
			}
			if err := w.one(ctx, r, i); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

// one does one account. What goes wrong with it stays with it.
func (w *BulkWorker) one(ctx context.Context, r bulk.Run, i bulk.Item) error {
	before := i.State
	var err error
	if r.State == bulk.Undoing {
		i.State = bulk.Back
		err = w.work.backOne(ctx, r, &i)
	} else {
		i.State = bulk.Did
		err = w.work.actOne(ctx, r, &i)
	}
	switch {
	case ctx.Err() != nil:
		return nil // once more after the next start
	case errors.Is(err, mimamori.ErrUnavailable):
		return err
	case err != nil && before == bulk.Did:
		i.State, i.Why = bulk.Kept, kind(err)
	case err != nil:
		i.State, i.Why = bulk.Failed, kind(err)
	}
	return w.work.opt.Store.PutBulkItem(ctx, r.ID, i)
}

// raiseOn raises on an account, whether or not it has an incident.
func (c *Casework) raiseOn(ctx context.Context, account mimamori.AccountID, subject, session string, to decide.Decision, by mimamori.Actor) (*incident.Incident, error) {
	var raised *incident.Incident
	now := time.Now().UTC()
	err := c.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(account, subject)
		if err != nil {
			return err
		}
		at := now
		if s, ok := a.Profile.Session(session); ok {
			at = s.Began
		}
		raised, err = response.Raise(tx, response.Alarm{Account: a, Policy: c.desk.opt.Policy(), Decision: to, Probability: 1,
			Signals: []assess.Signal{assess.Word("staff_said_intruder")}, Session: session, At: at, Now: now, By: by, Voice: "agent"})
		if err != nil {
			return err
		}
		if raised == nil {
			return mimamori.ErrConflict // the policy only observes
		}
		return tx.PutAccount(a)
	})
	if err == nil {
		c.desk.opt.Wake()
	}
	return raised, err
}

// kept says what cannot be taken back of a containment.
var kept = mimamori.Text{
	JA: "変更とポイントは元に戻しました。パスワードは無効のままです。待ち時間のあと、お客様ご自身で新しく設定していただきます",
	EN: "Changes and points are back as they were. The password stays invalid: after the wait the customer sets a new one",
}

// backOne takes back what a bulk act did to one account: what was held or
// contained is released, and stands where it stood before, as a suspicion that
// a person must look at; what was dismissed is open again.
func (c *Casework) backOne(ctx context.Context, run bulk.Run, item *bulk.Item) error {
	by := mimamori.Actor{Kind: mimamori.ActorStaff, ID: run.UndoBy}
	on := console.On{Actor: by, Incident: item.Made, Reason: bulkReason(run, run.UndoWhy)}
	act := bulkActs[bulk.Dismiss].each
	if run.Act == bulk.Dismiss {
		act = bulkActs[bulk.Hold].each
	}
	f, err := c.open(ctx, on, act)
	if err != nil {
		return err
	}
	if run.Act == bulk.Dismiss {
		return c.reopen(ctx, f, item)
	}
	if slices.Contains(incident.Moves[f.current.State], incident.Dismissed) {
		if err := c.letGo(ctx, f, by); err != nil {
			return err
		}
		if item.Was == string(incident.Suspected) {
			return c.reopen(ctx, f, item)
		}
		return nil
	}
	if !f.current.Open() {
		return notNow("take back", f.current) // the customer is back in already
	}
	for _, s := range slices.Clone(f.current.Sessions) {
		if f, err = c.file(ctx, f.current); err != nil {
			return err
		}
		if err := c.clear(ctx, on, f, s, journal.OfCustomer); err != nil {
			return err
		}
	}
	item.State, item.Why = bulk.Kept, kept
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		return putRun(tx, i, "", "released", []playbook.Named{{Name: "points.unfreeze"}}, now)
	})
}

// reopen makes the suspicion stand again, with the evidence it had, for a
// person to decide on: nothing is done to the account.
func (c *Casework) reopen(ctx context.Context, f *file, item *bulk.Item) error {
	policy := c.desk.opt.Policy()
	policy.Mode = decide.Assist // raise, and ask
	err := c.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(f.account.ID, f.account.Subject)
		if err != nil || a.Standing.Open() {
			return err // something new has come up meanwhile
		}
		var signals []assess.Signal
		session := ""
		for _, e := range f.current.Evidence {
			signals = append(signals, e.Signal)
			session = e.Session
		}
		i, err := response.Raise(tx, response.Alarm{Account: a, Policy: policy, Decision: decide.Hold, Probability: f.current.Probability, Signals: signals,
			Session: session, At: f.current.OpenedAt, Now: time.Now().UTC(), By: mimamori.System, Voice: "detector", Campaigns: f.current.Campaigns})
		if err != nil {
			return err
		}
		item.Made = i.ID
		return tx.PutAccount(a)
	})
	c.desk.opt.Wake()
	return err
}
