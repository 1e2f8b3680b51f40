package auth

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"mimamori/mailcheck/message"
)

// Chain is what those who passed the mail on say, sealed hop by hop (ARC, RFC
// 8617). A chain that holds says only that the sealers said so: whoever wants
// can write one about a mail that never was. So it explains why a signature
// broke on the way, and makes nothing genuine unless the sealer is trusted.
type Chain struct {
	Outcome Outcome  // None, Pass, Fail or TempError
	Reason  Reason   // empty unless it failed
	Sealers []string // d= of the seals, the first hop first; as they call themselves when Outcome is not Pass
	Oldest  int      // the lowest instance whose message signature still holds; 0 when it is the mail as first sealed
	Results []string // the hops' authentication results as they wrote them, the first hop first
}

// mostHops is section 4.2.1's bound on instances.
const mostHops = 50

// hop is one ARC set.
type hop struct {
	results, message, seal    message.Field
	messageTags, sealTags     tags
	nResults, nMessage, nSeal int
}

// chain does section 5.2.
func (c *check) chain() Chain {
	hops, reason := arcSets(c.msg.Header)
	if reason != "" {
		return Chain{Outcome: Fail, Reason: reason}
	}
	if len(hops) == 0 {
		return Chain{Outcome: None}
	}
	out := Chain{Outcome: Pass}
	for _, h := range hops {
		out.Sealers = append(out.Sealers, message.Domain(h.sealTags.tight("d")))
		out.Results = append(out.Results, strings.TrimSpace(h.results.Value))
	}
	out.Outcome, out.Reason = c.chainHolds(hops, &out)
	return out
}

func (c *check) chainHolds(hops []*hop, out *Chain) (Outcome, Reason) {
	last := len(hops) - 1
	if strings.EqualFold(hops[last].sealTags["cv"], "fail") {
		return Fail, ChainFailed
	}
	for i, h := range hops {
		want := "pass"
		if i == 0 {
			want = "none"
		}
		if h.sealTags["cv"] != want {
			return Fail, BadChain
		}
	}
	if outcome, reason := c.messageHolds(hops[last]); reason != "" {
		return outcome, reason
	}
	for i := last - 1; i >= 0; i-- {
		if _, reason := c.messageHolds(hops[i]); reason != "" {
			out.Oldest = i + 2
			break
		}
	}
	for i := last; i >= 0; i-- {
		if outcome, reason := c.sealHolds(hops[:i+1]); reason != "" {
			return outcome, reason
		}
	}
	return Pass, ""
}

// messageHolds checks an ARC-Message-Signature (section 4.1.2): DKIM's rules
// without v= and x=, and never over a seal.
func (c *check) messageHolds(h *hop) (Outcome, Reason) {
	t := h.messageTags
	for _, name := range t.list("h") {
		if strings.EqualFold(name, "arc-seal") {
			return Fail, BadSyntax
		}
	}
	k, outcome, reason := c.arcKey(t)
	if reason != "" {
		return outcome, reason
	}
	if _, ok := t["c"]; ok {
		return c.messageAs(t, k, h.message)
	}
	// Without c= DKIM means simple/simple; ARC's first signers, and its test
	// suite with them, mean relaxed. Either will do: the bytes are the same.
	outcome, reason = c.messageAs(t, k, h.message)
	if reason != "" {
		relaxed := maps.Clone(t)
		relaxed["c"] = "relaxed/relaxed"
		outcome, reason = c.messageAs(relaxed, k, h.message)
	}
	return outcome, reason
}

func (c *check) messageAs(t tags, k *key, f message.Field) (Outcome, Reason) {
	if _, reason := c.bodyHolds(t); reason != "" {
		return Fail, reason
	}
	signature, ok := t.bytes("b")
	if !ok {
		return Fail, BadSyntax
	}
	if !k.holds(c.signedBytes(t, f), signature) {
		return Fail, HeaderChanged
	}
	return Pass, ""
}

