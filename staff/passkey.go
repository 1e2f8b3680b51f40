package staff

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor"
)

// Passkey is a person's, as it is stored.
type Passkey struct {
	ID         string // "spk_…"
	Person     string
	Name       string // what the person calls it
	Credential []byte // the credential's id; unique
	Data       []byte // the credential, sealed with the ring
	Counter    int64
	MadeAt     time.Time
	UsedAt     time.Time // zero when never
}

// CeremonyLife is how long somebody has from the page to his passkey, or to
// the identity provider and back.
const CeremonyLife = 5 * time.Minute

// maxPasskeys is how many one person may have.
const maxPasskeys = 10

// PasskeyRules say for whom passkeys are made, and when nothing less will do.
type PasskeyRules struct {
	Domain string // the relying party's id: the console's host (WebAuthn Level 3, 5.1.2)
	Name   string // shown by the phone
	Origin string // of the console's pages, as https://desk.shop.example
	// Required: nobody sees a page before he has shown a passkey, but the one on
	// which he sets up his first. Otherwise a lead or an administrator who has
	// one needs it for dangerous acts, and it is offered to everybody (E09).
	Required bool
}

// UsePasskeys tells the desk how passkeys are made and when they are needed.
func (d *Desk) UsePasskeys(r PasskeyRules) error {
	require := true
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: CeremonyLife, TimeoutUVD: CeremonyLife}
	party, err := webauthn.New(&webauthn.Config{RPID: r.Domain, RPDisplayName: r.Name, RPOrigins: []string{r.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: &require, UserVerification: protocol.VerificationRequired},
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit}})
	if err != nil {
		return fmt.Errorf("staff passkeys for %s: %w", r.Domain, errors.Join(mimamori.ErrInvalid, err))
	}
	d.party, d.required = party, r.Required
	return nil
}

// Passkeys says whether passkeys are offered at all.
func (d *Desk) Passkeys() bool { return d.party != nil }

// OwnPasskeys gives a person's, oldest first, without what is secret.
func (d *Desk) OwnPasskeys(ctx context.Context, person string) ([]Passkey, error) {
	list, err := d.store.Passkeys(ctx, person)
	for i := range list {
		list[i].Data = nil
	}
	return list, err
}

// holder is a person as the WebAuthn library sees one. The handle is his id,
// which is random to anybody else.
type holder struct {
	person Person
	held   []webauthn.Credential
	of     []Passkey
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.person.ID) }
func (h holder) WebAuthnName() string                       { return h.person.Login }
func (h holder) WebAuthnDisplayName() string                { return h.person.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.held }

func (d *Desk) holder(ctx context.Context, p Person) (holder, error) {
	h := holder{person: p}
	var err error
	if h.of, err = d.store.Passkeys(ctx, p.ID); err != nil {
		return h, err
	}
	for _, k := range h.of {
		var c webauthn.Credential
		plain, err := d.ring.Unseal(passkeyOf(k), k.Data)
		if err == nil {
			err = json.Unmarshal(plain, &c)
		}
		if err != nil {
			return h, fmt.Errorf("passkey %s: %w", k.ID, err)
		}
		c.Authenticator.SignCount = uint32(k.Counter)
		h.held = append(h.held, c)
	}
	return h, nil
}

func passkeyOf(k Passkey) string { return "staff " + k.Person + " passkey " + k.ID }

// The names under which ceremonies are kept: what was begun for one thing ends
// nothing else.
func refOf(what string, of []byte) [32]byte {
	return sha256.Sum256(append([]byte("staff ceremony 1\x00"+what+"\x00"), of...))
}

func (d *Desk) keep(ctx context.Context, ref [32]byte, session *webauthn.SessionData, options any) ([]byte, error) {
	doc, err := json.Marshal(session)
	if err != nil {
		return nil, fmt.Errorf("keep ceremony: %w", err)
	}
	now := time.Now()
	if err := d.store.PutStaffCeremony(ctx, ref, doc, now, now.Add(CeremonyLife)); err != nil {
		return nil, fmt.Errorf("keep ceremony: %w", err)
	}
	return json.Marshal(options)
}

