package staff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/audit"
)

// Identity is somebody as the company's identity provider has just vouched for
// him. Who he is follows from Issuer and Subject alone: a mail address or a
// name may have been somebody else's before.
type Identity struct {
	Issuer, Subject string
	Login, Name     string // to show; never compared with anybody's
	Lang            mimamori.Lang
	Roles           []Role // of his groups; empty: he may not come in
	Strong          bool   // his proof there cannot be phished
}

// ErrNoRole says that the provider knows the person and none of his groups has
// a role here.
var ErrNoRole = fmt.Errorf("none of the groups has a role: %w", mimamori.ErrDenied)

// InCharge says that people sign in at the company's identity provider: local
// sign-in is left to administrators for the day when it is down, and alarm
// hears of each. It must return at once; it may be nil.
func (d *Desk) InCharge(alarm func(ctx context.Context, actor mimamori.Actor)) {
	d.glass, d.alarm = true, alarm
}

// SignInExternal opens a session for whom the provider vouches for. The first
// time he is added; his roles are what his groups say, each time anew.
func (d *Desk) SignInExternal(ctx context.Context, id Identity, from Place) (token string, s Session, err error) {
	p, err := d.external(ctx, id)
	if err != nil {
		return "", Session{}, err
	}
	return d.begin(ctx, p, from, ByProvider, id.Strong)
}

// ReauthExternal takes the provider's fresh word for the person of a session.
// ErrDenied when it vouches for somebody else.
func (d *Desk) ReauthExternal(ctx context.Context, s Session, id Identity) (token string, next Session, err error) {
	p, err := d.external(ctx, id)
	if err != nil {
		return "", Session{}, err
	}
	if p.ID != s.Person {
		return "", Session{}, fmt.Errorf("prove oneself again: %w", mimamori.ErrDenied)
	}
	return d.renew(ctx, p, s, id.Strong)
}

func (d *Desk) external(ctx context.Context, id Identity) (Person, error) {
	if id.Issuer == "" || id.Subject == "" {
		return Person{}, fmt.Errorf("external sign-in: %w", mimamori.ErrDenied)
	}
	p, err := d.store.PersonByIdentity(ctx, id.Issuer, id.Subject)
	switch {
	case errors.Is(err, mimamori.ErrNotFound) && len(id.Roles) == 0:
		return Person{}, errors.Join(ErrNoRole, d.log.Refuse(ctx, mimamori.System, audit.StaffSignIn, audit.Target{}, "no role: "+clip(id.Subject, 100), nil))
	case errors.Is(err, mimamori.ErrNotFound):
		return d.addExternal(ctx, id)
	case err != nil:
		return Person{}, fmt.Errorf("external sign-in: %w", err)
	case !p.DisabledAt.IsZero():
		return Person{}, errors.Join(fmt.Errorf("external sign-in: %w", mimamori.ErrDenied),
			d.log.Refuse(ctx, p.Actor(), audit.StaffSignIn, audit.Target{}, "disabled", nil))
	}
	return d.follow(ctx, p, id)
}

// follow gives a person the roles and the name that he has at the provider
// now. Whose groups have none any more is out at once.
func (d *Desk) follow(ctx context.Context, p Person, id Identity) (Person, error) {
	if !slices.Equal(p.Roles, id.Roles) || id.Name != "" && p.Name != id.Name {
		why := fmt.Sprintf("%s to %v: as the identity provider says", p.ID, id.Roles)
		if err := d.log.Record(ctx, mimamori.System, audit.StaffRole, audit.Target{}, why, nil); err != nil {
			return p, err
		}
		p.Roles = id.Roles
		if id.Name != "" {
			p.Name = clip(id.Name, 100)
		}
		if err := d.update(ctx, p); err != nil {
			return p, fmt.Errorf("external sign-in: %w", err)
		}
		p.Version++
	}
	if len(p.Roles) == 0 {
		return p, errors.Join(ErrNoRole, d.store.EndStaffSessions(ctx, p.ID, [32]byte{}, time.Now()),
			d.log.Refuse(ctx, p.Actor(), audit.StaffSignIn, audit.Target{}, "no role any more", nil))
	}
	return p, nil
}

// addExternal adds a person. His login is only a name to show: it gets a mark
// that no local one has, and its own tail where two share one.
func (d *Desk) addExternal(ctx context.Context, id Identity) (Person, error) {
	shown := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, norm.NFKC.String(id.Login)))
	sum := sha256.Sum256([]byte(id.Issuer + "\x00" + id.Subject))
	tail := hex.EncodeToString(sum[:6])
	p := Person{ID: mimamori.NewID("stf"), Login: "company:" + clip(shown, 70) + "#" + tail, Name: clip(id.Name, 100), Roles: id.Roles, Lang: id.Lang,
		Issuer: id.Issuer, Subject: id.Subject, CreatedAt: time.Now()}
	if p.Name == "" {
		p.Name = clip(shown, 70)
	}
	if p.Lang == "" {
		p.Lang = mimamori.Japanese
	}
	if err := checkRoles(p.Roles); err != nil {
		return Person{}, err
	}
	why := fmt.Sprintf("%s, roles %v: as the identity provider says", p.Login, p.Roles)
	if err := d.log.Record(ctx, mimamori.System, audit.StaffCreate, audit.Target{}, why, nil); err != nil {
		return Person{}, err
	}
	err := d.store.AddPerson(ctx, p, false)
	if errors.Is(err, mimamori.ErrConflict) { // another request of his was first
		return d.store.PersonByIdentity(ctx, id.Issuer, id.Subject)
	}
	if err != nil {
		return Person{}, fmt.Errorf("external sign-in: %w", err)
	}
	return p, nil
}
