package notice

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mimamori"
)

var languages = []mimamori.Lang{mimamori.Japanese, mimamori.English}

// variants are facts as they may come: full, bare, at their greatest length.
func variants() map[string]Facts {
	bare := Facts{Shop: tale().Shop, NoticeDomain: tale().NoticeDomain, Reference: tale().Reference}
	demo := tale()
	demo.Shortened, demo.Wait, demo.WaitUntil, demo.StrongSkip = true, 90*time.Second, demo.At.Add(90*time.Second), false
	doubt := tale()
	doubt.MailboxInDoubt = true
	released := tale()
	released.PasswordInvalid = true
	longest := tale()
	longest.Zone = "America/Argentina/Buenos_Aires"
	longest.Place = mimamori.Text{JA: strings.Repeat("地", 99), EN: strings.Repeat("place ", 99)}
	longest.Device = mimamori.Text{JA: strings.Repeat("機", 99), EN: strings.Repeat("device ", 99)}
	longest.Reason = mimamori.Text{JA: strings.Repeat("理", 200), EN: strings.Repeat("reason ", 99)}
	longest.Acts = nil
	for _, k := range actOrder {
		longest.Acts = append(longest.Acts, Act{Kind: k, Outcome: Reverted, Count: 12})
	}
	longest.Acts = append(longest.Acts, Act{ActOrder, Cancelled, 12}, Act{ActPoints, Frozen, 12}, Act{ActOrder, Person, 12}, Act{ActPayment, Person, 12})
	return map[string]Facts{"tale": tale(), "bare": bare, "demo": demo, "doubt": doubt, "released": released, "longest": longest}
}

func each(t *testing.T, do func(t *testing.T, k Kind, l mimamori.Lang, variant string, r Rendered)) {
	t.Helper()
	for name, f := range variants() {
		for _, k := range Kinds {
			for _, l := range languages {
				t.Run(string(k)+"/"+string(l)+"/"+name, func(t *testing.T) {
					r, err := Render(k, l, f)
					if err != nil {
						t.Fatal(err)
					}
					do(t, k, l, name, r)
				})
			}
		}
	}
}

var headings = map[mimamori.Lang][]string{
	mimamori.Japanese: {"■ 何が起きたか", "■ 当店がしたこと", "■ お客様にしていただくこと", "■ このメールが当店のものか確かめるには"},
	mimamori.English:  {"■ What happened", "■ What we did", "■ What you do now", "■ How to know that this mail is ours"},
}

// forbidden are words that press, blame, frighten, or belong to engineers.
var forbidden = regexp.MustCompile(`(?i)[!！]|至急|緊急|今すぐ|24時間以内|クリック|こちら|セッション|クレデンシャル|乗っ取り|ハッカー|不正アクセス|アカウント停止|ございましたため|お客様の不注意|お客様の責任` +
	`|urgent|immediately|within 24 hours|click|verify your account|suspended|hacker|hijack|breach|fraud|session|credential|\balert\b|\brisk\b|\bcase\b|\bmember\b|\btenant\b|your fault|<no value>|%!`)

// link is whatever a mail program may turn into something to press.
var link = regexp.MustCompile(`(?i)(https?|ftp|mailto|tel|sms|javascript|data|file|line)\s*:|[\p{L}\p{N}-]\.[\p{L}\p{N}]|[a-zA-Z0-9-][。][a-zA-Z0-9]|@[\p{L}\p{N}]|[\p{L}\p{N}]@|//|\\\\|[<>]`)

func links(s string) []string { return link.FindAllString(norm.NFKC.String(s), -1) }

func TestC13_LengthActionsAndOrder(t *testing.T) {
	each(t, func(t *testing.T, k Kind, l mimamori.Lang, _ string, r Rendered) {
		at := 0
		for _, h := range headings[l] {
			i := strings.Index(r.Body[at:], h+"\n")
			if i < 0 || strings.Count(r.Body, h) != 1 {
				t.Fatalf("heading %q is missing, doubled or out of order in\n%s", h, r.Body)
			}
			at += i
		}
		if n := strings.Count(r.Body, "■"); n != 4 {
			t.Errorf("%d blocks, want 4", n)
		}
		before, _, _ := strings.Cut(r.Body, headings[l][2])
		limit := map[mimamori.Lang]int{mimamori.Japanese: 400, mimamori.English: 1000}[l]
		if n := utf8.RuneCountInString(strings.ReplaceAll(before, "\n", "")); n > limit {
			t.Errorf("%d characters before the actions, want at most %d:\n%s", n, limit, before)
		}
		if n := utf8.RuneCountInString(r.Subject); n > 100 {
			t.Errorf("the subject has %d characters: %q", n, r.Subject)
		}
		actions := regexp.MustCompile(`(?m)^\d\. `).FindAllString(r.Body, -1)
		if len(actions) < 1 || len(actions) > 3 {
			t.Errorf("%d actions, want 1 to 3", len(actions))
		}
	})
}

