package staff

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/keys"
)

// Invite is a one-time way in for somebody who has no other yet, or whose ways
// in were taken away. What stands in the link is stored hashed only.
type Invite struct {
	Hash   [32]byte // SHA-256 of the link's token; primary key
	Person string
	// Code is a keyed hash of six digits that are given to the person on another
	// way than the link; empty: none are asked for.
	Code      []byte
	Tries     int // of the code
	MadeAt    time.Time
	MadeBy    string // of whom; "system" for the command line
	ExpiresAt time.Time
	UsedAt    time.Time // zero while unused
}

// InviteLife is how long an invitation is good for.
const InviteLife = 24 * time.Hour

// maxInviteTries bounds the guessing of an invitation's code.
const maxInviteTries = 5

// Invite adds a person who has no password yet; token goes into a link that
// works once, within a day. The actor needs staff.create.
func (d *Desk) Invite(ctx context.Context, guard audit.Guard, actor mimamori.Actor, n NewPerson) (token string, p Person, err error) {
	if err := guard.Allow(ctx, actor, audit.StaffCreate, audit.Target{}, fmt.Sprintf("%s, roles %v", n.Login, n.Roles)); err != nil {
		return "", Person{}, err
	}
	if p, err = n.check(); err != nil {
		return "", Person{}, err
	}
	if err := d.store.AddPerson(ctx, p, false); err != nil {
		return "", Person{}, fmt.Errorf("invite %s: %w", p.Login, err)
	}
	if err := d.powers(ctx, actor, p); err != nil { // before the link is there
		return "", Person{}, err
	}
	token, err = d.invite(ctx, p, actor, nil)
	return token, p, err
}

// InviteAgain gives a new link to somebody who has not come yet; the one
// before counts no more. ErrConflict when he has a way in.
func (d *Desk) InviteAgain(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id string) (token string, err error) {
	if err := guard.Allow(ctx, actor, audit.StaffCreate, audit.Target{}, id+" again"); err != nil {
		return "", err
	}
	p, err := d.store.Person(ctx, id)
	if err != nil {
		return "", fmt.Errorf("invite again: %w", err)
	}
	waysIn, err := d.hasWayIn(ctx, p)
	if err != nil {
		return "", err
	}
	open, err := d.store.Invites(ctx, time.Now())
	if err != nil {
		return "", err
	}
	for _, i := range open {
		if i.Person == id && len(i.Code) > 0 { // a reset that two people made: not one person's to replace
			waysIn = true
		}
	}
	if waysIn || !p.DisabledAt.IsZero() {
		return "", fmt.Errorf("invite %s again: %w", id, mimamori.ErrConflict)
	}
	return d.invite(ctx, p, actor, nil)
}

func (d *Desk) hasWayIn(ctx context.Context, p Person) (bool, error) {
	list, err := d.store.Passkeys(ctx, p.ID)
	if err != nil {
		return false, fmt.Errorf("ways in of %s: %w", p.ID, err)
	}
	return len(p.PasswordHash) > 0 || len(list) > 0 || p.External(), nil
}

func (d *Desk) invite(ctx context.Context, p Person, by mimamori.Actor, codeHash []byte) (string, error) {
	token, hash := newToken()
	i := Invite{Hash: hash, Person: p.ID, Code: codeHash, MadeAt: time.Now(), MadeBy: by.ID, ExpiresAt: time.Now().Add(InviteLife)}
	if i.Code == nil {
		i.Code = []byte{}
	}
	if by.Kind == mimamori.ActorSystem {
		i.MadeBy = "system"
	}
	if err := d.store.PutInvite(ctx, i); err != nil {
		return "", fmt.Errorf("invite %s: %w", p.Login, err)
	}
	return token, nil
}

// OpenInvites gives those that nobody has taken up yet.
func (d *Desk) OpenInvites(ctx context.Context) ([]Invite, error) {
	list, err := d.store.Invites(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return list, nil
}

// Invited is what the page of an invitation shows.
type Invited struct {
	Person Person
	Code   bool   // six digits are asked for
	Secret string // for the authenticator app, base32
	URL    string // the same as otpauth://…
}

// Invited reads an invitation without using it. ErrNotFound when it was used,
// has expired, or never was: no answer tells which.
func (d *Desk) Invited(ctx context.Context, token string) (Invited, error) {
	none := fmt.Errorf("invitation: %w", mimamori.ErrNotFound)
	i, err := d.store.Invite(ctx, sha256.Sum256([]byte(token)))
	if errors.Is(err, mimamori.ErrNotFound) {
		return Invited{}, none
	}
	if err != nil {
		return Invited{}, err
	}
	if !i.UsedAt.IsZero() || !time.Now().Before(i.ExpiresAt) || i.Tries >= maxInviteTries {
		return Invited{}, none
	}
	p, err := d.store.Person(ctx, i.Person)
	if err != nil || !p.DisabledAt.IsZero() {
		return Invited{}, none
	}
	secret := d.nextSecret("invitation", token)
	return Invited{Person: p, Code: len(i.Code) > 0, Secret: secret, URL: code.URL(d.issuer, p.Login, secret)}, nil
}

// nextSecret is the authenticator secret that a page offers, the same however
// often it is opened.
func (d *Desk) nextSecret(parts ...string) string {
	sum := d.ring.MAC(keys.Pseudonym, append([]string{"staff authenticator"}, parts...)...)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]) // RFC 4226 §4, R6: 160 bits
}

// Accept is what an invited person sends: a password and the first code of the
// authenticator.
type Accept struct {
	Digits   string // given on another way than the link, if any are asked for
	Password string
	Code     string
}

