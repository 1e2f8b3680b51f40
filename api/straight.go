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
	method, path, pattern string
	door                  http.HandlerFunc
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
		if at.body != nil {
			r.Body = at.body
		}
		handle(w, r, key)
	}
	d.api.OpenAPI().AddOperation(op)
	d.mux.HandleFunc(route, door)
	d.paths = append(d.paths, straight{op.Method, op.Path, route, door})
}

// lead leads a request to its door.
func (d *doors) lead(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawPath == "" { // else it is the mux that reads it
		for i := range d.paths {
			if s := &d.paths[i]; r.URL.Path == s.path && r.Method == s.method {
				r.Pattern = s.pattern
				s.door(w, r)
				return
			}
		}
	}
	d.mux.ServeHTTP(w, r)
}
