package traffic

import (
	"slices"

	"mimamori"
)

// Member is a stranger's successful sign-in as it is kept for three days, so
// that an alarm can look at it again.
type Member struct {
	At      int64
	Account mimamori.AccountID
	Subject string
	Source  string
	Event   string
	Session string

	Keys  [len(families)]uint64
	Asked []string // campaigns that it was already named for
}

const (
	memberBytes = 400
	ringSeconds = 72 * 60 * 60
)

// ring holds the latest successes of strangers, at most max of them.
type ring struct {
	max  int
	list []Member
}

func (r *ring) put(m Member) {
	if len(r.list) >= max(r.max, 256) {
		r.list = slices.Delete(r.list, 0, len(r.list)/8)
	}
	r.list = append(r.list, m)
}

// forget lets go what is older than three days.
func (r *ring) forget(unix int64) {
	n := 0
	for n < len(r.list) && r.list[n].At < unix-ringSeconds {
		n++
	}
	if n > 0 && n*8 > len(r.list) {
		r.list = slices.Delete(r.list, 0, n)
	}
}

// Again is a sign-in that a campaign, noticed since, has something to say of.
type Again struct {
	Member
	Campaign string
	Hand     Hand
}

// Again takes what is to be looked at again: the strangers' successes of the
// last three days that fit a campaign noticed, or grown, since the last call.
func (t *Traffic) Again() []Again {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.watch.alarmed) == 0 {
		return nil
	}
	t.ring.forget(t.clock)
	var out []Again
	for _, c := range t.watch.alarmed {
		family := slices.Index(families[:], c.Family)
		for i := range t.ring.list {
			m := &t.ring.list[i]
			if m.Keys[family] != c.Key || m.At < c.Began.Unix()-3600 || m.At < t.clock-ringSeconds {
				continue
			}
			hand := t.handOf(m, c)
			if family > 1 && (!hand.fits(family) || family > 3 && !t.stirred(m.Keys[2], m.Keys[3], t.clock)) {
				continue // a customer who has in common what many have
			}
			if !slices.Contains(m.Asked, c.ID) {
				m.Asked = append(m.Asked, c.ID)
				c.Successes++
			}
			out = append(out, Again{Member: *m, Campaign: c.ID, Hand: hand})
		}
	}
	t.watch.alarmed = nil
	return out
}

// handOf is Hand for a sign-in of the ring.
func (t *Traffic) handOf(m *Member, c *Campaign) Hand {
	h := Hand{Campaigns: []string{c.ID}, Family: c.Family}
	narrow := m.Keys[2]
	if c.Family == "tag" || c.Family == "network" {
		narrow = c.Key
	}
	t.lately.rebase(t.clock)
	wg, wb := t.lately.weights(t.clock)
	h.Peers, h.Tries = t.lately.count(narrow, wg, wb)
	return h
}
