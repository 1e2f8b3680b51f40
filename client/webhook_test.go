package client

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// The vector published with the Standard Webhooks libraries.
const (
	vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorBody   = `{"test": 2432232314}`
	vectorSig    = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var vectorAt = time.Unix(1614265330, 0)

func TestD02_SignatureVectorToleranceAndRotation(t *testing.T) {
	w, err := NewWebhooks(vectorSecret)
	if err != nil {
		t.Fatal(err)
	}
	other := "v1,AAAM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, c := range []struct {
		name, sig, body string
		now             time.Time
		good            bool
	}{
		{"the vector", vectorSig, vectorBody, vectorAt, true},
		{"after another's signature", other + " " + vectorSig, vectorBody, vectorAt, true},
		{"another version only", "v1a" + vectorSig[2:], vectorBody, vectorAt, false},
		{"five minutes late", vectorSig, vectorBody, vectorAt.Add(5 * time.Minute), true},
		{"a second more", vectorSig, vectorBody, vectorAt.Add(301 * time.Second), false},
		{"a second more, early", vectorSig, vectorBody, vectorAt.Add(-301 * time.Second), false},
		{"another body", vectorSig, vectorBody + " ", vectorAt, false},
		{"wrong", other, vectorBody, vectorAt, false},
		{"none", "", vectorBody, vectorAt, false},
	} {
		h := http.Header{}
		h.Set("webhook-id", vectorID)
		h.Set("webhook-timestamp", "1614265330")
		h.Set("webhook-signature", c.sig)
		err := w.Verify(h, []byte(c.body), c.now)
		if (err == nil) != c.good || (err != nil && !errors.Is(err, ErrSignature)) {
			t.Errorf("Verify(%s) = %v, want good %v", c.name, err, c.good)
		}
	}
	h := http.Header{}
	w.Sign(h, vectorID, vectorAt, []byte(vectorBody))
	if got := h.Get("webhook-signature"); got != vectorSig {
		t.Errorf("Sign = %s, want %s", got, vectorSig)
	}
	both, _ := NewWebhooks("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", vectorSecret)
	if err := both.Verify(h, []byte(vectorBody), vectorAt); err != nil {
		t.Errorf("Verify with the old and the new secret = %v, want nil", err)
	}
}

func TestSecretsThatAreNotSecrets(t *testing.T) {
	for _, s := range []string{"", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"} {
		if _, err := NewWebhooks(s); err == nil {
			t.Errorf("NewWebhooks(%q) took it", s)
		}
	}
	if _, err := NewWebhooks(); err == nil {
		t.Error("NewWebhooks() without a secret is no error")
	}
}
