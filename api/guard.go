package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"mimamori"
)

// callerKey is where the recognised API key stands in a request's context, so
// that huma's handlers find it. Handlers turn it into an argument at once.
type callerKey struct{}

func caller(ctx context.Context) KeyInfo {
	k, _ := ctx.Value(callerKey{}).(KeyInfo)
	return k
}

// shopActor is the API key as the one who acts.
func (k KeyInfo) shopActor() mimamori.Actor {
	return mimamori.Actor{Kind: mimamori.ActorShop, ID: k.Name}
}

// keyScheme is the security scheme's name in the document.
const keyScheme = "apiKey"

// needs writes a door's scope where the document and guard both read it.
func needs(s Scope) []map[string][]string { return []map[string][]string{{keyScheme: {string(s)}}} }

// scopeOf is the scope that an operation's entry in the document asks for.
func scopeOf(op *huma.Operation) string {
	for _, s := range op.Security {
		if scopes := s[keyScheme]; len(scopes) == 1 {
			return scopes[0]
		}
	}
	return ""
}

// guard checks the API key, its scope and its cap before a door opens. A door
// without a scope is open to everybody.
func (d *doors) guard(op *huma.Operation, door http.HandlerFunc) http.HandlerFunc {
	scope, route := scopeOf(op), op.Method+" "+op.Path
	if scope == "" {
		return door
	}
	return func(w http.ResponseWriter, r *http.Request) {
		key, p := d.recognise(r, scope, route)
		if p == nil {
			if wait, ok := d.rate.admit(key.ID, time.Now()); !ok {
				p = problem("too-many", "")
				p.headers = http.Header{"Retry-After": {strconv.Itoa(seconds(wait))}}
			}
		}
		if p != nil {
			p.write(w)
			return
		}
		door(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, key)))
	}
}

// recognise reads the bearer token (RFC 6750, section 2.1: the header only,
// never the query, which ends up in logs).
func (d *doors) recognise(r *http.Request, scope, route string) (KeyInfo, *Problem) {
	unknown := problem("unauthenticated", "")
	unknown.headers = http.Header{"Www-Authenticate": {`Bearer realm="mimamori"`}}
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return KeyInfo{}, unknown
	}
	method, secret, found := strings.Cut(given[0], " ")
	if !found || !strings.EqualFold(method, "Bearer") || secret == "" || len(secret) > 256 {
		return KeyInfo{}, unknown
	}
	key, err := d.opt.Keys.Check(r.Context(), secret, scope)
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, mimamori.ErrNotFound), errors.Is(err, mimamori.ErrInvalid):
		unknown.headers = http.Header{"Www-Authenticate": {`Bearer realm="mimamori", error="invalid_token"`}}
		return KeyInfo{}, unknown
	case errors.Is(err, mimamori.ErrDenied):
		p := problem("forbidden", "the API key lacks the scope "+scope)
		p.headers = http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="mimamori", error="insufficient_scope", scope=%q`, scope)}}
		return KeyInfo{}, p
	}
	return KeyInfo{}, d.fail(r.Context(), route, fmt.Errorf("check api key: %w", err))
}

// adapter puts guard around the doors that huma reads, and answers its 422 as
// the 400 that a broken request is everywhere else here.
type adapter struct {
	huma.Adapter
	d *doors
}

func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.d.mux.HandleFunc(op.Method+" "+op.Path, a.d.guard(op, func(w http.ResponseWriter, r *http.Request) {
		if op.RequestBody != nil {
			if _, p := mediaType(r, "application/json"); p != nil {
				p.write(w)
				return
			}
		}
		handler(plainStatus{humago.NewContext(op, r, w)})
	}))
}

// humaContext has another name than its method Context, so that it can be
// embedded.
type humaContext huma.Context

type plainStatus struct{ humaContext }

func (c plainStatus) SetStatus(code int) {
	if code == http.StatusUnprocessableEntity {
		code = http.StatusBadRequest
	}
	c.humaContext.SetStatus(code)
}

// outermost stands around everything: headers that hold for every answer, and
// a panic becomes an internal error with a reference.
func (d *doors) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			broken := recover()
			if broken == nil {
				return
			}
			if broken == http.ErrAbortHandler {
				panic(broken)
			}
			p := problem("internal", "")
			// The value of a panic may hold anything, so only its type is logged.
			d.log.ErrorContext(r.Context(), "api: panic", "reference", p.Reference, "route", r.Pattern, "type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
			p.write(w)
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// nowhere answers what no door is at: 405 with Allow where another method
// would find one, 404 elsewhere.
func (d *doors) nowhere(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := d.mux.Handler(probe); pattern != "/" {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		problem("not-found", "there is no door at this path").write(w)
		return
	}
	p := problem("method-not-allowed", "")
	p.headers = http.Header{"Allow": {strings.Join(allow, ", ")}}
	p.write(w)
}
