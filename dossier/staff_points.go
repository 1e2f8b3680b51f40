package dossier

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/staff"
	"mimamori/undo"
	"mimamori/web/console"
)

// gift is what is given back: one entry of the ledger. It is what a proposal
// holds and what the step is told.
type gift struct {
	Entry    string `json:"entry"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency,omitempty"`
}

// RestorePoints gives back what one entry of the intruder's took, once however
// often and by however many it is asked (standards G15). Above what the
// person may give alone on this incident a second person has to approve.
func (c *Casework) RestorePoints(ctx context.Context, on console.On, entry string) (console.Result, error) {
	f, err := c.open(ctx, on, audit.PointsRestore)
	if err != nil {
		return console.Failed, err
	}
	reader, err := c.person(ctx, on.Actor)
	if err != nil {
		return console.Failed, err
	}
	c.money.Lock()
	defer c.money.Unlock()
	if f.steps, err = c.opt.Store.Steps(ctx, f.account.ID, f.current.ID); err != nil {
		return console.Failed, err
	}
	g, err := c.owed(f, entry)
	if err != nil {
		return console.Failed, err
	}
	if decided(f.steps, entry) {
		return console.Done, nil
	}
	if f.given()+g.Amount > c.limit(reader) {
		return c.ask(ctx, on, f, audit.PointsRestore, g)
	}
	return console.Done, c.giveBack(ctx, f, g, on.Actor)
}

// owed is an entry of the intruder's on this incident.
func (c *Casework) owed(f *file, entry string) (gift, error) {
	if f.current.DecidedAt.IsZero() || over(f.current) {
		return gift{}, notNow("give points back", f.current)
	}
	for _, o := range f.plan.Owed {
		if o.Entry == entry {
			return gift{Entry: o.Entry, Amount: o.Amount, Currency: c.currency(o.Kind)}, nil
		}
	}
	return gift{}, fmt.Errorf("give entry back on %s: %w", f.current.ID, mimamori.ErrNotFound)
}

func (c *Casework) currency(kind string) string {
	if kind == "gift" {
		return c.opt.Currency
	}
	return ""
}

// giveBack puts the step to work. The caller holds money. Its run is named by
// incident and entry, so that the store takes it once; only after a refusal
// of the shop's there is another try, under the next name.
func (c *Casework) giveBack(ctx context.Context, f *file, g gift, by mimamori.Actor) error {
	steps, err := c.opt.Store.Steps(ctx, f.account.ID, f.current.ID)
	if err != nil {
		return err
	}
	f.steps = steps
	if now, err := c.owed(f, g.Entry); err != nil {
		return err
	} else if now != g {
		return fmt.Errorf("give entry back on %s: it is another amount by now: %w", f.current.ID, mimamori.ErrConflict)
	}
	if err := c.notElsewhere(ctx, f, g.Entry); err != nil {
		return err
	}
	if decided(f.steps, g.Entry) {
		return nil
	}
	id := runPoints + string(f.current.ID) + "-" + entryName(g.Entry)
	if n := f.refusals(g.Entry); n > 0 {
		id += fmt.Sprintf("-again%d", n)
	}
	err = c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		if over(i) {
			return notNow("give points back", i)
		}
		answered(i, now, func(n incident.Need) bool { s, ok := restoring(f.steps, g.Entry); return ok && n.Key == refusedKey(s) })
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		if err := putRun(tx, i, id, "points", []playbook.Named{playbook.With("points.restore", g)}, now); err != nil {
			return err
		}
		decided := said(i, by, "person", textGiveBack(g), now)
		decided.Key = "decided " + id // accounting finds it by the run
		return tx.PutEntry(i.Account, decided)
	})
	if err != nil { // another node may have been first
		if steps, readErr := c.opt.Store.Steps(ctx, f.account.ID, f.current.ID); readErr == nil && begun(steps, id) {
			return nil
		}
	}
	return err
}

// notElsewhere keeps an entry from being given back on two incidents.
func (c *Casework) notElsewhere(ctx context.Context, f *file, entry string) error {
	for _, i := range f.incidents {
		if i.ID == f.current.ID {
			continue
		}
		steps, err := c.opt.Store.Steps(ctx, f.account.ID, i.ID)
		if err != nil {
			return err
		}
		if decided(steps, entry) {
			return fmt.Errorf("give entry back on %s: it is on %s: %w", f.current.ID, i.ID, mimamori.ErrConflict)
		}
	}
	return nil
}

// plainName is what may stand in a run's name as it is: the name becomes a
// command's id, which the webhook's standard bounds.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_:-]{1,64}$`)

func entryName(entry string) string {
	if plainName.MatchString(entry) {
		return entry
	}
	sum := sha256.Sum256([]byte(entry))
	return "~" + hex.EncodeToString(sum[:16])
}

