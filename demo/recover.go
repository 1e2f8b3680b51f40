package demo

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"mimamori"
	"mimamori/demoshop"
)

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

func (n night) reset(ctx context.Context) error {
	return n.setAnew(ctx, n.who, n.password(), newPassword)
}

// setAnew walks the way back to a new password, then tries the old one.
func (t *town) setAnew(ctx context.Context, subject, old, anew string) error {
	now, err := t.truth()
	if err != nil {
		return err
	}
	if now.Accounts[subject].Password != "set" { // else a crash came right after it
		if err := t.setPassword(ctx, subject, anew); err != nil {
			return err
		}
	}
	if now, err = t.truth(); err != nil {
		return err
	}
	t.seen.Reset = &now
	t.folder.state.Passwords[subject] = anew
	t.say.answer(text("新しいパスワード（デモ用）："+anew, "The new password (demonstration): "+anew))
	if p, err := t.visitor(subject+" old", demoshop.HomePC).SignIn(ctx, subject, old); err == nil {
		t.seen.Pages["former password"] = ofShop(p)
	}
	return t.await(ctx, 15*time.Second, "the customer is back and was told", func() (bool, error) {
		in, err := t.newest(ctx, subject)
		return in.State == "watching" && t.mailed(subject, "新しいパスワードが設定", in.OpenedAt), err
	})
}

// setPassword proves who the customer is and takes the grant to the shop.
func (t *town) setPassword(ctx context.Context, subject, anew string) error {
	grant, err := t.prove(ctx, subject)
	if err != nil {
		return err
	}
	v := t.visitor(subject+" forgot", demoshop.HomePC)
	form, err := v.Post(ctx, "/password/new", url.Values{"grant": {grant}})
	if err != nil {
		return err
	}
	t.seen.Pages["new password form"] = ofShop(form)
	set, err := v.Post(ctx, "/password/new", url.Values{"grant": {grant}, "password": {anew}, "again": {anew}})
	if err != nil {
		return err
	}
	t.seen.Pages["new password set"] = ofShop(set)
	if set.Status != 200 {
		return fmt.Errorf("the shop does not take the new password: %d %s", set.Status, set.Headline)
	}
	return t.folder.keep(t)
}

// prove asks for a code on the way back and types in what was mailed.
func (t *town) prove(ctx context.Context, subject string) (grant string, err error) {
	if err := t.wayBack(ctx, subject, "way back open"); err != nil {
		return "", err
	}
	open := t.seen.Pages["way back open"]
	at, err := url.Parse(open.URL)
	if err != nil {
		return "", err
	}
	reach := open.find(`name="reach" value="([^"]+)"`)
	if reach == "" {
		return "", fmt.Errorf("the way back offers no contact from before: %s", open.headline())
	}
	began := time.Now().Add(-time.Second)
	if _, err := t.back.post(ctx, at.Path+"/send", url.Values{"reach": {reach}}); err != nil {
		return "", err
	}
	code := ""
	err = t.await(ctx, 15*time.Second, "a code arrives by mail", func() (bool, error) {
		all, err := spool(t.folder.path("mails"), nil)
		for _, l := range (&evidence{Letters: all}).mails(t.customer(subject).Mail, "確認コード") {
			if !l.At.Before(began) {
				code = sixDigits.FindString(l.Body)
			}
		}
		return code != "", err
	})
	if err != nil {
		return "", err
	}
	proven, err := t.back.post(ctx, at.Path+"/code", url.Values{"by": {"mail_code"}, "code": {code}})
	if err != nil {
		return "", err
	}
	t.seen.Pages["proven"] = proven
	if grant = proven.find(`name="grant" value="([^"]+)"`); grant == "" {
		return "", fmt.Errorf("no permission on the page after the code: %d %s", proven.Status, proven.headline())
	}
	return grant, nil
}

