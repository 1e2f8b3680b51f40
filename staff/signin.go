package staff

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor/code"
)

// Session is one staff sign-in. The token itself is in the browser only.
type Session struct {
	Hash      [32]byte // SHA-256 of the token; primary key
	Person    string
	StartedAt time.Time
	SeenAt    time.Time
	AuthAt    time.Time // when the person last proved who he is
	EndedAt   time.Time // zero while it lives
	IP        string
	UserAgent string
	Way       Way  // by which it began
	Strong    bool // the last proof cannot be phished: a passkey, or one that the provider vouches for
}

// Way is how somebody signed in.
type Way string

const (
	ByCode     Way = "code"     // password and authenticator
	ByPasskey  Way = "passkey"  // a passkey alone
	ByProvider Way = "provider" // the company's identity provider
	ByInvite   Way = "invite"   // the one-time link by which he came
)

// Place is where a sign-in comes from.
type Place struct {
	IP        netip.Addr
	UserAgent string
}

// Credentials are what is typed at the sign-in page.
type Credentials struct {
	Login    string
	Password string
	Code     string // from the authenticator
}

// maxWait keeps a staff member from waiting longer than this however many wrong
// tries there were; 12 tries an hour guess no authenticator.
const maxWait = 5 * time.Minute

// SignIn checks password and authenticator together and opens a session; token
// goes into the cookie. Whatever was wrong, also an unknown login or one that
// has to wait, the answer is the same ErrDenied after about the same time.
func (d *Desk) SignIn(ctx context.Context, c Credentials, from Place) (token string, s Session, err error) {
	denied := fmt.Errorf("staff sign-in: %w", mimamori.ErrDenied)
	login := strings.ToLower(strings.TrimSpace(norm.NFKC.String(c.Login)))
	p, err := d.store.PersonByLogin(ctx, login)
	unknown := errors.Is(err, mimamori.ErrNotFound)
	if err != nil && !unknown {
		return "", Session{}, fmt.Errorf("staff sign-in: %w", err)
	}
	salt := p.PasswordSalt
	if unknown {
		salt = make([]byte, 16) // the same work as for somebody
	} else if p, err = d.countTry(ctx, p, from); err != nil {
		if !errors.Is(err, mimamori.ErrDenied) {
			return "", Session{}, err
		}
		unknown = true
	}
	if len(c.Password) > 256 {
		c.Password = ""
	}
	hash, err := d.hasher.Hash(ctx, norm.NFKC.String(c.Password), salt)
	if err != nil {
		return "", Session{}, fmt.Errorf("staff sign-in: %w", err)
	}
	if unknown {
		return "", Session{}, denied
	}
	right := len(p.PasswordHash) > 0 && code.Same(hash, p.PasswordHash)
	step, ok, err := d.factorStep(p, c.Code)
	if err != nil {
		return "", Session{}, err
	}
	if !right || !ok || !p.DisabledAt.IsZero() {
		if err := d.log.Refuse(ctx, p.Actor(), audit.StaffSignIn, audit.Target{}, "", map[string]string{"ip": from.IP.String()}); err != nil {
			return "", Session{}, err
		}
		return "", Session{}, denied
	}
	if err := d.useStep(ctx, p.ID, step, from); err != nil {
		return "", Session{}, err
	}
	return d.begin(ctx, p, from, ByCode, false)
}

