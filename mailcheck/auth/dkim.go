package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"strings"
	"time"

	"mimamori/mailcheck/message"
)

// Signature is one DKIM signature and whether it holds.
type Signature struct {
	Domain    string // d=, in lower case and ASCII form
	Selector  string // s=
	Identity  string // i=, or "@" and the domain
	Algorithm string // a=
	KeyBits   int    // 0 when there is no key
	Signed    time.Time
	Expires   time.Time // zero: never
	Fields    []string  // h=, lower case
	Outcome   Outcome
	Reason    Reason   // empty when it holds
	Testing   bool     // the domain says that it is only trying (t=y)
	Unsigned  int      // bytes at the end of the body that l= leaves out
	Partial   bool     // has l=: whoever passes the mail on can add to it
	Uncovered []string // fields that people or programs see, present and not under the signature, as "Subject"; a second one beside a signed one counts
}

// Whole says whether the signature is over all that a reader sees: From,
// Subject and the whole body, and no second one of them beside. A Subject that
// is not there counts too: somebody may have taken it away.
func (s Signature) Whole() bool {
	return !s.Partial && s.Covers("From") && s.Covers("Subject") && !has(s.Uncovered, "Content-Type") && !has(s.Uncovered, "Content-Transfer-Encoding")
}

// Covers says whether a field of that name is under the signature, and every
// one that the mail has.
func (s Signature) Covers(field string) bool {
	return has(s.Fields, field) && !has(s.Uncovered, field)
}

// seenFields are what a reader or his program goes by.
var seenFields = []string{"From", "Sender", "Reply-To", "Subject", "Date", "To", "Cc", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}

func (c *check) signatures() (out []Signature, more bool) {
	for _, f := range c.msg.Header.All("DKIM-Signature") {
		if len(out) == MostSignatures {
			return out, true
		}
		out = append(out, c.signature(f))
	}
	return out, false
}

func (c *check) signature(f message.Field) Signature {
	s := Signature{Outcome: PermError, Reason: BadSyntax}
	t, err := parseTags(f.Value)
	if err != nil {
		return s
	}
	s.read(t)
	for _, must := range []string{"v", "a", "b", "bh", "d", "h", "s"} {
		if t[must] == "" {
			return s
		}
	}
	if t["v"] != "1" || !has(s.Fields, "from") || !identityUnder(s.Identity, s.Domain) || !s.times(t) {
		return s
	}
	if q := t.list("q"); q != nil && !has(q, "dns/txt") {
		return s
	}
	s.Uncovered = uncovered(c.msg.Header, s.Fields)
	s.Outcome, s.Reason = c.verify(&s, t, f)
	return s
}

// read takes over what the signature says of itself.
func (s *Signature) read(t tags) {
	s.Domain, s.Selector, s.Algorithm = message.Domain(t.tight("d")), t.tight("s"), strings.ToLower(t.tight("a"))
	s.Identity = t.tight("i")
	if s.Identity == "" {
		s.Identity = "@" + s.Domain
	}
	for _, name := range t.list("h") {
		s.Fields = append(s.Fields, strings.ToLower(name))
	}
	_, s.Partial = t["l"]
}

// times reads t= and x=; false when they are no times or x= is not later.
func (s *Signature) times(t tags) bool {
	var ok1, ok2 bool
	s.Signed, ok1 = seconds(t, "t")
	s.Expires, ok2 = seconds(t, "x")
	if !ok1 || !ok2 {
		return false
	}
	return s.Signed.IsZero() || s.Expires.IsZero() || s.Expires.After(s.Signed)
}

func seconds(t tags, name string) (time.Time, bool) {
	value, ok := t[name]
	if !ok {
		return time.Time{}, true
	}
	n, err := strconv.ParseUint(value, 10, 40)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0).UTC(), true
}

// identityUnder: the domain of i= is d= or below it (section 3.5, i=).
func identityUnder(identity, domain string) bool {
	i := strings.LastIndexByte(identity, '@')
	if i < 0 {
		return false
	}
	d := message.Domain(identity[i+1:])
	return d == domain || strings.HasSuffix(d, "."+domain)
}

