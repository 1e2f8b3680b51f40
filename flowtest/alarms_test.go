package flowtest

import (
	"context"
	"testing"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/incident"
)

// TestAlarmsFollowIncidents: an incident that waits for a person is an alarm
// within seconds, named by its number alone, and over when the question is
// answered.
func TestAlarmsFollowIncidents(t *testing.T) {
	Run(t, func(h *Harness) {
		ctx := context.Background() // that of the test is outside of the bubble
		open := func() (out map[alarm.Kind]alarm.Alarm) {
			t.Helper()
			h.FastForward(15 * time.Second)
			list, err := h.App.Store.Alarms(ctx, false, 10)
			if err != nil {
				t.Fatal(err)
			}
			out = map[alarm.Kind]alarm.Alarm{}
			for _, a := range list {
				out[a.Kind] = a
			}
			return out
		}
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.notMe(h.SignIn("hanako", Hosting))
		i := h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		change := func(do func(i *incident.Incident)) {
			t.Helper()
			if err := h.App.Store.ChangeIncident(ctx, i.Account, "hanako", i.ID, func(i *incident.Incident) error { do(i); return nil }); err != nil {
				t.Fatal(err)
			}
			h.App.Alarms.Look()
		}
		change(func(i *incident.Incident) { i.Ask("test", mimamori.Text{JA: "確認", EN: "look"}, time.Now()) })
		if a, ok := open()[alarm.NeedsPerson]; !ok || a.About != string(i.ID) {
			t.Errorf("no alarm for %s: %+v", i.ID, a)
		}
		change(func(i *incident.Incident) {
			for n := range i.NeedsPerson {
				i.NeedsPerson[n].Done = time.Now()
			}
		})
		if a, ok := open()[alarm.NeedsPerson]; ok {
			t.Errorf("the question is answered, the alarm lasts: %+v", a)
		}
	})
}
