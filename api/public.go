package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
)

// publicDoors are open to everybody: signing keys and health.
func (d *doors) publicDoors() {
	jwks := d.operation(door{method: http.MethodGet, path: "/.well-known/jwks.json", id: "jwks", tag: tagPublic, errors: []int{500, 503},
		title: mimamori.Text{JA: "署名の公開鍵", EN: "The public signing keys"},
		text:  "A JSON Web Key Set (RFC 7517), for verifying grants. Fetch it again when a kid is not known, at most once a minute."})
	answers(jwks, 200, "application/jwk-set+json", "the keys", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{"keys": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}, Required: []string{"keys"}})
	d.plain(jwks, d.serveJWKS)

	health := d.operation(door{method: http.MethodGet, path: "/healthz", id: "health", tag: tagPublic,
		title: mimamori.Text{JA: "動いているか", EN: "Is the process up"}, text: "For the process supervisor."})
	answers(health, 200, jsonType, "it is", stateSchema())
	d.plain(health, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`)) })

	ready := d.operation(door{method: http.MethodGet, path: "/readyz", id: "ready", tag: tagPublic, errors: []int{503},
		title: mimamori.Text{JA: "判定できるか", EN: "Can decisions be made"}, text: "For the load balancer: 503 when events cannot be stored."})
	answers(ready, 200, jsonType, "they can", stateSchema())
	d.plain(ready, d.serveReady)
}

func stateSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"status": {Type: huma.TypeString, Enum: []any{"ok"}}}, Required: []string{"status"}}
}

func (d *doors) serveJWKS(w http.ResponseWriter, r *http.Request) {
	if d.opt.JWKS == nil {
		missing().write(w)
		return
	}
	body, err := d.opt.JWKS()
	if err != nil {
		d.fail(r.Context(), r.Pattern, fmt.Errorf("write the public keys: %w", err)).write(w)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(body)
}

func (d *doors) serveReady(w http.ResponseWriter, r *http.Request) {
	if d.opt.Ready != nil {
		if err := d.opt.Ready(r.Context()); err != nil {
			d.log.WarnContext(r.Context(), "api: not ready", "error", err.Error())
			problem("unavailable", "decisions cannot be made now").write(w)
			return
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// Server is an http.Server with the limits that a public door needs: slow
// headers, slow bodies and large headers end early. Imports extend their own
// reading time while bytes keep coming.
func Server(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr: addr, Handler: handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}
