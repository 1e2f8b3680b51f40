package web

import (
	"net/http"
	"strings"
)

// Security says what the headers of a set of pages allow.
type Security struct {
	// FormTargets are origins outside our own that a form may post to, as the
	// shop's page that takes the grant.
	FormTargets []string
	// HTTPS adds Strict-Transport-Security. Leave it out only on a demo that is
	// reached over plain HTTP on localhost.
	HTTPS bool
}

// Protect sets the security headers on every answer and refuses cross-origin
// writes (Fetch metadata and Origin, net/http.CrossOriginProtection). There is
// no inline script, no inline style and no request to anybody else.
func Protect(s Security, next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "img-src 'self'", "script-src 'self'", "connect-src 'self'",
		"form-action " + strings.Join(append([]string{"'self'"}, s.FormTargets...), " "),
		"base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
	fixed := map[string]string{
		"Content-Security-Policy":           policy,
		"X-Content-Type-Options":            "nosniff",
		"X-Frame-Options":                   "DENY",
		"Referrer-Policy":                   "no-referrer",
		"Cross-Origin-Opener-Policy":        "same-origin",
		"Cross-Origin-Resource-Policy":      "same-origin",
		"X-Permitted-Cross-Domain-Policies": "none",
		"X-Robots-Tag":                      "noindex, nofollow",
		"Permissions-Policy":                "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
		"Cache-Control":                     "no-store",
	}
	if s.HTTPS {
		fixed["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	var cross http.CrossOriginProtection
	guarded := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range fixed {
			w.Header().Set(name, value)
		}
		guarded.ServeHTTP(w, r)
	})
}
