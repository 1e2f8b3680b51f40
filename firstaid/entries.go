package firstaid

import (
	"strings"
)

// pair is a sign-in as two anchors; either may be nil.
type pair struct{ moment, address *anchor }

func (p pair) first() *anchor {
	if p.moment == nil || p.address != nil && less(p.address, p.moment) {
		return p.address
	}
	return p.moment
}

func (p pair) last() *anchor {
	if p.first() == p.moment && p.address != nil {
		return p.address
	}
	if p.moment != nil {
		return p.moment
	}
	return p.address
}

func less(a, b *anchor) bool { return a.line < b.line || a.line == b.line && a.from < b.from }

// entries puts addresses and moments together. Either each moment stands
// before its address or each behind it; the way that pairs more, and nearer,
// is the page's.
func entries(lines []string, anchors []anchor) []SignIn {
	pairs, cost := match(anchors, false)
	if other, c := match(anchors, true); c < cost {
		pairs = other
	}
	withAddress := false
	for _, p := range pairs {
		withAddress = withAddress || p.address != nil
	}
	var kept []pair
	for _, p := range pairs {
		if !withAddress || p.address != nil || !p.moment.late && p.moment.precision == Minute {
			kept = append(kept, p)
		}
	}
	forth, back := texts(lines, kept)
	if named(back) > named(forth) {
		forth = back
	}
	var out []SignIn
	for i, p := range kept {
		text := forth[i]
		if p.address == nil && (withAddress || p.moment.precision == Day) && !says(text) {
			continue
		}
		e := SignIn{Text: shorten(text), Refused: refused.MatchString(text)}
		e.Device, e.System = deviceIn(text)
		if p.moment != nil {
			e.At, e.Precision = p.moment.at, p.moment.precision
		}
		if p.address != nil {
			e.Address = p.address.address
		}
		out = append(out, e)
	}
	return out
}

// says tells a sign-in without an address from a date that stands somewhere.
func says(text string) bool {
	show, _ := deviceIn(text)
	lower := strings.ToLower(text)
	return show != "" || strings.Contains(text, "ログイン") || strings.Contains(text, "サインイン") || strings.Contains(lower, "sign") || strings.Contains(lower, "log")
}

// match pairs each anchor of one sort with the next of the other sort. The cost
// counts what is left alone and how far apart the others are.
func match(anchors []anchor, addressFirst bool) ([]pair, int) {
	var out []pair
	cost := 0
	for i := 0; i < len(anchors); i++ {
		a := &anchors[i]
		if a.isAddress() != addressFirst || i+1 == len(anchors) || anchors[i+1].isAddress() == addressFirst {
			if twin(anchors, i) { // the same line tells a second time, as of signing out
				continue
			}
			out = append(out, alone(a))
			cost += 40
			continue
		}
		b := &anchors[i+1]
		apart := b.line - a.line
		if apart > 12 { // too far to belong together
			out = append(out, alone(a))
			cost += 40
			continue
		}
		cost += 3 * apart
		p := pair{a, b}
		if addressFirst {
			p = pair{b, a}
		}
		out = append(out, p)
		i++
	}
	return out, cost
}

func alone(a *anchor) pair {
	if a.isAddress() {
		return pair{address: a}
	}
	return pair{moment: a}
}

// twin says whether a moment is the second one right after another of its
// line, with the address on that line too; or an address given a second time.
func twin(anchors []anchor, i int) bool {
	if i == 0 || anchors[i-1].line != anchors[i].line {
		return false
	}
	a, b := anchors[i-1], anchors[i]
	if a.isAddress() && b.isAddress() {
		return a.address == b.address
	}
	if a.isAddress() || b.isAddress() {
		return !b.isAddress() && i >= 2 && anchors[i-2].line == b.line && !anchors[i-2].isAddress() && (i+1 == len(anchors) || anchors[i+1].line != b.line)
	}
	return false
}

// texts are the words of each sign-in: from its first anchor (or the beginning
// of the line) to the next one's, and the same backwards, for pages that name
// the device above the date.
func texts(lines []string, pairs []pair) (forth, back []string) {
	between := func(fromLine, from, toLine, to int) string {
		var b strings.Builder
		for l := fromLine; l <= toLine && l < len(lines) && l < fromLine+14; l++ {
			line, start, end := lines[l], 0, len(lines[l])
			if l == fromLine {
				start = min(from, len(line))
			}
			if l == toLine {
				end = min(to, len(line))
			}
			if start < end {
				b.WriteString(line[start:end])
				b.WriteByte(' ')
			}
		}
		return b.String()
	}
	for i, p := range pairs {
		startLine, start := p.first().line, 0
		if i > 0 && pairs[i-1].last().line == startLine {
			start = p.first().from
		}
		endLine, end := p.last().line+8, 1<<30
		if i+1 < len(pairs) {
			next := pairs[i+1].first()
			endLine, end = next.line, 0
			if next.line == p.last().line {
				end = next.from
			}
		}
		forth = append(forth, between(startLine, start, endLine, end))
		backLine, from := max(0, startLine-6), 0
		if i > 0 {
			backLine, from = pairs[i-1].last().line, pairs[i-1].last().to
			if backLine < startLine {
				backLine, from = backLine+1, 0
			}
		}
		stop := 1 << 30
		if i+1 < len(pairs) && pairs[i+1].first().line == p.last().line {
			stop = p.last().to
		}
		back = append(back, between(backLine, from, p.last().line, stop))
	}
	return forth, back
}

func named(texts []string) (n int) {
	for _, t := range texts {
		if show, _ := deviceIn(t); show != "" {
			n++
		}
	}
	return n
}