func TestC04_NoLinkNoPressureNoJargon(t *testing.T) {
	each(t, func(t *testing.T, k Kind, l mimamori.Lang, _ string, r Rendered) {
		text := r.Subject + "\n" + r.Body
		if found := links(text); found != nil {
			t.Errorf("it has what can be pressed: %q in\n%s", found, text)
		}
		if found := forbidden.FindAllString(text, -1); found != nil {
			t.Errorf("it says %q in\n%s", found, text)
		}
		if l == mimamori.English && strings.ContainsFunc(strings.ReplaceAll(r.Body, "■", ""), func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
			t.Errorf("Japanese in the English text:\n%s", r.Body)
		}
		if strings.Contains(text, "\n\n\n") || strings.Contains(text, " \n") || !strings.HasSuffix(r.Body, "\n") || strings.ContainsAny(text, "\r\t") || strings.Contains(text, "、、") || strings.Contains(text, "。。") || strings.Contains(text, "..") || strings.Contains(text, "  \"\"") {
			t.Errorf("loose ends in\n%q", text)
		}
	})
}

func TestC06_OnlyTheNeededPersonalData(t *testing.T) {
	// At most what a receipt shows: never a card's or an account's digits whole.
	card := regexp.MustCompile(`\d{13,}|\d{4}[ -]\d{4}[ -]\d{4}`)
	each(t, func(t *testing.T, k Kind, l mimamori.Lang, variant string, r Rendered) {
		if strings.Contains(r.Body, "花子") {
			t.Error("it shows the whole name")
		}
		if card.MatchString(r.Body) {
			t.Error("it shows digits like a card's")
		}
		if !strings.Contains(r.Subject, "7K2Q-M9XW-TA4") || !strings.Contains(r.Body, "7K2Q-M9XW-TA4") {
			t.Error("the notice number is missing")
		}
		if variant == "doubt" && (strings.Contains(r.Body, "1時10分") || strings.Contains(r.Body, "1:10") || strings.Contains(r.Body, "山田")) {
			t.Errorf("the short form tells details:\n%s", r.Body)
		}
	})
}

func TestC11_TimesCarryTheirZone(t *testing.T) {
	at := time.Date(2026, 7, 1, 3, 0, 30, 0, time.UTC)
	for _, c := range []struct{ zone, ja, en string }{
		{"", "7月1日（水）午後0時（日本時間）", "12:00 pm on Wednesday 1 July (Japan time)"},
		{"Asia/Tokyo", "7月1日（水）午後0時（日本時間）", "12:00 pm on Wednesday 1 July (Japan time)"},
		{"America/New_York", "6月30日（火）午後11時（現地時間 New York、UTC-4）", "11:00 pm on Tuesday 30 June (New York time, UTC-4)"},
		{"Asia/Kolkata", "7月1日（水）午前8時30分（現地時間 Kolkata、UTC+5:30）", "8:30 am on Wednesday 1 July (Kolkata time, UTC+5:30)"},
		{"Local", "7月1日（水）午後0時（日本時間）", "12:00 pm on Wednesday 1 July (Japan time)"},
		{"No/Such\nZone", "7月1日（水）午後0時（日本時間）", "12:00 pm on Wednesday 1 July (Japan time)"},
	} {
		if got := when(at, findZone(c.zone), mimamori.Japanese); got != c.ja {
			t.Errorf("when in %q = %s, want %s", c.zone, got, c.ja)
		}
		if got := when(at, findZone(c.zone), mimamori.English); got != c.en {
			t.Errorf("when in %q = %s, want %s", c.zone, got, c.en)
		}
	}
	if got := when(wholeMinute(at), findZone(""), mimamori.Japanese); got != "7月1日（水）午後0時1分（日本時間）" {
		t.Errorf("the opening at 30 s past is announced for %s, before it is true", got)
	}
	each(t, func(t *testing.T, k Kind, l mimamori.Lang, variant string, r Rendered) {
		if variant == "tale" && !strings.Contains(r.Body, "2026-11-22T01:11:20+09:00") {
			t.Error("no time for machines")
		}
	})
}

