package firstaid

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// word is a piece of a line that tells a day, a time of day, or both.
type word struct {
	from, to int
	day      *day
	clock    *clock
}

// day is a date as written. Abc holds three numbers whose order is not known
// yet (3/5/16); year 0 is one that is left out.
type day struct {
	year, month, date int
	abc               *[3]int
	weak              bool // a fraction, unless a time follows
	since             time.Duration
	relative          bool      // the day is that long before now
	exact             time.Time // an hour ago: both day and time
}

// clock is a time of day as written.
type clock struct {
	hour, minute, second int
	zone                 *time.Location
}

const months = `(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`

var (
	yearFirst  = regexp.MustCompile(`((?:19|20)\d\d)\s?(?:年|[-/.])\s?(\d{1,2})\s?(?:月|[-/.])\s?(\d{1,2})日?`)
	era        = regexp.MustCompile(`(令和|平成|R|H)\s?(\d{1,2}|元)\s?[年./-]\s?(\d{1,2})\s?[月./-]\s?(\d{1,2})日?`)
	noYear     = regexp.MustCompile(`(\d{1,2})\s?月\s?(\d{1,2})\s?日`)
	monthFirst = regexp.MustCompile(`\b(` + months + `)\.?\s{1,2}(\d{1,2})(?:st|nd|rd|th)?\b(?:,?\s+((?:19|20)\d\d)\b)?`)
	dateFirst  = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)?[\s/-](` + months + `)\b\.?,?(?:[\s/-]+((?:19|20)\d\d)\b)?`)
	ctime      = regexp.MustCompile(`\b(` + months + `)\s+(\d{1,2})\s+(\d{2}:\d{2}:\d{2})\s+(?:[A-Z]{3,4}\s+)?((?:19|20)\d\d)\b`)
	anyOrder   = regexp.MustCompile(`(\d{1,2})[/.-](\d{1,2})[/.-]((?:19|20)?\d\d)`)
	fraction   = regexp.MustCompile(`(\d{1,2})/(\d{1,2})`)
	compact    = regexp.MustCompile(`(20\d\d)(\d\d)(\d\d)[T_-]?(\d\d)(\d\d)(\d\d)?`)
	saidDay    = regexp.MustCompile(`今日|本日|きょう|一昨日|おととい|昨日|きのう|(?i:\btoday\b|\byesterday\b)`)
	ago        = regexp.MustCompile(`(\d{1,3})\s?(分|時間|日|週間|か月|ヶ月|カ月|ヵ月)前|(?i:\b(\d{1,3}|an?)\s(minute|min|hour|hr|day|week|month)s?\sago\b)`)

	colons  = regexp.MustCompile(`(?i)(午前|午後|\b[ap]\.?m\.?)?\s?(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?:\s?([ap]\.?m\b\.?))?(?:\s?(Z\b|UTC|GMT|JST|[+-]\d{2}:?\d{2}\b))?`)
	kanji   = regexp.MustCompile(`(午前|午後)?\s?(\d{1,2})\s?時\s?(?:(\d{1,2})\s?分|(半))?(?:\s?(\d{1,2})\s?秒)?`)
	onlyAM  = regexp.MustCompile(`(?i)\b(\d{1,2})\s?([ap]\.?m)\b`)
	saysNow = regexp.MustCompile(`たった(?:今|いま)|(?i:\bjust now\b)`)
)

// monthOf is the number of an English month's name.
func monthOf(name string) int {
	return strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(name[:3]))/3 + 1
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // digits, or nothing: 0
	return n
}

// days finds the dates of a line.
func days(line string) []word {
	var out []word
	add := func(re *regexp.Regexp, read func(g []string) *day) {
		for _, m := range re.FindAllStringSubmatchIndex(line, -1) {
			if before(line, m[0], "0123456789") || after(line, m[1]) {
				continue
			}
			if d := read(groups(line, m)); d != nil {
				out = append(out, word{from: m[0], to: m[1], day: d})
			}
		}
	}
	plain := func(y, m, d int) *day {
		if m < 1 || m > 12 || d < 1 || d > 31 {
			return nil
		}
		return &day{year: y, month: m, date: d}
	}
	add(yearFirst, func(g []string) *day { return plain(number(g[1]), number(g[2]), number(g[3])) })
	add(era, func(g []string) *day {
		first := map[string]int{"令和": 2018, "R": 2018, "平成": 1988, "H": 1988}[g[1]]
		if g[2] == "元" {
			return plain(first+1, number(g[3]), number(g[4]))
		}
		return plain(first+number(g[2]), number(g[3]), number(g[4]))
	})
	add(noYear, func(g []string) *day { return plain(0, number(g[1]), number(g[2])) })
	add(monthFirst, func(g []string) *day { return plain(number(g[3]), monthOf(g[1]), number(g[2])) })
	add(dateFirst, func(g []string) *day { return plain(number(g[3]), monthOf(g[2]), number(g[1])) })
	add(anyOrder, func(g []string) *day {
		return &day{abc: &[3]int{number(g[1]), number(g[2]), number(g[3])}}
	})
	add(fraction, func(g []string) *day {
		d := plain(0, number(g[1]), number(g[2]))
		if d != nil {
			d.weak = true
		}
		return d
	})
	add(saidDay, func(g []string) *day {
		n := map[string]int{"一昨日": 2, "おととい": 2, "昨日": 1, "きのう": 1, "yesterday": 1}[strings.ToLower(g[0])]
		return &day{relative: true, since: time.Duration(n) * 24 * time.Hour}
	})
	return out
}

// groups are the submatches as text.
func groups(line string, m []int) []string {
	out := make([]string, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = line[m[2*i]:m[2*i+1]]
		}
	}
	return out
}

// clocks finds the times of day of a line.
func clocks(line string) []word {
	var out []word
	add := func(re *regexp.Regexp, read func(g []string) *clock) {
		for _, m := range re.FindAllStringSubmatchIndex(line, -1) {
			for line[m[0]] == ' ' {
				m[0]++
			}
			if before(line, m[0], "0123456789") || strings.HasPrefix(line[m[1]:], "間") || strings.HasPrefix(line[m[1]:], ":") {
				continue
			}
			if c := read(groups(line, m)); c != nil && c.hour < 24 && c.minute < 60 && c.second < 61 {
				out = append(out, word{from: m[0], to: m[1], clock: c})
			}
		}
	}
	add(colons, func(g []string) *clock {
		return half(&clock{hour: number(g[2]), minute: number(g[3]), second: number(g[4]), zone: zoneOf(g[6])}, g[1]+g[5])
	})
	add(kanji, func(g []string) *clock {
		c := &clock{hour: number(g[2]), minute: number(g[3]), second: number(g[5])}
		if g[4] != "" {
			c.minute = 30
		}
		return half(c, g[1])
	})
	add(onlyAM, func(g []string) *clock { return half(&clock{hour: number(g[1])}, g[2]) })
	return out
}

// half turns twelve hours into twenty-four.
func half(c *clock, mark string) *clock {
	switch {
	case mark == "":
	case strings.HasPrefix(mark, "午後") || strings.HasPrefix(strings.ToLower(mark), "p"):
		if c.hour < 12 {
			c.hour += 12
		}
	case c.hour == 12:
		c.hour = 0
	}
	return c
}

// zoneOf is the zone that a time names; nil for none.
func zoneOf(s string) *time.Location {
	switch s = strings.ToUpper(s); s {
	case "":
		return nil
	case "Z", "UTC", "GMT":
		return time.UTC
	case "JST":
		return time.FixedZone("JST", 9*60*60)
	}
	seconds := number(s[1:3])*3600 + number(s[len(s)-2:])*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds)
}

// moments finds what tells day and time in one piece.
func moments(line string, now time.Time) []word {
	var out []word
	for _, m := range ctime.FindAllStringSubmatchIndex(line, -1) {
		g := groups(line, m)
		hms := strings.Split(g[3], ":")
		out = append(out, word{from: m[0], to: m[1], day: &day{year: number(g[4]), month: monthOf(g[1]), date: number(g[2])},
			clock: &clock{hour: number(hms[0]), minute: number(hms[1]), second: number(hms[2])}})
	}
	for _, m := range compact.FindAllStringSubmatchIndex(line, -1) {
		g := groups(line, m)
		d := day{year: number(g[1]), month: number(g[2]), date: number(g[3])}
		c := clock{hour: number(g[4]), minute: number(g[5]), second: number(g[6])}
		if !before(line, m[0], "0123456789") && !after(line, m[1]) && d.month >= 1 && d.month <= 12 && d.date >= 1 && d.date <= 31 && c.hour < 24 && c.minute < 60 && c.second < 61 {
			out = append(out, word{from: m[0], to: m[1], day: &d, clock: &c})
		}
	}
	for _, m := range ago.FindAllStringSubmatchIndex(line, -1) {
		g := groups(line, m)
		n, unit := number(g[1]), g[2]
		if unit == "" {
			n, unit = max(1, number(g[3])), strings.ToLower(g[4])
		}
		long := map[string]time.Duration{"分": time.Minute, "minute": time.Minute, "min": time.Minute, "時間": time.Hour, "hour": time.Hour, "hr": time.Hour,
			"週間": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "か月": 30 * 24 * time.Hour, "ヶ月": 30 * 24 * time.Hour, "カ月": 30 * 24 * time.Hour, "ヵ月": 30 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
			"日": 24 * time.Hour, "day": 24 * time.Hour}[unit]
		d := &day{relative: true, since: time.Duration(n) * long}
		if long <= time.Hour {
			d.exact = now.Add(-d.since)
		}
		out = append(out, word{from: m[0], to: m[1], day: d})
	}
	for _, m := range saysNow.FindAllStringIndex(line, -1) {
		out = append(out, word{from: m[0], to: m[1], day: &day{relative: true, exact: now}})
	}
	return out
}
