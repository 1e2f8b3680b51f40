package mailcheck

import "strings"

// lure is a group of phrases by which forged mails press people. Genuine
// notices use some of them too: a group only adds weight, and only a sum of
// several, on a mail that speaks as a brand, counts as forged.
type lure struct {
	id     string
	weight float64 // for the first phrase found
	more   float64 // for each further one, at most two
	words  []string
}

// lures of Japanese text, folded and with line ends taken out.
var lures = []lure{
	{"text.suspended", 2.5, 0.5, []string{
		"アカウントを停止", "アカウントは停止", "アカウントが停止", "アカウントを一時", "アカウントがロック", "アカウントをロック", "アカウントは制限", "アカウントが制限", "アカウントの利用制限", "利用制限をさせ", "利用制限を行",
		"利用制限しています", "利用を一部制限", "利用制限を", "利用を制限", "ご利用を一時", "取引を一時", "お取引を保留", "取引を規制", "お取引を規制", "口座を凍結", "凍結され", "凍結いたし", "凍結する", "使用不可", "自動退会", "自動的に退会", "退会処理", "退会手続",
		"自動的に削除", "強制解約", "解約させ", "永久に", "永久ロック", "利用できなくなり", "利用できない状", "利用停止", "停止させていただ", "一時停止", "一時的に停止", "ロックされて", "一時性をロック", "制限が継続", "制限がかか", "失効し", "無効になり", "取引制限", "出荷できません", "使用を制限", "制限措置", "トランザクション保留", "お取り引きを保留", "一時保留", "配達できない", "返送され"}},
	{"text.alarm", 1.5, 0.5, []string{
		"不正利用", "不正使用", "不正アクセス", "不正ログイン", "不正な取引", "第三者", "第3者", "異常な", "異常は", "異常が", "アカウント異常", "安全異常", "不審な", "不法", "悪意", "想定外の", "盗難", "盗まれ", "誰かが", "別のデバイス", "他のデバイス", "新しいデバイスから", "リスクレベル", "異郷登録", "情報が正しくない", "情報は正確", "一致していません", "間違っています", "問題が検出", "問題が発生"}},
	{"text.deadline", 1.5, 0.5, []string{
		"24時間以内", "48時間以内", "72時間以内", "12時間以内", "時間以内", "日以内", "時間前に", "営業日以内に", "お早めに", "早めに", "至急", "早急", "今すぐ", "直ちに", "ただちに", "有効時間", "確認期限", "期限までに", "期限を過ぎ", "できるだけ早く", "までに確認", "までにご確認", "までにご回答", "までにご記入", "よりも前に", "有効期間は", "時闇以内"}},
	{"text.otherwise", 1, 0.5, []string{
		"ない場合", "なければ", "ない限り", "しないと", "されない場合", "できない場合は"}},
	{"text.identity", 2, 0.5, []string{
		"本人確認", "ご本人様のご利用かどうか", "ご本人さま確認", "身元を確認", "情報を更新", "情報の更新", "情報をご更新", "情報を再登録", "情報の再登録", "再登録して", "再認証", "再 認 証", "所有権の証明", "所有権をご証明", "情報を入力", "情報を再度入力", "情報をご記入", "正しい情報", "認証手続", "追加認証", "認証を完了", "検証する", "検証情報", "利用確認のお願い", "ご利用確認", "定期確認", "情報の確認", "個人情報を更新", "個人情報の確認", "配送情報をご補充", "情報を修正", "修正情報", "誤りを訂正", "口座番号", "返金表", "利用状況をご確認", "取引目的"}},
	{"text.payment", 1.5, 0.5, []string{
		"支払い方法の情報を更新", "支払方法を更新", "支払い方法を更新", "お支払い方法にアクセス", "支払方法を変更", "クレジットカード情報の更新", "新しいクレジットカード", "カード情報を更新", "カード情報の確認", "支払い方法に問題", "支払い情報を更新", "請求先住所", "請求先情報", "支払い方法について", "資金の受領", "信用カード", "再配送料", "1円を差し引"}},
	{"text.press", 1.5, 0.5, []string{
		"クリックして", "をクリック", "以下へアクセス", "下記へアクセス", "下記ヘアクセス", "以下ヘアクセス", "以下にアクセス", "ログインはこちら", "確認はこちら", "ご変更はこちら", "手続きはこちら", "お手続きはこちら", "解除はこちら", "更新はこちら", "ここからログイン", "にログインして画面の指示", "画面の指示に従", "下記urlより", "下記url", "以下のurl", "次のurl", "リンクをクリック", "リンクより", "以下のリンク", "下記のリンク", "下のリンク", "確認専用ページ", "ログイン操作をお願い", "サインインして画面", "アカウントにログインして", "ボタンをクリック", "今アカウントを確認", "ログインして確認", "一度ログイン", "確認用アカウント", "続けるにはこちら", "タブをクリック"}},
	{"text.bait", 1.5, 0.5, []string{
		"ポイント必ず", "ポイントを受け取", "当選", "必ずもらえる", "すぐに受け取", "ポイントの有効期限が本日", "ポイント還元を受け取", "入金がございました", "資金が返還", "キャッシュバックを受け取", "特典を受け取", "プレゼントを受け取"}},
	{"text.odd", 2.5, 1, []string{
		"あなたのアカウント", "あなたの口座", "あなたの安全", "あなたのカード", "あなたの個人", "あなたの検証", "あなたの", "私たちは", "私たちの", "何をするす", "すべきですか", "以下を操作", "操作は必要", "不法悪意", "信用カード", "ロ座", "ロゲイン", "異郷", "この埸合", "埸合", "下記ヘ", "以下ヘ", "こログイン", "よリ", "いただけない埸", "更新してくださ。", "お楽天", "ご重要な", "変更をご", "をご変更", "お願い、申し", "お願、申し", "お原い", "お願いたします", "ネッ店舗", "更新待ち", "認証なお知らせ", "おメール", "購入しょう", "前に情報を更新することをお勧め", "すぐに確認いただけない", "注意してください\n", "ア力ウント", "カ一ド", "アカウン卜", "利用いただき、ありがとうございます,", "警告いたします", "誤りを訂正すること", "最後の事務", "許可したこと", "一時性", "永久にロック", "使用を停止して、回復", "の検出を経て", "口座が資金", "しなければなりません", "残念ながら、あなた", "のですが、すぐに"}},
}