func TestLong(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		5 * time.Hour:     {"5時間", "5 hours"},
		90 * time.Second:  {"1分30秒", "1 minute 30 seconds"},
		20 * time.Second:  {"20秒", "20 seconds"},
		61 * time.Minute:  {"1時間1分", "1 hour 1 minute"},
		10 * time.Hour:    {"10時間", "10 hours"},
		10 * time.Minute:  {"10分", "10 minutes"},
		500 * time.Second: {"8分", "8 minutes"},
	} {
		if ja, en := long(d, mimamori.Japanese), long(d, mimamori.English); ja != want[0] || en != want[1] {
			t.Errorf("long(%v) = %q, %q; want %q", d, ja, en, want)
		}
	}
}

// TestContainedTellsWhatTheMissionAsks goes through mission T1, item by item.
func TestContainedTellsWhatTheMissionAsks(t *testing.T) {
	for l, wants := range map[mimamori.Lang][]string{
		mimamori.Japanese: {
			"第三者がお客様のアカウントにサインインした可能性があります", "11月22日（日）午前1時10分（日本時間）", "ナイジェリア", "パスワードを無効にしました", "お届け先1件、お支払い方法1件、会員サービスの登録1件を、もとに戻しました",
			"発送前のご注文3件を取り消しました", "午前6時12分（日本時間）を過ぎましたら", "パスワードをお忘れですか", "下4桁", "よくあるのは", "分かっておりません",
			"日本国内から 0120-000-111（通話無料、24時間）", "海外から +81-50-0000-1111", "お客様ご自身のサインインでしたら", "申し訳ございません", "「ご注文の確認」", "「プレミアム会員へようこそ」", "5時間お待ちいただく", "パスキー",
		},
		mimamori.English: {
			"somebody other than you may have signed in", "1:10 am on Sunday 22 November (Japan time)", "Nigeria", "made your password invalid", "1 delivery address, 1 payment method and 1 membership",
			"3 orders", "After 6:12 am on Sunday 22 November (Japan time)", "Forgot your password?", "last 4 digits", "usually come from", "We do not know how",
			"from Japan 0120-000-111 (free of charge, day and night)", "from abroad +81-50-0000-1111", "If it was you who signed in, we apologise", `"Your order"`, `"Welcome to Premium"`, "wait of 5 hours", "passkey",
		},
	} {
		r, err := Render(Contained, l, tale())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(r.Body, want) {
				t.Errorf("%s: %q is missing in\n%s", l, want, r.Body)
			}
		}
		if strings.Contains(r.Body, "デモ") || strings.Contains(r.Body, "demo") {
			t.Errorf("%s: a true wait is called a demo's", l)
		}
	}
	demo, err := Render(Contained, mimamori.Japanese, variants()["demo"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(demo.Body, "デモのため待ち時間を短くしています。いまの待ち時間は1分30秒です。") {
		t.Errorf("the demo does not say that its wait is short:\n%s", demo.Body)
	}
}

func TestRenderRefusesWhatItCannotSay(t *testing.T) {
	if _, err := Render("letter", mimamori.Japanese, tale()); err == nil {
		t.Error("an unknown kind was rendered")
	}
	if _, err := Render(Contained, mimamori.Japanese, Facts{}); err == nil {
		t.Error("a notice of nobody was rendered")
	}
	for range 20 {
		a, _ := Render(Contained, mimamori.Japanese, tale())
		b, _ := Render(Contained, mimamori.Japanese, tale())
		if a != b {
			t.Fatal("the same facts gave two texts")
		}
	}
}

// TestC13_AFourthActionIsRefused: texts of the shop's own are held to it, too.
func TestC13_AFourthActionIsRefused(t *testing.T) {
	if lines, err := numbered([]string{"* a", "b", "* c", "* d"}); err != nil || lines[3] != "3. d" {
		t.Errorf("three actions: %v, %v", lines, err)
	}
	for _, lines := range [][]string{{"* a", "* b", "* c", "* d"}, {"a"}} {
		if got, err := numbered(lines); err == nil {
			t.Errorf("%d actions are written: %v", len(lines), got)
		}
	}
}