// AcceptInvite uses an invitation: sets password and authenticator, and opens
// a session. Errors of fields leave it unused.
func (d *Desk) AcceptInvite(ctx context.Context, token string, a Accept, from Place) (string, Session, error) {
	in, err := d.inviteWith(ctx, token, a.Digits)
	if err != nil {
		return "", Session{}, err
	}
	p := in.Person
	if err := d.setPassword(ctx, &p, a.Password); err != nil {
		return "", Session{}, err
	}
	step, ok := code.CheckTOTP(in.Secret, a.Code, 0, time.Now())
	if !ok {
		return "", Session{}, &mimamori.FieldError{Index: -1, Field: "code", Reason: "is not what the authenticator shows now"}
	}
	p.FactorStep = step
	if p.FactorSecret, err = d.ring.Seal(secretOf(p.ID), []byte(in.Secret)); err != nil {
		return "", Session{}, fmt.Errorf("accept invitation: %w", err)
	}
	if err := d.useInvite(ctx, token, p); err != nil {
		return "", Session{}, err
	}
	if err := d.update(ctx, p); err != nil {
		return "", Session{}, fmt.Errorf("accept invitation: %w", err)
	}
	return d.begin(ctx, p, from, ByInvite, false)
}

// inviteWith reads an invitation and compares its digits, counting the try.
func (d *Desk) inviteWith(ctx context.Context, token, digits string) (Invited, error) {
	in, err := d.Invited(ctx, token)
	if err != nil || !in.Code {
		return in, err
	}
	hash := sha256.Sum256([]byte(token))
	if ok, err := d.store.TryInvite(ctx, hash, maxInviteTries); err != nil || !ok {
		return in, errors.Join(fmt.Errorf("invitation: %w", mimamori.ErrNotFound), err)
	}
	i, err := d.store.Invite(ctx, hash)
	if err != nil {
		return in, err
	}
	if !d.ring.CheckMAC(keys.Pseudonym, i.Code, "staff reset", i.Person, code.Digits(digits)) {
		return in, &mimamori.FieldError{Index: -1, Field: "digits", Reason: "are not those that were given to you"}
	}
	return in, nil
}

func (d *Desk) useInvite(ctx context.Context, token string, p Person) error {
	done, err := d.store.UseInvite(ctx, sha256.Sum256([]byte(token)), time.Now())
	if err == nil && !done {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("accept invitation: %w", err)
	}
	return d.log.Record(ctx, p.Actor(), audit.StaffInvited, audit.Target{}, p.Login, nil)
}

// BeginInvitePasskey begins taking an invitation up with a passkey.
func (d *Desk) BeginInvitePasskey(ctx context.Context, token, digits string) ([]byte, error) {
	in, err := d.inviteWith(ctx, token, digits)
	if err != nil {
		return nil, err
	}
	return d.beginPasskey(ctx, in.Person, refOf("invite", []byte(token)))
}

// FinishInvitePasskey uses an invitation: binds the passkey, opens a session.
// The digits were compared when it began, and the ceremony is its own proof.
func (d *Desk) FinishInvitePasskey(ctx context.Context, token, name string, answer []byte, from Place) (string, Session, error) {
	in, err := d.Invited(ctx, token)
	if err != nil {
		return "", Session{}, err
	}
	k, err := d.madePasskey(ctx, in.Person, refOf("invite", []byte(token)), name, answer)
	if err != nil {
		return "", Session{}, err
	}
	if err := d.useInvite(ctx, token, in.Person); err != nil {
		return "", Session{}, err
	}
	if err := d.store.AddPasskey(ctx, k); err != nil {
		return "", Session{}, fmt.Errorf("accept invitation: %w", err)
	}
	return d.begin(ctx, in.Person, from, ByPasskey, true)
}

// NextAuthenticator is what the own page offers for a new authenticator.
func (d *Desk) NextAuthenticator(p Person) (secret, url string) {
	sum := sha256.Sum256(p.FactorSecret)
	secret = d.nextSecret("of one's own", p.ID, hex.EncodeToString(sum[:]))
	return secret, code.URL(d.issuer, p.Login, secret)
}

// ReplaceAuthenticator sets a new authenticator once it has shown a code. The
// session must be fresh, and by a passkey if there is one.
func (d *Desk) ReplaceAuthenticator(ctx context.Context, s Session, typed string) error {
	p, err := d.provedForFactors(ctx, s)
	if err != nil {
		return fmt.Errorf("replace authenticator: %w", err)
	}
	if len(p.PasswordHash) == 0 {
		return fmt.Errorf("replace authenticator: there is no password beside it: %w", mimamori.ErrConflict)
	}
	secret, _ := d.NextAuthenticator(p)
	step, ok := code.CheckTOTP(secret, typed, 0, time.Now())
	if !ok {
		return &mimamori.FieldError{Index: -1, Field: "newcode", Reason: "is not what the new authenticator shows now"}
	}
	if p.FactorSecret, err = d.ring.Seal(secretOf(p.ID), []byte(secret)); err != nil {
		return fmt.Errorf("replace authenticator: %w", err)
	}
	p.FactorStep = step
	if err := d.log.Record(ctx, p.Actor(), audit.StaffFactor, audit.Target{}, "authenticator replaced", nil); err != nil {
		return err
	}
	if err := d.update(ctx, p); err != nil {
		return fmt.Errorf("replace authenticator: %w", err)
	}
	return d.store.EndStaffSessions(ctx, p.ID, s.Hash, time.Now())
}
