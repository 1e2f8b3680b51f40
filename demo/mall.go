package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mimamori/client"
	"mimamori/demoshop"
)

const (
	mallPassword = "kirakira-tsubame-26"
	spent        = 500 // points that the second intruder takes
)

// mallActs are the mall story: a password from a list, and somebody who comes
// back for the points with the new one.
func mallActs(t *town) []act {
	m := mall{t, demoshop.Taro}
	return []act{
		{"weeks", text("何週間も前から、漏れたパスワードの一覧が、いくつかの回線からたくさんの名前で試されています。",
			"For weeks, passwords from a leaked list have been tried on many names, from a few networks."), m.weeks},
		{"tries", text("今日も続いています。太郎さんと花子さんの名前も、違うパスワードで試されます。だれも締め出されません。",
			"It goes on today; Taro's and Hanako's names are tried too, with wrong passwords. Nobody is locked out."), m.tries},
		{"relay", text("一覧の中に、太郎さんの正しいパスワードがありました。東京の中継サーバーからサインインが来ます。",
			"One entry on the list is right: a sign-in as Taro comes through a relay in Tokyo."), m.enter("tokyo-relay")},
		{"somalia", text("しばらくして、同じパスワードで、ソマリアからもサインインが来ます。", "A little later the same password comes from Somalia."), m.enter("somalia")},
		{"contained", text("みまもりがパスワードを初期化し、太郎さんにお知らせを送ります。", "Mimamori makes the password invalid and writes to Taro."), m.contained},
		{"again", text("前のパスワードでは、もうだれも入れません。", "The old password lets nobody in any more."), m.again},
		{"early", text("太郎さんは「パスワードをお忘れですか？」を開きます。いつから、なぜ待つのかが書いてあります。",
			"Taro opens “Forgot your password?”: it says from when, and why he waits."), m.early},
		{"wait", text("待ち時間です（デモのため"+inWords(t.opt.Wait).JA+"。実際は5時間）。", "The wait (shortened to "+inWords(t.opt.Wait).EN+" for this demo; really 5 hours)."), m.wait},
		{"reset", text("太郎さんは新しいパスワードを決めます。", "Taro sets a new password."), m.reset},
		{"centre", text("太郎さんはセキュリティセンターを見ます。東京とソマリアが何を意味するかも、そこで分かります。それで安心して、ほかには何もしません。",
			"Taro looks at the security centre, which explains what Tokyo and Somalia mean. Then he does nothing more."), m.centre},
		{"back", text("12日後。だれかが、新しいパスワードで、別の家の回線の別の端末から戻ってきます。（デモの時計は進められないので、ここではすぐ続けます。本当の12日は flowtest が確かめます。）",
			"Twelve days later somebody is back with the new password, from another home's network and another device. (A demo cannot turn the clock: here it follows at once. flowtest proves the true 12 days.)"), m.back},
		{"spend", text("その人は、ポイントを使い始めます。", "He begins to spend points."), m.spend},
		{"caught", text("見守りが、最初の動きで気づきます。相手が前と似ているかどうかには頼りません。", "The watch catches it at the first movement; it does not rest on any likeness to the first intruder."), m.caught},
		{"restore", text("担当者が画面でインシデントを読み、使われたポイントを返します。", "An agent reads the incident at the console and gives the points back."), m.restore},
	}
}

type mall struct {
	*town
	who string
}

func (m mall) password() string { return m.customer(m.who).Password }

// attempts are tries of a list from a place's network, one a minute up to end.
func (m mall) attempts(place string, n int, end time.Time) []client.Event {
	p, _ := demoshop.PlaceByKey(place)
	var out []client.Event
	for i := range n {
		at := end.Add(-time.Duration(n-i) * time.Minute)
		data, err := json.Marshal(client.Login{Outcome: "unknown_account", IP: p.IP, UserAgent: p.UserAgent, AcceptLanguage: p.AcceptLanguage})
		if err != nil {
			panic(err) // text only
		}
		out = append(out, client.Event{ID: fmt.Sprintf("list-%s-%d", place, at.Unix()), Source: source, Type: client.LoginAttempted,
			Subject: fmt.Sprintf("nobody-%s-%d", place, at.Unix()%9973), Time: at, Data: data})
	}
	return out
}

func lines(events []client.Event) ([]byte, error) {
	var all bytes.Buffer
	enc := json.NewEncoder(&all)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return nil, err
		}
	}
	return all.Bytes(), nil
}

func (m mall) weeks(ctx context.Context) error {
	before, err := m.truth()
	if err != nil {
		return err
	}
	m.seen.Before = &before
	var past []client.Event
	for day := 20; day >= 1; day-- {
		end := m.folder.state.Began.AddDate(0, 0, -day)
		past = append(past, m.attempts("tokyo-relay", 20, end)...)
		past = append(past, m.attempts("somalia", 20, end.Add(time.Hour))...)
	}
	body, err := lines(past)
	if err != nil {
		return err
	}
	err = m.doors.call(ctx, http.MethodPost, "/v1/imports?name=weeks-of-lists", "application/x-ndjson", body, nil)
	m.say.shop(text(fmt.Sprintf("20日ぶんの%d回の失敗を読み込みました。", len(past)), fmt.Sprintf("%d failed tries of 20 days came in.", len(past))))
	return errors.Join(err, m.report(ctx))
}

