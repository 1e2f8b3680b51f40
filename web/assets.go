package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// version changes with the content, so that browsers may keep the files for a
// year.
func version() string {
	sum := sha256.New()
	for _, name := range []string{"mimamori.css", "mimamori.js"} {
		raw, _ := static.ReadFile("static/" + name) // embedded: it is there
		sum.Write(raw)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// Assets serves stylesheet, theme, script and logo below /assets/.
func Assets(b Brand) http.Handler {
	current := version()
	files := map[string]struct {
		kind string
		body []byte
	}{}
	for name, kind := range map[string]string{"mimamori.css": "text/css; charset=utf-8", "mimamori.js": "text/javascript; charset=utf-8"} {
		raw, _ := static.ReadFile("static/" + name) // embedded: it is there
		files[name] = struct {
			kind string
			body []byte
		}{kind, raw}
	}
	files["theme.css"] = struct {
		kind string
		body []byte
	}{"text/css; charset=utf-8", []byte(b.theme())}
	files["logo.svg"] = struct {
		kind string
		body []byte
	}{"image/svg+xml", b.Logo}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[strings.TrimPrefix(r.URL.Path, "/assets/")]
		if !ok || len(file.body) == 0 && !strings.HasSuffix(r.URL.Path, ".css") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", file.kind)
		if r.URL.Query().Get("v") == current && !strings.HasSuffix(r.URL.Path, "theme.css") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.body))
	})
}
