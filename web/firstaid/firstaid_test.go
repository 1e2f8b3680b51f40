package firstaid

import (
	"bytes"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mimamori"
	"mimamori/brands"
	"mimamori/geo"
	"mimamori/mailcheck"
	"mimamori/web"
	"mimamori/web/webtest"
)

const fakeMail = `From: "Amazon.co.jp" <account-update@amazon-secure-login.xyz>
Subject: お支払い方法の情報を更新してください

Amazonお客様
お客様のアカウントは停止されました。24時間以内に確認がない場合、アカウントを永久にロックします。
ここをクリック: http://amazon-secure-login.xyz/ap/signin
`

// longHistory is the mall victim's: 41 sign-ins, three of them from elsewhere.
func longHistory() string {
	var b strings.Builder
	b.WriteString("ログイン履歴（過去2か月）\n日時 端末 IPアドレス\n")
	for i := range 38 {
		ip, device := "106.72.45.9", "PC"
		if i%3 == 0 {
			ip, device = "49.98.1.2", "スマートフォン"
		}
		b.WriteString("2026/" + []string{"10", "11"}[i%2] + "/" + []string{"03", "07", "11", "15", "19"}[i%5] + " 2" + []string{"0", "1", "2"}[i%3] + ":1" + string(rune('0'+i%10)) + " " + device + " " + ip + "\n")
	}
	b.WriteString("2026/11/18 03:18 PC 197.220.84.51\n2026/11/18 03:20 PC 138.199.22.20\n2026/11/18 03:21 PC 138.199.22.21\n")
	return b.String()
}

func serve(t testing.TB, change ...func(*Options)) http.Handler {
	t.Helper()
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Brands: all, Mail: mailcheck.New(mailcheck.Options{Brands: all}), Geo: geo.Embedded(), Offline: true, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&opt)
	}
	h, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func post(h http.Handler, to string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", to, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "106.72.45.77:5000"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) string {
	t.Helper()
	body := strings.ReplaceAll(w.Body.String(), "&#43;", "+")
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, body)
	}
	if strings.Contains(body, "⟦") {
		t.Errorf("a text is missing: %s", regexp.MustCompile(`⟦[^⟧]*⟧`).FindAllString(body, -1))
	}
	for _, word := range words {
		if !strings.Contains(body, word) {
			t.Fatalf("the page lacks %q:\n%s", word, body)
		}
	}
	return body
}

var field = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// carried reads the hidden fields of a page's main form, as a browser would
// send them on.
func carried(body string) url.Values {
	form := url.Values{}
	_, body, _ = strings.Cut(body, `id="aid"`)
	body, _, _ = strings.Cut(body, "</form>")
	for _, m := range field.FindAllStringSubmatch(body, -1) {
		form.Add(m[1], unescape.Replace(m[2]))
	}
	return form
}

var unescape = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&", "&#10;", "\n")

// TestPathCarriesEverything walks the five steps by forms alone: what was
// entered on the first stands in the record on the last.
func TestPathCarriesEverything(t *testing.T) {
	h := serve(t)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	want(t, w, 200, "だれかに使われたかもしれないとき", "happened")

	body := want(t, post(h, "/mail", url.Values{"happened": {"mail", "acts"}}), 200, "届いたメールを確かめる")
	form := carried(body)
	form.Set("mail", fakeMail)
	form.Set("do", "check")
	body = want(t, post(h, "/mail", form), 200, "にせもののメールです", "amazon-secure-login.xyz", "パスワードを入力した")
	if strings.Contains(body, `href="http`) {
		t.Error("a link out of the mail became one of ours")
	}
	form = carried(body)
	form.Set("gave", "password")
	body = want(t, post(h, "/screens", form), 200, "Amazon.co.jp", "amazon.co.jp", "メッセージセンター", "2023-08")

	form = carried(body)
	form.Set("history", longHistory())
	form.Set("service", "rakuten")
	body = want(t, post(h, "/screens", form), 200, "41件のうち3件が、ほかと合いません", "ソマリア・モバイル回線（Hormuud Telecom）から1件", "VPN", `class="map"`, "いまのあなたと同じ回線", "その他の情報を表示", "2016")
	form = carried(body)
	form.Set("history", longHistory())
	form.Set("service", "amazon-co-jp")
	body = want(t, post(h, "/urgent", form), 200, "パスワードを変える", "0120-899-543", "受付時間は", "Amazonから電話をする", "いますぐ")
	form = carried(body)
	form["done"] = []string{"password"}
	form.Set("from", "abroad")
	body = want(t, post(h, "/record", form), 200, "お支払い方法の情報を更新してください", "41件のうち3件", "済み", "+81-22-745-6363", "パスワードを入力した")
	if strings.Contains(body, "0120-899-543") {
		t.Error("a number that cannot be dialled from abroad is shown to somebody abroad")
	}
	form = carried(body)
	form.Set("notes", "22時に電話。受付番号 A-77")
	body = want(t, post(h, "/record", form), 200, "受付番号 A-77")
	form = carried(body)
	form.Set("notes", "22時に電話。受付番号 A-77")
	saved := want(t, post(h, "/record.txt", form), 200, "受付番号 A-77", "197.220.84.51", "にせもの")
	if strings.Contains(saved, "<") && strings.Contains(saved, "<html") {
		t.Error("the text file is a page")
	}

	// The language changes and nothing is lost.
	form.Set("lang", "en")
	want(t, post(h, "/record", form), 200, "Your record", "This mail is a fake", "3 of 41 do not fit")
}

