package response_test

import (
	"strings"
	"testing"
	"time"

	"mimamori/assess"
	"mimamori/decide"
	"mimamori/profile"
	"mimamori/response"
)

// TestW4_Cause: the likely way in is named, by the traces that only that way
// leaves.
func TestW4_Cause(t *testing.T) {
	for _, c := range []struct{ signals, want string }{
		{"device_new campaign_network", "list"},
		{"device_new campaign_client", "list"},
		{"device_new password_breached", "list"},
		{"device_new network_vpn failing_alike", "list"},
		{"device_new campaign_client campaign_password", "spray"},
		{"device_known network_known session_moved", "session"},
		{"device_known network_known session_elsewhere", "session"},
		{"device_known network_vpn", "malware"},
		{"device_known network_ordinary failing_alike", "malware"},
		{"device_unrecognised network_hosting session_moved", "phishing"},
		{"device_new country_new factor_passed", "phishing"},
		{"device_unrecognised network_hosting header_known", "phishing"},
		{"device_unrecognised network_hosting header_known password_breached", "list"},
		{"device_unrecognised network_new header_known", "unknown"},
		{"device_known network_known factor_passed", "unknown"},
		{"device_new network_vpn mailbox_warned", "mailbox"},
		{"device_new", "unknown"},
	} {
		t.Run(c.signals, func(t *testing.T) {
			i := newBench(t).raise(decide.Hold, "his", func(a *response.Alarm) {
				a.Signals = nil
				for name := range strings.FieldsSeq(c.signals) {
					a.Signals = append(a.Signals, assess.Signal{Name: name})
				}
			})
			if i.Cause.Kind != c.want || i.Cause.Text.JA == "" || i.Cause.Text.EN == "" {
				t.Errorf("the cause is %+v, want %s", i.Cause, c.want)
			}
		})
	}
}

// TestW4_CauseOfAWord: when somebody says that it was not her, what is kept of
// the session tells the way in.
func TestW4_CauseOfAWord(t *testing.T) {
	i := newBench(t).raise(decide.Contain, "his", func(a *response.Alarm) {
		a.Account.Profile.KeepSession(profile.Session{ID: "his", Began: time.Unix(0, 0), Last: a.Now, Terms: profile.NamedOf(map[string]float64{"device_known": -1, "network_vpn": 2})})
		a.Signals = []assess.Signal{assess.Word("customer_said_not_me")}
	})
	if i.Cause.Kind != "malware" {
		t.Errorf("the cause is %+v, want malware", i.Cause)
	}
}
