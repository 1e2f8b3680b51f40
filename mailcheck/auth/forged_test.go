package auth

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"mimamori/mailcheck/message"
)

// bends are what a forger does to a genuine mail that he has.
var bends = []func(r *rand.Rand, raw string) string{
	func(_ *rand.Rand, raw string) string { return "From: Amazon <no-reply@amazon.co.jp>\r\n" + raw },
	func(_ *rand.Rand, raw string) string { return "Subject: Your account is locked\r\n" + raw },
	func(_ *rand.Rand, raw string) string { return raw + "Press https://evil.example/\r\n" },
	func(_ *rand.Rand, raw string) string { return "Content-Type: text/html\r\n" + raw },
	func(_ *rand.Rand, raw string) string {
		return strings.Replace(raw, "Thank you", "https://evil.example/", 1)
	},
	func(_ *rand.Rand, raw string) string { return strings.Replace(raw, "Your order", "Locked", 1) },
	func(_ *rand.Rand, raw string) string { return strings.Replace(raw, "From: Shop", "From: Amazon", 1) },
	func(_ *rand.Rand, raw string) string {
		return "Authentication-Results: mx.shop.example; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example\r\n" + raw
	},
	func(_ *rand.Rand, raw string) string {
		return "ARC-Seal: i=1; a=ed25519-sha256; d=shop.example; s=s1; cv=none; b=AAAA\r\nARC-Message-Signature: i=1; a=ed25519-sha256; d=shop.example; s=s1; h=from; bh=AAAA; b=AAAA\r\nARC-Authentication-Results: i=1; shop.example; dkim=pass\r\n" + raw
	},
	func(_ *rand.Rand, raw string) string { return "X-Shop-Notice: genuine\r\n" + raw },
	func(_ *rand.Rand, raw string) string { return strings.Replace(raw, "bh=", "l=0; bh=", 1) },
	func(_ *rand.Rand, raw string) string {
		return strings.Replace(raw, "d=shop.example", "d=evil.example", 1)
	},
	func(r *rand.Rand, raw string) string { // fields in another order
		header, body, _ := strings.Cut(raw, "\r\n\r\n")
		fields := strings.Split(strings.ReplaceAll(header, "\r\n ", "\x00"), "\r\n")
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		return strings.ReplaceAll(strings.Join(fields, "\r\n"), "\x00", "\r\n ") + "\r\n\r\n" + body
	},
	func(r *rand.Rand, raw string) string { // one byte
		i := r.IntN(len(raw))
		return raw[:i] + string(rune(' '+r.IntN(95))) + raw[i+1:]
	},
	func(r *rand.Rand, raw string) string { // an end cut off
		return raw[:len(raw)-r.IntN(len(raw)/4)]
	},
	func(r *rand.Rand, raw string) string { // a line twice
		lines := strings.SplitAfter(raw, "\r\n")
		i := r.IntN(len(lines))
		return strings.Join(slices.Insert(lines, i, lines[i]), "")
	},
}

// TestForgeriesDoNotPass bends a genuine mail in 3,000 ways, up to three at
// once. Wherever a signature still holds over the whole, a reader sees what
// the shop wrote.
func TestForgeriesDoNotPass(t *testing.T) {
	s := newShop("shop.example")
	dns := NewRecorded(s.dns())
	keys := func(names ...string) func(*dkim.SignOptions) {
		return func(o *dkim.SignOptions) { o.HeaderKeys = names }
	}
	originals := []string{
		s.sign(t, plain, nil),
		s.sign(t, plain, keys("From", "From", "Subject", "Subject", "To", "Date", "Content-Type")),
		s.sign(t, plain, keys("From")),
		s.signTags(t, plain, "l=27;", "From:Subject"),
		s.seal(t, s.sign(t, plain, nil), 1, "none"),
	}
	r := rand.New(rand.NewPCG(5, 5))
	held := 0
	for range 3000 {
		raw := originals[r.IntN(len(originals))]
		for range 1 + r.IntN(3) {
			raw = bends[r.IntN(len(bends))](r, raw)
		}
		m, err := message.Read([]byte(raw))
		if err != nil {
			continue
		}
		got := Check(context.Background(), Input{Message: m, At: received}, dns)
		if got.Reported != nil {
			t.Fatalf("results were believed though nobody is trusted:\n%s", raw)
		}
		for _, sig := range got.Passed() {
			if sig.Domain != s.domain {
				t.Fatalf("a signature of %s passes:\n%s", sig.Domain, raw)
			}
			if !sig.Whole() {
				continue
			}
			held++
			from := m.From()
			if len(from) != 1 || from[0].Name != "Shop" || from[0].Address != "notice@shop.example" || m.Subject() != "Your order" ||
				strings.TrimSpace(m.Text()) != "Thank you for your order.\n\nShop" || m.HTML() {
				t.Fatalf("a forgery holds over the whole:\n%s", raw)
			}
		}
	}
	if held < 100 {
		t.Errorf("only %d of 3,000 still held: the bends are too coarse to test anything", held)
	}
}

// asked writes down what the check asks the DNS.
type asked struct {
	*zone
	names []string
}

func (a *asked) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a.names = append(a.names, name)
	return a.zone.LookupTXT(ctx, name)
}