// tries are today's: most go straight to the events door with the shop's key,
// some through the shop's own sign-in page.
func (m mall) tries(ctx context.Context) error {
	today := append(m.attempts("tokyo-relay", 40, time.Now()), m.attempts("somalia", 40, time.Now())...)
	body, err := json.Marshal(today)
	if err != nil {
		return err
	}
	d := doors{m.centreURL, m.folder.state.ShopKey}
	if err := d.call(ctx, http.MethodPost, "/v1/events", "application/cloudevents-batch+json", body, nil); err != nil {
		return err
	}
	for _, name := range []string{m.who, demoshop.Hanako, "yamamoto.k", "nobody@mail.example"} {
		p, err := m.visitor("list", "tokyo-relay").SignIn(ctx, name, "qwerty2016")
		if err != nil {
			return err
		}
		m.seen.Pages["tried "+name] = ofShop(p)
	}
	if err := sleep(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	now, err := m.truth()
	if err != nil {
		return err
	}
	m.seen.Quiet = len(now.Commands) - len(m.seen.Before.Commands)
	m.say.answer(text("違うパスワードだけでは、だれのアカウントも止まりません。", "Wrong passwords alone stop nobody's account."))
	return m.report(ctx)
}

// enter signs in with the right password from a place.
func (m mall) enter(place string) func(context.Context) error {
	return func(ctx context.Context) error {
		if m.seen.Acted.IsZero() {
			m.seen.Acted = time.Now()
		}
		p, err := m.visitor("mall "+place, place).SignIn(ctx, m.who, m.password())
		if err != nil {
			return err
		}
		m.seen.Pages["from "+place] = ofShop(p)
		switch {
		case p.In():
			m.say.answer(text("入れました。一度のサインインだけでは、だれも締め出しません。", "Let in: one sign-in alone locks nobody out."))
		case p.Leads != "":
			m.say.answer(text("もうひとつの確認を求められ、入れません。", "Asked for one more proof, and not in."))
		default:
			m.say.answer(text("入れませんでした。", "Not let in."))
		}
		return m.report(ctx)
	}
}

func (m mall) contained(ctx context.Context) error {
	in, now, err := m.contain(ctx, m.who, "")
	m.seen.Contained, m.seen.Opens, m.seen.Done = now, in.WaitUntil, invalidAt(now, m.who)
	return err
}

func (m mall) again(ctx context.Context) error {
	for name, place := range map[string]string{"intruder again": "somalia", "old password": demoshop.HomePC} {
		p, err := m.visitor("again "+place, place).SignIn(ctx, m.who, m.password())
		if err != nil {
			return err
		}
		m.seen.Pages[name] = ofShop(p)
	}
	return m.report(ctx)
}

func (m mall) early(ctx context.Context) error { return m.wayBack(ctx, m.who, "way back early") }

func (m mall) wait(ctx context.Context) error { return m.waitOver(ctx, m.who) }

func (m mall) reset(ctx context.Context) error {
	return m.setAnew(ctx, m.who, m.password(), mallPassword)
}

func (m mall) centre(ctx context.Context) error {
	v := m.visitor("taro back", demoshop.HomePC)
	p, err := v.SignIn(ctx, m.who, mallPassword)
	if err != nil {
		return err
	}
	m.seen.Pages["signed in anew"] = ofShop(p)
	relay, _ := demoshop.PlaceByKey("tokyo-relay")
	return m.look(ctx, v, m.who, relay.IP)
}

func (m mall) thief() *demoshop.Visitor { return m.visitor("mall thief", "other-home") }

func (m mall) back(ctx context.Context) error {
	p, err := m.thief().SignIn(ctx, m.who, mallPassword)
	if err != nil {
		return err
	}
	m.seen.Pages["back"] = ofShop(p)
	if p.In() {
		m.say.answer(text("入れました。国内の家庭の回線で、新しいパスワードも合っています。", "Let in: a home in Japan, and the new password is right."))
	}
	return m.report(ctx)
}

func (m mall) spend(ctx context.Context) error {
	p, err := m.thief().SpendPoints(ctx, spent)
	if err != nil {
		return err
	}
	m.seen.Pages["spent"] = ofShop(p)
	return m.report(ctx)
}

func (m mall) caught(ctx context.Context) error {
	all, err := m.doors.incidents(ctx, m.who)
	if err != nil || len(all) == 0 {
		return errors.Join(err, errors.New("taro has no incident"))
	}
	first := all[len(all)-1].ID
	in, now, err := m.contain(ctx, m.who, first)
	if err != nil {
		return err
	}
	m.seen.Second, m.seen.SecondOpens, m.seen.SecondDone = now, in.WaitUntil, invalidAt(now, m.who)
	p, err := m.thief().SpendPoints(ctx, spent)
	if err != nil {
		return err
	}
	m.seen.Pages["spent again"] = ofShop(p)
	m.say.shorten(text("二度目なので、待ち時間は倍です（デモのため短く、"+inWords(2*m.opt.Wait).JA+"。実際は10時間）。", "The second time the wait is doubled ("+inWords(2*m.opt.Wait).EN+" in this demo; really 10 hours)."))
	return m.report(ctx)
}

// restore gives the points back at the console, as an agent would.
func (m mall) restore(ctx context.Context) error {
	in, err := m.newest(ctx, m.who)
	if err != nil {
		return err
	}
	now, err := m.truth()
	if err != nil {
		return err
	}
	again := len(commands(&now, m.who)["points.restore"]) > 0 // a crash came right after it
	if err := m.givePointsBack(ctx, in.ID, again); err != nil {
		return err
	}
	err = m.await(ctx, 15*time.Second, "the points are back", func() (bool, error) {
		now, err := m.truth()
		return len(commands(&now, m.who)["points.restore"]) > 0 && m.mailed(m.who, "ポイント", in.OpenedAt), err
	})
	if err == nil {
		m.say.answer(text("ポイントは全部戻りました。太郎さんにもメールで知らせました。", "All points are back, and Taro was told by mail."))
	}
	return err
}
