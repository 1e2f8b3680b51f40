package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/factor"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/profile"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// second is a visit to the page of the second step: whose, and what it may do.
type second struct {
	visit   access.Session
	file    *file
	held    []factor.Factor // in use, in quarantine too
	trusted []factor.Factor // those that prove
}

func (d *Desk) second(ctx context.Context, v centre.Visitor) (second, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return second{}, err
	}
	x := second{visit: s, file: f}
	if x.held, err = d.opt.Factors.List(ctx, s.Account); err != nil {
		return second{}, err
	}
	x.trusted = d.trusted(ctx, f)
	return x, nil
}

// proved says that the visitor gave one of the factors from before, not long
// ago.
func (x second) proved() bool {
	return x.visit.Proved(x.file.now, factor.TOTP, factor.Passkey, factor.Recovery)
}

// mailed says that she gave a code from her mailbox, or came by a recovery that
// took no more.
func (x second) mailed() bool { return x.visit.Proved(x.file.now, factor.MailCode) }

// known says that she sits at a device that counts as hers.
func (x second) known() bool { return x.file.mayLower(x.visit.ShopSession) }

// blocked says why nothing may be added or taken away in this visit; empty when
// it may. While an incident is open only a factor from before opens it; else a
// device of hers does, or a proof that her account has.
func (x second) blocked() centre.Barrier {
	c := x.file.current
	switch {
	case x.proved():
		return centre.NoBarrier
	case c != nil && c.Open():
		return centre.BarrierIncident
	case x.known() || x.mailed() && len(x.trusted) == 0:
		return centre.NoBarrier
	}
	return centre.BarrierDevice
}

// vouches says that what is added now needs no quarantine: a factor from before
// was just given, or there is none from before this visit and the device itself
// is.
func (x second) vouches() bool {
	older := slices.ContainsFunc(x.trusted, func(f factor.Factor) bool { return f.BoundAt.Before(x.visit.BeganAt) })
	return x.proved() || x.known() && !older && x.blocked() == centre.NoBarrier
}

// mayRemove says that a factor may be taken away: with another from before, or
// at a device of hers with a code from her mailbox.
func (x second) mayRemove() bool {
	return x.blocked() == centre.NoBarrier && (x.proved() || x.known() && x.mailed())
}

// SecondStep is what protects the account besides the password.
func (d *Desk) SecondStep(ctx context.Context, v centre.Visitor) (centre.SecondStep, error) {
	x, err := d.second(ctx, v)
	if err != nil {
		return centre.SecondStep{}, err
	}
	out := centre.SecondStep{Barrier: x.blocked(), Vouched: x.vouches(), MayRemove: x.mayRemove(), Proved: x.proved() || x.mailed(),
		HasOld: len(x.trusted) > 0, Passkeys: d.opt.Factors.Passkeys()}
	for _, f := range x.held {
		row := centre.FactorRow{ID: f.ID, Kind: centre.FactorKind(f.Kind), Name: f.Name, Bound: f.BoundAt, Used: f.UsedAt, Quarantined: !f.Proves()}
		if f.Kind == factor.Recovery {
			if row.Left, err = d.opt.Factors.RecoveryCodesLeft(ctx, x.visit.Account); err != nil {
				return out, err
			}
			out.HasCodes = true
		}
		out.Factors = append(out.Factors, row)
	}
	if out.Passkeys {
		signal, err := d.opt.Factors.Signal(ctx, x.visit.Account)
		if err != nil {
			return out, err
		}
		out.Signal = centre.Signal{Domain: d.opt.Factors.Domain(), User: signal.User, Accepted: signal.Accepted}
	}
	return out, nil
}

func (x second) refuse(what string) error {
	return fmt.Errorf("%s in a visit that is %s: %w", what, x.blocked(), mimamori.ErrDenied)
}

func (x second) binding(v centre.Visitor) factor.Binding {
	b := factor.Binding{Session: x.visit.ShopSession}
	if v.IP.IsValid() {
		b.IP = v.IP.String()
	}
	return b
}

// BeginAuthenticator begins adding an authenticator app and gives its id.
func (d *Desk) BeginAuthenticator(ctx context.Context, v centre.Visitor) (string, error) {
	x, err := d.second(ctx, v)
	if err != nil {
		return "", err
	}
	if x.blocked() != centre.NoBarrier {
		return "", x.refuse("add an authenticator")
	}
	e, err := d.opt.Factors.EnrolTOTP(ctx, x.visit.Account, x.binding(v), "", d.opt.House.Shop.In(v.Lang), x.visit.Subject)
	return e.ID, err
}

