package console_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/audit"
)

// someAlarms are three: one waits, one was seen, one is over.
type someAlarms struct {
	guard audit.Guard
	now   time.Time
	seen  []string
}

func (s *someAlarms) Alarms(ctx context.Context, actor mimamori.Actor, all bool) ([]alarm.Alarm, error) {
	if err := s.guard.Allow(ctx, actor, audit.LookAlarms, audit.Target{}, ""); err != nil {
		return nil, err
	}
	list := []alarm.Alarm{
		{ID: "alm_1", Kind: alarm.NeedsPerson, About: string(night), Count: 1, RaisedAt: s.now.Add(-time.Hour), Told: map[string]alarm.Telling{"a": {Times: 2, At: s.now.Add(-time.Minute)}}},
		{ID: "alm_2", Kind: alarm.ShopSilent, Count: 41, RaisedAt: s.now.Add(-3 * time.Hour), AckedAt: s.now, AckedBy: mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_gone"}},
	}
	if all {
		list = append(list, alarm.Alarm{ID: "alm_3", Kind: alarm.MassLookup, About: "stf_x", Count: 1, RaisedAt: s.now.Add(-30 * time.Hour), EndedAt: s.now})
	}
	return list, nil
}

func (s *someAlarms) SeenAlarm(ctx context.Context, actor mimamori.Actor, id string) error {
	if err := s.guard.Allow(ctx, actor, audit.AlarmSeen, audit.Target{}, id); err != nil {
		return err
	}
	if id != "alm_1" {
		return mimamori.ErrNotFound
	}
	s.seen = append(s.seen, id)
	return nil
}

// alarmPages are the pages of it.
var alarmPages = []string{"/alarms", "/alarms?all=1"}

func TestAlarmsAreSeenAndNotSwitchedOff(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("agent")
	page := b.get("/alarms").Body.String()
	for _, want := range []string{string(night), "/alarms/alm_1/seen", "41"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s on the page", want)
		}
	}
	if strings.Contains(page, "alm_3") || !strings.Contains(b.get("/alarms?all=1").Body.String(), "stf_x") {
		t.Error("what is over is shown when asked for, and only then")
	}
	if w := b.post("/alarms/alm_1/seen"); w.Code != 303 {
		t.Errorf("seen: %d", w.Code)
	}
	if w := b.post("/alarms/alm_1/off"); w.Code != 404 && w.Code != 405 {
		t.Errorf("there is a door that switches an alarm off: %d", w.Code)
	}
}
