package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/mail"
	"mimamori/notice"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// RecoveryAsk is what the shop says when a customer wants back in.
type RecoveryAsk struct {
	Subject   string // empty: nobody named
	Lang      mimamori.Lang
	ReturnURL string
	Source    string
}

// BeginRecovery makes a recovery and gives its address. It is the same work
// for anybody and nobody, and changes nothing on the account.
func (d *Desk) BeginRecovery(ctx context.Context, ask RecoveryAsk) (string, error) {
	now := time.Now().UTC()
	token, hash := recovery.NewToken()
	r := recovery.Record{ID: mimamori.NewID("rec"), TokenHash: hash, Account: mimamori.NewAccountID(ask.Subject), Subject: ask.Subject,
		Locale: ask.Lang, ReturnURL: ask.ReturnURL, Source: ask.Source, CreatedAt: now, ExpiresAt: now.Add(recovery.Life)}
	if err := d.opt.Store.AddRecovery(ctx, r); err != nil {
		return "", fmt.Errorf("begin recovery: %w", err)
	}
	return d.opt.Base + "/recover/" + token, nil
}

// facts gathers what a recovery's phase follows from.
func (d *Desk) recoveryFacts(ctx context.Context, v centre.Visitor, token string) (recovery.Facts, *file, error) {
	r, err := d.opt.Store.RecoveryByToken(ctx, recovery.HashToken(token))
	if err != nil {
		return recovery.Facts{}, nil, err
	}
	if err := recovery.Own(ctx, d.opt.Store, r, v.Browser); err != nil {
		return recovery.Facts{}, nil, err
	}
	f, err := d.open(ctx, r.Subject)
	if err != nil {
		return recovery.Facts{}, nil, err
	}
	facts := recovery.Facts{Record: r, Now: f.now, Contacts: f.journal.Contacts(f.start()), Factors: d.trusted(ctx, f)}
	if f.current != nil && f.current.Open() {
		facts.Incident = f.current
	}
	return facts, f, nil
}

// trusted are the factors that prove the customer in her present incident.
func (d *Desk) trusted(ctx context.Context, f *file) []factor.Factor {
	if d.opt.Factors == nil {
		return nil
	}
	list, err := d.opt.Factors.List(ctx, f.account.ID)
	if err != nil {
		return nil // a proof that cannot be read is no proof
	}
	return recovery.Trusted(list, f.current)
}

// StrongProof says whether a factor from before may skip an incident's wait.
func (d *Desk) StrongProof(ctx context.Context, i *incident.Incident) bool {
	if d.opt.Factors == nil {
		return false
	}
	list, err := d.opt.Factors.List(ctx, i.Account)
	return err == nil && len(recovery.Trusted(list, i)) > 0
}

// Recovery shows where a recovery stands.
func (d *Desk) Recovery(ctx context.Context, v centre.Visitor, token string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	return d.recoveryView(ctx, facts, f), nil
}

func (d *Desk) recoveryView(ctx context.Context, facts recovery.Facts, f *file) centre.Recovery {
	phase := recovery.PhaseOf(facts)
	out := centre.Recovery{Proof: centre.Proof{State: centre.ProofState(phase), Need: 1, Have: len(facts.Record.Proofs)}}
	if facts.Incident != nil && !facts.Incident.DecidedAt.IsZero() {
		out.Wait, out.Steps = d.wait(ctx, f), f.stepList()
		out.Call = facts.Incident.StrongFactor() && !facts.Strong()
		if phase == recovery.Proven {
			proven(out.Steps)
		}
	}
	strongOnly := facts.Incident != nil && (facts.Incident.StrongFactor() || out.Wait != nil)
	if facts.Strong() {
		out.Methods = append(out.Methods, centre.ByAuthenticator)
	}
	if !strongOnly && phase != recovery.Waiting {
		out.Methods = append(out.Methods, centre.ByMail)
		out.Reaches = reaches(facts)
	}
	if phase == recovery.Code {
		out.SentTo = masked(reachValue(facts, facts.Record.Reach))
		out.CodeExpires = facts.Record.CodeAt.Add(factor.ForRecovery.Life())
	}
	return out
}

// proven moves the list on: who she is has been shown, the password is next.
func proven(steps []centre.Step) {
	for k := range steps {
		switch steps[k].Kind {
		case centre.StepProve:
			steps[k].State = centre.StepDone
		case centre.StepPassword:
			steps[k].State = centre.StepNow
		}
	}
}

