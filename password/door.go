package password

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"mimamori"
)

// padded is how many lines a padded answer has at least (Add-Padding of the
// range API: the length of an answer tells nothing about the prefix).
const padded = 800

// Door serves GET /range/{prefix}: lines "SUFFIX:count", as the Pwned Passwords
// range API. It needs no key, for it tells nothing that is not public.
func (l *List) Door(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /range/{prefix}", func(w http.ResponseWriter, r *http.Request) {
		found, err := l.Range(r.PathValue("prefix"))
		if errors.Is(err, mimamori.ErrInvalid) {
			http.Error(w, "The hash prefix was not in a valid format", http.StatusBadRequest)
			return
		}
		if err != nil {
			log.Error("answer a password range", "err", err)
			http.Error(w, "unavailable", http.StatusServiceUnavailable)
			return
		}
		var b bytes.Buffer
		for _, k := range found {
			fmt.Fprintf(&b, "%s:%d\r\n", k.Suffix, k.Count)
		}
		if strings.EqualFold(r.Header.Get("Add-Padding"), "true") {
			for n := len(found); n < padded; n++ {
				b.WriteString(nothing() + ":0\r\n")
			}
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\r\n"))) // the reader is gone: nothing to do
	})
	return mux
}

// nothing is a suffix of no password: random, with a count of zero.
func nothing() string {
	var b [18]byte
	_, _ = rand.Read(b[:]) // never returns an error
	return strings.ToUpper(hex.EncodeToString(b[:]))[:Suffix]
}
