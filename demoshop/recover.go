package demoshop

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"mimamori/client"
)

func (v *visit) forgotPage() error { return v.show(http.StatusOK, "forgot", nil) }

// forgot sends everybody on to Mimamori, known or not: the answer must not tell
// who has an account here.
func (v *visit) forgot() error {
	ctx := v.r.Context()
	a, err := findByName(ctx, v.shop.db, v.r.PostFormValue("name"))
	if err != nil && !errors.Is(err, client.ErrUnknownAccount) {
		return err
	}
	who := a.Subject
	if who == "" { // a stand-in for the name, so that asking twice looks alike too
		who = v.shop.nobody(v.r.PostFormValue("name"))
	}
	u, err := v.shop.mimamori.Recover(ctx, who, v.Lang, v.shop.opt.BaseURL+"/password/new")
	if err != nil {
		v.shop.log.Error("recovery cannot begin", "error", err)
		return v.show(http.StatusServiceUnavailable, "message", v.message("recovery.away"))
	}
	return v.see(u)
}

func (v *visit) forgotIDPage() error { return v.show(http.StatusOK, "forgotid", nil) }

// forgotID mails the user id to an address that an account has; the page says
// the same to everybody.
func (v *visit) forgotID() error {
	typed := v.r.PostFormValue("mail")
	a, err := findByName(v.r.Context(), v.shop.db, typed)
	if err != nil && !errors.Is(err, client.ErrUnknownAccount) {
		return err
	}
	if err == nil && strings.Contains(typed, "@") {
		v.shop.post(v.r.Context(), a.Subject, "mail.id", a.Subject)
	}
	return v.show(http.StatusOK, "message", v.message("forgotid.sent"))
}

// centrePage is what a page of the centre may be called; another would make the
// door refuse the whole handoff.
var centrePage = regexp.MustCompile(`^[a-z0-9/_-]{0,100}$`)

// security hands the customer over to the security centre.
func (v *visit) security() error {
	page := v.r.URL.Query().Get("page")
	if !centrePage.MatchString(page) {
		page = ""
	}
	u, err := v.shop.mimamori.Handoff(v.r.Context(), client.Handoff{
		Subject: v.subject(), Session: v.session.ID, Locale: v.Lang, Page: page,
		ReturnURL: v.shop.opt.BaseURL + "/my",
	})
	if err != nil {
		v.shop.log.Error("the security centre cannot be entered", "error", err)
		return v.show(http.StatusServiceUnavailable, "message", v.message("security.away"))
	}
	return v.see(u)
}

type newPasswordView struct{ Grant, Subject, Fault string }

// newPasswordPage without a grant only says where one begins.
func (v *visit) newPasswordPage() error {
	m := v.message("password.nogrant")
	m.Go = "/forgot"
	return v.show(http.StatusOK, "message", m)
}

// newPassword takes the grant twice: first from Mimamori's page, to show the
// form; then with the new password. Only the second uses it up, so that a
// password which is refused costs nothing.
func (v *visit) newPassword() error {
	ctx, token := v.r.Context(), v.r.PostFormValue("grant")
	g, err := v.shop.mimamori.VerifyGrant(ctx, token, client.ActPasswordSet)
	if err == nil {
		err = v.usePassword(ctx, token, g)
	}
	if errors.Is(err, client.ErrGrant) || errors.Is(err, client.ErrGrantUsed) || errors.Is(err, client.ErrUnknownAccount) {
		v.shop.log.Warn("a grant was refused", "error", err)
		m := v.message("password.badgrant")
		m.Go = "/forgot"
		return v.show(http.StatusForbidden, "message", m)
	}
	return err
}

func (v *visit) usePassword(ctx context.Context, token string, g client.Grant) error {
	a, err := findAccount(ctx, v.shop.db, g.Subject)
	if err != nil {
		return err
	}
	d := newPasswordView{Grant: token, Subject: a.Subject}
	if !v.r.PostForm.Has("password") {
		return v.show(http.StatusOK, "newpassword", d)
	}
	password := v.r.PostFormValue("password")
	if d.Fault = v.shop.refused(ctx, password, a.Subject, a.PasswordHash, a.PasswordBefore); d.Fault == "" && password != v.r.PostFormValue("again") {
		d.Fault = "password.again"
	}
	if d.Fault != "" {
		return v.show(http.StatusUnprocessableEntity, "newpassword", d)
	}
	hashed, err := hashPassword(password, v.shop.opt.Cost)
	if err != nil {
		return err
	}
	if err := v.shop.mimamori.RedeemGrant(ctx, g.ID); err != nil {
		return err
	}
	// The grant is gone: the customer leaving the page now must not cost it.
	ctx = context.WithoutCancel(ctx)
	err = v.shop.inTx(ctx, func(tx *sql.Tx) error {
		if err := v.shop.setPassword(ctx, tx, cause{Grant: g.ID}, a.Subject, hashed, v.now); err != nil {
			return err
		}
		if _, err := v.shop.endSessions(ctx, tx, cause{}, a.Subject, v.now, v.now, ""); err != nil {
			return err
		}
		_, err := forgetDevices(ctx, tx, a.Subject, v.now, v.now)
		return err
	})
	if err != nil {
		return err
	}
	v.shop.tell(ctx)
	m := v.message("password.set")
	m.Go = "/signin"
	return v.show(http.StatusOK, "message", m)
}

func (v *visit) changePasswordPage() error { return v.show(http.StatusOK, "changepassword", "") }

// changePassword is the ordinary change by somebody signed in.
func (v *visit) changePassword() error {
	ctx := v.r.Context()
	if _, err := v.gate(client.ActFactor); err != nil {
		return err
	}
	a, err := findAccount(ctx, v.shop.db, v.subject())
	if err != nil {
		return err
	}
	password := v.r.PostFormValue("password")
	fault := v.shop.refused(ctx, password, a.Subject, a.PasswordHash, a.PasswordBefore)
	if !checkPassword(a.PasswordHash, v.r.PostFormValue("old")) {
		fault = "password.wrong"
	}
	if fault != "" {
		return v.show(http.StatusUnprocessableEntity, "changepassword", fault)
	}
	hashed, err := hashPassword(password, v.shop.opt.Cost)
	if err != nil {
		return err
	}
	err = v.shop.inTx(ctx, func(tx *sql.Tx) error {
		now, err := findAccount(ctx, tx, a.Subject)
		if err != nil {
			return err
		}
		if now.PasswordState != "set" || now.PasswordHash != a.PasswordHash {
			return errors.New("the password changed meanwhile") // a containment came first and stays
		}
		if err := v.shop.setPassword(ctx, tx, v.cause(), a.Subject, hashed, v.now); err != nil {
			return err
		}
		if _, err := v.shop.endSessions(ctx, tx, v.cause(), a.Subject, v.now, v.now, v.session.ID); err != nil {
			return err
		}
		_, err = forgetDevices(ctx, tx, a.Subject, v.now, v.now)
		return err
	})
	if err != nil {
		return err
	}
	return v.done("/my", "done.password")
}
