package demoshop

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mimamori/client"
)

type signInView struct {
	Name, Next, Fault string
	Places            []Place
	From              string
}

func (v *visit) signInView(fault string) signInView {
	d := signInView{Name: v.r.PostFormValue("name"), Next: v.r.FormValue("next"), Fault: fault, From: fromOf(v.r)}
	if v.shop.opt.Demo {
		d.Places = places
		if f := v.r.PostFormValue("from"); f != "" {
			d.From = f
		}
	}
	return d
}

func (v *visit) signInPage() error { return v.show(http.StatusOK, "signin", v.signInView("")) }

// signIn checks the password, then lets Mimamori decide. Whatever is wrong, the
// visitor reads the same sentence, but for one case: the old right password of
// an account whose password was made invalid (mission R1).
func (v *visit) signIn() error {
	ctx, name, password := v.r.Context(), v.r.PostFormValue("name"), v.r.PostFormValue("password")
	if v.shop.opt.Demo {
		if _, ok := PlaceByKey(v.r.PostFormValue("from")); ok {
			v.setCookie(cookieFrom, v.r.PostFormValue("from"), sessionLife)
		} else if v.r.PostForm.Has("from") {
			v.setCookie(cookieFrom, "", 0)
		}
	}
	a, err := findByName(ctx, v.shop.db, name)
	if err != nil && !errors.Is(err, client.ErrUnknownAccount) {
		return err
	}
	if err != nil {
		v.shop.check(v.shop.dummy, password) // takes as long as a real one
		return v.refused(ctx, v.shop.nobody(name), "unknown_account", password)
	}
	if len(password) > 4*maxPassword || !v.shop.check(a.PasswordHash, password) {
		return v.refused(ctx, a.Subject, "wrong_password", password)
	}
	if a.PasswordState != "set" {
		return v.invalid(ctx, a, password)
	}
	o, err := v.origin(a.Subject)
	if err != nil {
		return err
	}
	return v.enter(ctx, a.Subject, o, password, v.r.PostFormValue("remember") != "")
}

// check compares a password when there is room: whoever floods the sign-in page
// waits, and does not take the shop's memory.
func (s *Shop) check(hash, password string) bool {
	s.hashing <- struct{}{}
	defer func() { <-s.hashing }()
	return checkPassword(hash, password)
}

// login is what an attempt looked like.
func (v *visit) login(outcome, session string, o origin, password string) client.Login {
	l := client.Login{Outcome: outcome, Session: session, IP: o.IP, UserAgent: o.UserAgent, AcceptLanguage: o.AcceptLanguage,
		Device: o.Device, Factor: "none"}
	if password != "" {
		l.PasswordTag = passwordTag(v.shop.tagKey, password, v.now)
		l.PasswordBreached = common(password)
	}
	for _, h := range []string{"Sec-CH-UA", "Sec-CH-UA-Platform", "Sec-CH-UA-Mobile"} {
		if x := v.r.Header.Get(h); x != "" && o.Place == "" {
			if l.ClientHints == nil {
				l.ClientHints = map[string]string{}
			}
			l.ClientHints[strings.ToLower(h)] = x
		}
	}
	return l
}

// attempt reports a sign-in that did not succeed.
func (v *visit) attempt(ctx context.Context, subject, outcome, password string) error {
	o, err := v.origin(subject)
	if err != nil {
		return err
	}
	err = v.shop.inTx(ctx, func(tx *sql.Tx) error {
		_, err := v.shop.report(ctx, tx, client.LoginAttempted, subject, v.now, v.login(outcome, "", o, password))
		return err
	})
	v.shop.mimamori.Wake() // not awaited: the answer must not take longer for a known name
	return err
}

func (v *visit) refused(ctx context.Context, subject, outcome, password string) error {
	if err := v.attempt(ctx, subject, outcome, password); err != nil {
		return err
	}
	return v.show(http.StatusUnauthorized, "signin", v.signInView("signin.wrong"))
}

// invalid explains to whoever knows the old password that it is no longer good,
// and leads to the way back. It tells an intruder nothing that he would not see
// by not getting in.
func (v *visit) invalid(ctx context.Context, a account, password string) error {
	if err := v.attempt(ctx, a.Subject, "blocked", password); err != nil {
		return err
	}
	u, err := v.shop.mimamori.Recover(ctx, a.Subject, v.Lang, v.shop.opt.BaseURL+"/password/new")
	if err != nil {
		v.shop.log.Error("recovery cannot begin", "error", err)
		return v.show(http.StatusServiceUnavailable, "message", v.message("recovery.away"))
	}
	m := v.message("signin.invalid")
	m.Go = u
	return v.show(http.StatusForbidden, "message", m)
}

// enter begins a session and honours what Mimamori decides about it.
func (v *visit) enter(ctx context.Context, subject string, o origin, password string, remember bool) error {
	ses, token, d, err := v.decide(ctx, subject, o, password)
	if err != nil {
		return err
	}
	if d.Device != "" {
		v.setCookie(o.cookie, d.Device, 400*24*time.Hour)
	}
	switch d.Decision {
	case client.Challenge:
		return v.challenge(ctx, ses, token, d)
	case client.Contain:
		if err := v.drop(ctx, ses.ID); err != nil {
			return err
		}
		return v.contained(ctx, subject)
	}
	ok, err := v.shop.openSession(ctx, ses.ID)
	if err != nil {
		return err
	}
	if !ok {
		return v.contained(ctx, subject)
	}
	v.setCookie(cookieSession, token, 0)
	if remember {
		token, err := v.shop.remember(ctx, subject, v.now)
		if err != nil {
			return err
		}
		v.setCookie(cookieRemember, token, rememberLife)
	}
	if d.Decision == client.Hold {
		v.session = &ses
		return v.show(http.StatusOK, "message", v.message("signin.hold"))
	}
	return v.see(localPath(v.r.PostFormValue("next")))
}

