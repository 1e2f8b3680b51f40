package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"mimamori"
	"mimamori/demoshop"
)

// What the night's intruder brings in. The card number is one that card
// companies publish for tests.
const (
	foreignCard      = "5555555555554444"
	foreignRecipient = "佐々木 次郎"
	newPassword      = "yozora-hotaru-58"
)

// nightActs are the night story: the right password at night, from a server
// network.
// nightOrders are the products that the intruder tries to order. He may be out
// before he gets to the last.
var nightOrders = []string{"towel", "rice", "gift-5000"}

func nightActs(t *town) []act {
	n := night{t, demoshop.Hanako}
	return []act{
		{"evening", text("夜。花子さんは自宅のパソコンからサインインし、お茶を注文します。ふだんどおりです。",
			"In the evening Hanako signs in from her PC at home and orders tea, as she often does."), n.evening},
		{"signin", text("深夜。だれかが、花子さんの正しいパスワードで、貸しサーバーの回線の知らない端末からサインインします。",
			"At night somebody signs in with Hanako's right password, from a server network and an unknown device."), n.signIn},
		{"join", text("第三者は、プレミアム会員に登録します。", "The intruder joins the premium membership."), n.join},
		{"address", text("第三者は、知らない人のお届け先を加えます。", "The intruder adds a stranger's address."), n.address},
		{"card", text("第三者は、だれかのカードを加えます。", "The intruder adds somebody's card."), n.card},
		{"order1", text("第三者は、タオルを知らない人のところへ注文します。", "The intruder orders a towel, to the stranger's address."), n.order(nightOrders[0])},
		{"order2", text("第三者は、お米も注文します。", "The intruder orders rice as well."), n.order(nightOrders[1])},
		{"gift", text("第三者は、ギフトカードを注文します。", "The intruder orders a gift card."), n.order(nightOrders[2])},
		{"hide", text("第三者は、注文のひとつを購入履歴から隠します。", "The intruder hides one of the orders from the list."), n.hide},
		{"leave", text("第三者は、プレミアム会員をやめます。跡を消したつもりです。", "The intruder leaves the membership, to cover the tracks."), n.leave},
		{"contained", text("みまもりが動きます。パスワードを無効にし、全員をサインアウトし、注文を取り消し、変えられたものを戻します。",
			"Mimamori acts: password invalid, everybody signed out, orders cancelled, changes reverted."), n.contained},
		{"again", text("第三者も、花子さんも、前のパスワードではもう入れません。", "Neither the intruder nor Hanako gets in with the old password any more."), n.again},
		{"early", text("花子さんが気づいて「パスワードをお忘れですか？」を開きます。いつから、なぜ待つのかが書いてあります。",
			"Hanako notices and opens “Forgot your password?”: it says from when, and why she waits."), n.early},
		{"wait", waiting(t.opt.Wait), n.wait},
		{"reset", text("花子さんは、以前からのメールアドレスに届いた番号で本人だと示し、新しいパスワードを決めます。",
			"Hanako proves who she is with a code mailed to her address from before, and sets a new password."), n.reset},
		{"reorder", text("次の注文では、カードとお届け先をもう一度入れます。", "At her next order she enters card and address again."), n.reorder},
		{"centre", text("花子さんは、セキュリティセンターで自分の目で確かめます。", "Hanako looks for herself, in the security centre."), n.centre},
	}
}

func waiting(wait time.Duration) mimamori.Text {
	w := inWords(wait)
	return text("待ち時間です（デモのため"+w.JA+"。実際は5時間）。だれもサインインできないので、花子さんは眠れます。",
		"The wait (shortened to "+w.EN+" for this demo; really 5 hours). Nobody can sign in, so Hanako can sleep.")
}

type night struct {
	*town
	who string
}

func (n night) password() string { return n.customer(n.who).Password }

// customer is one of the seeded customers.
func (t *town) customer(subject string) demoshop.Customer {
	for _, c := range demoshop.SeededCustomers(demoshop.SeedOptions{Until: t.folder.state.Began}) {
		if c.Subject == subject {
			return c
		}
	}
	return demoshop.Customer{}
}

// intruder is the browser of whoever came at night. After a crash of the demo
// in the middle it has its cookies still.
func (n night) intruder() *demoshop.Visitor { return n.visitor("night intruder", "tokyo-server") }

