package support

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
)

var tokyo = func() *time.Location {
	l, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		panic(err)
	}
	return l
}()

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, tokyo)
	if err != nil {
		panic(err)
	}
	return t
}

var (
	weekday = Number{Country: "JP", Number: "0120-000-001", Free: true, Days: []string{"mon", "tue", "wed", "thu", "fri"}, Hours: "09:00-12:00,13:00-18:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja"}}
	night   = Number{Country: "JP", Number: "0120-000-002", Days: []string{"fri", "sat"}, Hours: "22:00-06:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja"}, Holidays: "open"}
	always  = Number{Country: Anywhere, Number: "+81-22-000-0000", Hours: "00:00-24:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja", "en"}}
	london  = Number{Country: "GB", Number: "020 0000 0000", Hours: "09:00-17:00", TimeZone: "Europe/London", Languages: []string{"en"}}
)

func TestOneLine(t *testing.T) {
	for _, c := range []struct {
		n    Number
		at   string
		open bool
		ja   string
	}{
		{weekday, "2026-11-24 10:00", true, "いま、つながります（日本時間12:00まで）。"},
		{weekday, "2026-11-24 12:00", false, "次は日本時間11月24日（火）13:00から"},
		{weekday, "2026-11-24 17:59", true, "18:00まで"},
		{weekday, "2026-11-24 18:00", false, "11月25日（水）09:00から"},
		{weekday, "2026-11-20 20:00", false, "11月24日（火）09:00から"}, // a weekend, and Labour Thanksgiving Day on Monday
		{weekday, "2026-09-18 19:00", false, "9月24日（木）09:00から"},  // the day between two holidays as well
		{night, "2026-11-21 23:00", true, "翌日06:00まで"},
		{night, "2026-11-22 05:59", true, "日本時間06:00まで"},
		{night, "2026-11-22 06:00", false, "11月27日（金）22:00から"},
		{always, "2026-01-01 03:00", true, "24時間"},
	} {
		got := c.n.at(at(c.at))
		if got.Open != c.open || !strings.Contains(got.Text.JA, c.ja) || got.Text.EN == "" {
			t.Errorf("%s at %s: open %v, %q, want %v, %q", c.n.Number, c.at, got.Open, got.Text.JA, c.open, c.ja)
		}
	}
	if got := weekday.at(at("2026-11-20 20:00")).Text.EN; got != "Closed now. Answers again from Tuesday 24 November 09:00 Japan time." {
		t.Errorf("in English: %s", got)
	}
	unknown := always
	unknown.Hours = ""
	if got := unknown.at(at("2026-11-20 20:00")); got.Open || got.Known || unknown.Check() != nil || !strings.Contains(got.Text.JA, "分かっていません") {
		t.Errorf("hours not known: %+v, %v", got, unknown.Check())
	}
	// The clocks go forward in London on 2027-03-28; 09:00 stays 09:00.
	if got := london.at(time.Date(2027, 3, 27, 18, 0, 0, 0, time.UTC)); got.Opens.UTC().Hour() != 8 || !strings.Contains(got.Text.EN, "09:00") {
		t.Errorf("London opens at %v: %s", got.Opens.UTC(), got.Text.EN)
	}
}

