package assess

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mimamori"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// TestEverySignalHasItsSentence reads the rules' own source: each name that is
// given to named or Word has a group and a sentence in both languages, and no
// sentence is left over.
func TestEverySignalHasItsSentence(t *testing.T) {
	used := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if fn, ok := call.Fun.(*ast.Ident); ok && fn.Name == "named" {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					name, _ := strconv.Unquote(lit.Value)
					used[name] = true
				}
			}
			return true
		})
	}
	if len(used) < 30 {
		t.Fatalf("only %d names found: has named moved?", len(used))
	}
	for _, h := range actNames {
		used[h.name] = true
	}
	for _, word := range []string{"customer_said_not_me", "staff_said_intruder", "shop_said_intruder", "payment_disputed", "provider_warned", "mailbox_warned"} {
		used[word] = true
	}
	for name := range used {
		s, ok := sentences[name]
		if !ok || s.group == "" || s.ja == "" || s.en == "" {
			t.Errorf("signal %s has no whole sentence: %+v", name, s)
		}
		if strings.ContainsAny(s.ja+s.en, "!！") {
			t.Errorf("the sentence of %s shouts", name)
		}
	}
	for name := range sentences {
		if !used[name] {
			t.Errorf("the sentence of %s belongs to no rule", name)
		}
	}
}

var now = time.Date(2026, 11, 10, 3, 0, 0, 0, time.UTC)

// drawFacts makes up a login and what is known of the account.
func drawFacts(t *rapid.T) Facts {
	at := now
	p := &profile.Profile{}
	kinds := []geo.Kind{geo.Access, geo.Mobile, geo.Hosting, geo.VPN, geo.Tor}
	countries := []string{"JP", "GB", "SO", ""}
	agents := []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8"}
	for i := range rapid.IntRange(0, 30).Draw(t, "past") {
		agent := profile.ParseAgent(rapid.SampledFrom(agents).Draw(t, "agent"))
		s := profile.Seen{Session: strconv.Itoa(i), Device: profile.DeviceKey("", agent), Network: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "network"),
			Place: geo.Place{Country: rapid.SampledFrom(countries).Draw(t, "country"), ASN: uint32(rapid.IntRange(0, 3).Draw(t, "asn"))}, Lang: "ja"}
		began := at.Add(-time.Duration(rapid.IntRange(1, 400*24).Draw(t, "hours")) * time.Hour)
		p.LearnLogin(began, s)
		p.KeepSession(profile.Session{ID: s.Session, Began: began, Last: began, Network: s.Network, Country: s.Place.Country, Terms: profile.NamedOf(map[string]float64{"device_new": 2.5}), Known: rapid.Bool().Draw(t, "known")})
	}
	count := func() traffic.Level {
		return traffic.Level{Good: rapid.Float64Range(0, 1000).Draw(t, "good"), Bad: rapid.Float64Range(0, 1000).Draw(t, "bad"), Taken: rapid.Float64Range(0, 5).Draw(t, "taken")}
	}
	return Facts{Profile: p, Network: rapid.SampledFrom([]string{"a", "b", "z"}).Draw(t, "from"), Place: geo.Place{Country: rapid.SampledFrom(countries).Draw(t, "in"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind")},
		Traffic: traffic.View{Known: true, Home: "JP", All: count(), Network: count(), Class: count(), UA: count(), Hand: traffic.Hand{Tries: rapid.Float64Range(0, 500).Draw(t, "tries"), Campaigns: rapid.SampledFrom([][]string{nil, {"cmp_1"}}).Draw(t, "campaigns")}}, WatchUntil: at.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "watch")) * time.Hour),
		Event: event.Event{Time: at, Kind: event.LoginAttempted, Payload: &event.Login{Outcome: event.Succeeded, UserAgent: rapid.SampledFrom(agents).Draw(t, "ua"),
			AcceptLanguage: rapid.SampledFrom([]string{"ja", "en-US,en;q=0.8", ""}).Draw(t, "lang"), PasswordBreached: rapid.Bool().Draw(t, "breached"), Factor: rapid.SampledFrom([]string{"", "totp", "passkey", "mail_code"}).Draw(t, "factor")}}}
}