// verify does section 6.1.3 and before it the checks of the key.
func (c *check) verify(s *Signature, t tags, f message.Field) (Outcome, Reason) {
	kind, weak, ok := algorithm(s.Algorithm)
	if weak {
		return PermError, WeakAlgorithm
	} else if !ok {
		return PermError, BadSyntax
	}
	if !s.Expires.IsZero() && c.at.After(s.Expires) {
		return Fail, Expired
	}
	k, reason := c.key(s.Selector, s.Domain)
	if reason == UnknownKey {
		return TempError, reason
	} else if reason != "" {
		return PermError, reason
	}
	s.KeyBits, s.Testing = k.bits, k.testing
	if k.kind != kind || k.hashes != nil && !has(k.hashes, "sha256") {
		return PermError, WrongKey
	}
	if k.strict && message.Domain(s.Identity[strings.LastIndexByte(s.Identity, '@')+1:]) != s.Domain {
		return PermError, WrongKey
	}
	unsigned, reason := c.bodyHolds(t)
	s.Unsigned = unsigned
	if reason == BadSyntax {
		return PermError, reason
	} else if reason != "" {
		return Fail, reason
	}
	signature, ok := t.bytes("b")
	if !ok {
		return PermError, BadSyntax
	}
	if !k.holds(c.signedBytes(t, f), signature) {
		return Fail, HeaderChanged
	}
	return Pass, ""
}

func algorithm(a string) (kind string, weak, ok bool) {
	switch a {
	case "rsa-sha256":
		return "rsa", false, true
	case "ed25519-sha256":
		return "ed25519", false, true
	case "rsa-sha1":
		return "rsa", true, false
	}
	return "", false, false
}

// forms are the two of c=, "simple/simple" unless given.
func forms(t tags) (header, body string, ok bool) {
	c, given := t["c"]
	if !given {
		return "simple", "simple", true
	}
	header, body, both := strings.Cut(strings.ToLower(tight(c)), "/")
	if !both {
		body = "simple"
	}
	known := func(s string) bool { return s == "simple" || s == "relaxed" }
	return header, body, known(header) && known(body)
}

// bodyHolds compares the body with bh= up to l=, and says how much l= leaves
// out.
func (c *check) bodyHolds(t tags) (unsigned int, reason Reason) {
	_, form, ok := forms(t)
	want, ok2 := t.bytes("bh")
	if !ok || !ok2 {
		return 0, BadSyntax
	}
	body := c.body(form)
	if l, ok := t["l"]; ok {
		n, err := strconv.ParseUint(l, 10, 40)
		if err != nil || n > uint64(len(body)) {
			return 0, BadSyntax
		}
		unsigned, body = len(body)-int(n), body[:n]
	}
	sum := sha256.Sum256(body)
	if subtle.ConstantTimeCompare(sum[:], want) != 1 {
		return unsigned, BodyChanged
	}
	return unsigned, ""
}

// signedBytes are the header as signed (section 3.7).
func (c *check) signedBytes(t tags, f message.Field) []byte {
	form, _, _ := forms(t)
	write := simpleField
	if form == "relaxed" {
		write = relaxedField
	}
	var out []byte
	pick := newPicker(c.msg.Header)
	for _, name := range t.list("h") {
		if raw := pick.next(name); raw != nil {
			out = append(out, write(raw)...)
		}
	}
	own := write(withoutSignature(simpleField(f.Raw)))
	return append(out, own[:len(own)-2]...)
}

// uncovered names the seen fields of which the mail has more than are signed.
func uncovered(h message.Header, signed []string) []string {
	var out []string
	for _, name := range seenFields {
		covered := 0
		for _, s := range signed {
			if strings.EqualFold(s, name) {
				covered++
			}
		}
		if len(h.All(name)) > covered {
			out = append(out, name)
		}
	}
	return out
}
