package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/keys"
	"mimamori/playbook"
	"mimamori/ssf"
	"mimamori/staff"
	"mimamori/undo"
	"mimamori/webhook"
)

// transmitter tells others what the response did (Shared Signals).
func (a *App) transmitter() *ssf.Transmitter {
	return &ssf.Transmitter{Issuer: strings.TrimSuffix(a.Config.PublicURL, "/"), Store: a.Store, AllowHTTP: a.Config.local(),
		Signer: func() ssf.Signer {
			k := a.Ring.Active(keys.SecurityEvt)
			return ssf.Signer{ID: k.ID, Key: k.Signer()}
		},
		Begin: func(ctx context.Context, s ssf.Stream, jtis []string) error {
			var steps []playbook.Named
			for _, jti := range jtis {
				steps = append(steps, playbook.With("ssf.push", pushArg{s.ID, jti}))
			}
			run, list := playbook.Plan(playbook.Run{Playbook: "ssf", Version: 1}, steps, time.Now().UTC())
			if err := a.Store.PutRunNow(ctx, run, list); err != nil {
				return err
			}
			a.Runner.Wake()
			return nil
		}}
}

type pushArg struct {
	Stream string `json:"stream"`
	JTI    string `json:"jti"`
}

// telling has a step that was done followed by one that tells others, in the
// same write, so that neither a crash nor a receiver can lose it. Where nobody
// ordered anything there is no such step.
func (a *App) telling(name string, act playbook.Act) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		out := act(ctx, s)
		if out.Result != playbook.Did || s.Incident == "" {
			return out
		}
		streams, err := a.Store.Streams(ctx, "")
		if err != nil || len(streams) == 0 {
			return out // the response itself does not wait for this
		}
		var kind event.ResourceKind
		if arg, err := playbook.Arg[undo.Arg](s); err == nil {
			kind = arg.Kind
		}
		if list := ssf.Of(name, kind, s.Key, s.Subject, string(s.Incident), time.Now().UTC()); len(list) > 0 {
			out.More = append(out.More, playbook.With("ssf.tell", list))
		}
		return out
	}
}

// signalActs are the steps of telling others.
func (a *App) signalActs() map[string]playbook.Act {
	pusher := ssf.NewPusher(a.Store, a.outward())
	return map[string]playbook.Act{
		"ssf.tell": func(ctx context.Context, s playbook.Step) playbook.Outcome {
			list, err := playbook.Arg[[]ssf.Occurred](s)
			if err != nil {
				return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
			}
			if err := a.Signals.Tell(ctx, list); err != nil {
				return playbook.Again(err)
			}
			return playbook.OK()
		},
		"ssf.push": func(ctx context.Context, s playbook.Step) playbook.Outcome {
			arg, err := playbook.Arg[pushArg](s)
			if err != nil {
				return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
			}
			p := pusher.Push(ctx, arg.Stream, arg.JTI)
			switch {
			case p.Done && p.Err == nil:
				return playbook.OK()
			case p.Refused:
				return playbook.Outcome{Result: playbook.Refuse, Err: p.Err}
			}
			return playbook.Outcome{Result: playbook.Later, After: p.After, Err: p.Err}
		},
	}
}

// receiving checks the tokens of those whom the operator trusts and acts on
// them; nil when nobody is trusted.
func (a *App) receiving() func(context.Context, string, []byte) error {
	if len(a.Config.Signals) == 0 {
		return nil
	}
	r := ssf.NewReceiver(a.Config.Signals, a.outward())
	return func(ctx context.Context, authorization string, token []byte) error {
		e, err := r.Check(ctx, authorization, token)
		if err != nil {
			return err
		}
		return a.heed(ctx, e)
	}
}

// outward reaches other people's servers, and no private address.
func (a *App) outward() http.RoundTripper {
	if a.Config.SignalTransport != nil {
		return a.Config.SignalTransport
	}
	t := webhook.Guard{Allow: a.Config.Shop.Allow}.Transport()
	a.closers = append(a.closers, func() error { t.CloseIdleConnections(); return nil })
	return t
}

// fetching orders and fetches at transmitters that do not push, until the app
// stops. A stream that is gone is ordered anew.
func (a *App) fetching(ctx context.Context, take func(context.Context, string, []byte) error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, t := range a.Config.Signals {
		if t.Poll {
			s := ssf.NewSubscriber(t.Issuer, t.Access, a.outward())
			all.Go(func() { a.fetchFrom(ctx, s, t, take) })
		}
	}
	a.closers = append(a.closers, func() error { cancel(); all.Wait(); return nil })
}

