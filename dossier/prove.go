package dossier

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// lane is where a visitor's wrong tries are counted: a browser that came from a
// device of the customer's, before the intrusion, has its own.
func (d *Desk) lane(ctx context.Context, account mimamori.AccountID, v centre.Visitor, start time.Time) string {
	if v.Device == "" {
		return ""
	}
	hash := recovery.HashToken(v.Device)
	b, err := d.opt.Store.BrowserOf(ctx, account, hash)
	if err != nil || !start.IsZero() && !b.Since.Before(start) {
		return ""
	}
	return "known " + hex.EncodeToString(hash[:8])
}

// SendCode mails a code to every address from before: none of them is named,
// so that nothing is told, and she need not remember which one it was. Nobody
// gets none, and the page says the same.
func (d *Desk) SendCode(ctx context.Context, v centre.Visitor, token, _ string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	view := d.recoveryView(ctx, facts, f)
	if !slices.Contains(view.Methods, centre.ByMail) {
		view.Problem = centre.WrongOrder
		return view, nil
	}
	if facts.Record.Sent >= recovery.MaxSent || !d.opt.Sends.Take(v.IP, f.now) {
		view.Problem = centre.TooMany
		return view, nil
	}
	err = d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		r.CodeAt, r.Sent = f.now.UTC(), r.Sent+1
		return nil
	})
	if err != nil {
		return view, err
	}
	code, _, err := d.opt.Factors.IssueMailed(ctx, codeRequest(facts), d.lane(ctx, facts.Record.Account, v, f.start()))
	if err != nil && !errors.Is(err, mimamori.ErrDenied) {
		return view, err
	}
	if err == nil { // over the account's bound nothing is sent, and the page says the same: it would tell an account from none
		for _, c := range facts.Proofs() {
			d.mailCode(v, facts.Record.Account, facts.Record.Locale, c.Value, code)
		}
	}
	return d.Recovery(ctx, v, token)
}

func codeRequest(facts recovery.Facts) factor.Request {
	req := factor.Request{Account: facts.Record.Account, Purpose: factor.ForRecovery, Ref: facts.Record.ID}
	if facts.Incident != nil {
		req.Incident = facts.Incident.ID
	}
	return req
}

// EnterCode takes a proof that is typed.
func (d *Desk) EnterCode(ctx context.Context, v centre.Visitor, token string, by centre.Method, code string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	view := d.recoveryView(ctx, facts, f)
	if !slices.Contains(view.Methods, by) || by == centre.ByMail && facts.Record.CodeAt.IsZero() {
		view.Problem = centre.WrongOrder
		return view, nil
	}
	proof, err := d.typed(ctx, facts, d.lane(ctx, facts.Record.Account, v, f.start()), by, code)
	return d.judged(ctx, v, token, facts, f, proof, err)
}

// typed looks at what was typed.
func (d *Desk) typed(ctx context.Context, facts recovery.Facts, lane string, by centre.Method, code string) (p factor.Proof, err error) {
	try := factor.Try{Account: facts.Record.Account, Lane: lane}
	switch by {
	case centre.ByMail:
		return d.opt.Factors.RedeemMailed(ctx, codeRequest(facts), code)
	case centre.ByAuthenticator:
		p, err = d.opt.Factors.CheckTOTP(ctx, try, code)
	case centre.ByRecoveryCode:
		p, _, err = d.opt.Factors.UseRecoveryCode(ctx, try, code)
	default:
		return p, fmt.Errorf("prove by %s: %w", by, mimamori.ErrInvalid)
	}
	if err == nil {
		err = fromBefore(facts.Factors, p)
	}
	return p, err
}

// fromBefore refuses a proof by a factor that was bound too late, or by him.
func fromBefore(trusted []factor.Factor, p factor.Proof) error {
	if slices.ContainsFunc(trusted, func(f factor.Factor) bool { return f.ID == p.Factor }) {
		return nil
	}
	return fmt.Errorf("prove by %s: bound too late: %w", p.Kind, mimamori.ErrDenied)
}

