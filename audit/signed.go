package audit

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"mimamori"
	"mimamori/keys"
)

// Sign puts the log's signature under a text that leaves the house, in the form
// of C2SP signed-note. Its first line is kind, so that no signature of one kind
// of paper passes for another's: heads begin with the log's origin. Ed25519
// signs the same text with the same key to the same bytes.
func (l *Log) Sign(_ context.Context, kind, text string) ([]byte, error) {
	if kind == origin || kind == "" || strings.ContainsAny(kind, "\n ") || !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("sign %q: %w", kind, mimamori.ErrInvalid)
	}
	k := l.ring.Active(keys.AuditHead)
	vkey, err := verifierKey(k)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("audit head key %s: %w", k.ID, err)
	}
	return note.Sign(&note.Note{Text: kind + "\n" + text}, signer{verifier, k})
}

// OpenSigned checks a text that Sign signed, against verifier keys as
// Log.VerifierKeys gives them, and gives it back without its first line.
func OpenSigned(kind string, signed []byte, verifierKeys []string) (string, error) {
	bad := fmt.Errorf("signed %s: %w", kind, mimamori.ErrInvalid)
	var list []note.Verifier
	for _, key := range verifierKeys {
		v, err := note.NewVerifier(strings.TrimSpace(key))
		if err != nil {
			return "", fmt.Errorf("verifier key: %w", mimamori.ErrInvalid)
		}
		list = append(list, v)
	}
	n, err := note.Open(signed, note.VerifierList(list...))
	if err != nil || len(n.UnverifiedSigs) > 0 {
		return "", bad
	}
	for _, s := range n.Sigs { // the library forgives stray bits in the last digit
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return "", bad
		}
	}
	text, ok := strings.CutPrefix(n.Text, kind+"\n")
	if !ok || kind == origin {
		return "", bad
	}
	return text, nil
}
