package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"sync"

	"modernc.org/sqlite"

	"mimamori"
)

// On SQLite no key of the table event says which events there are: it would be
// a page anywhere in it for each decision, written to the log and again to the
// database. The account's row, which is written anyway, lists its newest events
// (account.recent); when those are recentAtMost they go into event_index, side
// by side. An event's number n has sixteen bits of its name in it (digestOf):
// whether a name may be there is seen without a look at any event.
//
// Nothing in the tables refuses a name twice. The sheet does: it takes an event
// for new only when no event of its account has the same digest, and asks the
// database otherwise.

const (
	digestBits   = 16
	recentAtMost = 16
	// digestsAtMost are kept of an account; one with more is looked up in
	// event_index each time.
	digestsAtMost = 4096
)

// digestOf is what an event's number tells of its name: the low bits of a
// CRC-32C. It stands in the file; never change it.
func digestOf(source, id string) uint16 {
	sum := crc32.Update(0, castagnoli, []byte(source))
	sum = crc32.Update(sum, castagnoli, []byte{0})
	return uint16(crc32.Update(sum, castagnoli, []byte(id)))
}

// teachDigest gives connections that are opened from now on digestOf, as
// event_digest(source, id).
var teachDigest = sync.OnceValue(func() error {
	return sqlite.RegisterFunction("event_digest", &sqlite.FunctionImpl{NArgs: 2, Deterministic: true, Scalar: sqlDigest,
		VolatileArgs: true}) // as they stand: copies would end at a zero byte
})

func sqlDigest(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	source, ok1 := args[0].(string)
	id, ok2 := args[1].(string)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("event_digest of %T and %T", args[0], args[1])
	}
	return int64(digestOf(source, id)), nil
}

// names are what is known of which events an account has.
type names struct {
	recent  []int64 // numbers of those not in event_index
	indexed bool    // some may be in event_index
	counted bool    // then digests are theirs, all
	many    bool    // they are more than digestsAtMost
	digests []uint16
}

// mayHold says whether an event of that digest may be there.
func (k *names) mayHold(d uint16) bool {
	return k.inRecent(d) || k.indexed && (!k.counted || slices.Contains(k.digests, d))
}

func (k *names) inRecent(d uint16) bool {
	for _, n := range k.recent {
		if uint16(n) == d {
			return true
		}
	}
	return false
}

// says is indexed as its column holds it.
func (k *names) says() int64 {
	if k.indexed {
		return 1
	}
	return 0
}

// index empties recent for event_index.
func (k *names) index() (moved []int64) {
	moved, k.recent = k.recent, nil
	k.added(moved)
	return moved
}

// added says that these have gone into event_index.
func (k *names) added(events []int64) {
	k.indexed = true
	for _, n := range events {
		if k.counted {
			k.digests = append(k.digests, uint16(n))
		}
	}
	k.bound()
}

// bound lets go of digests that are too many.
func (k *names) bound() {
	if k.counted && len(k.digests) > digestsAtMost {
		k.counted, k.many, k.digests = false, true, nil
	}
}

// recentText is recent as its column holds it.
func recentText(room []byte, recent []int64) []byte {
	room = append(room[:0], '[')
	for i, n := range recent {
		if i > 0 {
			room = append(room, ',')
		}
		room = strconv.AppendInt(room, n, 10)
	}
	return append(room, ']')
}

func readRecent(text string) (recent []int64, err error) {
	if text == "[]" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &recent); err != nil {
		return nil, fmt.Errorf("an account's newest events: %w", err)
	}
	return recent, nil
}

// listing is an event that goes into event_index.
type listing struct {
	account mimamori.AccountID
	n       int64
}

// number gives an event its number.
func (s *SQLite) number(f *freshEvent) {
	s.events++
	f.n = s.events<<digestBits | int64(digestOf(f.e.Source, f.e.ID))
}

// numberAll gives the batch's new events their numbers, and says which go into
// event_index: those of accounts whose row is not written where it stands, and
// what has become too many for the row.
func (b *sheet) numberAll() {
	for ; b.numbered < len(b.fresh); b.numbered++ {
		f := &b.fresh[b.numbered]
		b.s.number(f)
		if a := b.accounts[f.e.Account]; a != nil && a.dirty && (a.place != 0 || a.absent) {
			a.recent = append(a.recent, f.n)
		} else {
			b.listAlone(f)
		}
	}
	for _, id := range b.dirty {
		if a := b.accounts[id]; a != nil && len(a.recent) >= recentAtMost {
			for _, n := range a.index() {
				b.listings = append(b.listings, listing{id, n})
			}
		}
	}
}

// listAlone has an event go into event_index by itself. A row that is there,
// or may be, is to say so.
func (b *sheet) listAlone(f *freshEvent) {
	id := f.e.Account
	a := b.accounts[id]
	if a == nil {
		b.s.known.drop(id)
	} else {
		a.added([]int64{f.n})
	}
	b.listings = append(b.listings, listing{id, f.n})
	if a == nil || !a.absent {
		b.unsaid = append(b.unsaid, id)
	}
}

