package keys

import (
	"strconv"
	"strings"
)

// Number is the n of a key's id "<use>-<n>": 1 for the first of its use. It is
// 0 for an id of another form.
func (k Key) Number() int {
	n, err := strconv.Atoi(strings.TrimPrefix(k.ID, string(k.Use)+"-"))
	if err != nil {
		return 0
	}
	return n
}

// Kept is every key of a use that was not revoked, oldest first: those that
// sign, those about to, those in their overlap, and those past it. A mail
// signed years ago is still evidence of what was sent; only a key that leaked
// proves nothing any more, whatever date stands in the mail.
func (r *Ring) Kept(use Use) []Key {
	p, err := planOf(use)
	if err != nil {
		return nil
	}
	all := r.all(use)
	var out []Key
	for i, k := range all {
		// Rotation retires a key one overlap after its successor begins; what
		// ended earlier was revoked.
		revoked := !k.RetiredAt.IsZero() && !p.forever && i+1 < len(all) && k.RetiredAt.Before(all[i+1].NotBefore.Add(p.overlap))
		if !revoked {
			out = append(out, k)
		}
	}
	return out
}
