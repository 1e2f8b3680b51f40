package staff

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/audit"
)

// Scope is what an API key may be used for.
type Scope string

const (
	ScopeEvents    Scope = "events"    // report what happened
	ScopeDecisions Scope = "decisions" // ask for decisions, gates, challenges
	ScopeHandoff   Scope = "handoff"   // bring customers into the centre and recovery
	ScopeRead      Scope = "read"      // read histories and incidents
	ScopeStaff     Scope = "staff"     // act as the desk's machine
	ScopeSignals   Scope = "signals"   // receive Shared Signals: streams of its own
	ScopeErase     Scope = "erase"     // have accounts deleted, and nothing else
)

// Scopes lists all.
var Scopes = []Scope{ScopeEvents, ScopeDecisions, ScopeHandoff, ScopeRead, ScopeStaff, ScopeSignals, ScopeErase}

// APIKey is a machine's key as it is stored: never the key itself.
type APIKey struct {
	ID        string // first part of the key; in logs and lists
	Name      string
	Source    string // the CloudEvents source it may speak for; empty is any
	Scopes    []Scope
	Hash      [32]byte // SHA-256 of the secret part: 256 random bits need no salt
	PerSecond int      // requests, a burst of twice as many; 0 is no cap
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // zero is never
	RevokedAt time.Time // zero while it counts
	UsedAt    time.Time // to the minute; zero when never
	// ReplacedBy is the key that took its place; empty: none.
	ReplacedBy string
	// WordsAnHour bounds how many intruders the key may name in an hour; 0: 100.
	WordsAnHour int
}

// Has says whether the key has a scope.
func (k APIKey) Has(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Actor is the machine as the audit log names it.
func (k APIKey) Actor() mimamori.Actor { return mimamori.Actor{Kind: mimamori.ActorShop, ID: k.ID} }

// The prefix lets secret scanners find keys that were committed somewhere.
const keyPrefix = "mimamori_"

// ErrTooMany says that a key is over its cap: answer 429.
var ErrTooMany = errors.New("too many requests")

// Gatekeeper checks API keys. It remembers a key for one second, so that the
// decision path does not read the store for each request, and revocation is
// complete within that second (standards item G14).
type Gatekeeper struct {
	store KeyStore
	log   *audit.Log

	mu    sync.Mutex           // guards known
	known map[string]*knownKey // by what of their ids stands in their text

	words wordCount
	// Alarm hears, once an hour and key, that a key names more intruders than it
	// may. It must return at once; it may be nil, and is set before the first use.
	Alarm func(ctx context.Context, k APIKey)
}

type knownKey struct {
	key    APIKey
	readAt time.Time
	// The bucket: tokens left, and when they were counted.
	tokens float64
	at     time.Time
}

const (
	keyLife  = time.Second
	maxKnown = 10_000
)

// NewGatekeeper checks keys from store and records their making and ending.
func NewGatekeeper(store KeyStore, log *audit.Log) *Gatekeeper {
	return &Gatekeeper{store: store, log: log, known: map[string]*knownKey{}}
}

// NewAPIKey is what is needed to make a key.
type NewAPIKey struct {
	Name      string
	Source    string
	Scopes    []Scope
	PerSecond int
	ExpiresAt time.Time // zero is never
	// WordsAnHour bounds how many intruders the key may name in an hour; 0: 100.
	WordsAnHour int
}

// Create makes a key and gives it in clear this once. guard may be nil for the
// command line, whose user owns the machine.
func (g *Gatekeeper) Create(ctx context.Context, guard audit.Guard, actor mimamori.Actor, n NewAPIKey) (string, APIKey, error) {
	if err := n.check(); err != nil {
		return "", APIKey{}, err
	}
	text, k := n.make(actor)
	why := fmt.Sprintf("%s %q, source %q, scopes %v", k.ID, k.Name, k.Source, k.Scopes)
	if err := g.allow(ctx, guard, actor, audit.KeyCreate, why); err != nil {
		return "", APIKey{}, err
	}
	if err := g.store.AddAPIKey(ctx, k); err != nil {
		return "", APIKey{}, fmt.Errorf("add API key: %w", err)
	}
	return text, k, nil
}

func (n NewAPIKey) check() error {
	bad := func(field, why string) error { return &mimamori.FieldError{Index: -1, Field: field, Reason: why} }
	switch {
	case strings.TrimSpace(n.Name) == "" || len(n.Name) > 100:
		return bad("name", "must have 1 to 100 characters")
	case len(n.Scopes) == 0 || slices.ContainsFunc(n.Scopes, func(s Scope) bool { return !slices.Contains(Scopes, s) }):
		return bad("scopes", "known scopes are needed")
	case len(n.Source) > 200 || strings.ContainsFunc(n.Source, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return bad("source", "must have at most 200 characters without spaces")
	case n.PerSecond < 0 || n.WordsAnHour < 0:
		return bad("per_second", "must not be below zero")
	case !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(time.Now()):
		return bad("expires", "must lie in the future")
	}
	return nil
}

// make gives the key's text and what is stored of it.
func (n NewAPIKey) make(actor mimamori.Actor) (string, APIKey) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never returns an error
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	k := APIKey{
		ID: mimamori.NewID("key"), Name: n.Name, Source: n.Source, Scopes: n.Scopes, Hash: sha256.Sum256([]byte(text)),
		PerSecond: n.PerSecond, CreatedAt: time.Now(), CreatedBy: actor.ID, ExpiresAt: n.ExpiresAt, WordsAnHour: n.WordsAnHour,
	}
	return keyPrefix + short(k.ID) + "_" + text, k
}

// Revoke ends a key. guard may be nil for the command line.
func (g *Gatekeeper) Revoke(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id, reason string) error {
	if err := g.allow(ctx, guard, actor, audit.KeyRevoke, id+": "+reason); err != nil {
		return err
	}
	if err := g.store.RevokeAPIKey(ctx, id, time.Now()); err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	g.forget(id)
	return nil
}

// forget has a key read anew when it next comes.
func (g *Gatekeeper) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, short(id))
}

