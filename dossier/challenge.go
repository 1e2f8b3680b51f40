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
	"mimamori/playbook"
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
	return &intake.Challenge{ID: c.ID, URL: d.opt.Base + "/challenge/" + c.ID, Methods: []string{"mail_code", "totp"}, ExpiresAt: c.ExpiresAt}, nil
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

func (d *Desk) challengeView(ctx context.Context, c access.Challenge, f *file) centre.Challenge {
	out := centre.Challenge{Act: c.Act, Proof: centre.Proof{Need: 1, Methods: []centre.Method{centre.ByMail}}}
	if len(d.trusted(ctx, f)) > 0 {
		out.Methods = append(out.Methods, centre.ByAuthenticator)
	}
	for _, k := range f.provingMails() {
		out.Reaches = append(out.Reaches, centre.Reach{ID: k.ID, Kind: k.Kind, Masked: masked(k.Value)})
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

func (f *file) provingMails() []journal.Contact {
	return slices.DeleteFunc(f.journal.Contacts(f.start()), func(c journal.Contact) bool { return c.Kind != "mail" || !c.Proves })
}

// SendChallengeCode mails a code to a contact that proves something.
func (d *Desk) SendChallengeCode(ctx context.Context, v centre.Visitor, id, reach string) (centre.Challenge, error) {
	c, f, err := d.challenge(ctx, v, id)
	if err != nil {
		return centre.Challenge{}, err
	}
	for _, k := range f.provingMails() {
		if k.ID != reach || c.At(f.now) != access.Open {
			continue
		}
		code, _, err := d.opt.Factors.IssueMailed(ctx, factor.Request{Account: c.Account, Purpose: factor.ForChallenge, Ref: c.ID})
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
	proof, err := d.proveChallenge(ctx, c, by, code)
	if err != nil {
		if !errors.Is(err, mimamori.ErrDenied) && !errors.Is(err, mimamori.ErrNotFound) && !errors.Is(err, mimamori.ErrInvalid) {
			return centre.Challenge{}, err
		}
		return d.wrongAnswer(ctx, v, c)
	}
	err = d.opt.Store.ChangeChallenge(ctx, c.Account, id, func(x *access.Challenge) error {
		if x.State != access.Open {
			return fmt.Errorf("answer challenge: %w", mimamori.ErrConflict)
		}
		x.State, x.PassedBy = access.Passed, proof.Kind
		return nil
	})
	if err != nil {
		return centre.Challenge{}, err
	}
	return d.Challenge(ctx, v, id)
}

func (d *Desk) proveChallenge(ctx context.Context, c access.Challenge, by centre.Method, code string) (factor.Proof, error) {
	if by == centre.ByAuthenticator {
		return d.opt.Factors.CheckTOTP(ctx, c.Account, code)
	}
	return d.opt.Factors.RedeemMailed(ctx, factor.Request{Account: c.Account, Purpose: factor.ForChallenge, Ref: c.ID}, code)
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

// tellStep confirms a step of recovery by mail to the contacts from before.
func (d *Desk) tellStep(ctx context.Context, f *file, step mimamori.Text) {
	if f.current == nil {
		return
	}
	run := playbook.Run{Account: f.account.ID, Subject: f.account.Subject, Incident: f.current.ID, Playbook: "tell", Version: 1}
	run, steps := playbook.Plan(run, []playbook.Named{playbook.With("notice.recovery_step", map[string]any{"step": step})}, time.Now().UTC())
	if err := d.opt.Store.PutRunNow(ctx, run, steps); err != nil {
		d.log.Error("tell a step of recovery", "err", err)
		return
	}
	d.opt.Wake()
}
