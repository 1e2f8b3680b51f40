package code

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/argon2"

	"mimamori"
)

// argon2id's cost: OWASP's second choice, 19 MiB and 2 passes, about 20 ms.
const (
	argonTime   = 2
	argonMemory = 19 * 1024 // KiB
	argonLanes  = 1
	argonLength = 32
	saltLength  = 16
)

// Hasher hashes passwords and saved codes with argon2id. It does two at a time:
// a crowd at the sign-in page must not take the memory of the decision path.
type Hasher struct {
	room chan struct{}
}

// NewHasher makes one; a process needs one.
func NewHasher() *Hasher { return &Hasher{room: make(chan struct{}, 2)} }

// Salt is 16 random bytes.
func Salt() []byte {
	b := make([]byte, saltLength)
	_, _ = rand.Read(b) // never returns an error
	return b
}

// Hash is 32 bytes of argon2id. ErrUnavailable when ctx ends before its turn.
func (h *Hasher) Hash(ctx context.Context, secret string, salt []byte) ([]byte, error) {
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	case <-ctx.Done():
		return nil, fmt.Errorf("hash: %w", mimamori.ErrUnavailable)
	}
	return argon2.IDKey([]byte(secret), salt, argonTime, argonMemory, argonLanes, argonLength), nil
}

// Same compares two hashes in constant time.
func Same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
