package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mimamori/staff"
)

// The two doors of the decision path are gone through thousands of times a
// second. They stand among the others in the document and in the mux; but a
// request that names one exactly is led there at once, and the API key that
// other doors find in a request's context these are given.

// takes is such a door.
type takes func(w http.ResponseWriter, r *http.Request, k staff.APIKey)

// straight is the way to such a door, behind all that guards it.
type straight struct {
	path, pattern string
	door          http.HandlerFunc
}

// Straight says that a request is for a door of the decision path, named as it
// is written: whoever leads it to these doors needs no look through others.
func Straight(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/v1/decisions" || r.URL.Path == "/v1/events") &&
		r.URL.RawPath == "" // else it is a mux that reads it
}

// straight registers a door of the decision path.
func (d *doors) straight(op *huma.Operation, class Class, handle takes) {
	scope, route := scopeOf(op), op.Method+" "+op.Path
	door := func(w http.ResponseWriter, r *http.Request) {
		key, ok := d.known(w, r, scope, route)
		if !ok {
			return
		}
		at, ok := d.opt.Admission.admit(w, r, class)
		if !ok {
			return
		}
		defer d.opt.Admission.leave(at)
		if at.body == nil {
			handle(w, r, key)
			return
		}
		sent := r.Body
		r.Body = at.body
		handle(w, r, key)
		r.Body = sent
		d.opt.Admission.spent(at.body) // an event holds nothing of what it was read from
	}
	d.api.OpenAPI().AddOperation(op)
	d.mux.HandleFunc(route, door)
	d.paths = append(d.paths, straight{op.Path, route, door})
}

// lead leads a request to its door.
func (d *doors) lead(w http.ResponseWriter, r *http.Request) {
	if Straight(r) {
		for i := range d.paths {
			if s := &d.paths[i]; r.URL.Path == s.path {
				r.Pattern = s.pattern
				s.door(w, r)
				return
			}
		}
	}
	d.mux.ServeHTTP(w, r)
}
