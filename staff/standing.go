package staff

import (
	"context"
	"fmt"
	"time"
)

// Standing is what a session is good for at this moment.
type Standing struct {
	// Fresh: dangerous acts need no further proof.
	Fresh bool
	// Passkey: the proof that a dangerous act asks for has to be a passkey, or the
	// provider's word for one; an authenticator code will not do.
	Passkey bool
	// Enough: pages may be shown. False where passkeys are required of everybody
	// and this session has none behind it.
	Enough bool
	// Passkeys is how many the person has.
	Passkeys int
}

// Standing says what a session of a person is good for.
func (d *Desk) Standing(ctx context.Context, s Session, p Person) (Standing, error) {
	if d.party == nil {
		return Standing{Fresh: d.fresh(s), Enough: true}, nil
	}
	list, err := d.store.Passkeys(ctx, p.ID)
	if err != nil {
		return Standing{}, fmt.Errorf("standing of %s: %w", p.ID, err)
	}
	out := Standing{Passkeys: len(list), Enough: s.Strong || !d.required}
	out.Passkey = d.required && len(list) > 0 || len(list) > 0 && (p.Is(Lead) || p.Is(Admin))
	out.Fresh = d.fresh(s) && (s.Strong || !out.Passkey)
	return out, nil
}

func (d *Desk) fresh(s Session) bool { return time.Since(s.AuthAt) < d.limits.Fresh }

// proved gives the person of a session that may do dangerous acts.
func (d *Desk) proved(ctx context.Context, s Session) (Person, error) {
	p, err := d.store.Person(ctx, s.Person)
	if err != nil {
		return Person{}, err
	}
	now, err := d.Standing(ctx, s, p)
	if err != nil {
		return Person{}, err
	}
	if !now.Fresh {
		return Person{}, ErrReauth
	}
	return p, nil
}

// provedForFactors is proved for changing one's ways in: whoever has a passkey
// shows it, whatever his role. Otherwise a code that was phished would do for
// binding the phisher's own.
func (d *Desk) provedForFactors(ctx context.Context, s Session) (Person, error) {
	p, err := d.proved(ctx, s)
	if err != nil {
		return Person{}, err
	}
	list, err := d.store.Passkeys(ctx, p.ID)
	if err != nil {
		return Person{}, err
	}
	if len(list) > 0 && !s.Strong {
		return Person{}, ErrPasskey
	}
	return p, nil
}
