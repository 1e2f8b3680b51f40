package web

import (
	"fmt"
	"strconv"
	"time"

	"mimamori"
	"mimamori/geo"
)

// Clock puts times into words as one reader sees them now.
type Clock struct {
	Now  time.Time
	Zone *time.Location
	Lang mimamori.Lang
}

// Words says a time as people do: "12分前", "昨夜 1時10分ごろ", "きのう 14時05分ごろ",
// "10月3日 14時05分ごろ". The exact time belongs beside it (Exact).
func (c Clock) Words(t time.Time) string {
	t, now := t.In(c.Zone), c.Now.In(c.Zone)
	switch d := now.Sub(t); {
	case d >= 0 && d < time.Minute:
		return c.say("たったいま", "just now")
	case d >= 0 && d < time.Hour:
		return c.say(fmt.Sprintf("%d分前", int(d.Minutes())), plural(int(d.Minutes()), "minute")+" ago")
	case d < 0 && -d < time.Hour:
		m := int((-d + time.Minute - 1) / time.Minute)
		return c.say(fmt.Sprintf("あと%d分", m), "in "+plural(m, "minute"))
	}
	return c.day(t, now) + c.about(t, t.Before(now))
}

// day names the day of t as seen from now, the night before dawn apart.
func (c Clock) day(t, now time.Time) string {
	days := daysBetween(t, now)
	night := t.Hour() < 5
	switch {
	case days == 0 && night && now.Hour() >= 5:
		return c.say("昨夜 ", "last night ")
	case days == 0 && night:
		return c.say("今夜 ", "tonight ")
	case days == 0:
		return c.say("きょう ", "today ")
	case days == 1 && t.Hour() >= 18 && now.Hour() >= 5:
		return c.say("昨夜 ", "last night ")
	case days == 1:
		return c.say("きのう ", "yesterday ")
	case days == -1:
		return c.say("あす ", "tomorrow ")
	}
	return c.Date(t) + c.say(" ", ", ")
}

func (c Clock) about(t time.Time, past bool) string {
	ja := fmt.Sprintf("%d時%02d分", t.Hour(), t.Minute())
	if past {
		ja += "ごろ"
	}
	return c.say(ja, "at "+t.Format("3:04 pm"))
}

// Until says when something ends or opens: "あす 6時10分", never "ごろ", for it is a
// promise.
func (c Clock) Until(t time.Time) string {
	t, now := t.In(c.Zone), c.Now.In(c.Zone)
	day := ""
	switch daysBetween(t, now) {
	case 0:
		day = c.say("きょう ", "today ")
		if t.Hour() < 12 {
			day = c.say("けさ ", "this morning ")
		}
	case -1:
		day = c.say("あす ", "tomorrow ")
	default:
		day = c.Date(t) + c.say(" ", ", ")
	}
	return day + c.about(t, false)
}

// From is Until for what opens: rounded up to the minute, so that nobody who
// comes at the minute named is early.
func (c Clock) From(t time.Time) string {
	if whole := t.Truncate(time.Minute); whole.Before(t) {
		t = whole.Add(time.Minute)
	}
	return c.Until(t)
}

// Span is a stretch of one day: "あす 9時00分から12時00分まで". It opens when From
// says so.
func (c Clock) Span(from, until time.Time) string {
	end := until.In(c.Zone)
	return c.From(from) + c.say(fmt.Sprintf("から%d時%02d分まで", end.Hour(), end.Minute()), " to "+end.Format("3:04 pm"))
}

// Left is how long something still takes, rounded up to the minute.
func (c Clock) Left(until time.Time) string {
	m := int((until.Sub(c.Now) + time.Minute - 1) / time.Minute)
	if m <= 0 {
		return c.say("まもなく", "any moment now")
	}
	if m < 60 {
		return c.say(fmt.Sprintf("あと約%d分", m), "about "+plural(m, "minute")+" left")
	}
	h, m := m/60, m%60
	if m == 0 {
		return c.say(fmt.Sprintf("あと約%d時間", h), "about "+plural(h, "hour")+" left")
	}
	return c.say(fmt.Sprintf("あと約%d時間%d分", h, m), "about "+plural(h, "hour")+" "+plural(m, "minute")+" left")
}

// Date is the day without the time; the year is left out when it is this one.
func (c Clock) Date(t time.Time) string {
	t, now := t.In(c.Zone), c.Now.In(c.Zone)
	if t.Year() != now.Year() {
		return c.say(t.Format("2006年1月2日"), t.Format("2 January 2006"))
	}
	return c.say(t.Format("1月2日"), t.Format("2 January"))
}

// Moment is day and time to the second, for lists whose year and zone are
// said above.
func (c Clock) Moment(t time.Time) string {
	t = t.In(c.Zone)
	return c.say(t.Format("1月2日 15時04分05秒"), t.Format("2 January, 15:04:05"))
}

// Exact is the time to the second with its zone.
func (c Clock) Exact(t time.Time) string {
	t = t.In(c.Zone)
	zone, offset := t.Zone()
	if zone == "JST" {
		return c.say(t.Format("2006年1月2日 15時04分05秒（日本時間）"), t.Format("2 January 2006, 15:04:05 (Japan time)"))
	}
	utc := fmt.Sprintf("UTC%+03d:%02d", offset/3600, offset%3600/60)
	return c.say(t.Format("2006年1月2日 15時04分05秒（")+utc+"）", t.Format("2 January 2006, 15:04:05 (")+utc+")")
}

// Machine is the time for <time datetime>.
func (c Clock) Machine(t time.Time) string { return t.In(c.Zone).Format(time.RFC3339) }

// Share is how much of a span is over, in whole percent.
func (c Clock) Share(since, until time.Time) int {
	whole := until.Sub(since)
	if whole <= 0 {
		return 100
	}
	return min(100, max(0, int(100*c.Now.Sub(since)/whole)))
}

func (c Clock) say(ja, en string) string { return mimamori.Text{JA: ja, EN: en}.In(c.Lang) }

func daysBetween(t, now time.Time) int {
	a := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	b := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	return int(b.Sub(a) / (24 * time.Hour))
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}

// zeroDecimals are the ISO 4217 currencies without minor units that shops in
// this part of the world use; every other one is taken to have two.
var zeroDecimals = map[string]bool{"JPY": true, "KRW": true, "VND": true}

// Amount writes minor units of a currency with its sign and separators: ¥12,800.
func Amount(minor int64, currency string, lang mimamori.Lang) string {
	sign := ""
	if minor < 0 {
		sign, minor = "−", -minor
	}
	symbol := map[string]string{"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}[currency]
	if symbol == "" {
		symbol = currency + " "
	}
	if zeroDecimals[currency] {
		return sign + symbol + group(minor)
	}
	return fmt.Sprintf("%s%s%s.%02d", sign, symbol, group(minor/100), minor%100)
}

func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := len(s) % 3
	out := s[:start]
	for i := start; i < len(s); i += 3 {
		if out != "" && out != "-" {
			out += ","
		}
		out += s[i : i+3]
	}
	return out
}

// Country is the country's name for a reader; an unknown code stays as it is.
func Country(code string, lang mimamori.Lang) string {
	return geo.CountryName(code).In(lang)
}
