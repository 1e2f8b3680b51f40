package dossier_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"mimamori"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/web/console"
)

func TestContainByAnAgentReachesTheShop(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		before := w.look(n.id)
		if before.State != incident.Suspected || !before.May[audit.IncidentDismiss] || len(w.shop.Effects()) != 0 {
			t.Fatalf("before: %v, may %v, %d effects; want suspected and nothing done", before.State, before.May, len(w.shop.Effects()))
		}
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		w.must(w.work.Contain(t.Context(), on("ai2", n.id))) // the second click changes nothing
		synctest.Wait()
		for _, c := range []shop.CommandType{shop.TypePasswordInvalidate, shop.TypeOrderCancel, shop.TypePointsFreeze, shop.TypeResourceRestore, shop.TypeResourceRemove, shop.TypePaymentSuspect} {
			if got := w.shop.EffectsOf("hanako", c); got != 1 {
				t.Errorf("%s had %d effects, want 1", c, got)
			}
		}
		if n.his.Alive() || n.her.Alive() || w.account("hanako").Password != shop.PasswordInvalid {
			t.Errorf("sessions alive or password valid after containment: %+v", w.account("hanako"))
		}
		if w.holds("hanako", event.Address, n.address) != nil || w.holds("hanako", event.Contact, "mail")["mail"] != "hanako@mail.example" {
			t.Errorf("not undone: %+v", w.account("hanako").Resources)
		}
		got := w.look(n.id)
		if got.State != incident.Waiting || got.Decision != decide.Contain || len(needs(got)) != 1 {
			t.Errorf("incident = %v %v, needs %q; want waiting, contain, and the points only", got.State, got.Decision, needs(got))
		}
		if c := change(got, event.Contact, "mail"); c.Outcome != console.Reverted || c.Intruder.Fields["mail"] != "intruder@mail.example" || c.Before.Fields["mail"] != "hanako@mail.example" {
			t.Errorf("mail address in the plan = %+v", c)
		}
		if c := change(got, event.Address, n.address); c.Outcome != console.Reverted || !c.Suspect {
			t.Errorf("address in the plan = %+v", c)
		}
		if got.Sessions[0].Owner != console.Intruder || got.Sessions[0].By != "agent" || got.Sessions[0].ID != n.his.ID || got.Sessions[1].Owner != console.Customer {
			t.Errorf("sessions = %+v", got.Sessions)
		}
		if len(got.Notices) != 1 || got.Notices[0].Body == "" || got.Notices[0].To == "hanako@mail.example" {
			t.Errorf("notices = %+v; want one, masked", got.Notices)
		}
		if mails := w.mail.Messages("hanako@mail.example"); len(mails) != 1 {
			t.Errorf("%d mails to the address from before, want 1", len(mails))
		}
	})
}

func TestTheTimelineTellsThemApart(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		owners := map[console.Owner]int{}
		for _, l := range w.look(n.id).Timeline {
			owners[l.Owner]++
			if l.Text.JA == "" || l.Text.EN == "" {
				t.Errorf("a line without words: %+v", l)
			}
			if l.Owner == console.Intruder && l.Fate.EN == "" {
				t.Errorf("an act of the intruder's without its fate: %+v", l)
			}
		}
		if owners[console.Intruder] != 5 || owners[console.Us] < 6 {
			t.Errorf("lines by owner = %v; want 5 of the intruder's and ours", owners)
		}
	})
}

func TestHoldByAnAgent(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.must(w.work.Hold(t.Context(), on("ai", n.id)))
		synctest.Wait()
		if a := w.account("hanako"); len(a.Held) != 4 || a.Sessions != 2 || a.Password != shop.PasswordSet {
			t.Errorf("account = %+v; want held, nobody locked out", a)
		}
		if got := w.look(n.id); got.State != incident.Held || len(got.Needs) != 0 {
			t.Errorf("incident = %v, needs %q", got.State, needs(got))
		}
	})
}

