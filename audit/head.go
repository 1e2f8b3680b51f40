package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
	"mimamori/keys"
)

// origin names the log in its heads and keys.
const origin = "mimamori.audit"

// Head is what a signed head says: a checkpoint in the form of C2SP
// tlog-checkpoint, with the time as an extension line.
type Head struct {
	Size int64 // entries
	Hash tlog.Hash
	At   time.Time
}

// signer lets an Ed25519 key of the ring sign notes.
type signer struct {
	verifier note.Verifier
	key      keys.Key
}

func (s signer) Name() string    { return s.verifier.Name() }
func (s signer) KeyHash() uint32 { return s.verifier.KeyHash() }
func (s signer) Sign(msg []byte) ([]byte, error) {
	return s.key.Signer().Sign(nil, msg, &ed25519.Options{})
}

// verifierKey is a key's public half in the note format, to be kept outside:
// with it, heads are checked without this installation.
func verifierKey(k keys.Key) (string, error) {
	public, ok := k.Public().(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("audit head key %s is no Ed25519 key: %w", k.ID, mimamori.ErrInvalid)
	}
	return note.NewEd25519VerifierKey(origin, public)
}

func (h Head) sign(k keys.Key) ([]byte, error) {
	vkey, err := verifierKey(k)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("audit head key %s: %w", k.ID, err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, h.Size, h.Hash, h.At.UTC().Format(time.RFC3339Nano))
	return note.Sign(&note.Note{Text: text}, signer{verifier, k})
}

// OpenHead reads a signed head and checks its signature against verifier keys
// as Log.VerifierKeys gives them.
func OpenHead(signed []byte, verifierKeys []string) (Head, error) {
	bad := fmt.Errorf("audit head: %w", mimamori.ErrInvalid)
	var list []note.Verifier
	for _, key := range verifierKeys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return Head{}, fmt.Errorf("audit verifier key: %w", mimamori.ErrInvalid)
		}
		list = append(list, v)
	}
	n, err := note.Open(signed, note.VerifierList(list...))
	if err != nil || len(n.UnverifiedSigs) > 0 {
		return Head{}, bad
	}
	for _, s := range n.Sigs {
		// The library forgives stray bits in the last base64 digit.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Head{}, bad
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 5 || lines[0] != origin {
		return Head{}, bad
	}
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	hash, err2 := tlog.ParseHash(lines[2])
	at, err3 := time.Parse(time.RFC3339Nano, lines[3])
	if err1 != nil || err2 != nil || err3 != nil || size < 0 {
		return Head{}, bad
	}
	return Head{Size: size, Hash: hash, At: at}, nil
}
