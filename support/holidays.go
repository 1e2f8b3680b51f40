package support

import "time"

// JapaneseHoliday says whether a date is a public holiday in Japan, by the Act
// on National Holidays (国民の祝日に関する法律, 昭和23年法律第178号): article 2
// names the days; article 3 (2) moves one that falls on a Sunday to the next
// day that is none, and (3) makes a day between two of them one as well. It
// holds from 2022, after the exceptions made for the Olympic games, until the
// law is changed. The equinoxes are computed; the official days are announced
// each February for the next year, and have agreed with the formula.
func JapaneseHoliday(date time.Time) bool {
	y, m, d := date.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if named(day) {
		return true
	}
	// Moved from a Sunday, over the named days that follow it.
	for before := day.AddDate(0, 0, -1); named(before); before = before.AddDate(0, 0, -1) {
		if before.Weekday() == time.Sunday {
			return true
		}
	}
	return named(day.AddDate(0, 0, -1)) && named(day.AddDate(0, 0, 1))
}

// named is true of the days of article 2.
func named(day time.Time) bool {
	y, m, d := day.Date()
	monday := func(n int) bool { return day.Weekday() == time.Monday && (d-1)/7 == n-1 }
	switch m {
	case time.January:
		return d == 1 || monday(2) // 元日, 成人の日
	case time.February:
		return d == 11 || d == 23 // 建国記念の日, 天皇誕生日
	case time.March:
		return d == equinox(y, 20.8431) // 春分の日
	case time.April:
		return d == 29 // 昭和の日
	case time.May:
		return d >= 3 && d <= 5 // 憲法記念日, みどりの日, こどもの日
	case time.July:
		return monday(3) // 海の日
	case time.August:
		return d == 11 // 山の日
	case time.September:
		return monday(3) || d == equinox(y, 23.2488) // 敬老の日, 秋分の日
	case time.October:
		return monday(2) // スポーツの日
	case time.November:
		return d == 3 || d == 23 // 文化の日, 勤労感謝の日
	}
	return false
}

// equinox is the usual approximation for 1980 to 2099 (after the almanac
// office's own tables): the mean day of 1980, a tropical year's surplus for
// each year since, less the leap days.
func equinox(year int, in1980 float64) int {
	n := year - 1980
	return int(in1980 + 0.242194*float64(n) - float64(n/4))
}