func (n night) evening(ctx context.Context) error {
	v := n.visitor("hanako pc", demoshop.HomePC)
	p, err := v.Post(ctx, "/signin", url.Values{"name": {n.who}, "password": {n.password()}, "from": {demoshop.HomePC}, "remember": {"1"}})
	if err != nil {
		return err
	}
	if !p.In() {
		return fmt.Errorf("hanako cannot sign in from home: %d %s", p.Status, p.Headline)
	}
	if n.seen.Her, p, err = v.Order(ctx, "tea", "", "", nil); err != nil {
		return err
	}
	if n.seen.Her == "" {
		return fmt.Errorf("hanako cannot order: %d %s", p.Status, p.Headline)
	}
	n.say.answer(text("いつもの端末、いつもの回線です。何も起こりません。", "Her usual device and network: nothing happens."))
	before, err := n.truth()
	n.seen.Before = &before
	return errors.Join(err, n.report(ctx))
}

func (n night) signIn(ctx context.Context) error {
	n.seen.Acted = time.Now()
	p, err := n.intruder().SignIn(ctx, n.who, n.password())
	if err != nil {
		return err
	}
	n.seen.Pages["intruder in"] = ofShop(p)
	if p.In() {
		n.say.answer(text("入れました。証拠がひとつの種類だけでは、だれも締め出しません。記録し、よく見ています。",
			"Let in: a sign-in alone locks nobody out. It is noted, and what follows is watched."))
	} else {
		n.say.answer(text("入れませんでした。", "Not let in."))
	}
	return n.report(ctx)
}

// did tells whether the shop did an act for the intruder, and keeps it.
func (n night) did(ctx context.Context, what string, p demoshop.Page, done bool) error {
	n.seen.Pages["intruder "+what] = ofShop(p)
	switch {
	case done:
		n.say.shop(text("お店は受け付けました。", "The shop takes it."))
	default:
		n.seen.Refused = append(n.seen.Refused, what)
		n.say.answer(text("お店は受け付けません：「"+p.Headline+"」", "The shop does not take it (its page says: "+p.Headline+")"))
	}
	if err := sleep(ctx, 100*time.Millisecond); err != nil { // the shop reports right after its answer
		return err
	}
	return n.report(ctx)
}

// taken says whether the shop did what a form asked: then it leads on to a page
// of its own, even if that finds nobody signed in any more. Whoever is out
// before is asked to sign in and come back to the front.
func taken(p demoshop.Page) bool {
	return p.Status == 200 && (p.In() || !strings.HasSuffix(p.URL, "next=%2Fmy"))
}

func (n night) join(ctx context.Context) error {
	p, err := n.intruder().Join(ctx)
	if err != nil {
		return err
	}
	return n.did(ctx, "join", p, p.Status == 200 && p.In())
}

func (n night) address(ctx context.Context) error {
	id, p, err := n.intruder().AddAddress(ctx, foreignRecipient, "530-0001", "大阪府", "大阪市北区梅田9-9-9")
	if err != nil {
		return err
	}
	n.seen.Address = id
	return n.did(ctx, "address", p, id != "")
}

func (n night) card(ctx context.Context) error {
	id, p, err := n.intruder().AddCard(ctx, foreignCard, "2029-08")
	if err != nil {
		return err
	}
	n.seen.Card = id
	return n.did(ctx, "card", p, id != "")
}

func (n night) order(product string) func(context.Context) error {
	return func(ctx context.Context) error {
		id, p, err := n.intruder().Order(ctx, product, n.seen.Address, n.seen.Card, nil)
		if err != nil {
			return err
		}
		if id != "" {
			n.seen.Orders = append(n.seen.Orders, id)
		}
		return n.did(ctx, product, p, id != "")
	}
}

func (n night) hide(ctx context.Context) error {
	if len(n.seen.Orders) == 0 {
		return n.did(ctx, "hide", demoshop.Page{Headline: "-"}, false)
	}
	p, err := n.intruder().HideOrder(ctx, n.seen.Orders[0])
	if err != nil {
		return err
	}
	return n.did(ctx, "hide", p, taken(p))
}

func (n night) leave(ctx context.Context) error {
	p, err := n.intruder().Leave(ctx)
	if err != nil {
		return err
	}
	return n.did(ctx, "leave", p, taken(p))
}

func (n night) contained(ctx context.Context) error {
	in, now, err := n.contain(ctx, n.who, "")
	n.seen.Contained, n.seen.Opens, n.seen.Done = now, in.WaitUntil, invalidAt(now, n.who)
	return err
}

