package console_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/notice"
	"mimamori/wave"
)

// someMails are three waves, one of many hosts and with hostile names.
type someMails struct{}

func (someMails) Waves(context.Context, time.Time) ([]wave.Wave, error) {
	at := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	var all []wave.Sighting
	for i := range 40 {
		all = append(all, wave.Sighting{At: at.Add(time.Duration(i) * time.Hour), Brand: "amazon-co-jp", Template: 0xABCDEF0123456789,
			Hosts: []string{fmt.Sprintf("amazon.co.jp.sign-in-%d.account-verification-%s.example", i, strings.Repeat("x", 40))}, Network: "Example Hosting B.V.", From: fmt.Sprintf("d%d.example", i)})
	}
	all = append(all, wave.Sighting{At: at, Brand: "rakuten", Hosts: []string{"=cmd|' /C calc'!A0", "<script>alert(1)</script>"}, From: "=1+1"}, wave.Sighting{At: at})
	return wave.Find(all), nil
}

func (someMails) Notices(l mimamori.Lang) ([]notice.Previewed, error) {
	return notice.Preview(notice.House{}, l)
}

func TestWavesAndTheirReport(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	page := b.get("/mails").Body.String()
	for _, want := range []string{"42通、3種類", "ほか36", "Example Hosting B.V."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("a host is a script on the page")
	}
	w := b.get("/mails/waves.csv")
	rows, err := csv.NewReader(strings.NewReader(w.Body.String())).ReadAll()
	if err != nil || len(rows) != 4 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("the list has %d rows (%v), headers %v", len(rows), err, w.Header())
	}
	if strings.Contains(w.Body.String(), "\n=") || strings.Contains(w.Body.String(), ",=") {
		t.Error("a field of the list is a formula")
	}
	if text := b.get("/mails/waves.txt").Body.String(); !strings.Contains(text, "みほん商店") || strings.Contains(text, "d0.example") {
		t.Errorf("the report says\n%s", text)
	}
}

// TestNoticesAreShownToTheStaff: every stage, in the other language on demand.
func TestNoticesAreShownToTheStaff(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	ja, en := b.get("/mails/notices").Body.String(), b.get("/mails/notices?in=en").Body.String()
	for _, k := range notice.Kinds {
		if !strings.Contains(ja, `id="`+string(k)+`"`) || !strings.Contains(en, `id="`+string(k)+`"`) {
			t.Errorf("%s is not shown", k)
		}
	}
	if !strings.Contains(en, "What you do now") || !strings.Contains(ja, "お客様にしていただくこと") {
		t.Error("the texts are not in the language that was asked for")
	}
}

// TestMailsNeedASignIn: nobody reads them from outside.
func TestMailsNeedASignIn(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	b.cookies = map[string]string{}
	for _, path := range []string{"/mails", "/mails/waves.csv", "/mails/waves.txt", "/mails/notices"} {
		if w := b.get(path); w.Code == 200 {
			t.Errorf("GET %s without a sign-in: %d", path, w.Code)
		}
	}
}