// restoring is the newest step that gives an entry back.
func restoring(steps []playbook.Step, entry string) (last playbook.Step, ok bool) {
	for _, s := range steps {
		if s.Name != "points.restore" || s.State == playbook.Skipped {
			continue
		}
		if g, err := playbook.Arg[gift](s); err == nil && g.Entry == entry {
			last, ok = s, true
		}
	}
	return last, ok
}

func (f *file) refusals(entry string) int {
	n := 0
	for _, s := range f.steps {
		if g, err := playbook.Arg[gift](s); err == nil && s.Name == "points.restore" && g.Entry == entry && s.State == playbook.Refused {
			n++
		}
	}
	return n
}

// given is what is given back, or being given back, on the incident.
func (f *file) given() int64 {
	var sum int64
	for _, o := range f.plan.Owed {
		if decided(f.steps, o.Entry) {
			sum += o.Amount
		}
	}
	return sum
}

// owing are the entries of a plan about which nobody has decided yet.
func (f *file) owing(plan undo.Plan) []undo.Owed {
	return slices.DeleteFunc(slices.Clone(plan.Owed), func(o undo.Owed) bool { return decided(f.steps, o.Entry) })
}

// decided says that an entry is given back or is being given back. A step
// that the shop refuses asks a person anew, on its own.
func decided(steps []playbook.Step, entry string) bool {
	s, ok := restoring(steps, entry)
	return ok && s.State != playbook.Refused
}

// limit is what a person may give back alone on one incident.
func (c *Casework) limit(p staff.Person) int64 {
	var most int64
	for _, r := range p.Roles {
		most = max(most, c.opt.PointsAlone[r])
	}
	return most
}

// ledger is what the intruder took, with what became of each entry.
func (c *Casework) ledger(f *file, waiting []staff.Proposal, limit int64) []console.Points {
	given := f.given()
	var out []console.Points
	for _, m := range f.journal.Points {
		if m.Owner != journal.OfIntruder || m.Amount >= 0 || !f.within(m.Session) {
			continue
		}
		kind := cmp.Or(m.Kind, "points")
		p := console.Points{Entry: m.Entry, Kind: kind, At: m.At, Amount: -m.Amount, Currency: c.currency(kind), Restored: f.restored(m.Entry),
			Second: given-m.Amount > limit}
		p.Waiting = slices.ContainsFunc(waiting, func(w staff.Proposal) bool {
			var g gift
			return w.Act == audit.PointsRestore && json.Unmarshal(w.Args, &g) == nil && g.Entry == m.Entry
		})
		out = append(out, p)
	}
	return out
}

func textGiveBack(g gift) mimamori.Text {
	return mimamori.Text{JA: fmt.Sprintf("担当者が、%d のお返しを決めました（記録 %s）", g.Amount, g.Entry),
		EN: fmt.Sprintf("Staff decided to give back %d (entry %s)", g.Amount, g.Entry)}
}

// PointsSteps carries out what was decided about points.
type PointsSteps struct {
	Shop  shop.Shop
	Store interface {
		undo.Changer
		Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
	}
}

// Acts are the steps by name. They stand in for undo's step of the same name:
// here the customer is told, after the shop has done it and not before.
func (p *PointsSteps) Acts() map[string]playbook.Act {
	return map[string]playbook.Act{"points.restore": p.restore}
}

func (p *PointsSteps) restore(ctx context.Context, s playbook.Step) playbook.Outcome {
	g, err := playbook.Arg[gift](s)
	if err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	out := playbook.Tell(ctx, p.Shop, s, shop.PointsRestore{Entry: g.Entry, Amount: g.Amount, Currency: g.Currency})
	if out.Result != playbook.Did {
		return out
	}
	if err := p.settle(ctx, s, g.Entry); err != nil {
		return playbook.Again(err)
	}
	told := notice.Extra{Points: g.Amount}
	account, err := p.Shop.Account(ctx, s.Subject)
	switch {
	case err == nil && g.Currency == "":
		told.Balance = account.Points.Balance
	case err != nil && !errors.Is(err, mimamori.ErrNotFound):
		return playbook.FailedTry(err) // the same command again does nothing twice
	}
	out.More = append(out.More, playbook.With("notice.points_restored", told))
	return out
}

// settle answers the question of the points once nothing is owed any more.
func (p *PointsSteps) settle(ctx context.Context, s playbook.Step, entry string) error {
	plan, j, err := undo.PlanOf(ctx, p.Store, s.Account)
	if err != nil {
		return err
	}
	steps, err := p.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return err
	}
	return p.Store.ChangeIncident(ctx, s.Account, s.Subject, s.Incident, func(i *incident.Incident) error {
		for _, o := range plan.Owed {
			other := slices.ContainsFunc(j.Points, func(m journal.Movement) bool { return m.Entry == o.Entry && !slices.Contains(i.Sessions, m.Session) })
			if o.Entry != entry && !other && !decided(steps, o.Entry) {
				return nil
			}
		}
		answered(i, time.Now().UTC(), func(n incident.Need) bool { return n.Key == "points" })
		return nil
	})
}