// TestUploadAndOrder: a file is read without a disk, and the mail is judged
// first, whichever button is pressed.
func TestUploadAndOrder(t *testing.T) {
	h := serve(t)
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile("file", "x.eml")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, fakeMail)
	_ = m.Close()
	r := httptest.NewRequest("POST", "/urgent", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	want(t, w, 200, "にせもののメールです", "お支払い方法の情報を更新してください")
	want(t, post(h, "/mail", url.Values{"do": {"check"}, "mail": {"  "}}), 422, "メールの文章を貼り付けるか")
}

// TestK4_NothingIsCarriedInAddresses: every form posts, and no page sets a
// cookie but that of the language.
func TestK4_NothingIsCarriedInAddresses(t *testing.T) {
	h := serve(t)
	for _, step := range steps {
		w := post(h, path(step), url.Values{"history": {longHistory()}, "mail": {""}, "service": {"rakuten"}, "lang": {"ja"}})
		body := want(t, w, 200)
		if regexp.MustCompile(`(?i)method="get"|href="[^"]*\?[^"]*(history|found|mail)=`).MatchString(body) {
			t.Errorf("%s carries something in an address", step)
		}
		for _, c := range w.Result().Cookies() {
			if c.Name != "mimamori-lang" || c.Value != "ja" {
				t.Errorf("%s sets the cookie %s=%s", step, c.Name, c.Value)
			}
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", step, got)
		}
	}
}

// TestFormsAreBounded: too large, too many, and what is no form of ours.
func TestFormsAreBounded(t *testing.T) {
	h := serve(t)
	want(t, post(h, "/screens", url.Values{"history": {strings.Repeat("x", 200<<10)}}), 413, "大きすぎて")
	want(t, post(h, "/mail", url.Values{"mail": {strings.Repeat("x", 6<<20)}}), 413, "大きすぎて")
	want(t, post(h, "/mail", url.Values{"found": {"{"}}), 400)
	want(t, post(h, "/mail", url.Values{"found": {`{"verdict":"certain"}`}}), 400)
	want(t, post(h, "/urgent", url.Values{"from": {"<script>"}}), 400)
	r := httptest.NewRequest("POST", "/mail", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	want(t, w, 400)

	r = httptest.NewRequest("POST", "/mail", strings.NewReader("mail=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a strange site's form: status %d, want 403", w.Code)
	}

	refusedAt := 0
	for i := range 200 {
		if w := post(h, "/urgent", url.Values{}); w.Code == http.StatusTooManyRequests {
			refusedAt = i
			break
		}
	}
	if refusedAt == 0 || refusedAt > burst+5 {
		t.Errorf("refused after %d pages, want about %d", refusedAt, burst)
	}
	r = httptest.NewRequest("POST", "/urgent", strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "198.51.100.9:1"
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("another visitor is refused as well: %d", w.Code)
	}
}

// TestForgedRecordIsOnlyText: what a visitor's own form says is shown as text.
func TestForgedRecordIsOnlyText(t *testing.T) {
	found := `{"verdict":"genuine","reasons":[{"id":"x","evidence":"<script>alert(1)</script>","text":{"ja":"<img src=x>","en":"y"}}],"do":{},"from":"\"><script>"}`
	body := want(t, post(serve(t), "/record", url.Values{"found": {found}, "notes": {"</textarea><script>"}, "history": {"2026/11/18 03:20 <script>alert(2)</script> 197.220.84.51"}}), 200)
	if strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") {
		t.Error("markup came through")
	}
}

// TestCatalogueWords: both languages have every text, and none speaks in our
// own words to a frightened person. Menus of services are quoted as they stand.
func TestCatalogueWords(t *testing.T) {
	text, err := Texts()
	if err != nil {
		t.Fatal(err)
	}
	quoted := strings.NewReplacer("「2段階認証」", "", "「すべての端末からログアウト」", "", "“two-step”", "")
	for _, lang := range web.Langs {
		for _, key := range text.Keys() {
			if strings.HasPrefix(key, "frame.") || strings.HasPrefix(key, "error.") {
				continue
			}
			for _, word := range webtest.Jargon(lang, quoted.Replace(text.T(lang, key))) {
				t.Errorf("%s in %s says %q: %s", key, lang, word, text.T(lang, key))
			}
		}
	}
	for _, lang := range web.Langs {
		for _, step := range steps {
			r := httptest.NewRequest("GET", path(step), nil)
			r.Header.Set("Accept-Language", string(lang))
			w := httptest.NewRecorder()
			serve(t).ServeHTTP(w, r)
			body := want(t, w, 200)
			if lang == mimamori.English && strings.Contains(body, "いま、") {
				t.Errorf("%s speaks Japanese to an English reader", step)
			}
		}
	}
}
