package flowtest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"mimamori/shop/shoptest"
)

type gateAnswer struct {
	Decision    string   `json:"decision"`
	Obligations []string `json:"obligations"`
}

// gate asks whether a session may do something now.
func (h *Harness) gate(subject, session, act string) (g gateAnswer) {
	h.T.Helper()
	if status := h.Do(http.MethodGet, "/v1/accounts/"+subject+"/gate?act="+act+"&session="+session, nil, &g); status != http.StatusOK {
		h.T.Fatalf("gate for %s: %d", act, status)
	}
	return g
}

// TestTheGateAsksStrangersAgainWhileAnAccountIsWatched: after the way back she
// enters card and street once more, and is done; whoever comes on another
// device during the watch is asked each time, and a session that nobody told
// of is asked for a proof before anything that could take the account.
func TestTheGateAsksStrangersAgainWhileAnAccountIsWatched(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(time.Hour)
		h.notMe(h.SignIn("hanako", OtherHome))
		h.takeAllMails()
		h.wayBack("hanako")
		h.FastForward(10 * 24 * time.Hour)
		s := h.SignIn("hanako", HomePC)
		both := []string{"reenter_payment", "reenter_address"}
		if g := h.gate("hanako", s.ID, "order"); g.Decision != "allow" || !slices.Equal(g.Obligations, both) {
			t.Errorf("her first order since: %+v, want both to be entered again", g)
		}
		h.Do(http.MethodPost, "/v1/events", map[string]any{"specversion": "1.0", "id": "again", "source": "shop", "type": "order.placed", "subject": "hanako",
			"time": time.Now().UTC(), "data": map[string]any{"session": s.ID, "order": "o-again", "total": map[string]any{"amount": 1200, "currency": "JPY"},
				"reentered": []string{"payment", "address"}}}, nil)
		if g := h.gate("hanako", s.ID, "order"); g.Decision != "allow" || len(g.Obligations) != 0 {
			t.Errorf("her second order: %+v, want nothing left", g)
		}
		other := shoptest.Connection{IP: "106.72.45.10", AcceptLanguage: "ja", UserAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"}
		x, err := h.TrySignIn("hanako", other)
		if err != nil {
			t.Fatal(err)
		}
		if g := h.gate("hanako", x.ID, "order"); !slices.Equal(g.Obligations, both) {
			t.Errorf("an order from another device: %+v, want both entered again", g)
		}
		if g := h.gate("hanako", "s-nobody-told", "contact"); g.Decision != "challenge" {
			t.Errorf("a session that nobody told of: %+v, want a proof", g)
		}
		h.FastForward(91 * 24 * time.Hour)
		if g := h.gate("hanako", "s-nobody-told", "contact"); g.Decision != "allow" {
			t.Errorf("the same when the watch is over: %+v", g)
		}
		h.takeAllMails()
	})
}