func (d *Desk) take(ctx context.Context, ref [32]byte) (s webauthn.SessionData, err error) {
	doc, err := d.store.TakeStaffCeremony(ctx, ref, time.Now())
	if errors.Is(err, mimamori.ErrNotFound) {
		return s, fmt.Errorf("no ceremony under way: %w", mimamori.ErrDenied)
	}
	if err == nil {
		err = json.Unmarshal(doc, &s)
	}
	return s, err
}

// BeginPasskey begins adding a passkey of one's own; the answer is for the
// browser's navigator.credentials.create, as JSON (WebAuthn Level 3, 5.1.8).
// The session must be fresh, and by a passkey if there is one: a stolen code
// must not bind the thief's.
func (d *Desk) BeginPasskey(ctx context.Context, s Session) ([]byte, error) {
	p, err := d.provedForFactors(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("begin staff passkey: %w", err)
	}
	return d.beginPasskey(ctx, p, refOf("bind", s.Hash[:]))
}

func (d *Desk) beginPasskey(ctx context.Context, p Person, ref [32]byte) ([]byte, error) {
	if d.party == nil {
		return nil, fmt.Errorf("begin staff passkey: %w", mimamori.ErrNotFound)
	}
	h, err := d.holder(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("begin staff passkey: %w", err)
	}
	if len(h.of) >= maxPasskeys {
		return nil, fmt.Errorf("begin staff passkey: there are %d: %w", maxPasskeys, mimamori.ErrConflict)
	}
	options, session, err := d.party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.held).CredentialDescriptors()))
	if err != nil {
		return nil, fmt.Errorf("begin staff passkey: %w", err)
	}
	return d.keep(ctx, ref, session, options.Response)
}

// FinishPasskey adds the passkey that the browser made: once for each begin,
// on our origin, with the person's face, finger or PIN. ErrDenied otherwise.
func (d *Desk) FinishPasskey(ctx context.Context, s Session, name string, answer []byte) (Passkey, error) {
	p, err := d.provedForFactors(ctx, s)
	if err != nil {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", err)
	}
	k, err := d.madePasskey(ctx, p, refOf("bind", s.Hash[:]), name, answer)
	if err != nil {
		return Passkey{}, err
	}
	if err := d.log.Record(ctx, p.Actor(), audit.StaffFactor, audit.Target{}, "passkey added: "+k.Name, nil); err != nil {
		return Passkey{}, err
	}
	return k, d.store.AddPasskey(ctx, k)
}

// madePasskey checks what the browser made; the caller stores it.
func (d *Desk) madePasskey(ctx context.Context, p Person, ref [32]byte, name string, answer []byte) (Passkey, error) {
	denied := func(why error) (Passkey, error) {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", errors.Join(mimamori.ErrDenied, why))
	}
	if d.party == nil {
		return denied(nil)
	}
	session, err := d.take(ctx, ref)
	if err != nil {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return denied(err)
	}
	h, err := d.holder(ctx, p)
	if err != nil {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", err)
	}
	made, err := d.party.CreateCredential(h, session, parsed)
	if err != nil {
		return denied(err)
	}
	made.Attestation = webauthn.CredentialAttestation{} // not asked for, not kept
	k := Passkey{ID: mimamori.NewID("spk"), Person: p.ID, Name: factor.CleanName(name), Credential: made.ID, MadeAt: time.Now(),
		Counter: int64(made.Authenticator.SignCount)}
	plain, err := json.Marshal(made)
	if err != nil {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", err)
	}
	if k.Data, err = d.ring.Seal(passkeyOf(k), plain); err != nil {
		return Passkey{}, fmt.Errorf("add staff passkey: %w", err)
	}
	return k, nil
}

