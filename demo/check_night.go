package demo

import (
	"slices"
	"strings"

	"mimamori/demoshop"
)

// checkNight holds the night story against the mission.
func checkNight(e *evidence) []verdict {
	c := &checker{e: e, subject: demoshop.Hanako, mail: demoshop.Hanako + "@mail.example"}
	c.nightWatch()
	c.c1("intruder again", "old password")
	c.c2()
	c.nightStopped()
	c.c4()
	c.nightUndone()
	c.t1("データセンター経由（Vultr）", "注文", "お届け先", "お支払い方法")
	c.t2()
	c.t3()
	c.nightScreens()
	c.r1()
	c.nightReentered()
	c.h1()
	return c.verdicts
}

const nightAddress = "45.76.100.31"

func (c *checker) nightWatch() {
	timeline := c.e.Pages["timeline"]
	c.check("W1", "第三者のすべての操作が、起きたときに見られている", "every act of the intruder was watched as it happened", func(f *finding) {
		acts := []string{"正しいパスワードでのサインイン", "会員プラン・定期購入の追加", "お届け先の追加", "お支払い方法の追加"}
		for act, line := range map[string]string{"hide": "注文を購入履歴から隠した", "leave": "会員プラン・定期購入の削除"} {
			if !slices.Contains(c.e.Refused, act) { // he may be out before he gets there
				acts = append(acts, line)
			}
		}
		for _, what := range acts {
			f.need(timeline.has(what), "the timeline page lacks %q", what)
		}
		for _, o := range c.e.Orders {
			f.need(timeline.has(o), "the timeline page lacks order %s", o)
		}
		tried := len(c.e.Orders)
		for _, product := range nightOrders {
			if slices.Contains(c.e.Refused, product) {
				tried++
			}
		}
		f.need(tried == len(nightOrders), "%d orders were placed or refused, want %d", tried, len(nightOrders))
		f.note("sign-in, %d changes and %d orders: all on the timeline page; refused since he was out already: %d", len(acts)-1, len(c.e.Orders), len(c.e.Refused))
	})
	c.check("W2", "正しいパスワードでも、第三者のサインインと分かる", "a sign-in with the right password is recognised as a third party's", func(f *finding) {
		card := row(c.e.Pages["logins"], nightAddress)
		f.need(strings.Contains(card, "theirs"), "the history does not mark the sign-in from %s as the intruder's", nightAddress)
		home := row(c.e.Pages["logins"], "106.72.45.18")
		f.need(home != "" && !strings.Contains(home, "theirs"), "her own sign-in from home is marked as the intruder's, or missing")
		f.need(c.e.Pages["home"].has("あなたではないと考えた理由"), "the first page gives no reasons")
		f.note("%s marked as the intruder's with reasons, her own not", nightAddress)
	})
	c.check("W3", "サインインのあとの操作で決まる", "what happens after the sign-in counts", func(f *finding) {
		f.need(signedIn(c.e.Pages["intruder in"]), "the intruder was not let in at first, so nothing was learned from his acts")
		f.need(!c.e.Done.IsZero() && c.e.Done.After(c.e.Acted), "the account was not contained after the acts")
		f.need(c.then().Password == "invalid", "the acts led to nothing")
		f.note("let in at %s, contained by his acts %.1f s later", c.e.Acted.Local().Format("15:04:05"), c.e.Done.Sub(c.e.Acted).Seconds())
	})
}

// row is the history's card of the sign-ins from an address, from its opening
// tag to that address.
func row(p page, ip string) string {
	at := strings.Index(p.HTML, ip+"</span>")
	if at < 0 {
		return ""
	}
	begin := strings.LastIndex(p.HTML[:at], `<li class="card`)
	if begin < 0 {
		return ""
	}
	return p.HTML[begin:at]
}

func (c *checker) nightStopped() {
	c.check("C3", "発送前の注文が取り消され、ポイントが止まる", "unshipped orders are cancelled, points frozen", func(f *finding) {
		a := c.then()
		for _, o := range c.e.Orders {
			f.need(purchase(a, o).State == "cancelled", "order %s is %s", o, purchase(a, o).State)
		}
		f.need(len(c.e.Orders) > 0, "no order was placed")
		f.need(purchase(a, c.e.Her).State == "placed", "her own order is %s", purchase(a, c.e.Her).State)
		f.need(a.Points.Frozen, "points are not frozen")
		f.need(!c.end().Points.Frozen, "points are still frozen at the end")
		f.note("%d orders cancelled, hers stays, points frozen until she was back", len(c.e.Orders))
	})
}

