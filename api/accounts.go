package api

import (
	"context"
	"fmt"
	"net/http"
	"unicode"
	"unicode/utf8"

	"mimamori"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/intake"
	"mimamori/staff"
)

type historyIn struct {
	Subject string `path:"subject" maxLength:"200" doc:"the shop's account id"`
}

type gateIn struct {
	Subject string `path:"subject" maxLength:"200" doc:"the shop's account id"`
	Act     string `query:"act" required:"true" enum:"order,points,contact,payment,factor" doc:"the sensitive act"`
	Session string `query:"session" required:"true" minLength:"1" maxLength:"200" doc:"the session that wants to do it"`
}

type gateOut struct{ Body intake.Gated }

type historyOut struct{ Body History }

type reportIn struct {
	Body struct {
		Subject string `json:"subject" minLength:"1" maxLength:"200"`
		Session string `json:"session" minLength:"1" maxLength:"200" doc:"the session that the word is about"`
		Verdict string `json:"verdict" enum:"me,not_me"`
	}
}

type reportOut struct {
	Body struct {
		Incident mimamori.IncidentID `json:"incident,omitempty" doc:"the incident that this opened or joined"`
	}
}

func (d *doors) accountDoors() {
	open(d, door{method: http.MethodGet, path: "/v1/accounts/{subject}/gate", id: "gate", scope: staff.ScopeDecisions, tag: tagAccounts,
		title: mimamori.Text{JA: "慎重な操作の前に確認する", EN: "Ask before a sensitive act"},
		text:  "May this session do this act now? Ask before an order, a points movement, a change of contact, payment or factor. An account never seen is let through."},
		d.gate)
	open(d, door{method: http.MethodGet, path: "/v1/accounts/{subject}/history", id: "history", scope: staff.ScopeRead, tag: tagAccounts,
		title: mimamori.Text{JA: "サインイン履歴を読む", EN: "Read the sign-in history"},
		text:  "The sign-ins of the last 60 days, explained. Only for showing them to the customer or to an agent in a call."},
		d.history)
	open(d, door{method: http.MethodPost, path: "/v1/reports", id: "report", scope: staff.ScopeEvents, tag: tagAccounts,
		title: mimamori.Text{JA: "「わたしです」「わたしではありません」を伝える", EN: "Pass on “that was me” or “that wasn't me”"},
		text:  "not_me starts the response at once. me calms only what the shop's word alone may calm; it never lowers what a detector, the customer in the security centre or an agent set."},
		d.report)
}

func (d *doors) gate(ctx context.Context, _ staff.APIKey, in *gateIn) (*gateOut, error) {
	act, err := decide.ParseSensitive(in.Act)
	if err != nil {
		return nil, err
	}
	if err := named("subject", in.Subject, "session", in.Session); err != nil {
		return nil, err
	}
	g, err := d.opt.Intake.Gate(ctx, in.Subject, act, in.Session)
	if err != nil {
		return nil, fmt.Errorf("ask the gate: %w", err)
	}
	return &gateOut{g}, nil
}

func (d *doors) history(ctx context.Context, k staff.APIKey, in *historyIn) (*historyOut, error) {
	if d.opt.Histories == nil {
		return nil, missing()
	}
	if err := named("subject", in.Subject); err != nil {
		return nil, err
	}
	if err := d.saw(ctx, k, audit.LookAccount, audit.Target{Account: mimamori.NewAccountID(in.Subject)}); err != nil {
		return nil, err
	}
	h, err := d.opt.Histories.History(ctx, in.Subject)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	if h.Logins == nil {
		h.Logins = []Login{}
	}
	return &historyOut{h}, nil
}

func (d *doors) report(ctx context.Context, k staff.APIKey, in *reportIn) (*reportOut, error) {
	if d.opt.Reports == nil {
		return nil, missing()
	}
	b := in.Body
	if err := named("subject", b.Subject, "session", b.Session); err != nil {
		return nil, err
	}
	if b.Verdict == "not_me" {
		if err := d.words(ctx, k, 1); err != nil {
			return nil, err
		}
	}
	id, err := d.opt.Reports.Report(ctx, ReportAsk{Subject: b.Subject, Session: b.Session, Verdict: b.Verdict, By: k.Actor(), Source: k.Source})
	if err != nil {
		return nil, fmt.Errorf("take a report: %w", err)
	}
	var out reportOut
	out.Body.Incident = id
	return &out, nil
}

// saw records a look before anything is shown.
func (d *doors) saw(ctx context.Context, k staff.APIKey, act audit.Act, target audit.Target) error {
	if d.opt.Audit == nil {
		return nil
	}
	if err := d.opt.Audit.Record(ctx, k.Actor(), act, target, "", map[string]string{"door": "api"}); err != nil {
		return fmt.Errorf("record a look: %w", err)
	}
	return nil
}

// named checks names, given as field and value in turn, by the rule that
// events have for theirs: 1 to 200 printable characters, no space at the ends.
func named(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		v := pairs[i+1]
		ok := v != "" && utf8.ValidString(v) && utf8.RuneCountInString(v) <= 200 && v[0] != ' ' && v[len(v)-1] != ' '
		for _, r := range v {
			ok = ok && unicode.IsPrint(r)
		}
		if !ok {
			return invalidField(pairs[i], "must be 1 to 200 printable characters without a space at the ends")
		}
	}
	return nil
}
