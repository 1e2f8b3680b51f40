package keys

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"mimamori"
)

// Master wraps all other keys. It stands in a file of its own, or comes from
// a command (a secret manager's client), and never in the database.
type Master struct {
	aead  cipher.AEAD   // wraps, and opens what it wrapped
	older []cipher.AEAD // open only: a rotation is under way (rewrap.go)
}

// NewMaster takes the 32 bytes of a master key.
func NewMaster(key []byte) (Master, error) {
	if len(key) != 32 {
		return Master{}, fmt.Errorf("master key has %d bytes, want 32: %w", len(key), mimamori.ErrInvalid)
	}
	aead, err := newAEAD(key)
	return Master{aead: aead}, err
}

// MasterFromFile reads the master key (base64, 32 bytes) from path and creates
// it, readable by its owner only, when there is none: the first start. A file
// that others may read is refused, since its content is then no secret.
func MasterFromFile(path string) (Master, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createMaster(path); err != nil {
			return Master{}, err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return Master{}, fmt.Errorf("master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Master{}, fmt.Errorf("master key %s may be read by others (mode %04o); run: chmod 600 %s: %w",
			path, info.Mode().Perm(), path, mimamori.ErrDenied)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Master{}, fmt.Errorf("master key: %w", err)
	}
	return decodeMaster(path, text)
}

// MasterFromCommand runs argv and takes the master key (base64, 32 bytes) from
// what it prints.
func MasterFromCommand(ctx context.Context, argv []string) (Master, error) {
	if len(argv) == 0 {
		return Master{}, fmt.Errorf("master key command is empty: %w", mimamori.ErrInvalid)
	}
	text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
	if err != nil {
		return Master{}, fmt.Errorf("master key command %s: %w", argv[0], err)
	}
	return decodeMaster(argv[0], text)
}

// createMaster writes a new key beside path and links it into place: two
// processes that start together agree on one, and a crash leaves none half
// written.
func createMaster(path string) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*")
	if err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create master key: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name durable: keys wrapped by a master key that a
// power cut takes away would be lost with it.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	return nil
}

// decodeMaster reads one key, or several, a line each: the first wraps, the
// others open what they wrapped.
func decodeMaster(from string, text []byte) (all Master, err error) {
	for n, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err != nil { // err would quote the text
			return Master{}, fmt.Errorf("master key from %s is not base64: %w", from, mimamori.ErrInvalid)
		}
		m, err := NewMaster(key)
		if err != nil {
			return Master{}, fmt.Errorf("master key from %s: %w", from, err)
		}
		if n == 0 {
			all = m
		} else {
			all.older = append(all.older, m.aead)
		}
	}
	return all, nil
}

// wrap seals a key for storage. What it belongs to is bound in, so that a
// wrapped key moved to another row does not open.
func (m Master) wrap(belongs string, raw []byte) []byte { return seal(m.aead, belongs, raw) }

func (m Master) unwrap(belongs string, wrapped []byte) ([]byte, error) {
	raw, err := unseal(m.aead, belongs, wrapped)
	for _, older := range m.older {
		if err == nil {
			break
		}
		raw, err = unseal(older, belongs, wrapped)
	}
	return raw, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	// Random 96-bit nonces: safe for 2^32 messages a key (NIST SP 800-38D
	// §8.3); the fullest key here, one account's, sees thousands.
	return cipher.NewGCMWithRandomNonce(block)
}

func seal(aead cipher.AEAD, belongs string, plain []byte) []byte {
	return aead.Seal(nil, nil, plain, []byte(belongs))
}

func unseal(aead cipher.AEAD, belongs string, sealed []byte) ([]byte, error) {
	plain, err := aead.Open(nil, nil, sealed, []byte(belongs))
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", mimamori.ErrDenied)
	}
	return plain, nil
}
