package demo

import (
	"strings"

	"mimamori/demoshop"
)

// checkMall holds the mall story against the mission.
func checkMall(e *evidence) []verdict {
	c := &checker{e: e, subject: demoshop.Taro, mail: demoshop.Taro + "@mail.example"}
	c.mallWatch()
	c.c1("intruder again", "old password")
	c.mallSignedOut()
	c.mallFrozen()
	c.c4()
	c.mallNotLockedOut()
	c.mallGivenBack()
	c.t1("VPN")
	c.t2()
	c.t3()
	c.mallScreens()
	c.r1()
	c.h1()
	return c.verdicts
}

func (c *checker) mallWatch() {
	relay, _ := demoshop.PlaceByKey("tokyo-relay")
	somalia, _ := demoshop.PlaceByKey("somalia")
	c.check("W1", "サインイン、ポイントの動きが、起きたときに見られている", "sign-ins and points movements are watched as they happen", func(f *finding) {
		p := c.e.Pages["logins"]
		f.need(p.has(relay.IP, somalia.IP), "the history lacks %s or %s", relay.IP, somalia.IP)
		f.need(c.e.Second != nil && !c.e.SecondDone.IsZero(), "the points' movement was not answered")
		f.note("both sign-ins on the page; the first movement of points was answered")
	})
	c.check("W2", "失敗の多さではなく、正しいパスワードの第三者が見つかる", "a third party with the right password is found, not the noise", func(f *finding) {
		f.need(c.e.Quiet == 0, "the shop got %d commands from wrong passwords alone", c.e.Quiet)
		f.need(!signedIn(c.e.Pages["from somalia"]) && c.e.Pages["from somalia"].Status != 0, "the sign-in from Somalia was let in")
		for _, ip := range []string{relay.IP, somalia.IP} {
			f.need(strings.Contains(row(c.e.Pages["logins"], ip), "theirs"), "the history does not mark %s as the intruder's", ip)
		}
		f.note("880 failed tries: no command; relay and Somalia marked as the intruder's")
	})
	c.check("W4", "原因らしいもの（一覧で試された）を、根拠とともに言う", "the likely cause (a list) is named, with its evidence", func(f *finding) {
		p := c.e.Pages["home"]
		f.need(p.has("パスワードを知られた理由"), "the first page says nothing of the cause")
		f.need(!p.has("わかっていません。ほかのサイトと"), "the first page says that the cause is unknown")
		f.need(p.has("一覧") || p.has("ほかのサイト"), "the first page does not name a list")
		f.note("“%s”", lineAfter(p, "パスワードを知られた理由"))
	})
	c.check("W5", "一度乗っ取られたあとも、似ていない相手を最初の動きで捕まえる", "afterwards the watch catches somebody unlike the first, at the first movement", func(f *finding) {
		f.need(signedIn(c.e.Pages["back"]), "the second intruder was not let in with the new password, so the watch was not asked")
		a := account(c.e.Second, c.subject)
		f.need(a.Password == "invalid" && a.Points.Frozen, "after the spending: password %q, points frozen %v", a.Password, a.Points.Frozen)
		f.need(c.e.Pages["spent again"].Status != 200 || !signedIn(c.e.Pages["spent again"]), "points could be spent again")
		took := int64(0)
		for _, b := range a.Book {
			if b.Amount < 0 {
				took -= b.Amount
			}
		}
		f.need(took == spent, "%d points were taken, want only the first %d", took, spent)
		f.note("let in from another home; stopped at the first %d points", spent)
	})
}

// lineAfter is the line that follows one on a page.
func lineAfter(p page, line string) string {
	_, rest, _ := strings.Cut(p.text(), line+"\n")
	first, _, _ := strings.Cut(rest, "\n")
	return first
}

func (c *checker) mallSignedOut() {
	c.check("C2", "すべてのセッションがサインアウトされる（二度とも）", "every session is signed out, both times", func(f *finding) {
		f.need(c.e.Contained != nil && c.e.Second != nil, "the shop was not looked at")
		f.need(c.then().Sessions == 0, "%d sessions are open after the first", c.then().Sessions)
		f.need(account(c.e.Second, c.subject).Sessions == 0, "%d sessions are open after the second", account(c.e.Second, c.subject).Sessions)
		f.note("0 sessions after each")
	})
}

func (c *checker) mallFrozen() {
	c.check("C3", "まだ止められるものが止まる：ポイントとギフト", "what can still be stopped is stopped: points and gifts", func(f *finding) {
		a := account(c.e.Second, c.subject)
		f.need(a.Points.Frozen, "points are not frozen")
		waiting := 0
		for _, b := range a.Book {
			f.need(b.Gift != "sent", "the gift for entry %s was sent", b.Entry)
			if b.Gift != "" {
				waiting++
			}
		}
		f.need(waiting > 0, "no gift was bought")
		f.note("points frozen, the gift code not sent")
	})
}

func (c *checker) mallNotLockedOut() {
	c.check("C5", "失敗を偽っても、だれも締め出されない", "faked attacks lock nobody out", func(f *finding) {
		for _, who := range []string{c.subject, demoshop.Hanako} {
			f.need(c.e.Pages["tried "+who].Status == 401, "a wrong password for %s is answered %d", who, c.e.Pages["tried "+who].Status)
		}
		h := account(c.e.End, demoshop.Hanako)
		f.need(c.e.End != nil && len(commands(c.e.End, demoshop.Hanako)) == len(commands(c.e.Before, demoshop.Hanako)), "hanako's account was touched (password %q)", h.Password)
		f.need(c.e.Quiet == 0, "%d commands", c.e.Quiet)
		f.note("hanako, tried as well, was left alone")
	})
}

func (c *checker) mallGivenBack() {
	c.check("U3", "使われたポイントが、担当者の判断で戻る", "points that were spent are given back, by an agent's decision", func(f *finding) {
		cmds := commands(c.e.End, c.subject)["points.restore"]
		f.need(len(cmds) == 1 && cmds[0].Answer.Result == "done", "points.restore came %d times", len(cmds))
		f.need(c.end().Points.Balance == c.before().Points.Balance && c.e.Before != nil, "the balance is %d, before it was %d", c.end().Points.Balance, c.before().Points.Balance)
		f.need(c.e.Pages["console"].Status == 200, "the console showed no incident")
		f.note("%d points as before, once, from the console", c.end().Points.Balance)
	})
}

func (c *checker) mallScreens() {
	c.check("S1", "ログイン履歴：場所、回線、地図、いまの自分", "sign-in history: place, network, map, “you now”", func(f *finding) {
		p := c.e.Pages["logins"]
		f.need(strings.Contains(p.HTML, `role="img"`), "there is no map")
		f.need(p.has("ソマリア"), "Somalia is not named")
		f.need(strings.Count(p.HTML, `<li class="card`) >= 3, "only %d devices", strings.Count(p.HTML, `<li class="card`))
		f.note("%d devices and networks on list and map", strings.Count(p.HTML, `<li class="card`))
	})
	c.check("S2", "IPアドレスの意味：中継は、第三者の居場所ではない", "what an address means: a relay is not the intruder's home", func(f *finding) {
		p := c.e.Pages["ip"]
		f.need(p.Status == 200 && p.has("居場所ではありません"), "the look-up does not say that a relay is not a home")
		f.need(p.has("日本"), "it names no country")
		f.note("“%s”", lineAfter(p, "どういうことか"))
	})
}
