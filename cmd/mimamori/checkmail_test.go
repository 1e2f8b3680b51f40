package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckMail runs the command as its contract has it: a line a file, in
// order, whatever the file is.
func TestCheckMail(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	dns := write("dns.json", `{"_dmarc.rakuten.co.jp": ["v=DMARC1; p=reject"]}`)
	fake := write("fake.eml", "Received: from x by y; Mon, 2 Nov 2026 10:00:00 +0900\r\nFrom: Amazon <x@evil.example>\r\nSubject: x\r\n\r\nhello\r\n")
	text := write("text.txt", "Amazonをご利用いただきありがとうございます。アカウントを停止しました。24時間以内に本人確認をお願いします。\n以下のリンクをクリックしてください。\n")
	bomb := write("bomb.eml", "From: a@b.example\r\n\r\n"+strings.Repeat("x", 11<<20))
	shop := write("shop.yaml", "id: shop\nnames: [Aozora]\nnotice_domains: [aozora.example]\nlink_domains: [aozora.example]\n")
	other := write("other.eml", "Received: from x by y; Mon, 2 Nov 2026 10:00:00 +0900\r\nFrom: Aozora <x@evil.example>\r\nSubject: x\r\n\r\nhello\r\n")
	code, out, stderr := do(t, "https://amazon.co.jp.evil.cn/\n", "check-mail", "--dns", dns, "--brands", shop, "--at", "2026-11-02T10:00:00+09:00", "--envelope-from", "x@evil.example", "--client-ip", "192.0.2.1", "--helo", "x",
		fake, text, bomb, other)
	if code != 0 {
		t.Fatalf("check-mail = %d: %s", code, stderr)
	}
	want := []struct{ file, verdict, brand, first string }{
		{fake, "fake", "amazon-co-jp", "claim.sender"}, {text, "fake", "amazon-co-jp", "text.suspended"}, {bomb, "unconfirmed", "", "mail.refused"}, {other, "fake", "shop", "claim.sender"},
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), out)
	}
	for i, w := range want {
		var got struct {
			File, Verdict, Brand string
			Reasons              []struct {
				ID, Severity, Evidence string
				Text                   struct{ JA, EN string }
			}
		}
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		if got.File != w.file || got.Verdict != w.verdict || got.Brand != w.brand || len(got.Reasons) == 0 || got.Reasons[0].ID != w.first || got.Reasons[0].Text.JA == "" || got.Reasons[0].Text.EN == "" {
			t.Errorf("line %d = %+v, want %+v", i+1, got, w)
		}
	}
	if _, out, _ := do(t, "https://amazon.co.jp.evil.cn/\n", "check-mail", "--text", "--dns", dns, "-"); !strings.Contains(out, `"verdict":"fake"`) {
		t.Errorf("a link on standard input: %s", out)
	}
	if code, _, stderr := do(t, "", "check-mail", filepath.Join(dir, "none.eml")); code != 1 || !strings.Contains(stderr, "hint:") {
		t.Errorf("a missing file = %d: %s", code, stderr)
	}
	if code, out, _ := do(t, "", "brands", "lint", shop); code != 1 || !strings.Contains(out, "shop: notice_domains: has no fact") {
		t.Errorf("brands lint = %d: %s", code, out)
	}
	if code, out, _ := do(t, "", "brands", "lint"); code != 0 {
		t.Errorf("our own brand files have faults: %s", out)
	}
}
