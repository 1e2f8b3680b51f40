package storetest

import (
	"time"

	"mimamori/incident"
	"mimamori/numbers"
	"mimamori/playbook"
	"mimamori/store"
)

// countings reads what the numbers are folded from, and keeps the folds.
func countings(h *harness) {
	i := h.incident("hanako", now)
	h.write(func(tx store.Tx) error { return tx.PutIncident(i) })
	run, steps := playbook.Plan(playbook.Run{ID: "run_n", Account: i.Account, Subject: i.Subject, Incident: i.ID, Playbook: "undo", Version: 1},
		[]playbook.Named{{Name: "resource.restore"}, {Name: "resource.remove"}, {Name: "sessions.revoke"}}, now)
	steps[0].State, steps[1].State, steps[2].State = playbook.Done, playbook.Refused, playbook.Done
	h.ok(h.PutRunNow(h.ctx, run, steps))
	day := now.Add(24 * time.Hour)
	list, err := h.IncidentsOpened(h.ctx, now, day)
	h.ok(err)
	none, err := h.IncidentsOpened(h.ctx, day, day.Add(24*time.Hour))
	h.ok(err)
	if len(list) != 1 || list[0].ID != i.ID || len(none) != 0 {
		h.Errorf("opened: %d and %d", len(list), len(none))
	}
	done, refused, err := h.UndoSteps(h.ctx, now, day)
	h.ok(err)
	if done != 1 || refused != 1 {
		h.Errorf("undone %d, refused %d", done, refused)
	}
	if read, err := h.NoticesRead(h.ctx, now, day); err != nil || len(read) != 0 {
		h.Errorf("read: %v, %v", read, err)
	}
	if passed, failed, err := h.ChallengesEnded(h.ctx, now, day); err != nil || passed != 0 || failed != 0 {
		h.Errorf("challenges: %d, %d, %v", passed, failed, err)
	}
	d := numbers.Day{At: now, FoldedAt: now, States: map[incident.State]int{incident.Held: 1}, Contain: numbers.Spread{-3: 2, 8: 1}}
	h.ok(h.PutNumberDay(h.ctx, d))
	d.Passed = 4
	h.ok(h.PutNumberDay(h.ctx, d))
	h.reopen()
	days, err := h.NumberDays(h.ctx, now)
	h.ok(err)
	h.same(days, []numbers.Day{d})
}
