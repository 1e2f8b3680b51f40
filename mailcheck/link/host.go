package link

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// toASCII is "domain to ASCII" of the URL Standard (section 3.3): UTS #46,
// nontransitional, with neither hyphens nor lengths checked.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.CheckJoiners(true), idna.CheckHyphens(false), idna.StrictDomainName(false), idna.VerifyDNSLength(false))

const (
	forbiddenHost   = "\x00\t\n\r #/:<>?@[\\]^|" // section 3.1
	forbiddenDomain = forbiddenHost + "%\x7f"    // and the C0 controls
)

// host is the host parser (section 3.5).
func (u *URL) host(s string, web bool) error {
	if strings.HasPrefix(s, "[") {
		if !strings.HasSuffix(s, "]") {
			return fmt.Errorf("parse link: host: %w", ErrURL)
		}
		a, err := netip.ParseAddr(s[1 : len(s)-1])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("parse link: host: %w", ErrURL)
		}
		u.Host, u.Kind = "["+writeIPv6(a)+"]", IPv6
		u.odd(NumberHost)
		return nil
	}
	if !web {
		if strings.ContainsAny(s, forbiddenHost) {
			return fmt.Errorf("parse link: host: %w", ErrURL)
		}
		u.Host, u.Kind = escapeOpaque(s), Opaque
		if s == "" {
			u.Kind = NoHost
		}
		return nil
	}
	return u.domain(s)
}

func (u *URL) domain(s string) error {
	plain := validUTF8(unescape(s))
	if plain != s {
		u.odd(EscapedHost)
	}
	if strings.ContainsFunc(plain, fakeSlash) {
		u.odd(FakeSlash)
	}
	if strings.ContainsFunc(plain, invisible) {
		u.odd(Invisible)
	}
	host, err := domainToASCII(plain)
	if err != nil || host == "" || strings.ContainsAny(host, forbiddenDomain) || strings.ContainsFunc(host, unicode.IsControl) {
		return fmt.Errorf("parse link: host: %w", ErrURL)
	}
	if !isASCII(plain) && mapped(plain) {
		u.odd(MappedHost)
	}
	if endsInNumber(host) {
		a, ok := parseIPv4(host)
		if !ok {
			return fmt.Errorf("parse link: host: %w", ErrURL)
		}
		if u.Host, u.Kind = a.String(), IPv4; u.Host == strings.TrimSuffix(s, ".") {
			u.odd(NumberHost)
		} else {
			u.odd(HiddenNumber)
		}
		return nil
	}
	u.Host, u.Kind = host, Domain
	if strings.Contains("."+host, ".xn--") {
		u.odd(Punycode)
		if mixed(Unicode(host)) {
			u.odd(MixedScript)
		}
	}
	return nil
}

// domainToASCII takes the short way for plain names, as the standard allows:
// there only the case changes.
func domainToASCII(s string) (string, error) {
	lower := strings.ToLower(s)
	if isASCII(s) && !strings.HasPrefix(lower, "xn--") && !strings.Contains(lower, ".xn--") {
		return lower, nil
	}
	host, err := toASCII.ToASCII(s)
	if err != nil {
		return "", err
	}
	for _, label := range strings.Split(host, ".") {
		if rest, ok := strings.CutPrefix(label, "xn--"); ok {
			// UTS #46 revision 33: a label that decodes to nothing or to plain ASCII.
			if decoded, err := toASCII.ToUnicode(label); err != nil || rest == "" || isASCII(decoded) {
				return "", fmt.Errorf("label %q is no name", label)
			}
		}
	}
	return host, nil
}

// Unicode is the host as a browser might show it.
func Unicode(host string) string {
	if s, err := idna.Display.ToUnicode(host); err == nil {
		return s
	}
	return host
}

// endsInNumber is the ends-in-a-number checker (section 3.5).
func endsInNumber(host string) bool {
	parts := strings.Split(host, ".")
	if len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	last := parts[len(parts)-1]
	if last != "" && strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, ok := ipv4Number(last)
	return ok
}