// TestTermsSumToTheScore: nothing in the score is without a reason (B4).
func TestTermsSumToTheScore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := drawFacts(rt)
		a := Login(f)
		sums(rt, a)
		s := &profile.Session{ID: "s", Last: now, Terms: a.Terms(), Known: rapid.Bool().Draw(rt, "session known")}
		for _, e := range []event.Event{
			{Time: now, Kind: event.AccountChanged, Payload: &event.Change{Resource: event.Resource{Kind: event.Address, ID: "x"}, Op: event.Added}},
			{Time: now, Kind: event.AccountChanged, Payload: &event.Change{Resource: event.Resource{Kind: event.Contact, ID: "mail"}, Op: event.Changed}},
			{Time: now, Kind: event.OrderPlaced, Payload: &event.Order{Order: "o", Gift: true, Total: &event.Money{Amount: 1 << 40}}},
			{Time: now, Kind: event.PointsMoved, Payload: &event.Points{Amount: -900, Balance: 100}},
		} {
			f.Event = e
			act := Act(f, s)
			sums(rt, act)
			if act.Score < a.Score-0.5 {
				rt.Fatalf("an act lowered the score from %v to %v", a.Score, act.Score)
			}
			s.Terms = act.Terms()
		}
	})
}

func sums(t *rapid.T, a Assessment) {
	z, seen := Prior, map[string]bool{}
	for _, s := range a.Signals {
		z += s.Weight
		if seen[s.Name] {
			t.Fatalf("%s counts twice in %v", s.Name, a.Signals)
		}
		seen[s.Name] = true
		if s.Text == (mimamori.Text{}) || s.Group == "" || s.Weight == 0 {
			t.Fatalf("signal %+v has no reason", s)
		}
	}
	if math.Abs(z-a.Score) > 1e-9 || math.Abs(a.Probability-1/(1+math.Exp(-z))) > 1e-12 || !a.Assessed {
		t.Fatalf("terms sum to %v, score %v, probability %v", z, a.Score, a.Probability)
	}
}

// TestG01_FailuresSayLittle: no number of wrong passwords moves a login by
// more than half a point, nor counts as a kind of evidence of its own, and on
// the customer's own device they say nothing.
func TestG01_FailuresSayLittle(t *testing.T) {
	p := &profile.Profile{}
	for day := 60; day > 0; day-- {
		p.LearnLogin(now.Add(-time.Duration(day)*24*time.Hour), profile.Seen{Device: profile.DeviceKey("tok", profile.Agent{}), Network: "a", Place: geo.Place{Country: "JP"}})
	}
	f := Facts{Profile: p, Network: "z", Place: geo.Place{Country: "JP"}, Event: event.Event{Time: now, Payload: &event.Login{Outcome: event.Succeeded, UserAgent: "x"}}}
	quiet := Login(f)
	for range 10_000 {
		p.LearnFailure(now.Add(-time.Minute))
	}
	stormy := Login(f)
	if d := stormy.Score - quiet.Score; d > 0.5 {
		t.Errorf("ten thousand failures moved the score by %v", d)
	}
	if q, s := quiet.Groups(), stormy.Groups(); len(s) != len(q) {
		t.Errorf("failures that anybody can make became a kind of evidence: %v, before %v", s, q)
	}
	f.Event.Payload = &event.Login{Outcome: event.Succeeded, UserAgent: "x", Device: "tok"}
	for _, s := range Login(f).Signals {
		if s.Name == "failures_before" {
			t.Error("failures count on her own device")
		}
	}
}

// TestKindsOfEvidence: what happened to the account before is a reason to look
// closer, not a second kind of evidence against this login (design 5).
func TestKindsOfEvidence(t *testing.T) {
	a := sum([]Signal{named("device_new", 2.5), named("watched", 1.5), named("password_breached", 0.8), named("network_known", -2)}, nil)
	if g := a.Groups(); len(g) != 1 || g[0] != Device {
		t.Errorf("groups = %v, want the device alone", g)
	}
	a = sum([]Signal{named("device_new", 2.5), named("network_new", 0.8), named("customer_said_not_me", 6)}, nil)
	if g := a.Groups(); len(g) != 3 {
		t.Errorf("groups = %v, want device, network and the customer's word", g)
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("ja-JP,ja;q=0.9,en;q=0.8")
	f.Add("*")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Language(s); len(got) > 3 {
			t.Errorf("Language(%q) = %q", s, got)
		}
	})
}
