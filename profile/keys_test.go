package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// TestKeys: the keys are in rows that were written long ago, of tokens and
// headers of any length.
func TestKeys(t *testing.T) {
	for _, s := range []string{"x", "dev_0123456789abcdef0123456789abcdef", "日本語", strings.Repeat("long ", 200)} {
		sum := sha256.Sum256([]byte("device\x00" + s))
		if got, want := DeviceKey(s, Agent{}), "t"+hex.EncodeToString(sum[:6]); got != want {
			t.Errorf("the key of device %.20q is %s, want %s", s, got, want)
		}
		sum = sha256.Sum256([]byte("print\x00" + s + "\x00" + "tls"))
		if got, want := PrintKey(s, "tls"), hex.EncodeToString(sum[:3]); got != want {
			t.Errorf("the key of header %.20q is %s, want %s", s, got, want)
		}
	}
	if got := PrintKey("", ""); got != "" {
		t.Errorf("the key of nothing is %q", got)
	}
}
