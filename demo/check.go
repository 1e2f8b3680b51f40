package demo

import (
	"fmt"
	"slices"
	"strings"

	"mimamori"
	"mimamori/client"
	"mimamori/demoshop"
)

// verdict is one line of the table: a mission ID, what the story calls for, and
// what was seen.
type verdict struct {
	ID   string
	Want mimamori.Text
	OK   bool
	Left bool // not checked: said why in Saw
	Saw  string
}

func failed(all []verdict) bool {
	return slices.ContainsFunc(all, func(v verdict) bool { return !v.OK && !v.Left })
}

// checker collects verdicts about one story's evidence.
type checker struct {
	e        *evidence
	subject  string
	mail     string // the customer's address from before
	verdicts []verdict
}

// finding is what one check looked at; each part must hold.
type finding struct {
	wrong []string
	saw   []string
}

// need holds a part of a check: ok, or the words say what was missing.
func (f *finding) need(ok bool, missing string, args ...any) {
	if !ok {
		f.wrong = append(f.wrong, fmt.Sprintf(missing, args...))
	}
}

func (f *finding) note(saw string, args ...any) { f.saw = append(f.saw, fmt.Sprintf(saw, args...)) }

// check adds a line for a mission ID.
func (c *checker) check(id, ja, en string, look func(f *finding)) {
	var f finding
	look(&f)
	v := verdict{ID: id, Want: text(ja, en), OK: len(f.wrong) == 0, Saw: strings.Join(f.saw, "; ")}
	if !v.OK {
		v.Saw = strings.Join(f.wrong, "; ")
	}
	c.verdicts = append(c.verdicts, v)
}

func (c *checker) before() demoshop.AccountTruth { return account(c.e.Before, c.subject) }
func (c *checker) then() demoshop.AccountTruth   { return account(c.e.Contained, c.subject) }
func (c *checker) end() demoshop.AccountTruth    { return account(c.e.End, c.subject) }

// notice is the mail that tells of the (first) containment.
func (c *checker) notice() letter {
	all := c.e.mails(c.mail, "パスワードを無効")
	if len(all) == 0 {
		return letter{}
	}
	return all[0]
}

// same compares what an account holds of a kind, ids and values.
func same(a, b demoshop.AccountTruth, kind string) (bool, string) {
	list := func(x demoshop.AccountTruth) []string {
		var out []string
		for _, r := range x.State.Resources {
			if r.Kind == kind {
				out = append(out, held(r))
			}
		}
		slices.Sort(out)
		return out
	}
	one, two := list(a), list(b)
	return slices.Equal(one, two), fmt.Sprintf("%s was %v and is %v", kind, one, two)
}

func held(r client.Resource) string { return fmt.Sprintf("%s=%v", r.ID, r.Value) }

// common checks, for both stories.

// c1: the password is invalid and nobody signs in with it.
func (c *checker) c1(refused ...string) {
	c.check("C1", "パスワードが無効になり、決め直すまでだれも入れない", "the password is invalid; nobody signs in until a new one is set", func(f *finding) {
		f.need(c.then().Password == "invalid", "the shop's password is %q", c.then().Password)
		for _, name := range refused {
			p := c.e.Pages[name]
			f.need(p.Status == 403 && !signedIn(p), "%s: %d, signed in %v", name, p.Status, signedIn(p))
		}
		if !c.e.Done.IsZero() && !c.e.Acted.IsZero() {
			f.note("shop's database: password invalid at %s", c.e.Done.Local().Format("15:04:05"))
		}
		f.note("%d sign-ins with the old password refused", len(refused))
	})
}

func (c *checker) c2() {
	c.check("C2", "すべてのセッションと記憶した端末がサインアウトされる", "every session and remembered device is signed out", func(f *finding) {
		a := c.then()
		f.need(c.e.Contained != nil, "the shop was not looked at")
		f.need(a.Sessions == 0, "%d sessions are open", a.Sessions)
		f.need(a.Remembered == 0, "%d devices are remembered", a.Remembered)
		f.need(len(commands(c.e.Contained, c.subject)["sessions.revoke"]) >= 2, "sessions.revoke came %d times, want before and after the password", len(commands(c.e.Contained, c.subject)["sessions.revoke"]))
		f.note("0 sessions, 0 remembered devices (%d and %d before)", c.before().Sessions, c.before().Remembered)
	})
}

// r1: the way back says until when and why, and opens after the wait.
func (c *checker) r1() {
	c.check("R1", "「パスワードをお忘れですか？」が、いつまで・なぜを言い、待ち時間のあとに開く", "“forgot your password?” says until when and why, and opens after the wait", func(f *finding) {
		early, open := c.e.Pages["way back early"], c.e.Pages["way back open"]
		f.need(early.Status == 200 && early.find(`data-until="([^"]+)"`) != "", "before the wait is over: %d, no time on the page (%s)", early.Status, early.headline())
		f.need(early.has("お待ちいただくのは"), "it does not say why")
		f.need(early.find(`name="reach" value="([^"]+)"`) == "", "it offers the reset already")
		f.need(open.find(`name="reach" value="([^"]+)"`) != "", "after the wait it offers no proof (%s)", open.headline())
		f.need(c.e.Pages["new password set"].Status == 200, "the shop took no new password")
		f.need(account(c.e.Reset, c.subject).Password == "set", "after the reset the shop's password is %q", account(c.e.Reset, c.subject).Password)
		f.need(strings.Contains(c.e.Pages["old password"].HTML, "/recover/"), "the sign-in page does not lead there when the old password is entered")
		f.need(!signedIn(c.e.Pages["former password"]), "the former password still signs in")
		f.note("until %s, then reset; also from the sign-in page", c.e.Opens.Local().Format("15:04:05"))
	})
}

