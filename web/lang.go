package web

import (
	"net/http"
	"strings"

	"mimamori"
)

// langCookie keeps the reader's choice; it says nothing else about her.
const langCookie = "mimamori-lang"

// LangOf is the language to answer in: the reader's choice (?lang=, then the
// cookie), then what the browser asks for, then Japanese.
func LangOf(r *http.Request) mimamori.Lang {
	if chosen := r.URL.Query().Get("lang"); chosen != "" {
		return mimamori.ParseLang(chosen)
	}
	if c, err := r.Cookie(langCookie); err == nil {
		return mimamori.ParseLang(c.Value)
	}
	for _, part := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		if strings.HasPrefix(tag, "ja") || strings.HasPrefix(tag, "en") {
			return mimamori.ParseLang(tag)
		}
	}
	return mimamori.Japanese
}

// SetLang writes the cookie.
func SetLang(w http.ResponseWriter, lang mimamori.Lang, secure bool) {
	http.SetCookie(w, &http.Cookie{Name: langCookie, Value: string(lang), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
}

// SwitchLang turns a GET with ?lang= into the cookie and the same page without
// it, so that the choice lasts and addresses stay clean.
func SwitchLang(base string, secure bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Method != http.MethodGet || !query.Has("lang") {
			next.ServeHTTP(w, r)
			return
		}
		SetLang(w, mimamori.ParseLang(query.Get("lang")), secure)
		query.Del("lang")
		// A path that begins with two slashes would lead to another host.
		to := base + "/" + strings.TrimLeft(r.URL.EscapedPath(), "/\\")
		if len(query) > 0 {
			to += "?" + query.Encode()
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}
