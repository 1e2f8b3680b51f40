package dossier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/response"
	"mimamori/web/centre"
)

// Report takes the customer's word on a line. "Not me" starts the same
// response as detection, from any session. "Me" counts at once only from a
// session on a device that was the customer's before; from any other it is
// noted and lowers nothing (standards G04).
func (d *Desk) Report(ctx context.Context, v centre.Visitor, line string, answer centre.Answer) (centre.Effect, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return "", err
	}
	session, at, err := f.lineSession(line)
	if err != nil {
		return "", err
	}
	switch answer {
	case centre.NotMe:
		effect := centre.EffectRaised
		if f.account.PutOut(session) {
			effect = centre.EffectSwept
		}
		return effect, d.raise(ctx, s.Subject, session, at, "customer", assess.Word("customer_said_not_me"),
			mimamori.Actor{Kind: mimamori.ActorCustomer, ID: s.Subject})
	case centre.Me:
		if !f.mayLower(s.ShopSession) || f.current != nil && f.current.Open() {
			return centre.EffectNeedsKey, d.noted(ctx, s, f, session)
		}
		return centre.EffectNoted, d.say(ctx, s, session, journal.OfCustomer, true)
	case centre.DontKnow:
		return centre.EffectNoted, d.say(ctx, s, session, journal.OfUnknown, false)
	}
	return "", fmt.Errorf("report on a line: %w", mimamori.ErrInvalid)
}

// PutOut says of the session behind a line that it is over: see incident.Account.
func (d *Desk) PutOut(ctx context.Context, v centre.Visitor, line string) (bool, error) {
	_, f, err := d.read(ctx, v)
	if err != nil {
		return false, err
	}
	session, _, err := f.lineSession(line)
	return err == nil && f.account.PutOut(session), err
}

// noted keeps a "me" that lowers nothing, and tells the contacts from before,
// once for each session: whoever said it may be the intruder (G04).
func (d *Desk) noted(ctx context.Context, s access.Session, f *file, session string) error {
	known := slices.ContainsFunc(f.entries, func(e incident.Entry) bool { return e.Key == wordKey(session) })
	if err := d.say(ctx, s, session, journal.OfCustomer, false); err != nil || known || f.current == nil || !f.current.Open() {
		return err
	}
	d.put(ctx, f, notice.Tell{Kind: notice.WordMe, Lang: f.lang(), At: f.now})
	return nil
}

// wordKey names the entry of the customer's word on a session.
func wordKey(session string) string { return "word " + session }

// Heard takes the customer's word on a session as the shop brings it. "Me"
// by this way is noted and lowers nothing.
func (d *Desk) Heard(ctx context.Context, subject, session string, notMe bool, by mimamori.Actor) error {
	if notMe {
		return d.raise(ctx, subject, session, time.Now().UTC(), "customer", assess.Word("customer_said_not_me"), by)
	}
	s := access.Session{Account: mimamori.NewAccountID(subject), Subject: subject}
	return d.say(ctx, s, session, journal.OfCustomer, false)
}

// mayLower says that a session at the shop began on a device that counted as
// the customer's, and nobody holds it to be anybody else's.
func (f *file) mayLower(shopSession string) bool {
	s, ok := f.account.Profile.Session(shopSession)
	return ok && s.Known && s.Verdict != string(journal.OfIntruder)
}

// lineSession finds the session behind a line of this account; other
// accounts' lines are not found.
func (f *file) lineSession(line string) (session string, at time.Time, err error) {
	kind, id, _ := strings.Cut(line, ":")
	switch kind {
	case "login":
		for _, l := range f.journal.Logins {
			if l.Event.ID == id && l.Data.Session != "" {
				return l.Data.Session, l.Event.Time, nil
			}
		}
	case "order":
		for _, o := range f.journal.Orders {
			if o.ID == id {
				return o.Session, o.At, nil
			}
		}
	case "change":
		for _, c := range f.journal.Changes {
			if c.Event == id {
				return c.Session, c.At, nil
			}
		}
	}
	return "", time.Time{}, fmt.Errorf("find line: %w", mimamori.ErrNotFound)
}

// raise opens or joins the incident on a person's word.
func (d *Desk) raise(ctx context.Context, subject, session string, at time.Time, voice string, word assess.Signal, by mimamori.Actor) error {
	now := time.Now().UTC()
	err := d.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(mimamori.NewAccountID(subject), subject)
		if err != nil {
			return err
		}
		alarm := response.Alarm{Account: a, Policy: d.opt.Policy(), Decision: decide.Contain, Probability: 1, Signals: []assess.Signal{word},
			Session: session, At: at, Now: now, By: by, Voice: voice}
		if known, ok := a.Profile.Session(session); ok {
			alarm.At = known.Began
		}
		if session == "" {
			alarm.Decision = decide.Hold // something without a session: a person finds out whose it was
			alarm.Ask = []mimamori.Text{askWhose}
		}
		if _, err := response.Raise(tx, alarm); err != nil {
			return err
		}
		return tx.PutAccount(a)
	})
	if err != nil {
		return fmt.Errorf("raise on a person's word: %w", err)
	}
	d.opt.Wake()
	return nil
}

// say notes what the customer holds of a session; trusted also makes its
// device and network hers.
func (d *Desk) say(ctx context.Context, s access.Session, session string, o journal.Owner, trusted bool) error {
	if session == "" {
		return nil
	}
	now := time.Now().UTC()
	return d.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(s.Account, s.Subject)
		if err != nil {
			return err
		}
		if o == journal.OfCustomer && !trusted {
			if !a.Standing.Open() {
				return nil
			}
			return tx.PutEntry(s.Account, incident.Entry{Incident: a.Standing.Incident, Key: wordKey(session), At: now, Kind: "word",
				Actor: mimamori.Actor{Kind: mimamori.ActorCustomer, ID: s.Subject}, Text: saidMe, Public: true})
		}
		old, err := tx.Verdict(s.Account, session)
		if err != nil {
			return err
		}
		word := journal.Verdict{Session: session, Owner: o, By: "customer", At: now}
		if !word.Outweighs(old) || old.Owner == journal.OfIntruder && !trusted {
			return nil
		}
		if err := tx.PutVerdict(s.Account, word); err != nil {
			return err
		}
		if trusted {
			a.Profile.Trust(session)
		}
		return tx.PutAccount(a)
	})
}

// SignOutEverywhere ends every session and remembered device at the shop, and
// the visits here, this one too. It needs no proof: it only raises.
func (d *Desk) SignOutEverywhere(ctx context.Context, v centre.Visitor) error {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	run := playbook.Run{Account: s.Account, Subject: s.Subject}
	if f.current != nil && f.current.Open() {
		run.Incident = f.current.ID
	}
	run.Playbook, run.Version = "sign-out", 1
	run, steps := playbook.Plan(run, []playbook.Named{{Name: "sessions.revoke"}}, now)
	if err := d.opt.Store.PutRunNow(ctx, run, steps); err != nil {
		return err
	}
	d.opt.Wake()
	return d.opt.Store.EndSessions(ctx, s.Account, "", now)
}

var (
	askWhose = mimamori.Text{JA: "お客様が「自分ではない」と知らせた操作があります。誰によるものかご確認ください", EN: "The customer says that an act was not theirs: please find out whose it was"}
	saidMe   = mimamori.Text{JA: "「自分です」とのお知らせがありました（確認が済むまで、対応は続けます）", EN: "Somebody said “that was me”; the response goes on until it is confirmed"}
)
