package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori/event"
	"mimamori/playbook"
)

// A question about all accounts is one about all workers, and fails when one
// of them is away. What a response to an intrusion rests on must not: the
// accounts on the other workers are guarded meanwhile. So the shards that can
// be reached are asked one by one then.

// Parts are the places of the events that each machine takes (intake.Parter).
func (s *SQL) Parts(events []event.Event) [][]int {
	if p, ok := s.engine.(*Postgres); ok && p.cluster != nil {
		return p.cluster.parts(events)
	}
	return nil
}

// reachable asks the shards of a table that can be reached and gives each
// one's answer, a text. The question names the table as %s and must hold
// nothing from outside.
func (s *SQL) reachable(ctx context.Context, table, question string) ([]string, error) {
	rows, err := s.at(ctx).rows(`SELECT result FROM run_command_on_shards(CAST(? AS text)::regclass, ?) WHERE success`, table, question)
	return list(rows, err, func(r scanner) (text string, err error) { return text, r.Scan(&text) })
}

// dueApart is dueSteps over many machines.
func (s *SQL) dueApart(ctx context.Context, now time.Time, limit int) ([]playbook.Step, error) {
	due, err := dueSteps(s.at(ctx), now, limit)
	if err == nil || !unavailable(err) {
		return due, err
	}
	answers, again := s.reachable(ctx, "step", fmt.Sprintf(`SELECT coalesce(json_agg(x), '[]') FROM (SELECT %s FROM %%s
		WHERE state IN ('ready', 'retrying') AND lease <= %d AND due <= %[2]d ORDER BY due LIMIT %d) AS x`, stepColumns, nanos(now), limit))
	if again != nil {
		return nil, errors.Join(err, again)
	}
	due = nil
	for _, text := range answers {
		steps, err := decodeSteps(text)
		if err != nil {
			return nil, fmt.Errorf("find due steps: %w", err)
		}
		due = append(due, steps...)
	}
	slices.SortStableFunc(due, func(a, b playbook.Step) int { return a.Due.Compare(b.Due) })
	return due[:min(len(due), limit)], nil
}

// decodeSteps reads rows of stepColumns as JSON.
func decodeSteps(text string) ([]playbook.Step, error) {
	var rows []struct {
		Doc        string
		State      playbook.StepState
		Due, Lease int64
		Fence      int64
		Attempts   int
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&rows); err != nil {
		return nil, err
	}
	out := make([]playbook.Step, len(rows))
	for i, r := range rows {
		x := &out[i]
		if err := json.Unmarshal([]byte(r.Doc), x); err != nil {
			return nil, fmt.Errorf("decode step: %w", err)
		}
		x.State, x.Due, x.Lease, x.Fence, x.Attempts = r.State, moment(r.Due), moment(r.Lease), r.Fence, r.Attempts
	}
	return out, nil
}

// containedApart is ContainedSince over many machines. Those of a worker that
// is away are not counted: the budget of the hour is then that much wider, and
// nobody goes unguarded.
func (tx *tx) containedApart(since time.Time) (n int, err error) {
	const question = `SELECT count(*) FROM incident WHERE budgeted_at > 0 AND budgeted_at >= `
	if err := tx.exec(`SAVEPOINT counting`); err != nil {
		return 0, err
	}
	err = tx.row(question+`?`, nanos(since)).Scan(&n)
	if err == nil {
		return n, tx.exec(`RELEASE counting`)
	}
	if !unavailable(err) || tx.exec(`ROLLBACK TO counting`) != nil {
		return 0, fmt.Errorf("count containments: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	answers, again := tx.s.reachable(ctx, "incident", strings.Replace(question, "FROM incident", "FROM %s", 1)+fmt.Sprint(nanos(since)))
	if again != nil {
		return 0, fmt.Errorf("count containments: %w", errors.Join(err, again))
	}
	for _, text := range answers {
		var some int
		if _, err := fmt.Sscan(text, &some); err != nil {
			return 0, fmt.Errorf("count containments: %w", err)
		}
		n += some
	}
	return n, nil
}
