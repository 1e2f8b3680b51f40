package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"mimamori"
)

// IncidentVersion is a short text that changes with anything that the staff's
// page of an incident shows: the incident, its timeline, steps and notices,
// and the account's events. ErrNotFound.
func (s *SQL) IncidentVersion(ctx context.Context, id mimamori.IncidentID) (string, error) {
	var doc []byte
	var account int64
	var entries, steps, notices string
	err := s.at(ctx).row(`SELECT i.doc,
		coalesce((SELECT ver FROM account WHERE account_id = i.account_id), 0),
		(SELECT count(*) FROM entry WHERE account_id = i.account_id AND incident = i.id),
		(SELECT count(*) || ' ' || coalesce(sum(attempts), 0) || ' ' || coalesce(sum(CASE WHEN state IN ('done', 'refused', 'skipped') THEN 1 ELSE 0 END), 0) FROM step WHERE account_id = i.account_id AND incident = i.id),
		(SELECT count(*) || ' ' || coalesce(sum(CASE WHEN state <> 'queued' THEN 1 ELSE 0 END), 0) || ' ' || coalesce(sum(CASE WHEN read_at > 0 THEN 1 ELSE 0 END), 0) FROM notice WHERE account_id = i.account_id)
		FROM incident i WHERE i.id = ?`, string(id)).Scan(&doc, &account, &entries, &steps, &notices)
	if err != nil {
		return "", found(err, "version of "+string(id))
	}
	sum := sha256.Sum256(fmt.Appendf(doc, "\x00%d\x00%s\x00%s\x00%s", account, entries, steps, notices))
	return hex.EncodeToString(sum[:8]), nil
}

// RetryStep is RetryNow as a write of its own.
func (s *SQL) RetryStep(ctx context.Context, account mimamori.AccountID, run string, seq int, now time.Time) error {
	return s.update(ctx, Urgent, func(tx *tx) error { return tx.RetryNow(account, run, seq, now) })
}
