package store

import (
	"context"
	"fmt"
	"time"

	"mimamori/audit"
	"mimamori/staff"
)

const proposalColumns = `id, act, account_id, incident, args, reason, by, at, expires_at, state, decided_by, decided_at`

func scanProposal(r scanner) (p staff.Proposal, err error) {
	var args []byte
	err = r.Scan(&p.ID, &p.Act, accountKey{&p.Target.Account}, &p.Target.Incident, &args, &p.Reason, &p.By, when{&p.At}, when{&p.ExpiresAt},
		&p.State, &p.DecidedBy, when{&p.DecidedAt})
	p.Args = args
	return p, err
}

// AddProposal stores an act that waits for a second person.
func (s *SQL) AddProposal(ctx context.Context, p staff.Proposal) error {
	return s.add(ctx, "proposal "+p.ID, `INSERT INTO proposal (`+proposalColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		p.ID, string(p.Act), keyOrNull(p.Target.Account), string(p.Target.Incident), []byte(p.Args), p.Reason, p.By, nanos(p.At), nanos(p.ExpiresAt),
		string(p.State), p.DecidedBy, nanos(p.DecidedAt))
}

// Proposal finds by id.
func (s *SQL) Proposal(ctx context.Context, id string) (staff.Proposal, error) {
	p, err := scanProposal(s.at(ctx).row(`SELECT `+proposalColumns+` FROM proposal WHERE id = ?`, id))
	return p, found(err, "proposal "+id)
}

// OpenProposals gives what waits at now, oldest first; of one incident if the
// target names one.
func (s *SQL) OpenProposals(ctx context.Context, target audit.Target, now time.Time) ([]staff.Proposal, error) {
	incident := string(target.Incident)
	rows, err := s.at(ctx).rows(`SELECT `+proposalColumns+` FROM proposal WHERE state = 'open' AND expires_at > ? AND (? = '' OR incident = ?) ORDER BY at, n`,
		nanos(now), incident, incident)
	out, err := list(rows, err, scanProposal)
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	return out, nil
}

// DecideProposal decides once: of parallel callers exactly one hears true.
func (s *SQL) DecideProposal(ctx context.Context, id string, state staff.ProposalState, by string, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE proposal SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND state = 'open' AND expires_at > ?`,
		string(state), by, nanos(at), id, nanos(at))
	if err != nil {
		return false, fmt.Errorf("decide proposal %s: %w", id, err)
	}
	return n == 1, nil
}
