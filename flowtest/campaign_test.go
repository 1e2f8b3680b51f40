package flowtest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"mimamori/assess"
	"mimamori/incident"
)

// TestAlarmHoldsThoseWhoGotInBefore: a list is tried on many customers, each
// time from another home. The right password for hers is among the first, and
// nothing speaks against that sign-in yet. When the campaign is noticed it is
// weighed again, and her account is put on hold.
func TestAlarmHoldsThoseWhoGotInBefore(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.Customer("taro")
		h.SignIn("taro", HomePC)
		h.FastForward(10 * time.Minute)
		intruder := OtherHome
		try := func(i int) {
			e, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprint("try-", i), "source": "shop", "type": "login.attempted", "subject": fmt.Sprint("customer-", i),
				"time": time.Now().Format(time.RFC3339Nano), "data": map[string]any{"outcome": "wrong_password", "ip": fmt.Sprintf("219.%d.1.7", i), "user_agent": intruder.UserAgent, "accept_language": "ja"}})
			if err != nil {
				t.Fatal(err)
			}
			h.emit(e)
			time.Sleep(2 * time.Minute)
		}
		for i := range 5 {
			try(i)
		}
		h.SignIn("hanako", intruder)
		h.FastForward(time.Minute)
		h.NoIncident("hanako")
		for i := range 60 {
			try(100 + i)
		}
		h.FastForward(time.Minute)
		i := h.ExpectState("hanako", incident.Held)
		found := false
		for _, e := range i.Evidence {
			found = found || e.Signal.Group == assess.Campaign
		}
		if !found || i.Cause.Kind != "list" {
			t.Errorf("evidence %v, cause %s: want the campaign, and a list", i.Evidence, i.Cause.Kind)
		}
		if got := h.ShopAccount("hanako"); got.Sessions == 0 || len(got.Held) == 0 {
			t.Errorf("the account has %d sessions, held %v: want nobody thrown out, and orders standing still", got.Sessions, got.Held)
		}
		h.NoIncident("taro")
		for h.MailCount("hanako@mail.example", "") > len(h.taken) {
			h.ExpectMail("hanako@mail.example", "")
		}
	})
}