func TestWhomToCallNow(t *testing.T) {
	d := Directory{Numbers: []Number{always, weekday, night, london, {Country: "JP", Number: "x"}}}
	for _, c := range []struct {
		at, country string
		lang        mimamori.Lang
		want        []string
	}{
		{"2026-11-24 10:00", "JP", mimamori.Japanese, []string{weekday.Number, always.Number, night.Number}},
		{"2026-11-25 01:10", "jp", mimamori.Japanese, []string{always.Number, weekday.Number, night.Number}},
		{"2026-11-25 01:10", "GB", mimamori.English, []string{london.Number, always.Number}}, // 16:10 in London
		{"2026-11-25 10:00", "GB", mimamori.English, []string{always.Number, london.Number}},
		{"2026-11-25 10:00", "FR", mimamori.English, []string{always.Number}},
	} {
		var got []string
		for _, l := range d.Now(at(c.at), c.country, c.lang) {
			got = append(got, l.Number.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Now(%s, %s) = %v, want %v", c.at, c.country, got, c.want)
		}
	}
}

func TestCheckNumber(t *testing.T) {
	for field, change := range map[string]func(*Number){
		"country":   func(n *Number) { n.Country = "Japan" },
		"number":    func(n *Number) { n.Number = "call us" },
		"days":      func(n *Number) { n.Days = []string{"Monday"} },
		"hours":     func(n *Number) { n.Hours = "9-18" },
		"time_zone": func(n *Number) { n.TimeZone = "JST-9" },
		"languages": func(n *Number) { n.Languages = []string{"fr"} },
		"holidays":  func(n *Number) { n.Holidays = "maybe" },
	} {
		n := weekday
		change(&n)
		fe, ok := errors.AsType[*mimamori.FieldError](n.Check())
		if !ok || fe.Field != field {
			t.Errorf("Check with a bad %s = %v", field, n.Check())
		}
	}
	for _, hours := range []string{"", "09:00", "09:00-09:00", "24:00-01:00", "09:60-10:00", "09:00-12:00,11:00-13:00", "9:00-10:00", "00:00-24:01"} {
		if _, err := parseHours(hours); err == nil {
			t.Errorf("hours %q accepted", hours)
		}
	}
}

// TestJapaneseHolidays compares with the days that the Cabinet Office lists
// (内閣府「国民の祝日」について), 2025 and 2026 whole, later years by their
// equinoxes and moved days.
func TestJapaneseHolidays(t *testing.T) {
	want := strings.Fields(`
		2025-01-01 2025-01-13 2025-02-11 2025-02-23 2025-02-24 2025-03-20 2025-04-29 2025-05-03 2025-05-04 2025-05-05 2025-05-06
		2025-07-21 2025-08-11 2025-09-15 2025-09-23 2025-10-13 2025-11-03 2025-11-23 2025-11-24
		2026-01-01 2026-01-12 2026-02-11 2026-02-23 2026-03-20 2026-04-29 2026-05-03 2026-05-04 2026-05-05 2026-05-06
		2026-07-20 2026-08-11 2026-09-21 2026-09-22 2026-09-23 2026-10-12 2026-11-03 2026-11-23`)
	var got []string
	for d := time.Date(2025, 1, 1, 0, 0, 0, 0, tokyo); d.Year() < 2027; d = d.AddDate(0, 0, 1) {
		if JapaneseHoliday(d) {
			got = append(got, d.Format(time.DateOnly))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("holidays = %v, want %v", got, want)
	}
	for s, holiday := range map[string]bool{
		"2027-03-21": true, "2027-03-22": true, "2028-03-20": true, "2029-03-20": true, "2030-03-20": true,
		"2027-09-23": true, "2028-09-22": true, "2029-09-23": true, "2029-09-24": true, "2030-09-23": true,
		"2029-02-12": true, "2030-05-06": true, "2027-11-24": false, "2030-11-04": true, "2028-12-31": false,
	} {
		d, _ := time.Parse(time.DateOnly, s)
		if JapaneseHoliday(d) != holiday {
			t.Errorf("JapaneseHoliday(%s) = %v, want %v", s, !holiday, holiday)
		}
	}
}

func TestG10_CallbackOnlyToOldNumber(t *testing.T) {
	start := time.Date(2026, 11, 22, 1, 10, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		phone   Phone
		allowed bool
	}{
		"years old":                       {Phone{VerifiedAt: start.Add(-700 * day)}, true},
		"exactly 30 days":                 {Phone{VerifiedAt: start.Add(-30 * day)}, true},
		"a second less than 30 days":      {Phone{VerifiedAt: start.Add(-30*day + time.Second)}, false},
		"changed yesterday":               {Phone{VerifiedAt: start.Add(-day)}, false},
		"set by the intruder":             {Phone{VerifiedAt: start.Add(time.Minute)}, false},
		"never verified":                  {Phone{}, false},
		"never verified, at registration": {Phone{AtRegistration: true}, false},
		"new account, at registration":    {Phone{VerifiedAt: start.Add(-5 * day), AtRegistration: true}, true},
		"registered by the intruder":      {Phone{VerifiedAt: start.Add(time.Minute), AtRegistration: true}, false},
	} {
		c.phone.Resource = "phone"
		got := Callable([]Phone{c.phone}, start)[0]
		if got.Allowed != c.allowed || got.Allowed == (got.Why.JA != "") || got.Allowed == (got.Why.EN != "") {
			t.Errorf("%s: %+v, want allowed = %v", name, got, c.allowed)
		}
		// Asking later, or often, changes nothing.
		_, err := Ask(asking(start, start.Add(60*day), c.phone))
		if (err == nil) != c.allowed || err != nil && !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("%s: Ask = %v, want allowed = %v", name, err, c.allowed)
		}
	}
	if _, err := Ask(asking(start, start)); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("Ask for a number that is not there = %v", err)
	}
}

// asking is a wish for a call at once.
func asking(start, now time.Time, phones ...Phone) Asking {
	return Asking{Phones: phones, Resource: "phone", Start: start, Window: now, Windows: []Window{{From: now, Until: now.Add(time.Hour)}}, Lang: mimamori.Japanese, Now: now}
}

func TestCallMoves(t *testing.T) {
	now := at("2026-11-22 10:00")
	c, err := Ask(asking(now, now, Phone{Resource: "phone", Number: "+81-90-1234-5678", VerifiedAt: now.AddDate(-1, 0, 0)}))
	if err != nil || len(c.MatchCode) != 2 || strings.Trim(c.MatchCode, "0123456789") != "" || !c.SaysMatchCode(c.MatchCode) || c.SaysMatchCode("") {
		t.Fatalf("Ask = %+v, %v", c, err)
	}
	if _, err := c.Move(CallDone, "sato", "spoken", now); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("asked to done: %v", err)
	}
	if _, err := c.Move(CallTaken, "", "", now); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("taken by nobody: %v", err)
	}
	for _, step := range []CallState{CallTaken, CallMissed, CallTaken, CallDone} {
		if c, err = c.Move(step, "sato", "password set again together", now); err != nil {
			t.Fatal(err)
		}
	}
	if c.Tries != 1 || c.State != CallDone || c.Agent != "sato" {
		t.Errorf("at the end: %+v", c)
	}
	if _, err := c.Move(CallTaken, "ito", "", now); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("done to taken: %v", err)
	}
	if got := MaskedNumber("+81-90-1234-5678"); got != "********5678" {
		t.Errorf("MaskedNumber = %s", got)
	}
}