// TestC12_NothingOfTheMailIsFetched: the only names asked for are those of the
// signers, the author and the envelope; a link's never.
func TestC12_NothingOfTheMailIsFetched(t *testing.T) {
	s := newShop("shop.example")
	dns := &asked{zone: zoneOf(s.dns()).(*zone)}
	raw := s.sign(t, "Received: from canary1.example by mx.example; Fri, 2 Jan 2026 01:00:05 +0000\n"+strings.Replace(plain, "\n\nThank", "\nContent-Type: text/html\nX-Link: https://canary2.example\n\n<img src=https://canary3.example/p.gif><a href=https://canary4.example>x</a> http://169.254.169.254/ Thank", 1), nil)
	m := read(t, raw)
	Check(context.Background(), Input{Message: m, At: received, ClientIP: netip.MustParseAddr("192.0.2.1"), EnvelopeFrom: "b@shop.example"}, dns)
	if len(dns.names) == 0 {
		t.Fatal("nothing was asked at all: the test sees nothing")
	}
	for _, name := range dns.names {
		if name != "example" && name != "_dmarc.example" && !strings.HasSuffix(name, "shop.example") {
			t.Errorf("asked for %s", name)
		}
	}
}

// TestC12_NothingCanBeFetched looks at the imports: what reads strangers' mails
// has no way to reach the network but the resolver that is handed in, runs no
// program and opens no file.
func TestC12_NothingCanBeFetched(t *testing.T) {
	forbidden := strings.Fields(`net/http net/smtp net/rpc crypto/tls os os/exec syscall plugin archive/zip archive/tar compress/gzip compress/flate`)
	files := 0
	for _, dir := range []string{".", "../message", "../link", "../confusable"} {
		all, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range all {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			files++
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range tree.Imports {
				if slices.Contains(forbidden, strings.Trim(i.Path.Value, `"`)) {
					t.Errorf("%s imports %s", file, i.Path.Value)
				}
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "net" && (strings.HasPrefix(sel.Sel.Name, "Dial") || strings.HasPrefix(sel.Sel.Name, "Lookup") || strings.HasPrefix(sel.Sel.Name, "Listen") || sel.Sel.Name == "DefaultResolver") {
						t.Errorf("%s uses net.%s", file, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if files < 15 {
		t.Errorf("only %d files looked at", files)
	}
	if _, err := os.Stat("../message/mime.go"); err != nil {
		t.Error(err)
	}
}

// TestQuestionsAreBounded: a mail that names a hundred signers, fifty hops and a
// policy that includes itself costs the DNS a bounded number of questions.
func TestQuestionsAreBounded(t *testing.T) {
	dns := &asked{zone: zoneOf(map[string][]string{"shop.example": {"v=spf1 include:shop.example include:%{l}.shop.example ?all"}}).(*zone)}
	var raw strings.Builder
	for i := 1; i <= 50; i++ {
		cv := "pass"
		if i == 1 {
			cv = "none"
		}
		fmt.Fprintf(&raw, "ARC-Seal: i=%d; a=rsa-sha256; d=h%d.example; s=s1; cv=%s; b=AAAA\r\nARC-Authentication-Results: i=%d; x;\r\n", i, i, cv, i)
		fmt.Fprintf(&raw, "ARC-Message-Signature: i=%d; a=rsa-sha256; d=m%d.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n", i, i)
	}
	for i := range 100 {
		fmt.Fprintf(&raw, "DKIM-Signature: v=1; a=rsa-sha256; d=a.b.c.d.e.f.s%d.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n", i)
	}
	raw.WriteString(strings.ReplaceAll(plain, "\n", "\r\n"))
	in := Input{Message: read(t, raw.String()), At: received, ClientIP: netip.MustParseAddr("192.0.2.1"), EnvelopeFrom: "b@shop.example"}
	r := Check(context.Background(), in, dns)
	if r.SPF.Outcome != PermError || len(dns.names) > 40 {
		t.Errorf("SPF %s, %d questions where nothing exists", r.SPF.Outcome, len(dns.names))
	}
	// Ten mail exchangers of ten names each, within SPF's own bounds.
	many := &counted{Resolver: NewRecorded(nil)}
	if r := Check(context.Background(), in, many); many.asked != MostQuestions || r.DMARC.Outcome != TempError || r.SPF.Outcome != Fail {
		t.Errorf("%d questions, want the bound of %d; SPF %s, DMARC %s", many.asked, MostQuestions, r.SPF.Outcome, r.DMARC.Outcome)
	}
}

// counted is a DNS that has much to say about every name, and counts.
type counted struct {
	Resolver
	asked int
}

func (c *counted) LookupTXT(_ context.Context, name string) ([]string, error) {
	c.asked++
	if name == "shop.example" {
		return []string{"v=spf1 mx:a.example mx:b.example mx:c.example mx:d.example mx:e.example mx:f.example mx:g.example mx:h.example mx:i.example mx:j.example -all"}, nil
	}
	return nil, missing(name)
}

func (c *counted) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	c.asked++
	var out []*net.MX
	for i := range 10 {
		out = append(out, &net.MX{Host: fmt.Sprintf("mx%d.%s", i, name)})
	}
	return out, nil
}

func (c *counted) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	c.asked++
	return []net.IPAddr{{IP: net.IP{198, 51, 100, 1}}}, nil
}
