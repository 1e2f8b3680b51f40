package staff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
)

// How many different accounts one person may look at in ten minutes before he
// is stopped and somebody hears of it (standards item E06). A busy agent opens
// one every two minutes.
const (
	lookPeriod = 10 * time.Minute
	maxLooks   = 60
)

// LookStore counts looks; the audit store has it.
type LookStore interface {
	AuditAccounts(ctx context.Context, actor mimamori.Actor, since time.Time) (int, error)
}

// Guard is audit.Guard by roles. It reads the person anew each time, so that a
// changed role or a dismissal counts at once.
type Guard struct {
	people Store
	keys   KeyStore
	looks  LookStore
	log    *audit.Log
	alarm  func(ctx context.Context, actor mimamori.Actor, looks int)
}

// NewGuard joins the parts. alarm hears of mass look-ups, at most once an actor
// and period; it must return at once. It may be nil.
func NewGuard(people Store, keys KeyStore, looks LookStore, log *audit.Log, alarm func(ctx context.Context, actor mimamori.Actor, looks int)) *Guard {
	return &Guard{people: people, keys: keys, looks: looks, log: log, alarm: alarm}
}

var _ audit.Guard = (*Guard)(nil)

// Allow lets an act pass and records it, or records the refusal and gives
// ErrDenied. Looks at one customer, and acts on an incident, need a reason. The
// system may do everything; a customer nothing here.
func (g *Guard) Allow(ctx context.Context, actor mimamori.Actor, act audit.Act, target audit.Target, reason string) error {
	why, err := g.refusal(ctx, actor, act, target, strings.TrimSpace(reason))
	if err != nil {
		return fmt.Errorf("%s by %s: %w", act, actor.ID, err)
	}
	if why == "" {
		return g.log.Record(ctx, actor, act, target, reason, nil)
	}
	if err := g.log.Refuse(ctx, actor, act, target, reason, map[string]string{"refused": why}); err != nil {
		return err
	}
	return &RefusedError{Act: act, Why: why}
}

// RefusedError is an ErrDenied that says which rule refused, as a catalogue
// key: role, reason, own, mass, unknown.
type RefusedError struct {
	Act audit.Act
	Why string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%s refused: %s", e.Act, e.Why) }

// Is makes it an ErrDenied.
func (e *RefusedError) Is(target error) bool { return target == mimamori.ErrDenied }

func (g *Guard) refusal(ctx context.Context, actor mimamori.Actor, act audit.Act, target audit.Target, reason string) (string, error) {
	switch actor.Kind {
	case mimamori.ActorSystem:
		return "", nil
	case mimamori.ActorShop:
		return g.refusalForKey(ctx, actor, act)
	case mimamori.ActorStaff:
	default:
		return "role", nil
	}
	p, err := g.people.Person(ctx, actor.ID)
	if errors.Is(err, mimamori.ErrNotFound) {
		return "unknown", nil
	}
	if err != nil {
		return "", err
	}
	personal := target.Account != (mimamori.AccountID{})
	switch {
	case !p.May(act):
		return "role", nil
	case personal && slices.Contains(p.Own, target.Account):
		return "own", nil
	case personal && reason == "":
		return "reason", nil
	case personal && act.Looks():
		return g.mass(ctx, actor)
	}
	return "", nil
}

// keyActs is what a machine may do at the desk, by scope.
func keyActs(s Scope) []audit.Act {
	switch s {
	case ScopeRead:
		return []audit.Act{audit.LookQueue, audit.LookIncident, audit.LookAccount}
	case ScopeStaff:
		return []audit.Act{
			audit.LookQueue, audit.LookIncident, audit.LookAccount, audit.IncidentContain, audit.IncidentHold,
			audit.IncidentNote, audit.IncidentJudge, audit.IncidentResend, audit.CallRecord, audit.ProposalMake,
		}
	}
	return nil
}

func (g *Guard) refusalForKey(ctx context.Context, actor mimamori.Actor, act audit.Act) (string, error) {
	k, err := g.keys.APIKey(ctx, actor.ID)
	if errors.Is(err, mimamori.ErrNotFound) {
		return "unknown", nil
	}
	if err != nil {
		return "", err
	}
	for _, s := range k.Scopes {
		if k.RevokedAt.IsZero() && slices.Contains(keyActs(s), act) {
			return "", nil
		}
	}
	return "role", nil
}

func (g *Guard) mass(ctx context.Context, actor mimamori.Actor) (string, error) {
	since := time.Now().Add(-lookPeriod)
	n, err := g.looks.AuditAccounts(ctx, actor, since)
	if err != nil || n < maxLooks {
		return "", err
	}
	before, err := g.log.Entries(ctx, audit.Query{Actor: actor.ID, Acts: []audit.Act{audit.AlarmMassLookup}, Since: since, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(before) == 0 {
		if err := g.log.Record(ctx, actor, audit.AlarmMassLookup, audit.Target{}, "", map[string]int{"accounts": n}); err != nil {
			return "", err
		}
		if g.alarm != nil {
			g.alarm(ctx, actor, n)
		}
	}
	return "mass", nil
}
