package firstaid

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// anchor is an address or a moment in the text: what sign-ins are built
// around.
type anchor struct {
	line, from, to int
	address        Address // or
	at             time.Time
	precision      Precision
	late           bool // a time of day under a date that an earlier one has used
}

func (a anchor) isAddress() bool { return a.address.IP.IsValid() }

// Read reads a history as people copy it: a line for each sign-in, a few lines
// for each, or all in one; with Japanese or Western dates, and other text
// around it. Times without a zone are in zone, days without a year are the
// last such days before now. It never fails: what it cannot read it leaves.
func Read(text string, now time.Time, zone *time.Location) History {
	if len(text) > MostBytes {
		text = text[:MostBytes]
	}
	lines := cut(plain(text))
	anchors := scan(lines, now.In(zone))
	var h History
	for _, e := range entries(lines, anchors) {
		if len(h.SignIns) == mostSignIns {
			h.More = true
			break
		}
		if e.Address.IP.IsValid() {
			h.Addresses++
		}
		h.SignIns = append(h.SignIns, e)
	}
	return h
}

var (
	japaneseDot = regexp.MustCompile(`(\d)[。｡](\d)`)
	logDay      = regexp.MustCompile(`(/\d{4}):(\d\d:\d\d)`) // 20/Nov/2026:23:14:05
)

// longLine is how much of one line is read as one: a history without line ends
// is cut at spaces.
const longLine = 4 << 10

// cut makes lines of a text.
func cut(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		for len(line) > longLine {
			at := strings.LastIndexByte(line[:longLine], ' ')
			if at < longLine/2 {
				for at = longLine; !utf8.RuneStart(line[at]); {
					at--
				}
			}
			out, line = append(out, line[:at]), line[at:]
		}
		out = append(out, line)
	}
	return out
}

// plain folds full-width signs and drops what cannot be seen. Lines stay.
func plain(text string) string {
	text = norm.NFC.String(width.Fold.String(strings.ToValidUTF8(text, "\uFFFD")))
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u3000", " ", "\u00a0", " ", "\t", " ", "[.]", ".", "‐", "-", "–", "-", "−", "-", "：", ":").Replace(text)
	for range 2 { // the second finds what stands between two that the first took
		text = japaneseDot.ReplaceAllString(text, "$1.$2")
	}
	text = logDay.ReplaceAllString(text, "$1 $2")
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, text)
}

