package staff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
	"mimamori/keys"
)

// Limits bound staff sessions. Zero fields take the defaults.
type Limits struct {
	Idle     time.Duration // without a page; 30 minutes
	Absolute time.Duration // since sign-in, whatever happens; 12 hours
	Fresh    time.Duration // how long a proof counts for dangerous acts; 5 minutes
}

func (l Limits) orDefaults() Limits {
	if l.Idle == 0 {
		l.Idle = 30 * time.Minute
	}
	if l.Absolute == 0 {
		l.Absolute = 12 * time.Hour
	}
	if l.Fresh == 0 {
		l.Fresh = 5 * time.Minute
	}
	return l
}

// Desk signs people in and keeps who they are.
type Desk struct {
	store  Store
	ring   *keys.Ring
	hasher *code.Hasher
	log    *audit.Log
	limits Limits
	issuer string // what an authenticator app shows

	party    *webauthn.WebAuthn // nil: no passkeys
	required bool               // passkeys, of everybody
	glass    bool               // the identity provider is in charge
	alarm    func(ctx context.Context, actor mimamori.Actor)

	// Powers hears when one of the staff lets somebody in, or gives somebody
	// roles, with which he may be a second person: it could be himself under
	// another name. It must return at once; it may be nil, and is set before the
	// first use.
	Powers func(ctx context.Context, by mimamori.Actor, p Person)
}

// powers records and tells that somebody may be a second person now, who was
// made so by one of the staff alone (standards E09, E04).
func (d *Desk) powers(ctx context.Context, by mimamori.Actor, p Person) error {
	if by.Kind != mimamori.ActorStaff || !p.May(audit.ProposalApprove) {
		return nil
	}
	if err := d.log.Record(ctx, by, audit.AlarmStaffPower, audit.Target{}, "", map[string]string{"person": p.ID}); err != nil {
		return err
	}
	if d.Powers != nil {
		d.Powers(ctx, by, p)
	}
	return nil
}

// NewDesk joins the parts. issuer is the name that an authenticator app shows.
func NewDesk(store Store, ring *keys.Ring, hasher *code.Hasher, log *audit.Log, issuer string, limits Limits) *Desk {
	return &Desk{store: store, ring: ring, hasher: hasher, log: log, issuer: issuer, limits: limits.orDefaults()}
}

// NewPerson is what is needed to add somebody.
type NewPerson struct {
	Login string
	Name  string
	Roles []Role
	Lang  mimamori.Lang // empty is Japanese
	Own   []mimamori.AccountID
	// Password may be empty: one is made then, and shown in Welcome.
	Password string
}

// Welcome is what a new person needs to sign in, shown this once.
type Welcome struct {
	Person   Person
	Password string // empty when it was given
	Secret   string // the authenticator's, base32
	URL      string // the same as otpauth://…
}

// CreateFirst adds the first person, for the command that sets an installation
// up. ErrConflict once there is anybody: whoever reaches the command later must
// not make himself an admin beside them.
func (d *Desk) CreateFirst(ctx context.Context, n NewPerson) (Welcome, error) {
	if !slices.Contains(n.Roles, Admin) {
		n.Roles = append([]Role{Admin}, n.Roles...)
	}
	w, err := d.create(ctx, n, true)
	if err != nil {
		return Welcome{}, err
	}
	why := fmt.Sprintf("%s, roles %v", w.Person.Login, w.Person.Roles)
	return w, d.log.Record(ctx, mimamori.System, audit.StaffCreate, audit.Target{}, why, nil)
}

// Create adds a person. The actor needs staff.create.
func (d *Desk) Create(ctx context.Context, guard audit.Guard, actor mimamori.Actor, n NewPerson) (Welcome, error) {
	if err := guard.Allow(ctx, actor, audit.StaffCreate, audit.Target{}, fmt.Sprintf("%s, roles %v", n.Login, n.Roles)); err != nil {
		return Welcome{}, err
	}
	w, err := d.create(ctx, n, false)
	if err != nil {
		return w, err
	}
	return w, d.powers(ctx, actor, w.Person)
}

func (d *Desk) create(ctx context.Context, n NewPerson, first bool) (Welcome, error) {
	p, err := n.check()
	if err != nil {
		return Welcome{}, err
	}
	w := Welcome{Secret: code.NewSecret()}
	if n.Password == "" {
		n.Password = code.NewSaved() + "-" + code.NewSaved() // 130 bits
		w.Password = n.Password
	}
	if err := d.setPassword(ctx, &p, n.Password); err != nil {
		return Welcome{}, err
	}
	if p.FactorSecret, err = d.ring.Seal(secretOf(p.ID), []byte(w.Secret)); err != nil {
		return Welcome{}, fmt.Errorf("add %s to staff: %w", p.Login, err)
	}
	if err := d.store.AddPerson(ctx, p, first); err != nil {
		return Welcome{}, fmt.Errorf("add %s to staff: %w", p.Login, err)
	}
	w.Person, w.URL = p, code.URL(d.issuer, p.Login, w.Secret)
	return w, nil
}

