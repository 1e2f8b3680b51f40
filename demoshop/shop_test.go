package demoshop

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori/client"
)

// Every key that a page or the code names is in the catalogue, in both
// languages.
func TestCatalogueIsWhole(t *testing.T) {
	names, _ := files.ReadDir("templates")
	for _, n := range names {
		b, err := files.ReadFile(path.Join("templates", n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllSubmatch(b, -1) {
			if _, ok := texts[string(m[1])]; !ok {
				t.Errorf("%s names %s, which is not in the catalogue", n.Name(), m[1])
			}
		}
	}
	for key, tx := range texts {
		if (tx[0] == "") != (tx[1] == "") || (tx[0] == "" && !strings.HasSuffix(key, ".go")) {
			t.Errorf("%s lacks a language: %q", key, tx)
		}
		if strings.ContainsAny(tx[0]+tx[1], "!！") {
			t.Errorf("%s shouts: %q", key, tx)
		}
	}
}

// TestA12_NewPasswords: eight characters or more, long ones too, of any kind and
// in any script; not a common one, not the old one however it is typed.
func TestA12_NewPasswords(t *testing.T) {
	old, err := hashPassword("asagao-kingyo-7", PasswordCost{64, 1})
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"さくら🌸もち🍡八つ":                "",
		strings.Repeat("長い文 ", 20): "", // 80 characters, 200 bytes
		"onlysmallletters":         "",
		"":                         "password.short",
		"1234567":                  "password.short",
		"ひみつのにわのはな":                "",
		"12345678":                 "password.common",
		"aaaaaaaa":                 "password.common",
		"Password1!":               "password.common",
		"my-hanako-x":              "password.common",
		"asagao-kingyo-7":          "password.old",
		"asagao-kingyo-8":          "",
		strings.Repeat("ab", 65):   "password.long",
	} {
		if got := passwordFault(p, "hanako", old); got != want {
			t.Errorf("passwordFault(%q) = %q, want %q", p, got, want)
		}
	}
	const composed, apart = "caf\u00e9-gar\u00e7on", "cafe\u0301-garc\u0327on"
	if old, err = hashPassword(composed, PasswordCost{64, 1}); err != nil {
		t.Fatal(err)
	}
	if got := passwordFault(apart, "hanako", old); got != "password.old" {
		t.Errorf("the old password in other code points: %q, want password.old", got)
	}
}

// TestA12_KnownPasswordsAreRefused asks the range door, and goes on with what
// the shop knows itself when nobody answers.
func TestA12_KnownPasswordsAreRefused(t *testing.T) {
	w := newTown(t, 0)
	w.m.set(func(m *fakeMimamori) { m.leaked = []string{"himawari-batake", "kaze-no-tani"} })
	for p, want := range map[string]string{"himawari-batake": "password.common", "Himawari-Batake2026": "password.common", "kaze-no-tani!!": "password.common",
		"himawari-batake-to-kaze": "", "kujira-no-uta": ""} {
		if got := w.shop.refused(t.Context(), p, "hanako"); got != want {
			t.Errorf("refused(%q) = %q, want %q", p, got, want)
		}
	}
	w.m.set(func(m *fakeMimamori) {
		for _, prefix := range m.ranges {
			if len(prefix) != 5 {
				t.Errorf("%q of a hash was told, want five digits", prefix)
			}
		}
		m.away = true
	})
	if got := w.shop.refused(t.Context(), "himawari-batake", "hanako"); got != "" {
		t.Errorf("with nobody to ask: %q, want none", got)
	}
	if got := w.shop.refused(t.Context(), "password1", "hanako"); got != "password.common" {
		t.Errorf("with nobody to ask, a common one: %q", got)
	}
}

func TestCards(t *testing.T) {
	cc := cardCompany{key: []byte("k")}
	for number, want := range map[string]string{
		"4242 4242 4242 4242": "Visa 4242", "5555-5555-5555-4444": "Mastercard 4444", "378282246310005": "American Express 0005",
		"３５６６００２０２０３６０５０５": "JCB 0505", "4242424242424241": "", "42": "", "4242x42424242424242": "",
	} {
		c, ok := cc.take(number, "2030-01")
		if got := strings.TrimSpace(c.Brand + " " + c.Last4); got != want || ok != (want != "") {
			t.Errorf("take(%s) = %q %v, want %q", number, got, ok, want)
		}
	}
	if _, ok := cc.take("4242424242424242", "2030-13"); ok {
		t.Error("month 13 was taken")
	}
}

func TestNextStaysInTheShop(t *testing.T) {
	for in, want := range map[string]string{"/my/orders?x=1": "/my/orders?x=1", "": "/my", "//evil.example": "/my", "https://evil.example/": "/my",
		"/\\evil.example": "/my", "evil": "/my", "/\tevil": "/my"} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
}

// The seeded past is the same each time, is not in the future, and ends where
// the shop's tables stand.
func TestSeededLife(t *testing.T) {
	until := time.Now()
	var first string
	for range 2 {
		w := newTown(t, 0)
		cs, err := w.shop.Seed(t.Context(), SeedOptions{Customers: 30, Until: until})
		if err != nil || len(cs) != 30 {
			t.Fatalf("Seed = %d customers, %v", len(cs), err)
		}
		var b bytes.Buffer
		if err := w.shop.History(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = b.String()
			checkHistory(t, w, first, until)
			continue
		}
		if b.String() != first {
			t.Error("two seedings with one seed tell two histories")
		}
		if _, err := w.shop.Seed(t.Context(), SeedOptions{Until: until}); err == nil {
			t.Error("a shop with customers was seeded again")
		}
		st, err := w.shop.ImportHistory(t.Context(), "h")
		if err != nil || !st.Done || strings.Join(w.m.imported, "\n")+"\n" != first {
			t.Errorf("ImportHistory = %+v, %v", st, err)
		}
	}
}

func checkHistory(t *testing.T, w *town, history string, until time.Time) {
	t.Helper()
	ids, kinds, places := map[string]bool{}, map[string]int{}, map[string]int{}
	var last time.Time
	for line := range strings.Lines(history) {
		var e client.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if ids[e.ID] || e.Time.Before(last) || e.Time.After(until) {
			t.Errorf("event %s at %s is repeated, out of order or in the future", e.ID, e.Time)
		}
		ids[e.ID], last = true, e.Time
		kinds[e.Type]++
		var l client.Login
		if e.Type == client.LoginAttempted && e.Subject == Hanako && json.Unmarshal(e.Data, &l) == nil {
			places[l.UserAgent]++
		}
	}
	truth := w.all()
	if kinds[client.AccountSeen] != 30 || kinds[client.LoginAttempted] < 500 || kinds[client.OrderShipped] != kinds[client.OrderPlaced] {
		t.Errorf("history has %v", kinds)
	}
	if len(places) != 2 {
		t.Errorf("hanako signs in with %v, want her PC and her phone", places)
	}
	if b := truth.Accounts[Taro].State.Points.Balance; b != 12800 {
		t.Errorf("taro has %d points, want 12800", b)
	}
	for s, a := range truth.Accounts {
		if a.Book[0].Balance != a.State.Points.Balance {
			t.Errorf("%s: the book ends at %d, the account at %d", s, a.Book[0].Balance, a.State.Points.Balance)
		}
	}
	t.Logf("history: %d events, %v", len(ids), kinds)
}

func TestPlacesHaveAddresses(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Places() {
		a, err := netip.ParseAddr(p.IP)
		if err != nil || !a.IsGlobalUnicast() || a.IsPrivate() || seen[p.Key] || p.JA == "" || p.EN == "" || p.UserAgent == "" {
			t.Errorf("place %+v is not whole: %v", p, err)
		}
		seen[p.Key] = true
	}
}

// The database is read by others while the shop runs, after it was closed, and
// after it was killed (its files as they stood then).
func TestInspectReadsWhateverStateTheFileIsIn(t *testing.T) {
	w := newTown(t, 1)
	want := len(w.truth().State.Resources)
	killed := t.TempDir()
	copyFile := func(suffix string) {
		b, err := os.ReadFile(w.db + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(killed, "shop.db"+suffix), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copyFile("")
	copyFile("-wal")
	got, err := Inspect(filepath.Join(killed, "shop.db"))
	if err != nil || len(got.Accounts[Hanako].State.Resources) != want {
		t.Errorf("Inspect after a kill = %d accounts, %v", len(got.Accounts), err)
	}
	s, err := New(t.Context(), Options{DB: filepath.Join(killed, "shop.db"), BaseURL: "https://shop.test", WebhookSecrets: []string{testSecret},
		Mimamori: client.Options{BaseURL: "https://mimamori.test", Key: "k", Source: "s", Transport: inProcess{w.m}}, Cost: PasswordCost{64, 1}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err = Inspect(filepath.Join(killed, "shop.db"))
	if err != nil || len(got.Accounts[Hanako].State.Resources) != want {
		t.Errorf("Inspect after Close = %d accounts, %v", len(got.Accounts), err)
	}
	if _, err := Inspect(filepath.Join(killed, "none.db")); err == nil {
		t.Error("Inspect of no file is no error")
	}
}
