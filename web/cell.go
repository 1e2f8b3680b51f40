package web

import "strings"

// formula are the signs with which a spreadsheet takes a cell for a formula,
// in their full width too.
const formula = "=+-@\t\r\n|%＝＋－＠"

// Cell makes a text safe to stand in a CSV file that somebody opens in a
// spreadsheet (OWASP, CSV Injection; ASVS 5.0 1.2.10): what would begin a
// formula gets an apostrophe in front, and characters that hide are dropped.
func Cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == 0 || r == '\ufeff' || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return -1
		}
		return r
	}, s)
	if strings.IndexAny(s, formula) == 0 || strings.IndexAny(strings.TrimLeft(s, " \u3000\u00a0"), formula) == 0 {
		return "'" + s
	}
	return s
}