func (c *checker) c4() {
	c.check("C4", "待ち時間のあとに決め直せる（デモのため短縮）", "a wait, then the reset (shortened in this demo)", func(f *finding) {
		waited := c.e.Opens.Sub(c.e.Done)
		f.need(!c.e.Opens.IsZero() && !c.e.Done.IsZero(), "no wait was seen")
		f.need(waited > 0, "the wait was %s", waited)
		opened := c.e.mails(c.mail, "設定できます")
		f.need(len(opened) > 0, "no mail says that the reset is open")
		f.need(len(opened) == 0 || !opened[0].At.Before(c.e.Opens), "the mail came before the time")
		f.note("opened after %.0f s; mail said so", waited.Seconds())
	})
}

// t1: everything that the notice has to say.
func (c *checker) t1(place string, did ...string) {
	c.check("T1", "お知らせが、いつ・どこから・何をしたか・次に何をするかを言う", "the notice says when, where from, what was done, what to do next", func(f *finding) {
		l := c.notice()
		f.need(l.Body != "", "no notice in the spool")
		for what, words := range map[string]string{"the place": place, "password invalid": "パスワードを無効", "the reset's time": "を過ぎましたら", "the last 4 digits": "下4桁",
			"how such passwords are got": "よくあるのは", "that we do not know": "分かっておりません", "the apology": "申し訳ございません", "a number at home": "日本国内から", "a number from abroad": "海外から",
			"that the wait is shortened": "デモのため待ち時間を短く"} {
			f.need(l.Body == "" || strings.Contains(l.Body, words), "it lacks %s", what)
		}
		for _, d := range did {
			f.need(l.Body == "" || strings.Contains(l.Body, d), "it lacks %q", d)
		}
		f.note("spool: “%s”", l.Subject)
	})
}

func (c *checker) t2() {
	c.check("T2", "お知らせが、以前からの連絡先に届く", "it goes to the contact from before", func(f *finding) {
		n := 0
		for _, l := range c.e.Letters {
			if strings.Contains(l.From, "security@security.midori.example") && strings.Contains(l.Body, reference(c.notice())) {
				n++
				f.need(l.To == c.mail, "a notice went to %s", l.To)
			}
		}
		f.need(n > 0, "no notice was sent")
		f.note("to %s only", c.mail)
	})
}

// t3: the notice can be told from phishing.
func (c *checker) t3() {
	c.check("T3", "お知らせが本物だと確かめられる（署名、リンクなし、番号）", "it can be told from phishing: signed, no link, a number to type in", func(f *finding) {
		l := c.notice()
		good := 0
		for _, s := range l.Signatures {
			if s.Valid && s.Domain == "security.midori.example" {
				good++
			}
		}
		f.need(good == 2, "%d of %d DKIM signatures are good", good, len(l.Signatures))
		f.need(!strings.Contains(l.Body, "http://") && !strings.Contains(l.Body, "https://") && !strings.Contains(l.Body, "<a "), "it holds a link")
		f.need(c.e.Pages["ours"].has("security@security.midori.example") || c.e.Pages["ours"].has("@security.midori.example"), "the public page does not list the sender's domain")
		code := reference(l)
		f.need(code != "" && c.e.Pages["reference"].Status == 200 && c.e.Pages["reference"].has(code, "security@security.midori.example"), "the number typed in on the site does not confirm the notice")
		f.need(c.e.Pages["wrong reference"].Status != 0 && !c.e.Pages["wrong reference"].has("security@security.midori.example"), "a number that was never sent is confirmed as well")
		f.need(!c.e.Pages["reference"].has("サインアウトし"), "a stranger with the number reads the notice itself")
		f.need(sameText(c.e.Pages["message"], l.Body), "the message centre shows another text than the mail")
		f.note("RSA and Ed25519 good, no link; the site confirms %s, another number not; same words in the message centre", code)
	})
}

// sameText says whether a page holds every line of a mail.
func sameText(p page, body string) bool {
	text := strings.Join(strings.Fields(p.text()), "")
	for line := range strings.SplitSeq(body, "\n") {
		if !strings.Contains(text, strings.Join(strings.Fields(line), "")) {
			return false
		}
	}
	return body != ""
}

func (c *checker) h1() {
	c.check("H1", "電話番号が国と時刻で並び、いま出る窓口が分かる", "whom to call: by country and hour, and who answers now", func(f *finding) {
		p := c.e.Pages["help"]
		f.need(p.Status == 200 && p.has("050-0000-0000", "+81-50-0000-0000", "0120-000-000"), "the page lacks a number")
		f.need(p.has("いま、つながります"), "it does not say who answers now")
		f.need(p.has("海外から") && p.has("通話無料"), "it does not say from where, or what is free")
		f.need(strings.Contains(c.notice().Body, "050-0000-0000"), "the notice names no number")
		f.note("3 numbers, at home and from abroad, who answers now first")
	})
}

// signedIn says whether a page of the shop shows a signed-in visitor.
func signedIn(p page) bool { return strings.Contains(p.HTML, `action="/signout"`) }