// allow asks the guard, or only records where the command line has none.
func (g *Gatekeeper) allow(ctx context.Context, guard audit.Guard, actor mimamori.Actor, act audit.Act, why string) error {
	if guard == nil {
		return g.log.Record(ctx, actor, act, audit.Target{}, why, nil)
	}
	return guard.Allow(ctx, actor, act, audit.Target{}, why)
}

// Keys lists all, without hashes.
func (g *Gatekeeper) Keys(ctx context.Context) ([]APIKey, error) {
	list, err := g.store.APIKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	for i := range list {
		list[i].Hash = [32]byte{}
	}
	return list, nil
}

// Check says whose key this is. Any key that is not good gives the same
// ErrDenied; a good one over its cap gives ErrTooMany. Scopes are for the
// caller to compare, who knows what was asked.
func (g *Gatekeeper) Check(ctx context.Context, presented string) (APIKey, error) {
	rest, ok := strings.CutPrefix(presented, keyPrefix)
	id, secret, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(presented) > 200 {
		return APIKey{}, fmt.Errorf("API key: %w", mimamori.ErrDenied)
	}
	hash := sha256.Sum256([]byte(secret))
	now := time.Now()
	k, err := g.read(ctx, id, now)
	if errors.Is(err, mimamori.ErrNotFound) {
		k.Hash = [32]byte{} // no SHA-256 is known to be zero
	} else if err != nil {
		return APIKey{}, err
	}
	if subtle.ConstantTimeCompare(hash[:], k.Hash[:]) != 1 || !k.RevokedAt.IsZero() || (!k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)) {
		return APIKey{}, fmt.Errorf("API key: %w", mimamori.ErrDenied)
	}
	if !g.take(k, now) {
		return APIKey{}, ErrTooMany
	}
	if now.Sub(k.UsedAt) > time.Minute {
		if err := g.store.TouchAPIKey(ctx, k.ID, now); err != nil {
			return APIKey{}, fmt.Errorf("API key %s: %w", k.ID, err)
		}
		g.touch(k.ID, now)
	}
	return k, nil
}

// idPrefix is what an id has before what of it stands in the key's text.
const idPrefix = "key_"

func short(id string) string { return strings.TrimPrefix(id, idPrefix) }

// read takes the key from memory if it was read within the last second. name
// is its id as it stands in its text.
func (g *Gatekeeper) read(ctx context.Context, name string, now time.Time) (APIKey, error) {
	g.mu.Lock()
	if k, ok := g.known[name]; ok && now.Sub(k.readAt) < keyLife {
		defer g.mu.Unlock()
		return k.key, nil
	}
	g.mu.Unlock()
	key, err := g.store.APIKey(ctx, idPrefix+name)
	if err != nil {
		return APIKey{}, fmt.Errorf("API key: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	k, ok := g.known[name]
	if !ok {
		if len(g.known) >= maxKnown { // only keys that exist come here
			clear(g.known)
		}
		k = &knownKey{tokens: float64(2 * key.PerSecond), at: time.Now()}
		g.known[name] = k
	}
	k.key, k.readAt = key, time.Now()
	return key, nil
}

// take takes one token from the key's bucket.
func (g *Gatekeeper) take(key APIKey, now time.Time) bool {
	if key.PerSecond <= 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	k, ok := g.known[short(key.ID)]
	if !ok {
		return true
	}
	k.tokens = min(float64(2*key.PerSecond), k.tokens+now.Sub(k.at).Seconds()*float64(key.PerSecond))
	k.at = now
	if k.tokens < 1 {
		return false
	}
	k.tokens--
	return true
}

func (g *Gatekeeper) touch(id string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k, ok := g.known[short(id)]; ok {
		k.key.UsedAt = at
	}
}
