package notice

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mimamori"
)

// tale are the facts of the night story.
func tale() Facts {
	at := time.Date(2026, 11, 21, 16, 10, 0, 0, time.UTC)
	return Facts{
		Shop: mimamori.Text{JA: "ひかり商店", EN: "Hikari Store"}, NoticeDomain: "notice.hikari.example", CentreDomain: "security.hikari.example",
		Contacts: []Contact{
			{From: mimamori.Text{JA: "日本国内から", EN: "from Japan"}, Number: "0120-000-111", Hours: mimamori.Text{JA: "24時間", EN: "day and night"}, Free: true},
			{From: mimamori.Text{JA: "海外から", EN: "from abroad"}, Number: "+81-50-0000-1111", Hours: mimamori.Text{JA: "24時間", EN: "day and night"}},
		},
		Customer: "山田 花子", At: at,
		Place:  mimamori.Text{JA: "ナイジェリア・ホスティング回線", EN: "Nigeria, hosting network"},
		Device: mimamori.Text{JA: "Windows の Chrome", EN: "Chrome on Windows"},
		Reason: mimamori.Text{
			JA: "はじめての国と端末から正しいパスワードでサインインがあり、すぐに登録内容が変えられたためです。",
			EN: "The right password came from a country and a device never used before, and details were changed at once.",
		},
		Acts: []Act{{Kind: ActAddress, Outcome: Reverted}, {Kind: ActPayment, Outcome: Reverted}, {Kind: ActSubscription, Outcome: Reverted},
			{Kind: ActOrder, Outcome: Cancelled, Count: 3}, {Kind: ActPoints, Outcome: Frozen}},
		OrdinaryMails: []mimamori.Text{{JA: "ご注文の確認", EN: "Your order"}, {JA: "プレミアム会員へようこそ", EN: "Welcome to Premium"}},
		WaitUntil:     at.Add(5*time.Hour + 90*time.Second), Wait: 5 * time.Hour, StrongSkip: true,
		Step:   mimamori.Text{JA: "登録済みのパスキーで、ご本人であることを確認しました。", EN: "We checked that it is you by the passkey you had registered."},
		Points: 12400, Balance: 15120, Reference: "7K2QM9XWTA4", WrittenAt: at.Add(80 * time.Second),
	}
}

// TestPreview writes all notices to the folder in NOTICE_PREVIEW, for the eye.
func TestPreview(t *testing.T) {
	dir := os.Getenv("NOTICE_PREVIEW")
	if dir == "" {
		t.Skip("NOTICE_PREVIEW is not set")
	}
	for _, k := range Kinds {
		for _, l := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
			r, err := Render(k, l, tale())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, string(l)+"-"+string(k)+".txt"), []byte(r.Subject+"\n\n"+r.Body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
