package dossier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/mail"
	"mimamori/recovery"
	"mimamori/undo"
	"mimamori/web/centre"
)

// RecoveryAsk is what the shop says when a customer wants back in.
type RecoveryAsk struct {
	Subject   string // empty: nobody's
	Ask       bool   // the page asks who it is, for the shop did not; with an empty subject only
	Lang      mimamori.Lang
	ReturnURL string
	Source    string
}

// BeginRecovery makes a recovery and gives its address. It is the same work
// for anybody and nobody (standards A01, A02), and changes nothing on the
// account (G05).
func (d *Desk) BeginRecovery(ctx context.Context, ask RecoveryAsk) (string, error) {
	now := time.Now().UTC()
	token, hash := recovery.NewToken()
	r := recovery.Record{ID: mimamori.NewID("rec"), TokenHash: hash, Subject: ask.Subject, Ask: ask.Ask,
		Locale: ask.Lang, ReturnURL: ask.ReturnURL, Source: ask.Source, CreatedAt: now, ExpiresAt: now.Add(recovery.Life)}
	r.Account = mimamori.NewAccountID(whose(r))
	if err := d.opt.Store.AddRecovery(ctx, r); err != nil {
		return "", fmt.Errorf("begin recovery: %w", err)
	}
	return d.opt.Base + "/recover/" + token, nil
}

// whose is the subject whose account a recovery is worked on: nobody's has one
// of its own, so that the same work is done for it.
func whose(r recovery.Record) string {
	if r.Subject == "" {
		return "nobody " + r.ID
	}
	return r.Subject
}

// recoveryFacts gathers what a recovery's phase follows from. What it reads
// does not depend on what is found, until an incident is: then the page says so
// (mission R1), and the steps are read too.
func (d *Desk) recoveryFacts(ctx context.Context, v centre.Visitor, token string) (recovery.Facts, *file, error) {
	st := d.opt.Store
	r, err := st.RecoveryByToken(ctx, recovery.HashToken(token))
	if err != nil {
		return recovery.Facts{}, nil, err
	}
	if err := recovery.Own(ctx, st, r, v.Browser); err != nil {
		return recovery.Facts{}, nil, err
	}
	f := &file{now: time.Now()}
	if f.account, err = st.ReadAccount(ctx, whose(r)); err != nil {
		return recovery.Facts{}, nil, err
	}
	plan, j, err := undo.PlanOf(ctx, st, f.account.ID) // never from memory: it would answer sooner for some
	if err != nil {
		return recovery.Facts{}, nil, err
	}
	f.past, f.plan = pastOf(j, plan), plan
	if f.incidents, err = st.Incidents(ctx, f.account.ID); err != nil {
		return recovery.Facts{}, nil, err
	}
	facts := recovery.Facts{Record: r, Now: f.now}
	if len(f.incidents) > 0 && f.incidents[0].Open() {
		f.current = &f.incidents[0]
		facts.Incident = f.current
		if f.steps, err = st.Steps(ctx, f.account.ID, f.current.ID); err != nil {
			return recovery.Facts{}, nil, err
		}
	}
	facts.Factors = d.trusted(ctx, f)
	facts.Contacts, facts.MailInDoubt = mailboxes(f)
	return facts, f, nil
}

// mailboxes are the contacts of a recovery: those from before the intrusion;
// without one, those of now and those that stood 30 days ago, for somebody may
// have changed them unnoticed (standards A14, A15). A mailbox that was put in
// within 30 days is in doubt, and so is every one when the intruder came back.
func mailboxes(f *file) (out []journal.Contact, doubt bool) {
	out = f.journal.Contacts(f.start())
	if f.start().IsZero() {
		for _, c := range f.journal.Contacts(f.now.Add(-journal.Seasoned)) {
			if c.Kind == "mail" && c.Replaced && c.Proves {
				out = append(out, c)
			}
		}
	}
	for _, c := range out {
		fresh := !c.Verified.IsZero() && !c.Proves || c.Replaced && f.start().IsZero()
		doubt = doubt || c.Kind == "mail" && fresh
	}
	return out, doubt || f.current != nil && (f.current.StrongFactor() || mailboxWarned(f.current))
}

