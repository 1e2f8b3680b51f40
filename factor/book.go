package factor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
	qrcode "github.com/skip2/go-qrcode"
	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/factor/code"
	"mimamori/keys"
)

// Book enrols, checks and removes second steps.
type Book struct {
	store  Store
	mailed MailedStore
	vault  *keys.Vault
	ring   *keys.Ring
	hasher *code.Hasher
	party  *webauthn.WebAuthn // nil: no passkeys
}

// NewBook joins the parts. All are needed.
func NewBook(store Store, mailed MailedStore, vault *keys.Vault, ring *keys.Ring, hasher *code.Hasher) *Book {
	return &Book{store: store, mailed: mailed, vault: vault, ring: ring, hasher: hasher}
}

// List gives the account's usable second steps, oldest first, without Data.
func (b *Book) List(ctx context.Context, account mimamori.AccountID) ([]Factor, error) {
	all, err := b.store.Factors(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("second steps of %s: %w", account, err)
	}
	all = slices.DeleteFunc(all, func(f Factor) bool { return !f.Usable() })
	for i := range all {
		all[i].Data = nil
	}
	return all, nil
}

// Remove ends a second step. Whether the actor may is decided before.
func (b *Book) Remove(ctx context.Context, account mimamori.AccountID, id string, by mimamori.Actor) error {
	done, err := b.store.RemoveFactor(ctx, account, id, by, time.Now())
	if err != nil {
		return fmt.Errorf("remove second step %s: %w", id, err)
	}
	if !done {
		return fmt.Errorf("remove second step %s: %w", id, mimamori.ErrNotFound)
	}
	return nil
}

// Confirm ends a factor's quarantine. Whether something from before vouches
// for it is decided before. ErrNotFound when it is none, or was confirmed.
func (b *Book) Confirm(ctx context.Context, account mimamori.AccountID, id string) error {
	done, err := b.store.ConfirmFactor(ctx, account, id, time.Now())
	if err != nil {
		return fmt.Errorf("confirm second step %s: %w", id, err)
	}
	if !done {
		return fmt.Errorf("confirm second step %s: %w", id, mimamori.ErrNotFound)
	}
	return nil
}

// Rename gives a factor the name that the customer calls it by.
func (b *Book) Rename(ctx context.Context, account mimamori.AccountID, id, name string) error {
	done, err := b.store.NameFactor(ctx, account, id, CleanName(name))
	if err != nil {
		return fmt.Errorf("name second step %s: %w", id, err)
	}
	if !done {
		return fmt.Errorf("name second step %s: %w", id, mimamori.ErrNotFound)
	}
	return nil
}

// longestName is how many characters of a factor's name are kept.
const longestName = 40

// CleanName makes a name fit to be shown: one line, no control or direction
// characters, at most 40 characters.
func CleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(name, "")))
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return string(runes[:min(len(runes), longestName)])
}

// RemoveBoundSince removes everything bound at or after start, usable or not,
// and says what: at containment nothing that the intruder bound may stay
// (standards item A21).
func (b *Book) RemoveBoundSince(ctx context.Context, account mimamori.AccountID, start time.Time, by mimamori.Actor) ([]Factor, error) {
	return b.removeAll(ctx, account, by, func(f Factor) bool { return !f.BoundAt.Before(start) })
}

// RemoveBoundIn removes what was bound from these sessions at the shop, whenever
// that was.
func (b *Book) RemoveBoundIn(ctx context.Context, account mimamori.AccountID, sessions []string, by mimamori.Actor) ([]Factor, error) {
	return b.removeAll(ctx, account, by, func(f Factor) bool { return f.Binding.Session != "" && slices.Contains(sessions, f.Binding.Session) })
}

func (b *Book) removeAll(ctx context.Context, account mimamori.AccountID, by mimamori.Actor, which func(Factor) bool) ([]Factor, error) {
	all, err := b.store.Factors(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("second steps of %s: %w", account, err)
	}
	var removed []Factor
	for _, f := range all {
		if !f.RemovedAt.IsZero() || !which(f) {
			continue
		}
		done, err := b.store.RemoveFactor(ctx, account, f.ID, by, time.Now())
		if err != nil {
			return removed, fmt.Errorf("remove second step %s: %w", f.ID, err)
		}
		if done {
			f.Data = nil
			removed = append(removed, f)
		}
	}
	return removed, nil
}

// Enrolment is an authenticator on its way: shown once, usable after the
// first right code.
type Enrolment struct {
	ID     string
	Secret string // base32, to type where no camera is at hand
	URL    string // otpauth://…, what the QR code holds
}

