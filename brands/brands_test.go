package brands

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
)

var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestOurOwnBrands(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, b := range all {
		ids = append(ids, b.ID)
		if !slices.Contains([]string{"amazon-co-jp", "midori", "rakuten"}, b.ID) {
			continue // known for the mail checker only
		}
		if !b.Screens.Logins.Known() && !b.Screens.Messages.Known() || b.Reset.JA == "" || len(b.Advice) == 0 {
			t.Errorf("%s tells the customer too little: %+v", b.ID, b)
		}
	}
	for _, id := range []string{"amazon-co-jp", "midori", "rakuten"} {
		if !slices.Contains(ids, id) {
			t.Errorf("%s is missing in %v", id, ids)
		}
	}
	if len(ids) < 18 {
		t.Errorf("%d brands, want these three and fifteen others at least", len(ids))
	}
	for _, p := range Lint(all, today) {
		t.Error(p)
	}
	midori := all[slices.Index(ids, "midori")]
	if lines := midori.Directory().Now(today, "JP", mimamori.Japanese); len(lines) != 3 || !lines[0].Always {
		t.Errorf("whom to call at midori: %+v", lines)
	}
	if midori.AlwaysSignsSince != "2026-01-01" || midori.Contacts[0].Number != "0120-000-000" || midori.Contacts[2].Number != "+81-50-0000-0000" {
		t.Errorf("midori = %+v", midori)
	}
}

const small = `id: shop
names: [Shop]
notice_domains: [mail.shop.example]
link_domains: [shop.example]
`

func TestParse(t *testing.T) {
	b, err := Parse([]byte(small + "reset: open the app\nadvice: [one, {ja: あ, en: b}]\n---\n" + strings.Replace(small, "id: shop", "id: shop-2", 1)))
	if err != nil || len(b) != 2 || b[0].Reset.EN != "open the app" || b[0].Advice[1].JA != "あ" || b[1].ID != "shop-2" {
		t.Errorf("Parse = %+v, %v", b, err)
	}
	for name, file := range map[string]string{
		"empty":               "",
		"not YAML":            "id: [",
		"a list":              "- a",
		"unknown key":         small + "sites: [a.example]\n",
		"unknown nested key":  small + "screens: {login: {ja: a, en: b}}\n",
		"unknown text key":    small + "reset: {ja: a, fr: b}\n",
		"key twice":           small + "id: other\n",
		"no id":               strings.Replace(small, "id: shop", "id: \"\"", 1),
		"bad id":              strings.Replace(small, "id: shop", "id: ../shop", 1),
		"no notice domain":    strings.Replace(small, "[mail.shop.example]", "[]", 1),
		"upper case":          strings.Replace(small, "[shop.example]", "[Shop.example]", 1),
		"wildcard":            strings.Replace(small, "[shop.example]", "['*.shop.example']", 1),
		"public suffix":       strings.Replace(small, "[shop.example]", "[co.jp]", 1),
		"top level":           strings.Replace(small, "[shop.example]", "[jp]", 1),
		"private suffix":      strings.Replace(small, "[shop.example]", "[github.io]", 1),
		"address":             strings.Replace(small, "[shop.example]", "[192.0.2.1]", 1),
		"non-ASCII domain":    strings.Replace(small, "[shop.example]", "[みどり.example]", 1),
		"bad date":            small + "always_signs_since: last year\n",
		"fact without source": small + "facts: [{field: reset, date: '2020'}]\n",
		"bad contact":         small + "contacts: [{country: Japan, number: '1', hours: '', time_zone: Asia/Tokyo}]\n",
		"string for a list":   strings.Replace(small, "[Shop]", "{a: b}", 1),
		"too large":           small + "# " + strings.Repeat("x", maxFile),
	} {
		if got, err := Parse([]byte(file)); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%s: %+v, %v, want ErrInvalid", name, got, err)
		}
	}
}

func TestLoadAdds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("a.yaml", small)
	file := write("b.yml", strings.Replace(small, "id: shop", "id: midori", 1))
	write("notes.txt", "not a brand")
	own, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	ours := len(own)
	all, err := Load(dir)
	if err != nil || len(all) != ours+1 {
		t.Fatalf("Load = %d brands, %v", len(all), err)
	}
	if i := slices.IndexFunc(all, func(b Brand) bool { return b.ID == "midori" }); all[i].Names[0] != "Shop" {
		t.Error("the operator's file did not take the place of ours")
	}
	if one, err := Load(file); err != nil || len(one) != ours {
		t.Errorf("Load(one file) = %d, %v", len(one), err)
	}
	if _, err := Load(dir, file); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("the same brand twice: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file was no error")
	}
}

func TestLint(t *testing.T) {
	file := small + `always_signs_since: 2027-01-01
reset: {ja: "https://shop.example/ を開く"}
facts: [{field: link_domains, source: me, date: "2027"}, {field: contacts, source: me, date: "2020"}]
---
id: other
names: [SHOP]
notice_domains: [other.example]
link_domains: [shop.example]
facts: [{field: link_domains, source: me, date: "2026"}, {field: notice_domains, source: me, date: "2026-11-22"}]
`
	all, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range Lint(all, today) {
		got = append(got, p.String())
	}
	want := []string{
		"other: domains: shop.example is claimed by shop as well",
		"other: names: SHOP is there twice (shop)",
		"shop: always_signs_since: has no fact that names its source and date",
		"shop: always_signs_since: is a date to come",
		"shop: facts: has a date to come, for link_domains",
		"shop: facts: names contacts, which the file does not set",
		"shop: notice_domains: has no fact that names its source and date",
		"shop: reset: has no fact that names its source and date",
		"shop: reset: holds a link; people are to type the address themselves",
		"shop: reset: is in one language only",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Lint = %s", strings.Join(got, "\n"))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, file []byte) {
		if b, err := Parse(file); err == nil && len(b) == 0 {
			t.Error("no brand and no error")
		}
	})
}

// TestTemplate: the file that others begin with has nothing to mend, and shows
// every part that first aid reads.
func TestTemplate(t *testing.T) {
	raw, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Parse(raw)
	if err != nil || len(all) != 1 {
		t.Fatalf("Parse = %+v, %v", all, err)
	}
	for _, p := range Lint(all, today) {
		t.Error(p)
	}
	b := all[0]
	if !b.Screens.Logins.Known() || len(b.Screens.Messages.Path) != 2 || b.Reset.EN == "" || b.SecondStep.JA == "" || len(b.Contacts) != 1 || len(b.Facts) < 10 {
		t.Errorf("the template shows too little: %+v", b)
	}
}
