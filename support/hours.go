package support

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori"
)

// weekdays in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// horizon is how far ahead an opening is looked for: longer than the longest
// row of closed days, the turn of the year.
const horizon = 15

// Check says what is wrong with a number, as a *mimamori.FieldError.
func (n Number) Check() error {
	fault := func(field, reason string) error {
		return &mimamori.FieldError{Index: -1, Field: field, Reason: reason}
	}
	if n.Country != Anywhere && (len(n.Country) != 2 || n.Country != strings.ToUpper(n.Country)) {
		return fault("country", `must be two capital letters or "*"`)
	}
	if strings.Trim(n.Number, "+0123456789-() ") != "" || !strings.ContainsAny(n.Number, "0123456789") {
		return fault("number", "must be a telephone number")
	}
	for _, d := range n.Days {
		if !slices.Contains(weekdays, d) {
			return fault("days", "must be mon, tue, wed, thu, fri, sat or sun")
		}
	}
	if n.Hours == "" && len(n.Days) > 0 {
		return fault("hours", "must be said where days are")
	}
	if _, err := parseHours(n.Hours); err != nil && n.Hours != "" {
		return fault("hours", err.Error())
	}
	if _, err := time.LoadLocation(n.TimeZone); err != nil || n.TimeZone == "" || n.TimeZone == "Local" {
		return fault("time_zone", "must be a time zone's name, as in Asia/Tokyo")
	}
	for _, l := range n.Languages {
		if l != string(mimamori.Japanese) && l != string(mimamori.English) {
			return fault("languages", "must be ja or en")
		}
	}
	switch n.Holidays {
	case "", "open", "closed":
		return nil
	}
	return fault("holidays", "must be open or closed")
}

// stretch is one opening.
type stretch struct{ from, to time.Time }

// openings lists the openings from yesterday to the horizon, in order, those
// that touch each other joined. t is in the line's zone.
func (n Number) openings(t time.Time) []stretch {
	hours, _ := parseHours(n.Hours)
	var out []stretch
	for day := -1; day < horizon; day++ {
		date := time.Date(t.Year(), t.Month(), t.Day()+day, 0, 0, 0, 0, t.Location())
		if !n.worksOn(date) {
			continue
		}
		for _, h := range hours {
			s := stretch{minuteOf(date, h.from), minuteOf(date, h.to)}
			if last := len(out) - 1; last >= 0 && !s.from.After(out[last].to) {
				if s.to.After(out[last].to) {
					out[last].to = s.to
				}
				continue
			}
			out = append(out, s)
		}
	}
	return out
}

// minuteOf is a time of day by the wall clock, summer time or not.
func minuteOf(date time.Time, minute int) time.Time {
	return time.Date(date.Year(), date.Month(), date.Day(), 0, minute, 0, 0, date.Location())
}

func (n Number) worksOn(date time.Time) bool {
	if len(n.Days) > 0 && !slices.Contains(n.Days, weekdays[date.Weekday()]) {
		return false
	}
	closed := n.Holidays == "closed" || n.Holidays == "" && len(n.Days) > 0 && len(n.Days) < 7
	return !(closed && n.TimeZone == "Asia/Tokyo" && JapaneseHoliday(date))
}

// minutes of one opening, from midnight of its day; to may pass 24 h.
type minutes struct{ from, to int }

func parseHours(s string) ([]minutes, error) {
	var out []minutes
	for part := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		a, okA := parseClock(from)
		b, okB := parseClock(to)
		if !ok || !okA || !okB || a == 24*60 || a == b {
			return nil, fmt.Errorf("must be hours as in 09:00-18:00")
		}
		if b < a {
			b += 24 * 60
		}
		if last := len(out) - 1; last >= 0 && a < out[last].to {
			return nil, fmt.Errorf("must be in order, without overlap")
		}
		out = append(out, minutes{a, b})
	}
	return out, nil
}

func parseClock(s string) (minute int, ok bool) {
	h, m, ok := strings.Cut(s, ":")
	hours, errH := strconv.ParseUint(h, 10, 8)
	mins, errM := strconv.ParseUint(m, 10, 8)
	if !ok || len(h) != 2 || len(m) != 2 || errH != nil || errM != nil || mins > 59 || hours > 24 || hours == 24 && mins > 0 {
		return 0, false
	}
	return int(hours*60 + mins), true
}