// mailboxWarned says that the mailbox's own provider holds it to be taken over:
// codes sent there prove nothing alone (standards A14).
func mailboxWarned(i *incident.Incident) bool {
	return i.Open() && slices.ContainsFunc(i.Evidence, func(e incident.Evidence) bool { return e.Signal.Name == assess.MailboxWarned })
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
	i := f.current
	if i != nil && !i.Open() {
		i = nil
	}
	return recovery.Trusted(list, i)
}

// strong are those of the trusted that open a reset before the wait is over.
func (d *Desk) strong(ctx context.Context, f *file) []factor.Factor {
	return slices.DeleteFunc(d.trusted(ctx, f), func(x factor.Factor) bool { return !x.Kind.Strong() })
}

// StrongProof says whether a factor from before may skip an incident's wait.
func (d *Desk) StrongProof(ctx context.Context, i *incident.Incident) bool {
	if d.opt.Factors == nil {
		return false
	}
	list, err := d.opt.Factors.List(ctx, i.Account)
	return err == nil && slices.ContainsFunc(recovery.Trusted(list, i), func(x factor.Factor) bool { return x.Kind.Strong() })
}

// Recovery shows where a recovery stands.
func (d *Desk) Recovery(ctx context.Context, v centre.Visitor, token string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	return d.recoveryView(ctx, facts, f), nil
}

// pageMethods are the kinds of proof in the pages' words.
var pageMethods = map[factor.Kind]centre.Method{factor.MailCode: centre.ByMail, factor.TOTP: centre.ByAuthenticator,
	factor.Recovery: centre.ByRecoveryCode, factor.Passkey: centre.ByPasskey}

// recoveryView is the page. As long as nothing has been proved it says nothing
// that depends on the account, but that a wait runs: no address, not even
// masked, no list of what the account has, no count of what it takes.
func (d *Desk) recoveryView(ctx context.Context, facts recovery.Facts, f *file) centre.Recovery {
	phase := recovery.PhaseOf(facts)
	out := centre.Recovery{Proof: centre.Proof{State: centre.ProofState(phase), Need: 1, Have: recovery.Have(facts.Record.Proofs)}}
	if facts.Incident != nil && !facts.Incident.DecidedAt.IsZero() {
		out.Wait, out.Steps = d.wait(ctx, f), f.stepList()
		out.Call = facts.Incident.StrongFactor() && !facts.Strong()
		if phase == recovery.Proven {
			proven(out.Steps)
		}
	}
	if out.Have > 0 {
		out.Need = facts.Need()
	}
	for _, k := range recovery.Methods(facts) {
		if k == factor.Passkey && !d.opt.Factors.Passkeys() {
			continue
		}
		out.Methods = append(out.Methods, pageMethods[k])
	}
	if slices.Contains(out.Methods, centre.ByMail) {
		out.Reaches = []centre.Reach{{ID: "mail", Kind: "mail"}}
	}
	if phase == recovery.Choose || phase == recovery.Person {
		out.CallCode = callCode(facts.Record.ID)
	}
	if phase == recovery.Code {
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

func masked(addr string) string {
	if a, err := mail.ParseAddress(addr); err == nil {
		return a.Masked()
	}
	return "•••"
}

// longestName is how long a user id may be; the contract's bound on subjects.
const longestName = 200

// Identify takes a user id where the shop did not ask for one. The answer is
// the same for nobody's.
func (d *Desk) Identify(ctx context.Context, v centre.Visitor, token, name string) (centre.Recovery, error) {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Recovery{}, err
	}
	if recovery.PhaseOf(facts) != recovery.Identify {
		view := d.recoveryView(ctx, facts, f)
		view.Problem = centre.WrongOrder
		return view, nil
	}
	name = strings.TrimSpace(name)
	if name == "" || len(name) > longestName {
		return centre.Recovery{Proof: centre.Proof{State: centre.Identify, Problem: centre.EmptyField}}, nil
	}
	err = d.opt.Store.ChangeRecovery(ctx, facts.Record.ID, facts.Record.Account, func(r *recovery.Record) error {
		if r.Subject == "" {
			r.Subject, r.Account = name, mimamori.NewAccountID(name)
		}
		return nil
	})
	if err != nil {
		return centre.Recovery{}, err
	}
	return d.Recovery(ctx, v, token)
}
