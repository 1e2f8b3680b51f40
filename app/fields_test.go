package app

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// nested writes a dotted key and its value as a file has them.
func nested(key, value string) string {
	var out strings.Builder
	words := strings.Split(key, ".")
	for i, w := range words {
		out.WriteString(strings.Repeat("  ", i) + w + ":")
		if i == len(words)-1 {
			out.WriteString(" " + value)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// TestExamplesCanBeWrittenLikeThat reads every example and every default as
// they would stand in a file.
func TestExamplesCanBeWrittenLikeThat(t *testing.T) {
	known := map[string]bool{}
	for _, f := range Fields() {
		known[f.Key] = true
		for _, value := range []string{f.Example, f.Default} {
			if value == "" {
				continue
			}
			c := DefaultConfig()
			dec := yaml.NewDecoder(strings.NewReader(nested(f.Key, value)))
			dec.KnownFields(true)
			if err := dec.Decode(&c); err != nil {
				t.Errorf("%s: %s: %v", f.Key, value, err)
			}
		}
	}
	for key := range examples {
		if !known[key] {
			t.Errorf("example of %s, which is no field", key)
		}
	}
	for key := range units {
		if !known[key] {
			t.Errorf("unit of %s, which is no field", key)
		}
	}
}

// TestAnnotatedFileReadsBackTheSame: what quickstart writes is what was meant,
// and every field stands in it, so that it can be set where it is explained.
func TestAnnotatedFileReadsBackTheSame(t *testing.T) {
	c, err := ParseConfig([]byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	text := Annotated(c, "a head\nof two lines\n")
	back, err := ParseConfig([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(c, back) {
		t.Errorf("read back: %+v\nwant %+v", back, c)
	}
	for key, meaning := range meanings {
		if !strings.Contains(text, "# "+meaning+" (") {
			t.Errorf("%s is not explained in the file", key)
		}
	}
	// Every commented line can be set by taking its sign away.
	least := DefaultConfig()
	least.Shop.URL = "https://shop.example/commands"
	for _, line := range strings.Split(Annotated(least, ""), "\n") {
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "#"), ": ")
		if !ok || strings.HasPrefix(key, " ") {
			continue
		}
		var any yaml.Node
		if err := yaml.Unmarshal([]byte("x: "+value), &any); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for in, want := range map[string]string{"5h0m0s": "5h", "2160h0m0s": "2160h", "30m0s": "30m", "10s": "10s", "1h30m0s": "1h30m", "0s": "0s", "1m30s": "1m30s"} {
		if got := shortDuration(in); got != want {
			t.Errorf("shortDuration(%s) = %s, want %s", in, got, want)
		}
	}
}

// TestDocumentOfConfiguration keeps docs/configuration.md to the fields.
func TestDocumentOfConfiguration(t *testing.T) {
	const file = "../docs/configuration.md"
	want := ConfigurationDocument()
	if os.Getenv("UPDATE_DOCUMENTS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is stale (%v): make docs writes it again", file, err)
	}
}

// TestInspectNamesLineAndFix: each row is a mistake in a file that would
// otherwise be found by a customer.
func TestInspectNamesLineAndFix(t *testing.T) {
	dir := t.TempDir()
	const good = "data: /nowhere\npublic_url: https://security.shop.test\ntrusted_proxies: [127.0.0.1/32]\nshop:\n  url: https://shop.test/c\n"
	for _, c := range []struct {
		name, text string
		line       int
		field, fix string
		warning    bool
	}{
		{"unknown", good + "zebra: {}\n", 6, "", "mimamori config describe", false},
		{"section", good + "shpo: {}\n", 6, "", "did you mean shop?", false},
		{"misspelled", good + "  hoem: https://shop.test/\n", 6, "", "did you mean shop.home?", false},
		{"missing", "data: x\nshop:\n  home: y\n", 2, "shop.url", "https://shop.example/", false},
		{"wrong kind", good + "policy:\n  wait: soon\n", 7, "", "", false},
		{"mail address", good + "mail:\n  from: nobody\n", 7, "mail.from", "security@", false},
		{"odd policy", good + "policy:\n  mode: fierce\n", 7, "policy.mode", "assist", false},
		{"certificate", good + "tls:\n  mode: files\n  certificates: [{cert: /none, key: /none}]\n", 8, "tls.certificates", "chain and key", false},
		{"no certificate", good + "tls:\n  mode: files\n", 6, "tls.certificates", "chain.pem", false},
		{"no TLS", strings.Replace(good, "https://security", "http://security", 1), 2, "public_url", "https://security.shop.test", false},
		{"everybody", strings.Replace(good, "127.0.0.1/32", "0.0.0.0/0", 1), 3, "trusted_proxies", "your own", false},
		{"no proxy named", strings.Replace(good, "trusted_proxies: [127.0.0.1/32]\n", "", 1), 0, "trusted_proxies", "127.0.0.1/32", true},
		{"desk in the open", good + "console_listen: 0.0.0.0:8421\n", 6, "console_listen", "127.0.0.1", true},
		{"demo's brand", good, 4, "shop.brand", "docs/theme.md", true},
		{"no brand", good + "  brand: none\n", 6, "shop.brand", "brand file", false},
		{"no list", good + "geo:\n  lists: {tor: [/none]}\n", 7, "geo.lists", "file", false},
		{"no policy file", good + "policy_file: /none\n", 6, "policy_file", "take policy_file out", false},
		{"secrets for all", good + "mail: {password: x}\n", 0, "", "chmod 640", true},
	} {
		file := filepath.Join(dir, c.name+".yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := Inspect(file)
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, f := range found {
			ok = ok || f.Line == c.line && (c.field == "" || f.Field == c.field) && strings.Contains(f.Fix, c.fix) && f.Warning == c.warning
			if strings.Contains(f.Text, "app.") {
				t.Errorf("%s: %s names our own types", c.name, f.Text)
			}
		}
		if !ok {
			t.Errorf("%s: found %+v, want line %d, field %q, fix with %q", c.name, found, c.line, c.field, c.fix)
		}
		if (Wrong(found) == nil) != c.warning {
			t.Errorf("%s: Wrong = %v", c.name, Wrong(found))
		}
	}
	if _, err := Inspect(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file is good")
	}
}

// TestNothingSecretIsSaid: what is wrong with a file is told without what is
// secret in it.
func TestNothingSecretIsSaid(t *testing.T) {
	_, err := ParseConfig([]byte("shop: {url: a, secret: whsec_geheim}\nmail: {from: nobody, password: geheim}\nmetrics: {key: geheim}\n"))
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v", err)
	}
}
