package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/decide"
	"mimamori/mail"
	"mimamori/numbers"
	"mimamori/playbook"
	"mimamori/webhook"
)

// AlarmConfig says who is told of what a person must know now. Nobody at the
// desk can change it.
type AlarmConfig struct {
	Contacts []AlarmContact `yaml:"contacts"`
}

// AlarmContact is one on-call contact: a mail address or a webhook.
type AlarmContact struct {
	Mail     string        `yaml:"mail,omitempty"`
	Webhook  string        `yaml:"webhook,omitempty"`
	Secret   string        `yaml:"secret,omitempty"`   // whsec_…; empty: that of the commands
	Language mimamori.Lang `yaml:"language,omitempty"` // ja or en; empty: ja
}

func (c *Config) checkAlarms() error {
	bad := func(why string) error {
		return fmt.Errorf("config: alarms.contacts %s: %w", why, mimamori.ErrInvalid)
	}
	for _, x := range c.Alarms.Contacts {
		if (x.Mail == "") == (x.Webhook == "") {
			return bad("need either mail or webhook")
		}
		if x.Mail != "" {
			if _, err := mail.ParseAddress(x.Mail); err != nil {
				return bad("hold what is not a mail address")
			}
		} else if u, err := url.Parse(x.Webhook); err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && c.Shop.AllowHTTP) {
			return bad("need an https address as webhook")
		}
		if x.Secret != "" {
			if _, err := webhook.ParseSecret(x.Secret); err != nil {
				return bad("need a secret like whsec_…")
			}
		}
		if x.Language != "" && x.Language != mimamori.Japanese && x.Language != mimamori.English {
			return bad("take the language ja or en")
		}
	}
	return nil
}

// openAlarms makes the bell that everything else rings.
func (a *App) openAlarms() {
	var contacts []alarm.Contact
	client := &http.Client{Transport: a.outward(), CheckRedirect: webhook.NoRedirects, Timeout: 15 * time.Second}
	for i, c := range a.Config.Alarms.Contacts {
		if c.Mail != "" {
			contacts = append(contacts, alarm.Mail("mail "+c.Mail, c.Language, a.Config.consoleURL(), japan, func(ctx context.Context, subject, body string) error {
				return a.mailStaff(ctx, c.Mail, subject, body)
			}))
			continue
		}
		u, _ := url.Parse(c.Webhook) // Check has read it
		contacts = append(contacts, alarm.Hook("webhook "+strconv.Itoa(i+1)+" "+u.Host, c.Language, u, client, func(ctx context.Context) ([]webhook.Secret, error) {
			if c.Secret == "" {
				return a.shopSecrets(ctx)
			}
			s, err := webhook.ParseSecret(c.Secret)
			return []webhook.Secret{s}, err
		}))
	}
	a.Numbers = numbers.NewBook(a.Store, japan, a.log)
	a.closers = append(a.closers, func() error { a.Numbers.Close(); return nil })
	defer func() {
		for _, k := range a.early {
			a.Alarms.Raise(k, "")
		}
	}()
	a.Alarms = alarm.New(alarm.Options{Store: a.Store, Contacts: contacts, Look: a.lookForAlarms, Still: a.goesOn, Log: a.log})
}

var japan = breach.Japan

// mailStaff mails somebody who works here, signed as every mail of ours.
func (a *App) mailStaff(ctx context.Context, to, subject, body string) error {
	post := a.post()
	raw, err := mail.Compose(mail.Message{From: post.From, To: mail.Address{Addr: to}, Subject: subject, Date: time.Now(),
		MessageID: mail.NewMessageID(a.noticeDomain()), Body: body})
	if err != nil {
		return err
	}
	signers, err := post.Keys(ctx)
	if err != nil {
		return err
	}
	if raw, err = mail.Sign(raw, signers); err != nil {
		return err
	}
	return post.Submitter.Submit(ctx, post.From.Addr, to, raw)
}

// lookAtOnce bounds one look for incidents that wait for a person.
const lookAtOnce = 500

// lookForAlarms finds incidents that wait for a person and nobody was told of.
func (a *App) lookForAlarms(ctx context.Context, raise func(alarm.Kind, string)) error {
	list, err := a.Store.Asking(ctx, lookAtOnce)
	if err != nil {
		return err
	}
	open, err := a.Store.Alarms(ctx, false, 10_000)
	if err != nil {
		return err
	}
	known, budget := map[string]bool{}, time.Now().Add(-time.Hour) // the budget is an hour's
	for _, x := range open {
		if x.Kind == alarm.NeedsPerson {
			known[x.About] = true
		}
		if x.Kind == alarm.Budget {
			budget = x.LastAt
		}
	}
	for _, i := range list {
		if len(i.NeedingPerson()) > 0 && !i.Crowded() && !known[string(i.ID)] {
			raise(alarm.NeedsPerson, string(i.ID))
		}
		for _, n := range i.NeedingPerson() {
			if decide.OverBudget(n.Key) && n.At.After(budget) {
				raise(alarm.Budget, "")
			}
		}
	}
	return nil
}