// writeListings writes event_index, after the rows of account.
func (b *sheet) writeListings() error {
	d := b.s.direct
	err := lots(len(b.listings), func(from, to int) error {
		for i := range b.listings[from:to] {
			l := &b.listings[from+i]
			d.bind(l.account[:], l.n&(1<<digestBits-1), l.n)
		}
		_, err := d.exec(rowsOf(b.s.listingLots, to-from, `INSERT INTO event_index (account_id, digest, n) VALUES `, `(?,?,?)`, ``))
		return err
	})
	for i := range b.unsaid {
		if err == nil {
			d.bind(b.unsaid[i][:])
			_, err = d.exec(`UPDATE account SET indexed = 1 WHERE account_id = ? AND indexed = 0`)
		}
	}
	if err != nil {
		return fmt.Errorf("write which events accounts have: %w", err)
	}
	b.listings, b.unsaid = b.listings[:0], b.unsaid[:0]
	return nil
}

// readDigests reads which digests of an account are in event_index.
func (b *sheet) readDigests(id mimamori.AccountID) error {
	a := b.accounts[id]
	digests := make([]uint16, 0, 2*recentAtMost)
	d := b.s.direct
	d.bind(id[:], int64(digestsAtMost+1))
	err := d.query(`SELECT digest FROM event_index WHERE account_id = ? LIMIT ?`, func(v []driver.Value) error {
		n, ok := v[0].(int64)
		if !ok {
			return fmt.Errorf("a row of event_index holds what no program wrote")
		}
		digests = append(digests, uint16(n))
		return nil
	})
	if err != nil {
		return err
	}
	a.counted, a.digests = true, digests
	a.bound()
	return nil
}

// doubt has those of the batch's events looked for, by whoever was to write
// them, whose digest an event of the same account has: the same came before, or
// it is chance. The others are new.
func (b *sheet) doubt() error {
	ask := b.names[:0]
	for _, n := range b.names {
		switch a, d := b.accounts[n.account], digestOf(n.source, n.id); {
		case a.inRecent(d) || a.counted && a.mayHold(d):
			delete(b.events, n)
		case a.absent || a.indexed && !a.counted:
			ask = append(ask, n)
		}
	}
	return lots(len(ask), func(from, to int) error { return b.doubtIndexed(ask[from:to]) })
}

func (b *sheet) doubtIndexed(names []eventName) error {
	d := b.s.direct
	for i := range names {
		d.bind(int64(i), names[i].account[:], int64(digestOf(names[i].source, names[i].id)))
	}
	q := rowsOf(b.s.nameLots, len(names), `WITH u (i, account, digest) AS (VALUES `, `(?,?,?)`, `)
		SELECT u.i FROM u CROSS JOIN event_index x ON x.account_id = u.account AND x.digest = u.digest`)
	return d.query(q, func(v []driver.Value) error {
		i, ok := v[0].(int64)
		if !ok || i < 0 || int(i) >= len(names) {
			return fmt.Errorf("a row of event_index holds what no program wrote")
		}
		delete(b.events, names[i])
		return nil
	})
}

// ofAccount is the condition for rows of event to be an account's; more is said
// of n and, on SQLite, of digest. account may be a column of a row joined
// before: SQLite then looks up each row's own, which it would not through a
// view of both.
func (s *SQL) ofAccount(alias, account, more string) string {
	if !s.indexes {
		return alias + "account_id = " + account + more
	}
	return alias + "n IN (" + numbersOf(account, more) + ")"
}

func numbersOf(account, more string) string {
	where := " WHERE account_id = " + account + more
	return "SELECT n FROM event_index" + where + " UNION ALL SELECT n FROM account_recent" + where
}

// named is the condition for a row of event to be of the account ?1, the source
// ?2 and the id ?3.
func (s *SQL) named() string {
	digest := ""
	if s.indexes {
		digest = " AND digest = event_digest(?2, ?3)"
	}
	return s.ofAccount("", "?1", digest) + " AND source = ?2 AND id = ?3"
}

// joinEvents joins an account's events to what stands before. SQLite must be
// kept from beginning with the events, and from making an index over all of
// them to go by what else is asked.
func (s *SQL) joinEvents(alias, account string) string {
	join := "JOIN event " + alias
	if s.indexes {
		join = "CROSS JOIN event " + alias + " NOT INDEXED"
	}
	return join + " ON " + s.ofAccount(alias+".", account, "")
}

// numbersOfAccount is where to count the events of the account ?1, by n.
func (s *SQL) numbersOfAccount() string {
	if s.indexes {
		return "(" + numbersOf("?1", "") + ")"
	}
	return "event WHERE account_id = ?1"
}