// begin opens a session. Where the company's identity provider is in charge, a
// local one is for administrators in need, and never goes unnoticed.
func (d *Desk) begin(ctx context.Context, p Person, from Place, way Way, strong bool) (string, Session, error) {
	if d.glass && way != ByProvider {
		if !p.Is(Admin) {
			err := d.log.Refuse(ctx, p.Actor(), audit.StaffSignIn, audit.Target{}, "not at the provider", map[string]string{"ip": from.IP.String()})
			return "", Session{}, errors.Join(fmt.Errorf("staff sign-in: %w", mimamori.ErrDenied), err)
		}
		if err := d.log.Record(ctx, p.Actor(), audit.AlarmBreakGlass, audit.Target{}, "", map[string]string{"ip": from.IP.String(), "way": string(way)}); err != nil {
			return "", Session{}, err
		}
		if d.alarm != nil {
			d.alarm(ctx, p.Actor())
		}
	}
	now := time.Now()
	token, hash := newToken()
	s := Session{Hash: hash, Person: p.ID, StartedAt: now, SeenAt: now, AuthAt: now, IP: from.IP.String(), UserAgent: clip(from.UserAgent, 300), Way: way, Strong: strong}
	if err := d.store.AddStaffSession(ctx, s); err != nil {
		return "", Session{}, fmt.Errorf("staff sign-in: %w", err)
	}
	if err := d.log.Record(ctx, p.Actor(), audit.StaffSignIn, audit.Target{}, "", map[string]string{"ip": s.IP, "way": string(way)}); err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// Session finds the living session of a token and whose it is, and notes that
// it was seen. ErrDenied when it ended, slept too long, is too old, or the
// person works here no more.
func (d *Desk) Session(ctx context.Context, token string) (Session, Person, error) {
	denied := fmt.Errorf("staff session: %w", mimamori.ErrDenied)
	s, err := d.store.StaffSession(ctx, sha256.Sum256([]byte(token)))
	if errors.Is(err, mimamori.ErrNotFound) {
		return Session{}, Person{}, denied
	}
	if err != nil {
		return Session{}, Person{}, fmt.Errorf("staff session: %w", err)
	}
	now := time.Now()
	if !d.Alive(s, now) {
		return Session{}, Person{}, denied
	}
	p, err := d.store.Person(ctx, s.Person)
	if err != nil || !p.DisabledAt.IsZero() {
		return Session{}, Person{}, denied
	}
	// Once a minute is enough for a limit of half an hour, and spares a write
	// on every page.
	if now.Sub(s.SeenAt) > time.Minute {
		if err := d.store.TouchStaffSession(ctx, s.Hash, now); err != nil {
			return Session{}, Person{}, fmt.Errorf("staff session: %w", err)
		}
		s.SeenAt = now
	}
	return s, p, nil
}

// Reauth takes another authenticator code and gives the session a new token:
// the old one is worth nothing from here on (ASVS 5.0 7.2.4). ErrPasskey when
// only a passkey will do.
func (d *Desk) Reauth(ctx context.Context, s Session, typed string, from Place) (token string, next Session, err error) {
	denied := fmt.Errorf("staff code: %w", mimamori.ErrDenied)
	p, err := d.store.Person(ctx, s.Person)
	if err != nil {
		return "", Session{}, fmt.Errorf("staff code: %w", err)
	}
	if now, err := d.Standing(ctx, s, p); err != nil {
		return "", Session{}, err
	} else if now.Passkey {
		return "", Session{}, ErrPasskey
	}
	if p, err = d.countTry(ctx, p, from); err != nil {
		return "", Session{}, err
	}
	step, ok, err := d.factorStep(p, typed)
	if err != nil {
		return "", Session{}, err
	}
	if !ok {
		return "", Session{}, denied
	}
	if err := d.useStep(ctx, p.ID, step, from); err != nil {
		return "", Session{}, err
	}
	return d.renew(ctx, p, s, s.Strong)
}

// renew replaces a session by one that has just been proved.
func (d *Desk) renew(ctx context.Context, p Person, s Session, strong bool) (token string, next Session, err error) {
	next = s
	next.AuthAt, next.SeenAt, next.Strong = time.Now(), time.Now(), strong
	token, next.Hash = newToken()
	done, err := d.store.ReplaceStaffSession(ctx, s.Hash, next)
	if err != nil {
		return "", Session{}, fmt.Errorf("prove oneself again: %w", err)
	}
	if !done {
		return "", Session{}, fmt.Errorf("prove oneself again: %w", mimamori.ErrDenied)
	}
	return token, next, d.log.Record(ctx, p.Actor(), audit.StaffReauth, audit.Target{}, "", nil)
}

// Alive says that a session still counts at a moment.
func (d *Desk) Alive(s Session, now time.Time) bool {
	return s.EndedAt.IsZero() && now.Sub(s.SeenAt) < d.limits.Idle && now.Sub(s.StartedAt) < d.limits.Absolute
}

// SignOut ends one session.
func (d *Desk) SignOut(ctx context.Context, s Session) error {
	if err := d.store.EndStaffSession(ctx, s.Hash, time.Now()); err != nil {
		return fmt.Errorf("staff sign-out: %w", err)
	}
	return d.log.Record(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: s.Person}, audit.StaffSignOut, audit.Target{}, "", nil)
}

