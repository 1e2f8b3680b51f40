package flowtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"mimamori/alarm"
	"mimamori/audit"
	"mimamori/staff"
)

// TestE09_WhoLetsHimselfInAgainIsSeen: an administrator who makes himself a
// second person under another name is told of outside of the desk, and neither
// of the two can put the alarm away.
func TestE09_WhoLetsHimselfInAgainIsSeen(t *testing.T) {
	onCall(t, nil, func(h *Harness, p *pager) {
		ado, other := h.AtTheDesk("ado", staff.Admin), h.AtTheDesk("other", staff.Lead)
		h.FastForward(alarm.Delay + time.Minute)
		p.said = nil
		second, err := h.App.Staff.Create(context.Background(), h.App.Guard, ado.who.Person.Actor(), staff.NewPerson{Login: "nobody", Name: "Nobody", Roles: []staff.Role{staff.Lead}})
		if err != nil {
			t.Fatal(err)
		}
		_, agent, err := h.App.Staff.Invite(context.Background(), h.App.Guard, ado.who.Person.Actor(), staff.NewPerson{Login: "agent", Name: "Agent", Roles: []staff.Role{staff.Agent}})
		if err != nil {
			t.Fatal(err)
		}
		h.Settle()
		about := func() (open []alarm.Alarm) {
			t.Helper()
			list, err := h.App.Store.Alarms(context.Background(), false, 50)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				if a.Kind == alarm.StaffPower && a.About == ado.who.Person.ID {
					open = append(open, a)
				}
			}
			return open
		}
		h.FastForward(alarm.Delay) // messages about one kind keep apart
		if !slices.Contains(p.said, "alarm.raised staff_power "+ado.who.Person.ID) {
			t.Errorf("the on-call contact was told %v", p.said)
		}
		other.Get("/alarms")
		list := about()
		if len(list) != 1 || list[0].Count != 1 {
			t.Fatalf("alarms about ado: %+v, want one, for one person", list)
		}
		again := &clerk{h.Browser(), second}
		again.client = &http.Client{Transport: ado.client.Transport, Jar: again.client.Jar}
		again.Post("/sign-in", url.Values{"login": {"nobody"}, "password": {second.Password}, "code": {again.code()}})
		for _, c := range []*clerk{ado, again} {
			if c.Post("/alarms/"+list[0].ID+"/seen", url.Values{}); c.Status != http.StatusForbidden {
				t.Errorf("%s puts it away: %d", c.who.Person.Login, c.Status)
			}
		}
		if err := h.App.Staff.SetRoles(context.Background(), h.App.Guard, ado.who.Person.Actor(), agent.ID, []staff.Role{staff.Lead}, "promoted"); err != nil {
			t.Fatal(err)
		}
		h.FastForward(alarm.Delay)
		if list = about(); len(list) != 1 || list[0].Count != 2 {
			t.Errorf("after a role was given: %+v, want it counted", list)
		}
		other.Post("/alarms/"+list[0].ID+"/seen", url.Values{})
		h.Settle()
		if left := about(); len(left) != 0 {
			t.Errorf("another person has seen it: %+v", left)
		}
		record, err := h.App.Audit.Entries(context.Background(), audit.Query{Actor: ado.who.Person.ID, Acts: []audit.Act{audit.AlarmStaffPower}})
		if err != nil || len(record) != 2 {
			t.Errorf("%d entries in the record, %v; want 2", len(record), err)
		}
	})
}
