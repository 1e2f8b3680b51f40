package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// Offer makes the challenge that a decision asks for, in its transaction.
func (d *Desk) Offer(tx intake.Tx, e event.Event, now time.Time) (*intake.Challenge, error) {
	put, ok := tx.(access.ChallengeTx)
	if !ok {
		return nil, nil
	}
	act := "login"
	if e.Kind != event.LoginAttempted {
		act = string(e.Kind)
	}
	c := access.Challenge{ID: mimamori.NewID("chl"), Account: e.Account, Subject: e.Subject, Session: e.Session, Act: act, State: access.Open,
		ReturnURL: d.opt.ChallengeReturn, CreatedAt: now, ExpiresAt: now.Add(access.ChallengeLife)}
	if l, ok := e.Payload.(*event.Login); ok {
		c.Session = l.Session
	}
	if err := put.PutChallenge(c); err != nil {
		return nil, err
	}
	return &intake.Challenge{ID: c.ID, URL: d.opt.Base + "/challenge/" + c.ID, Methods: []string{"passkey", "totp", "recovery_code", "mail_code"}, ExpiresAt: c.ExpiresAt}, nil
}

// challenge loads one for the browser that opened it first.
func (d *Desk) challenge(ctx context.Context, v centre.Visitor, id string) (access.Challenge, *file, error) {
	c, err := d.opt.Store.ChallengeByID(ctx, id)
	if err != nil {
		return c, nil, err
	}
	mine := recovery.HashToken(v.Browser)
	err = d.opt.Store.ChangeChallenge(ctx, c.Account, id, func(x *access.Challenge) error {
		if x.Browser == nil {
			x.Browser = mine
		}
		if v.Browser == "" || string(x.Browser) != string(mine) {
			return fmt.Errorf("open challenge: %w", mimamori.ErrDenied)
		}
		return nil
	})
	if err != nil {
		return c, nil, err
	}
	f, err := d.open(ctx, c.Subject)
	return c, f, err
}

// Challenge shows where a challenge stands.
func (d *Desk) Challenge(ctx context.Context, v centre.Visitor, id string) (centre.Challenge, error) {
	c, f, err := d.challenge(ctx, v, id)
	if err != nil {
		return centre.Challenge{}, err
	}
	return d.challengeView(ctx, c, f), nil
}

// challengeView offers what the account has. A mailed code is for accounts that
// have no second step: else whoever reads the mailbox would be past it.
func (d *Desk) challengeView(ctx context.Context, c access.Challenge, f *file) centre.Challenge {
	out := centre.Challenge{Act: c.Act, Own: c.Visit != nil, Proof: centre.Proof{Need: 1, Methods: d.challengeMethods(ctx, f)}}
	if slices.Contains(out.Methods, centre.ByMail) {
		for _, k := range f.provingMails() {
			out.Reaches = append(out.Reaches, centre.Reach{ID: k.ID, Kind: k.Kind, Masked: masked(k.Value)})
		}
	}
	switch c.At(f.now) {
	case access.Passed:
		out.State, out.Have = centre.Proven, 1
	case access.Failed:
		out.State = centre.Failed
	case access.Expired:
		out.State = centre.Expired
	default:
		out.State = centre.Choose
		if !c.CodeAt.IsZero() {
			out.State, out.CodeExpires = centre.Code, c.CodeAt.Add(factor.ForChallenge.Life())
			out.TriesLeft = max(0, factor.MaxTries-c.Wrong)
			for _, k := range f.provingMails() {
				if k.ID == c.Reach {
					out.SentTo = masked(k.Value)
				}
			}
		}
	}
	if c.ReturnURL != "" {
		sep := "?"
		if strings.Contains(c.ReturnURL, "?") {
			sep = "&"
		}
		out.ReturnURL = c.ReturnURL + sep + "challenge=" + c.ID
	}
	return out
}

func (d *Desk) challengeMethods(ctx context.Context, f *file) []centre.Method {
	trusted := d.trusted(ctx, f)
	if len(trusted) == 0 {
		return []centre.Method{centre.ByMail}
	}
	var out []centre.Method
	for _, k := range []factor.Kind{factor.Passkey, factor.TOTP, factor.Recovery} {
		if slices.ContainsFunc(trusted, func(x factor.Factor) bool { return x.Kind == k }) {
			out = append(out, pageMethods[k])
		}
	}
	return out
}

func (f *file) provingMails() []journal.Contact {
	return slices.DeleteFunc(f.journal.Contacts(f.start()), func(c journal.Contact) bool { return c.Kind != "mail" || !c.Proves })
}

// SendChallengeCode mails a code to a contact that proves something.
func (d *Desk) SendChallengeCode(ctx context.Context, v centre.Visitor, id, reach string) (centre.Challenge, error) {
	c, f, err := d.challenge(ctx, v, id)
	if err != nil {
		return centre.Challenge{}, err
	}
	if !slices.Contains(d.challengeMethods(ctx, f), centre.ByMail) || c.At(f.now) != access.Open {
		view := d.challengeView(ctx, c, f)
		view.Problem = centre.WrongOrder
		return view, nil
	}
	for _, k := range f.provingMails() {
		if k.ID != reach {
			continue
		}
		code, _, err := d.opt.Factors.IssueMailed(ctx, factor.Request{Account: c.Account, Purpose: factor.ForChallenge, Ref: c.ID}, f.challengeLane(c))
		if errors.Is(err, mimamori.ErrDenied) {
			view := d.challengeView(ctx, c, f)
			view.Problem = centre.TooMany
			return view, nil
		}
		if err != nil {
			return centre.Challenge{}, err
		}
		d.mailCode(v, c.Account, f.lang(), k.Value, code)
		err = d.opt.Store.ChangeChallenge(ctx, c.Account, id, func(x *access.Challenge) error {
			x.Reach, x.CodeAt = reach, time.Now().UTC()
			return nil
		})
		if err != nil {
			return centre.Challenge{}, err
		}
	}
	return d.Challenge(ctx, v, id)
}

