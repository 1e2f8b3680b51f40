package dossier

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/recovery"
	"mimamori/support"
	"mimamori/web"
	"mimamori/web/centre"
)

// CallBack is what a customer may ask for, and the call that is coming. In a
// recovery nobody has proved anything: it is the same for nobody's account.
func (d *Desk) CallBack(ctx context.Context, v centre.Visitor, token string, asked time.Time) (centre.CallBack, error) {
	if token != "" {
		facts, _, err := d.recoveryFacts(ctx, v, token)
		if err != nil {
			return centre.CallBack{}, err
		}
		out := centre.CallBack{Windows: d.windows(facts.Now)}
		if !asked.IsZero() && asked.After(facts.Now.Add(-24*time.Hour)) && asked.Before(facts.Now.Add(7*24*time.Hour)) {
			out.Coming = &centre.ComingCall{CallWindow: windowAt(out.Windows, asked), Code: codeOf(token)}
		}
		return out, nil
	}
	s, f, err := d.read(ctx, v)
	if err != nil {
		return centre.CallBack{}, err
	}
	out := centre.CallBack{Windows: d.windows(f.now)}
	for _, c := range support.Callable(f.phones(), f.startOr(f.now)) {
		masked := web.MaskPhone(c.Number)
		if c.Allowed {
			out.Phones = append(out.Phones, centre.Reach{ID: c.Resource, Kind: "phone", Masked: masked})
		} else {
			out.Refused = append(out.Refused, centre.CallRefusal{Masked: masked, Why: c.Why})
		}
	}
	coming, err := d.coming(ctx, s.Account)
	if err != nil || coming == nil {
		return out, err
	}
	out.Coming = comingView(*coming, f.now)
	return out, nil
}

func comingView(c support.Call, now time.Time) *centre.ComingCall {
	return &centre.ComingCall{CallWindow: centre.CallWindow{From: c.Window.From, Until: c.Window.Until, Soon: !now.Before(c.Window.From)},
		To: web.MaskPhone(c.Phone.Number), Code: c.MatchCode, Missed: c.State == support.CallMissed, Taken: c.State == support.CallTaken}
}

// coming is the open call that a signed-in customer asked for; nil for none.
func (d *Desk) coming(ctx context.Context, account mimamori.AccountID) (*support.Call, error) {
	all, err := d.opt.Store.Calls(ctx, account)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(c support.Call) bool { return c.State.Open() && c.Recovery == "" })
	if i < 0 {
		return nil, nil
	}
	return &all[i], nil
}

func (d *Desk) windows(now time.Time) []centre.CallWindow {
	var out []centre.CallWindow
	for _, w := range d.directory().Windows(now) {
		out = append(out, centre.CallWindow{From: w.From, Until: w.Until, Soon: w.Soon})
	}
	return out
}

// windowAt is the window that begins then; of one that is over, its likely end.
func windowAt(all []centre.CallWindow, from time.Time) centre.CallWindow {
	for _, w := range all {
		if w.From.Equal(from) {
			return w
		}
	}
	return centre.CallWindow{From: from, Until: from.Add(3 * time.Hour)}
}

// codeOf is the match code of a call asked for in a recovery. It follows from
// the token, so that nobody's page has one as well.
func codeOf(token string) string {
	sum := sha256.Sum256([]byte("match code\x00" + token))
	return fmt.Sprintf("%02d", sum[0]%100)
}

// startOr is the intrusion's start; without one, now.
func (f *file) startOr(now time.Time) time.Time {
	if s := f.start(); !s.IsZero() {
		return s
	}
	return now
}

// phones are the account's numbers as they stood before the intrusion, and
// those that came since: the customer is told why they are not called.
func (f *file) phones() []support.Phone {
	var out []support.Phone
	add := func(c journal.Contact) {
		if c.Kind != "phone" || slices.ContainsFunc(out, func(p support.Phone) bool { return p.Number == c.Value }) {
			return
		}
		atRegistration := !f.journal.Registered.IsZero() && c.Verified.Sub(f.journal.Registered).Abs() <= 24*time.Hour
		id := c.ID
		if slices.ContainsFunc(out, func(p support.Phone) bool { return p.Resource == id }) {
			id += " now" // the same resource with another number: two choices
		}
		out = append(out, support.Phone{Resource: id, Number: c.Value, VerifiedAt: c.Verified, AtRegistration: atRegistration && !c.Verified.IsZero()})
	}
	for _, c := range f.journal.Contacts(f.startOr(f.now)) {
		add(c)
	}
	for _, c := range f.journal.Contacts(f.now.Add(time.Minute)) {
		add(c)
	}
	return out
}

