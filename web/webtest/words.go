package webtest

import (
	"strings"

	"mimamori"
)

// jargon are words that no customer should have to read, and tones that no
// page should take.
var jargon = map[mimamori.Lang][]string{
	mimamori.Japanese: {"セッション", "クレデンシャル", "乗っ取り", "トークン", "インシデント", "ハッシュ", "アラート", "リスク", "フィッシング", "認証情報", "ワンタイム", "TOTP", "OTP", "二要素", "多要素", "2段階認証",
		"デバイス", "ログアウト", "ハッカー", "攻撃", "不正", "スコア", "フラグ", "ブロック", "！", "!", "至急", "可能性がございましたため", "させていただ", "いたしかね"},
	mimamori.English: {"session", "credential", "token", "incident", "hash", "alert", "risk", "phishing", "hacked", "hacker", "attack", "compromis", "breach", "authenticat", "one-time", "TOTP", "OTP", "factor",
		"fraud", "takeover", "score", "!", "immediately", "urgent"},
}

// everyday are phrases in which such a word is an everyday one.
var everyday = []string{"authenticator app", "IPアドレス"}

// Jargon lists what a customer's page says that it should not.
func Jargon(lang mimamori.Lang, said string) []string {
	for _, phrase := range everyday {
		said = strings.ReplaceAll(said, phrase, "")
	}
	said = strings.ToLower(said)
	var out []string
	for _, word := range jargon[lang] {
		if strings.Contains(said, strings.ToLower(word)) {
			out = append(out, word)
		}
	}
	return out
}
