package wave

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes waves as RFC 4180, one a row, for a spreadsheet: no field can
// be taken for a formula (standards D16).
func WriteCSV(w io.Writer, list []Wave) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{"wave", "count", "first", "last", "brands", "hosts", "networks", "from_domains", "reasons", "template"}}
	for _, v := range list {
		rows = append(rows, []string{v.ID, strconv.Itoa(v.Count), v.First.UTC().Format(time.RFC3339), v.Last.UTC().Format(time.RFC3339),
			strings.Join(v.Brands, " "), strings.Join(v.Hosts, " "), strings.Join(v.Networks, "; "), strings.Join(v.From, " "), strings.Join(v.Reasons, " "),
			fmt.Sprintf("%016x", v.Template)})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = safe(row[i])
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write waves: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// safe keeps a spreadsheet from computing what an attacker wrote.
func safe(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if s = strings.TrimSpace(s); s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Defanged is a host or address that no program makes a link of.
func Defanged(s string) string {
	return strings.NewReplacer("http", "hxxp", ".", "[.]", "@", "[at]").Replace(safe(s))
}

// WriteReport writes waves as a text to be sent to the Council of
// Anti-Phishing Japan (info@antiphishing.jp takes reports by mail): what was
// seen, how often, where it leads. Addresses are defanged.
func WriteReport(w io.Writer, shop string, list []Wave, now time.Time) error {
	tokyo := time.FixedZone("JST", 9*3600)
	at := func(t time.Time) string { return t.In(tokyo).Format("2006-01-02 15:04 JST") }
	if _, err := fmt.Fprintf(w, "フィッシングのご報告\n\n報告者：%s\n作成日時：%s\n件数：%d種類\n\nお客様からお預かりしたメールのうち、偽物と判定したものを、文面・誘導先・送信元でまとめたものです。個人に関する情報は含みません。\n",
		safe(shop), at(now), len(list)); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for i, v := range list {
		_, err := fmt.Fprintf(w, "\n■ %d（%s）\n・かたられた名前：%s\n・確認した数：%d通\n・最初／最後：%s ／ %s\n・誘導先：%s\n・送信元の事業者：%s\n・差出人のドメイン：%s\n",
			i+1, v.ID, orNone(strings.Join(v.Brands, "、")), v.Count, at(v.First), at(v.Last), orNone(Defanged(strings.Join(v.Hosts, "、"))),
			orNone(safe(strings.Join(v.Networks, "、"))), orNone(Defanged(strings.Join(v.From, "、"))))
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "（わかっていません）"
	}
	return s
}
