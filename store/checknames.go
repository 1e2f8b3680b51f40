package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

	"mimamori"
)

// No key refuses an event's name twice, and an event that its account does not
// name is found by nobody (names.go). So a check of the file looks whether each
// event is named once, by its own account, and whether any name is there twice.
// Each table is read once, in its order: accounts and events are compared by
// the sum of what a hash makes of each.

// tallied is what some (account, n) come to, in whatever order.
type tallied struct {
	seed maphash.Seed
	n    int64
	sum  uint64
}

func (t *tallied) add(account mimamori.AccountID, n int64) {
	var all [len(account) + 8]byte
	copy(all[:], account[:])
	binary.BigEndian.PutUint64(all[len(account):], uint64(n))
	t.n++
	t.sum += maphash.Bytes(t.seed, all[:])
}

// checkNames compares which events there are with which the accounts name, all
// as of one moment: a server may be writing.
func checkNames(ctx context.Context, db *sql.DB) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if end := tx.Rollback(); err == nil {
			err = end
		}
	}()
	seed := maphash.MakeSeed()
	named, there := tallied{seed: seed}, tallied{seed: seed}
	alike, err := namesAlike(ctx, tx, &named)
	if err != nil {
		return err
	}
	if err := eachRow(ctx, tx, `SELECT n, account_id, hash, `+eventColumns+` FROM event`, func(rows *sql.Rows) error { return checkEvent(rows, &there) }); err != nil {
		return err
	}
	switch {
	case named.n != there.n:
		return fmt.Errorf("%w: accounts name %d events, and there are %d", ErrDamaged, named.n, there.n)
	case named.sum != there.sum:
		return fmt.Errorf("%w: the %d events are not those that their accounts name", ErrDamaged, there.n)
	}
	if err := checkFlags(ctx, tx); err != nil {
		return err
	}
	return checkAlike(ctx, tx, alike)
}

// sameDigest are the numbers of two events of an account, or more, whose names
// have the same digest: only such can have the same name.
type sameDigest []int64

// namesAlike counts what accounts name, and gives what may be there twice.
func namesAlike(ctx context.Context, q queryer, named *tallied) (alike []sameDigest, err error) {
	var of mimamori.AccountID
	var group sameDigest
	end := func() {
		if len(group) > 1 {
			alike = append(alike, append(sameDigest(nil), group...))
		}
		group = group[:0]
	}
	err = eachRow(ctx, q, `SELECT account_id, digest, n FROM event_index UNION ALL SELECT account_id, digest, n FROM account_recent ORDER BY 1, 2`, func(rows *sql.Rows) error {
		var account mimamori.AccountID
		var digest, n int64
		if err := rows.Scan(accountKey{&account}, &digest, &n); err != nil {
			return fmt.Errorf("%w: which events an account has: %w", ErrDamaged, err)
		}
		if digest != int64(uint16(n)) {
			return fmt.Errorf("%w: event_index has %d under %d", ErrDamaged, n, digest)
		}
		if account != of || len(group) > 0 && uint16(group[0]) != uint16(n) {
			end()
		}
		of, group = account, append(group, n)
		named.add(account, n)
		return nil
	})
	end()
	return alike, err
}

// checkFlags looks whether rows that say so have no events in event_index.
func checkFlags(ctx context.Context, q queryer) error {
	var wrong int64
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM account a WHERE indexed = 0 AND EXISTS (SELECT 1 FROM event_index i WHERE i.account_id = a.account_id)`).Scan(&wrong)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%w: %d accounts say that event_index has nothing of theirs, and it has", ErrDamaged, wrong)
	}
	return err
}

// checkAlike looks whether any name is there twice.
func checkAlike(ctx context.Context, tx *sql.Tx, alike []sameDigest) (err error) {
	st, err := tx.PrepareContext(ctx, `SELECT source, id FROM event WHERE n = ?`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, group := range alike {
		seen := make(map[eventName]bool, len(group))
		for _, n := range group {
			var name eventName
			if err := st.QueryRowContext(ctx, n).Scan(&name.source, &name.id); err != nil {
				return fmt.Errorf("event %d: %w", n, err)
			}
			if seen[name] {
				return fmt.Errorf("%w: event %s is there twice", ErrDamaged, name.id)
			}
			seen[name] = true
		}
	}
	return nil
}
