package records

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Resolver asks the world. A name that does not exist, or has no such record,
// is an empty answer; an error means that nobody knows.
type Resolver interface {
	TXT(ctx context.Context, name string) ([]string, error)
	MX(ctx context.Context, name string) ([]string, error)
	// Page fetches a short text over HTTPS, following no redirect.
	Page(ctx context.Context, url string) (string, error)
}

// State is how one thing stands.
type State string

const (
	Good    State = "good"
	Advice  State = "advice"  // works; could be better
	Missing State = "missing" // nothing is published
	Wrong   State = "wrong"   // published, and not what is needed
	Unknown State = "unknown" // could not be asked
)

// Finding is one thing looked at.
type Finding struct {
	Topic string `json:"topic"` // dkim, spf, dmarc, bimi, mx, mta-sts
	Name  string `json:"name"`
	State State  `json:"state"`
	Text  string `json:"text"`
}

// Check compares what is published with what is needed. It always looks at
// everything.
func Check(ctx context.Context, s Setup, r Resolver, now time.Time) []Finding {
	c := &checker{ctx: ctx, s: s, r: r, now: now}
	for _, k := range s.Keys {
		c.dkim(k)
	}
	c.spf()
	c.dmarc()
	if s.BIMILogo != "" {
		c.bimi()
	}
	for _, domain := range s.Inboxes {
		c.inbox(domain)
	}
	return c.found
}

type checker struct {
	ctx   context.Context
	s     Setup
	r     Resolver
	now   time.Time
	found []Finding
}

func (c *checker) say(topic, name string, state State, format string, args ...any) {
	c.found = append(c.found, Finding{topic, name, state, fmt.Sprintf(format, args...)})
}

// txt asks, and says so when there was no answer.
func (c *checker) txt(topic, name string) ([]string, bool) {
	list, err := c.r.TXT(c.ctx, name)
	if err != nil {
		c.say(topic, name, Unknown, "could not be asked: %v", err)
		return nil, false
	}
	return list, true
}

func (c *checker) dkim(k Key) {
	name := k.Selector + "._domainkey." + c.s.Domain
	list, ok := c.txt("dkim", name)
	if !ok {
		return
	}
	want, _ := tags(k.Value)
	var got map[string]string
	for _, s := range list {
		if t, ok := tags(s); ok && (t["v"] == "" || t["v"] == "DKIM1") && (t["p"] != "" || strings.Contains(s, "p=")) {
			got = t
		}
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	kind := func(t map[string]string) string {
		if t["k"] == "" {
			return "rsa"
		}
		return t["k"]
	}
	switch {
	case got == nil && k.Begins.After(c.now):
		c.say("dkim", name, Missing, "publish it before %s: this key signs from then on", k.Begins.UTC().Format(time.DateTime+" MST"))
	case got == nil:
		c.say("dkim", name, Missing, "receivers cannot verify our signature")
	case got["p"] == "":
		c.say("dkim", name, Wrong, "the record says that the key is revoked (empty p=)")
	case squeeze(got["p"]) != squeeze(want["p"]) || kind(got) != kind(want):
		c.say("dkim", name, Wrong, "another key is published under this name")
	case got["h"] != "" && !slices.Contains(strings.Split(squeeze(got["h"]), ":"), "sha256"):
		c.say("dkim", name, Wrong, "h= leaves sha256 out, which we sign with")
	case slices.Contains(strings.Split(squeeze(got["t"]), ":"), "y"):
		c.say("dkim", name, Advice, "t=y says that the key is only being tested; take it out")
	default:
		c.say("dkim", name, Good, "published")
	}
}

func (c *checker) spf() {
	list, ok := c.txt("spf", c.s.Domain)
	if !ok {
		return
	}
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !isSPF(s) })
	switch len(list) {
	case 0:
		c.say("spf", c.s.Domain, Missing, "without a record every server in the world may send in our name")
		return
	case 1:
	default:
		c.say("spf", c.s.Domain, Wrong, "%d records: receivers then count none (RFC 7208 section 4.5)", len(list))
		return
	}
	terms := strings.Fields(list[0])[1:]
	for _, want := range c.s.SPF {
		if !slices.ContainsFunc(terms, func(t string) bool { return strings.EqualFold(strings.TrimPrefix(t, "+"), want) }) {
			c.say("spf", c.s.Domain, Wrong, "%s is missing: our own mails would fail", want)
			return
		}
	}
	if n := c.lookups(list[0], 0); n > 10 {
		c.say("spf", c.s.Domain, Wrong, "it needs %d look-ups; receivers stop at 10 and fail our mails (RFC 7208 section 4.6.4)", n)
		return
	}
	last := ""
	if len(terms) > 0 {
		last = strings.ToLower(terms[len(terms)-1])
	}
	switch {
	case last == "-all", strings.HasPrefix(last, "redirect="):
		c.say("spf", c.s.Domain, Good, "published")
	case last == "~all":
		c.say("spf", c.s.Domain, Advice, "ends in ~all; -all says that nobody else sends in our name")
	default:
		c.say("spf", c.s.Domain, Wrong, "does not end in -all: every server in the world may send in our name")
	}
}

