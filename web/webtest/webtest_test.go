package webtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFaultsAreFound plants one fault of each sort: a check that finds nothing
// here would find nothing anywhere.
func TestFaultsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	ctx, axe := Browser(t), LoadAxe(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!DOCTYPE html><html lang="en"><title>t</title><meta name="viewport" content="width=device-width"><main><h1>h</h1><img src="x.png"><p style="color:#ccc;background:#fff;width:900px">pale</p><button>x</button></main>`))
	}))
	t.Cleanup(site.Close)
	if err := chromedp.Do(ctx, Size(Phone, false), chromedp.Navigate(site.URL)); err != nil {
		t.Fatal(err)
	}
	all, err := axe.Violations(ctx)
	if said := strings.Join(all, "\n"); err != nil || !strings.Contains(said, "image-alt") || !strings.Contains(said, "color-contrast") {
		t.Errorf("Violations = %q, %v; want image-alt and color-contrast", all, err)
	}
	pale, err := axe.Contrast(ctx)
	if err != nil || len(pale) != 1 {
		t.Errorf("Contrast = %q, %v; want one", pale, err)
	}
	if px, err := Wider(ctx); err != nil || px < 500 {
		t.Errorf("Wider = %d, %v; want over 500", px, err)
	}
	if small, err := SmallTargets(ctx); err != nil || len(small) != 1 {
		t.Errorf("SmallTargets = %q, %v; want the button", small, err)
	}
}
