package ssf

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mimamori/event"
)

// TestD01_JudgedByJose has an independent verifier look at every kind of token
// that we sign (make test-integrations).
func TestD01_JudgedByJose(t *testing.T) {
	judge := strings.Fields(os.Getenv("MIMAMORI_JOSE"))
	if len(judge) == 0 {
		t.Skip("MIMAMORI_JOSE names no judge: make test-integrations runs this")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Transmitter{Issuer: "https://security.shop.example", Signer: func() Signer { return Signer{"k1", key} }}
	s := Stream{ID: "str_1", Audience: "https://receiver.example"}
	list := []Occurred{{Key: "v", Type: Verification, At: time.Now(), Claims: json.RawMessage(`{"state":"x"}`)}}
	for _, step := range []string{"sessions.revoke", "password.invalidate", "state.contained", "account.release", "notice.password_set"} {
		list = append(list, Of(step, "", step, "hanako", "inc_1", time.Now())...)
	}
	list = append(list, Of("resource.restore", event.Contact, "c", "hanako", "inc_1", time.Now())...)
	list = append(list, Of("resource.remove", event.Factor, "f", "hanako", "inc_1", time.Now())...)
	ask := map[string]any{"issuer": tr.Issuer, "audience": s.Audience,
		"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}}
	var good, bad []string
	for _, o := range list {
		x, err := tr.token(s, o)
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, x.SET)
		parts := strings.Split(x.SET, ".")
		bad = append(bad, parts[0]+"."+parts[1]+"AA."+parts[2], x.SET[:len(x.SET)-6]+"AAAAAA")
	}
	ask["good"], ask["bad"] = good, bad
	in, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(judge[0], judge[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Good, Bad []string }
	if err := json.Unmarshal(b, &got); err != nil || len(got.Good) != len(good) || len(got.Bad) != len(bad) {
		t.Fatalf("%v: %s", err, b)
	}
	for i, v := range got.Good {
		if v != "good" {
			t.Errorf("%s: jose says %s", list[i].Type, v)
		}
	}
	for i, v := range got.Bad {
		if v == "good" {
			t.Errorf("altered token %d is taken", i)
		}
	}
	t.Logf("%d tokens judged good, %d altered ones refused", len(good), len(bad))
}