// RemovePasskey takes one of one's own away. ErrConflict when it is the last
// way in, or the last where passkeys are required.
func (d *Desk) RemovePasskey(ctx context.Context, s Session, id string) error {
	p, err := d.provedForFactors(ctx, s)
	if err != nil {
		return fmt.Errorf("remove staff passkey: %w", err)
	}
	least := 0
	if d.required || len(p.PasswordHash) == 0 && !p.External() {
		least = 1
	}
	list, err := d.store.Passkeys(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("remove staff passkey: %w", err)
	}
	at := slices.IndexFunc(list, func(k Passkey) bool { return k.ID == id })
	if at < 0 {
		return fmt.Errorf("remove staff passkey: %w", mimamori.ErrNotFound)
	}
	if err := d.log.Record(ctx, p.Actor(), audit.StaffFactor, audit.Target{}, "passkey removed: "+list[at].Name, nil); err != nil {
		return err
	}
	done, err := d.store.RemovePasskey(ctx, p.ID, id, least)
	if err == nil && !done {
		err = fmt.Errorf("remove staff passkey: it is the last way in: %w", mimamori.ErrConflict)
	}
	return err
}

// AskPasskey begins a sign-in by passkey alone. ref goes into a cookie; the
// options are for navigator.credentials.get and name nobody.
func (d *Desk) AskPasskey(ctx context.Context) (ref string, options []byte, err error) {
	ref, _ = newToken()
	options, err = d.ask(ctx, refOf("sign in", []byte(ref)))
	return ref, options, err
}

// AskAgain begins proving oneself once more, within a session.
func (d *Desk) AskAgain(ctx context.Context, s Session) ([]byte, error) {
	return d.ask(ctx, refOf("again", s.Hash[:]))
}

func (d *Desk) ask(ctx context.Context, ref [32]byte) ([]byte, error) {
	if d.party == nil {
		return nil, fmt.Errorf("ask for a staff passkey: %w", mimamori.ErrNotFound)
	}
	options, session, err := d.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("ask for a staff passkey: %w", err)
	}
	return d.keep(ctx, ref, session, options.Response)
}

// SignInPasskey opens a session by a passkey alone, once for each ask.
func (d *Desk) SignInPasskey(ctx context.Context, ref string, answer []byte, from Place) (token string, s Session, err error) {
	p, err := d.checkPasskey(ctx, refOf("sign in", []byte(ref)), "", answer)
	if err != nil {
		return "", Session{}, err
	}
	return d.begin(ctx, p, from, ByPasskey, true)
}

// ReauthPasskey takes a passkey again and gives the session a new token.
func (d *Desk) ReauthPasskey(ctx context.Context, s Session, answer []byte) (token string, next Session, err error) {
	p, err := d.checkPasskey(ctx, refOf("again", s.Hash[:]), s.Person, answer)
	if err != nil {
		return "", Session{}, err
	}
	return d.renew(ctx, p, s, true)
}

// checkPasskey believes an answer once; person empty: anybody's. Nobody
// guesses a signature, so wrong answers are not counted.
func (d *Desk) checkPasskey(ctx context.Context, ref [32]byte, person string, answer []byte) (Person, error) {
	denied := func(why error) (Person, error) {
		return Person{}, fmt.Errorf("staff passkey: %w", errors.Join(mimamori.ErrDenied, why))
	}
	if d.party == nil {
		return denied(nil)
	}
	session, err := d.take(ctx, ref)
	if err != nil {
		return Person{}, fmt.Errorf("staff passkey: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return denied(err)
	}
	var h holder
	whose := func(_, handle []byte) (webauthn.User, error) {
		if len(handle) > 100 || person != "" && string(handle) != person {
			return nil, mimamori.ErrDenied
		}
		p, err := d.store.Person(ctx, string(handle))
		if err != nil {
			return nil, err
		}
		h, err = d.holder(ctx, p)
		return h, err
	}
	got, err := d.party.ValidateDiscoverableLogin(whose, session, parsed)
	if err != nil || got.Authenticator.CloneWarning {
		return denied(err)
	}
	if !h.person.DisabledAt.IsZero() {
		return denied(nil)
	}
	at := slices.IndexFunc(h.of, func(k Passkey) bool { return bytes.Equal(k.Credential, got.ID) })
	if at < 0 {
		return denied(nil)
	}
	ok, err := d.store.AdvancePasskey(ctx, h.of[at].ID, h.of[at].Counter, int64(got.Authenticator.SignCount), time.Now())
	if err != nil {
		return Person{}, fmt.Errorf("staff passkey: %w", err)
	}
	if !ok { // removed meanwhile
		return denied(nil)
	}
	return h.person, nil
}