// blank puts spaces over parts of a line, so that places stay.
func blank(line string, spans [][]int) string {
	if len(spans) == 0 {
		return line
	}
	b := []byte(line)
	for _, s := range spans {
		for i := s[0]; i < s[1]; i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

// scan finds the anchors of all lines, in reading order.
func scan(lines []string, now time.Time) []anchor {
	var out []anchor
	words := make([][]word, len(lines))
	var doubtful []*day
	for i, line := range lines {
		bare := blank(line, agentText.FindAllStringIndex(line, -1))
		bare = blank(bare, versionsIn(bare))
		var taken [][]int
		for _, f := range addresses(bare) {
			out = append(out, anchor{line: i, from: f.from, to: f.to, address: f.address})
			taken = append(taken, []int{f.from, f.to})
		}
		words[i] = wordsOf(blank(bare, taken), now)
		for _, w := range words[i] {
			if w.day != nil && w.day.abc != nil {
				doubtful = append(doubtful, w.day)
			}
		}
	}
	settle(doubtful, strings.Join(lines, "\n"), now)
	out = append(out, told(lines, words, now)...)
	slices.SortStableFunc(out, func(a, b anchor) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.from - b.from
	})
	return sift(lines, out)
}

// sift drops what is no sign-in: the page's own date and address, and the end
// of a stretch of time ("23:14 ~ 23:40").
func sift(lines []string, anchors []anchor) []anchor {
	var out []anchor
	for i, a := range anchors {
		others := 0
		for j := i - 1; j >= 0 && others < 2 && anchors[j].line == a.line; j-- {
			others++
		}
		for j := i + 1; j < len(anchors) && others < 2 && anchors[j].line == a.line; j++ {
			others++
		}
		if others < 2 && noise.MatchString(lines[a.line]) {
			continue
		}
		if i > 0 && !a.isAddress() {
			b := anchors[i-1]
			if !b.isAddress() && b.line == a.line && b.to <= a.from && isSpan(lines[a.line][b.to:a.from]) {
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

// wordsOf are the words of a line that tell time, in order, none within
// another: of two that overlap the longer is right.
func wordsOf(line string, now time.Time) []word {
	all := slices.Concat(moments(line, now), days(line), clocks(line))
	slices.SortStableFunc(all, func(a, b word) int { return (b.to - b.from) - (a.to - a.from) })
	var out []word
	for _, w := range all {
		if !slices.ContainsFunc(out, func(o word) bool { return w.from < o.to && o.from < w.to }) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b word) int { return a.from - b.from })
	for i, w := range out { // 1/5 is a page, unless a time stands beside it
		if w.day != nil && w.day.weak && !beside(out, i) {
			out[i].day = nil
		}
	}
	return slices.DeleteFunc(out, func(w word) bool { return w.day == nil && w.clock == nil })
}

func beside(words []word, i int) bool {
	near := func(j int) bool {
		return j >= 0 && j < len(words) && words[j].clock != nil && words[j].day == nil && max(words[j].from-words[i].to, words[i].from-words[j].to) < 16
	}
	return near(i-1) || near(i+1)
}

// told turns words into moments. A day alone on its line is the head of the
// times below it.
func told(lines []string, words [][]word, now time.Time) []anchor {
	var out []anchor
	var head *day
	var headAt anchor
	used := true
	flush := func() {
		if !used && head != nil {
			if t, ok := resolve(head, nil, now); ok {
				headAt.at, headAt.precision = t, Day
				out = append(out, headAt)
			}
		}
		used = true
	}
	for i, line := range words {
		for j := 0; j < len(line); j++ {
			w := line[j]
			here := anchor{line: i, from: w.from, to: w.to}
			switch {
			case w.day != nil && (w.clock != nil || !w.day.exact.IsZero()):
				flush()
				if t, ok := resolve(w.day, w.clock, now); ok {
					here.at, here.precision = t, Minute
					out = append(out, here)
				}
				head, headAt = w.day, here
			case w.day != nil:
				flush()
				head, headAt, used = w.day, here, false
			default:
				// "10:05 PM, May 3": the day comes behind, if none is open.
				if j+1 < len(line) && used && line[j+1].day != nil && line[j+1].clock == nil && line[j+1].from-w.to < 24 && (j+2 >= len(line) || line[j+2].day != nil || line[j+2].from-line[j+1].to > 8) {
					j++
					head = line[j].day
					if t, ok := resolve(head, w.clock, now); ok {
						here.to, here.at, here.precision = line[j].to, t, Minute
						out = append(out, here)
					}
					continue
				}
				if head == nil || span(lines[i], line, j) {
					continue
				}
				t, ok := resolve(head, w.clock, now)
				if !ok {
					continue
				}
				if !used {
					here.line, here.from = headAt.line, headAt.from
				}
				here.late, used = used, true
				here.at, here.precision = t, Minute
				out = append(out, here)
			}
		}
	}
	flush()
	return out
}

// span says whether a time is the end of a stretch whose beginning stands
// right before it.
func span(text string, line []word, j int) bool {
	if j == 0 || line[j-1].clock == nil {
		return false
	}
	return isSpan(text[line[j-1].to:line[j].from])
}

func isSpan(gap string) bool {
	gap = strings.TrimSpace(gap)
	return gap == "-" || gap == "~" || gap == "〜" || gap == "から" || gap == "to"
}

// resolve makes a time of a day and a time of day. False for none that can be.
func resolve(d *day, c *clock, now time.Time) (time.Time, bool) {
	if !d.exact.IsZero() {
		return d.exact, true
	}
	zone := now.Location()
	if c != nil && c.zone != nil {
		zone = c.zone
	}
	y, m, date := d.year, d.month, d.date
	if d.relative {
		y2, m2, d2 := now.Add(-d.since).Date()
		y, m, date = y2, int(m2), d2
	}
	hour, minute, second := 0, 0, 0
	if c != nil {
		hour, minute, second = c.hour, c.minute, c.second
	}
	build := func(year int) (time.Time, bool) {
		t := time.Date(year, time.Month(m), date, hour, minute, second, 0, zone)
		return t.In(now.Location()), m >= 1 && t.In(zone).Day() == date
	}
	if y != 0 {
		return build(y)
	}
	for year := now.Year() + 1; year > now.Year()-9; year-- { // 29 February may be long ago
		if t, ok := build(year); ok && !t.After(now.Add(24*time.Hour)) {
			return t, true
		}
	}
	return time.Time{}, false
}

// settle decides in which order three numbers stand, for all alike: by what can
// be a date at all, then by what is not in the future, then by what is near.
func settle(all []*day, text string, now time.Time) {
	if len(all) == 0 {
		return
	}
	orders := [][3]int{{2, 0, 1}, {2, 1, 0}, {0, 1, 2}} // places of year, month, date: m/d/y, d/m/y, y/m/d
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
		orders = [][3]int{{0, 1, 2}, {2, 0, 1}, {2, 1, 0}}
	}
	best, least := orders[0], 1<<30
	for _, o := range orders {
		bad := 0
		for _, d := range all {
			bad += misfit(d, o, now)
		}
		if bad < least {
			best, least = o, bad
		}
	}
	for _, d := range all {
		if misfit(d, best, now) >= impossible {
			d.month = 0 // no date at all
			d.year = 1
			continue
		}
		d.year, d.month, d.date = ordered(*d.abc, best)
	}
}

const impossible = 10000

func ordered(abc [3]int, o [3]int) (y, m, d int) {
	y, m, d = abc[o[0]], abc[o[1]], abc[o[2]]
	if y < 100 {
		y += 2000
	}
	return y, m, d
}

// misfit says how little an order suits a date.
func misfit(d *day, o [3]int, now time.Time) int {
	y, m, date := ordered(*d.abc, o)
	t := time.Date(y, time.Month(max(1, min(12, m))), date, 0, 0, 0, 0, now.Location())
	switch {
	case m < 1 || m > 12 || date < 1 || date > 31 || y < 1990 || y > 2100 || t.Day() != date || d.abc[o[1]] > 31:
		return impossible
	case t.After(now.Add(24 * time.Hour)):
		return 100
	case now.Sub(t) > 20*365*24*time.Hour:
		return 50
	}
	return int(min(now.Sub(t)/(30*24*time.Hour), 12)) // nearer is likelier
}

// shorten makes one line of a text, for showing.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > mostText {
		s = string([]rune(s)[:mostText-1]) + "…"
	}
	return s
}
