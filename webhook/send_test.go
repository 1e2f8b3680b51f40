package webhook

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// TestSend: what arrives verifies, and a refusal says the status but not the
// address.
func TestSend(t *testing.T) {
	key, status := NewSecret(), http.StatusNoContent
	var heard string
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if m, err := Verify(r.Header, []Secret{key}, body, time.Now()); err != nil || m.ID != "head_1" {
			t.Errorf("message %+v: %v", m, err)
		}
		heard = string(body)
		w.WriteHeader(status)
	}))
	defer at.Close()
	send := func(to string) error {
		return Send(t.Context(), at.Client(), to, []Secret{key}, "head_1", "audit.head", map[string]string{"head": "x"})
	}
	if err := send(at.URL); err != nil || !strings.Contains(heard, `"type":"audit.head"`) || !strings.Contains(heard, `"data":{"head":"x"}`) {
		t.Errorf("Send = %v, heard %s", err, heard)
	}
	status = http.StatusInternalServerError
	if err := send(at.URL); !errors.Is(err, mimamori.ErrUnavailable) || !strings.Contains(err.Error(), "500") {
		t.Errorf("refused with 500: %v", err)
	}
	at.Close()
	if err := send(at.URL + "/a-secret-path"); err == nil || strings.Contains(err.Error(), "a-secret-path") {
		t.Errorf("nobody there: %v", err)
	}
}
