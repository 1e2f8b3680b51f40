package link

import (
	"strings"

	"mimamori/mailcheck/confusable"
)

// Likeness says in which way a host looks like a domain that it is not.
type Likeness string

// The ways, from the surest to the weakest.
const (
	SameLook   Likeness = "same_look"   // the same to the eye: amаzon.co.jp in Cyrillic, rakuten written with rn for m
	OtherEnd   Likeness = "other_end"   // the same name under another ending: amazon.co.jp.cn, rakuten.top
	AsLabels   Likeness = "as_labels"   // the domain as labels before another: amazon.co.jp.evil.example
	OneApart   Likeness = "one_apart"   // one letter added, lost, changed or two swapped: amzaon.com
	NameInside Likeness = "name_inside" // the name as part of a label: amazon-login.example, my-rakuten-card.com
)

// leastName is how long a name must be before other names are compared with it
// loosely; shorter ones are in too many words.
const leastName = 5

// clouds are hosts for everybody whose own names hold a shop's.
var clouds = []string{"amazonaws.com", "amazonses.com", "amazoncognito.com", "awsapprunner.com"}

// LooksLike says whether a host (ASCII form, as in URL.Host) looks like one of
// the genuine domains, and which; false for the genuine domains and what is
// below them.
func LooksLike(host string, genuine []string) (domain string, how Likeness, ok bool) {
	if host == "" {
		return "", "", false
	}
	for _, g := range genuine {
		if Under(host, g) {
			return "", "", false
		}
	}
	h := newName(host)
	for _, cloud := range clouds {
		if tenant, ok := strings.CutSuffix(host, "."+cloud); ok {
			h = newName(tenant) // the cloud's own name says nothing, its customer's does
		}
	}
	for _, test := range likenesses {
		for _, g := range genuine {
			if test.is(h, newName(g)) {
				return g, test.how, true
			}
		}
	}
	return "", "", false
}

// name is a host in the parts by which it is compared, as skeletons.
type name struct {
	whole  string   // all of it
	owner  string   // the registrable part
	label  string   // its first label: "amazon" of amazon.co.jp
	labels []string // of the whole
}

func newName(host string) name {
	shown := confusable.Skeleton(Unicode(host))
	registrable := Registrable(host)
	owner := confusable.Skeleton(Unicode(registrable))
	label, _, _ := strings.Cut(registrable, ".")
	return name{shown, owner, confusable.Skeleton(Unicode(label)), strings.Split(shown, ".")}
}

var likenesses = []struct {
	how Likeness
	is  func(host, genuine name) bool
}{
	{SameLook, func(h, g name) bool {
		return h.owner == g.owner || strings.HasSuffix(h.whole, "."+g.whole) || h.whole == g.whole
	}},
	{OtherEnd, func(h, g name) bool { return h.label == g.label && len(g.label) >= 3 }},
	{AsLabels, func(h, g name) bool {
		return strings.Contains("."+h.whole+".", "."+g.whole+".") || hasWords(h.labels, strings.ReplaceAll(g.whole, ".", "-")) ||
			len(g.label) >= leastName && hasLabel(h.labels, g.label)
	}},
	{OneApart, func(h, g name) bool { return len(g.label) >= leastName && oneApart(h.label, g.label) }},
	{NameInside, func(h, g name) bool { return insideLabel(h.labels, g.label) }},
}

func hasLabel(labels []string, want string) bool {
	for _, l := range labels {
		if l == want {
			return true
		}
	}
	return false
}

// hasWords finds a name of several words, parted by hyphens, in a label.
func hasWords(labels []string, want string) bool {
	for _, l := range labels {
		if strings.Contains("-"+l+"-", "-"+want+"-") {
			return true
		}
	}
	return false
}

// insideLabel: a long name anywhere in a label, a short one only between
// hyphens.
func insideLabel(labels []string, want string) bool {
	for _, l := range labels {
		if len(want) >= leastName && strings.Contains(l, want) || len(want) >= 3 && strings.Contains("-"+l+"-", "-"+want+"-") {
			return true
		}
	}
	return false
}

// oneApart says whether one letter added, lost or changed, or two neighbours
// swapped, turns a into b.
func oneApart(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	same := func(p, q []rune) bool { return string(p) == string(q) }
	if len(x) < len(y) {
		return same(x[i:], y[i+1:])
	}
	return same(x[i+1:], y[i+1:]) || i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && same(x[i+2:], y[i+2:])
}

// TextHost is the host that the text of a link shows, when the text is an
// address ("https://www.amazon.co.jp/...", "amazon.co.jp"): where it is
// another than the link's, the text lies. Empty when the text is words.
func TextHost(text string) string {
	text = strings.TrimSpace(confusable.Clean(text))
	if text == "" || strings.ContainsAny(text, " \n\t") {
		return ""
	}
	if u, err := Written(text); err == nil && u.Web() {
		return u.Host
	}
	if strings.Contains(text, "@") || !strings.Contains(text, ".") {
		return ""
	}
	u, err := Parse("http://" + text)
	if err != nil || u.Kind != Domain || !knownEnd(u.Host) {
		return ""
	}
	return u.Host
}