// westernLures are those of English, German, Dutch, Portuguese, Spanish and
// French, for mails whose sender is no brand they speak for.
var westernLures = []string{
	"verify", "confirm your", "confirm now", "update your", "suspend", "locked", "limited", "expire", "unusual", "unauthorized", "suspicious", "sign-in attempt", "action required", "click here", "click below", "final notice", "final chance", "last chance", "claim", "winner", "you have won", "you've won", "win a", "reward", "gift card", "free", "giveaway", "survey", "congratulations", "undelivered", "could not be delivered", "pending", "shipping fee", "invoice", "order confirmation", "renew", "cashback", "staking", "airdrop", "seed phrase", "recovery phrase", "storage", "deleted", "restore", "special offer", "chance to",
	"gewinn", "gutschein", "gratis", "kostenlos", "bestätigen", "gesperrt", "paket wartet", "abgeholt", "zustell", "glückwunsch", "gluckwunsch", "auszahlung", "chance auf", "uberraschung", "teilnehmen", "prasentiert", "angebot", "testen", "belohnung",
	"bevestig", "geblokkeerd", "verlopen", "opslag", "bezorging", "wacht op", "win ", "gefeliciteerd", "verwijderd",
	"confirme", "confirmar", "bloque", "suspeito", "atualiz", "expirado", "clique", "acesse", "novo acesso", "protocolo", "transferencia", "mensagem", "verifique", "cobranca", "fatura", "almacenamiento", "lleno", "limite", "suscrib", "descuento", "ganar", "cuenta", "actua ahora",
	"felicitations", "gagn", "cadeau", "votre colis", "confirmez",
}

// pressing are those of them that press or lure even in a subject that only
// names a brand: "1.000€ PayPal Guthabenkarte gewinnen".
var pressing = []string{
	"verify", "confirm your", "suspend", "locked", "expire", "unusual", "unauthorized", "declined", "final notice", "final chance", "last chance", "claim", "winner", "you have won", "you've won", "chance to win", "reward", "survey", "restore", "cashback", "storage is full", "gift card", "on hold", "action required",
	"gewinn", "gutschein", "gratis", "guthabenkarte", "belohnung", "gesperrt", "abgeholt", "gefeliciteerd", "geblokkeerd", "verlopen",
	"expirado", "bloque", "suspeito", "protocolo", "cadeau", "gagn",
}

// hit is a phrase found.
type hit struct {
	id     string
	phrase string
	weight float64
}

// pull finds the lures in Japanese text.
func pull(flat string) (hits []hit, sum float64) {
	for _, l := range lures {
		n := 0
		for _, w := range l.words {
			if !strings.Contains(flat, w) {
				continue
			}
			if n++; n == 1 {
				hits = append(hits, hit{l.id, w, l.weight})
				sum += l.weight
			} else if n <= 3 {
				hits[len(hits)-1].weight += l.more
				sum += l.more
			} else {
				break
			}
		}
	}
	return hits, sum
}
