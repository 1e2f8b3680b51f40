package walktest

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mimamori/web/webtest"
)

// most is how large a picture of README may be, in bytes.
const most = 150_000

// picture keeps the page's upper part for README, up to a height in CSS
// pixels, when WALK_IMAGES names a folder.
func (k *walker) picture(name string, width, height int) *walker {
	k.t.Helper()
	dir := os.Getenv("WALK_IMAGES")
	if dir == "" {
		return k
	}
	if width != webtest.Phone {
		k.hold(width, false)
		defer k.hold(webtest.Phone, false)
	}
	full := ask[int](k, `document.documentElement.scrollHeight`)
	raw, err := chromedp.Run(k.ctx, shot(width, min(full, height)))
	if err != nil {
		k.t.Fatalf("take picture %s: %v", name, err)
	}
	small, err := fewColours(raw)
	if err != nil {
		k.t.Fatalf("picture %s: %v", name, err)
	}
	if len(small) > most {
		k.t.Errorf("picture %s has %d bytes, at most %d", name, len(small), most)
	}
	if err := os.WriteFile(filepath.Join(dir, name+"-"+string(k.w.lang)+".png"), small, 0o644); err != nil {
		k.t.Error(err)
	}
	return k
}

func shot(width, height int) chromedp.Action[[]byte] {
	return func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		beyond := true
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &beyond,
			Clip: &page.Viewport{Width: float64(width), Height: float64(height), Scale: 1}})
		return r.Data, err
	}
}

// fewColours writes a PNG again with the 256 colours that are most of it: a
// page has few, and the shades at the edges of letters are near one of them.
func fewColours(raw []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var colours color.Palette
	for _, c := range all[:min(256, len(all))] {
		colours = append(colours, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range all {
		nearest[c] = uint8(colours.Index(c))
	}
	out := image.NewPaletted(b, colours)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var buf bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&buf, out)
	return buf.Bytes(), err
}
