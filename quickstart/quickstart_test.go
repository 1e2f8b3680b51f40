package quickstart

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/brands"
	"mimamori/decide"
)

// shop are the answers that have no default, and what a test needs besides.
func shop(t *testing.T) Answers {
	t.Helper()
	a := Answers{Domain: "aoba-store.example", NameJA: "あおば商店", NameEN: "Aoba Store", MailServer: "127.0.0.1:1", MailTLS: "none",
		Data: filepath.Join(t.TempDir(), "data"), Phone: "0120-000-000", AdminName: "佐藤", AdminMail: "sato@aoba-store.example"}
	if err := Ask(&a, nil, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestEveryFlagIsAQuestion: no answer is without its rules, no rule without an
// answer.
func TestEveryFlagIsAQuestion(t *testing.T) {
	all := questions()
	for f := range reflect.TypeFor[Answers]().Fields() {
		flag := f.Tag.Get("name")
		if _, ok := all[flag]; !ok || f.Tag.Get("help") == "" {
			t.Errorf("--%s (%s) has no question or no words", flag, f.Name)
		}
		delete(all, flag)
	}
	for flag := range all {
		t.Errorf("question --%s has no answer to fill", flag)
	}
}

func TestWhatCannotBeGuessedIsNamedByItsFlag(t *testing.T) {
	var a Answers
	err := Ask(&a, nil, nil)
	if m, ok := errors.AsType[*Missing](err); !ok || !reflect.DeepEqual(m.Flags, []string{"domain", "shop-ja", "shop-en", "mail-server"}) {
		t.Errorf("Ask(nothing) = %v", err)
	}
	a = Answers{Domain: "shop.example", NameJA: "a", NameEN: "b", MailServer: "m:25", TLS: app.TLSFiles, AdminName: "c"}
	if err := Ask(&a, nil, nil); err == nil || !strings.Contains(err.Error(), "--tls-cert, --tls-key, --admin-mail") {
		t.Errorf("Ask = %v", err)
	}
}

// TestTheDialogue answers as people do: some wrong, most by Enter.
func TestTheDialogue(t *testing.T) {
	var a Answers
	a.Data, a.MailTLS = "/data", "none" // by flag: not asked
	in := strings.Join([]string{"https://shop.example/", "shop.example", "", "お店", "The Shop", "", "", "http://127.0.0.1:9000/commands", "", "", "", "", "", "ja,en", "Asia/Atlantis", "Asia/Tokyo",
		"0120-000-000", "", "00:00-24:00", "", "localhost", "localhost:25", "", "", "", "proxy", "10.0.0.0/8, 127.0.0.1/32", "", "", "", ""}, "\n") + "\n"
	var out strings.Builder
	if err := Ask(&a, strings.NewReader(in), &out); err != nil {
		t.Fatalf("%v after:\n%s", err, out.String())
	}
	want := Answers{Domain: "shop.example", NameJA: "お店", NameEN: "The Shop", PublicURL: "https://security.shop.example", ConsoleURL: "https://desk.shop.example",
		ShopURL: "http://127.0.0.1:9000/commands", Home: "https://shop.example/", SignIn: "https://shop.example/signin", Forgot: "https://shop.example/forgot",
		Challenge: "https://shop.example/signin/challenge", Source: "shop", Languages: "ja,en", TimeZone: "Asia/Tokyo", Phone: "0120-000-000", Hours: "00:00-24:00",
		MailFrom: "security@notice.shop.example", MailServer: "localhost:25", MailTLS: "none", Database: "sqlite", Data: "/data", TLS: "proxy",
		Proxies: "10.0.0.0/8, 127.0.0.1/32", Listen: "127.0.0.1:8420", ConsoleAt: "127.0.0.1:8421"}
	if a != want {
		t.Errorf("got  %+v\nwant %+v\n%s", a, want, out.String())
	}
	for _, said := range []string{"is not a domain", "This must be known", "is not a time zone", "is not host:port", "[https://security.shop.example]"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("nobody was told %q", said)
		}
	}
	if err := Ask(&Answers{}, strings.NewReader(""), &out); err == nil {
		t.Error("nobody there, and it is content")
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for flag, wrong := range map[string]string{"domain": "co.jp", "shop-ja": "a\nb", "public-url": "https://a.example/x", "console-url": "http://desk.a.example", "phone-abroad": "0120-000-000", "shop-url": "ftp://a.example", "source": "My Shop",
		"languages": "ja,fr", "time-zone": "Local", "mail-from": "Shop <a@b.example>", "mail-server": "host", "mail-tls": "maybe", "database": "mysql://x", "tls": "none",
		"trusted-proxies": "10.0.0.1", "listen": "443"} {
		a := Answers{Domain: "shop.example", NameJA: "a", NameEN: "b", MailServer: "m:25"}
		v := reflect.ValueOf(&a).Elem()
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("name") == flag {
				v.Field(i).SetString(wrong)
			}
		}
		if err := Ask(&a, nil, nil); !errors.Is(err, mimamori.ErrInvalid) || !strings.Contains(err.Error(), "--"+flag) {
			t.Errorf("--%s %q: %v", flag, wrong, err)
		}
	}
}

// TestItLeavesAWholeConfiguration, that loads, is good, decides without doing
// anything, and keeps what is secret to its owner.
func TestItLeavesAWholeConfiguration(t *testing.T) {
	a, dir := shop(t), filepath.Join(t.TempDir(), "etc")
	m, err := Run(t.Context(), a, Options{Dir: dir, Program: "/usr/local/bin/mimamori"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.LoadConfig(m.Config)
	if err != nil {
		t.Fatal(err)
	}
	if c.Policy.Mode != decide.Observe || c.Shop.Name.JA != a.NameJA || c.Data != a.Data || c.Shop.Brand != "aoba-store" {
		t.Errorf("configuration: %+v", c)
	}
	found, err := app.Inspect(m.Config)
	if err != nil || len(found) > 0 {
		t.Errorf("config check finds %+v, %v", found, err)
	}
	all, err := brands.Load(m.Brand)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range brands.Lint(all, time.Now()) {
		t.Errorf("brand file: %s", p)
	}
	for _, name := range []string{m.Config, filepath.Join(m.Data, "master.key")} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if text, err := os.ReadFile(m.Records); err != nil || strings.Count(string(text), "._domainkey.notice.aoba-store.example. IN TXT") != 2 || !strings.Contains(string(text), "security.aoba-store.example") {
		t.Errorf("records: %v\n%s", err, text)
	}
	if !strings.HasPrefix(m.ShopSecret, "whsec_") || !strings.HasPrefix(m.APIKey, "mimamori_") || m.Admin == nil || len(m.Admin.Password) < 20 || len(m.Left) < 6 {
		t.Errorf("made %+v", m)
	}
	text, err := os.ReadFile(m.Config)
	if err != nil || strings.Contains(string(text), m.ShopSecret) || strings.Contains(string(text), m.APIKey) {
		t.Errorf("the file holds what is kept sealed: %v", err)
	}
}

// TestTwiceOverwritesNothing: neither files, nor, even with force, a key.
func TestTwiceOverwritesNothing(t *testing.T) {
	a, dir := shop(t), t.TempDir()
	first, err := Run(t.Context(), a, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(a.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first.Config, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.NameEN = "Another"
	_, err = Run(t.Context(), a, Options{Dir: dir})
	if s, ok := errors.AsType[*Standing](err); !ok || len(s.Files) != 5 {
		t.Errorf("a second run = %v", err)
	}
	if b, _ := os.ReadFile(first.Config); string(b) != "# mine\n" {
		t.Error("the configuration was overwritten")
	}
	again, err := Run(t.Context(), a, Options{Dir: dir, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(first.Config + ".old"); string(b) != "# mine\n" {
		t.Error("the old configuration is gone")
	}
	if again.ShopSecret != first.ShopSecret || again.APIKey != "" || again.Admin != nil || len(again.Kept) != 5 {
		t.Errorf("with force: %+v", again)
	}
	if b, _ := os.ReadFile(filepath.Join(a.Data, "master.key")); string(b) != string(key) {
		t.Error("the master key changed")
	}
}

// TestNothingIsWrittenWhenTheMailServerIsNotThere and the operator asked to try.
func TestNothingIsWrittenWhenTheMailServerIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, dir := shop(t), filepath.Join(t.TempDir(), "etc")
	a.MailServer = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), a, Options{Dir: dir, TestMail: true}); err == nil || !strings.Contains(err.Error(), a.MailServer) {
		t.Errorf("Run = %v", err)
	}
	for _, name := range []string{dir, a.Data} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

// TestADatabaseThatIsNotThere leaves nothing that stands in the way of the
// next run.
func TestADatabaseThatIsNotThere(t *testing.T) {
	a, dir := shop(t), t.TempDir()
	a.Database = "postgres://mimamori@127.0.0.1:1/mimamori"
	if m, err := Run(t.Context(), a, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Fatalf("Run = %+v, %v", m, err)
	}
	a.Database = "sqlite"
	m, err := Run(t.Context(), a, Options{Dir: dir})
	if err != nil {
		t.Fatalf("the next run: %v", err)
	}
	if c, err := app.LoadConfig(m.Config); err != nil || c.Database != "" {
		t.Errorf("database %q, %v", c.Database, err)
	}
}

// TestDocumentOfUnit keeps deploy/mimamori.service to what quickstart writes,
// and systemd's own checker content with it.
func TestDocumentOfUnit(t *testing.T) {
	const file = "../deploy/mimamori.service"
	usual := Unit{Program: "/usr/local/bin/mimamori", Config: "/etc/mimamori/mimamori.yaml", Data: "/var/lib/mimamori", User: "mimamori"}
	want, err := usual.Text()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_DOCUMENTS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is stale (%v): make docs writes it again", file, err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []Unit{{self, "/etc/m.yaml", "/var/lib/mimamori", "root", false}, {self, "/etc/m.yaml", "/srv/m", "root", true}, {self, "/home/x/m.yaml", "/home/x/data", "root", false}} {
		text, err := u.Text()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "AmbientCapabilities") != u.LowPorts || strings.Contains(text, "StateDirectory=") != (u.State() != "") || strings.Contains(text, "ProtectHome=no") != u.Home() {
			t.Errorf("unit of %+v:\n%s", u, text)
		}
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			continue // Debian's package systemd has it
		}
		name := filepath.Join(t.TempDir(), "mimamori.service")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", name).CombinedOutput()
		if err != nil || strings.Contains(string(said), name) {
			t.Errorf("systemd-analyze verify: %v\n%s\n%s", err, said, text)
		}
	}
	for _, u := range []Unit{{"mimamori", "/a", "/b", "m", false}, {"/m", "/a b", "/b", "m", false}, {"/m", "/a", "/b", "m;x", false}, {"/m", "/a%h", "/b", "m", false}} {
		if _, err := u.Text(); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("unit of %+v: %v", u, err)
		}
	}
}
