package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/keys"
)

// reset is what a proposed reset holds: whose, and the digits that the one who
// asked gives to the person, hashed.
type reset struct {
	Person string `json:"person"`
	Code   []byte `json:"code"`
}

// ErrAlone says that there is no second administrator to approve: the command
// line, whose user owns the machine, has to do it.
var ErrAlone = errors.New("there is no second administrator")

// ProposeReset asks a second administrator to take away somebody's password,
// authenticator and passkeys, who has lost them. digits are shown to the one
// who asks this once; the link goes to the one who approves: neither of the
// two can come in as that person alone.
func (d *Desk) ProposeReset(ctx context.Context, four *FourEyes, actor mimamori.Actor, id, reason string) (digits string, err error) {
	if err := four.guard.Allow(ctx, actor, audit.StaffReset, audit.Target{}, "asked for "+id+": "+reason); err != nil {
		return "", err
	}
	p, err := d.store.Person(ctx, id)
	if err != nil {
		return "", fmt.Errorf("reset %s: %w", id, err)
	}
	if p.External() || !p.DisabledAt.IsZero() {
		return "", fmt.Errorf("reset %s: %w", id, mimamori.ErrConflict)
	}
	people, err := d.store.People(ctx)
	if err != nil {
		return "", fmt.Errorf("reset %s: %w", id, err)
	}
	if !slices.ContainsFunc(people, func(o Person) bool { return o.ID != actor.ID && o.ID != id && o.May(audit.StaffReset) }) {
		return "", ErrAlone
	}
	digits = code.NewDigits()
	sum := d.ring.MAC(keys.Pseudonym, "staff reset", id, digits)
	_, err = four.Propose(ctx, actor, Proposal{Act: audit.StaffReset, Reason: reason}, reset{Person: id, Code: sum})
	return digits, err
}

// Resets gives the resets that wait for a second administrator, and of whom.
func (d *Desk) Resets(ctx context.Context, four *FourEyes) (list []Proposal, of map[string]Person, err error) {
	all, err := four.store.OpenProposals(ctx, audit.Target{}, time.Now())
	if err != nil {
		return nil, nil, fmt.Errorf("list resets: %w", err)
	}
	of = map[string]Person{}
	for _, p := range all {
		var r reset
		if p.Act != audit.StaffReset || json.Unmarshal(p.Args, &r) != nil {
			continue
		}
		person, err := d.store.Person(ctx, r.Person)
		if err != nil {
			return nil, nil, fmt.Errorf("list resets: %w", err)
		}
		list, of[p.ID] = append(list, p), person
	}
	return list, of, nil
}

// ApproveReset carries a proposed reset out. token is for the link, which
// wants the digits as well. Nobody approves his own.
func (d *Desk) ApproveReset(ctx context.Context, four *FourEyes, actor mimamori.Actor, id, reason string) (token string, p Person, err error) {
	asked, err := four.store.Proposal(ctx, id)
	if err != nil {
		return "", Person{}, fmt.Errorf("approve reset: %w", err)
	}
	var r reset
	if err := json.Unmarshal(asked.Args, &r); err != nil || asked.Act != audit.StaffReset {
		return "", Person{}, fmt.Errorf("approve reset %s: %w", id, mimamori.ErrNotFound)
	}
	if r.Person == actor.ID {
		return "", Person{}, &RefusedError{Act: audit.StaffReset, Why: "same"}
	}
	if _, err := four.Approve(ctx, actor, id, reason); err != nil {
		return "", Person{}, err
	}
	return d.reset(ctx, r.Person, actor, r.Code)
}

// ResetAlone is for the command line: it takes a person's ways in away and
// gives the token of a new link.
func (d *Desk) ResetAlone(ctx context.Context, login, reason string) (token string, p Person, err error) {
	p, err = d.store.PersonByLogin(ctx, strings.ToLower(strings.TrimSpace(login)))
	if err != nil {
		return "", Person{}, fmt.Errorf("reset: %w", err)
	}
	if p.External() || !p.DisabledAt.IsZero() {
		return "", Person{}, fmt.Errorf("reset %s: %w", p.ID, mimamori.ErrConflict)
	}
	if err := d.log.Record(ctx, mimamori.System, audit.StaffReset, audit.Target{}, p.ID+": "+reason, nil); err != nil {
		return "", Person{}, err
	}
	return d.reset(ctx, p.ID, mimamori.System, nil)
}

func (d *Desk) reset(ctx context.Context, id string, by mimamori.Actor, digits []byte) (string, Person, error) {
	for range 16 { // he may be trying to sign in meanwhile
		p, err := d.store.Person(ctx, id)
		if err != nil {
			return "", Person{}, fmt.Errorf("reset %s: %w", id, err)
		}
		p.PasswordHash, p.PasswordSalt, p.FactorSecret, p.FactorStep = nil, nil, nil, 0
		err = d.update(ctx, p)
		if errors.Is(err, mimamori.ErrConflict) {
			continue
		}
		if err == nil {
			err = errors.Join(d.store.RemovePasskeys(ctx, id), d.store.EndStaffSessions(ctx, id, [32]byte{}, time.Now()))
		}
		if err != nil {
			return "", Person{}, fmt.Errorf("reset %s: %w", id, err)
		}
		token, err := d.invite(ctx, p, by, digits)
		return token, p, err
	}
	return "", Person{}, fmt.Errorf("reset %s: %w", id, mimamori.ErrUnavailable)
}

// SetOwn says which customer accounts are a person's own: he may not handle
// these (E09). Nobody sets his own.
func (d *Desk) SetOwn(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id string, own []mimamori.AccountID, reason string) error {
	why := fmt.Sprintf("%s: %d accounts of his own: %s", id, len(own), reason)
	if err := guard.Allow(ctx, actor, audit.StaffRole, audit.Target{}, why); err != nil {
		return err
	}
	if actor.ID == id {
		return fmt.Errorf("set one's own accounts: %w", mimamori.ErrDenied)
	}
	p, err := d.store.Person(ctx, id)
	if err != nil {
		return fmt.Errorf("set own accounts: %w", err)
	}
	p.Own = own
	if err := d.update(ctx, p); err != nil {
		return fmt.Errorf("set own accounts: %w", err)
	}
	return nil
}

// EndSession ends one of a person's own sessions, by the hash that his page
// shows; ErrNotFound when it is not his.
func (d *Desk) EndSession(ctx context.Context, s Session, hash [32]byte) error {
	of, err := d.store.StaffSession(ctx, hash)
	if err == nil && of.Person != s.Person {
		err = mimamori.ErrNotFound
	}
	if err == nil {
		err = d.store.EndStaffSession(ctx, hash, time.Now())
	}
	if err != nil {
		return fmt.Errorf("end staff session: %w", err)
	}
	actor := mimamori.Actor{Kind: mimamori.ActorStaff, ID: s.Person}
	return d.log.Record(ctx, actor, audit.StaffSignOut, audit.Target{}, "one other session", nil)
}
