package api

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// mediaType is the request's Content-Type, one of those allowed, in UTF-8 and
// not compressed: a body that inflates would pass its own limit.
func mediaType(r *http.Request, allowed ...string) (string, *Problem) {
	given := r.Header["Content-Type"] // the server keeps names in their canonical form
	if len(given) != 1 {
		return "", problem("media-type", "send one Content-Type: "+strings.Join(allowed, ", "))
	}
	ct := given[0]
	if !slices.Contains(allowed, ct) { // nearly all say nothing but the type
		var params map[string]string
		var err error
		if ct, params, err = mime.ParseMediaType(given[0]); err != nil || !slices.Contains(allowed, ct) {
			return "", problem("media-type", "this door reads "+strings.Join(allowed, ", "))
		}
		if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
			return "", problem("media-type", "the charset must be utf-8")
		}
	}
	if e := r.Header["Content-Encoding"]; len(e) > 0 && e[0] != "" && !strings.EqualFold(e[0], "identity") {
		return "", problem("media-type", "the body must not be compressed")
	}
	return ct, nil
}

// readBody reads at most limit bytes; more is a Problem.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, problem("too-large", "")
	}
	if b, ok := r.Body.(*again); ok { // it is in memory already
		if all, ok := b.whole(); ok && int64(len(all)) <= limit {
			return all, nil
		}
	}
	var buf bytes.Buffer
	buf.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		if p := problemOf(err); p.Status == http.StatusRequestEntityTooLarge {
			return nil, p
		}
		return nil, problem("malformed", "the body ended early")
	}
	return buf.Bytes(), nil
}
