package app

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExampleIsAWholeConfiguration(t *testing.T) {
	c, err := ParseConfig([]byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	if c.Shop.Name.JA != "みどり商店" || len(c.TrustedProxies) != 1 || c.Policy.ContainAt != DefaultConfig().Policy.ContainAt {
		t.Errorf("the example reads as %+v", c)
	}
}

func TestConfigurationIsReadStrictly(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "data: x\nshop:\n  ulr: y\n", "line 3: there is no field ulr"},
		{"twice", "data: x\ndata: y\n", "line 2"},
		{"wrong kind", "shop: {url: a}\npolicy:\n  wait: soon\n", "where a duration like 5h is wanted"},
		{"two documents", "shop: {url: a}\n---\ndata: y\n", "more than one document"},
		{"empty", "# nothing\n", "empty"},
		{"required", "data: x\n", "shop.url is required"},
		{"short wait", "shop: {url: a}\npolicy: {wait: 10s}\n", "set policy.shortened"},
		{"no yaml", "a: [", "line 1"},
	} {
		_, err := ParseConfig([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "app.") {
			t.Errorf("%s: %v names our own types", c.name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(path, []byte("nope: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("LoadConfig = %v, want the file named", err)
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Fields() {
		seen[f.Key] = true
		if f.Meaning == "" {
			t.Errorf("field %s has no meaning", f.Key)
		}
	}
	for key := range meanings {
		if !seen[key] {
			t.Errorf("meaning of %s, which is no field", key)
		}
	}
}

func TestD09_OnlyOwnProxiesAreBelieved(t *testing.T) {
	read := BehindProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")})
	for _, c := range []struct{ peer, header, want string }{
		{"198.51.100.7:1", "", "198.51.100.7"},
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"},
		{"127.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.0.0.3", "203.0.113.9"},
		{"127.0.0.1:1", "203.0.113.9, nonsense", "127.0.0.1"},
		{"127.0.0.1:1", "", "127.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		if got := read(r).String(); got != c.want {
			t.Errorf("from %s with %q: %s, want %s", c.peer, c.header, got, c.want)
		}
	}
}