// SignOutOthers ends all of the person's sessions but this one.
func (d *Desk) SignOutOthers(ctx context.Context, s Session) error {
	if err := d.store.EndStaffSessions(ctx, s.Person, s.Hash, time.Now()); err != nil {
		return fmt.Errorf("staff sign-out: %w", err)
	}
	actor := mimamori.Actor{Kind: mimamori.ActorStaff, ID: s.Person}
	return d.log.Record(ctx, actor, audit.StaffSignOut, audit.Target{}, "all other sessions", nil)
}

// Sessions gives a person's sessions of the last 30 days, for his own page.
func (d *Desk) Sessions(ctx context.Context, person string) ([]Session, error) {
	return d.store.StaffSessions(ctx, person, time.Now().Add(-30*24*time.Hour))
}

func (d *Desk) factorStep(p Person, typed string) (int64, bool, error) {
	if len(p.FactorSecret) == 0 { // invited, or known to the provider alone
		return 0, false, nil
	}
	secret, err := d.ring.Unseal(secretOf(p.ID), p.FactorSecret)
	if err != nil {
		return 0, false, fmt.Errorf("authenticator of %s: %w", p.ID, err)
	}
	step, ok := code.CheckTOTP(string(secret), typed, p.FactorStep, time.Now())
	return step, ok, nil
}

// countTry counts a try as wrong before it is looked at. ErrDenied while the
// person has to wait at this place.
func (d *Desk) countTry(ctx context.Context, p Person, from Place) (Person, error) {
	known, err := d.knows(ctx, p, from)
	if err != nil {
		return p, err
	}
	for range 16 {
		now := time.Now()
		t := p.throttle(known)
		if now.Before(t.Until) {
			return p, fmt.Errorf("staff sign-in: %w", mimamori.ErrDenied)
		}
		t.Failures++
		t.Until = now.Add(min(code.Wait(t.Failures), maxWait))
		done, err := d.store.UpdatePerson(ctx, p)
		if err != nil {
			return p, fmt.Errorf("staff sign-in: %w", err)
		}
		if done {
			p.Version++
			return p, nil
		}
		if p, err = d.store.Person(ctx, p.ID); err != nil {
			return p, fmt.Errorf("staff sign-in: %w", err)
		}
	}
	return p, fmt.Errorf("staff sign-in: %w", mimamori.ErrDenied)
}

// useStep stores the code's time step before it is believed, and forgets the
// wrong tries from this place. ErrDenied when the code was used meanwhile.
func (d *Desk) useStep(ctx context.Context, id string, step int64, from Place) error {
	for range 16 {
		p, err := d.store.Person(ctx, id)
		if err != nil {
			return fmt.Errorf("staff sign-in: %w", err)
		}
		if p.FactorStep >= step || !p.DisabledAt.IsZero() {
			return fmt.Errorf("staff sign-in: %w", mimamori.ErrDenied)
		}
		known, err := d.knows(ctx, p, from)
		if err != nil {
			return err
		}
		p.FactorStep = step
		*p.throttle(known) = Throttle{}
		done, err := d.store.UpdatePerson(ctx, p)
		if err != nil {
			return fmt.Errorf("staff sign-in: %w", err)
		}
		if done {
			return nil
		}
	}
	return fmt.Errorf("staff sign-in: %w", mimamori.ErrUnavailable)
}

func (p *Person) throttle(known bool) *Throttle {
	if known {
		return &p.Known
	}
	return &p.Strange
}

// knows says whether the person signed in from this network in the last 30
// days. An IPv6 network is its /64: privacy addresses change daily.
func (d *Desk) knows(ctx context.Context, p Person, from Place) (bool, error) {
	list, err := d.store.StaffSessions(ctx, p.ID, time.Now().Add(-30*24*time.Hour))
	if err != nil {
		return false, fmt.Errorf("staff sign-in: %w", err)
	}
	here := network(from.IP)
	return slices.ContainsFunc(list, func(s Session) bool {
		ip, err := netip.ParseAddr(s.IP)
		return err == nil && here.IsValid() && network(ip) == here
	}), nil
}

func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// newToken is 256 random bits for a cookie, and what is stored of them.
func newToken() (string, [32]byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never returns an error
	token := base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// Peek is Session without noting that the person was there: for the console's
// look-out for news, which must not keep a forgotten screen signed in.
func (d *Desk) Peek(ctx context.Context, token string) (Session, error) {
	s, err := d.store.StaffSession(ctx, sha256.Sum256([]byte(token)))
	if err != nil || !d.Alive(s, time.Now()) {
		return Session{}, fmt.Errorf("staff session: %w", mimamori.ErrDenied)
	}
	return s, nil
}
