package mail

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Key is one DKIM key (RFC 6376): an RSA key of at least 2048 bits or an
// Ed25519 key (RFC 8463), published at Selector._domainkey.Domain.
type Key struct {
	Domain   string // d=, the domain of the From address
	Selector string // s=
	Signer   crypto.Signer
}

// Record is the name and the TXT value to publish for the key.
func (k Key) Record() (name, value string, err error) {
	name = k.Selector + "._domainkey." + k.Domain
	switch pub := k.Signer.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return "", "", fmt.Errorf("write the record of %s: %w", name, err)
		}
		return name, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PublicKey:
		return name, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub), nil
	}
	return "", "", invalid("key", "neither RSA nor Ed25519")
}

// LookupTXT answers for the given keys what the DNS would answer once their
// records are published; every other name has no record. The demo's mailbox
// and the tests verify signatures with it.
func LookupTXT(keys []Key) (func(name string) ([]string, error), error) {
	records := map[string]string{}
	for _, k := range keys {
		name, value, err := k.Record()
		if err != nil {
			return nil, err
		}
		records[name] = value
	}
	return func(name string) ([]string, error) {
		if v, ok := records[strings.TrimSuffix(name, ".")]; ok {
			return []string{v}, nil
		}
		return nil, nil
	}, nil
}

// signed are the fields under each signature. Each is named once more than it
// may occur ("oversigned"), also where it is absent: a second From, Subject or
// Reply-To added on the way breaks the signature instead of being displayed
// (RFC 6376 section 8.15). No l= tag, for the same reason.
var signed = []string{
	"From", "From", "To", "To", "Cc", "Subject", "Subject", "Date", "Date", "Message-ID", "Message-ID",
	"Reply-To", "Sender", "In-Reply-To", "References", "MIME-Version", "MIME-Version", "Content-Type", "Content-Type",
	"Content-Transfer-Encoding", "Content-Transfer-Encoding", "Content-Language", "Content-Language", "Content-Disposition",
	"Auto-Submitted", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post",
}

// Sign puts one DKIM signature a key before the message, relaxed/relaxed, the
// first key's on top: give RSA first, because some receivers read one only.
// The signature holds the second at which it was made, so sign once and keep
// the bytes.
func Sign(raw []byte, keys []Key) ([]byte, error) {
	if len(keys) == 0 {
		return nil, invalid("keys", "none given")
	}
	var out bytes.Buffer
	for _, k := range keys {
		field, err := signature(raw, k)
		if err != nil {
			return nil, fmt.Errorf("sign for %s with %s: %w", k.Domain, k.Selector, err)
		}
		out.WriteString(field)
	}
	out.Write(raw)
	return out.Bytes(), nil
}

func signature(raw []byte, k Key) (string, error) {
	if pub, ok := k.Signer.Public().(*rsa.PublicKey); ok && pub.N.BitLen() < 2048 {
		return "", invalid("key", "an RSA key needs 2048 bits")
	}
	s, err := dkim.NewSigner(&dkim.SignOptions{
		Domain: k.Domain, Selector: k.Selector, Signer: k.Signer, HeaderKeys: slices.Clone(signed),
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		return "", err
	}
	_, writeErr := s.Write(raw)
	if err := s.Close(); err != nil { // also ends the signer's goroutine
		return "", err
	}
	if writeErr != nil {
		return "", writeErr
	}
	return s.Signature(), nil
}
