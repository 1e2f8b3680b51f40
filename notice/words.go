package notice

import (
	"fmt"
	"strings"
	"time"

	"mimamori"
)

// when says a time in words with its zone, to the minute: "11月22日（日）午前1時10分
// （日本時間）", "1:10 am on Sunday 22 November (Japan time)".
func when(t time.Time, z zone, l mimamori.Lang) string {
	name := z.label(t, l)
	t = t.In(z.place)
	if l == mimamori.English {
		half := "am"
		if t.Hour() >= 12 {
			half = "pm"
		}
		return fmt.Sprintf("%d:%02d %s on %s (%s)", (t.Hour()+11)%12+1, t.Minute(), half, t.Format("Monday 2 January"), name)
	}
	half := "午前"
	if t.Hour() >= 12 {
		half = "午後"
	}
	minute := ""
	if t.Minute() != 0 {
		minute = fmt.Sprintf("%d分", t.Minute())
	}
	return fmt.Sprintf("%d月%d日（%s）%s%d時%s（%s）", t.Month(), t.Day(), weekday(t), half, t.Hour()%12, minute, name)
}

func weekday(t time.Time) string {
	return []string{"日", "月", "火", "水", "木", "金", "土"}[t.Weekday()]
}

// zone is where the customer's clock stands.
type zone struct {
	place *time.Location
	city  string // empty in Japan
}

// findZone takes an IANA name. What this machine does not know becomes Japan's
// zone, and the text says so: never a time without its zone.
func findZone(name string) zone {
	japan := zone{place: time.FixedZone("JST", 9*3600)}
	if name == "" || name == "Asia/Tokyo" || name == "Local" || len(name) > 40 || strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("/_+-", r) && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z')
	}) {
		return japan
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		return japan
	}
	return zone{place, strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")}
}

// label names the zone as it is at a time.
func (z zone) label(t time.Time, l mimamori.Lang) string {
	if z.city == "" {
		return mimamori.Text{JA: "日本時間", EN: "Japan time"}.In(l)
	}
	_, offset := t.In(z.place).Zone()
	utc := fmt.Sprintf("UTC%+d", offset/3600)
	if rest := offset % 3600 / 60; rest != 0 {
		utc = fmt.Sprintf("%s:%02d", utc, max(rest, -rest))
	}
	switch {
	case z.city == "UTC":
		return mimamori.Text{JA: "協定世界時", EN: "UTC"}.In(l)
	case l == mimamori.English:
		return z.city + " time, " + utc
	}
	return "現地時間 " + z.city + "、" + utc
}

// long says how long a wait is: "5時間", "5 hours", "2分", "about 90 minutes".
func long(d time.Duration, l mimamori.Lang) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	var parts []string
	add := func(n int, ja, one, many string) {
		switch {
		case n == 0:
		case l != mimamori.English:
			parts = append(parts, fmt.Sprintf("%d%s", n, ja))
		case n == 1:
			parts = append(parts, "1 "+one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(h, "時間", "hour", "hours")
	add(m, "分", "minute", "minutes")
	if h == 0 && m < 5 {
		add(s, "秒", "second", "seconds")
	}
	if l == mimamori.English {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, "")
}

// days says a long time in whole days: "90日", "90 days"; empty under one.
func days(d time.Duration, l mimamori.Lang) string {
	switch n := int(d.Round(time.Hour) / (24 * time.Hour)); {
	case n == 0:
		return ""
	case l != mimamori.English:
		return fmt.Sprintf("%d日", n)
	case n == 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

// changed names a contact detail.
func changed(kind string, l mimamori.Lang) string {
	names := map[string]mimamori.Text{
		"mail": {JA: "メールアドレス", EN: "mail address"}, "phone": {JA: "電話番号", EN: "telephone number"}, "name": {JA: "お名前", EN: "name"},
	}
	if t, ok := names[kind]; ok {
		return t.In(l)
	}
	return mimamori.Text{JA: "ご連絡先", EN: "contact detail"}.In(l)
}

// spelled writes a domain so that no mail program makes a link of it.
func spelled(domain string, l mimamori.Lang) string {
	var labels []string
	for _, label := range strings.Split(strings.ToLower(domain), ".") {
		label = strings.Map(func(r rune) rune {
			if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, label)
		labels = append(labels, label)
	}
	return strings.Join(labels, mimamori.Text{JA: " ドット ", EN: " dot "}.In(l))
}

// number writes an amount with separators.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

type actWords struct {
	ja, counter string
	one, many   string
}

var actNames = map[ActKind]actWords{
	ActContact:      {"連絡先", "件", "contact detail", "contact details"},
	ActAddress:      {"お届け先", "件", "delivery address", "delivery addresses"},
	ActPayment:      {"お支払い方法", "件", "payment method", "payment methods"},
	ActSubscription: {"会員サービスの登録", "件", "membership", "memberships"},
	ActFactor:       {"2段階の確認の設定", "件", "second-step setting", "second-step settings"},
	ActQuestion:     {"秘密の質問", "件", "recovery question", "recovery questions"},
	ActSetting:      {"設定", "件", "setting", "settings"},
	ActAppGrant:     {"外部アプリの利用許可", "件", "app permission", "app permissions"},
	ActOrder:        {"ご注文", "件", "order", "orders"},
	ActOrderHidden:  {"非表示にされたご注文", "件", "hidden order", "hidden orders"},
	ActPoints:       {"ポイントの動き", "件", "points movement", "points movements"},
}

// actOrder is the order in which a sentence names them.
var actOrder = []ActKind{ActContact, ActAddress, ActPayment, ActSubscription, ActFactor, ActQuestion, ActSetting, ActAppGrant, ActOrder, ActOrderHidden, ActPoints}

// list names all acts of one outcome with their numbers: "お届け先1件、お支払い方法1件",
// "1 delivery address and 1 payment method". Empty when there are none.
func list(acts []Act, o Outcome, l mimamori.Lang) string {
	count := map[ActKind]int{}
	for _, a := range acts {
		if a.Outcome == o {
			count[a.Kind] += max(a.Count, 1)
		}
	}
	var parts []string
	others := 0
	for _, k := range actOrder {
		n, w := count[k], actNames[k]
		switch {
		case n == 0:
		case len(parts) == 3: // the security centre names them all
			others += n
		case l != mimamori.English:
			parts = append(parts, fmt.Sprintf("%s%d%s", w.ja, n, w.counter))
		case n == 1:
			parts = append(parts, "1 "+w.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, w.many))
		}
	}
	if l != mimamori.English {
		if others > 0 {
			parts = append(parts, fmt.Sprintf("ほか%d件", others))
		}
		return strings.Join(parts, "、")
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%d more", others))
	}
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}