// parseIPv4 is the IPv4 parser (section 3.5): one to four numbers, each
// decimal, octal or hexadecimal, the last one as long as it takes.
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var whole uint64
	for i, p := range parts {
		n, ok := ipv4Number(p)
		last := i == len(parts)-1
		if !ok || !last && n > 255 || last && n >= 1<<(8*uint(5-len(parts))) {
			return netip.Addr{}, false
		}
		if last {
			whole += n
		} else {
			whole += n << (8 * uint(3-i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}), true
}

func ipv4Number(s string) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	base := 10
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") {
		s, base = s[2:], 16
	} else if len(s) > 1 && s[0] == '0' {
		s, base = s[1:], 8
	}
	if s == "" {
		return 0, true
	}
	if strings.ContainsAny(s, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil {
		if big, ok := new(big.Int).SetString(s, base); ok && big.Sign() >= 0 {
			return 1 << 63, true // a number, and far too large
		}
		return 0, false
	}
	return n, true
}

// writeIPv6 is the IPv6 serializer (section 3.5): all in hexadecimal, the
// first longest run of zeros left out.
func writeIPv6(a netip.Addr) string {
	b := a.As16()
	var piece [8]uint16
	for i := range piece {
		piece[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	from, length := -1, 1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && piece[j] == 0 {
			j++
		}
		if j-i > length {
			from, length = i, j-i
		}
		i = max(i, j-1)
	}
	var out strings.Builder
	for i := 0; i < 8; i++ {
		if i == from {
			out.WriteString("::")
			i += length - 1
			continue
		}
		if i > 0 && i != from+length {
			out.WriteByte(':')
		}
		out.WriteString(strconv.FormatUint(uint64(piece[i]), 16))
	}
	return out.String()
}

// unescape undoes percent escapes; what is none stands for itself.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil && !strings.ContainsAny(s[i+1:i+3], "+-_") {
				out.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// escapeOpaque is UTF-8 percent-encoding with the C0 control set.
func escapeOpaque(s string) string {
	var out strings.Builder
	for _, c := range []byte(validUTF8(s)) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// fakeSlash are characters that look like a slash and part no host.
func fakeSlash(r rune) bool { return strings.ContainsRune("⁄∕⧸／╱〳⼃⟋᜵", r) }

// invisible are characters that take no room.
func invisible(r rune) bool {
	return r == 0xAD || r == 0x180E || r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x2064 || r == 0xFEFF || r >= 0xFE00 && r <= 0xFE0F
}

// mapped says whether mapping turned letters of the name into ordinary ones:
// an honest international name is written in its own letters.
func mapped(s string) bool {
	for _, r := range s {
		if r <= unicode.MaxASCII || r == '。' {
			continue
		}
		if m, err := toASCII.ToUnicode(string(r)); err == nil && isASCII(m) {
			return true
		}
	}
	return false
}

// scripts are those that are told apart within a label. Kana and Han are
// written together, and Latin with them.
var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"latin", unicode.Latin}, {"cyrillic", unicode.Cyrillic}, {"greek", unicode.Greek}, {"armenian", unicode.Armenian},
	{"cherokee", unicode.Cherokee}, {"hebrew", unicode.Hebrew}, {"arabic", unicode.Arabic}, {"thai", unicode.Thai},
	{"japanese", unicode.Han}, {"japanese", unicode.Hiragana}, {"japanese", unicode.Katakana}, {"hangul", unicode.Hangul},
}

// mixed says whether a label mixes scripts that no language mixes.
func mixed(host string) bool {
	for _, label := range strings.Split(host, ".") {
		seen := map[string]bool{}
		for _, r := range label {
			for _, s := range scripts {
				if unicode.Is(s.table, r) {
					seen[s.name] = true
				}
			}
		}
		delete(seen, "")
		if len(seen) > 2 || len(seen) == 2 && !(seen["latin"] && (seen["japanese"] || seen["hangul"])) {
			return true
		}
	}
	return false
}
