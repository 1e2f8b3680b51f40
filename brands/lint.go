package brands

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"mimamori"
)

// Check says what makes a brand unusable, as a *mimamori.FieldError.
func (b Brand) Check() error {
	fault := func(field, reason string) error {
		return &mimamori.FieldError{Index: -1, Field: field, Reason: reason}
	}
	if b.ID == "" || len(b.ID) > 60 || strings.Trim(b.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fault("id", "must be lower-case letters, digits and hyphens")
	}
	if len(b.Names) == 0 || slices.Contains(b.Names, "") {
		return fault("names", "must hold at least one name")
	}
	for _, list := range []struct {
		field   string
		domains []string
		needed  bool
	}{{"notice_domains", b.NoticeDomains, true}, {"link_domains", b.LinkDomains, true}, {"return_path_domains", b.ReturnPathDomains, false}} {
		if list.needed && len(list.domains) == 0 {
			return fault(list.field, "must hold at least one domain")
		}
		for _, d := range list.domains {
			if reason := domainFault(d); reason != "" {
				return fault(list.field, reason)
			}
		}
	}
	if _, err := time.Parse(time.DateOnly, b.AlwaysSignsSince); b.AlwaysSignsSince != "" && err != nil {
		return fault("always_signs_since", "must be a date, as in 2026-01-31")
	}
	for i, n := range b.Contacts {
		if err := n.Check(); err != nil {
			return fmt.Errorf("contact %d: %w", i+1, err)
		}
	}
	for _, f := range b.Facts {
		if f.Field == "" || f.Source == "" || !factDate(f.Date) {
			return fault("facts", "each must have field, source and date (YYYY, YYYY-MM or YYYY-MM-DD)")
		}
	}
	return b.Theme.check(fault)
}

func factDate(s string) bool {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// domainFault says what is wrong with a domain of the lists. A public suffix
// (co.jp, github.io) would make everybody's mail the brand's.
func domainFault(d string) string {
	switch {
	case d != strings.ToLower(d):
		return "must be lower case"
	case strings.Trim(d, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
		return "must be a plain domain, non-ASCII in its xn-- form"
	case net.ParseIP(d) != nil || !strings.Contains(d, "."):
		return "must be a domain, as in shop.example"
	case strings.HasPrefix(d, ".") || strings.HasSuffix(d, ".") || strings.Contains(d, ".."):
		return "must not begin or end with a dot"
	}
	if suffix, _ := publicsuffix.PublicSuffix(d); suffix == d {
		return "is a public suffix, not one brand's domain"
	}
	return ""
}

// Problem is something that Lint would have mended in a file that can be used.
type Problem struct {
	Brand string
	Field string
	What  string
}

func (p Problem) String() string { return p.Brand + ": " + p.Field + ": " + p.What }

// Lint says what should be mended in brands that all pass Check: facts without
// a source, text in one language only, dates to come, two brands that claim
// one domain or name, and links where people are told to type.
func Lint(brands []Brand, now time.Time) []Problem {
	var out []Problem
	domains, names := map[string]string{}, map[string]string{}
	for _, b := range brands {
		say := func(field, what string) { out = append(out, Problem{b.ID, field, what}) }
		for _, field := range b.fieldsSet() {
			if !slices.ContainsFunc(b.Facts, func(f Fact) bool { return f.Field == field }) {
				say(field, "has no fact that names its source and date")
			}
		}
		for _, f := range b.Facts {
			if !slices.Contains(b.fieldsSet(), f.Field) {
				say("facts", "names "+f.Field+", which the file does not set")
			}
			if f.Date > now.Format(time.DateOnly)[:len(f.Date)] {
				say("facts", "has a date to come, for "+f.Field)
			}
		}
		if b.AlwaysSignsSince > now.Format(time.DateOnly) {
			say("always_signs_since", "is a date to come")
		}
		for field, w := range b.texts() {
			if (w.JA == "") != (w.EN == "") {
				say(field, "is in one language only")
			}
			if strings.Contains(w.JA+w.EN, "://") {
				say(field, "holds a link; people are to type the address themselves")
			}
		}
		for _, d := range slices.Concat(b.NoticeDomains, b.LinkDomains) {
			if other := domains[d]; other != "" && other != b.ID {
				say("domains", d+" is claimed by "+other+" as well")
			}
			domains[d] = b.ID
		}
		for _, n := range b.Names {
			key := strings.ToLower(n)
			if other := names[key]; other != "" {
				say("names", n+" is there twice ("+other+")")
			}
			names[key] = b.ID
		}
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// texts are the brand's words for people, by field.
func (b Brand) texts() map[string]Words {
	t := map[string]Words{
		"screens.logins": b.Screens.Logins.Words, "screens.purchases": b.Screens.Purchases.Words, "screens.contact": b.Screens.Contact.Words,
		"screens.messages": b.Screens.Messages.Words, "reset": b.Reset, "second_step": b.SecondStep, "call_back": b.CallBack,
	}
	for i, a := range b.Advice {
		t[fmt.Sprintf("advice.%d", i+1)] = a
	}
	return t
}

// fieldsSet are the fields that state facts about the world and are filled.
func (b Brand) fieldsSet() []string {
	var set []string
	for field, there := range map[string]bool{
		"notice_domains": len(b.NoticeDomains) > 0, "link_domains": len(b.LinkDomains) > 0, "return_path_domains": len(b.ReturnPathDomains) > 0,
		"always_signs_since": b.AlwaysSignsSince != "", "reset": b.Reset != Words{}, "second_step": b.SecondStep != Words{},
		"screens.logins": b.Screens.Logins.Known(), "screens.purchases": b.Screens.Purchases.Known(), "screens.contact": b.Screens.Contact.Known(),
		"screens.messages": b.Screens.Messages.Known(), "call_back": b.CallBack != Words{},
		"contacts": len(b.Contacts) > 0, "advice": len(b.Advice) > 0,
	} {
		if there {
			set = append(set, field)
		}
	}
	slices.Sort(set)
	return set
}
