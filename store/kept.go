package store

import "mimamori"

// kept are rows of accounts as the writer left them last: who acts again soon
// is not read again. Only the writer's connection writes rows, and whatever it
// writes goes through a sheet, which says here what became of each row; when it
// cannot say, all is dropped. What does not become durable is dropped as well
// (sheet.remember, SQLite.forgetKept).
//
// The rows seen last are in young. When those fill half of the room they become
// old, and the old ones go: no list has to be kept in order.
type kept struct {
	young, old map[mimamori.AccountID]placed
	bytes      int // of young
}

const (
	keptBytes = 32 << 20
	keptExtra = 256 // what a row costs beside its texts, about
)

func (k *kept) clear() { *k = kept{young: map[mimamori.AccountID]placed{}} }

func (k *kept) row(id mimamori.AccountID) (placed, bool) {
	if a, ok := k.young[id]; ok {
		return a, true
	}
	a, ok := k.old[id]
	return a, ok
}

func (k *kept) drop(id mimamori.AccountID) {
	delete(k.young, id) // its bytes stay counted until the next turn
	delete(k.old, id)
}

// put keeps a row as it stands, or is about to stand, in its table.
func (k *kept) put(id mimamori.AccountID, a placed) {
	a.dirty = false
	more := a.size()
	if was, there := k.young[id]; there {
		more -= was.size() // its digests may have been read meanwhile
	}
	if k.bytes+more > keptBytes/2 {
		k.young, k.old, k.bytes, more = make(map[mimamori.AccountID]placed, len(k.young)), k.young, 0, a.size()
	}
	k.bytes += more
	k.young[id] = a
}

// size is about what it costs to keep a row.
func (a *placed) size() int {
	return keptExtra + len(a.row.subject) + len(a.row.standing) + len(a.row.profile) + 8*len(a.recent) + 2*cap(a.digests)
}
