package dossier_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/notice"
	"mimamori/staff"
	"mimamori/web/console"
)

// Every method, with somebody whose role does not cover it.
var refused = []struct {
	act audit.Act
	by  string
	do  func(ctx context.Context, s console.Service, on console.On) error
}{
	{audit.LookIncident, "ado", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Incident(ctx, on)
		return err
	}},
	{audit.IncidentContain, "ana", func(ctx context.Context, s console.Service, on console.On) error { return s.Contain(ctx, on) }},
	{audit.IncidentHold, "ana", func(ctx context.Context, s console.Service, on console.On) error { return s.Hold(ctx, on) }},
	{audit.IncidentRelease, "ai", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Release(ctx, on)
		return err
	}},
	{audit.IncidentDismiss, "ai", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Dismiss(ctx, on)
		return err
	}},
	{audit.UndoPlan, "ana", func(ctx context.Context, s console.Service, on console.On) error { return s.PlanUndo(ctx, on) }},
	{audit.UndoApply, "ana", func(ctx context.Context, s console.Service, on console.On) error { return s.ApplyUndo(ctx, on, "x") }},
	{audit.UndoRedo, "ana", func(ctx context.Context, s console.Service, on console.On) error { return second(s.RedoUndo(ctx, on)) }},
	{audit.IncidentResolve, "ana", func(ctx context.Context, s console.Service, on console.On) error {
		return s.ResolveConflict(ctx, on, event.Resource{Kind: event.Contact, ID: "mail"}, console.ChooseNow)
	}},
	{audit.IncidentJudge, "aki", func(ctx context.Context, s console.Service, on console.On) error {
		return second(s.JudgeSession(ctx, on, "session", console.Customer))
	}},
	{audit.PointsRestore, "ana", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.RestorePoints(ctx, on, "entry")
		return err
	}},
	{audit.LookReveal, "ana", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Reveal(ctx, on, "mail:mail")
		return err
	}},
	{audit.IncidentResend, "ana", func(ctx context.Context, s console.Service, on console.On) error {
		return s.ResendNotice(ctx, on, "ntc_1")
	}},
	{audit.IncidentNote, "aki", func(ctx context.Context, s console.Service, on console.On) error { return s.Note(ctx, on, "hm") }},
	{audit.LookQueue, "ado", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Queue(ctx, on.Actor, console.Filter{})
		return err
	}},
	{audit.LookAccount, "ado", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Search(ctx, on.Actor, "hanako", on.Reason)
		return err
	}},
	{audit.IncidentAssign, "aki", func(ctx context.Context, s console.Service, on console.On) error { return s.Assign(ctx, on, "stf_ai") }},
	{audit.StepRetry, "ana", func(ctx context.Context, s console.Service, on console.On) error { return s.Retry(ctx, on, "run", 1) }},
	{audit.IncidentWait, "ai", func(ctx context.Context, s console.Service, on console.On) error { return s.ExtendWait(ctx, on, 1) }},
	{audit.LookReveal, "ana", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.NoticeFile(ctx, on, "ntc_1")
		return err
	}},
	{audit.LookExport, "ai", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Export(ctx, on)
		return err
	}},
	{audit.LookQueue, "ado", func(ctx context.Context, s console.Service, on console.On) error {
		_, err := s.Waiting(ctx, on.Actor)
		return err
	}},
}

// second is the error of an act that may be asked of a second person.
func second(_ console.Result, err error) error { return err }

func TestE03EachMethodIsRefusedWithoutTheRoleAndRecorded(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		effects := len(w.shop.Effects())
		for _, c := range refused {
			err := c.do(t.Context(), w.work, on(c.by, n.id))
			why, ok := errors.AsType[*staff.RefusedError](err)
			if !errors.Is(err, mimamori.ErrDenied) || !ok || why.Why != "role" {
				t.Errorf("%s by %s: %v, want refused by role", c.act, c.by, err)
			}
			list, err := w.log.Entries(t.Context(), audit.Query{Actor: who(c.by).ID, Acts: []audit.Act{c.act}, Limit: 1})
			if err != nil || len(list) != 1 || list[0].Outcome != audit.Refused {
				t.Errorf("%s by %s: record = %+v, %v; want the refusal", c.act, c.by, list, err)
			}
		}
		synctest.Wait()
		if got := len(w.shop.Effects()); got != effects {
			t.Errorf("%d effects of what was refused", got-effects)
		}
	})
}