// Authenticator is one on its way: its secret and its QR code.
func (d *Desk) Authenticator(ctx context.Context, v centre.Visitor, id string) (centre.Authenticator, error) {
	x, err := d.second(ctx, v)
	if err != nil {
		return centre.Authenticator{}, err
	}
	if x.blocked() != centre.NoBarrier {
		return centre.Authenticator{}, x.refuse("see an authenticator's secret")
	}
	e, err := d.opt.Factors.Enrolling(ctx, x.visit.Account, id, d.opt.House.Shop.In(v.Lang), x.visit.Subject)
	if err != nil {
		return centre.Authenticator{}, err
	}
	return centre.Authenticator{ID: e.ID, Secret: e.Secret, URL: e.URL}, nil
}

// FinishAuthenticator takes the app's first code; ErrDenied for a wrong one.
func (d *Desk) FinishAuthenticator(ctx context.Context, v centre.Visitor, id, code, name string) error {
	x, err := d.second(ctx, v)
	if err != nil {
		return err
	}
	if x.blocked() != centre.NoBarrier {
		return x.refuse("add an authenticator")
	}
	try := factor.Try{Account: x.visit.Account, Lane: d.lane(ctx, x.visit.Account, v, x.file.start())}
	if err := d.opt.Factors.FinishTOTP(ctx, try, id, code); err != nil {
		return err
	}
	if err := d.opt.Factors.Rename(ctx, x.visit.Account, id, named(name, v)); err != nil {
		return err
	}
	return d.added(ctx, v, x, id, stepTOTP)
}

// named is what a factor is called: as the customer says, or after her device.
func named(name string, v centre.Visitor) string {
	if name = factor.CleanName(name); name != "" {
		return name
	}
	return profile.ParseAgent(v.UserAgent).String()
}

// added takes a new factor out of quarantine when something from before vouches
// for it, and tells the contacts.
func (d *Desk) added(ctx context.Context, v centre.Visitor, x second, id string, step mimamori.Text) error {
	if x.vouches() {
		if err := d.opt.Factors.Confirm(ctx, x.visit.Account, id); err != nil {
			return err
		}
	}
	d.tell(ctx, x.file, v, notice.SecondStep, step)
	return nil
}

// BindPasskey begins adding a passkey: the browser's part, as JSON.
func (d *Desk) BindPasskey(ctx context.Context, v centre.Visitor) ([]byte, error) {
	x, err := d.second(ctx, v)
	if err != nil {
		return nil, err
	}
	if x.blocked() != centre.NoBarrier {
		return nil, x.refuse("add a passkey")
	}
	return d.opt.Factors.BeginPasskey(ctx, x.visit.Account, string(x.visit.Hash), d.opt.House.Shop.In(v.Lang)+" "+x.visit.Subject)
}

// BoundPasskey takes the passkey that the browser made.
func (d *Desk) BoundPasskey(ctx context.Context, v centre.Visitor, name string, credential []byte) error {
	x, err := d.second(ctx, v)
	if err != nil {
		return err
	}
	if x.blocked() != centre.NoBarrier {
		return x.refuse("add a passkey")
	}
	f, err := d.opt.Factors.FinishPasskey(ctx, x.visit.Account, string(x.visit.Hash), named(name, v), x.binding(v), credential)
	if err != nil {
		return err
	}
	return d.added(ctx, v, x, f.ID, stepPasskey)
}

// NewCodes makes a set of recovery codes, to be shown this once; the one before
// is worth nothing from now on. A set that proves is not replaced by one in
// quarantine.
func (d *Desk) NewCodes(ctx context.Context, v centre.Visitor) ([]string, error) {
	x, err := d.second(ctx, v)
	if err != nil {
		return nil, err
	}
	replaces := slices.ContainsFunc(x.trusted, func(f factor.Factor) bool { return f.Kind == factor.Recovery })
	if x.blocked() != centre.NoBarrier || replaces && !x.mayRemove() {
		return nil, x.refuse("make recovery codes")
	}
	codes, err := d.opt.Factors.NewRecoveryCodes(ctx, x.visit.Account, x.binding(v), x.vouches())
	if err == nil {
		d.tell(ctx, x.file, v, notice.SecondStep, stepCodes)
	}
	return codes, err
}

// RemoveFactor takes a factor away.
func (d *Desk) RemoveFactor(ctx context.Context, v centre.Visitor, id string) error {
	x, err := d.second(ctx, v)
	if err != nil {
		return err
	}
	quarantined := slices.ContainsFunc(x.held, func(f factor.Factor) bool { return f.ID == id && !f.Proves() })
	if !x.mayRemove() && !(quarantined && x.known()) { // one that nobody vouched for may go at once
		return x.refuse("remove a second step")
	}
	by := mimamori.Actor{Kind: mimamori.ActorCustomer, ID: x.visit.Subject}
	if err := d.opt.Factors.Remove(ctx, x.visit.Account, id, by); err != nil {
		return err
	}
	d.tell(ctx, x.file, v, notice.SecondStep, stepRemoved)
	return nil
}

