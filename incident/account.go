package incident

import (
	"mimamori"
	"mimamori/profile"
)

// Account is an account's own row: its profile, and how it stands. One
// decision loads and writes just this.
type Account struct {
	ID       mimamori.AccountID
	Subject  string
	Exists   bool // false: never seen before
	Version  int64
	Profile  profile.Profile
	Standing Standing
}

// PutOut says that a stranger's session was put out by the containment from
// which the customer is back, and did nothing since. A session that began while
// the account was locked out is not meant: it may be the one that set the
// password. Nor is one on a device of hers: whoever is in now could have what
// she did there undone, and nobody would be told.
func (a *Account) PutOut(session string) bool {
	s, ok := a.Profile.Session(session)
	return ok && !s.Known && a.Standing.State == Watching && s.Began.Before(a.Standing.DecidedAt) && s.Last.Before(a.Standing.RecoveredAt)
}
