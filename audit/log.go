package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
	"mimamori/keys"
)

// Log appends to and reads the record.
type Log struct {
	store Store
	ring  *keys.Ring
	vault *keys.Vault

	mu sync.Mutex // one append at a time in this process; other nodes meet ErrConflict

	grown chan struct{} // an entry was written; anchoring waits for it
}

// New joins a log's parts.
func New(store Store, ring *keys.Ring, vault *keys.Vault) *Log {
	return &Log{store: store, ring: ring, vault: vault, grown: make(chan struct{}, 1)}
}

// Record appends what was done. details is anything that has a JSON form, or
// nil. It returns when the entry is durable; if it gives an error, the act
// must not go on.
func (l *Log) Record(ctx context.Context, actor mimamori.Actor, act Act, target Target, reason string, details any) error {
	return l.append(ctx, Entry{Actor: actor, Act: act, Incident: target.Incident}, target.Account, reason, details)
}

// Refuse appends that somebody tried what he may not.
func (l *Log) Refuse(ctx context.Context, actor mimamori.Actor, act Act, target Target, reason string, details any) error {
	return l.append(ctx, Entry{Actor: actor, Act: act, Outcome: Refused, Incident: target.Incident}, target.Account, reason, details)
}

func (l *Log) append(ctx context.Context, e Entry, account mimamori.AccountID, reason string, details any) error {
	if e.Actor.Kind == mimamori.ActorCustomer {
		e.Actor.ID = "" // the shop's id of the customer would outlive the account; Account says who
	}
	words := Words{Reason: reason}
	if details != nil {
		raw, err := json.Marshal(details)
		if err != nil {
			return fmt.Errorf("record %s: %w", e.Act, err)
		}
		words.Details = raw
	}
	if err := l.put(ctx, &e, account, words); err != nil {
		return fmt.Errorf("record %s: %w", e.Act, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for range 10 {
		err := l.appendNext(ctx, e, account)
		if err == nil {
			select {
			case l.grown <- struct{}{}:
			default:
			}
		}
		if !errors.Is(err, mimamori.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("record %s: other nodes were always first: %w", e.Act, mimamori.ErrUnavailable)
}

// put gives the entry its words: sealed when they are about an account.
func (l *Log) put(ctx context.Context, e *Entry, account mimamori.AccountID, words Words) error {
	if account == (mimamori.AccountID{}) {
		if words.Reason != "" || words.Details != nil {
			e.Words = &words
		}
		return nil
	}
	e.Account = account.String()
	plain, err := json.Marshal(words)
	if err != nil {
		return err
	}
	e.Sealed, err = l.vault.Seal(ctx, account, belongs(e.Act), plain)
	return err
}

// appendNext gives the entry the next number, the hashes it adds to the tree
// and the head after it.
func (l *Log) appendNext(ctx context.Context, e Entry, account mimamori.AccountID) error {
	_, size, err := l.store.AuditHead(ctx)
	if err != nil {
		return fmt.Errorf("record %s: read head: %w", e.Act, err)
	}
	e.Seq, e.At = size, time.Now().UTC().Truncate(time.Microsecond) // what every store keeps
	row, err := rowOf(e, account)
	if err != nil {
		return err
	}
	a := Append{Row: row, First: tlog.StoredHashIndex(0, size)}
	edge := edgeReader{ctx: ctx, store: l.store, first: a.First}
	if a.Hashes, err = tlog.StoredHashes(size, row.Raw, edge); err != nil {
		return fmt.Errorf("record %s: hash: %w", e.Act, err)
	}
	edge.added = a.Hashes
	root, err := tlog.TreeHash(size+1, edge)
	if err != nil {
		return fmt.Errorf("record %s: hash: %w", e.Act, err)
	}
	if a.Head, err = (Head{Size: size + 1, Hash: root, At: e.At}).sign(l.ring.Active(keys.AuditHead)); err != nil {
		return fmt.Errorf("record %s: sign head: %w", e.Act, err)
	}
	if err := l.store.AppendAudit(ctx, a); err != nil {
		return fmt.Errorf("record %s: %w", e.Act, err)
	}
	return nil
}

// edgeReader reads stored hashes, with those of the entry being appended on
// top.
type edgeReader struct {
	ctx   context.Context
	store Reader
	first int64
	added []tlog.Hash
}

func (r edgeReader) ReadHashes(positions []int64) ([]tlog.Hash, error) {
	var stored []int64
	for _, p := range positions {
		if p < r.first {
			stored = append(stored, p)
		}
	}
	var have []tlog.Hash
	if len(stored) > 0 {
		var err error
		if have, err = r.store.AuditHashes(r.ctx, stored); err != nil {
			return nil, err
		}
	}
	hashes := make([]tlog.Hash, 0, len(positions))
	for _, p := range positions {
		switch {
		case p < r.first:
			hashes, have = append(hashes, have[0]), have[1:]
		case p-r.first < int64(len(r.added)):
			hashes = append(hashes, r.added[p-r.first])
		default:
			return nil, fmt.Errorf("hash %d: %w", p, mimamori.ErrNotFound)
		}
	}
	return hashes, nil
}

// Read is an entry with its words opened.
type Read struct {
	Entry
	Reason    string
	Details   json.RawMessage
	Forgotten bool // the account was deleted: its words cannot be read any more
}

// Entries gives what the query picks, newest first, words opened where the
// account's key still exists.
func (l *Log) Entries(ctx context.Context, q Query) ([]Read, error) {
	rows, err := l.store.AuditEntries(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	list := make([]Read, 0, len(rows))
	for _, row := range rows {
		read, err := l.open(ctx, row)
		if err != nil {
			return nil, fmt.Errorf("read audit entry %d: %w", row.Seq, err)
		}
		list = append(list, read)
	}
	return list, nil
}

func (l *Log) open(ctx context.Context, row Row) (Read, error) {
	var read Read
	if err := json.Unmarshal(row.Raw, &read.Entry); err != nil {
		return Read{}, err
	}
	var words Words
	if read.Entry.Words != nil {
		words = *read.Entry.Words
	}
	if len(read.Sealed) > 0 {
		plain, err := l.vault.Open(ctx, row.Account, belongs(read.Act), read.Sealed)
		switch {
		case errors.Is(err, mimamori.ErrNotFound):
			read.Forgotten = true
		case err != nil:
			return Read{}, err
		default:
			if err := json.Unmarshal(plain, &words); err != nil {
				return Read{}, err
			}
		}
	}
	read.Reason, read.Details = words.Reason, words.Details
	return read, nil
}

// Anchor hands the newest signed head to a place outside and remembers that.
// From then on not even someone who owns this machine can change what the head
// covers unnoticed. It does nothing while there is nothing new.
func (l *Log) Anchor(ctx context.Context, place string, put func(ctx context.Context, head []byte) error) error {
	head, size, err := l.store.AuditHead(ctx)
	if err != nil || size == 0 {
		return err
	}
	anchors, err := l.store.AuditAnchors(ctx)
	if err != nil {
		return fmt.Errorf("anchor audit head: %w", err)
	}
	for _, a := range anchors {
		if a.Place == place && string(a.Head) == string(head) {
			return nil
		}
	}
	if err := put(ctx, head); err != nil {
		return fmt.Errorf("anchor audit head at %s: %w", place, err)
	}
	if err := l.store.AddAuditAnchor(ctx, Anchor{Head: head, Place: place, At: time.Now()}); err != nil {
		return fmt.Errorf("anchor audit head at %s: %w", place, err)
	}
	return nil
}

// VerifierKeys are the public keys of all heads ever signed; keep them with
// the anchors, outside.
func (l *Log) VerifierKeys() ([]string, error) {
	var list []string
	for _, k := range l.ring.Verify(keys.AuditHead) {
		vkey, err := verifierKey(k)
		if err != nil {
			return nil, err
		}
		list = append(list, vkey)
	}
	return list, nil
}

func belongs(act Act) string { return "audit " + string(act) }
