package mailcheck

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// voice says whether text speaks as the brand it names at a mention, and by
// which words: "Amazonをご利用いただき", "your PayPal account", "© JCB". A text
// that only tells of the brand ("Amazonで買った本が届いた") does not.
func voice(text string, m mention) string {
	before := text[floor(text, max(0, m.at-60)):m.at]
	after := text[m.end:ceil(text, min(len(text), m.end+110))]
	near := after[:ceil(after, min(len(after), 40))]
	// A quotation mark that opens just before a name closes just after it.
	near, after = strings.TrimLeft(near, "」』】]\" "), strings.TrimLeft(after, "」』】]\" ")
	for _, w := range speakAfter {
		if strings.HasPrefix(after, w) {
			return w
		}
	}
	for _, w := range speakNear {
		if strings.Contains(near, w) {
			return w
		}
	}
	if has(before, yours...) != "" {
		if w := has(near, things...); w != "" {
			return w
		}
	}
	if has(after, "ありがとうござ", "御礼申し", "感謝申し") != "" && has(after, "ご利用", "ご愛", "お買い", "ご購入", "ご登録") != "" {
		return "ありがとうございます"
	}
	return signOff(text, m)
}

// speakAfter are words by which a brand speaks of itself, right after the name.
var speakAfter = []string{
	"お客様", "お客さま", "会員様", "会員さま", "ユーザー様", "ユーザ様", "カード会員", "カスタマー", "サポートセンター", "サポートチーム", "サービスチーム",
	"アカウントチーム", "セキュリティ", "チーム", "事務局", "からのお知らせ", "からの重要", "からの緊急", "からのご案内", "からのご連絡", "からの大切", "よりお知らせ", "より重要", "よりご案内",
	"のまたのご利用", "をご愛顧", "でのご注文の確認", "アカウント認証", "ご利用確認", "アカウントの",
	"customer", "support", "team", "security", "account", "service", "member", "rewards", "billing", "help center", "inc.", "gmbh", "international",
	"-kundenservice", "-team", "kundenservice", "-guthaben", "-konto", "-gutschein", "klantenservice", "-account", "suporte", "atendimento",
}

// speakNear stand a few characters after it.
var speakNear = []string{
	"をご利用いただ", "をご利用頂", "をご利用のお客", "をご利用中", "ご利用いただき", "ご利用頂き", "ご利用ありがとう", "をご愛顧", "をお届けの", "カスタマーサービス",
	"カスタマーサポート", "カスタマーセンター", "にご登録の", "にご登録いただ", "の利用制限", "アカウントを停止", "アカウントを一時", "アカウントを利用制限", "会員資格",
	"rights reserved", "co.,ltd", "co., ltd", "inc. or its", "株式会社",
}

// yours and things together say whose: "お客様のAmazonアカウント".
var (
	yours = []string{"お客様の", "お客さまの", "あなたの", "ご利用の", "貴方の", "会員様の", "your ", "dein ", "deine ", "ihr ", "ihre ", "ihrem ", "ihres ", "uw ", "je ", "jouw ", "sua ", "seu ", "tu ", "su ", "votre ", "il tuo "}
	// The first are Japanese, then English, German, Dutch, Portuguese and Spanish, French.
	things = []string{"アカウント", "カード", "口座", "ご注文", "会員", "id", "サービス", "ポイント",
		"account", "order", "package", "parcel", "subscription", "membership", "storage", "wallet", "delivery", "invoice", "payment", "purchase", "reward", "plan", "password",
		"konto", "paket", "bestellung", "abo", "guthaben", "sendung", "pakket", "zending", "abonnement", "opslag",
		"conta", "acesso", "cuenta", "compra", "pedido", "entrega", "cart", "senha", "suscrip", "compte", "colis", "commande"}
)

// signOff says whether a mention is the signature of a mail: a short line of
// its own in the last part, or a copyright line.
func signOff(text string, m mention) string {
	from := strings.LastIndexByte(text[:m.at], '\n') + 1
	to := len(text)
	if i := strings.IndexByte(text[m.end:], '\n'); i >= 0 {
		to = m.end + i
	}
	line := strings.TrimSpace(text[from:to])
	if utf8.RuneCountInString(line) > 70 {
		return ""
	}
	if w := has(line, "©", "copyright", "(c)", "株式会社", "発行者", "配信元", "発行元", "差出人"); w != "" {
		return line
	}
	if has(line, "inc.", "co.,", "ltd", "gmbh", "チーム", " team", "センター", "サービス") != "" && utf8.RuneCountInString(line) <= 40 && from > len(text)/3 {
		return line
	}
	if from > len(text)/2 && utf8.RuneCountInString(line) <= utf8.RuneCountInString(text[m.at:m.end])+4 && !strings.HasPrefix(line, "・") && !strings.HasPrefix(line, "-") {
		return line
	}
	return ""
}

// talk are words of people who tell one another of a brand, or of a mail in
// its name; a notice has none of them.
var talk = []string{
	"だよ", "だね", "だけど", "ですけど", "かな？", "かな?", "よね", "じゃん", "らしいよ", "と思う", "と思い", "買ったよ", "届いたよ", "ってさ", "って何", "って本物", "というメール", "ってメール", "というsms",
	"をかたる", "を騙る", "を名乗る", "なりすまし", "偽メール", "偽のメール", "詐欺メール", "フィッシングメール", "怪しいメール", "不審なメールが", "迷惑メール", "ですかね", "お疲れ", "お世話になって", "元気", "wrote:", "ね。",
}

// has gives the first of the words that stands in the text; empty for none.
func has(text string, words ...string) string {
	if i := slices.IndexFunc(words, func(w string) bool { return strings.Contains(text, w) }); i >= 0 {
		return words[i]
	}
	return ""
}

// count says how many of the words stand in the text.
func count(text string, words []string) (n int) {
	for _, w := range words {
		if strings.Contains(text, w) {
			n++
		}
	}
	return n
}

// floor and ceil move a cut to where a character begins.
func floor(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

func ceil(s string, i int) int {
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return i
}