// judged notes a proof, or that it was none, and gives the page that follows.
func (d *Desk) judged(ctx context.Context, v centre.Visitor, token string, facts recovery.Facts, f *file, proof factor.Proof, err error) (centre.Recovery, error) {
	refused := errors.Is(err, mimamori.ErrDenied) || errors.Is(err, mimamori.ErrNotFound) || errors.Is(err, mimamori.ErrInvalid)
	if err != nil && !refused {
		return centre.Recovery{}, err
	}
	var after recovery.Record
	changed := d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		defer func() { after = *r }()
		if refused {
			r.Wrong++
			return nil
		}
		if !slices.Contains(r.Proofs, proof.Kind) {
			r.Proofs = append(r.Proofs, proof.Kind)
		}
		if r.ProvenAt.IsZero() {
			r.ProvenAt = proof.At.UTC()
		}
		return nil
	})
	if changed != nil {
		return centre.Recovery{}, changed
	}
	switch {
	case refused && after.Wrong == factor.MaxTries:
		d.tell(ctx, f, v, notice.RecoveryStep, stepFailed)
	case !refused:
		d.tell(ctx, f, v, notice.RecoveryStep, stepProved)
	}
	view, viewErr := d.Recovery(ctx, v, token)
	if refused {
		view.Problem = centre.WrongCode
		var throttled *factor.ThrottledError
		if errors.As(err, &throttled) {
			view.Problem, view.RetryAt = centre.TooMany, throttled.Until
		}
	}
	return view, viewErr
}

// tell confirms a step by mail to the contacts from before (mission T5,
// standards A18). For nobody's account the same is written down, and nobody is
// told.
func (d *Desk) tell(ctx context.Context, f *file, v centre.Visitor, kind notice.Kind, step mimamori.Text) {
	say := notice.Tell{Kind: kind, Lang: f.lang(), Step: step, At: time.Now().UTC()}
	if kind == notice.SecondStep && v.IP.IsValid() {
		say.Place = d.opt.Geo.Lookup(v.IP).Describe()
	}
	d.put(ctx, f, say)
}

// put has a notice outside the playbooks' course written and mailed, durably.
func (d *Desk) put(ctx context.Context, f *file, say notice.Tell) {
	run := playbook.Run{Account: f.account.ID, Subject: f.account.Subject, Playbook: "tell", Version: 1}
	if f.current != nil && f.current.Open() && f.current.State != incident.Suspected {
		run.Incident = f.current.ID
	}
	run, steps := playbook.Plan(run, []playbook.Named{playbook.With(notice.TellStep, say)}, time.Now().UTC())
	if err := d.opt.Store.PutRunNow(ctx, run, steps); err != nil {
		d.log.Error("tell a step", "err", err)
		return
	}
	d.opt.Wake()
}

// Stop ends a recovery that somebody else began: a customer at a device of
// hers may, nobody else.
func (d *Desk) Stop(ctx context.Context, v centre.Visitor, veto string) (centre.Effect, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return "", err
	}
	if !f.mayLower(s.ShopSession) {
		return "", fmt.Errorf("stop recovery: %w", mimamori.ErrDenied)
	}
	first := false
	err = d.opt.Store.ChangeRecovery(ctx, veto, s.Account, func(r *recovery.Record) error {
		if first = r.EndedAt.IsZero(); first {
			r.EndedAt, r.Stopped = time.Now().UTC(), true
		}
		return nil
	})
	if err == nil && first {
		d.tell(ctx, f, v, notice.RecoveryStep, stepStopped)
	}
	return centre.EffectStopped, err
}

var (
	stepProved  = mimamori.Text{JA: "ご本人の確認が済みました", EN: "You were confirmed to be yourself"}
	stepFailed  = mimamori.Text{JA: "確認コードなどの入力が、続けて正しくありませんでした", EN: "Codes were entered wrongly several times"}
	stepStopped = mimamori.Text{JA: "始められていたパスワードの再設定を、お客様のお申し出で中止しました", EN: "At your word the setting of a new password, which somebody had begun, was stopped"}
)