// reorder orders as before, is asked for everything again, and enters it.
func (n night) reorder(ctx context.Context) error {
	v := n.visitor("hanako back", demoshop.HomePC)
	p, err := v.SignIn(ctx, n.who, newPassword)
	if err != nil {
		return err
	}
	n.seen.Pages["signed in anew"] = ofShop(p)
	if n.seen.Pages["order without"].Status == 0 { // else a crash came right after it
		if _, p, err = v.Order(ctx, "teapot", "", "", nil); err != nil {
			return err
		}
		n.seen.Pages["order without"] = ofShop(p)
		if err := n.folder.keep(n.town); err != nil {
			return err
		}
	}
	now, err := n.truth()
	if err != nil {
		return err
	}
	more := url.Values{"number": {n.customer(n.who).CardNumber}}
	for _, r := range now.Accounts[n.who].State.Resources {
		for _, f := range []string{"expiry", "postal_code", "line"} {
			if s, ok := r.Value[f].(string); ok {
				more.Set(f, s)
			}
		}
	}
	id, p, err := v.Order(ctx, "teapot", "", "", more)
	if err != nil {
		return err
	}
	n.seen.Pages["order with"] = ofShop(p)
	n.say.shop(text("入れ直すまで注文できません。入れ直すと、受け付けられました（"+id+"）。", "No order until both are entered again; then it is taken ("+id+")."))
	return n.report(ctx)
}

// centre looks at everything that a customer can look at.
func (n night) centre(ctx context.Context) error {
	return n.look(ctx, n.visitor("hanako back", demoshop.HomePC), n.who, "45.76.100.31")
}

// look walks through the security centre and keeps its pages.
func (t *town) look(ctx context.Context, v *demoshop.Visitor, subject, address string) error {
	b, home, err := t.enter(ctx, v)
	if err != nil {
		return err
	}
	t.seen.Pages["home"] = home
	for _, name := range []string{"timeline", "logins", "purchases", "contacts", "checklist", "messages", "help", "ours"} {
		if t.seen.Pages[name], err = b.get(ctx, "/"+name); err != nil {
			return err
		}
	}
	if t.seen.Pages["ip"], err = b.get(ctx, "/ip?addr="+url.QueryEscape(address)); err != nil {
		return err
	}
	all, err := spool(t.folder.path("mails"), nil)
	if err != nil {
		return err
	}
	if notices := (&evidence{Letters: all}).mails(t.customer(subject).Mail, "パスワードを無効"); len(notices) > 0 {
		code := reference(notices[0])
		stranger := newBrowser(t.centreURL, demoshop.HomePC, mimamori.Japanese)
		if t.seen.Pages["reference"], err = stranger.post(ctx, "/reference", url.Values{"code": {code}}); err != nil {
			return err
		}
		if t.seen.Pages["wrong reference"], err = stranger.post(ctx, "/reference", url.Values{"code": {"0000-0000-000"}}); err != nil {
			return err
		}
		if t.seen.Pages["message"], err = t.message(ctx, b, code); err != nil {
			return err
		}
	}
	if t.seen.Pages["answered"], err = answerMine(ctx, b, t.seen.Pages["purchases"], t.seen.Her); err != nil {
		return err
	}
	t.say.shop(text("3つの画面、第三者がしたこととその結果、お知らせの文面がありました："+t.centreURL, "There are the three screens, what the intruder did and what became of it, and the notice: "+t.centreURL))
	return t.report(ctx)
}

// message opens the notice with a reference in the message centre.
func (t *town) message(ctx context.Context, b *browser, code string) (page, error) {
	list := t.seen.Pages["messages"].HTML
	at := strings.Index(list, code)
	if at < 0 {
		return page{}, nil
	}
	links := regexp.MustCompile(`href="[^"]*/messages/([^"]+)"`).FindAllStringSubmatch(list[:at], -1)
	if len(links) == 0 {
		return page{}, nil
	}
	return b.get(ctx, "/messages/"+links[len(links)-1][1])
}

// answerMine answers "that was me" to the line of one's own order.
func answerMine(ctx context.Context, b *browser, p page, order string) (page, error) {
	at := strings.Index(p.HTML, order)
	if order == "" || at < 0 {
		return page{}, nil
	}
	m := regexp.MustCompile(`name="line" value="([^"]+)"`).FindStringSubmatch(p.HTML[at:])
	if m == nil {
		return page{}, nil
	}
	return b.post(ctx, "/report", url.Values{"line": {m[1]}, "from": {"/purchases"}, "answer": {"me"}})
}

var referenceCode = regexp.MustCompile(`お知らせ番号 ([0-9A-Z-]+)`)

// reference is the notice's number as its subject gives it.
func reference(l letter) string {
	if m := referenceCode.FindStringSubmatch(l.Subject); m != nil {
		return m[1]
	}
	return ""
}
