// Package webtest opens pages in a real browser for tests: it starts Debian's
// chromium with flags that work as root and without a network, takes
// screenshots at a phone's and a desk's size, and lets axe-core look for
// barriers. Only tests import it.
package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The two sizes at which pages are looked at, in CSS pixels.
const (
	Phone = 360
	Desk  = 1280
)

// Browser starts a chromium that lives as long as the test. Without chromium
// the test is skipped, saying what to install; with CI=true it fails.
func Browser(t testing.TB) context.Context {
	t.Helper()
	path := Chromium()
	if path == "" {
		missing(t, "chromium is not installed: apt-get install -y chromium fonts-noto-cjk (or set CHROMIUM_PATH)")
	}
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "ja"),
		chromedp.WSURLReadTimeout(60 * time.Second),
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// Chromium finds the browser: CHROMIUM_PATH, then the usual names.
func Chromium() string {
	if path := os.Getenv("CHROMIUM_PATH"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Size sets the window's width and the colours of light or dark.
func Size(width int, dark bool) chromedp.Action[chromedp.Void] {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(width), Height: 800, DeviceScaleFactor: 1, Mobile: width < 600})
		if err != nil {
			return fmt.Errorf("set window to %d pixels: %w", width, err)
		}
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	})
}

// NoScript switches JavaScript off in the page.
func NoScript() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

// Screenshot writes the whole page as PNG; an empty dir writes nothing.
func Screenshot(ctx context.Context, dir, name string) error {
	if dir == "" {
		return nil
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("take screenshot %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
}

// Wider tells by how many pixels the page is wider than the window: 0 means
// that nothing scrolls sideways.
func Wider(ctx context.Context) (int, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
}

// SmallTargets lists what a finger would miss: buttons, fields, and links that
// stand alone, under 44 CSS pixels in height or width. Links inside a sentence
// are exempt (WCAG 2.2, 2.5.8).
func SmallTargets(ctx context.Context) ([]string, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('button, summary, select, input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .choice, .button, .links a, .tools a, .foot li a, .back, .number')]
		.filter(e => { const r = e.getBoundingClientRect(); return r.width && r.bottom > 0 && (r.height < 44 || r.width < 44); })
		.map(e => e.outerHTML.slice(0, 120))`))
}

// Axe holds axe-core's source.
type Axe struct{ source string }

// LoadAxe reads axe-core from AXE_PATH, or from node_modules beside go.mod.
func LoadAxe(t testing.TB) Axe {
	t.Helper()
	path := os.Getenv("AXE_PATH")
	if path == "" {
		path = filepath.Join(root(t), "node_modules", "axe-core", "axe.min.js")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		missing(t, "axe-core is not installed: npm install --no-save axe-core (or set AXE_PATH): "+err.Error())
	}
	return Axe{string(raw)}
}

func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
	}
}

// violation is what we need of axe-core's result.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Violations runs the rules of WCAG 2.0 to 2.2, A and AA, and axe-core's best
// practices on the open page, and returns each breach as one readable line.
func (a Axe) Violations(ctx context.Context) ([]string, error) {
	return a.run(ctx, `{runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}`)
}

// Contrast runs only the rule about colours: enough where the same page is
// looked at again in other colours.
func (a Axe) Contrast(ctx context.Context) ([]string, error) {
	return a.run(ctx, `{runOnly: {type: "rule", values: ["color-contrast"]}}`)
}

func (a Axe) run(ctx context.Context, options string) ([]string, error) {
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](a.source+";0")); err != nil {
		return nil, fmt.Errorf("load axe-core: %w", err)
	}
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, `+options+`).then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, fmt.Errorf("run axe-core: %w", err)
	}
	var found []violation
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		return nil, fmt.Errorf("read axe-core's answer: %w", err)
	}
	var out []string
	for _, v := range found {
		for _, n := range v.Nodes {
			out = append(out, fmt.Sprintf("%s (%s): %.160s: %s", v.ID, v.Help, n.HTML, strings.ReplaceAll(n.Summary, "\n", " ")))
		}
	}
	return out, nil
}