// reaches are the contacts a code may go to. An account that does not exist
// gets a stand-in, so that the page tells nothing (standards A01).
func reaches(f recovery.Facts) []centre.Reach {
	var out []centre.Reach
	for _, c := range f.Proofs() {
		out = append(out, centre.Reach{ID: c.ID, Kind: c.Kind, Masked: masked(c.Value)})
	}
	if len(out) == 0 && f.Incident == nil {
		out = []centre.Reach{{ID: "mail", Kind: "mail", Masked: standIn(f.Record.Subject)}}
	}
	return out
}

func masked(addr string) string {
	if a, err := mail.ParseAddress(addr); err == nil {
		return a.Masked()
	}
	return standIn(addr)
}

// standIn looks like somebody's masked address, the same for the same name.
func standIn(name string) string {
	h := recovery.HashToken("stand-in " + name)
	domain := []string{"gmail.com", "yahoo.co.jp", "docomo.ne.jp", "icloud.com", "outlook.jp"}[int(h[1])%5]
	return string(rune('a'+h[0]%26)) + "•••@" + domain
}

func reachValue(f recovery.Facts, id string) string {
	for _, c := range f.Contacts {
		if c.ID == id && c.Kind == "mail" {
			return c.Value
		}
	}
	return f.Record.Subject
}

// Identify takes a user id. The answer is the same for nobody's.
func (d *Desk) Identify(ctx context.Context, v centre.Visitor, token, name string) (centre.Recovery, error) {
	facts, _, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 200 {
		out := centre.Recovery{Proof: centre.Proof{State: centre.Identify, Problem: centre.EmptyField}}
		return out, nil
	}
	err = d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		if r.Subject == "" {
			r.Subject = name
		}
		return nil
	})
	if err != nil {
		return centre.Recovery{}, err
	}
	return d.Recovery(ctx, v, token)
}

// RemindID would mail the user id; only the shop knows ids by address, so the
// answer is the same always and the shop's own page does it.
func (d *Desk) RemindID(context.Context, centre.Visitor, string, string) error { return nil }

// SendCode mails a code to a contact from before the intrusion.
func (d *Desk) SendCode(ctx context.Context, v centre.Visitor, token, reach string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	view := d.recoveryView(ctx, facts, f)
	if !slices.Contains(view.Methods, centre.ByMail) || facts.Record.Subject == "" || !facts.Record.EndedAt.IsZero() {
		view.Problem = centre.WrongOrder
		return view, nil
	}
	to := ""
	for _, c := range facts.Proofs() {
		if c.ID == reach {
			to = c.Value
		}
	}
	if to != "" {
		req := factor.Request{Account: facts.Record.Account, Purpose: factor.ForRecovery, Ref: facts.Record.ID}
		if facts.Incident != nil {
			req.Incident = facts.Incident.ID
		}
		code, _, err := d.opt.Factors.IssueMailed(ctx, req)
		if errors.Is(err, mimamori.ErrDenied) {
			view.Problem = centre.TooMany
			return view, nil
		}
		if err != nil {
			return view, err
		}
		d.mailCode(v, facts.Record.Account, facts.Record.Locale, to, code)
	}
	err = d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		r.Reach, r.CodeAt = reach, time.Now().UTC()
		return nil
	})
	if err != nil {
		return view, err
	}
	return d.Recovery(ctx, v, token)
}

// mailCode sends a code beside the request, so that the answer takes as long
// for nobody as for somebody.
//
// What is kept of it, so that its number is found by whoever doubts the mail,
// shows no code.
func (d *Desk) mailCode(v centre.Visitor, account mimamori.AccountID, lang mimamori.Lang, to, code string) {
	d.mails.Add(1)
	go func() {
		defer d.mails.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		facts := notice.Facts{Shop: d.opt.House.Shop, Centre: d.opt.House.Centre, CentreDomain: d.opt.House.CentreDomain, NoticeDomain: d.opt.House.NoticeDomain,
			Code: "••••••"}
		if v.IP.IsValid() {
			facts.Place = d.opt.Geo.Lookup(v.IP).Describe()
		}
		if err := d.sendMailed(ctx, account, lang, facts, to, code); err != nil {
			d.log.Warn("mail a code", "err", err) // the customer asks again
		}
	}()
}