func (c *checker) nightUndone() {
	c.check("U1", "変えられたものが元どおりで、本人の変更は残る", "what was changed is as before; her own acts stay", func(f *finding) {
		for _, kind := range []string{"address", "payment_method", "subscription", "contact", "setting"} {
			ok, saw := same(c.before(), c.then(), kind)
			f.need(ok, "%s", saw)
		}
		f.need(c.e.Before != nil && len(c.before().State.Resources) > 0, "the account was not looked at before")
		f.need(!c.then().Subscribed(), "she is a premium member")
		f.note("address, card and membership as before; her order of the evening stays")
	})
	c.check("U2", "何も消えず、第三者のしたことと結果が見える", "nothing disappears: each act and what became of it", func(f *finding) {
		p := c.e.Pages["purchases"]
		for _, o := range c.e.Orders {
			f.need(p.has(o), "the purchase page lacks order %s", o)
			f.need(!purchase(c.end(), o).Hidden, "order %s is still hidden at the shop", o)
		}
		f.need(p.has("取り消しました"), "it does not say what became of them")
		f.need(p.has("隠されていました") || slices.Contains(c.e.Refused, "hide"), "it does not say what had been hidden")
		f.need(c.e.Pages["timeline"].has("元に戻しました", "取り消しました"), "the timeline does not say what became of the acts")
		shown := c.e.Pages["contacts"].text() + c.e.Pages["timeline"].text() + p.text()
		f.need(strings.Contains(shown, "4444") && !strings.Contains(shown, foreignCard), "the intruder's card is not shown by its last 4 digits")
		f.need(!strings.Contains(shown, foreignRecipient), "the stranger's name is shown in clear")
		told := map[string]bool{}
		if c.e.Contained != nil {
			for _, s := range c.e.Contained.Suspects {
				told[s.ID] = s.Subject == c.subject
			}
		}
		f.need(c.e.Card != "" && told[c.e.Card], "the payment side was not told of card %s", c.e.Card)
		f.need(c.e.Address != "" && told[c.e.Address], "it was not told of address %s", c.e.Address)
		f.note("3 orders shown, one was hidden; card and address masked, payment side told of both")
	})
}

func (c *checker) nightScreens() {
	c.check("S1", "ログイン履歴：2か月、端末・場所・回線、いまの自分", "sign-in history of 2 months: device, place, network, “you now”", func(f *finding) {
		p := c.e.Pages["logins"]
		f.need(p.has(nightAddress, "106.72.45.18", "49.98.141."), "an address is missing")
		f.need(p.has("いまのあなたのIPアドレス"), "her own address now is not marked")
		f.need(strings.Count(p.HTML, `<li class="card`) >= 3, "only %d devices", strings.Count(p.HTML, `<li class="card`))
		f.note("%d devices and networks, her address now marked (no map: all of it is in Japan)", strings.Count(p.HTML, `<li class="card`))
	})
	c.check("S3", "購入履歴：知らない注文に印、取り消しも残る", "purchases: unfamiliar ones marked, cancelled ones stay", func(f *finding) {
		p := c.e.Pages["purchases"]
		f.need(p.has(c.e.Her) && c.e.Her != "", "her own order is missing")
		cancelled, marked := 0, strings.Count(p.HTML, `<li class="card theirs`)
		for _, x := range c.then().Purchases {
			if x.State == "cancelled" {
				cancelled++
			}
		}
		f.need(marked == cancelled && marked >= len(c.e.Orders) && marked > 0, "%d orders are marked as the intruder's, want %d", marked, cancelled)
		f.note("%d marked, hers not", marked)
	})
	c.check("S4", "登録内容：何が、いつ、何から何へ", "registered details: what changed, when, from what to what", func(f *finding) {
		p := c.e.Pages["contacts"]
		f.need(p.has("お届け先の追加", "お支払い方法の追加", "会員プラン・定期購入の追加"), "a change is missing")
		f.need(p.has("4444") && p.has("4242"), "a card is not shown by its last 4 digits")
		f.note("changes with before and after, cards by last 4 digits")
	})
	c.check("S5", "どの行にも「わたし」「ちがう」がある", "on every line: that was me, that was not me", func(f *finding) {
		for _, name := range []string{"logins", "purchases", "contacts"} {
			p := c.e.Pages[name]
			f.need(strings.Contains(p.HTML, `value="not_me"`) && strings.Contains(p.HTML, `value="me"`), "%s has no answers", name)
		}
		lines, answers := strings.Count(c.e.Pages["purchases"].HTML, `<li class="card`), strings.Count(c.e.Pages["purchases"].HTML, `value="not_me"`)
		f.need(answers >= lines && lines > 0, "%d of %d orders have answers", answers, lines)
		f.need(c.e.Pages["answered"].Status == 200 && c.e.Pages["answered"].has("受け取りました"), "“that was me” about her own order: %d", c.e.Pages["answered"].Status)
		f.note("answers on each line; “that was me” about her own order was taken")
	})
}

func (c *checker) nightReentered() {
	c.check("R3", "次の注文で、カードとお届け先を入れ直す", "at the next order card and address are entered again", func(f *finding) {
		f.need(c.e.Pages["order without"].Status == 422, "without entering again the order is answered %d", c.e.Pages["order without"].Status)
		var placed []string
		for _, p := range c.end().Purchases {
			if p.PlacedAt.After(c.e.Opens) {
				placed = append(placed, p.Order)
			}
		}
		f.need(c.e.Pages["order with"].Status == 200 && len(placed) > 0, "with both entered: %d, %d orders", c.e.Pages["order with"].Status, len(placed))
		f.need(c.e.Pages["checklist"].Status == 200, "no checklist")
		f.need(slices.Contains([]bool{c.e.Pages["checklist"].has("完了"), c.e.Pages["checklist"].has("すべて済んでいます")}, true), "the checklist does not show it as done")
		f.note("422 without, taken with both")
	})
}
