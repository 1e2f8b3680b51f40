// Package link says where a link of a mail leads, the way a browser would read
// it (WHATWG URL Standard), and what is odd about how it is written: numbers
// for names, a user name before the host, a redirector, a name that looks like
// another. It is a pure reading of the text: it asks no DNS and fetches
// nothing. Which odd link makes a mail a fake is left to mailcheck.
package link

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// URL is a link, read. Host is empty where the scheme has none (mailto, data).
type URL struct {
	Raw      string // as written
	Scheme   string // lower case
	User     string // user name, percent escapes kept
	Password string
	Host     string // lower case, ASCII form; numbers as dotted IPv4, IPv6 in brackets
	Kind     HostKind
	Port     string // empty for the scheme's own
	Path     string // begins with a slash for schemes of the web
	Query    string // without the question mark
	Fragment string // without the number sign
	Odd      []Oddity
}

// HostKind says what the host is.
type HostKind string

// The kinds of host.
const (
	NoHost HostKind = ""
	Domain HostKind = "domain"
	IPv4   HostKind = "ipv4"
	IPv6   HostKind = "ipv6"
	Opaque HostKind = "opaque" // of a scheme that is not the web's
)

// Oddity is something about how a link is written that honest senders seldom
// have a reason for.
type Oddity string

// The oddities.
const (
	UserInfo     Oddity = "user_info"     // https://shop.example@evil.example
	NumberHost   Oddity = "number_host"   // an IP address in the usual form
	HiddenNumber Oddity = "hidden_number" // an IP address in decimal, octal, hex or shortened form
	EscapedHost  Oddity = "escaped_host"  // percent escapes in the host
	MappedHost   Oddity = "mapped_host"   // full-width, mathematical or other letters that become ordinary ones
	FakeSlash    Oddity = "fake_slash"    // a character that looks like a slash, in host or user name
	Punycode     Oddity = "punycode"      // a name outside ASCII
	MixedScript  Oddity = "mixed_script"  // letters of scripts that no language mixes, in one label
	BackSlash    Oddity = "backslash"     // \ for /
	OtherPort    Oddity = "other_port"
	ManySlashes  Oddity = "many_slashes" // http:evil.example, http:////evil.example
	Script       Oddity = "script"       // javascript: or vbscript:
	DataURL      Oddity = "data_url"     // data: or blob:, a page inside the link
	Invisible    Oddity = "invisible"    // characters that are not seen, tabs and line ends inside the link
)

// ErrURL is the error for text that a browser would not take for an absolute URL.
var ErrURL = errors.New("not a URL")

// special are the schemes of the web and their ports (URL Standard, 4.2).
var special = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "file": ""}

// Parse reads an absolute URL as the URL Standard says (section 4.4, without a
// base). The error is ErrURL, where a browser would fail too.
func Parse(raw string) (URL, error) {
	u := URL{Raw: raw}
	s := strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if clean := strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s); clean != s {
		s = clean
		u.odd(Invisible)
	}
	var ok bool
	if u.Scheme, s, ok = cutScheme(s); !ok {
		return URL{}, fmt.Errorf("parse link: no scheme: %w", ErrURL)
	}
	switch u.Scheme {
	case "javascript", "vbscript":
		u.odd(Script)
	case "data", "blob":
		u.odd(DataURL)
	}
	s, u.Fragment, _ = strings.Cut(s, "#")
	s, u.Query, _ = strings.Cut(s, "?")
	port, web := special[u.Scheme]
	var err error
	switch {
	case u.Scheme == "file":
		err = u.file(s)
	case web:
		err = u.web(s, port)
	case strings.HasPrefix(s, "//"):
		authority, path := cutAt(s[2:], "/")
		u.Path = path
		err = u.authority(authority, "", false)
	default:
		u.Path = s
	}
	if err != nil {
		return URL{}, err
	}
	return u, nil
}

// Written reads a link as mail programs do where it is only text: "www."
// without a scheme, full-width letters, hxxp.
func Written(raw string) (URL, error) {
	s := strings.TrimSpace(raw)
	s = strings.Map(halfWidth, s)
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "hxxp"):
		s = "http" + s[4:]
	case strings.HasPrefix(lower, "www."), strings.HasPrefix(s, "//"):
		s = "http://" + strings.TrimLeft(s, "/")
	}
	u, err := Parse(s)
	u.Raw = raw
	return u, err
}

