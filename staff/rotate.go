package staff

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mimamori"
	"mimamori/audit"
)

// MaxOverlap is the longest time for which a replaced key may go on counting.
const MaxOverlap = 30 * 24 * time.Hour

// Rotate makes a key in the place of another, with the same name, source,
// scopes and caps; the old one counts for overlap more, so that the shop's
// programs can change over. The new key is given in clear this once.
// ErrConflict when the old one was replaced or has ended.
func (g *Gatekeeper) Rotate(ctx context.Context, guard audit.Guard, actor mimamori.Actor, id string, overlap time.Duration) (string, APIKey, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", APIKey{}, &mimamori.FieldError{Index: -1, Field: "overlap", Reason: "must be between nothing and 30 days"}
	}
	old, err := g.store.APIKey(ctx, id)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("rotate API key %s: %w", id, err)
	}
	if old.State(time.Now()) != KeyGood {
		return "", APIKey{}, fmt.Errorf("rotate API key %s: %w", id, mimamori.ErrConflict)
	}
	n := NewAPIKey{Name: old.Name, Source: old.Source, Scopes: old.Scopes, PerSecond: old.PerSecond, WordsAnHour: old.WordsAnHour}
	if !old.ExpiresAt.IsZero() { // it is to live as long as the one before was made for
		n.ExpiresAt = time.Now().Add(old.ExpiresAt.Sub(old.CreatedAt))
	}
	text, next := n.make(actor)
	why := fmt.Sprintf("%s by %s, both until %s", id, next.ID, time.Now().Add(overlap).UTC().Format(time.RFC3339))
	if err := g.allow(ctx, guard, actor, audit.KeyRotate, why); err != nil {
		return "", APIKey{}, err
	}
	until := time.Now().Add(overlap)
	done, err := g.store.RotateAPIKey(ctx, id, until, next)
	if err == nil && !done {
		err = mimamori.ErrConflict
	}
	if err != nil {
		return "", APIKey{}, fmt.Errorf("rotate API key %s: %w", id, err)
	}
	g.forget(id)
	return text, next, nil
}

// KeyState is whether a key counts.
type KeyState string

const (
	KeyGood     KeyState = "good"
	KeyReplaced KeyState = "replaced" // counts until its end, beside its successor
	KeyExpired  KeyState = "expired"
	KeyRevoked  KeyState = "revoked"
)

// KeyStates lists all.
var KeyStates = []KeyState{KeyGood, KeyReplaced, KeyExpired, KeyRevoked}

// State says whether the key counts at a moment.
func (k APIKey) State(now time.Time) KeyState {
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	case k.ReplacedBy != "":
		return KeyReplaced
	}
	return KeyGood
}

// usualWords is how many intruders a key may name in an hour unless it was
// made for more.
const usualWords = 100

// wordCount counts the intruders that each key has named in this hour.
type wordCount struct {
	mu   sync.Mutex // guards keys
	keys map[string]*words
}

type words struct {
	began time.Time
	n     int
	told  bool
}

// Deletions counts one account that a key is about to have deleted, against
// its own cap of 200 in an hour: what a stolen key destroys does not come back.
func (g *Gatekeeper) Deletions(ctx context.Context, k APIKey) error {
	return g.capped(ctx, k, "erase "+k.ID, 1, usualDeletions)
}

// usualDeletions is how many accounts one key has deleted in an hour, at most.
const usualDeletions = 200

// Words counts n sessions that a key is about to call an intruder's. Above the
// key's cap it gives ErrTooMany: a stolen key that says so of everybody stops
// there, and somebody hears of it once an hour (standards item G14).
func (g *Gatekeeper) Words(ctx context.Context, k APIKey, n int) error {
	most := k.WordsAnHour
	if most == 0 {
		most = usualWords
	}
	return g.capped(ctx, k, k.ID, n, most)
}

// capped counts n under a name, and tells once an hour that it is too much.
func (g *Gatekeeper) capped(ctx context.Context, k APIKey, name string, n, most int) error {
	if n <= 0 {
		return nil
	}
	now := time.Now()
	g.words.mu.Lock()
	w := g.words.keys[name]
	if w == nil || now.Sub(w.began) >= time.Hour {
		if g.words.keys == nil || len(g.words.keys) >= maxKnown {
			g.words.keys = map[string]*words{}
		}
		w = &words{began: now}
		g.words.keys[name] = w
	}
	over := w.n+n > most
	tell := over && !w.told
	if over {
		w.told = true
	} else {
		w.n += n
	}
	g.words.mu.Unlock()
	if tell {
		if err := g.log.Record(ctx, k.Actor(), audit.AlarmKeyWords, audit.Target{}, "", map[string]int{"most": most, "asked": n}); err != nil {
			return err
		}
		if g.Alarm != nil {
			g.Alarm(ctx, k)
		}
	}
	if over {
		return ErrTooMany
	}
	return nil
}
