package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimamori/app"
)

// TestF09_SecretsAreNotShown: what a configuration keeps secret stands in no
// help, no description, no example, no complaint about the configuration, no
// error, and no way of printing it.
func TestF09_SecretsAreNotShown(t *testing.T) {
	dir := t.TempDir()
	secrets := []string{"canary-mail-password", "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktMTIz", "canary-metrics-key", "whsec_YXVkaXQtYXVkaXQtYXVkaXQtYXVkaXQx", "canary-master-key"}
	config := fmt.Sprintf(`data: %s
master_command: [echo, %s]
public_url: https://security.shop.example
shop: {url: "https://shop.example/mimamori", secret: %s}
mail: {from: security@shop.example, server: "smtp.shop.example:587", username: u, password: %s}
metrics: {listen: "127.0.0.1:0", key: %s}
audit: {anchor_webhook: "https://archive.example/heads", anchor_webhook_secret: %s}
`, filepath.Join(dir, "data"), secrets[4], secrets[1], secrets[0], secrets[2], secrets[3])
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("good.yaml", config)
	t.Setenv("MIMAMORI_CONFIG", good)
	runs := [][]string{{"config", "check", "--config", good}, {"config", "describe"}, {"config", "example"}, {"--help"}, {"serve", "--help"}, {"version"},
		{"serve", "--config", good}, {"key", "list", "--config", good}, {"staff", "first", "--name", "x", "--mail", "x@shop.example", "--config", good},
		{"verify-audit", "--config", good}, {"accounting", "--config", good}, {"forget", "nobody", "--reason", "x", "--config", good}, {"mail-setup", "--config", good}}
	// A mistake beside each secret, of each kind.
	for n, bad := range []string{
		strings.Replace(config, "mail: {from", "mail: {form", 1), strings.Replace(config, "key: canary", "keys: canary", 1),
		strings.Replace(config, "password: canary-mail-password", "password: [canary-mail-password]", 1),
		strings.Replace(config, secrets[1], secrets[1]+"!", 1), strings.Replace(config, secrets[3], "whsec_x"+secrets[3], 1),
		strings.Replace(config, "password: canary-mail-password", "password: canary-mail-password: x", 1), config + "\tx", config + "shop: {}\n",
	} {
		runs = append(runs, []string{"config", "check", "--config", write(fmt.Sprintf("bad%d.yaml", n), bad)})
	}
	for _, args := range runs {
		_, out, err := do(t, "", args...)
		if out+err == "" {
			t.Errorf("mimamori %v says nothing", args)
		}
		for _, s := range secrets {
			if strings.Contains(out+err, s) {
				t.Errorf("mimamori %v shows %s:\n%s%s", args, s, out, err)
			}
		}
	}
	c, err := app.LoadConfig(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, x := range []any{c, &c} {
			text := fmt.Sprintf(form, x)
			for _, s := range secrets[:4] {
				if strings.Contains(text, s) {
					t.Errorf("a configuration printed by %s of %T shows %s", form, x, s)
				}
			}
		}
	}
}