// halfWidth undoes full width for the marks and letters of an address' start;
// the host's own letters are mapped by the host parser in any case.
func halfWidth(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E {
		return r - 0xFEE0
	}
	return r
}

func cutScheme(s string) (scheme, rest string, ok bool) {
	for i, r := range s {
		switch {
		case r == ':' && i > 0:
			return strings.ToLower(s[:i]), s[i+1:], true
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		case i > 0 && (r >= '0' && r <= '9' || r == '+' || r == '-' || r == '.'):
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// cutAt cuts before the first of the characters.
func cutAt(s, chars string) (before, rest string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// web reads what follows "http:": any number of slashes of either kind is two.
func (u *URL) web(s, port string) error {
	rest := strings.TrimLeft(s, `/\`)
	slashes := s[:len(s)-len(rest)]
	if strings.Contains(slashes, `\`) {
		u.odd(BackSlash)
	}
	if len(slashes) != 2 {
		u.odd(ManySlashes)
	}
	authority, path := cutAt(rest, `/\`)
	if strings.Contains(path, `\`) {
		u.odd(BackSlash)
	}
	if u.Path = path; path == "" {
		u.Path = "/"
	}
	if authority == "" {
		return fmt.Errorf("parse link: no host: %w", ErrURL)
	}
	return u.authority(authority, port, true)
}

// file reads what follows "file:" (section 4.4, file states).
func (u *URL) file(s string) error {
	s = strings.ReplaceAll(s, `\`, "/")
	u.Path = s
	if !strings.HasPrefix(s, "//") {
		return nil
	}
	host, path := cutAt(s[2:], "/")
	if drive(host) { // file://C:/...: a path after all
		u.Path = "/" + s[2:]
		return nil
	}
	u.Path = path
	if host == "" {
		return nil
	}
	err := u.host(host, true)
	if u.Host == "localhost" {
		u.Host, u.Kind = "", NoHost
	}
	return err
}

func drive(s string) bool {
	return len(s) == 2 && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') && (s[1] == ':' || s[1] == '|')
}

// authority reads [user[:password]@]host[:port].
func (u *URL) authority(s, standard string, web bool) error {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		info := s[:i]
		u.User, u.Password, _ = strings.Cut(info, ":")
		u.odd(UserInfo)
		if strings.ContainsFunc(info, fakeSlash) {
			u.odd(FakeSlash)
		}
		if s = s[i+1:]; s == "" {
			return fmt.Errorf("parse link: no host: %w", ErrURL)
		}
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.Contains(s[i:], "]") {
		host, port = s[:i], s[i+1:]
		if host == "" {
			return fmt.Errorf("parse link: no host: %w", ErrURL)
		}
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return fmt.Errorf("parse link: port: %w", ErrURL)
	}
	n := 0
	for _, c := range []byte(port) {
		if n = n*10 + int(c-'0'); c < '0' || c > '9' || n > 65535 {
			return fmt.Errorf("parse link: port: %w", ErrURL)
		}
	}
	if port != "" {
		if u.Port = fmt.Sprint(n); u.Port == standard {
			u.Port = ""
		} else {
			u.odd(OtherPort)
		}
	}
	return u.host(host, web)
}

func (u *URL) odd(o Oddity) {
	if !u.Has(o) {
		u.Odd = append(u.Odd, o)
	}
}

// Has says whether the link has the oddity.
func (u URL) Has(o Oddity) bool {
	for _, had := range u.Odd {
		if had == o {
			return true
		}
	}
	return false
}

// Web says whether a browser opens it as a page of a site.
func (u URL) Web() bool { return u.Scheme == "http" || u.Scheme == "https" }

// Registrable is the part of the host that somebody had to register: the
// public suffix and one label, as in "evil.co.jp". For an IP address it is
// the address; empty where there is no host.
func (u URL) Registrable() string {
	if u.Kind != Domain {
		return u.Host
	}
	return Registrable(u.Host)
}

// Registrable is the registrable part of a host name in ASCII form; the name
// itself where it is a public suffix or has no dot.
func Registrable(host string) string {
	host = strings.Trim(host, ".")
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}

// Under says whether host is the domain or below it, both in ASCII form.
func Under(host, domain string) bool {
	host, domain = strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(strings.TrimSuffix(domain, "."))
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// knownEnd says whether the last label is one under which names are really
// registered: "index.html" and "3.14" are no hosts.
func knownEnd(host string) bool {
	suffix, managed := publicsuffix.PublicSuffix(host)
	return managed || strings.Contains(suffix, ".")
}