func (n NewPerson) check() (Person, error) {
	login := strings.ToLower(strings.TrimSpace(norm.NFKC.String(n.Login)))
	if login == "" || len(login) > 100 || strings.ContainsFunc(login, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Person{}, &mimamori.FieldError{Index: -1, Field: "login", Reason: "must be 1 to 100 characters without spaces"}
	}
	if err := checkRoles(n.Roles); err != nil {
		return Person{}, err
	}
	if n.Lang == "" {
		n.Lang = mimamori.Japanese
	}
	return Person{ID: mimamori.NewID("stf"), Login: login, Name: n.Name, Roles: n.Roles, Lang: n.Lang, Own: n.Own, CreatedAt: time.Now()}, nil
}

func checkRoles(roles []Role) error {
	if len(roles) == 0 {
		return &mimamori.FieldError{Index: -1, Field: "roles", Reason: "at least one is needed"}
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return &mimamori.FieldError{Index: -1, Field: "roles", Reason: "unknown role"}
		}
	}
	return nil
}

// setPassword checks and hashes a new password: 12 characters or more, no
// rules of composition (NIST SP 800-63B-4 §3.1.1.2), at most 256 bytes.
func (d *Desk) setPassword(ctx context.Context, p *Person, password string) error {
	password = norm.NFKC.String(password)
	if utf8.RuneCountInString(password) < 12 || len(password) > 256 {
		return &mimamori.FieldError{Index: -1, Field: "password", Reason: "must be 12 characters to 256 bytes"}
	}
	if strings.Contains(strings.ToLower(password), p.Login) {
		return &mimamori.FieldError{Index: -1, Field: "password", Reason: "must not contain the login"}
	}
	salt := code.Salt()
	hash, err := d.hasher.Hash(ctx, password, salt)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	p.PasswordSalt, p.PasswordHash = salt, hash
	return nil
}

// ChangePassword sets a person's own new password and ends his other sessions.
// The old one is asked again; the session must be fresh.
func (d *Desk) ChangePassword(ctx context.Context, s Session, old, new string) error {
	p, err := d.proved(ctx, s)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if len(p.PasswordHash) == 0 {
		return &mimamori.FieldError{Index: -1, Field: "old", Reason: "there is none"}
	}
	hash, err := d.hasher.Hash(ctx, norm.NFKC.String(old), p.PasswordSalt)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if !code.Same(hash, p.PasswordHash) {
		return &mimamori.FieldError{Index: -1, Field: "old", Reason: "is not the present password"}
	}
	if err := d.setPassword(ctx, &p, new); err != nil {
		return err
	}
	if err := d.update(ctx, p); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if err := d.store.EndStaffSessions(ctx, p.ID, s.Hash, time.Now()); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return d.log.Record(ctx, p.Actor(), audit.StaffPassword, audit.Target{}, "", nil)
}

// SetRoles changes what a person may do, from his next page on.
func (d *Desk) SetRoles(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id string, roles []Role, reason string) error {
	if err := guard.Allow(ctx, actor, audit.StaffRole, audit.Target{}, fmt.Sprintf("%s to %v: %s", id, roles, reason)); err != nil {
		return err
	}
	if actor.ID == id {
		return fmt.Errorf("set one's own roles: %w", mimamori.ErrDenied)
	}
	p, err := d.store.Person(ctx, id)
	if err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	if p.External() {
		return fmt.Errorf("set roles of %s: the identity provider says what they are: %w", id, mimamori.ErrConflict)
	}
	if err := checkRoles(roles); err != nil {
		return err
	}
	may := p.May(audit.ProposalApprove)
	p.Roles = roles
	if err := d.update(ctx, p); err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	if may {
		return nil
	}
	return d.powers(ctx, actor, p)
}

// Disable ends a person's work here: all sessions at once, no sign-in.
func (d *Desk) Disable(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id, reason string) error {
	if err := guard.Allow(ctx, actor, audit.StaffDisable, audit.Target{}, id+": "+reason); err != nil {
		return err
	}
	if actor.ID == id {
		return fmt.Errorf("disable oneself: %w", mimamori.ErrDenied) // the last admin must not lock everyone out
	}
	p, err := d.store.Person(ctx, id)
	if err != nil {
		return fmt.Errorf("disable: %w", err)
	}
	p.DisabledAt = time.Now()
	if err := d.update(ctx, p); err != nil {
		return fmt.Errorf("disable: %w", err)
	}
	if err := d.store.EndStaffSessions(ctx, id, [32]byte{}, time.Now()); err != nil {
		return fmt.Errorf("disable: %w", err)
	}
	if err := d.store.DropInvites(ctx, id); err != nil {
		return fmt.Errorf("disable: %w", err)
	}
	return nil
}

// People gives everyone, without secrets, for the admin's page.
func (d *Desk) People(ctx context.Context) ([]Person, error) {
	list, err := d.store.People(ctx)
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	for i := range list {
		list[i].HasPassword = len(list[i].PasswordHash) > 0
		list[i].PasswordHash, list[i].PasswordSalt, list[i].FactorSecret = nil, nil, nil
	}
	return list, nil
}

func (d *Desk) update(ctx context.Context, p Person) error {
	done, err := d.store.UpdatePerson(ctx, p)
	if err == nil && !done {
		err = mimamori.ErrConflict
	}
	return err
}

// ErrReauth says that a dangerous act wants the person to prove himself once
// more, ErrPasskey that only a passkey will do.
var (
	ErrReauth  = errors.New("a proof is needed again")
	ErrPasskey = errors.New("a passkey is needed")
)

func secretOf(id string) string { return "staff " + id + " authenticator" }
