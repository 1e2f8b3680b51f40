package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrSignature means that a request is not signed by one of the secrets, or
// not lately.
var ErrSignature = errors.New("webhook signature is not valid")

// SignatureTolerance is how far the timestamp of a signed request may be from
// now, either way (Standard Webhooks 1.0, "verifying webhook authenticity").
const SignatureTolerance = 5 * time.Minute

// Webhooks verifies requests signed as Standard Webhooks 1.0 asks. Several
// secrets are all good at once, so that one can be rotated.
type Webhooks struct{ keys [][]byte }

// NewWebhooks reads secrets written as "whsec_" and base64 of 24 to 64 bytes.
func NewWebhooks(secrets ...string) (*Webhooks, error) {
	w := &Webhooks{}
	for i, s := range secrets {
		rest, ok := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.DecodeString(rest)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, fmt.Errorf("webhook secret %d is not whsec_ and base64 of 24 to 64 bytes", i)
		}
		w.keys = append(w.keys, key)
	}
	if len(w.keys) == 0 {
		return nil, errors.New("webhooks: at least one secret is needed")
	}
	return w, nil
}

// Verify checks the three webhook- headers over the body. Every key is tried
// against every v1 signature in constant time; the error tells nothing that
// helps a forger.
func (w *Webhooks) Verify(h http.Header, body []byte, now time.Time) error {
	id, stamp := h.Get("webhook-id"), h.Get("webhook-timestamp")
	secs, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || strings.Contains(id, ".") || err != nil {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(secs, 0)); age > SignatureTolerance || age < -SignatureTolerance {
		return fmt.Errorf("%w: its time is more than %s away", ErrSignature, SignatureTolerance)
	}
	good := false
	for _, key := range w.keys {
		want := mac(key, id, stamp, body)
		for s := range strings.SplitSeq(h.Get("webhook-signature"), " ") {
			version, sig, _ := strings.Cut(s, ",")
			got, err := base64.StdEncoding.DecodeString(sig)
			if version == "v1" && err == nil && hmac.Equal(got, want) {
				good = true
			}
		}
	}
	if !good {
		return ErrSignature
	}
	return nil
}

// Sign sets the three headers, with one signature for each secret. A shop needs
// it only in its own tests.
func (w *Webhooks) Sign(h http.Header, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var sigs []string
	for _, key := range w.keys {
		sigs = append(sigs, "v1,"+base64.StdEncoding.EncodeToString(mac(key, id, stamp, body)))
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", strings.Join(sigs, " "))
}

func mac(key []byte, id, stamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + stamp + "."))
	m.Write(body)
	return m.Sum(nil)
}