// AskCall makes a call, to a number from before the intrusion only (G10).
func (d *Desk) AskCall(ctx context.Context, v centre.Visitor, token string, ask centre.CallAsk) (centre.CallBack, error) {
	f, err := d.asker(ctx, v, token)
	if err != nil {
		return centre.CallBack{}, err
	}
	problem := centre.NoProblem
	if token != "" && !d.opt.Calls.Take(v.IP, f.now) { // a signed-in customer's are bound by her account
		problem = centre.TooMany
	} else if !slices.ContainsFunc(d.windows(f.now), func(w centre.CallWindow) bool { return w.From.Equal(ask.Window) }) {
		problem = centre.NoWindow
	}
	if problem == centre.NoProblem && token != "" {
		d.askInRecovery(f, token, ask.Window, v.Lang)
	} else if problem == centre.NoProblem {
		switch err := d.addCall(ctx, f, "", ask, v.Lang); {
		case errors.Is(err, mimamori.ErrUnavailable):
			problem = centre.TooMany
		case errors.Is(err, mimamori.ErrConflict): // the button was pressed twice
		case err != nil:
			return centre.CallBack{}, err
		}
	}
	out, err := d.CallBack(ctx, v, token, time.Time{})
	out.Problem = problem
	return out, err
}

// asker is whose account it is: the recovery's, or the visit's.
func (d *Desk) asker(ctx context.Context, v centre.Visitor, token string) (*file, error) {
	if token != "" {
		_, f, err := d.recoveryFacts(ctx, v, token)
		return f, err
	}
	_, f, err := d.read(ctx, v)
	return f, err
}

// askInRecovery makes the call behind the answer, so that the answer takes as
// long for nobody's account (A02).
func (d *Desk) askInRecovery(f *file, token string, window time.Time, lang mimamori.Lang) {
	d.mails.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, c := range support.Callable(f.phones(), f.startOr(f.now)) {
			if !c.Allowed {
				continue
			}
			if err := d.addCall(ctx, f, token, centre.CallAsk{Phone: c.Resource, Window: window}, lang); err != nil {
				d.log.Info("a call asked for in a recovery was not taken", "err", err)
			}
			return
		}
	})
}

func (d *Desk) addCall(ctx context.Context, f *file, token string, ask centre.CallAsk, lang mimamori.Lang) error {
	c, err := support.Ask(support.Asking{Phones: f.phones(), Resource: ask.Phone, Start: f.startOr(f.now), Window: ask.Window,
		Windows: d.directory().Windows(f.now), Lang: lang, Now: f.now})
	if err != nil {
		return err
	}
	c.Account, c.Subject = f.account.ID, f.account.Subject
	if f.current != nil && f.current.Open() {
		c.Incident = f.current.ID
	}
	if token != "" {
		r, err := d.opt.Store.RecoveryByToken(ctx, recovery.HashToken(token))
		if err != nil {
			return err
		}
		c.Recovery, c.MatchCode = r.ID, codeOf(token)
	}
	if err := d.opt.Store.AddCall(ctx, c); err != nil {
		return err
	}
	d.put(ctx, f, notice.Tell{Kind: notice.CallAsked, Lang: lang, At: ask.Window})
	return nil
}

// WithdrawCall takes the coming call back.
func (d *Desk) WithdrawCall(ctx context.Context, v centre.Visitor) error {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return err
	}
	coming, err := d.coming(ctx, s.Account)
	if err != nil || coming == nil {
		return err
	}
	return d.opt.Store.ChangeCall(ctx, s.Account, coming.ID, func(c *support.Call) (err error) {
		*c, err = c.Move(support.CallWithdrawn, "", "", f.now.UTC())
		return err
	})
}