// contain waits until an account's newest incident is contained and the notice
// has left, and gives what the shop's database says then.
func (t *town) contain(ctx context.Context, subject string, previous mimamori.IncidentID) (in told, _ *demoshop.Truth, _ error) {
	err := t.await(ctx, 20*time.Second, "the account is contained and the notice sent", func() (bool, error) {
		var err error
		in, err = t.newest(ctx, subject)
		past := in.State == "waiting" || in.State == "recovering"
		return past && (previous == "" || in.ID != previous) && t.mailed(subject, "パスワードを無効", in.OpenedAt), err
	})
	if err != nil {
		return in, nil, err
	}
	now, err := t.truth()
	if err != nil {
		return in, nil, err
	}
	a := now.Accounts[subject]
	t.say.answer(text(
		fmt.Sprintf("お店のデータベースでは：パスワード%s、サインイン中%d、ポイント%s。", map[bool]string{true: "無効", false: "有効"}[a.Password == "invalid"], a.Sessions, map[bool]string{true: "停止", false: "使用可"}[a.Points.Frozen]),
		fmt.Sprintf("In the shop's database: password %s, %d sessions, points frozen: %v.", a.Password, a.Sessions, a.Points.Frozen)))
	t.say.mail(text("お知らせは、ここで読めます："+t.mailboxURL, "Read the notice at "+t.mailboxURL))
	return in, &now, nil
}

// invalidAt is when the shop made the password invalid, last.
func invalidAt(t *demoshop.Truth, subject string) (at time.Time) {
	for _, c := range commands(t, subject)["password.invalidate"] {
		at = c.At
	}
	return at
}

// mailed says whether a mail with these words reached the customer since.
func (t *town) mailed(subject, words string, since time.Time) bool {
	all, err := spool(t.folder.path("mails"), nil)
	if err != nil {
		return false
	}
	e := evidence{Letters: all}
	for _, l := range e.mails(t.customer(subject).Mail, words) {
		if !l.At.Before(since) {
			return true
		}
	}
	return false
}

func (n night) again(ctx context.Context) error {
	p, err := n.visitor("night intruder 2", "tokyo-server").SignIn(ctx, n.who, n.password())
	if err != nil {
		return err
	}
	n.seen.Pages["intruder again"] = ofShop(p)
	hers, err := n.visitor("hanako pc", demoshop.HomePC).Get(ctx, "/my")
	if err != nil {
		return err
	}
	n.seen.Pages["hanako's session"] = ofShop(hers)
	if p, err = n.visitor("hanako night", demoshop.HomePC).SignIn(ctx, n.who, n.password()); err != nil {
		return err
	}
	n.seen.Pages["old password"] = ofShop(p)
	n.say.answer(text("どちらも入れません。お店のページが、新しいパスワードの手続きへ案内します。", "Neither is let in; the shop's page leads to setting a new password."))
	return n.report(ctx)
}

// early opens the way back while the wait goes on.
func (n night) early(ctx context.Context) error { return n.wayBack(ctx, n.who, "way back early") }

// wayBack begins at the shop's "forgot your password?" and keeps the page that
// it leads to.
func (t *town) wayBack(ctx context.Context, subject, name string) error {
	p, err := t.visitor(subject+" forgot", demoshop.HomePC).Post(ctx, "/forgot", url.Values{"name": {subject}})
	if err != nil {
		return err
	}
	if p.Leads == "" {
		return fmt.Errorf("“forgot your password?” leads nowhere: %d %s", p.Status, p.Headline)
	}
	b := newBrowser(t.centreURL, demoshop.HomePC, mimamori.Japanese)
	back, err := b.get(ctx, p.Leads)
	if err != nil {
		return err
	}
	t.seen.Pages[name] = back
	t.back = b
	if until := back.find(`data-until="([^"]+)"`); until != "" {
		at := t.seen.Opens.Local().Format("15:04:05")
		t.say.shorten(text("画面：「"+back.headline()+"」"+at+"から手続きできます（デモのため短くしています）。", "The page says: from "+at+" on, and why (shortened for this demo)."))
	}
	return t.report(ctx)
}

func (n night) wait(ctx context.Context) error { return n.waitOver(ctx, n.who) }

// waitOver waits until the reset is open and the customer was told.
func (t *town) waitOver(ctx context.Context, subject string) error {
	in, err := t.newest(ctx, subject)
	if err != nil {
		return err
	}
	return t.await(ctx, time.Until(in.WaitUntil)+20*time.Second, "the wait is over and the customer told", func() (bool, error) {
		now, err := t.newest(ctx, subject)
		return now.State == "recovering" && t.mailed(subject, "設定できます", in.OpenedAt), err
	})
}