// sealHolds checks the seal of the last of the given hops (section 5.1.1): over
// all sets up to its own, relaxed, in the order results, signature, seal.
func (c *check) sealHolds(hops []*hop) (Outcome, Reason) {
	last := hops[len(hops)-1]
	k, outcome, reason := c.arcKey(last.sealTags)
	if reason != "" {
		return outcome, reason
	}
	var signed []byte
	for _, h := range hops {
		signed = append(signed, relaxedField(h.results.Raw)...)
		signed = append(signed, relaxedField(h.message.Raw)...)
		if h != last {
			signed = append(signed, relaxedField(h.seal.Raw)...)
		}
	}
	own := relaxedField(withoutSignature(simpleField(last.seal.Raw)))
	signed = append(signed, own[:len(own)-2]...)
	signature, ok := last.sealTags.bytes("b")
	if !ok {
		return Fail, BadSyntax
	}
	if !k.holds(signed, signature) {
		return Fail, HeaderChanged
	}
	return Pass, ""
}

func (c *check) arcKey(t tags) (*key, Outcome, Reason) {
	kind, weak, ok := algorithm(strings.ToLower(t.tight("a")))
	if weak {
		return nil, Fail, WeakAlgorithm
	} else if !ok {
		return nil, Fail, BadSyntax
	}
	k, reason := c.key(t.tight("s"), message.Domain(t.tight("d")))
	switch {
	case reason == UnknownKey:
		return nil, TempError, reason
	case reason != "":
		return nil, Fail, reason
	case k.kind != kind || k.hashes != nil && !has(k.hashes, "sha256"):
		return nil, Fail, WrongKey
	}
	return k, Pass, ""
}

// arcSets collects the sets, the first hop first, and holds them to sections
// 4.1 and 4.2: each of the three fields once an instance, no gap.
func arcSets(h message.Header) ([]*hop, Reason) {
	sets := map[int]*hop{}
	for _, f := range h {
		kind := strings.ToLower(f.Name)
		if kind != "arc-seal" && kind != "arc-message-signature" && kind != "arc-authentication-results" {
			continue
		}
		i, t, ok := arcField(kind, f.Value)
		if !ok {
			return nil, BadSyntax
		}
		set := sets[i]
		if set == nil {
			set = &hop{}
			sets[i] = set
		}
		switch kind {
		case "arc-seal":
			set.seal, set.sealTags, set.nSeal = f, t, set.nSeal+1
		case "arc-message-signature":
			set.message, set.messageTags, set.nMessage = f, t, set.nMessage+1
		default:
			set.results, set.nResults = f, set.nResults+1
		}
	}
	var out []*hop
	for i := 1; i <= len(sets); i++ {
		set := sets[i]
		if set == nil || set.nSeal != 1 || set.nMessage != 1 || set.nResults != 1 {
			return nil, BadChain
		}
		out = append(out, set)
	}
	return out, ""
}

// arcField reads the instance and the tags of one field, and holds it to the
// syntax of section 4.1.
func arcField(kind, value string) (int, tags, bool) {
	if kind == "arc-authentication-results" {
		first, _, ok := strings.Cut(value, ";")
		name, number, ok2 := strings.Cut(first, "=")
		if !ok || !ok2 || strings.Trim(name, fws) != "i" {
			return 0, nil, false
		}
		i, ok := instance(strings.Trim(number, fws))
		return i, nil, ok
	}
	t, err := parseTags(value)
	if err != nil {
		return 0, nil, false
	}
	must := []string{"a", "b", "d", "s", "i", "cv"}
	if kind == "arc-message-signature" {
		must = []string{"a", "b", "bh", "d", "h", "s", "i"}
	}
	for _, name := range must {
		if value, ok := t[name]; !ok || value == "" && name != "h" { // an empty h= is allowed here, unlike DKIM's
			return 0, nil, false
		}
	}
	if _, ok := seconds(t, "t"); !ok {
		return 0, nil, false
	}
	if kind == "arc-seal" {
		if _, ok := t["h"]; ok || !slices.Contains([]string{"none", "pass", "fail"}, t["cv"]) {
			return 0, nil, false
		}
	}
	i, ok := instance(t["i"])
	return i, t, ok
}

func instance(s string) (int, bool) {
	i, err := strconv.Atoi(s)
	return i, err == nil && i >= 1 && i <= mostHops && s[0] != '+'
}
