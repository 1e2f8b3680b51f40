package demoshop

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mimamori/client"
)

const cookieLang = "midori_lang"

// visit is one request of one visitor.
type visit struct {
	shop    *Shop
	w       http.ResponseWriter
	r       *http.Request
	now     time.Time
	Lang    string   // ja or en
	session *session // nil: not signed in
}

// errNotFound makes a page that says so.
var errNotFound = errors.New("no such page")

// Handler is the whole shop: pages, commands and the style sheet.
func (s *Shop) Handler() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, do func(*visit) error) { mux.Handle(pattern, s.page(do, false)) }
	own := func(pattern string, do func(*visit) error) { mux.Handle(pattern, s.page(do, true)) }

	open("GET /{$}", (*visit).home)
	open("GET /products/{id}", (*visit).product)
	open("GET /signin", (*visit).signInPage)
	open("POST /signin", (*visit).signIn)
	open("GET /signin/challenge", (*visit).challengeReturn)
	open("POST /signout", (*visit).signOut)
	open("GET /forgot", (*visit).forgotPage)
	open("POST /forgot", (*visit).forgot)
	open("GET /forgot-id", (*visit).forgotIDPage)
	open("POST /forgot-id", (*visit).forgotID)
	open("GET /password/new", (*visit).newPasswordPage)
	open("POST /password/new", (*visit).newPassword)

	own("GET /security", (*visit).security)
	own("GET /order", (*visit).orderPage)
	own("POST /order", (*visit).order)
	own("GET /my", (*visit).my)
	own("GET /my/orders", (*visit).orders)
	own("POST /my/orders/{id}/hide", (*visit).hideOrder)
	own("POST /my/orders/{id}/unhide", (*visit).hideOrder)
	own("POST /my/orders/{id}/cancel", (*visit).cancelOrder)
	own("GET /my/addresses", (*visit).addresses)
	own("POST /my/addresses", (*visit).saveAddress)
	own("POST /my/addresses/{id}", (*visit).saveAddress)
	own("POST /my/addresses/{id}/remove", (*visit).removeAddress)
	own("GET /my/payments", (*visit).payments)
	own("POST /my/payments", (*visit).addPayment)
	own("POST /my/payments/{id}/remove", (*visit).removePayment)
	own("GET /my/contacts", (*visit).contacts)
	own("POST /my/contacts/{id}", (*visit).saveContact)
	own("POST /my/newsletter", (*visit).saveNewsletter)
	own("GET /my/membership", (*visit).membership)
	own("POST /my/membership/join", (*visit).join)
	own("POST /my/membership/leave", (*visit).leave)
	own("GET /my/points", (*visit).points)
	own("POST /my/points/spend", (*visit).spend)
	own("GET /my/password", (*visit).changePasswordPage)
	own("POST /my/password", (*visit).changePassword)

	mux.HandleFunc("GET /style.css", s.pages.style)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })

	cross := http.NewCrossOriginProtection()
	// The grant arrives from Mimamori's origin, and is itself the proof.
	cross.AddInsecureBypassPattern("POST /password/new")
	root := http.NewServeMux()
	root.Handle(CommandsPath, s.commands)
	root.Handle(CommandsPath+"/accounts/", s.commands)
	root.Handle("/", cross.Handler(mux))
	return root
}

// page runs one page: who is it, may he see it, and one place for errors.
func (s *Shop) page(do func(*visit) error, signedIn bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		v := &visit{shop: s, w: w, r: r, now: time.Now().UTC().Truncate(time.Microsecond)}
		v.pickLang()
		v.headers()
		err := v.load(r.Context())
		switch {
		case err != nil:
		case signedIn && v.session == nil:
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(v.backTo()), http.StatusSeeOther)
			return
		default:
			err = do(v)
		}
		if errors.Is(err, errShown) {
			return
		}
		if errors.Is(err, errNotFound) {
			err = v.show(http.StatusNotFound, "message", v.message("notfound"))
		}
		if err != nil {
			ref := client.NewID("e")[:10]
			s.log.Error("a page failed", "path", r.URL.Path, "reference", ref, "error", err)
			m := v.message("broken")
			m.Note = ref
			_ = v.show(http.StatusInternalServerError, "message", m)
		}
	})
}

// backTo is where to go after the sign-in: only a page can be gone back to.
func (v *visit) backTo() string {
	if v.r.Method == http.MethodGet {
		return v.r.URL.RequestURI()
	}
	return "/my"
}

func (v *visit) pickLang() {
	switch q := v.r.URL.Query().Get("lang"); {
	case q == "ja" || q == "en":
		v.Lang = q
		v.setCookie(cookieLang, q, 365*24*time.Hour)
	case v.cookie(cookieLang) == "en" || v.cookie(cookieLang) == "ja":
		v.Lang = v.cookie(cookieLang)
	case strings.HasPrefix(v.r.Header.Get("Accept-Language"), "en"):
		v.Lang = "en"
	default:
		v.Lang = "ja"
	}
}

func (v *visit) headers() {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would hide our own origin from our own check
	// form-action counts for redirects too: a sign-in may lead to a challenge.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+v.shop.opt.CentreOrigin)
}

// load finds the session of the cookie, or lets a remembered device begin one.
func (v *visit) load(ctx context.Context) error {
	if token := v.cookie(cookieSession); token != "" {
		ses, err := v.shop.sessionByToken(ctx, token, v.now)
		if err != nil {
			return err
		}
		if ses != nil && ses.State == "open" {
			v.session = ses
			return v.seen(ctx)
		}
		if ses != nil {
			return nil // pending: only the challenge's page looks at it
		}
	}
	if token := v.cookie(cookieRemember); token != "" && v.r.Method == http.MethodGet {
		return v.comeBack(ctx, token)
	}
	return nil
}

// origin is from where this visitor comes, given whose account it is about.
func (v *visit) origin(subject string) (origin, error) {
	from := v.r.PostFormValue("from")
	if from == "" || v.r.Header.Get(HeaderFrom) != "" {
		from = fromOf(v.r)
	}
	return v.shop.originOf(v.r.Context(), v.r, subject, from)
}

func (v *visit) see(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// done goes back to a page with a line that says what was done.
func (v *visit) done(path, text string) error {
	v.shop.tell(v.r.Context())
	return v.see(path + "?done=" + text)
}

func (v *visit) subject() string { return v.session.Subject }

func (v *visit) cause() cause { return cause{Session: v.session.ID} }
