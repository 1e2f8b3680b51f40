package flowtest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/mail"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/webhook"
)

// answers are what README's curl lines must be answered with, in order.
var answers = []string{
	`"decision":"allow"`,
	`{"accepted":1,"repeated":0}`,
	`"obligations":[]`,
	`"expires_in":60`,
	`"url":"`,
}

// TestReadmeLinesWorkAsPrinted runs what README tells a shop's engineer to
// paste, by the shell and curl, against real doors.
func TestReadmeLinesWorkAsPrinted(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is not installed: apt-get install -y curl")
		}
		t.Skip("curl is not installed: apt-get install -y curl")
	}
	doors, key := readmeDoors(t)
	for _, file := range []string{"../README.md", "../README.ja.md"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file != "../README.md" {
			time.Sleep(1100 * time.Millisecond) // the lines' ids are made of the second
		}
		var lines []string
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
			if strings.HasPrefix(block[1], "curl ") {
				lines = append(lines, block[1])
			}
		}
		if len(lines) != len(answers) {
			t.Fatalf("%s has %d curl lines, want %d", file, len(lines), len(answers))
		}
		for i, line := range lines {
			cmd := exec.CommandContext(t.Context(), "sh", "-euc", line)
			cmd.Env = append(os.Environ(), "MIMAMORI="+doors, "KEY="+key)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), answers[i]) {
				t.Errorf("%s:\n%s\nanswers %s (%v), want %s", file, line, out, err, answers[i])
			}
		}
	}
}

// readmeDoors opens Mimamori as `make demo` does, in real time.
func readmeDoors(t *testing.T) (url, key string) {
	t.Helper()
	secret := webhook.NewSecret()
	c := app.DefaultConfig()
	c.Data, c.Log = t.TempDir(), slog.New(slog.DiscardHandler)
	c.Shop.Name = mimamori.Text{JA: "みどり商店", EN: "Midori Store"}
	c.Shop.URL, c.Shop.AllowHTTP, c.Shop.Secret, c.Shop.Source = "http://shop.invalid/commands", true, secret.Reveal(), "midori-store"
	c.ShopTransport = shoptest.InProcess(shoptest.New(shoptest.Options{Source: "midori-store", Secret: secret}))
	c.Mail = app.MailConfig{From: "security@notice.midori.example", Server: "mail.invalid:25", TLS: mail.NoTLS, Selector: "mimamori"}
	a, err := app.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, _, err = a.APIKeys.Create(t.Context(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "midori-store", Scopes: staff.Scopes})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.Doors)
	t.Cleanup(s.Close)
	return s.URL, key
}
