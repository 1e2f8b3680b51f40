package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/width"

	"mimamori"
	"mimamori/demoshop"
	"mimamori/factor/code"
)

// narrator writes the story to the terminal: in one language or both, folded
// to its width, coloured only where that helps.
type narrator struct {
	out   io.Writer
	langs []mimamori.Lang
	plain bool
	width int

	mu  sync.Mutex // guards bar and the order of lines
	bar bool       // a progress bar stands on the last line
}

func newNarrator(o Options) *narrator {
	n := &narrator{out: o.Out, plain: o.Plain, width: o.Width, langs: []mimamori.Lang{mimamori.Japanese, mimamori.English}}
	if o.Lang != "" {
		n.langs = []mimamori.Lang{o.Lang}
	}
	return n
}

// The few colours, each with a meaning.
const (
	bold   = "1"
	quiet  = "2"
	red    = "31" // the intruder
	green  = "32" // Mimamori
	yellow = "33" // shortened waits, what a person has to do
	cyan   = "36" // the customer
)

func (n *narrator) paint(colour, s string) string {
	if n.plain || colour == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// put writes a text in the story's languages behind a sign and an indent, the
// sign only once.
func (n *narrator) put(sign string, indent int, colour string, t mimamori.Text) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clearBar()
	for _, l := range n.langs {
		for _, line := range fold(t.In(l), n.width-indent) {
			fmt.Fprintln(n.out, pad(sign, indent)+n.paint(colour, line))
			sign = ""
		}
	}
}

func (n *narrator) line(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clearBar()
	fmt.Fprintf(n.out, format+"\n", args...)
}

func (n *narrator) clearBar() {
	if n.bar {
		fmt.Fprint(n.out, "\r\x1b[K")
		n.bar = false
	}
}

func text(ja, en string) mimamori.Text { return mimamori.Text{JA: ja, EN: en} }

// pad fills a sign up to a width on the screen.
func pad(s string, to int) string {
	return s + strings.Repeat(" ", max(0, to-wide(s)))
}

// wide is how many columns a text takes: East Asian wide signs take two.
func wide(s string) int {
	total := 0
	for _, r := range s {
		total += runeWidth(r)
	}
	return total
}

func runeWidth(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fold breaks a text into lines: at spaces where there are some, between any
// two Japanese signs but not before one that may not begin a line.
func fold(s string, most int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		lines = append(lines, foldOne([]rune(paragraph), most)...)
	}
	return lines
}

func foldOne(r []rune, most int) []string {
	var lines []string
	for {
		taken, good, at := 0, 0, 0
		for at < len(r) && taken+runeWidth(r[at]) <= most {
			taken += runeWidth(r[at])
			at++
			if at < len(r) && (r[at] == ' ' || r[at-1] == ' ' || (runeWidth(r[at-1]) == 2 || runeWidth(r[at]) == 2) && !strings.ContainsRune("、。」）・ー！？", r[at]) && r[at-1] != '「' && r[at-1] != '（') {
				good = at
			}
		}
		if at == len(r) {
			return append(lines, string(r))
		}
		if good == 0 {
			good = max(at, 1)
		}
		lines = append(lines, strings.TrimRight(string(r[:good]), " "))
		r = []rune(strings.TrimLeft(string(r[good:]), " "))
	}
}

// act is the sentence before an act.
func (n *narrator) act(at, of int, t mimamori.Text) {
	n.line("")
	n.put(fmt.Sprintf("%2d/%d", at, of), 6, bold, t)
}

// intruder, answer and customer say who did what.
func (n *narrator) answer(t mimamori.Text) { n.marked("→", green, t) }
func (n *narrator) shop(t mimamori.Text)   { n.marked("・", "", t) }
func (n *narrator) mail(t mimamori.Text)   { n.marked("✉", cyan, t) }
func (n *narrator) letter(to, subject string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clearBar()
	for i, line := range fold(subject, n.width-12) {
		if i == 0 {
			line = to + "  " + line
		}
		fmt.Fprintln(n.out, pad([]string{"   ✉", ""}[min(i, 1)], 6)+n.paint(cyan, line))
	}
}
func (n *narrator) shorten(t mimamori.Text)  { n.marked("⏱", yellow, t) }
func (n *narrator) timeline(t mimamori.Text) { n.marked("│", quiet, t) }

func (n *narrator) marked(sign, colour string, t mimamori.Text) {
	n.put("   "+sign, 6, colour, t)
}

// opening says what is about to happen, and where it is kept.
func (n *narrator) opening(f *folder) {
	n.line("%s", n.paint(bold, "Mimamori（見守り）"))
	switch {
	case f.again:
		n.put("", 0, "", text("前回の続きから始めます。開いたままのインシデントも、そのまま引き継ぎます。", "Going on where the last demo stopped; incidents that are open go on too."))
	case f.fresh:
		n.put("", 0, "", text("前回のデモは終わっているか、古くなったため、新しく始めます。", "The last demo here had ended or grown old: a new one begins."))
	}
	n.put("", 0, quiet, text("すべての記録の置き場所："+f.dir, "Everything is kept in "+f.dir))
}

func (n *narrator) importing(done, of int64, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plain { // a file or a pipe: only the end is told
		return
	}
	fmt.Fprintf(n.out, "\r\x1b[K%s", Progress(done, of, "events", d))
	n.bar = true
}

