package shopcheck

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/webhook"
)

var secret = webhook.NewSecret()

// checked runs all checks on a fresh shop behind wrap, with an account that
// has everything they take.
func checked(t *testing.T, s *shoptest.Shop, wrap func(http.Handler) http.Handler) Report {
	t.Helper()
	s.Customer("hanako")
	her, err := s.SignIn("hanako", shoptest.Connection{IP: "192.0.2.10", UserAgent: "UA"})
	if err != nil {
		t.Fatal(err)
	}
	must := func(id string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	must(her.AddAddress("見守 花子", "千代田1-1"))
	must(her.PlaceOrder(shoptest.Order{}))
	must("", her.HideOrder(must(her.PlaceOrder(shoptest.Order{}))))
	must("", s.Ship("hanako", must(her.PlaceOrder(shoptest.Order{}))))
	entry := must(her.SpendPoints(300, ""))
	server := httptest.NewServer(wrap(s))
	defer server.Close()
	r, err := Run(t.Context(), Options{URL: server.URL + "/mimamori", Secret: secret, Subject: "hanako", Entry: entry, Amount: 300,
		AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func asIs(h http.Handler) http.Handler { return h }

func TestAShopThatKeepsTheContractPasses(t *testing.T) {
	r := checked(t, shoptest.New(shoptest.Options{Secret: secret}), asIs)
	for _, f := range r.Findings {
		if f.State != Passed {
			t.Errorf("%s: %s: %s, seen %s", f.Part, f.Check, f.State, f.Seen)
		}
	}
	if len(r.Findings) < 40 || r.Slowest <= 0 {
		t.Errorf("%d checks, slowest %s", len(r.Findings), r.Slowest)
	}
}

// TestEachLieIsFound: a shop that says done to a command and does nothing.
func TestEachLieIsFound(t *testing.T) {
	for _, c := range []struct {
		kind shop.CommandType
		part string
	}{
		{shop.TypeSessionsRevoke, "sessions.revoke"}, {shop.TypePasswordInvalidate, "password.invalidate"}, {shop.TypeAccountHold, "account.hold"},
		{shop.TypeAccountRelease, "account.hold"}, {shop.TypePointsFreeze, "points.freeze"}, {shop.TypePointsUnfreeze, "points.freeze"},
		{shop.TypeOrderCancel, "order.cancel"}, {shop.TypeOrderUnhide, "order.unhide"}, {shop.TypeResourceRemove, "resource.restore"},
		{shop.TypePointsRestore, "points.restore"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			s := shoptest.New(shoptest.Options{Secret: secret})
			s.Misbehave(shoptest.Mood{Way: shoptest.Lies, Types: []shop.CommandType{c.kind}})
			if r := checked(t, s, asIs); !failed(r, c.part) {
				t.Errorf("not found: %+v", r.Findings)
			}
		})
	}
}

func failed(r Report, part string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Part == part && f.State == Failed && f.Advice != "" })
}

// TestEachFaultIsFound: shops that are wrong in one thing.
func TestEachFaultIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		part  string
		fault func(http.Handler) http.Handler
	}{
		"believes everybody":            {"signature", anew(func(r *http.Request, _ string) string { return r.Header.Get(webhook.HeaderID) })},
		"reads id from the body":        {"signature", anew(func(_ *http.Request, id string) string { return id })},
		"answers for nobody":            {"read-back", for404},
		"does not remember ids":         {"same id", forgetful},
		"does anything it is asked":     {"unknown", obliging},
		"redirects":                     {"sessions.revoke", redirecting},
		"puts a second address beside":  {"resource.restore", doubling},
		"tells no reason":               {"order.cancel", reasonless},
		"gives points by command alone": {"points.restore", generous()},
	} {
		t.Run(name, func(t *testing.T) {
			if r := checked(t, shoptest.New(shoptest.Options{Secret: secret}), c.fault); !failed(r, c.part) {
				t.Errorf("not found in %s: %+v", c.part, r.Findings)
			}
		})
	}
}

