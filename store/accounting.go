package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/incident"
	"mimamori/playbook"
)

// given is the argument of a step that gives points back.
type given struct {
	Entry    string `json:"entry"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Restitutions are those confirmed by the shop in a period, and those decided
// before its end that are not confirmed yet.
func (s *SQL) Restitutions(ctx context.Context, from, to time.Time) ([]accounting.Entry, error) {
	rows, err := s.at(ctx).rows(`SELECT ` + stepColumns + ` FROM step WHERE json_extract(doc, '$.name') = 'points.restore' AND state IN ('ready', 'pending', 'retrying', 'done')`)
	steps, err := list(rows, err, scanStep)
	if err != nil {
		return nil, fmt.Errorf("read restitutions: %w", err)
	}
	var out []accounting.Entry
	for _, x := range steps {
		if x.State == playbook.Done && (x.DoneAt.Before(from) || !x.DoneAt.Before(to)) {
			continue
		}
		g, err := playbook.Arg[given](x)
		if err != nil {
			return nil, fmt.Errorf("read restitution %s: %w", x.Key, err)
		}
		e := accounting.Entry{Incident: x.Incident, Subject: x.Subject, Ledger: g.Entry, Amount: g.Amount, Currency: g.Currency, Command: x.Key}
		if x.State == playbook.Done {
			e.At = x.DoneAt
		}
		if err := s.deciders(ctx, x, &e); err != nil {
			return nil, err
		}
		if e.At.IsZero() && !e.DecidedAt.Before(to) {
			continue
		}
		out = append(out, e)
	}
	return out, nil
}

// deciders says who decided a restitution, and who approved it.
func (s *SQL) deciders(ctx context.Context, x playbook.Step, e *accounting.Entry) error {
	said, err := one[incident.Entry](s.at(ctx).row(`SELECT doc FROM entry WHERE account_id = ? AND incident = ? AND key = ?`,
		x.Account[:], string(x.Incident), "decided "+x.Run), "decision on "+x.Run)
	switch {
	case errors.Is(err, mimamori.ErrNotFound):
		e.DecidedAt = x.Due
	case err != nil:
		return err
	default:
		e.DecidedAt, e.DecidedBy = said.At, said.Actor.ID
	}
	rows, err := s.at(ctx).rows(`SELECT `+proposalColumns+` FROM proposal WHERE account_id = ? AND incident = ? AND act = 'points.restore' AND state = 'approved'`,
		x.Account[:], string(x.Incident))
	proposals, err := list(rows, err, scanProposal)
	if err != nil {
		return fmt.Errorf("read who approved %s: %w", x.Key, err)
	}
	for _, p := range proposals {
		var g given
		if json.Unmarshal(p.Args, &g) == nil && g.Entry == e.Ledger && g.Amount == e.Amount {
			e.DecidedBy, e.ApprovedBy = p.By, p.DecidedBy
		}
	}
	return nil
}
