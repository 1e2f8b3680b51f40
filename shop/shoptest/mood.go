package shoptest

import (
	"context"
	"errors"
	"slices"
	"time"

	"mimamori"
	"mimamori/shop"
)

// Way is how a shop behaves badly.
type Way string

// The ways a shop can be.
const (
	Lies           Way = "lies"            // says done and did nothing
	Fails          Way = "fails"           // answers 500 and did nothing
	FailsAfter     Way = "fails after"     // did it, then answers 500
	Slow           Way = "slow"            // answers rightly after Delay
	Hangs          Way = "hangs"           // never answers
	HangsAfter     Way = "hangs after"     // did it, then never answers
	SaysLater      Way = "says later"      // asks to come again after Delay
	SaysImpossible Way = "says impossible" // will not
	NoPoints       Way = "no points"       // has nothing of the kind
	Garbage        Way = "garbage"         // 200 with a body that is no answer
	HugeAnswer     Way = "huge answer"     // 200 with more than 64 kB
	Redirects      Way = "redirects"       // 307 to elsewhere
	Gone           Way = "gone"            // 410
	Throttles      Way = "throttles"       // 429 with Retry-After Delay
)

// Mood is a spell of bad behaviour.
type Mood struct {
	Way   Way
	Types []shop.CommandType // empty: every command
	Times int                // how many tries it lasts; 0: until Recover
	Delay time.Duration
}

// Misbehave puts the shop into a mood; moods are used up in order.
func (s *Shop) Misbehave(m Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Times == 0 {
		m.Times = -1
	}
	s.moods = append(s.moods, &m)
}

// Recover makes the shop healthy again.
func (s *Shop) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moods = nil
}

// mood takes the mood for the next try of a type; the zero Mood is health.
func (s *Shop) mood(t shop.CommandType) Mood {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.moods {
		if m.Times != 0 && (len(m.Types) == 0 || slices.Contains(m.Types, t)) {
			if m.Times > 0 {
				m.Times--
			}
			return *m
		}
	}
	return Mood{}
}

// inMood carries out a command as the mood has it. What only exists on the
// wire (garbage, redirects) is a failed try here and made real by ServeHTTP.
func (s *Shop) inMood(ctx context.Context, c shop.Command, m Mood) (shop.Answer, error) {
	failed := &shop.TryError{What: string(c.Type), Status: 500, Retryable: true, Err: errors.New("the shop " + string(m.Way))}
	switch m.Way {
	case Lies:
		return shop.Answer{Result: shop.Done}, nil
	case SaysLater:
		return shop.Answer{Result: shop.Later, After: m.Delay}, nil
	case SaysImpossible:
		return shop.Answer{Result: shop.Impossible, Why: &shop.Why{Code: "closed", Text: mimamori.Text{JA: "この操作はできません。", EN: "This cannot be done."}}}, nil
	case NoPoints:
		return shop.Answer{Result: shop.Impossible, Why: &shop.Why{Code: shop.NoPoints, Text: mimamori.Text{JA: "このお店にポイントはありません。", EN: "This shop has no points."}}}, nil
	case Slow:
		select {
		case <-time.After(m.Delay):
		case <-ctx.Done():
			return shop.Answer{}, ctx.Err()
		}
	case FailsAfter, HangsAfter:
		if _, err := s.carryOut(c); err != nil {
			return shop.Answer{}, err
		}
	}
	switch m.Way {
	case Hangs, HangsAfter:
		<-ctx.Done()
		return shop.Answer{}, ctx.Err()
	case Throttles:
		failed.Status, failed.RetryAfter = 429, m.Delay
		return shop.Answer{}, failed
	case Gone:
		failed.Status, failed.Retryable, failed.Disabled = 410, false, true
		return shop.Answer{}, failed
	case Redirects:
		failed.Status = 307
		return shop.Answer{}, failed
	case Garbage, HugeAnswer:
		failed.Status = 200
		return shop.Answer{}, failed
	case Fails, FailsAfter:
		return shop.Answer{}, failed
	}
	return s.carryOut(c)
}
