package factor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"mimamori"
)

// CeremonyLife is how long a customer has from the page to her passkey.
const CeremonyLife = 5 * time.Minute

// UsePasskeys tells the book for whom passkeys are made: domain is the shop's
// ("shop.example", the relying party's id), origins are the pages that may ask
// for one ("https://security.shop.example"), name is shown by the phone.
func (b *Book) UsePasskeys(domain, name string, origins ...string) error {
	require := true
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: CeremonyLife, TimeoutUVD: CeremonyLife}
	party, err := webauthn.New(&webauthn.Config{RPID: domain, RPDisplayName: name, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation, // which make of phone it is, is none of our business
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: &require, UserVerification: protocol.VerificationRequired},
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit}})
	if err != nil {
		return fmt.Errorf("passkeys for %s: %w", domain, errors.Join(mimamori.ErrInvalid, err))
	}
	b.party = party
	return nil
}

// Passkeys says whether passkeys are offered at all.
func (b *Book) Passkeys() bool { return b != nil && b.party != nil }

// Domain is the relying party's id; empty without passkeys.
func (b *Book) Domain() string {
	if b.party == nil {
		return ""
	}
	return b.party.Config.RPID
}

// holder is an account as the WebAuthn library sees one. Its handle is the
// account's id: random to anybody else, and the same for every passkey, so that
// the phone replaces an old one instead of collecting them.
type holder struct {
	account mimamori.AccountID
	label   string
	held    []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.account[:] }
func (h holder) WebAuthnName() string                       { return h.label }
func (h holder) WebAuthnDisplayName() string                { return h.label }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.held }

// holder reads the passkeys that a try may be made with, and whose they are.
func (b *Book) holder(ctx context.Context, t Try, label string) (holder, []Factor, error) {
	h := holder{account: t.Account, label: label}
	all, err := b.store.Factors(ctx, t.Account)
	if err != nil {
		return h, nil, err
	}
	var of []Factor
	for _, f := range all {
		if f.Kind != Passkey || !f.Usable() || !f.Proves() && !t.Any {
			continue
		}
		c, err := b.credential(ctx, f)
		if err != nil {
			return h, nil, err
		}
		h.held, of = append(h.held, c), append(of, f)
	}
	return h, of, nil
}

func (b *Book) credential(ctx context.Context, f Factor) (webauthn.Credential, error) {
	var c webauthn.Credential
	plain, err := b.vault.Open(ctx, f.Account, belongs(f.ID), f.Data)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	c.Authenticator.SignCount = uint32(f.Counter)
	return c, err
}

// BeginPasskey begins binding a passkey; ref is the visit that it is bound in.
// The answer is for the browser's navigator.credentials.create, as JSON
// (WebAuthn Level 3, section 5.1.8).
func (b *Book) BeginPasskey(ctx context.Context, account mimamori.AccountID, ref, label string) ([]byte, error) {
	if b.party == nil {
		return nil, fmt.Errorf("begin passkey: %w", mimamori.ErrNotFound)
	}
	h, _, err := b.holder(ctx, Try{Account: account, Any: true}, label)
	if err != nil {
		return nil, fmt.Errorf("begin passkey of %s: %w", account, err)
	}
	options, session, err := b.party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.held).CredentialDescriptors()))
	if err != nil {
		return nil, fmt.Errorf("begin passkey of %s: %w", account, err)
	}
	return b.keepCeremony(ctx, account, "bind "+ref, session, options.Response)
}

// keepCeremony stores what the ceremony began with, and gives the browser's part.
func (b *Book) keepCeremony(ctx context.Context, account mimamori.AccountID, ref string, session *webauthn.SessionData, options any) ([]byte, error) {
	doc, err := json.Marshal(session)
	if err != nil {
		return nil, fmt.Errorf("keep ceremony: %w", err)
	}
	if err := b.store.PutCeremony(ctx, account, ref, doc, time.Now().Add(CeremonyLife)); err != nil {
		return nil, fmt.Errorf("keep ceremony: %w", err)
	}
	return json.Marshal(options)
}

func (b *Book) takeCeremony(ctx context.Context, account mimamori.AccountID, ref string, now time.Time) (webauthn.SessionData, error) {
	var s webauthn.SessionData
	doc, err := b.store.TakeCeremony(ctx, account, ref, now)
	if errors.Is(err, mimamori.ErrNotFound) {
		return s, fmt.Errorf("no ceremony under way: %w", mimamori.ErrDenied)
	}
	if err == nil {
		err = json.Unmarshal(doc, &s)
	}
	return s, err
}

