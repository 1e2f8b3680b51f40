package auth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"mimamori/mailcheck/message"
	"mimamori/mailcheck/suitetest"
)

// TestPublishedSPFSuites runs every case of the RFC 7208 suite, of the one for
// RFC 4408 before it, and of one that implementers wrote. They come with
// blitiri.com.ar/go/spf, which leaves out 31 of the first; we leave out none. (Its own further suite is
// about names of one label, which RFC 7208 section 4.3 does not ask for.).
func TestPublishedSPFSuites(t *testing.T) {
	dir := suitetest.Dir(t, "blitiri.com.ar/go/spf")
	for file, least := range map[string]int{"rfc7208-tests.yml": 203, "rfc4408-tests.yml": 191, "pyspf-tests.yml": 14} {
		ran := 0
		for _, s := range readSPFSuite(t, filepath.Join(dir, "testdata", file)) {
			for name, test := range s.Tests {
				if notRFC[name] {
					continue
				}
				ran++
				got := runSPF(t, s.zone(), test)
				if !slices.Contains(test.Result, string(got.Outcome)) {
					t.Errorf("%s: %s: %s for %q from %s = %s, want %v", file, name, test.Description, test.MailFrom, test.Host, got.Outcome, test.Result)
				}
			}
		}
		if ran < least {
			t.Errorf("%s: %d cases ran, expected at least %d: has its form changed?", file, ran, least)
		}
		t.Logf("%s: %d cases", file, ran)
	}
}

// notRFC are cases of pyspf about its own "default=" modifier, which RFC 7208
// section 6 says to ignore.
var notRFC = map[string]bool{"default-modifier": true, "default-modifier-harsh": true}

func runSPF(t *testing.T, zone Resolver, test spfTest) SPF {
	t.Helper()
	ip, err := netip.ParseAddr(test.Host)
	if err != nil {
		t.Fatalf("%s: %v", test.Host, err)
	}
	m := &message.Message{Form: message.Pasted}
	return Check(context.Background(), Input{Message: m, ClientIP: ip, EnvelopeFrom: test.MailFrom, HELO: test.Helo}, zone).SPF
}

type spfSuite struct {
	Tests    map[string]spfTest     `yaml:"tests"`
	ZoneData map[string][]yaml.Node `yaml:"zonedata"`
}

type spfTest struct {
	Description string  `yaml:"description"`
	Helo        string  `yaml:"helo"`
	Host        string  `yaml:"host"`
	MailFrom    string  `yaml:"mailfrom"`
	Result      oneOrMe `yaml:"result"`
}

// oneOrMe is a string or a list of them.
type oneOrMe []string

func (o *oneOrMe) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*o = []string{n.Value}
		return nil
	}
	var all []string
	err := n.Decode(&all)
	*o = all
	return err
}

func readSPFSuite(t *testing.T, file string) []spfSuite {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []spfSuite
	for dec := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var s spfSuite
		if err := dec.Decode(&s); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, s)
	}
}

// zone is a small DNS with the suite's records.
type zone struct {
	txt, a, aaaa, ptr, cname map[string][]string
	mx                       map[string][]*net.MX
	broken                   map[string]bool
	spf                      map[string]bool
}

// zone reads the suite's way of writing records: {TXT: ...}, {MX: [10, host]},
// or the word TIMEOUT. Where a name has SPF records and no TXT ones, they
// stand for both.
func (s spfSuite) zone() *zone {
	z := &zone{txt: map[string][]string{}, a: map[string][]string{}, aaaa: map[string][]string{}, ptr: map[string][]string{},
		cname: map[string][]string{}, mx: map[string][]*net.MX{}, broken: map[string]bool{}, spf: map[string]bool{}}
	for name, records := range s.ZoneData {
		name = canonicalName(name)
		asTXT := []string{}
		noTXT := false
		for _, r := range records {
			if r.Kind == yaml.ScalarNode {
				z.broken[name] = true
				continue
			}
			kind, value := r.Content[0].Value, r.Content[1]
			all := []string{value.Value}
			if value.Kind == yaml.SequenceNode {
				all = nil
				for _, n := range value.Content {
					all = append(all, n.Value)
				}
			}
			switch kind {
			case "TIMEOUT", "SERVFAIL", "CNAMELOOP":
				z.broken[name] = true
			case "A":
				z.a[name] = append(z.a[name], all...)
			case "AAAA":
				z.aaaa[name] = append(z.aaaa[name], all...)
			case "PTR":
				z.ptr[name] = append(z.ptr[name], all...)
			case "CNAME":
				z.cname[name] = all
			case "MX":
				z.mx[name] = append(z.mx[name], &net.MX{Host: all[1]})
			case "SPF":
				asTXT = append(asTXT, strings.Join(all, ""))
			case "TXT":
				if all[0] == "NONE" {
					noTXT = true
					continue
				}
				z.txt[name] = append(z.txt[name], strings.Join(all, ""))
			}
		}
		if len(z.txt[name]) == 0 && !noTXT {
			z.txt[name] = asTXT
		}
	}
	return z
}

func (z *zone) follow(name string) (string, error) {
	name = canonicalName(name)
	for range 10 {
		if z.broken[name] && len(z.txt[name])+len(z.a[name])+len(z.mx[name]) == 0 {
			return "", &net.DNSError{Err: "time-out", Name: name, IsTemporary: true, IsTimeout: true}
		}
		to, ok := z.cname[name]
		if !ok {
			return name, nil
		}
		name = canonicalName(to[0])
	}
	return "", &net.DNSError{Err: "alias loop", Name: name, IsTemporary: true}
}

func missing(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	at, err := z.follow(name)
	if err != nil {
		return nil, err
	}
	if all := z.txt[at]; len(all) > 0 {
		return all, nil
	}
	if z.broken[at] {
		return nil, &net.DNSError{Err: "time-out", Name: name, IsTemporary: true, IsTimeout: true}
	}
	return nil, missing(name)
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	at, err := z.follow(name)
	if err != nil {
		return nil, err
	}
	if all := z.mx[at]; len(all) > 0 {
		return all, nil
	}
	return nil, missing(name)
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	at, err := z.follow(name)
	if err != nil {
		return nil, err
	}
	var out []net.IPAddr
	for _, a := range append(slices.Clone(z.a[at]), z.aaaa[at]...) {
		out = append(out, net.IPAddr{IP: net.ParseIP(a)})
	}
	if len(out) == 0 {
		return nil, missing(name)
	}
	return out, nil
}

func (z *zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	name, err := reverse(addr)
	if err != nil {
		return nil, err
	}
	if z.broken[name] {
		return nil, &net.DNSError{Err: "time-out", Name: name, IsTemporary: true}
	}
	if all := z.ptr[name]; len(all) > 0 {
		return all, nil
	}
	return nil, missing(name)
}

// reverse is the name under which an address' PTR record stands.
func reverse(addr string) (string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return "", err
	}
	var labels []string
	if a.Unmap().Is4() {
		for _, b := range a.Unmap().As4() {
			labels = append(labels, net.IP{0, 0, 0, b}.String()[len("0.0.0."):])
		}
		slices.Reverse(labels)
		return strings.Join(labels, ".") + ".in-addr.arpa", nil
	}
	for _, b := range a.As16() {
		labels = append(labels, string("0123456789abcdef"[b>>4]), string("0123456789abcdef"[b&15]))
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".ip6.arpa", nil
}