// anew signs what comes in with the right secret, so that the shop behind
// takes it whoever sent it.
func anew(id func(*http.Request, string) string) func(http.Handler) http.Handler {
	return rewriting(func(r *http.Request, body []byte) []byte {
		var c struct{ ID string }
		_ = json.Unmarshal(body, &c)
		name := id(r, c.ID)
		if name == "" {
			name = c.ID
		}
		if name == "" {
			name = "get"
		}
		_ = webhook.Sign(r.Header, []webhook.Secret{secret}, name, time.Now(), body)
		return body
	})
}

// rewriting changes each request on its way in.
func rewriting(change func(*http.Request, []byte) []byte) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			body = change(r, body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			next.ServeHTTP(w, r)
		})
	}
}

// answering changes each answer on its way out.
func answering(change func(r *http.Request, body []byte, status int, answer []byte) (int, []byte)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			seen := httptest.NewRecorder()
			next.ServeHTTP(seen, r)
			status, answer := change(r, body, seen.Code, seen.Body.Bytes())
			w.WriteHeader(status)
			_, _ = w.Write(answer)
		})
	}
}

var for404 = answering(func(_ *http.Request, _ []byte, status int, answer []byte) (int, []byte) {
	if status == http.StatusNotFound {
		return http.StatusOK, []byte(`{}`)
	}
	return status, answer
})

// forgetful gives every command a fresh id, so that the shop does it anew.
var forgetful = rewriting(func(r *http.Request, body []byte) []byte {
	if r.Method != http.MethodPost || r.Header.Get(webhook.HeaderSignature) == "" {
		return body
	}
	if _, err := webhook.Verify(r.Header, []webhook.Secret{secret}, body, time.Now()); err != nil {
		return body
	}
	var c shop.Command
	if json.Unmarshal(body, &c) != nil || c.ID != r.Header.Get(webhook.HeaderID) {
		return body
	}
	c.ID = "x" + strings.ToLower(time.Now().Format("150405.000000000")[7:])
	body, _ = json.Marshal(c)
	_ = webhook.Sign(r.Header, []webhook.Secret{secret}, c.ID, time.Now(), body)
	return body
})

var obliging = answering(func(_ *http.Request, body []byte, status int, answer []byte) (int, []byte) {
	if status != http.StatusOK && status != http.StatusUnauthorized && bytes.Contains(body, []byte("teapot")) {
		return http.StatusOK, []byte(`{"result":"done"}`)
	}
	return status, answer
})

func redirecting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var doubling = answering(func(r *http.Request, _ []byte, status int, answer []byte) (int, []byte) {
	var a shop.Account
	if r.Method != http.MethodGet || status != http.StatusOK || json.Unmarshal(answer, &a) != nil {
		return status, answer
	}
	a.Resources = append(a.Resources, a.Resources...)
	answer, _ = json.Marshal(a)
	return status, answer
})

var reasonless = answering(func(_ *http.Request, _ []byte, status int, answer []byte) (int, []byte) {
	if bytes.Contains(answer, []byte("impossible")) {
		return status, []byte(`{"result":"impossible"}`)
	}
	return status, answer
})

// generous is a shop that forgets to which incident an entry was given back.
func generous() func(http.Handler) http.Handler {
	return answering(func(_ *http.Request, body []byte, status int, answer []byte) (int, []byte) {
		if bytes.Contains(body, []byte("points.restore")) && bytes.Contains(answer, []byte("already")) {
			return status, []byte(`{"result":"done"}`)
		}
		return status, answer
	})
}

func TestRunNeedsAnAccountAndAShop(t *testing.T) {
	if _, err := Run(t.Context(), Options{URL: "https://shop.example/m", Secret: secret}); err == nil {
		t.Error("began without an account")
	}
	if _, err := Run(t.Context(), Options{URL: "ftp://shop.example/m", Secret: secret, Subject: "x"}); err == nil {
		t.Error("began with an address that is no web address")
	}
	if _, err := Run(t.Context(), Options{URL: "http://127.0.0.1:1/m", Secret: secret, Subject: "x", AllowHTTP: true}); err == nil {
		t.Error("began without a shop")
	}
}
