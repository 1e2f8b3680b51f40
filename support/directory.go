// Package support answers "whom do I call now?" and keeps the rules of being
// called back: which number may be called, and how the customer knows that it
// is really the shop. It stands beside the response: notices and pages ask
// it, agents work with it. It makes no calls; the store keeps what it says.
package support

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
)

// Anywhere is the country of a number that can be called from everywhere.
const Anywhere = "*"

// Directory is all the shop's numbers.
type Directory struct {
	Numbers []Number `yaml:"contacts" json:"contacts"`
}

// Number is one telephone line of the shop.
type Number struct {
	Country   string   `yaml:"country" json:"country"`     // from where: ISO 3166-1 alpha-2, or Anywhere
	Number    string   `yaml:"number" json:"number"`       // as it is dialled from there
	Free      bool     `yaml:"free" json:"free"`           // costs the caller nothing
	Days      []string `yaml:"days" json:"days"`           // mon … sun; empty: every day
	Hours     string   `yaml:"hours" json:"hours"`         // "09:00-12:00,13:00-18:00"; "22:00-06:00" ends the next day; "00:00-24:00"; empty: not known
	TimeZone  string   `yaml:"time_zone" json:"time_zone"` // IANA name
	Languages []string `yaml:"languages" json:"languages"` // ja, en
	Callback  bool     `yaml:"callback" json:"callback"`   // the shop calls back on request
	// Holidays is "open" or "closed" on Japanese public holidays. Empty is
	// closed for a line that keeps working days, open for one that does not.
	Holidays string `yaml:"holidays,omitempty" json:"holidays,omitempty"`
}

// Line is one number as it stands at a moment.
type Line struct {
	Number
	Open   bool
	Known  bool          // the hours are known; when not, Open is false and says nothing
	Always bool          // around the clock: Until and Opens are zero
	Until  time.Time     // when open: the end of this opening, in the line's zone
	Opens  time.Time     // when not: the next opening; zero when none is near
	Text   mimamori.Text // the same in words
}

// Now lists whom to call from a country at a moment: those who answer now
// first, then by when they will. Of two alike, a number of the country itself
// comes first, then one that speaks the reader's language, then a free one.
// Numbers of other countries are left out; a number that does not pass Check
// is left out as well.
func (d Directory) Now(t time.Time, country string, lang mimamori.Lang) []Line {
	var lines []Line
	for _, n := range d.Numbers {
		if n.Country != Anywhere && !strings.EqualFold(n.Country, country) || n.Check() != nil {
			continue
		}
		lines = append(lines, n.at(t))
	}
	slices.SortStableFunc(lines, func(a, b Line) int {
		return cmp.Or(
			first(a.Open, b.Open),
			first(!a.Known, !b.Known), // one that may answer before one that does not
			byOpening(a, b),
			first(a.Country != Anywhere, b.Country != Anywhere),
			first(slices.Contains(a.Languages, string(lang)), slices.Contains(b.Languages, string(lang))),
			first(a.Free, b.Free),
		)
	})
	return lines
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// byOpening orders closed lines by their next opening, those without one last.
func byOpening(a, b Line) int {
	if a.Open || b.Open {
		return 0
	}
	if a.Opens.IsZero() || b.Opens.IsZero() {
		return first(!a.Opens.IsZero(), !b.Opens.IsZero())
	}
	return a.Opens.Compare(b.Opens)
}

// at reads one line's clock. The number has passed Check.
func (n Number) at(t time.Time) Line {
	line := Line{Number: n}
	zone, err := time.LoadLocation(n.TimeZone)
	if err != nil || n.Hours == "" {
		line.Text = mimamori.Text{
			JA: "受付時間は分かっていません。サービスの案内でお確かめください。",
			EN: "We do not know its hours. Please look at the service's own page.",
		}
		return line
	}
	line.Known = true
	t = t.In(zone)
	for _, s := range n.openings(t) {
		if !s.from.After(t) && t.Before(s.to) {
			line.Open, line.Until = true, s.to
			break
		}
		if s.from.After(t) {
			line.Opens = s.from
			break
		}
	}
	if line.Open && line.Until.Sub(t) > 8*24*time.Hour {
		line.Always, line.Until = true, time.Time{}
	}
	line.Text = line.words(t)
	return line
}

func (l Line) words(t time.Time) mimamori.Text {
	zoneJA, zoneEN := zoneNames(l.TimeZone, t)
	switch {
	case l.Always:
		return mimamori.Text{JA: "24時間いつでもつながります。", EN: "Answers around the clock."}
	case l.Open:
		return mimamori.Text{
			JA: fmt.Sprintf("いま、つながります（%s%s%sまで）。", zoneJA, dayJA(l.Until, t), l.Until.Format("15:04")),
			EN: fmt.Sprintf("Answers now, until %s%s %s.", dayEN(l.Until, t), l.Until.Format("15:04"), zoneEN),
		}
	case l.Opens.IsZero():
		return mimamori.Text{JA: "いまは受け付けていません。", EN: "Does not answer at the moment."}
	}
	return mimamori.Text{
		JA: fmt.Sprintf("いまは受付時間外です。次は%s%d月%d日（%s）%sからつながります。", zoneJA, l.Opens.Month(), l.Opens.Day(), weekdayJA(l.Opens), l.Opens.Format("15:04")),
		EN: fmt.Sprintf("Closed now. Answers again from %s %s %s.", l.Opens.Format("Monday 2 January"), l.Opens.Format("15:04"), zoneEN),
	}
}

// dayJA and dayEN say on which day an end is, if it is not today.
func dayJA(t, now time.Time) string {
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return ""
	case t.Format(time.DateOnly) == now.AddDate(0, 0, 1).Format(time.DateOnly):
		return "翌日"
	}
	return fmt.Sprintf("%d月%d日（%s）", t.Month(), t.Day(), weekdayJA(t))
}

func dayEN(t, now time.Time) string {
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return ""
	}
	return t.Format("Monday 2 January ")
}

func weekdayJA(t time.Time) string {
	return []string{"日", "月", "火", "水", "木", "金", "土"}[t.Weekday()]
}

// zoneNames says whose clock it is: the reader may be abroad.
func zoneNames(zone string, t time.Time) (ja, en string) {
	if zone == "Asia/Tokyo" {
		return "日本時間", "Japan time"
	}
	name, _ := t.Zone()
	return name + "で", name
}