// EnrolTOTP begins binding an authenticator app. issuer is the shop's name,
// label the account as the customer knows it; both are shown by the app.
func (b *Book) EnrolTOTP(ctx context.Context, account mimamori.AccountID, from Binding, name, issuer, label string) (Enrolment, error) {
	secret := code.NewSecret()
	f := Factor{ID: mimamori.NewID("fac"), Account: account, Kind: TOTP, Name: CleanName(name), Binding: from, BoundAt: time.Now()}
	var err error
	if f.Data, err = b.vault.Seal(ctx, account, belongs(f.ID), []byte(secret)); err != nil {
		return Enrolment{}, fmt.Errorf("enrol authenticator: %w", err)
	}
	if err := b.store.AddFactor(ctx, f); err != nil {
		return Enrolment{}, fmt.Errorf("enrol authenticator: %w", err)
	}
	return Enrolment{ID: f.ID, Secret: secret, URL: code.URL(issuer, label, secret)}, nil
}

// Enrolling gives an enrolment that was begun and not finished, for its page
// and its QR code. ErrNotFound once it is usable: a secret is shown only while
// it is worth nothing.
func (b *Book) Enrolling(ctx context.Context, account mimamori.AccountID, id, issuer, label string) (Enrolment, error) {
	f, secret, err := b.enrolling(ctx, account, id)
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{ID: f.ID, Secret: secret, URL: code.URL(issuer, label, secret)}, nil
}

// FinishTOTP makes an enrolled authenticator usable with its first code. Wrong
// codes give ErrDenied and count like any other.
func (b *Book) FinishTOTP(ctx context.Context, t Try, id, typed string) error {
	f, secret, err := b.enrolling(ctx, t.Account, id)
	if err != nil {
		return err
	}
	_, err = b.attempt(ctx, t, func(now time.Time) (Factor, bool, error) {
		ok, err := b.step(ctx, f, secret, typed, now)
		return f, ok, err
	})
	return err
}

// CheckTOTP believes a code from any usable authenticator of the account, once.
// ErrDenied for a wrong or repeated code, and while the account has to wait
// after wrong ones (Throttled says until when).
func (b *Book) CheckTOTP(ctx context.Context, t Try, typed string) (Proof, error) {
	account := t.Account
	return b.attempt(ctx, t, func(now time.Time) (Factor, bool, error) {
		all, err := b.store.Factors(ctx, account)
		if err != nil {
			return Factor{}, false, err
		}
		for _, f := range all {
			if f.Kind != TOTP || !f.Usable() || !f.Proves() && !t.Any {
				continue
			}
			secret, err := b.vault.Open(ctx, account, belongs(f.ID), f.Data)
			if err != nil {
				return Factor{}, false, err
			}
			if ok, err := b.step(ctx, f, string(secret), typed, now); ok || err != nil {
				return f, ok, err
			}
		}
		return Factor{}, false, nil
	})
}

// step checks a code and stores its time step before it is believed: of two
// that come at once with the same code, one is refused.
func (b *Book) step(ctx context.Context, f Factor, secret, typed string, now time.Time) (bool, error) {
	step, ok := code.CheckTOTP(secret, typed, f.Counter, now)
	if !ok {
		return false, nil
	}
	return b.store.AdvanceFactor(ctx, f.Account, f.ID, f.Counter, step, now)
}

// QR is a picture of an otpauth URL: PNG, 256 pixels square.
func QR(otpauth string) ([]byte, error) {
	png, err := qrcode.Encode(otpauth, qrcode.Medium, 256)
	if err != nil { // err may quote the secret
		return nil, fmt.Errorf("draw QR code: %w", mimamori.ErrInvalid)
	}
	return png, nil
}

// QRText is the same picture in half blocks, for a terminal.
func QRText(otpauth string) (string, error) {
	code, err := qrcode.New(otpauth, qrcode.Low)
	if err != nil { // err may quote the secret
		return "", fmt.Errorf("draw QR code: %w", mimamori.ErrInvalid)
	}
	return code.ToSmallString(false), nil
}

func (b *Book) enrolling(ctx context.Context, account mimamori.AccountID, id string) (Factor, string, error) {
	all, err := b.store.Factors(ctx, account)
	if err != nil {
		return Factor{}, "", fmt.Errorf("enrolment %s: %w", id, err)
	}
	for _, f := range all {
		// An enrolment left lying is no standing invitation.
		if f.ID != id || f.Kind != TOTP || !f.UsableAt.IsZero() || !f.RemovedAt.IsZero() || time.Since(f.BoundAt) > time.Hour {
			continue
		}
		secret, err := b.vault.Open(ctx, account, belongs(f.ID), f.Data)
		if err != nil {
			return Factor{}, "", fmt.Errorf("enrolment %s: %w", id, err)
		}
		return f, string(secret), nil
	}
	return Factor{}, "", fmt.Errorf("enrolment %s: %w", id, mimamori.ErrNotFound)
}

func belongs(id string) string { return "factor " + id }