func TestE02EveryLookIsRecordedWithItsReason(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		got, err := w.work.Incident(t.Context(), on("ai", n.id))
		w.must(err)
		list := w.record(n.id, audit.LookIncident)
		if len(list) != 1 || list[0].Actor != who("ai") || list[0].Reason != "the customer is on the phone" || list[0].Account != mimamori.NewAccountID("hanako").String() {
			t.Errorf("record = %+v", list)
		}
		without := on("ai", n.id)
		without.Reason = " "
		if _, err := w.work.Incident(t.Context(), without); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("a look without a reason: %v, want denied", err)
		}
		if _, err := w.work.Incident(t.Context(), on("ai", "inc_none")); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown incident: %v, want not found", err)
		}
		for _, k := range got.Contacts {
			if strings.Contains(k.Masked, "hanako@") || strings.Contains(k.Masked, "+81-90-0000") {
				t.Errorf("a contact in clear: %+v", k)
			}
		}
	})
}

// G10 too: the address that the intruder set is marked before anybody has
// decided anything.
func TestE07RevealShowsOneAndSaysSo(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		contacts := w.look(n.id).Contacts
		for _, c := range []struct {
			want             string
			trusted, replace bool
		}{{"hanako@mail.example", true, false}, {"+81-90-0000-0000", true, false}, {"intruder@mail.example", false, true}} {
			at := slices.IndexFunc(contacts, func(k console.Contact) bool {
				v, err := w.work.Reveal(t.Context(), on("ai", n.id), k.Field)
				return err == nil && v == c.want
			})
			if at < 0 || contacts[at].Trusted != c.trusted || contacts[at].Replaced != c.replace {
				t.Errorf("%s among the contacts = %+v", c.want, contacts)
			}
		}
		if len(w.record(n.id, audit.LookReveal)) == 0 {
			t.Error("a value shown in clear is not on the record")
		}
		if _, err := w.work.Reveal(t.Context(), on("ai", n.id), "phone:none"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown field: %v, want not found", err)
		}
	})
}

func TestE09NobodyHandlesHisOwnAccount(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.must(w.store.AddPerson(t.Context(), staff.Person{ID: "stf_hanako", Login: "hanako", Name: "hanako", Roles: []staff.Role{staff.Lead},
			Own: []mimamori.AccountID{mimamori.NewAccountID("hanako")}, CreatedAt: time.Now()}, false))
		if _, err := w.work.Dismiss(t.Context(), on("hanako", n.id)); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("dismisses her own: %v, want denied", err)
		}
		if _, err := w.work.Incident(t.Context(), on("hanako", n.id)); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("looks at her own: %v, want denied", err)
		}
	})
}

func TestC08ANoticeIsSentAgainButNotOften(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		first := w.look(n.id).Notices[0]
		for range 2 {
			w.must(w.work.ResendNotice(t.Context(), on("ai", n.id), first.ID))
			synctest.Wait()
		}
		if err := w.work.ResendNotice(t.Context(), on("ai", n.id), first.ID); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a fourth in a day: %v, want conflict", err)
		}
		references := map[string]bool{}
		for _, x := range w.look(n.id).Notices {
			if x.Kind != notice.Contained || x.State != notice.Sent {
				t.Errorf("notice = %v, %v", x.Kind, x.State)
			}
			references[x.Reference] = true
		}
		if mails := w.mail.Messages("hanako@mail.example"); len(mails) != 3 || len(references) != 3 {
			t.Errorf("%d mails, %d references; want 3 and 3", len(mails), len(references))
		}
		if err := w.work.ResendNotice(t.Context(), on("ai", n.id), "ntc_none"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown notice: %v, want not found", err)
		}
	})
}

func TestANoteIsForColleaguesOnly(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.must(w.work.Note(t.Context(), on("ai", n.id), " called, no answer "))
		got := w.look(n.id)
		if len(got.Notes) != 1 || got.Notes[0].By != "ai" || got.Notes[0].Text != "called, no answer" {
			t.Errorf("notes = %+v", got.Notes)
		}
		for _, l := range got.Timeline {
			if strings.Contains(l.Text.JA, "called") {
				t.Errorf("the note stands in the timeline: %+v", l)
			}
		}
		entries, err := w.store.Entries(t.Context(), mimamori.NewAccountID("hanako"), n.id)
		w.must(err)
		for _, e := range entries {
			if e.Kind == "note" && e.Public {
				t.Error("the customer could read the note")
			}
		}
		if err := w.work.Note(t.Context(), on("ai", n.id), "  "); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("an empty note: %v, want invalid", err)
		}
	})
}

func TestAWithdrawnProposalIsNotDone(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 600)
		_, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry)
		w.must(err)
		waiting, err := w.work.Waiting(t.Context(), who("ai"))
		w.must(err)
		if err := w.work.Decline(t.Context(), who("ai2"), waiting[0].ID, "no"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("another agent declines: %v, want denied", err)
		}
		w.must(w.work.Decline(t.Context(), who("ai"), waiting[0].ID, "a mistake"))
		if err := w.work.Approve(t.Context(), who("rei"), waiting[0].ID, "late"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("approved after it was withdrawn: %v, want conflict", err)
		}
		if got := w.look(n.id); got.Points[0].Waiting || !got.Points[0].Restored.IsZero() {
			t.Errorf("points = %+v", got.Points)
		}
	})
}