// Progress is a bar with how much of the unit is done, the rate and the time
// left.
func Progress(done, of int64, unit string, d time.Duration) string {
	share := min(1, float64(done)/float64(max(of, 1)))
	filled := int(share * 24)
	rate := float64(done) / max(d.Seconds(), 0.001)
	left := "…"
	if rate > 0 {
		left = time.Duration(float64(of-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	digits := 0
	if rate < 10 {
		digits = 1
	}
	return fmt.Sprintf("[%s%s] %3.0f %%  %d/%d %s  %.*f/s  left %s", strings.Repeat("#", filled), strings.Repeat(".", 24-filled), 100*share, done, of, unit, digits, rate, left)
}

func (n *narrator) imported(total int64, d time.Duration, again bool) {
	if again {
		n.put("", 0, "", text("お客さま30人とそのふだんの2か月は、もう読み込んであります。", "The 30 customers and their two months of ordinary life are there already."))
		return
	}
	n.put("", 0, "", text(
		fmt.Sprintf("お客さま30人のふだんの2か月（%d件）を、POST /v1/imports で読み込みました（%.1f秒）。", total, d.Seconds()),
		fmt.Sprintf("Two months of ordinary life of 30 customers (%d events) came in through POST /v1/imports (%.1f s).", total, d.Seconds())))
}

// addresses prints where to look and how to sign in.
func (n *narrator) addresses(t *town) {
	n.line("")
	row := func(ja, en, value string) {
		var names []string
		for _, l := range n.langs {
			names = append(names, text(ja, en).In(l))
		}
		n.line("  %s %s", pad(strings.Join(names, " / "), 46), n.paint(bold, value))
	}
	row("お店", "The shop", t.shopURL)
	row("お客さまのセキュリティセンター", "Security centre", t.centreURL)
	row("担当者の画面", "Staff console", t.consoleURL)
	row("届いたメール", "Mailbox", t.mailboxURL)
	n.line("")
	n.put("  ", 2, "", text("サインインの例（デモ用）：", "Sign-ins to try (demonstration only):"))
	for _, c := range demoshop.SeededCustomers(demoshop.SeedOptions{Until: t.folder.state.Began})[:3] {
		password := c.Password
		if p := t.folder.state.Passwords[c.Subject]; p != "" {
			password = p
		}
		row("お店："+c.Name, "shop", c.Subject+"  "+password)
	}
	for _, s := range t.folder.state.Staff {
		now, err := code.TOTP(s.Secret, time.Now())
		if err != nil {
			now = "?"
		}
		row("担当："+s.Role, "staff, "+s.Role, fmt.Sprintf("%s  %s", s.Login, s.Password))
		row("　確認アプリの秘密（デモ用）", "  authenticator (demo)", fmt.Sprintf("%s  now %s", s.Secret, now))
	}
	n.line("")
	n.put("  ", 2, "", text("README の curl の行を試すには：", "To try README's curl lines:"))
	n.line("  export MIMAMORI=%s", t.centreURL)
	n.line("  export KEY=%s", t.folder.state.ShopKey)
	n.put("  ", 2, "", text("お店の側の実装を試すコマンド（別の窓で）：", "To try a shop's side of the contract (in another window):"))
	n.line("  export MIMAMORI_SHOP_SECRET=%s", t.app.ShopSecret())
	n.line("  bin/mimamori shop-check %s --account misaki02 --allow-http --allow 127.0.0.0/8", t.shopURL+demoshop.CommandsPath)
	n.line("")
	n.shorten(text(
		fmt.Sprintf("デモのため、待ち時間を%sに短くしています（実際は5時間）。5時間と12日の本当の長さは、flowtest の物語のテストが確かめます。", inWords(t.opt.Wait).JA),
		fmt.Sprintf("This is a demo: the wait is shortened to %s (really 5 hours). The true 5 hours and 12 days are proved by the stories in flowtest.", inWords(t.opt.Wait).EN)))
}

func inWords(d time.Duration) mimamori.Text {
	if d < 2*time.Minute {
		return text(fmt.Sprintf("%d秒", int(d.Seconds())), fmt.Sprintf("%d seconds", int(d.Seconds())))
	}
	return text(fmt.Sprintf("%d分", int(d.Minutes())), fmt.Sprintf("%d minutes", int(d.Minutes())))
}

// inviting tells how to act the intruder oneself.
func (n *narrator) inviting(t *town) {
	n.line("")
	n.put("", 0, bold, text("あなたが第三者の役です。", "You are the intruder."))
	for i, s := range []mimamori.Text{
		text("お店のサインインのページを開き、「どこからサインインしますか」で「東京のサーバー用の回線」か「ラゴス（サーバー用の回線）」を選び、hanako でサインインします。",
			"Open the shop's sign-in page, choose “a server network in Tokyo” or “Lagos (a hosting network)” under “Where do you sign in from?”, and sign in as hanako."),
		text("プレミアム会員になり、お届け先とカードを加え、注文し、注文を隠し、退会してみてください。",
			"Join the premium membership, add an address and a card, order, hide an order, leave the membership."),
		text("それから「自宅のパソコン」を選んで、お客さまの側から見てください。届いたメールと担当者の画面も。",
			"Then choose “PC at home” and look from the customer's side; look at the mailbox and the staff console too."),
	} {
		n.put(fmt.Sprintf("  %d.", i+1), 5, "", s)
	}
	n.line("  %s", n.paint(bold, t.shopURL+"/signin"))
}

// stay says that everything goes on running.
func (n *narrator) stay(t *town) {
	n.line("")
	n.put("", 0, "", text("このまま動き続けます。起きることを、ここに書きます。終えるには Ctrl-C。", "Everything keeps running, and what happens is told here. Ctrl-C ends it."))
}

func (n *narrator) goodbye(f *folder) {
	n.line("")
	if f.brief {
		return
	}
	n.put("", 0, "", text("終わりました。もう一度始めると、ここから続きます："+f.dir, "Ended. Starting again goes on from here: "+f.dir))
}
