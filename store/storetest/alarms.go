package storetest

import (
	"errors"
	"time"

	"mimamori"
	"mimamori/alarm"
)

// alarms: one open of a kind about the same thing, found when it is due.
func alarms(h *harness) {
	raise := func(id string, at time.Time) {
		h.ok(h.RaiseAlarm(h.ctx, alarm.NeedsPerson, "inc_1", func(a *alarm.Alarm) {
			if a.ID == "" {
				*a = alarm.Alarm{ID: id, Kind: alarm.NeedsPerson, About: "inc_1", RaisedAt: at, Told: map[string]alarm.Telling{"x": {Next: at}}}
			}
			a.Count++
		}))
	}
	raise("alm_1", now)
	raise("alm_2", now.Add(time.Second)) // joins the first
	h.reopen()
	list, err := h.Alarms(h.ctx, false, 10)
	h.ok(err)
	if len(list) != 1 || list[0].ID != "alm_1" || list[0].Count != 2 {
		h.Fatalf("open: %+v", list)
	}
	if next, err := h.NextAlarmDue(h.ctx); err != nil || !next.Equal(now) {
		h.Errorf("next: %v, %v", next, err)
	}
	if due, err := h.DueAlarms(h.ctx, now.Add(-time.Second), 10); err != nil || len(due) != 0 {
		h.Errorf("due too early: %+v, %v", due, err)
	}
	due, err := h.DueAlarms(h.ctx, now, 10)
	h.ok(err)
	h.same(due, list)
	refused := errors.New("no")
	h.is(h.ChangeAlarm(h.ctx, "alm_1", func(a *alarm.Alarm) error { a.Count = 99; return refused }), refused)
	h.is(h.ChangeAlarm(h.ctx, "alm_9", func(*alarm.Alarm) error { return nil }), mimamori.ErrNotFound)
	h.ok(h.ChangeAlarm(h.ctx, "alm_1", func(a *alarm.Alarm) error {
		a.EndedAt, a.Told = now.Add(time.Hour), nil
		return nil
	}))
	raise("alm_3", now.Add(2*time.Hour)) // what was over begins anew
	open, err := h.Alarms(h.ctx, false, 10)
	h.ok(err)
	all, err := h.Alarms(h.ctx, true, 10)
	h.ok(err)
	if len(open) != 1 || open[0].ID != "alm_3" || len(all) != 2 || all[0].ID != "alm_3" || all[1].Count != 2 {
		h.Errorf("open %+v, all %+v", open, all)
	}
}
