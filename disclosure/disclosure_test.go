package disclosure_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/disclosure"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/support"
)

const evil = `<script>alert(1)</script>`

// kept is one account with something of everything.
type kept struct{ t *testing.T }

var at = time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)

func (kept) ReadAccount(_ context.Context, subject string) (*incident.Account, error) {
	return &incident.Account{ID: mimamori.NewAccountID(subject), Subject: subject, Exists: subject == "hanako"}, nil
}

func (k kept) Events(context.Context, mimamori.AccountID) ([]event.Event, error) {
	var out []event.Event
	for id, data := range map[string]string{
		"hers": `{"session":"s-1","resource":{"kind":"address","id":"a"},"op":"added","after":{"line":"川崎市1-2 ` + evil + `"}}`,
		"his":  `{"session":"s-2","resource":{"kind":"address","id":"b"},"op":"added","after":{"line":"another victim's street"}}`,
	} {
		e, err := event.Stored("shop", id, event.AccountChanged, "hanako", at, []byte(data))
		if err != nil {
			k.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (kept) Verdicts(context.Context, mimamori.AccountID) ([]journal.Verdict, error) {
	return []journal.Verdict{{Session: "s-2", Owner: journal.OfIntruder, By: "detector", At: at}}, nil
}

func (kept) Incidents(context.Context, mimamori.AccountID) ([]incident.Incident, error) {
	return []incident.Incident{{ID: "inc_1", State: incident.Closed, OpenedAt: at, By: mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_rei"}}}, nil
}

func (kept) Entries(context.Context, mimamori.AccountID, mimamori.IncidentID) ([]incident.Entry, error) {
	agent := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_rei"}
	return []incident.Entry{{Kind: "note", Actor: agent, Text: mimamori.Text{JA: "between colleagues"}}, {Kind: "person", Actor: agent, Text: mimamori.Text{JA: "担当者が決めました", EN: "Staff decided"}}}, nil
}

func (kept) Notices(context.Context, mimamori.AccountID) ([]notice.Notice, error) {
	return []notice.Notice{{ID: "ntc_1", Kind: notice.Contained, To: "hanako@mail.example", Subject: "お知らせ", Body: "本文", CreatedAt: at, Lang: mimamori.Japanese}}, nil
}

func (kept) Factors(context.Context, mimamori.AccountID) ([]factor.Factor, error) {
	return []factor.Factor{{ID: "fac_1", Kind: factor.TOTP, Name: "phone", BoundAt: at, Data: []byte("a secret")}}, nil
}

func (kept) Calls(context.Context, mimamori.AccountID) ([]support.Call, error) {
	return []support.Call{{ID: "call_1", Phone: support.Phone{Number: "090-1234-5678"}, AskedAt: at, State: support.CallDone}}, nil
}

func (kept) AuditEntries(context.Context, audit.Query) ([]audit.Row, error) {
	return []audit.Row{{At: at, Actor: mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_rei"}, Act: audit.LookReveal}}, nil
}

// TestEverythingIsToldAndNothingElse: what is kept of her is in both forms;
// what may be another victim's, secrets, and who of the staff it was are not.
func TestEverythingIsToldAndNothingElse(t *testing.T) {
	a, err := disclosure.Gather(t.Context(), kept{t}, "hanako", at)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{"json": string(doc)}
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		var b bytes.Buffer
		if err := a.HTML(&b, lang, time.UTC); err != nil {
			t.Fatal(err)
		}
		forms["html "+string(lang)] = b.String()
	}
	for name, text := range forms {
		for _, w := range []string{"hanako", "川崎市1-2", "hanako@mail.example", "本文", "phone", "090-1234-5678", "look.reveal", "inc_1"} {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not tell %q", name, w)
			}
		}
		for _, w := range []string{"another victim", "a secret", "stf_rei", "between colleagues", evil} {
			if strings.Contains(text, w) {
				t.Errorf("%s tells %q", name, w)
			}
		}
	}
	if _, err := disclosure.Gather(t.Context(), kept{t}, "nobody", at); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
