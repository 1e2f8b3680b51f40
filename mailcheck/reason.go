package mailcheck

import (
	"regexp"
	"strings"

	"mimamori"
	"mimamori/brands"
)

// reason makes a reason from the catalogue. In its sentences {brand} stands for
// the brand's first name, {domain} for what is passed, or for the evidence
// where nothing is.
func reason(id string, s Severity, shown string, k *known, domain string) Reason {
	e := evidence(shown)
	name := mimamori.Text{JA: "この会社", EN: "the company"}
	if k != nil {
		name = mimamori.Text{JA: k.brand.Names[0], EN: k.brand.Names[0]}
		for _, n := range k.brand.Names {
			if isPlain(n) {
				name.EN = n
				break
			}
		}
	}
	if domain = evidence(domain); domain == "" {
		domain = e
	}
	t := said[id]
	return Reason{ID: id, Severity: s, Evidence: e, Text: mimamori.Text{
		JA: strings.NewReplacer("{brand}", name.JA, "{domain}", domain, "{evidence}", e).Replace(t.JA),
		EN: strings.NewReplacer("{brand}", name.EN, "{domain}", domain, "{evidence}", e).Replace(t.EN),
	}}
}

// said is what each reason says.
var said = map[string]mimamori.Text{
	"auth.signed":            {JA: "{brand}の通知用ドメイン {domain} の電子署名が正しく、差出人・件名・本文のすべてにかかっています。", EN: "The signature of {domain}, from which {brand} sends notices, holds and covers sender, subject and text."},
	"auth.receiver":          {JA: "信頼できる受信サーバー {evidence} が、{domain} からのメールだと確かめています。", EN: "A mail server that is trusted here confirmed that this came from {domain}."},
	"auth.unsigned-always":   {JA: "{brand}は必ず電子署名を付けて送りますが、このメールには {domain} の署名がありません。差出人は書き換えられます。", EN: "{brand} signs every mail, and this one carries no signature of {domain}. Anybody can write that sender."},
	"auth.unsigned":          {JA: "差出人は {domain} ですが、それを裏づける電子署名がありません。差出人は書き換えられます。", EN: "The sender says {domain}, but no signature backs it. Anybody can write that sender."},
	"auth.refused":           {JA: "{domain} は、自分の署名などがないメールを受け取らないよう求めています。このメールにはそれがありません。", EN: "{domain} asks receivers to refuse mail that it does not answer for, and nothing shows that it answers for this one."},
	"auth.broken":            {JA: "{domain} の電子署名がありますが、内容と合いません。途中で書き換えられたか、偽物です。", EN: "There is a signature of {domain}, but it does not fit this mail: it was changed on the way, or the signature is forged."},
	"auth.unknown":           {JA: "{domain} の電子署名を確かめるための情報が手に入らず、確認できませんでした。", EN: "What is needed to verify the signature of {domain} could not be had."},
	"auth.spf":               {JA: "{domain} が認めていないサーバーから送られています。", EN: "It was sent from a server that {domain} does not allow."},
	"auth.two-senders":       {JA: "差出人や件名が二重に書かれています。見るソフトによって違うメールに見せるための細工です。", EN: "Sender or subject stands there twice, so that two programs show two different mails."},
	"outbox.found":           {JA: "送信記録に、同じ内容のお知らせがあります。{brand}がお送りしたものです。", EN: "The same notice stands in our record of sent mail. {brand} sent it."},
	"outbox.altered":         {JA: "番号は実在するお知らせのものですが、内容が送ったものと違います。", EN: "The number is that of a real notice, but the text is not the one that was sent."},
	"outbox.added":           {JA: "実際にお送りしたお知らせに、文章やリンクが付け加えられています。", EN: "Text or links were added to a notice that we did send."},
	"outbox.other-recipient": {JA: "実際にお送りしたお知らせですが、あなた宛てに送ったものではありません。", EN: "We did send this notice, but to another address."},
	"claim.sender":           {JA: "{brand}からのように見せていますが、{brand}のものではない {domain} から送られています。", EN: "It passes for a mail of {brand}, but it was sent from {domain}, which is not theirs."},
	"claim.poses":            {JA: "差出人の名前に別のアドレスを書いていますが、実際にはだれでも作れる {domain} から送られています。", EN: "The sender's name shows another address, but the mail came from {domain}, where anybody can have one."},
	"claim.masked":           {JA: "{brand}の名前が、よく似た別の文字で書かれています。", EN: "The name of {brand} is written in signs that only look like it."},
	"claim.none":             {JA: "確認できる会社の名前を名乗っていません。本物かどうかは、このメールだけでは分かりません。", EN: "It speaks for no company that is known here. The mail alone does not tell whether it is honest."},
	"header.missing":         {JA: "配送の記録が残っていないため、差出人が本当に {domain} かどうか確かめられません。メール全体（ソース）をお送りください。", EN: "No record of its journey is left, so the sender {domain} cannot be confirmed. Give the whole mail with its source."},
	"header.none":            {JA: "本文だけでは、本物かどうか確かめられません。メール全体（ソース）があれば、差出人を確認できます。", EN: "Text alone cannot prove a mail genuine. With the whole mail (its source) the sender can be checked."},
	"header.zone":            {JA: "送信時刻が、日本ではなく中国などの時間帯（+0800）で書かれています。", EN: "Its time of sending is written in the time zone of China (+0800), not of Japan."},
	"header.program":         {JA: "企業の通知では使われない送信ソフトで作られています。", EN: "It was made with a mail program that companies do not send notices with."},
	"link.script":            {JA: "押すとプログラムが動くリンクがあります。", EN: "It has a link that runs a program when pressed."},
	"link.userinfo":          {JA: "本物のアドレスに見せかけた部分のあとに、本当の行き先 {domain} が隠されています。", EN: "The link begins like a real address, but it really leads to {domain}."},
	"link.mismatch":          {JA: "表示されているアドレスと、実際の行き先が違います（{domain}）。", EN: "The address that is shown is not where the link leads ({domain})."},
	"link.lookalike":         {JA: "リンク先 {domain} は、{brand}のサイトに似せた別のサイトです。", EN: "The link leads to {domain}, which is made to look like a site of {brand}."},
	"link.disguised":         {JA: "リンク先が、読みにくい書き方で隠されています（{domain}）。", EN: "Where the link leads is disguised ({domain})."},
	"link.number":            {JA: "リンク先が、名前ではなく数字のアドレスです（{domain}）。", EN: "The link leads to a bare number, not to a name ({domain})."},
	"link.foreign":           {JA: "リンク先 {domain} は、{brand}のサイトではありません。", EN: "The link leads to {domain}, which is no site of {brand}."},
	"link.own":               {JA: "{domain} は{brand}のサイトです。ただし、アドレスだけではメールが本物かどうかは分かりません。", EN: "{domain} is a site of {brand}. An address alone does not make a mail genuine."},
	"link.unknown":           {JA: "{domain} は、確認できる会社のサイトではありません。", EN: "{domain} is no site of a company that is known here."},
	"link.unreadable":        {JA: "アドレスとして読み取れません。", EN: "This cannot be read as an address."},
	"text.suspended":         {JA: "利用停止や制限をちらつかせています（「{domain}」）。", EN: "It threatens with suspension or limits (“{domain}”)."},
	"text.alarm":             {JA: "不正利用などを知らせて不安にさせています（「{domain}」）。", EN: "It alarms its reader with misuse or a fault (“{domain}”)."},
	"text.deadline":          {JA: "短い期限で急がせています（「{domain}」）。", EN: "It presses with a short deadline (“{domain}”)."},
	"text.otherwise":         {JA: "応じない場合の不利益を告げています（「{domain}」）。", EN: "It says what happens to those who do not comply (“{domain}”)."},
	"text.identity":          {JA: "本人確認や情報の入力・更新を求めています（「{domain}」）。", EN: "It asks to confirm or enter personal details (“{domain}”)."},
	"text.payment":           {JA: "支払い方法やカード情報の更新を求めています（「{domain}」）。", EN: "It asks to renew payment details (“{domain}”)."},
	"text.press":             {JA: "リンクを押してログインするよう求めています（「{domain}」）。", EN: "It asks to press a link and sign in (“{domain}”)."},
	"text.bait":              {JA: "ポイントや入金などの利益で誘っています（「{domain}」）。", EN: "It lures with points or money (“{domain}”)."},
	"text.odd":               {JA: "企業の通知としては不自然な日本語があります（「{domain}」）。", EN: "Its Japanese is not that of a company's notice (“{domain}”)."},
	"text.sorry":             {JA: "偽のお知らせによくある言い回しがあります（「{domain}」）。", EN: "It has turns of phrase that fakes copy from one another (“{domain}”)."},
	"text.lure":              {JA: "よくある誘い文句があります（「{domain}」）。", EN: "It has words by which fakes often press people (“{domain}”)."},
	"text.glyphs":            {JA: "日本語では使わない漢字があります（「{domain}」）。", EN: "It has characters that Japanese does not use (“{domain}”)."},
	"text.spaced":            {JA: "言葉の文字と文字のあいだに空白が入れられています（「{domain}」）。迷惑メールの検査をすり抜けるための細工です。", EN: "Words are pulled apart by spaces (“{domain}”), to slip through filters."},
	"text.hidden":            {JA: "言葉の中に、見えない文字が入れられています。迷惑メールの検査をすり抜けるための細工です。", EN: "Invisible characters stand inside its words, to slip through filters."},
	"text.lookalike":         {JA: "形の似た別の文字が使われています（「{domain}」）。", EN: "Characters are replaced by others of similar shape (“{domain}”)."},
	"text.marks":             {JA: "日本語の文章では使わない記号があります（「{domain}」）。", EN: "It has marks that Japanese writing does not use (“{domain}”)."},
	"text.template":          {JA: "大量送信用のひな形の記号が残っています（「{domain}」）。", EN: "Fields of a mass mailer's template were left in it (“{domain}”)."},
	"text.addressee":         {JA: "お名前ではなく、メールアドレスで呼びかけています（「{domain}」）。", EN: "It calls its reader by a mail address instead of a name (“{domain}”)."},
	"text.charset":           {JA: "中国語用の文字コード（{domain}）で書かれています。", EN: "It is written in a character set for Chinese ({domain})."},
	"text.font":              {JA: "中国語用の書体（{domain}）が指定されています。", EN: "It asks for a Chinese typeface ({domain})."},
	"mail.refused":           {JA: "大きすぎるか、込み入りすぎているため、調べませんでした（{evidence}）。", EN: "It is too large or too intricate to be looked at ({evidence})."},
	"mail.unreadable":        {JA: "メールとして読み取れません。", EN: "This cannot be read as a mail."},
	"forward.inside":         {JA: "転送されたメールの中身を調べました。転送の際に失われた情報は確認できません。", EN: "The forwarded mail inside was judged. What was lost in forwarding cannot be checked."},
}