// FinishPasskey binds the passkey that the browser made: once for each begin,
// on our origin, with the person's face, finger or PIN. ErrDenied otherwise.
func (b *Book) FinishPasskey(ctx context.Context, account mimamori.AccountID, ref, name string, from Binding, answer []byte) (Factor, error) {
	now := time.Now()
	denied := func(why error) (Factor, error) {
		return Factor{}, fmt.Errorf("bind passkey of %s: %w", account, errors.Join(mimamori.ErrDenied, why))
	}
	if b.party == nil {
		return denied(nil)
	}
	session, err := b.takeCeremony(ctx, account, "bind "+ref, now)
	if err != nil {
		return Factor{}, fmt.Errorf("bind passkey of %s: %w", account, err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return denied(err)
	}
	h, of, err := b.holder(ctx, Try{Account: account, Any: true}, "")
	if err != nil {
		return Factor{}, fmt.Errorf("bind passkey of %s: %w", account, err)
	}
	made, err := b.party.CreateCredential(h, session, parsed)
	if err != nil {
		return denied(err)
	}
	for k := range h.held {
		if bytes.Equal(h.held[k].ID, made.ID) {
			return denied(fmt.Errorf("bound before as %s", of[k].ID))
		}
	}
	made.Attestation = webauthn.CredentialAttestation{} // not asked for, not kept
	f := Factor{ID: mimamori.NewID("fac"), Account: account, Kind: Passkey, Name: CleanName(name), Binding: from,
		BoundAt: now, UsableAt: now, Counter: int64(made.Authenticator.SignCount)}
	plain, err := json.Marshal(made)
	if err != nil {
		return Factor{}, fmt.Errorf("bind passkey: %w", err)
	}
	if f.Data, err = b.vault.Seal(ctx, account, belongs(f.ID), plain); err != nil {
		return Factor{}, fmt.Errorf("bind passkey: %w", err)
	}
	if err := b.store.AddFactor(ctx, f); err != nil {
		return Factor{}, fmt.Errorf("bind passkey: %w", err)
	}
	f.Data = nil
	return f, nil
}

// AskPasskey begins a proof by passkey; ref is the recovery, challenge or visit
// that asks. It names no passkey: the phone finds its own, and the answer is
// the same for an account that has none and for nobody's (standards A01). For
// the browser's navigator.credentials.get, as JSON.
func (b *Book) AskPasskey(ctx context.Context, account mimamori.AccountID, ref string) ([]byte, error) {
	if b.party == nil {
		return nil, fmt.Errorf("ask for a passkey: %w", mimamori.ErrNotFound)
	}
	options, session, err := b.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("ask for a passkey: %w", err)
	}
	return b.keepCeremony(ctx, account, "prove "+ref, session, options.Response)
}

// CheckPasskey believes a passkey's answer once. ErrDenied for one that is not
// this account's, was removed, is in quarantine, was made for another page or
// question, or whose counter ran backwards (a copy). Nobody guesses a
// signature: wrong answers are not counted, so that nobody can fill the count.
func (b *Book) CheckPasskey(ctx context.Context, t Try, ref string, answer []byte) (Proof, error) {
	now := time.Now()
	denied := func(why error) (Proof, error) {
		return Proof{}, fmt.Errorf("passkey of %s: %w", t.Account, errors.Join(mimamori.ErrDenied, why))
	}
	if b.party == nil {
		return denied(nil)
	}
	session, err := b.takeCeremony(ctx, t.Account, "prove "+ref, now)
	if err != nil {
		return Proof{}, fmt.Errorf("passkey of %s: %w", t.Account, err)
	}
	h, of, err := b.holder(ctx, t, "")
	if err != nil {
		return Proof{}, fmt.Errorf("passkey of %s: %w", t.Account, err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return denied(err)
	}
	whose := func(_, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, t.Account[:]) {
			return nil, mimamori.ErrDenied
		}
		return h, nil
	}
	got, err := b.party.ValidateDiscoverableLogin(whose, session, parsed)
	if err != nil || got.Authenticator.CloneWarning {
		return denied(err)
	}
	for k, c := range h.held {
		if !bytes.Equal(c.ID, got.ID) {
			continue
		}
		f := of[k]
		ok, err := b.store.AdvanceFactor(ctx, t.Account, f.ID, f.Counter, int64(got.Authenticator.SignCount), now)
		if err != nil {
			return Proof{}, fmt.Errorf("passkey of %s: %w", t.Account, err)
		}
		if !ok { // removed meanwhile
			break
		}
		return Proof{Kind: Passkey, Factor: f.ID, BoundAt: f.BoundAt, Binding: f.Binding, At: now}, nil
	}
	return denied(nil)
}

// Signals is what a page tells the phone about the account's passkeys (WebAuthn
// Level 3, section 5.1.10, Signal API), so that one which was removed, by the
// customer or after an intruder, is no longer offered. Both are base64url.
type Signals struct {
	User     string
	Accepted []string
}

// Signal gives what Signals says. Without any passkey ever bound it is empty.
func (b *Book) Signal(ctx context.Context, account mimamori.AccountID) (Signals, error) {
	h, _, err := b.holder(ctx, Try{Account: account, Any: true}, "")
	if err != nil {
		return Signals{}, fmt.Errorf("signal passkeys of %s: %w", account, err)
	}
	s := Signals{User: protocol.URLEncodedBase64(account[:]).String(), Accepted: []string{}}
	for _, c := range h.held {
		s.Accepted = append(s.Accepted, protocol.URLEncodedBase64(c.ID).String())
	}
	return s, nil
}
