package event

import (
	"strings"
	"testing"
)

// testCards are the numbers that the networks publish for tests.
var testCards = []string{
	"4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100", "2223003122003222",
	"378282246310005", "3530111333300000", "30569309025904", "6011111111111117", "6200000000000005", "6759649826438453",
}

func TestFindCards(t *testing.T) {
	for _, n := range testCards {
		if got := findCards("card " + n + "."); len(got) != 1 {
			t.Errorf("findCards(%s) = %v, want one", n, got)
		}
	}
	for text, want := range map[string]string{
		"4111 1111 1111 1111":                   "**** **** **** 1111",
		"4111-1111-1111-1111":                   "****-****-****-1111",
		"4111　1111　1111　1111":                   "****　****　****　1111",
		"４１１１１１１１１１１１１１１１":                      "************１１１１",
		"番号4111111111111111です":                  "番号************1111です",
		"4111111111111111 12/28 123":            "************1111 12/28 123",
		"4111 1111 1111 1111 123":               "**** **** **** 1111 123",
		"no 12 4111111111111111":                "no 12 ************1111",
		"card4111111111111111":                  "card************1111",
		"a 4111111111111111 b 5555555555554444": "a ************1111 b ************4444",
		"+4111111111111111":                     "+************1111",
	} {
		if got := maskSpans(text, findCards(text)); got != want {
			t.Errorf("mask(%q) = %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{
		"4111111111111112", "1111111111111111", "0000000000000000", "411111111111111", "41111111111111111111",
		"+4222222222222", "0011223344556677a4111111111111111b99", "2026-11-22 10:05:00 203.0.113.7", "4111.1111.1111.1111",
		"50312345671234567", "090-1234-5678",
	} {
		if got := findCards(text); len(got) != 0 {
			t.Errorf("findCards(%q) = %v, want none", text, got)
		}
	}
}

func TestCardsAreRefusedWhereCardsGo(t *testing.T) {
	const pan = "4111 1111 1111 1111"
	for _, c := range []struct{ body, field string }{
		{one("account.changed", `{"resource":{"kind":"payment_method","id":"c1"},"op":"added","after":{"brand":"visa","label":"`+pan+`"}}`), "data.after.label"},
		{one("account.changed", `{"op":"added","after":{"n":4111111111111111},"resource":{"kind":"payment_method","id":"c1"}}`), "data.after.n"},
		{one("account.changed", `{"resource":{"kind":"payment_method","id":"4111111111111111"},"op":"added"}`), "data.resource.id"},
		{one("account.changed", `{"resource":{"kind":"setting","id":"x"},"op":"added","after":{"card_number":"`+pan+`"}}`), "data.after.card_number"},
		{one("account.changed", `{"resource":{"kind":"setting","id":"x"},"op":"added","after":{"Card":{"no":"\u0034111111111111111"}}}`), "data.after.Card.no"},
		{one("account.seen", `{"resources":[{"kind":"contact","id":"m","value":{}},{"kind":"payment_method","id":"p","value":{"x":["`+pan+`"]}}]}`), "data.resources.1.value.x.0"},
		{one("order.placed", `{"order":"o","total":{"amount":1,"currency":"JPY"},"payment":"4111111111111111"}`), "data.payment"},
		{one("coupon.used", `{"PAN":"4111111111111111"}`), "data.PAN"},
		{one("coupon.used", `{"クレジットカード番号":"4111111111111111"}`), "data.?"},
		{one("coupon.used", `{"x":{"4111111111111111":1}}`), "data.x.?"},
	} {
		if fe := faultOf(t, c.body); fe.Field != c.field || !strings.Contains(fe.Reason, "card") {
			t.Errorf("Decode(%s) = %v, want field %s", c.body, fe, c.field)
		}
	}
}

func TestCardsAreMaskedElsewhere(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{one("page.viewed", `{"session":"s","page":"/o?n=4111111111111111"}`), `{"session":"s","page":"/o?n=************1111"}`},
		{one("coupon.used", `{"memo":"my \"card\" 4111-1111-1111-1111","n":4111111111111111,"e":4.111111111111111e15}`), `{"memo":"my \"card\" ****-****-****-1111","n":"************1111","e":"*.*************11e15"}`},
		{one("login.attempted", `{"outcome":"blocked","ip":"192.0.2.1","user_agent":"","password":"hunter2","cvv":123}`), `{"outcome":"blocked","ip":"192.0.2.1","user_agent":"","password":"****","cvv":"****"}`},
	} {
		events, err := Decode([]byte(c.body), now, Limits{})
		if err != nil {
			t.Errorf("Decode(%s): %v", c.body, err)
		} else if got := string(events[0].Data); got != c.want {
			t.Errorf("Data = %s, want %s", got, c.want)
		}
	}
	// Ids in which many digits stand together are masked, and refuse nothing.
	for _, body := range []string{
		one("account.changed", `{"session":"Sd4111111111111111","resource":{"kind":"payment_method","id":"p2"},"op":"added","after":{"last4":"1111"}}`),
		one("account.changed", `{"session":"4111111111111111","resource":{"kind":"payment_method","id":"p2"},"op":"added","after":{"last4":"1111"}}`),
		one("account.changed", `{"session":"s","resource":{"kind":"payment_method","id":"pm_4111111111111111"},"op":"added","after":{"last4":"1111"}}`),
		one("order.placed", `{"order":"o","total":{"amount":1,"currency":"JPY"},"payment":"c4111111111111111"}`),
	} {
		if events, err := Decode([]byte(body), now, Limits{}); err != nil || strings.Contains(string(events[0].Data), "4111111111111111") {
			t.Errorf("Decode(%s) = %v, %v; want it masked", body, events, err)
		}
	}
	events, err := Decode([]byte(one("order.shipped", `{"order":"4111111111111111"}`)), now, Limits{})
	if err != nil || events[0].Payload.(*Order).Order != "************1111" {
		t.Errorf("order = %+v, %v", events, err)
	}
}

func FuzzFindCards(f *testing.F) {
	f.Add("a 4111 1111-1111　1111 b", "12/28")
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + " 5555555555554444 " + after
		for _, s := range findCards(text) {
			if s.from < 0 || s.to > len(text) || s.from >= s.to {
				t.Fatalf("span %v of %d bytes", s, len(text))
			}
		}
		if masked := maskSpans(text, findCards(text)); len(findCards(masked)) > 0 {
			t.Errorf("mask(%q) = %q still holds a card", text, masked)
		}
	})
}
