package records

import (
	"context"
	"fmt"
	"strings"
)

// Policy is a DMARC policy as it applies to one domain.
type Policy struct {
	At      string // the domain whose record it is
	Record  string
	Applies string   // none, quarantine or reject: what receivers are asked to do
	Testing bool     // t=y: one step less than Applies
	Old     []string // tags of RFC 7489 that RFC 9989 took out; they are read over
}

// tags reads "a=b; c=d" (RFC 6376 section 3.2); a doubled tag makes it void.
func tags(s string) (map[string]string, bool) {
	out := map[string]string{}
	for _, part := range strings.Split(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := out[name]; !ok || twice {
			return nil, false
		}
		out[name] = strings.TrimSpace(value)
	}
	return out, true
}

// Discover finds the policy for mail from a domain (RFC 9989 section 4.10):
// the domain's own record, else that of its organizational domain, found by
// walking up the tree. ok is false when there is none.
func Discover(ctx context.Context, domain string, txt func(context.Context, string) ([]string, error)) (p Policy, ok bool, err error) {
	type found struct {
		domain string
		record string
		tags   map[string]string
	}
	var walk []found
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(domain, ".")), ".")
	for first := true; len(labels) > 0; first = false {
		name := strings.Join(labels, ".")
		record, t, err := dmarcAt(ctx, name, txt)
		if err != nil {
			return Policy{}, false, err
		}
		if t != nil {
			walk = append(walk, found{name, record, t})
			if psd := t["psd"]; psd == "n" || psd == "y" && !first {
				break
			}
		}
		// A name of more than eight labels is cut to seven at once, so that
		// nobody can be made to ask a hundred times.
		if first && len(labels) > 8 {
			labels = labels[len(labels)-7:]
		} else {
			labels = labels[1:]
		}
	}
	if len(walk) == 0 {
		return Policy{}, false, nil
	}
	// Its own record counts; without one, the organizational domain's: the one
	// with psd=n, the one just below psd=y, else that of the fewest labels,
	// which is where the walk ended.
	own := walk[0].domain == strings.ToLower(strings.TrimSuffix(domain, "."))
	use := walk[len(walk)-1]
	if n := len(walk); n > 1 && use.tags["psd"] == "y" && strings.Count(walk[n-2].domain, ".") == strings.Count(use.domain, ".")+1 {
		use = walk[n-2]
	}
	if own {
		use = walk[0]
	}
	p = Policy{At: use.domain, Record: use.record, Applies: strings.ToLower(use.tags["p"]), Testing: use.tags["t"] == "y"}
	if sp := use.tags["sp"]; sp != "" && !own {
		p.Applies = strings.ToLower(sp)
	}
	if p.Applies == "" && use.tags["rua"] != "" {
		p.Applies = "none"
	}
	for _, old := range []string{"pct", "rf", "ri"} {
		if _, there := use.tags[old]; there {
			p.Old = append(p.Old, old)
		}
	}
	return p, true, nil
}

// dmarcAt reads one name; no record, several, or one that cannot be read count
// as none.
func dmarcAt(ctx context.Context, domain string, txt func(context.Context, string) ([]string, error)) (string, map[string]string, error) {
	list, err := txt(ctx, "_dmarc."+domain)
	if err != nil {
		return "", nil, fmt.Errorf("look up DMARC of %s: %w", domain, err)
	}
	var records []string
	for _, s := range list {
		if rest, ok := strings.CutPrefix(s, "v=DMARC1"); ok && (rest == "" || strings.ContainsAny(rest[:1], "; \t")) {
			records = append(records, s)
		}
	}
	if len(records) != 1 {
		return "", nil, nil
	}
	t, ok := tags(records[0])
	if !ok {
		return "", nil, nil
	}
	return records[0], t, nil
}