func isSPF(s string) bool {
	first, _, _ := strings.Cut(s, " ")
	return strings.EqualFold(first, "v=spf1")
}

// lookups counts the terms that ask the DNS, those of included records too.
func (c *checker) lookups(record string, depth int) int {
	n := 0
	for _, term := range strings.Fields(record)[1:] {
		term = strings.ToLower(strings.TrimLeft(term, "+-~?"))
		name, target, _ := strings.Cut(strings.Replace(term, "=", ":", 1), ":")
		name, _, _ = strings.Cut(name, "/")
		switch name {
		case "a", "mx", "ptr", "exists":
			n++
		case "include", "redirect":
			n++
			if depth > 10 || n > 20 || strings.Contains(target, "%") {
				continue
			}
			list, err := c.r.TXT(c.ctx, target)
			if err != nil {
				continue
			}
			for _, s := range list {
				if isSPF(s) {
					n += c.lookups(s, depth+1)
				}
			}
		}
	}
	return n
}

func (c *checker) dmarc() {
	name := "_dmarc." + c.s.Domain
	p, ok, err := Discover(c.ctx, c.s.Domain, c.r.TXT)
	switch {
	case err != nil:
		c.say("dmarc", name, Unknown, "could not be asked: %v", err)
	case !ok:
		c.say("dmarc", name, Missing, "a forged sender is not refused")
	case p.Applies != "none" && p.Applies != "quarantine" && p.Applies != "reject":
		c.say("dmarc", name, Wrong, "the record at %s has no usable p=", p.At)
	case p.Applies != "reject":
		c.say("dmarc", name, Advice, "the record at %s says %s; p=reject refuses forged senders", p.At, p.Applies)
	case p.Testing:
		c.say("dmarc", name, Advice, "t=y at %s: receivers act one step below p=reject", p.At)
	case len(p.Old) > 0:
		c.say("dmarc", name, Advice, "the record at %s has %s, which RFC 9989 took out; new receivers read over it", p.At, strings.Join(p.Old, ", "))
	default:
		c.say("dmarc", name, Good, "reject, by the record at %s", p.At)
	}
}

func (c *checker) bimi() {
	name := "default._bimi." + c.s.Domain
	list, ok := c.txt("bimi", name)
	if !ok {
		return
	}
	at := slices.IndexFunc(list, func(s string) bool { return strings.HasPrefix(s, "v=BIMI1") })
	if at < 0 {
		c.say("bimi", name, Missing, "no logo is shown beside our mails")
		return
	}
	t, _ := tags(list[at])
	switch {
	case t["l"] != c.s.BIMILogo:
		c.say("bimi", name, Wrong, "another logo is published: %q", t["l"])
	case t["a"] == "":
		c.say("bimi", name, Advice, "without a certificate (a=) the large mailboxes show no logo")
	default:
		c.say("bimi", name, Good, "published")
	}
}

func (c *checker) inbox(domain string) {
	hosts, err := c.r.MX(c.ctx, domain)
	switch want := strings.ToLower(c.s.InboxMX); {
	case err != nil:
		c.say("mx", domain, Unknown, "could not be asked: %v", err)
	case len(hosts) == 0:
		c.say("mx", domain, Missing, "nothing reaches our inbox: neither mails to check nor what came back")
	case !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(strings.TrimSuffix(h, "."), want) }):
		c.say("mx", domain, Wrong, "leads to %s, not to %s", strings.Join(hosts, ", "), want)
	default:
		c.say("mx", domain, Good, "published")
	}
	name := "_mta-sts." + domain
	list, ok := c.txt("mta-sts", name)
	if !ok {
		return
	}
	if !slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, "v=STSv1") }) {
		c.say("mta-sts", name, Missing, "others may deliver to our inbox without TLS")
		return
	}
	url := "https://mta-sts." + domain + "/.well-known/mta-sts.txt"
	page, err := c.r.Page(c.ctx, url)
	switch mode := policyField(page, "mode"); {
	case err != nil:
		c.say("mta-sts", url, Missing, "the record stands, and the policy cannot be read: %v", err)
	case policyField(page, "version") != "STSv1" || !covers(page, c.s.InboxMX):
		c.say("mta-sts", url, Wrong, "the policy does not name %s", c.s.InboxMX)
	case mode != "enforce":
		c.say("mta-sts", url, Advice, "mode is %q; enforce refuses deliveries without TLS", mode)
	default:
		c.say("mta-sts", url, Good, "published")
	}
}

// policyField reads the first "key: value" of an MTA-STS policy.
func policyField(page, key string) string {
	for line := range strings.Lines(page) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// covers says whether an mx line names the host; *. stands for one label.
func covers(page, host string) bool {
	for line := range strings.Lines(page) {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != "mx" {
			continue
		}
		value = strings.ToLower(strings.TrimSpace(value))
		_, rest, _ := strings.Cut(strings.ToLower(host), ".")
		if value == strings.ToLower(host) || value == "*."+rest {
			return true
		}
	}
	return false
}