func (d *Desk) sendMailed(ctx context.Context, account mimamori.AccountID, lang mimamori.Lang, facts notice.Facts, to, code string) error {
	now := time.Now().UTC()
	kept, err := notice.New(notice.Code, lang, facts, to, now)
	if err != nil {
		return err
	}
	kept.AccountID, kept.State, kept.SentAt, kept.ReadAt = account, notice.Sent, now, now
	if err := d.opt.Store.AddNotice(ctx, kept); err != nil {
		return err
	}
	facts.Code, facts.Reference, facts.WrittenAt = code, kept.Reference, now
	return notice.MailCode(ctx, d.opt.Post, lang, facts, to)
}

// EnterCode takes the proof. A mailed code proves after the wait; an
// authenticator from before the intrusion proves at once (mission C4).
func (d *Desk) EnterCode(ctx context.Context, v centre.Visitor, token string, by centre.Method, code string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	view := d.recoveryView(ctx, facts, f)
	if !slices.Contains(view.Methods, by) || !facts.Record.EndedAt.IsZero() || facts.Record.Subject == "" {
		view.Problem = centre.WrongOrder
		return view, nil
	}
	proof, err := d.prove(ctx, facts, by, code)
	if errors.Is(err, mimamori.ErrDenied) || errors.Is(err, mimamori.ErrNotFound) || errors.Is(err, mimamori.ErrInvalid) {
		view.Problem = centre.WrongCode
		return view, nil
	}
	if err != nil {
		return view, err
	}
	err = d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		r.Proofs = append(r.Proofs, proof.Kind)
		if r.ProvenAt.IsZero() {
			r.ProvenAt = proof.At.UTC()
		}
		return nil
	})
	if err != nil {
		return view, err
	}
	d.tellStep(ctx, f, stepProved)
	return d.Recovery(ctx, v, token)
}

func (d *Desk) prove(ctx context.Context, facts recovery.Facts, by centre.Method, code string) (factor.Proof, error) {
	if by == centre.ByAuthenticator {
		p, err := d.opt.Factors.CheckTOTP(ctx, facts.Record.Account, code)
		if err != nil {
			return p, err
		}
		for _, f := range facts.Factors {
			if f.ID == p.Factor {
				return p, nil
			}
		}
		return p, fmt.Errorf("prove by authenticator: bound too late: %w", mimamori.ErrDenied)
	}
	req := factor.Request{Account: facts.Record.Account, Purpose: factor.ForRecovery, Ref: facts.Record.ID}
	if facts.Incident != nil {
		req.Incident = facts.Incident.ID
	}
	return d.opt.Factors.RedeemMailed(ctx, req, code)
}

// Grant makes the permission to set a new password; only a proven recovery
// gets one.
func (d *Desk) Grant(ctx context.Context, v centre.Visitor, token string) (centre.Grant, error) {
	facts, _, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Grant{}, err
	}
	if recovery.PhaseOf(facts) != recovery.Proven {
		return centre.Grant{}, fmt.Errorf("make grant: %w", mimamori.ErrDenied)
	}
	r := facts.Record
	if facts.Incident != nil {
		r.Incident = facts.Incident.ID
	}
	g, err := recovery.MakeGrant(ctx, d.opt.Store, d.opt.Signer(), d.opt.Issuer, r, time.Now().UTC())
	if err != nil {
		return centre.Grant{}, err
	}
	return centre.Grant{Action: r.ReturnURL, Token: g.Token, Expires: g.ExpiresAt}, nil
}

// Redeem uses up a grant, exactly once, and ends its recovery.
func (d *Desk) Redeem(ctx context.Context, jti, source string) error {
	now := time.Now().UTC()
	g, err := d.opt.Store.RedeemGrant(ctx, jti, source, now)
	if err != nil {
		return err
	}
	// With the new password every other way that was begun is over, whoever
	// began it.
	open, err := d.opt.Store.OpenRecoveries(ctx, g.Account, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range append(open, recovery.Record{ID: g.Recovery}) {
		errs = append(errs, d.opt.Store.ChangeRecovery(ctx, r.ID, g.Account, func(r *recovery.Record) error {
			if r.EndedAt.IsZero() {
				r.EndedAt = now
			}
			return nil
		}))
	}
	return errors.Join(errs...)
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
	err = d.opt.Store.ChangeRecovery(ctx, veto, s.Account, func(r *recovery.Record) error {
		r.EndedAt, r.Stopped = time.Now().UTC(), true
		return nil
	})
	return centre.EffectStopped, err
}

var stepProved = mimamori.Text{JA: "ご本人の確認が済みました", EN: "You were confirmed to be yourself"}
