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
