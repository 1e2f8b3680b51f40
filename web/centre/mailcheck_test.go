package centre

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mimamori"
)

// CheckMail answers by the first word of what is shown.
func (f *fixture) CheckMail(_ context.Context, _ Visitor, m ShownMail) (MailVerdict, error) {
	shop := text("見本ストア", "Mihon Store")
	do := []mimamori.Text{text("メールの中は、何も押さずに消してください。", "Delete the mail without pressing anything in it."),
		text("気になるときは、ブックマークか公式アプリからお店を開いて、「お知らせ」をご覧ください。", "If in doubt, open the shop from your bookmark or its app and look at “Notices”.")}
	switch first, _, _ := strings.Cut(m.Text+string(m.Source), " "); first {
	case "genuine":
		return MailVerdict{Answer: MailGenuine, Brand: shop, Ours: true, Do: do[1:],
			Reasons: []MailReason{{text("差出人の署名が、見本ストアのものと一致しました。", "The sender's signature is that of Mihon Store."), "notice.mihon.example"}}}, nil
	case "fake":
		return MailVerdict{Answer: MailFake, Brand: shop, Do: do,
			Reasons: []MailReason{{text("見本ストアの名前ですが、差出人のドメインが見本ストアのものではありません。", "It uses the name of Mihon Store, and the sender's domain is not Mihon Store's."), "security@mihon-support.evil.example"},
				{text("リンクの先が、見本ストアのサイトではありません。", "A link leads to a site that is not Mihon Store's."), "https://mihon.example.account-verify-" + strings.Repeat("a", 90) + ".evil.example/login?x=<script>"}}}, nil
	case "busy":
		return MailVerdict{}, mimamori.ErrUnavailable
	case "broken":
		return MailVerdict{}, mimamori.ErrInvalid
	}
	return MailVerdict{Answer: MailUnconfirmed, Do: do}, nil
}

// mailPages are the page of the mail check in each of its states.
func mailPages() []aPage {
	return []aPage{{"mailcheck", "", "/mail-check", "", 200}, {"mailcheck-signed", "acting", "/mail-check", "", 200},
		{"mailcheck-genuine", "", "/mail-check", "text=genuine+mail", 200}, {"mailcheck-fake", "", "/mail-check", "text=fake+mail", 200},
		{"mailcheck-unconfirmed", "", "/mail-check", "text=what", 200}, {"mailcheck-empty", "", "/mail-check", "text=+", 422}, {"mailcheck-busy", "", "/mail-check", "text=busy+x", 429}}
}

var _ MailChecker = (*fixture)(nil)

func withMail(o *Options) {
	o.MailCheck, o.MailForward = o.Service.(*fixture), "check@check.mihon.example"
}

// upload sends the form as a browser does.
func upload(h http.Handler, field, name string, body []byte) *httptest.ResponseRecorder {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("text", "")
	part, _ := w.CreateFormFile(field, name) // a bytes.Buffer never fails
	_, _ = part.Write(body)
	_ = w.Close()
	r := httptest.NewRequest("POST", "/mail-check", &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	got := httptest.NewRecorder()
	h.ServeHTTP(got, r)
	return got
}

func TestMailCheckTakesTextAndFiles(t *testing.T) {
	h := serve(t, newFixture(), withMail)
	for _, c := range []struct {
		file   []byte
		status int
		says   string
	}{
		{[]byte("genuine mail"), 200, "本物のメールです"},
		{[]byte("fake mail"), 200, "にせもののメールです"},
		{[]byte("what is this"), 200, "本物とは確かめられません"},
		{[]byte("busy now"), 429, "少しお待ちください"},
		{[]byte("broken mail"), 422, "メールとして読み取れませんでした"},
		{nil, 422, "貼り付けるか、ファイルを選んで"},
		{bytes.Repeat([]byte("a"), mailBytes+1), 422, "メールとして読み取れませんでした"},
	} {
		got := upload(h, "file", "x.eml", c.file)
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
			t.Errorf("%.20q: status %d, want %d with %q", c.file, got.Code, c.status, c.says)
		}
		if strings.Contains(got.Body.String(), "<script>") {
			t.Errorf("%.20q: a script of the mail's stands in the page", c.file)
		}
	}
	// The mail's own text does not come back with the page, where it could be
	// cached, photographed or pressed.
	if got := upload(h, "file", "x.eml", []byte("fake ZEBRA")); strings.Contains(got.Body.String(), "ZEBRA") || strings.Contains(got.Body.String(), `href="https://mihon.example.account`) {
		t.Error("the page repeats the mail, or links to where it leads")
	}
}

// TestMailCheckIsOfferedOnlyWithAChecker: no page that leads nowhere.
func TestMailCheckIsOfferedOnlyWithAChecker(t *testing.T) {
	for _, c := range []struct {
		h    http.Handler
		want int
	}{{serve(t, newFixture(), withMail), 200}, {serve(t, newFixture(), func(o *Options) { o.MailCheck = nil }), 404}} {
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, httptest.NewRequest("GET", "/mail-check", nil))
		if w.Code != c.want || (c.want == 404) == strings.Contains(w.Body.String(), `href="/mail-check"`) {
			t.Errorf("GET /mail-check: %d, want %d, and a link to it only then", w.Code, c.want)
		}
	}
}

func FuzzShownMail(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=x\r\n\r\nhello\r\n--b--\r\n"))
	f.Add("application/x-www-form-urlencoded", []byte("text=hello"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest("POST", "/mail-check", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		if m, err := readShown(r); err == nil && len(m.Source) > 0 && m.Text != "" {
			t.Error("both a file and a text")
		}
	})
}
