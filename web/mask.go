package web

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mimamori"
)

// dots stand for what is not shown; four as on a card.
const dots = "••••"

// MaskCard shows a card as "•••• 1234": the last four digits and nothing else,
// whatever was given. Every page shows cards through it.
func MaskCard(last4 string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, last4)
	if len(digits) < 4 {
		return dots
	}
	return dots + " " + digits[len(digits)-4:]
}

// MaskMail shows the first letter and the domain: "h•••@example.jp".
func MaskMail(mail string) string {
	at := strings.LastIndexByte(mail, '@')
	if at <= 0 {
		return dots
	}
	_, n := utf8.DecodeRuneInString(mail)
	return mail[:n] + "•••" + mail[at:]
}

// MaskPhone shows the last two digits: "•••• 78".
func MaskPhone(phone string) string {
	if len(phone) < 2 {
		return dots
	}
	return dots + " " + phone[len(phone)-2:]
}

func dialled(r rune) rune {
	if r >= '0' && r <= '9' || r == '+' {
		return r
	}
	return -1
}

// Describe puts a resource's fields (the contract's usual names) into one
// line. Cards are masked always; with foreign set, everything else too, down
// to the prefecture and the mail's domain: what an intruder brought in may be
// another victim's.
func Describe(fields map[string]string, foreign bool, lang mimamori.Lang) string {
	hide := func(s string) string {
		if foreign && s != "" {
			return "•••"
		}
		return s
	}
	var parts []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	if mail := fields["mail"]; mail != "" {
		if foreign {
			mail = MaskMail(mail)
		}
		add(mail)
	}
	if phone := fields["phone"]; phone != "" {
		if foreign {
			phone = MaskPhone(phone)
		}
		add(domestic(phone))
	}
	add(hide(fields["name"]))
	add(place(fields, foreign, lang))
	if !foreign {
		add(fields["recipient"])
	}
	if fields["last4"] != "" {
		add(fields["brand"] + " " + MaskCard(fields["last4"]))
	} else {
		add(fields["brand"])
	}
	if !foreign {
		add(expiry(fields["expiry"], lang))
	}
	add(fields["plan"])
	add(price(fields["price"]))
	add(hide(fields["value"]))
	return strings.Join(parts, mimamori.Text{JA: "　", EN: ", "}.In(lang))
}

// price is a bare amount; the contract gives it no currency, so it is the
// yen of most shops here. What is no number stays as it is.
func price(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return s
	}
	return "¥" + group(n)
}

// domestic writes a Japanese mobile number as people there do: 090-1234-5678.
func domestic(phone string) string {
	rest, ok := strings.CutPrefix(phone, "+81")
	if !ok || len(rest) != 10 || strings.Trim(rest, "0123456789") != "" {
		return phone
	}
	return "0" + rest[:2] + "-" + rest[2:6] + "-" + rest[6:]
}

// place is a postal address on one line, in the order of the reader.
func place(fields map[string]string, foreign bool, lang mimamori.Lang) string {
	country := ""
	if code := fields["country"]; code != "" && code != "JP" {
		country = Country(code, lang)
	}
	line, postal := fields["line"], fields["postal_code"]
	if foreign {
		postal = ""
		if line != "" {
			line = "•••"
		}
	}
	if postal != "" && lang == mimamori.Japanese {
		postal = "〒" + postal
	}
	order := []string{country, postal, fields["prefecture"] + line}
	if lang == mimamori.English {
		order = []string{strings.TrimSpace(fields["prefecture"] + " " + line), postal, country}
	}
	var out []string
	for _, s := range order {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// expiry turns "2027-04" into what is printed on cards, "04/27".
func expiry(s string, lang mimamori.Lang) string {
	if len(s) != 7 || s[4] != '-' {
		return ""
	}
	short := s[5:] + "/" + s[2:4]
	return mimamori.Text{JA: "期限 " + short, EN: "expires " + short}.In(lang)
}
