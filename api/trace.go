package api

import (
	"net/http"
	"strings"

	"mimamori/trace"
)

// Traced has each request that a handler answers be a span: its class, its
// route (never its path, which may name an account) and its status. Health is
// left out: it is asked for all day. Without a tracer it is the handler itself.
func Traced(t *trace.Tracer, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		class := classOf(r)
		span := t.Request(r)
		if span == nil || class == free {
			next.ServeHTTP(w, r)
			return
		}
		seen := &watched{ResponseWriter: w}
		r = r.WithContext(trace.In(r.Context(), span))
		defer func() { // a handler may end by a panic
			route, method := routeOf(r), methodOf(r)
			span.Name(method + " " + route)
			span.Set(trace.Method, method)
			span.Set(trace.Route, route)
			span.Set(trace.Class, class.String())
			span.Count(trace.Status, seen.status)
			if seen.status >= http.StatusInternalServerError {
				span.Fail(http.StatusText(seen.status))
			}
			span.End()
		}()
		next.ServeHTTP(seen, r)
	})
}

// routeOf is the pattern that the request was led by, without its method. Each
// mux on the way notes its own; the innermost is the last.
func routeOf(r *http.Request) string {
	_, route, found := strings.Cut(r.Pattern, " ")
	if !found {
		route = r.Pattern
	}
	return route
}

// methodOf is the request's method, if it is one of HTTP's: anything may stand
// there.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return r.Method
	}
	return "_OTHER"
}

// watched notes the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status, and goes on.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
