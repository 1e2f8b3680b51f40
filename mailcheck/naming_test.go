package mailcheck

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// chat are texts in which people and companies name a brand without speaking
// for it. {b} is the brand; lists in braces are filled at random.
var chat = []string{
	"{hi}、{b}で買った{g}がやっと届いたよ。{feel}。",
	"{b}のセールって今週だっけ？{g}が安くなってたら教えて。",
	"お疲れさまです。備品の{g}ですが、{b}で{y}円でした。領収書は経費精算の箱に入れておきます。",
	"昨日{b}から荷物が届いたんだけど、注文した覚えがない。{n}さん宛てかな？",
	"{b}のアカウントって、家族で共有できるんだっけ？前に{n}さんが詳しかったと思うんだけど。",
	"{n}様\n\nお世話になっております。先日の打ち合わせで話題になった{b}の事例ですが、資料を添付いたします。ご確認ください。\n\n株式会社あおぞら企画　{n}",
	"{b}のパスワードを忘れたので、再設定した。{feel}。",
	"{b}をかたるメールがまた来た。「アカウントを停止しました」って書いてあったけど、{b}は使ってないから偽物だよね？",
	"【社内連絡】最近、{b}を名乗る不審なメールが届いています。「24時間以内に確認」などと急がせ、リンクを押させるものです。開かずに情報システム部へ転送してください。",
	"ニュースレター 第{i}号\n\n今週の話題：{b}が{d}から送料を見直すと発表しました。{g}など小さな荷物が対象です。編集部では引き続き取材します。\n\n配信停止は本誌のページから。",
	"{hi}。母の誕生日に{b}のギフト券を贈ろうと思うんだけど、いくらがいいかな。{y}円くらい？",
	"{b}の株価が上がったらしい。{feel}。",
	"アンケートにご協力ください\n\n回答者の中から抽選で{i}名様に{b}ギフト券500円分をさしあげます。回答は3分で終わります。\n\n市民生活研究会",
	"レシピメモ：{g}は{b}で買うと{y}円。スーパーより安い。{feel}。",
	"{n}さん、{b}のポイントが{y}ポイント貯まってた。今度の旅行で使おう。",
	"質問です。{b}で注文した{g}が、発送済みのまま{i}日たっても届きません。こういうときは{b}に電話すればよいでしょうか。",
	"当店は{b}にも出店しております。店頭と価格が異なる場合がございますので、あらかじめご了承ください。\n\nあおぞら書店",
	"{b}の配達の人、いつも親切だよね。{feel}。",
	"議事録（{d}）\n1. {b}との契約更新について、{n}が条件を確認する。\n2. {g}の在庫は{i}個。\n3. 次回は来週火曜。",
	"Re: 週末の件\n\n{b}で見た{g}、注文しておいたよ。土曜の午前に届くって。\n\n> 何か持っていくものある？",
	"ブログを更新しました「{b}の{g}を半年使ってみた」。良い点と悪い点を正直に書いています。広告ではありません。",
	"{b}で働いている{n}さんから聞いた話だけど、配送センターの見学ができるらしいよ。{feel}。",
	"お支払いは、銀行振込、代金引換、{b}の決済サービスをお選びいただけます。\n\nこのたびはあおぞら書店でのご注文、ありがとうございました。発送は{d}の予定です。\n注文番号 A-{i}{i}\n",
	"{b}に不正ログインされたかも…パスワード変えたけど、カード会社にも電話したほうがいいと思う？第三者に使われたらいやだし。",
	"相談です。{b}から「お支払い方法に問題があります」というメールが来たのですが、本物ですか。リンクは押していません。",
	"旅のしおり\n\n{d} 10:00 東京駅集合。切符は{b}で取りました。{n}さんの分は当日渡します。",
	"{b}の返品、{i}日以内なら無料だって。{g}のサイズが合わなかったから送り返す。",
	"おすすめ商品のご案内：{g}（{b}限定色も取り扱い中）。{y}円（税込）。あおぞら雑貨店のメールマガジンです。",
	"{hi}、{b}のアプリが更新されて使いにくくなった。{feel}。前のほうがよかったよね。",
	"研究会のお知らせ。テーマは「{b}の物流と地域経済」。講師は{n}先生。{d}、大学会館にて。参加無料、申し込みは事務局まで。",
	"I bought the {g} on {b} last week and it arrived today. Works fine.",
	"Hi {n}, did you see that {b} changed its return policy? I read about it in the paper.",
	"Minutes {d}: the {b} contract is up for renewal; {n} will ask for an offer.",
	"There is a phishing wave in the name of {b} again. Our team got {i} of them this week. Do not click, just report.",
	"The patch fixes a crash when the {b} importer reads an empty order list. Tested with {i} files.",
}

func namingTexts(count int) (texts, bodies []string) {
	r := rand.New(rand.NewPCG(3, 5))
	names := []string{"Amazon", "アマゾン", "楽天", "楽天市場", "三井住友カード", "JCB", "イオンカード", "えきねっと", "メルカリ", "ヨドバシ", "ヤマト運輸", "Apple", "PayPal", "DHL", "UPS", "Netflix", "三菱UFJ銀行", "みどり商店", "Google", "Microsoft", "Costco"}
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for i := range count {
		t := chat[i%len(chat)]
		b := names[r.IntN(len(names))]
		texts = append(texts, strings.NewReplacer("{b}", b, "{g}", goods[r.IntN(len(goods))], "{n}", pick("山田", "佐藤", "鈴木", "高橋", "田中"), "{y}", fmt.Sprintf("%d,%03d", 1+r.IntN(9), r.IntN(1000)),
			"{d}", fmt.Sprintf("%d月%d日", 1+r.IntN(12), 1+r.IntN(28)), "{i}", fmt.Sprint(2+r.IntN(28)), "{hi}", pick("ねえねえ", "こんにちは", "久しぶり", "そういえば"),
			"{feel}", pick("助かった", "ちょっと驚いた", "思ったより良かった", "どう思う？", "まあまあかな")).Replace(t))
		bodies = append(bodies, b)
	}
	return texts, bodies
}

// TestNamingIsNoClaim: of 2,000 texts that merely name a brand, at most two may
// be called fakes; as text, and as mails from people and small firms with the
// brand in the subject.
func TestNamingIsNoClaim(t *testing.T) {
	c := shipped(t)
	texts, named := namingTexts(2000)
	fakes, mails := 0, 0
	for i, text := range texts {
		r, err := c.CheckText(t.Context(), text, true)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Unconfirmed {
			fakes++
			t.Logf("text: %s: %s\n%s", r.Verdict, show(r), text)
		}
		subject := []string{named[i] + "の件", "Re: " + named[i] + "で買ったもの", named[i] + "のこと", "質問", "About " + named[i]}[i%5]
		m := readMail(t, "Received: from mx.friend.example by mx.customer.example; Mon, 2 Nov 2026 10:00:00 +0900\r\nFrom: =?utf-8?q?=E5=B1=B1=E7=94=B0?= <yamada@friend.example>\r\nTo: hanako@customer.example\r\nSubject: "+subject+
			"\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		if r := c.Check(t.Context(), m); r.Verdict != Unconfirmed {
			mails++
			t.Logf("mail: %s: %s: %s\n%s", r.Verdict, subject, show(r), text)
		}
	}
	t.Logf("of %d that merely name a brand: %d fakes as text, %d as mail", len(texts), fakes, mails)
	if fakes > 2 || mails > 2 {
		t.Errorf("%d texts and %d mails that merely name a brand are called fakes, want at most 2 each", fakes, mails)
	}
}