func (v *visit) decide(ctx context.Context, subject string, o origin, password string) (session, string, client.Decision, error) {
	ses, token, err := v.shop.beginSession(ctx, subject, o, v.now)
	if err != nil {
		return ses, "", client.Decision{}, err
	}
	e, err := v.shop.mimamori.NewEvent(client.LoginAttempted, subject, v.now, v.login("succeeded", ses.ID, o, password))
	if err != nil {
		return ses, "", client.Decision{}, err
	}
	d, err := v.shop.mimamori.Decide(ctx, e)
	if err != nil {
		v.shop.log.Warn("signed in without mimamori's word", "session", ses.ID, "error", err)
	}
	return ses, token, d, nil
}

// localPath keeps "next" inside the shop: anything else is a way to send a
// customer to a false one.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\n\r\t") {
		return "/my"
	}
	return p
}

func (v *visit) drop(ctx context.Context, session string) error {
	_, err := v.shop.db.ExecContext(ctx, `UPDATE session SET state = 'ended', ended_at = ? WHERE id = ?`, micros(v.now), session)
	return err
}

// contained says that nobody gets in now, and where the way back begins.
func (v *visit) contained(ctx context.Context, subject string) error {
	m := v.message("signin.contain")
	if u, err := v.shop.mimamori.Recover(ctx, subject, v.Lang, v.shop.opt.BaseURL+"/password/new"); err == nil {
		m.Go = u
	}
	return v.show(http.StatusForbidden, "message", m)
}

// challenge sends the customer to prove himself; the session stays pending.
func (v *visit) challenge(ctx context.Context, ses session, token string, d client.Decision) error {
	u, err := url.Parse("")
	if d.Challenge != nil {
		u, err = url.Parse(d.Challenge.URL)
	}
	if err != nil || u.Host == "" {
		return errors.Join(errors.New("a challenge without an address"), err, v.drop(ctx, ses.ID))
	}
	if _, err := v.shop.db.ExecContext(ctx, `UPDATE session SET challenge = ? WHERE id = ?`, d.Challenge.ID, ses.ID); err != nil {
		return err
	}
	v.setCookie(cookieSession, token, 0)
	q := u.Query()
	q.Set("return_url", v.shop.opt.BaseURL+"/signin/challenge")
	q.Set("locale", v.Lang)
	u.RawQuery = q.Encode()
	return v.see(u.String())
}

// challengeReturn lets a pending session in if Mimamori says that this very
// challenge was passed for it. The address bar alone says nothing.
func (v *visit) challengeReturn() error {
	ctx, id := v.r.Context(), v.r.URL.Query().Get("challenge")
	ses, err := v.shop.sessionByToken(ctx, v.cookie(cookieSession), v.now)
	if err != nil {
		return err
	}
	if ses == nil || ses.State != "pending" || ses.Challenge == "" || ses.Challenge != id {
		return v.see("/signin")
	}
	st, err := v.shop.mimamori.ChallengeState(ctx, id)
	if err != nil {
		v.shop.log.Error("a challenge cannot be asked for", "error", err)
		return v.show(http.StatusServiceUnavailable, "message", v.message("challenge.away"))
	}
	if st.State == "open" {
		return v.show(http.StatusOK, "message", v.message("challenge.open"))
	}
	if !st.Passed(ses.Subject, ses.ID) {
		if err := v.drop(ctx, ses.ID); err != nil {
			return err
		}
		return v.show(http.StatusForbidden, "message", v.message("challenge.failed"))
	}
	ok, err := v.shop.openSession(ctx, ses.ID)
	if err != nil {
		return err
	}
	if !ok {
		return v.contained(ctx, ses.Subject)
	}
	return v.see("/my")
}

// comeBack begins a session for a remembered device. It is a sign-in like any
// other and is decided like one; only what is allowed without more goes in.
func (v *visit) comeBack(ctx context.Context, token string) error {
	subject, err := v.shop.rememberedSubject(ctx, token, v.now)
	if err != nil || subject == "" {
		return err
	}
	a, err := findAccount(ctx, v.shop.db, subject)
	if err != nil || a.PasswordState != "set" {
		return err
	}
	o, err := v.origin(subject)
	if err != nil {
		return err
	}
	ses, cookie, d, err := v.decide(ctx, subject, o, "")
	if err != nil {
		return err
	}
	if d.Decision == client.Challenge || d.Decision == client.Contain {
		return v.drop(ctx, ses.ID) // the sign-in page will ask for the password
	}
	ok, err := v.shop.openSession(ctx, ses.ID)
	if err != nil || !ok {
		return err
	}
	v.setCookie(cookieSession, cookie, 0)
	ses.State, ses.SeenAt = "open", v.now
	v.session = &ses
	return nil
}

func (v *visit) signOut() error {
	ctx := v.r.Context()
	if v.session != nil {
		err := v.shop.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := exec(ctx, tx, `UPDATE session SET state = 'ended', ended_at = ? WHERE id = ?`, micros(v.now), v.session.ID); err != nil {
				return err
			}
			if _, err := exec(ctx, tx, `UPDATE remembered SET ended_at = ? WHERE token_hash = ?`, micros(v.now), hash(v.cookie(cookieRemember))); err != nil {
				return err
			}
			_, err := v.shop.report(ctx, tx, client.SessionEnded, v.subject(), v.now, client.Ended{Session: v.session.ID})
			return err
		})
		if err != nil {
			return err
		}
	}
	v.setCookie(cookieSession, "", 0)
	v.setCookie(cookieRemember, "", 0)
	return v.done("/", "done.signout")
}
