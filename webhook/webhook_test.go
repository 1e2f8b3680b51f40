package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// The vector that the specification's reference libraries share.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func secret(t *testing.T, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func headers(signature string) http.Header {
	h := http.Header{}
	h.Set(HeaderID, vectorID)
	h.Set(HeaderTimestamp, fmt.Sprint(vectorTime))
	h.Set(HeaderSignature, signature)
	return h
}

func TestD02_SignVector(t *testing.T) {
	h := http.Header{}
	if err := Sign(h, []Secret{secret(t, vectorSecret)}, vectorID, time.Unix(vectorTime, 0), []byte(vectorBody)); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-signature"); got != vectorSignature {
		t.Errorf("signature = %s, want %s", got, vectorSignature)
	}
}

func TestD02_Verify(t *testing.T) {
	at := time.Unix(vectorTime, 0)
	wrong := "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, c := range map[string]struct {
		change func(http.Header)
		body   string
		now    time.Time
		ok     bool
	}{
		"the vector":             {nil, vectorBody, at, true},
		"a wrong one first":      {func(h http.Header) { h.Set(HeaderSignature, wrong+" "+vectorSignature) }, vectorBody, at, true},
		"another version first":  {func(h http.Header) { h.Set(HeaderSignature, "v1a,xx "+vectorSignature) }, vectorBody, at, true},
		"5 min late":             {nil, vectorBody, at.Add(300 * time.Second), true},
		"5 min early":            {nil, vectorBody, at.Add(-300 * time.Second), true},
		"301 s late":             {nil, vectorBody, at.Add(301 * time.Second), false},
		"301 s early":            {nil, vectorBody, at.Add(-301 * time.Second), false},
		"one space more":         {nil, vectorBody + " ", at, false},
		"other id":               {func(h http.Header) { h.Set(HeaderID, "msg_x") }, vectorBody, at, false},
		"other time":             {func(h http.Header) { h.Set(HeaderTimestamp, "1614265331") }, vectorBody, at, false},
		"time with a plus":       {func(h http.Header) { h.Set(HeaderTimestamp, "+1614265330") }, vectorBody, at, false},
		"id that takes the time": {func(h http.Header) { h.Set(HeaderID, vectorID+".1614265330") }, vectorBody, at, false},
		"no signature":           {func(h http.Header) { h.Del(HeaderSignature) }, vectorBody, at, false},
		"empty signature":        {func(h http.Header) { h.Set(HeaderSignature, "v1,") }, vectorBody, at, false},
		"two ids":                {func(h http.Header) { h.Add(HeaderID, "x") }, vectorBody, at, false},
		"flood of signatures":    {func(h http.Header) { h.Set(HeaderSignature, strings.Repeat(wrong+" ", 20)+vectorSignature) }, vectorBody, at, false},
	} {
		h := headers(vectorSignature)
		if c.change != nil {
			c.change(h)
		}
		m, err := Verify(h, []Secret{secret(t, vectorSecret)}, []byte(c.body), c.now)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, mimamori.ErrDenied) || err == nil && m.ID != vectorID {
			t.Errorf("%s: Verify = %v, %v, want accepted = %v", name, m, err, c.ok)
		}
	}
}

func TestD02_Rotation(t *testing.T) {
	old, next, other := NewSecret(), NewSecret(), NewSecret()
	now := time.Unix(vectorTime, 0)
	h := http.Header{}
	if err := Sign(h, []Secret{old, next}, "cmd_1", now, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		secrets []Secret
		ok      bool
	}{"old": {[]Secret{old}, true}, "next": {[]Secret{next}, true}, "both": {[]Secret{other, next}, true}, "other": {[]Secret{other}, false}, "none": {nil, false}} {
		if _, err := Verify(h, c.secrets, nil, now); (err == nil) != c.ok {
			t.Errorf("%s: %v, want accepted = %v", name, err, c.ok)
		}
	}
}

func TestSecrets(t *testing.T) {
	s := NewSecret()
	if again := secret(t, s.Reveal()); string(again) != string(s) {
		t.Error("a secret's written form does not read back")
	}
	if text := fmt.Sprintf("%s %v %#v", s, s, s); strings.Contains(text, s.Reveal()[6:]) {
		t.Errorf("a secret shows itself when printed: %s", text)
	}
	for _, bad := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!!", "whsec_AAAA", "whsec_" + strings.Repeat("AAAA", 22)} {
		if _, err := ParseSecret(bad); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("ParseSecret(%q) = %v", bad, err)
		}
	}
	if err := Sign(http.Header{}, []Secret{s}, "a.b", time.Now(), nil); err == nil {
		t.Error("signed an id with a dot")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(vectorID, "1614265330", vectorSignature, []byte(vectorBody))
	s, _ := ParseSecret(vectorSecret)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{HeaderID: {id}, HeaderTimestamp: {timestamp}, HeaderSignature: {signature}}
		_, err := Verify(h, []Secret{s}, body, time.Unix(vectorTime, 0))
		if genuine := id == vectorID && timestamp == "1614265330" && string(body) == vectorBody; err == nil && !genuine {
			t.Errorf("accepted a forged message %q %q %q", id, timestamp, signature)
		}
	})
}