// advice is what to do. Nothing of it needs a press on anything in the mail.
func advice(v Verdict, b brands.Brand) mimamori.Text {
	site := mimamori.Text{JA: "公式アプリか、いつも使っているブックマークからサイトを開いて", EN: "Open the official app, or the site from your own bookmark,"}
	if len(b.LinkDomains) > 0 {
		site = mimamori.Text{JA: "公式アプリを開くか、" + b.LinkDomains[0] + " と自分で入力してサイトを開いて", EN: "Open the official app, or type " + b.LinkDomains[0] + " yourself,"}
	}
	switch v {
	case Genuine:
		return mimamori.Text{
			JA: "本物のメールです。それでも、手続きは" + site.JA + "行うと安心です。",
			EN: "This mail is genuine. It is still safest to act on the site itself: " + lower(site.EN) + " and do it there.",
		}
	case Fake:
		return mimamori.Text{
			JA: "偽物です。リンクを押さず、返信もせずに削除してください。気になるときは、" + site.JA + "、同じお知らせがあるか確かめてください。もう何かを入力してしまったときは、すぐにパスワードを変え、カード会社に連絡してください。",
			EN: "This is a fake. Press nothing in it, do not answer it, delete it. To be sure: " + lower(site.EN) + " and look whether the same notice stands there. If you have entered anything already, change your password at once and call your card company.",
		}
	}
	return mimamori.Text{
		JA: "本物とも偽物とも言い切れません。メールの中のリンクは押さずに、" + site.JA + "、同じお知らせがあるか確かめてください。番号が書いてあるお知らせは、サイトでその番号を入力すると確かめられることがあります。",
		EN: "This can be called neither genuine nor fake. Press nothing in it. " + site.EN + " and look whether the same notice stands there. If it has a reference number, the site may tell you about that number.",
	}
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// code is a reference number as our notices print it: 7K2Q-M9XW-TA4.
var code = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{3}\b`)

// referenceCode finds what may be a reference number; the outbox knows whether
// it is one.
func referenceCode(text string) string {
	return strings.ReplaceAll(code.FindString(text), "-", "")
}
