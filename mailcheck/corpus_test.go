package mailcheck

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimamori/brands"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

// corpusMail is a line of the corpus's index.
type corpusMail struct {
	path, label, kind, brand, lang, from, env, ip, helo, cluster, subject string
	raw                                                                   []byte
}

// readCorpus reads the folder that MIMAMORI_MAIL_CORPUS names: real mails that
// are never part of this tree. Where there is none the test skips.
func readCorpus(t testing.TB) (mails []corpusMail, dns auth.Resolver) {
	t.Helper()
	dir := os.Getenv("MIMAMORI_MAIL_CORPUS")
	if dir == "" {
		t.Skip("MIMAMORI_MAIL_CORPUS names no folder with real mails (index.tsv, recorded-dns.json, the mails)")
	}
	f, err := os.Open(filepath.Join(dir, "index.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var head []string
	for s := bufio.NewScanner(f); s.Scan(); {
		cells := strings.Split(s.Text(), "\t")
		if head == nil {
			head = cells
			continue
		}
		get := func(name string) string {
			if i := slices.Index(head, name); i >= 0 && i < len(cells) {
				return cells[i]
			}
			return ""
		}
		m := corpusMail{get("path"), get("label"), get("kind"), get("brand"), get("lang"), get("from_dom"), get("env"), get("ip"), get("helo"), get("cluster"), get("subject"), nil}
		if m.label != "phish" && m.label != "legit" {
			continue // the rest of a subject that holds a line end
		}
		if m.raw, err = os.ReadFile(filepath.Join(dir, m.path)); err != nil {
			t.Fatal(err)
		}
		mails = append(mails, m)
	}
	d, err := os.Open(filepath.Join(dir, "recorded-dns.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if dns, err = auth.ReadRecorded(d); err != nil {
		t.Fatal(err)
	}
	return mails, dns
}

func corpusChecker(t testing.TB, dns auth.Resolver) *Checker {
	t.Helper()
	more := []string{filepath.Join("testdata", "brands.yaml")}
	if p := os.Getenv("MIMAMORI_MAIL_BRANDS"); p != "" {
		more = append(more, p)
	}
	all, err := brands.Load(more...)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Brands: all, DNS: dns})
}

func (m corpusMail) mail(t testing.TB) Mail {
	t.Helper()
	msg, err := message.Read(m.raw)
	if err != nil {
		t.Fatalf("%s: %v", m.path, err)
	}
	ip, _ := netip.ParseAddr(m.ip)
	return Mail{Message: msg, EnvelopeFrom: m.env, ClientIP: ip, HELO: m.helo}
}

// bar is one measured figure against what is asked.
type bar struct {
	name  string
	hits  int
	of    int
	least float64 // at least this share; or, with most, at most
	most  bool
	miss  []string
}

func (b *bar) count(hit bool, m corpusMail, r Result) {
	b.of++
	if hit {
		b.hits++
	}
	if hit == b.most {
		b.miss = append(b.miss, fmt.Sprintf("%s %s %s %s -> %s %s %s", m.path, m.brand, m.lang, m.cluster, r.Verdict, r.Brand, ids(r)))
	}
}

func ids(r Result) string {
	var out []string
	for _, x := range r.Reasons {
		out = append(out, x.ID)
	}
	return strings.Join(out, ",")
}

func (b *bar) report(t *testing.T) {
	t.Helper()
	share := 1.0
	if b.of > 0 {
		share = float64(b.hits) / float64(b.of)
	}
	ok := share >= b.least
	word := "at least"
	if b.most {
		ok, word = share <= b.least, "at most"
	}
	t.Logf("%-58s %4d of %4d = %.4f (%s %.4f)", b.name, b.hits, b.of, share, word, b.least)
	if !ok {
		t.Errorf("%s: not reached", b.name)
	}
	if testing.Verbose() {
		for _, m := range b.miss {
			t.Log("    ", m)
		}
	}
}

// TestCorpusBars measures the bars of the issue on the development mails:
//
//	MIMAMORI_MAIL_CORPUS=folder go test ./mailcheck -run TestCorpusBars -v
func TestCorpusBars(t *testing.T) {
	mails, dns := readCorpus(t)
	c := corpusChecker(t, dns)
	shops := &bar{name: "fake: Japanese, in Amazon's or Rakuten's name", least: 0.99}
	ja := &bar{name: "fake: all Japanese", least: 0.97}
	other := &bar{name: "fake: other languages, brands with a file", least: 0.95}
	wrong := &bar{name: "genuine on phishing", least: 0, most: true}
	harsh := &bar{name: "fake on legitimate mail", least: 0.005, most: true}
	right := &bar{name: "genuine: legitimate, signature can be verified", least: 110.0 / 112}
	text := &bar{name: "fake: Japanese, headers removed", least: 0.85}
	inline := &bar{name: "fake: Japanese, forwarded inline", least: 0.9}
	attached := &bar{name: "fake: Japanese, forwarded as attachment", least: 0.9}
	forwardedOther := &bar{name: "fake: other languages, forwarded", least: 0.9}
	ctx := context.Background()
	for _, m := range mails {
		mail := m.mail(t)
		r := c.Check(ctx, mail)
		if m.label == "legit" {
			harsh.count(r.Verdict == Fake, m, r)
			if signedByAuthor(ctx, mail, dns) {
				right.count(r.Verdict == Genuine, m, r)
			}
			continue
		}
		wrong.count(r.Verdict == Genuine, m, r)
		if m.lang != "ja" {
			other.count(r.Verdict == Fake, m, r)
			rf := c.Check(ctx, forwardAttached(t, m))
			forwardedOther.count(rf.Verdict == Fake, m, rf)
			continue
		}
		ja.count(r.Verdict == Fake, m, r)
		if m.brand == "amazon" || m.brand == "rakuten" {
			shops.count(r.Verdict == Fake, m, r)
		}
		rt, err := c.CheckText(ctx, bodyOnly(mail.Message), true)
		if err != nil {
			t.Fatal(err)
		}
		text.count(rt.Verdict == Fake, m, rt)
		ri := c.Check(ctx, forwardInline(t, m, mail.Message))
		inline.count(ri.Verdict == Fake, m, ri)
		ra := c.Check(ctx, forwardAttached(t, m))
		attached.count(ra.Verdict == Fake, m, ra)
	}
	for _, b := range []*bar{shops, ja, other, wrong, harsh, right, text, inline, attached, forwardedOther} {
		b.report(t)
	}
}

// signedByAuthor says whether a signature of the sender's own domain verifies.
func signedByAuthor(ctx context.Context, mail Mail, dns auth.Resolver) bool {
	from := mail.Message.From()
	if len(from) != 1 {
		return false
	}
	at, _ := mail.Message.ReceivedAt(mail.At)
	for _, s := range auth.Check(ctx, auth.Input{Message: mail.Message, At: at}, dns).Passed() {
		if auth.Aligned(s.Domain, from[0].Domain) {
			return true
		}
	}
	return false
}

// bodyOnly is what a person would copy: the text, without header or markup.
func bodyOnly(m *message.Message) string {
	best := ""
	for _, p := range m.Parts {
		if !p.Attached && len([]rune(strings.TrimSpace(p.Visible))) > 40 && best == "" {
			best = p.Visible
		}
	}
	if best == "" {
		best = m.Text()
	}
	return best
}

// forwardInline is the mail as a phone forwards it.
func forwardInline(t testing.TB, m corpusMail, msg *message.Message) Mail {
	t.Helper()
	from := ""
	if a := msg.From(); len(a) > 0 {
		from = a[0].Name + " <" + a[0].Address + ">"
	}
	return readMail(t, "From: Hanako <hanako@customer.example>\r\nTo: check@shop.example\r\nSubject: Fwd: "+strings.ReplaceAll(msg.Subject(), "\n", " ")+
		"\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nこれは本物ですか。\r\n\r\n---------- Forwarded message ---------\r\nFrom: "+
		from+"\r\nDate: 2026年11月2日(月) 9:00\r\nSubject: "+strings.ReplaceAll(msg.Subject(), "\n", " ")+"\r\nTo: <hanako@customer.example>\r\n\r\n"+bodyOnly(msg)+"\r\n")
}

// forwardAttached is the mail as an attachment of another.
func forwardAttached(t testing.TB, m corpusMail) Mail {
	t.Helper()
	return readMail(t, "From: Hanako <hanako@customer.example>\r\nTo: check@shop.example\r\nSubject: Fwd\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"zz-edge-zz\"\r\n\r\n--zz-edge-zz\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nこれは本物ですか。\r\n--zz-edge-zz\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"+
		string(m.raw)+"\r\n--zz-edge-zz--\r\n")
}

func readMail(t testing.TB, raw string) Mail {
	t.Helper()
	msg, err := message.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return Mail{Message: msg}
}