func (a *App) fetchFrom(ctx context.Context, s *ssf.Subscriber, t ssf.Trusted, take func(context.Context, string, []byte) error) {
	var ours ssf.Ordered
	for {
		if err := fetchOnce(ctx, s, t, &ours, take); err != nil && ctx.Err() == nil {
			a.log.Warn("signals: fetch", "issuer", t.Issuer, "error", err.Error())
		}
		wait := time.NewTimer(cmp.Or(t.Every, time.Minute))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// ourStream is how we call our stream at others, to find it again.
const ourStream = "Mimamori"

func fetchOnce(ctx context.Context, s *ssf.Subscriber, t ssf.Trusted, ours *ssf.Ordered, take func(context.Context, string, []byte) error) (err error) {
	if ours.ID == "" {
		mine, err := s.Mine(ctx)
		if err != nil {
			return err
		}
		for _, o := range mine { // from before a restart
			if o.About == ourStream && o.Delivery.Method == ssf.Poll {
				*ours = o
			}
		}
	}
	if ours.ID == "" {
		if *ours, err = s.Order(ctx, ssf.Wanted, ssf.Delivery{Method: ssf.Poll}, ourStream); err != nil {
			return err
		}
	}
	bearer := ""
	if t.Secret != "" {
		bearer = "Bearer " + t.Secret
	}
	_, err = s.Fetch(ctx, *ours, func(ctx context.Context, token []byte) error { return take(ctx, bearer, token) })
	if errors.Is(err, mimamori.ErrNotFound) {
		*ours = ssf.Ordered{}
	}
	return err
}

// heed does what a token asks for and then notes it, so that one which comes
// again after a crash is not lost; acting twice raises nothing twice.
func (a *App) heed(ctx context.Context, e ssf.Received) error {
	before, err := a.Store.Received(ctx, e.Issuer, e.JTI)
	if err != nil || before {
		return err
	}
	raise, mailbox := e.Alarming()
	if raise {
		subjects := []string{e.Who.Subject}
		if e.Who.Mail != "" {
			if subjects, err = a.Store.SubjectsByMail(ctx, e.Who.Mail); err != nil {
				return err
			}
		}
		for _, s := range subjects {
			if err := a.Desk.Warned(ctx, s, mailbox, mimamori.Actor{Kind: mimamori.ActorSystem, ID: e.Issuer}); err != nil && !errors.Is(err, mimamori.ErrNotFound) {
				return err
			}
		}
	}
	_, err = a.Store.Receive(ctx, e.Issuer, e.JTI, time.Now().UTC())
	return err
}

// tokenKeys also knows the short-lived tokens that are given for API keys
// (RFC 6749 section 4.4): they open the doors of Shared Signals and no other.
type tokenKeys struct{ a *App }

const (
	tokenPrefix = "mat_"
	tokenLife   = 30 * time.Minute
)

func (k tokenKeys) Check(ctx context.Context, presented string) (staff.APIKey, error) {
	text, short := strings.CutPrefix(presented, tokenPrefix)
	if !short {
		return k.a.APIKeys.Check(ctx, presented)
	}
	denied := fmt.Errorf("access token: %w", mimamori.ErrDenied)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return staff.APIKey{}, denied
	}
	sum, err := base64.RawURLEncoding.DecodeString(parts[2])
	until, bad := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || bad != nil || !k.a.Ring.CheckMAC(keys.Cookie, sum, "access token", parts[0], parts[1]) || time.Now().Unix() >= until {
		return staff.APIKey{}, denied
	}
	key, err := k.a.Store.APIKey(ctx, parts[0])
	if err != nil || !key.RevokedAt.IsZero() || !key.ExpiresAt.IsZero() && time.Now().After(key.ExpiresAt) || !key.Has(staff.ScopeSignals) {
		return staff.APIKey{}, denied
	}
	key.Scopes = []staff.Scope{staff.ScopeSignals}
	return key, nil
}

// access gives a token for an API key that may receive signals.
func (a *App) access(ctx context.Context, presented string) (string, time.Duration, error) {
	if strings.HasPrefix(presented, tokenPrefix) {
		return "", 0, fmt.Errorf("access token: %w", mimamori.ErrDenied)
	}
	key, err := a.APIKeys.Check(ctx, presented)
	if err != nil {
		return "", 0, err
	}
	if !key.Has(staff.ScopeSignals) {
		return "", 0, fmt.Errorf("access token: the key lacks the scope: %w", mimamori.ErrDenied)
	}
	until := strconv.FormatInt(time.Now().Add(tokenLife).Unix(), 10)
	sum := base64.RawURLEncoding.EncodeToString(a.Ring.MAC(keys.Cookie, "access token", key.ID, until))
	return tokenPrefix + key.ID + "." + until + "." + sum, tokenLife, nil
}