// NameFactor gives a factor another name.
func (d *Desk) NameFactor(ctx context.Context, v centre.Visitor, id, name string) error {
	x, err := d.second(ctx, v)
	if err != nil {
		return err
	}
	if x.blocked() != centre.NoBarrier {
		return x.refuse("name a second step")
	}
	return d.opt.Factors.Rename(ctx, x.visit.Account, id, named(name, v))
}

// ConfirmFactor ends a quarantine.
func (d *Desk) ConfirmFactor(ctx context.Context, v centre.Visitor, id string) error {
	x, err := d.second(ctx, v)
	if err != nil {
		return err
	}
	if !x.vouches() {
		return x.refuse("confirm a second step")
	}
	if err := d.opt.Factors.Confirm(ctx, x.visit.Account, id); err != nil {
		return err
	}
	d.tell(ctx, x.file, v, notice.SecondStep, stepConfirmed)
	return nil
}

// StepUp makes a challenge of the visit's own: another look at who she is,
// before something is taken away or confirmed.
func (d *Desk) StepUp(ctx context.Context, v centre.Visitor) (string, error) {
	s, err := d.visitor(ctx, v)
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	c := access.Challenge{ID: mimamori.NewID("chl"), Account: s.Account, Subject: s.Subject, Session: s.ShopSession, Act: "factor", State: access.Open,
		ReturnURL: d.opt.Base + "/second-step", CreatedAt: now, ExpiresAt: now.Add(access.ChallengeLife), Visit: s.Hash}
	return c.ID, d.opt.Store.AddChallenge(ctx, c)
}

// SteppedUp counts a passed challenge of the visit's own, once. One that was not
// passed, or is another visit's, changes nothing.
func (d *Desk) SteppedUp(ctx context.Context, v centre.Visitor, id string) error {
	s, err := d.visitor(ctx, v)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	var by factor.Kind
	err = d.opt.Store.ChangeChallenge(ctx, s.Account, id, func(c *access.Challenge) error {
		by = "" // a transaction may be tried again
		if c.State != access.Passed || !c.CountedAt.IsZero() || len(c.Visit) == 0 || string(c.Visit) != string(s.Hash) {
			return nil
		}
		c.CountedAt, by = now, c.PassedBy
		return nil
	})
	if errors.Is(err, mimamori.ErrNotFound) || by == "" {
		return nil
	}
	if err != nil {
		return err
	}
	return d.opt.Store.ChangeSession(ctx, s.Hash, func(x *access.Session) error {
		x.Proofs = append(x.Proofs, access.VisitProof{Kind: by, At: now})
		return nil
	})
}

// followsRecovery are the proofs that a visit begins with: those of a recovery
// that this very browser finished within the last hour.
func (d *Desk) followsRecovery(ctx context.Context, account mimamori.AccountID, browser []byte, now time.Time) []access.VisitProof {
	if browser == nil {
		return nil
	}
	list, err := d.opt.Store.RecoveriesSince(ctx, account, now.Add(-recovery.Life))
	if err != nil {
		return nil
	}
	var out []access.VisitProof
	for _, r := range list {
		if r.Stopped || r.EndedAt.IsZero() || now.Sub(r.EndedAt) > time.Hour || string(r.Browser) != string(browser) || len(r.Proofs) == 0 {
			continue
		}
		for _, k := range r.Proofs {
			out = append(out, access.VisitProof{Kind: k, At: now})
		}
	}
	return out
}

// knowBrowser keeps the browser of a visit that began at a device of the
// customer's, and gives its secret; empty when it is none.
func (d *Desk) knowBrowser(ctx context.Context, v centre.Visitor, h access.Handoff, now time.Time) (string, error) {
	account, err := d.opt.Store.ReadAccount(ctx, h.Subject)
	if err != nil {
		return "", err
	}
	s, ok := account.Profile.Session(h.Session)
	if !ok || !s.Known || s.Verdict == string(journal.OfIntruder) || account.Standing.Open() {
		return "", nil
	}
	secret := v.Device
	if secret == "" {
		secret, _ = recovery.NewToken()
	}
	return secret, d.opt.Store.KnowBrowser(ctx, access.Browser{Account: h.Account, Hash: recovery.HashToken(secret), Session: h.Session, Since: now, LastAt: now})
}

var (
	stepTOTP      = mimamori.Text{JA: "認証アプリが加えられました", EN: "An authenticator app was added"}
	stepPasskey   = mimamori.Text{JA: "パスキーが加えられました", EN: "A passkey was added"}
	stepCodes     = mimamori.Text{JA: "リカバリーコードが新しく作られました。前のものは使えません", EN: "New recovery codes were made; the ones before no longer work"}
	stepRemoved   = mimamori.Text{JA: "ご本人の確認方法が一つ、外されました", EN: "A second step was removed"}
	stepConfirmed = mimamori.Text{JA: "加えられていたご本人の確認方法が、確かめられて使えるようになりました", EN: "A second step that had been added was confirmed and now counts"}
)
