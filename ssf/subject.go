package ssf

import (
	"crypto/subtle"
	"encoding/json"
	"strings"
)

// Name is whom a token or a receiver speaks of: the shop's account id, or a
// mail address by which accounts can be found.
type Name struct {
	Subject string
	Mail    string
	Opaque  string // of a verification: the stream
}

// ReadSubject reads a subject identifier (RFC 9493). Google's subject_type is
// taken for format. A format that is none of ours names nobody.
func ReadSubject(raw json.RawMessage) (Name, error) {
	var s struct {
		Format string          `json:"format"`
		Type   string          `json:"subject_type"`
		Iss    string          `json:"iss"`
		Sub    string          `json:"sub"`
		Email  string          `json:"email"`
		ID     string          `json:"id"`
		User   json.RawMessage `json:"user"`
	}
	if err := json.Unmarshal(raw, &s); err != nil || len(raw) > 8<<10 {
		return Name{}, invalid("the subject is not a subject identifier of RFC 9493")
	}
	if s.Format == "" {
		s.Format = strings.ReplaceAll(s.Type, "-", "_")
	}
	switch s.Format {
	case "iss_sub":
		return Name{Subject: account(s.Sub)}, nil
	case "email":
		if len(s.Email) > 254 || !strings.Contains(s.Email, "@") {
			return Name{}, invalid("the subject's email is no mail address")
		}
		return Name{Mail: s.Email}, nil
	case "opaque":
		return Name{Subject: account(s.ID), Opaque: s.ID}, nil
	case "complex":
		if len(s.User) > 0 {
			return ReadSubject(s.User)
		}
		return Name{}, nil
	case "":
		return Name{}, invalid("the subject has no format")
	}
	return Name{}, nil
}

// account is a subject that can be an account id of the contract: 1 to 200
// characters.
func account(s string) string {
	if len(s) > 200 {
		return ""
	}
	return s
}

func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
