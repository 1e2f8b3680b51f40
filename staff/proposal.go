package staff

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mimamori"
	"mimamori/audit"
)

// ProposalState is how far a proposal is.
type ProposalState string

const (
	Open     ProposalState = "open"
	Approved ProposalState = "approved"
	Declined ProposalState = "declined"
)

// Proposal is an act that one person asked for and another has to approve:
// points above a limit, a release without proof, bulk acts (standards items
// E04, E05; ASVS 5.0 2.3.5).
type Proposal struct {
	ID        string // "prp_…"
	Act       audit.Act
	Target    audit.Target
	Args      json.RawMessage // what exactly is to be done; approved as it stands
	Reason    string
	By        string // the person's id
	At        time.Time
	ExpiresAt time.Time
	State     ProposalState
	DecidedBy string
	DecidedAt time.Time
}

// proposalLife is how long a proposal waits for its second person.
const proposalLife = 24 * time.Hour

// FourEyes holds acts until a second person approves.
type FourEyes struct {
	store ProposalStore
	guard audit.Guard
}

// NewFourEyes keeps proposals in store; guard says who may make and approve.
func NewFourEyes(store ProposalStore, guard audit.Guard) *FourEyes {
	return &FourEyes{store: store, guard: guard}
}

// Propose asks for an act. args is anything with a JSON form.
func (f *FourEyes) Propose(ctx context.Context, actor mimamori.Actor, p Proposal, args any) (Proposal, error) {
	if err := f.guard.Allow(ctx, actor, audit.ProposalMake, p.Target, p.Reason); err != nil {
		return Proposal{}, err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return Proposal{}, fmt.Errorf("propose %s: %w", p.Act, err)
	}
	now := time.Now()
	p.ID, p.Args, p.By, p.At, p.ExpiresAt, p.State = mimamori.NewID("prp"), raw, actor.ID, now, now.Add(proposalLife), Open
	if err := f.store.AddProposal(ctx, p); err != nil {
		return Proposal{}, fmt.Errorf("propose %s: %w", p.Act, err)
	}
	return p, nil
}

// Approve lets a proposed act be done and gives it to the caller, who does it:
// exactly one caller gets it. ErrDenied for the person who asked, whatever
// session he uses, and for one whose role does not cover the act itself;
// ErrConflict when it was decided or ran out.
func (f *FourEyes) Approve(ctx context.Context, actor mimamori.Actor, id, reason string) (Proposal, error) {
	p, err := f.store.Proposal(ctx, id)
	if err != nil {
		return Proposal{}, fmt.Errorf("approve %s: %w", id, err)
	}
	if actor.ID == p.By {
		return Proposal{}, &RefusedError{Act: audit.ProposalApprove, Why: "same"}
	}
	if err := f.guard.Allow(ctx, actor, audit.ProposalApprove, p.Target, reason); err != nil {
		return Proposal{}, err
	}
	if err := f.guard.Allow(ctx, actor, p.Act, p.Target, reason); err != nil {
		return Proposal{}, err
	}
	return f.decide(ctx, p, Approved, actor)
}

// Decline ends a proposal; the one who asked may do so too.
func (f *FourEyes) Decline(ctx context.Context, actor mimamori.Actor, id, reason string) (Proposal, error) {
	p, err := f.store.Proposal(ctx, id)
	if err != nil {
		return Proposal{}, fmt.Errorf("decline %s: %w", id, err)
	}
	act := audit.ProposalDecline
	if actor.ID == p.By {
		act = audit.ProposalMake
	}
	if err := f.guard.Allow(ctx, actor, act, p.Target, reason); err != nil {
		return Proposal{}, err
	}
	return f.decide(ctx, p, Declined, actor)
}

// Waiting gives the open proposals, of one incident if target names one.
func (f *FourEyes) Waiting(ctx context.Context, target audit.Target) ([]Proposal, error) {
	list, err := f.store.OpenProposals(ctx, target, time.Now())
	if err != nil {
		return nil, fmt.Errorf("list proposals: %w", err)
	}
	return list, nil
}

func (f *FourEyes) decide(ctx context.Context, p Proposal, state ProposalState, actor mimamori.Actor) (Proposal, error) {
	now := time.Now()
	done, err := f.store.DecideProposal(ctx, p.ID, state, actor.ID, now)
	if err != nil {
		return Proposal{}, fmt.Errorf("decide %s: %w", p.ID, err)
	}
	if !done {
		return Proposal{}, fmt.Errorf("decide %s: %w", p.ID, mimamori.ErrConflict)
	}
	p.State, p.DecidedBy, p.DecidedAt = state, actor.ID, now
	return p, nil
}