// goesOn says whether what an alarm is about is not over yet.
func (a *App) goesOn(ctx context.Context, x alarm.Alarm) (bool, error) {
	switch x.Kind {
	case alarm.NeedsPerson:
		i, err := a.Store.IncidentByID(ctx, mimamori.IncidentID(x.About))
		if errors.Is(err, mimamori.ErrNotFound) {
			return false, nil
		}
		return err == nil && len(i.NeedingPerson()) > 0 && !i.Crowded(), err
	case alarm.LawDeadline:
		r, err := a.Store.Breach(ctx, x.About)
		if errors.Is(err, mimamori.ErrNotFound) {
			return false, nil
		}
		now := time.Now()
		return err == nil && slices.ContainsFunc(r.Deadlines(), func(d breach.Deadline) bool { return d.Near(now) }), err
	case alarm.Budget, alarm.SourceFlood:
		return time.Since(x.LastAt) < time.Hour, nil
	case alarm.AnchorFailed:
		return slices.ContainsFunc(a.Anchors.State(), func(s audit.PlaceState) bool { return !s.Since.IsZero() || s.LastAt.Before(x.LastAt) }), nil
	case alarm.ShopSilent:
		return a.strain.shopSilentSince(x.LastAt), nil
	}
	return true, nil
}

// crowded hears of a source that opens far too many incidents. A source's name
// is the shop's; where it could say more than a name, a hash stands for it.
func (a *App) crowded(source string) { a.Alarms.Raise(alarm.SourceFlood, alarm.Number(source)) }

// ring raises an alarm, also before the bell is made.
func (a *App) ring(k alarm.Kind) {
	if a.Alarms == nil {
		a.early = append(a.early, k)
		return
	}
	a.Alarms.Raise(k, "")
}

// strain is what the alarms need to remember of the last tries.
type strain struct {
	mu       sync.Mutex // guards what follows
	shopDid  time.Time  // the shop did something last
	shopDown bool
	bounces  []time.Time
}

func (s *strain) shopSilentSince(t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.shopDid.After(t)
}

// Bounds of what is worth an alarm: tries of one step in vain, and notices
// that came back within an hour.
const (
	vainTries   = 3
	manyBounces = 3
)

// alarmStep hears how each step went.
func (a *App) alarmStep(s playbook.Step) {
	noun, _, _ := strings.Cut(s.Name, ".")
	switch {
	case noun == "notice":
		if s.State == playbook.Retrying && s.Attempts == vainTries {
			a.Alarms.Raise(alarm.MailBouncing, "")
		}
	case slices.Contains([]string{"state", "wait", "watch", "undo", "factors", "signal", "signals"}, noun): // these ask no shop
	case s.State == playbook.Retrying && s.Attempts >= vainTries:
		a.strain.mu.Lock()
		first := !a.strain.shopDown
		a.strain.shopDown = true
		a.strain.mu.Unlock()
		if first || s.Attempts == vainTries {
			a.Alarms.Raise(alarm.ShopSilent, "")
		}
	case s.State == playbook.Done:
		a.strain.mu.Lock()
		a.strain.shopDid, a.strain.shopDown = time.Now(), false
		a.strain.mu.Unlock()
	}
	a.Alarms.Look() // an incident may wait for a person now, or no longer
}

// alarmBounce hears that a notice came back.
func (a *App) alarmBounce() {
	now := time.Now()
	a.strain.mu.Lock()
	kept := a.strain.bounces[:0]
	for _, t := range a.strain.bounces {
		if now.Sub(t) < time.Hour {
			kept = append(kept, t)
		}
	}
	a.strain.bounces = append(kept, now)
	many := len(a.strain.bounces) >= manyBounces
	if many {
		a.strain.bounces = nil
	}
	a.strain.mu.Unlock()
	if many {
		a.Alarms.Raise(alarm.MailBouncing, "")
	}
}

// StoreFailed tells the contacts that nothing can be written any more: the
// process is about to end, and no row can say so.
func (a *App) StoreFailed(ctx context.Context) error { return a.Alarms.Now(ctx, alarm.StoreFailed) }

// startAlarms sets the bell to work.
func (a *App) startAlarms(ctx context.Context) {
	a.Alarms.Start(ctx)
	a.closers = append(a.closers, func() error { a.Alarms.Stop(); return nil })
}