func TestE04ReleaseNeedsASecondPerson(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.must(w.work.Hold(t.Context(), on("ai", n.id)))
		synctest.Wait()
		for range 2 { // asked twice, it waits once
			if result, err := w.work.Release(t.Context(), on("rei", n.id)); result != console.Asked || err != nil {
				t.Fatalf("release without proof = %q, %v; want asked", result, err)
			}
		}
		waiting, err := w.work.Waiting(t.Context(), who("rei"))
		if err != nil || len(waiting) != 1 || !waiting[0].Mine || waiting[0].By != "rei" {
			t.Fatalf("waiting = %+v, %v", waiting, err)
		}
		if err := w.work.Approve(t.Context(), who("rei"), waiting[0].ID, "I am sure"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("the same person approves: %v, want denied", err)
		}
		if err := w.work.Approve(t.Context(), who("ai"), waiting[0].ID, "I am sure"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("an agent approves: %v, want denied", err)
		}
		synctest.Wait()
		if a := w.account("hanako"); len(a.Held) != 4 {
			t.Fatalf("released by one person: %+v", a)
		}
		w.must(w.work.Approve(t.Context(), who("rei2"), waiting[0].ID, "I called her at the old number"))
		if got := w.look(n.id); got.State != incident.Dismissed || len(got.Waiting) != 0 || len(got.Needs) != 0 {
			t.Errorf("incident = %v, waiting %v, needs %q; want dismissed", got.State, got.Waiting, needs(got))
		}
		if a := w.account("hanako"); len(a.Held) != 0 {
			t.Errorf("still held after release: %+v", a)
		}
		if err := w.work.Approve(t.Context(), who("rei2"), waiting[0].ID, "again"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("approved twice: %v, want conflict", err)
		}
	})
}

func TestDismissOfASuspicionIsQuiet(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		if result, err := w.work.Dismiss(t.Context(), on("rei", n.id)); result != console.Done || err != nil {
			t.Fatalf("dismiss a suspicion = %q, %v; want done", result, err)
		}
		if got := w.look(n.id); got.State != incident.Dismissed || len(got.Notices) != 0 || len(w.shop.Effects()) != 0 {
			t.Errorf("incident = %v, %d notices, %d effects; want dismissed and nobody told", got.State, len(got.Notices), len(w.shop.Effects()))
		}
		if _, err := w.work.Dismiss(t.Context(), on("rei", n.id)); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("dismissed twice: %v, want conflict", err)
		}
	})
}

func TestQueueByUrgency(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		old := w.intrusion("hanako", 300)
		w.must(w.work.Hold(t.Context(), on("ai", old.id))) // needs nobody any more
		fresh := w.intrusion("taro", 300)
		gone := w.intrusion("jiro", 300)
		_, err := w.work.Dismiss(t.Context(), on("rei", gone.id))
		w.must(err)
		synctest.Wait()
		for _, c := range []struct {
			f    console.Filter
			want []mimamori.IncidentID
		}{
			{console.Filter{}, []mimamori.IncidentID{fresh.id, old.id}},
			{console.Filter{Show: console.ShowOpen}, []mimamori.IncidentID{fresh.id, old.id}},
			{console.Filter{Show: console.ShowPerson}, []mimamori.IncidentID{fresh.id}},
			{console.Filter{Show: console.ShowWatch}, nil},
			{console.Filter{Show: console.ShowClosed}, []mimamori.IncidentID{gone.id}},
			{console.Filter{Search: string(gone.id)}, []mimamori.IncidentID{gone.id}},
			{console.Filter{Search: " taro "}, nil}, // a customer is looked for with a reason: Search
			{console.Filter{Search: w.look(old.id).Notices[0].Reference}, []mimamori.IncidentID{old.id}},
			{console.Filter{Search: "inc_unknown"}, nil},
		} {
			q, err := w.work.Queue(t.Context(), who("ai"), c.f)
			var got []mimamori.IncidentID
			for _, r := range q.Rows {
				got = append(got, r.ID)
			}
			if err != nil || len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
				t.Errorf("Queue(%+v) = %v, %v; want %v", c.f, got, err, c.want)
			}
			if q.Counts[console.ShowOpen] != 2 || q.Counts[console.ShowPerson] != 1 || q.Counts[console.ShowClosed] != 1 {
				t.Errorf("counts = %v", q.Counts)
			}
		}
	})
}

func TestVersionChangesWithWhatIsShown(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		version := func(id mimamori.IncidentID) string {
			v, err := w.work.Version(t.Context(), id)
			w.must(err)
			return v
		}
		queue, one := version(""), version(n.id)
		w.look(n.id)
		if version("") != queue || version(n.id) != one {
			t.Error("a look alone is news")
		}
		w.must(w.work.Note(t.Context(), on("ai", n.id), "called, no answer"))
		if version(n.id) == one {
			t.Error("a note is no news")
		}
		w.must(w.work.Hold(t.Context(), on("ai", n.id)))
		if version("") == queue {
			t.Error("a hold is no news in the queue")
		}
		if _, err := w.work.Version(t.Context(), "inc_none"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown incident: %v, want not found", err)
		}
	})
}