func (f *file) lang() mimamori.Lang {
	if l := f.account.Profile.Locale; l != "" {
		return l
	}
	return mimamori.Japanese
}

// AnswerChallenge takes the proof. A passed challenge makes the session's
// device the customer's.
func (d *Desk) AnswerChallenge(ctx context.Context, v centre.Visitor, id string, by centre.Method, code string) (centre.Challenge, error) {
	c, f, err := d.challenge(ctx, v, id)
	if err != nil || c.At(f.now) != access.Open {
		if err == nil {
			return d.challengeView(ctx, c, f), nil
		}
		return centre.Challenge{}, err
	}
	if !slices.Contains(d.challengeMethods(ctx, f), by) {
		view := d.challengeView(ctx, c, f)
		view.Problem = centre.WrongOrder
		return view, nil
	}
	proof, err := d.proveChallenge(ctx, c, f, by, code)
	if err != nil {
		var throttled *factor.ThrottledError
		if errors.As(err, &throttled) {
			view := d.challengeView(ctx, c, f)
			view.Problem, view.RetryAt = centre.TooMany, throttled.Until
			return view, nil
		}
		if !errors.Is(err, mimamori.ErrDenied) && !errors.Is(err, mimamori.ErrNotFound) && !errors.Is(err, mimamori.ErrInvalid) {
			return centre.Challenge{}, err
		}
		return d.wrongAnswer(ctx, v, c)
	}
	if err := d.pass(ctx, c, proof); err != nil {
		return centre.Challenge{}, err
	}
	return d.Challenge(ctx, v, id)
}

// pass notes the proof: of many that come at once, one passes the challenge.
func (d *Desk) pass(ctx context.Context, c access.Challenge, proof factor.Proof) error {
	return d.opt.Store.ChangeChallenge(ctx, c.Account, c.ID, func(x *access.Challenge) error {
		if x.State != access.Open {
			return fmt.Errorf("answer challenge: %w", mimamori.ErrConflict)
		}
		x.State, x.PassedBy = access.Passed, proof.Kind
		return nil
	})
}

// challengeLane counts the tries of a session on a device of the customer's
// apart from everybody else's (standards A08).
func (f *file) challengeLane(c access.Challenge) string {
	if s, ok := f.account.Profile.Session(c.Session); ok && f.mayLower(c.Session) {
		return "device " + s.Device
	}
	return ""
}

func (d *Desk) proveChallenge(ctx context.Context, c access.Challenge, f *file, by centre.Method, code string) (p factor.Proof, err error) {
	try := factor.Try{Account: c.Account, Lane: f.challengeLane(c)}
	switch by {
	case centre.ByMail:
		return d.opt.Factors.RedeemMailed(ctx, factor.Request{Account: c.Account, Purpose: factor.ForChallenge, Ref: c.ID}, code)
	case centre.ByAuthenticator:
		p, err = d.opt.Factors.CheckTOTP(ctx, try, code)
	case centre.ByRecoveryCode:
		p, _, err = d.opt.Factors.UseRecoveryCode(ctx, try, code)
	default:
		return p, fmt.Errorf("answer by %s: %w", by, mimamori.ErrInvalid)
	}
	if err == nil {
		err = fromBefore(d.trusted(ctx, f), p)
	}
	return p, err
}

func (d *Desk) wrongAnswer(ctx context.Context, v centre.Visitor, c access.Challenge) (centre.Challenge, error) {
	err := d.opt.Store.ChangeChallenge(ctx, c.Account, c.ID, func(x *access.Challenge) error {
		x.Wrong++
		if x.Wrong >= factor.MaxTries {
			x.State = access.Failed
		}
		return nil
	})
	if err != nil {
		return centre.Challenge{}, err
	}
	out, err := d.Challenge(ctx, v, c.ID)
	out.Problem = centre.WrongCode
	return out, err
}

// ChallengeState answers the shop. A pass counts once, for its session; the
// return URL is told by the shop when it first asks.
func (d *Desk) ChallengeState(ctx context.Context, id string) (access.Challenge, error) {
	c, err := d.opt.Store.ChallengeByID(ctx, id)
	if err == nil && c.Visit != nil {
		err = fmt.Errorf("challenge %s is the centre's own: %w", id, mimamori.ErrNotFound)
	}
	if err != nil {
		return c, err
	}
	now := time.Now().UTC()
	c.State = c.At(now)
	if c.State != access.Passed {
		return c, nil
	}
	first := false
	err = d.opt.Store.ChangeChallenge(ctx, c.Account, id, func(x *access.Challenge) error {
		first = x.CountedAt.IsZero()
		if first {
			x.CountedAt = now
		}
		return nil
	})
	if err != nil || !first {
		c.State = access.Expired // counted before
		return c, err
	}
	return c, d.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(c.Account, c.Subject)
		if err != nil {
			return err
		}
		a.Profile.Trust(c.Session)
		return tx.PutAccount(a)
	})
}
