package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
	"mimamori/audit"
)

// AppendAudit stores an entry, its hashes and the head after it. ErrConflict
// when it is not the next one.
func (s *SQL) AppendAudit(ctx context.Context, a audit.Append) error {
	var e struct {
		Outcome audit.Outcome `json:"outcome"`
	}
	if err := json.Unmarshal(a.Row.Raw, &e); err != nil {
		return fmt.Errorf("append audit entry %d: %w", a.Row.Seq, err)
	}
	looked := a.Row.Act.Looks() && e.Outcome != audit.Refused
	return s.update(ctx, Normal, func(tx *tx) error {
		_, size, err := headOf(tx)
		if err != nil {
			return err
		}
		if a.Row.Seq != size || a.First != tlog.StoredHashIndex(0, size) {
			return fmt.Errorf("append audit entry %d: the log has %d: %w", a.Row.Seq, size, mimamori.ErrConflict)
		}
		r := a.Row
		err = tx.add(fmt.Sprintf("audit entry %d", r.Seq), `INSERT INTO audit_entry (seq, at, actor_kind, actor_id, act, looked, account_id, incident, raw)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.Seq, nanos(r.At), string(r.Actor.Kind), r.Actor.ID, string(r.Act), looked, keyOrNull(r.Account), string(r.Incident), r.Raw)
		if err != nil {
			return err
		}
		for i, h := range a.Hashes {
			position := a.First + int64(i)
			err := tx.add(fmt.Sprintf("audit hash %d", position), `INSERT INTO audit_hash (position, hash) VALUES (?, ?) ON CONFLICT DO NOTHING`, position, h[:])
			if err != nil {
				return err
			}
		}
		return tx.exec(`INSERT INTO audit_head (id, size, head) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET size = excluded.size, head = excluded.head`,
			size+1, a.Head)
	})
}

// AddAuditAnchor remembers that a head was handed outside.
func (s *SQL) AddAuditAnchor(ctx context.Context, a audit.Anchor) error {
	_, err := s.exec(ctx, `INSERT INTO audit_anchor (head, place, at) VALUES (?, ?, ?)`, a.Head, a.Place, nanos(a.At))
	if err != nil {
		return fmt.Errorf("add audit anchor: %w", err)
	}
	return nil
}

const auditColumns = `seq, at, actor_kind, actor_id, act, account_id, incident, raw`

func scanAudit(r scanner) (e audit.Row, err error) {
	err = r.Scan(&e.Seq, when{&e.At}, &e.Actor.Kind, &e.Actor.ID, &e.Act, accountKey{&e.Account}, &e.Incident, &e.Raw)
	return e, err
}

// AuditEntries gives what the query picks, newest first.
func (s *SQL) AuditEntries(ctx context.Context, q audit.Query) ([]audit.Row, error) {
	where, args := []string{"true"}, []any{}
	and := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if q.Account != (mimamori.AccountID{}) {
		and("account_id = ?", q.Account[:])
	}
	if q.Incident != "" {
		and("incident = ? AND incident <> ''", string(q.Incident))
	}
	if q.Actor != "" {
		and("actor_id = ?", q.Actor)
	}
	if len(q.Acts) > 0 {
		and("act IN (SELECT value FROM json_each(?))", textsOf(q.Acts))
	}
	if !q.Since.IsZero() {
		and("at >= ?", nanos(q.Since))
	}
	if !q.Until.IsZero() {
		and("at < ?", nanos(q.Until))
	}
	if q.Before != 0 {
		and("seq < ?", q.Before)
	}
	limit := q.Limit
	if limit == 0 {
		limit = 100
	}
	rows, err := s.at(ctx).rows(`SELECT `+auditColumns+` FROM audit_entry WHERE `+strings.Join(where, " AND ")+` ORDER BY seq DESC LIMIT ?`, append(args, limit)...)
	out, err := list(rows, err, scanAudit)
	if err != nil {
		return nil, fmt.Errorf("read audit entries: %w", err)
	}
	return out, nil
}

// AuditAccounts counts the accounts that an actor had looks at since a time.
func (s *SQL) AuditAccounts(ctx context.Context, actor mimamori.Actor, since time.Time) (int, error) {
	var n int
	err := s.at(ctx).row(`SELECT count(DISTINCT account_id) FROM audit_entry WHERE actor_id = ? AND actor_kind = ? AND at >= ? AND looked`,
		actor.ID, string(actor.Kind), nanos(since)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count looks: %w", err)
	}
	return n, nil
}

// AuditRows gives rows in order of Seq.
func (s *SQL) AuditRows(ctx context.Context, from int64, limit int) ([]audit.Row, error) {
	rows, err := s.at(ctx).rows(`SELECT `+auditColumns+` FROM audit_entry WHERE seq >= ? ORDER BY seq LIMIT ?`, from, limit)
	out, err := list(rows, err, scanAudit)
	if err != nil {
		return nil, fmt.Errorf("read audit rows: %w", err)
	}
	return out, nil
}

// AuditHashes gives the hashes at these positions, in that order.
func (s *SQL) AuditHashes(ctx context.Context, positions []int64) ([]tlog.Hash, error) {
	at := s.at(ctx)
	out := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		err := at.row(`SELECT hash FROM audit_hash WHERE position = ?`, p).Scan(hash32{(*[32]byte)(&out[i])})
		if err != nil {
			return nil, found(err, fmt.Sprintf("audit hash %d", p))
		}
	}
	return out, nil
}

// AuditHead gives the newest signed head and the number of entries.
func (s *SQL) AuditHead(ctx context.Context) ([]byte, int64, error) { return headOf(s.at(ctx)) }

func headOf(r reader) (head []byte, size int64, err error) {
	err = r.row(`SELECT head, size FROM audit_head WHERE id = 1`).Scan(&head, &size)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, 0, fmt.Errorf("read audit head: %w", err)
	}
	return head, size, nil
}

// AuditAnchors gives all remembered anchors, oldest first.
func (s *SQL) AuditAnchors(ctx context.Context) ([]audit.Anchor, error) {
	rows, err := s.at(ctx).rows(`SELECT head, place, at FROM audit_anchor ORDER BY n`)
	out, err := list(rows, err, func(r scanner) (a audit.Anchor, err error) {
		err = r.Scan(&a.Head, &a.Place, when{&a.At})
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read audit anchors: %w", err)
	}
	return out, nil
}
