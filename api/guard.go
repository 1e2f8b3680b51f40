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
	"mimamori/staff"
)

// callerKey is where the recognised API key stands in a request's context, so
// that huma's handlers find it. Handlers turn it into an argument at once.
type callerKey struct{}

func caller(ctx context.Context) staff.APIKey {
	if k, ok := ctx.Value(callerKey{}).(*staff.APIKey); ok {
		return *k
	}
	return staff.APIKey{}
}

// called is the context of a request whose API key was recognised.
type called struct {
	context.Context
	key staff.APIKey
}

// Value is the key, or what the server keeps there.
func (c *called) Value(key any) any {
	if key == (callerKey{}) {
		return &c.key
	}
	return c.Context.Value(key)
}

// keyScheme is the security scheme's name in the document.
const keyScheme = "apiKey"

// needs writes a door's scope where the document and guard both read it.
func needs(s staff.Scope) []map[string][]string {
	return []map[string][]string{{keyScheme: {string(s)}}}
}

// scopeOf is the scope that an operation's entry in the document asks for.
func scopeOf(op *huma.Operation) staff.Scope {
	for _, s := range op.Security {
		if scopes := s[keyScheme]; len(scopes) == 1 {
			return staff.Scope(scopes[0])
		}
	}
	return ""
}

// guard checks the API key, its scope and its cap before a door opens. A door
// without a scope is open to everybody.
func (d *doors) guard(op *huma.Operation, door http.HandlerFunc) http.HandlerFunc {
	scope, route := scopeOf(op), op.Method+" "+op.Path
	door = d.opt.Admission.Before(door).ServeHTTP
	if scope == "" {
		return door
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if key, ok := d.known(w, r, scope, route); ok {
			door(w, r.WithContext(&called{r.Context(), key}))
		}
	}
}

// known is the API key of a request, when it opens a door of this scope and is
// within its cap; else it has answered.
func (d *doors) known(w http.ResponseWriter, r *http.Request, scope staff.Scope, route string) (staff.APIKey, bool) {
	key, p := d.recognise(r, scope, route)
	if p == nil {
		if wait, ok := d.rate.admit(key.ID, time.Now()); !ok {
			p = tooMany(wait)
		}
	}
	if p != nil {
		p.write(w)
		return key, false
	}
	return key, true
}

// recognise reads the bearer token (RFC 6750, section 2.1: the header only,
// never the query, which ends up in logs).
func (d *doors) recognise(r *http.Request, scope staff.Scope, route string) (staff.APIKey, *Problem) {
	unknown := func(more string) (staff.APIKey, *Problem) {
		p := problem("unauthenticated", "")
		p.headers = http.Header{"Www-Authenticate": {`Bearer realm="mimamori"` + more}}
		return staff.APIKey{}, p
	}
	given := r.Header["Authorization"]
	if len(given) != 1 {
		return unknown("")
	}
	method, secret, found := strings.Cut(given[0], " ")
	if !found || !strings.EqualFold(method, "Bearer") || secret == "" {
		return unknown("")
	}
	key, err := d.opt.Keys.Check(r.Context(), secret)
	switch {
	case errors.Is(err, mimamori.ErrDenied):
		return unknown(`, error="invalid_token"`)
	case errors.Is(err, staff.ErrTooMany):
		return staff.APIKey{}, tooMany(time.Second)
	case err != nil:
		return staff.APIKey{}, d.fail(r.Context(), route, fmt.Errorf("check api key: %w", err))
	case !key.Has(scope):
		p := problem("forbidden", "the API key lacks the scope "+string(scope))
		p.headers = http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="mimamori", error="insufficient_scope", scope=%q`, scope)}}
		return staff.APIKey{}, p
	}
	return key, nil
}

func tooMany(wait time.Duration) *Problem {
	p := problem("too-many", "")
	p.headers = http.Header{"Retry-After": {strconv.Itoa(seconds(wait))}}
	return p
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

// everywhere are the headers of each answer.
var everywhere = [...]struct {
	name  string
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Cache-Control", []string{"no-store"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Referrer-Policy", []string{"no-referrer"}},
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
		for i := range everywhere { // names are in their canonical form, values shared: this is done for each answer
			h[everywhere[i].name] = everywhere[i].value[:1:1]
		}
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
