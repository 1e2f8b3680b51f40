package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"mimamori"
	"mimamori/staff"
)

type handoffIn struct {
	Body struct {
		Subject   string `json:"subject" minLength:"1" maxLength:"200"`
		Session   string `json:"session" minLength:"1" maxLength:"200" doc:"the shop's session of the signed-in customer; revoking it ends the centre's"`
		Locale    string `json:"locale" enum:"ja,en"`
		Page      string `json:"page,omitempty" maxLength:"100" pattern:"^[a-z0-9/_-]*$" doc:"which page of the centre to open"`
		ReturnURL string `json:"return_url" maxLength:"2000" doc:"https, on a host that the operator allows"`
	}
}

type handoffOut struct {
	Body struct {
		URL       string `json:"url" doc:"send the browser there; good once"`
		ExpiresIn int    `json:"expires_in" doc:"seconds" example:"60"`
	}
}

type recoveryIn struct {
	Body struct {
		Subject   *string `json:"subject" nullable:"true" minLength:"1" maxLength:"200" doc:"null when nobody of that name exists; better a keyed hash of the name, as in login.attempted"`
		Ask       bool    `json:"ask,omitempty" doc:"the shop did not ask who it is: the page does; with subject null only"`
		Locale    string  `json:"locale" enum:"ja,en"`
		ReturnURL string  `json:"return_url" maxLength:"2000" doc:"https, on a host that the operator allows"`
	}
}

type recoveryOut struct {
	Body struct {
		URL string `json:"url" doc:"send the browser there"`
	}
}

type challengeIn struct {
	ID string `path:"id" maxLength:"100"`
}

type challengeOut struct{ Body ChallengeState }

type redeemIn struct {
	JTI string `path:"jti" maxLength:"200" doc:"the grant's jti claim"`
}

type redeemOut struct {
	Body struct {
		Redeemed bool `json:"redeemed" doc:"always true: set the password now, then send account.changed with grant"`
	}
}

// handoffSeconds is how long the address of a handoff is good.
const handoffSeconds = 60

func (d *doors) wayDoors() {
	open(d, door{method: http.MethodPost, path: "/v1/handoffs", id: "handoff", scope: staff.ScopeHandoff, tag: tagWays,
		title: mimamori.Text{JA: "お客様をセキュリティセンターへ案内する", EN: "Send a signed-in customer to the security centre"},
		text:  "One address for one use. Make it when the customer presses the link, not before."}, d.handoff)
	open(d, door{method: http.MethodPost, path: "/v1/recoveries", id: "recover", scope: staff.ScopeHandoff, tag: tagWays,
		title: mimamori.Text{JA: "サインインできないお客様を案内する", EN: "Send somebody who cannot sign in on the way back"},
		text:  "For “Forgot your password?”, and for the sign-in page when the password is invalid. Pass null when nobody of that name exists: the answer is the same, in the same time, and tells nobody whether the account exists."}, d.recover)
	open(d, door{method: http.MethodGet, path: "/v1/challenges/{id}", id: "challenge", scope: staff.ScopeDecisions, tag: tagWays, errors: []int{404},
		title: mimamori.Text{JA: "本人確認の結果を尋ねる", EN: "Ask how a challenge ended"},
		text:  "Ask when the customer comes back with ?challenge=; never trust the query. passed counts once, for that session."}, d.challenge)
	open(d, door{method: http.MethodPost, path: "/v1/grants/{jti}/redeem", id: "redeem", scope: staff.ScopeHandoff, tag: tagWays, errors: []int{409},
		title: mimamori.Text{JA: "パスワード設定の許可を使う", EN: "Redeem the permission to set a password"},
		text:  "Exactly once: 200, else 409. Verify the grant (ES256, /.well-known/jwks.json), redeem it, and only then set the password. Has no body."}, d.redeem)
}

func (d *doors) handoff(ctx context.Context, k staff.APIKey, in *handoffIn) (*handoffOut, error) {
	if d.opt.Handoffs == nil {
		return nil, missing()
	}
	b := in.Body
	if err := errors.Join(named("subject", b.Subject, "session", b.Session), d.returns.check(b.ReturnURL)); err != nil {
		return nil, err
	}
	url, err := d.opt.Handoffs.Make(ctx, HandoffAsk{Subject: b.Subject, Session: b.Session, Locale: mimamori.ParseLang(b.Locale),
		Page: b.Page, ReturnURL: b.ReturnURL, Source: k.Source})
	if err != nil {
		return nil, fmt.Errorf("make a handoff: %w", err)
	}
	var out handoffOut
	out.Body.URL, out.Body.ExpiresIn = url, handoffSeconds
	return &out, nil
}

// recover never branches on whether the account exists: Begin does the same
// work for nobody, and a kind of error that would tell is an internal one.
func (d *doors) recover(ctx context.Context, k staff.APIKey, in *recoveryIn) (*recoveryOut, error) {
	if d.opt.Recoveries == nil {
		return nil, missing()
	}
	b := in.Body
	subject := ""
	if b.Subject != nil {
		subject = *b.Subject
		if err := named("subject", subject); err != nil {
			return nil, err
		}
	}
	if err := d.returns.check(b.ReturnURL); err != nil {
		return nil, err
	}
	url, err := d.opt.Recoveries.Begin(ctx, RecoveryAsk{Subject: subject, Ask: b.Ask && subject == "", Locale: mimamori.ParseLang(b.Locale), ReturnURL: b.ReturnURL, Source: k.Source})
	if err != nil && !errors.Is(err, mimamori.ErrUnavailable) {
		return nil, fmt.Errorf("begin a recovery: %s", err) // %s: no kind gets through
	}
	if err != nil {
		return nil, fmt.Errorf("begin a recovery: %w", err)
	}
	var out recoveryOut
	out.Body.URL = url
	return &out, nil
}

func (d *doors) challenge(ctx context.Context, _ staff.APIKey, in *challengeIn) (*challengeOut, error) {
	if d.opt.Challenges == nil {
		return nil, missing()
	}
	if err := named("id", in.ID); err != nil {
		return nil, err
	}
	s, err := d.opt.Challenges.State(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("look at a challenge: %w", err)
	}
	return &challengeOut{s}, nil
}

func (d *doors) redeem(ctx context.Context, k staff.APIKey, in *redeemIn) (*redeemOut, error) {
	if d.opt.Grants == nil {
		return nil, missing()
	}
	if err := named("jti", in.JTI); err != nil {
		return nil, err
	}
	err := d.opt.Grants.Redeem(ctx, in.JTI, k.Source)
	for _, k := range []error{mimamori.ErrConflict, mimamori.ErrNotFound, mimamori.ErrDenied, mimamori.ErrInvalid} {
		if errors.Is(err, k) {
			// Used, expired, never given, another source's: one answer for all.
			return nil, problem("conflict", "this grant cannot be redeemed (any more)")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("redeem a grant: %w", err)
	}
	var out redeemOut
	out.Body.Redeemed = true
	return &out, nil
}
