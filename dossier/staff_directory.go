package dossier

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
	"mimamori/support"
	"mimamori/web/console"
)

// directory is whom to call, as the desk has it now.
func (d *Desk) directory() support.Directory {
	if d.opt.Editions == nil {
		return d.opt.Directory
	}
	return d.opt.Editions.Now(context.Background()).Directory
}

var _ console.Directories = (*Casework)(nil)

// maxEditions is how many the page lists.
const maxEditions = 20

// editing is a change of telephone numbers that waits for a second person.
type editing struct {
	Base      int               `json:"base"`
	Directory support.Directory `json:"directory"`
}

// askPhones says what exactly a second person approves: each number.
func askPhones(p staff.Proposal) mimamori.Text {
	e, err := wanted[editing](p)
	if err != nil {
		return mimamori.Text{}
	}
	var list []string
	for _, n := range e.Directory.Numbers {
		list = append(list, n.Country+" "+n.Number)
	}
	all := strings.Join(list, ", ")
	return mimamori.Text{JA: "お客さまに案内する電話番号を、次のものにする：" + all, EN: "Have customers call these numbers: " + all}
}

// Contacts gives the edition of now and those before it.
func (c *Casework) Contacts(ctx context.Context, actor mimamori.Actor) (console.ContactSheet, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookContacts, audit.Target{}, ""); err != nil {
		return console.ContactSheet{}, err
	}
	out := console.ContactSheet{Now: c.desk.opt.Editions.Now(ctx), Names: map[string]string{}}
	var err error
	if out.Past, err = c.desk.opt.Editions.History(ctx, maxEditions); err != nil {
		return out, err
	}
	for _, e := range out.Past {
		for _, id := range []string{e.By, e.Second} {
			if id == "" || out.Names[id] != "" {
				continue
			}
			if out.Names[id], err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: id}); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// EditContacts makes a new edition, or, where telephone numbers change, asks a
// second person to.
func (c *Casework) EditContacts(ctx context.Context, actor mimamori.Actor, base int, d support.Directory, reason string) (console.Result, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.DirectoryEdit, audit.Target{}, cutReason(fmt.Sprintf("%d: %s", base, reason))); err != nil {
		return console.Failed, err
	}
	if err := d.Check(); err != nil {
		return console.Failed, err
	}
	now := c.desk.opt.Editions.Now(ctx)
	if now.Number != base {
		return console.Failed, fmt.Errorf("edit the directory: %w", mimamori.ErrConflict)
	}
	if !d.SamePhones(now.Directory) {
		_, err := c.opt.FourEyes.Propose(ctx, actor, staff.Proposal{Act: audit.DirectoryEdit, Reason: reason}, editing{base, d})
		return console.Asked, err
	}
	err := c.desk.opt.Editions.Add(ctx, base, support.Edition{Directory: d, At: time.Now().UTC(), By: actor.ID, Reason: reason})
	return console.Done, err
}

// approvedEdition makes the edition exactly as it was proposed.
func (c *Casework) approvedEdition(ctx context.Context, actor mimamori.Actor, p staff.Proposal) error {
	e, err := wanted[editing](p)
	if err != nil {
		return err
	}
	return c.desk.opt.Editions.Add(ctx, e.Base, support.Edition{Directory: e.Directory, At: time.Now().UTC(), By: p.By, Second: actor.ID, Reason: p.Reason})
}
