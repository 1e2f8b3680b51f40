package retention_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/incident"
	"mimamori/retention"
)

func hash(parts ...string) []byte {
	m := hmac.New(sha256.New, []byte("a test's key"))
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return m.Sum(nil)
}

var now = time.Date(2032, 3, 31, 12, 0, 0, 0, time.UTC)

func login(id, session string, at time.Time) retention.Kept {
	return retention.Kept{Source: "shop", ID: id, Kind: event.LoginAttempted, At: at,
		Data: fmt.Appendf(nil, `{"outcome":"succeeded","session":%q,"ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X)","device":"tok","client_hints":{"sec-ch-ua":"X"},"odd":"from the shop"}`, session)}
}

func changed(id, resource, mail string, at time.Time) retention.Kept {
	return retention.Kept{Source: "shop", ID: id, Kind: event.AccountChanged, At: at,
		Data: fmt.Appendf(nil, `{"session":"s","resource":{"kind":"contact","id":%q},"op":"changed","after":{"mail":%q}}`, resource, mail)}
}

func TestF03_WhatIsForgottenWhen(t *testing.T) {
	c := retention.Policy{}.Cutoffs(now)
	if want := time.Date(2031, 2, 28, 12, 0, 0, 0, time.UTC); c.Logins.Before(want) || c.Logins.After(want.AddDate(0, 0, 3)) {
		t.Errorf("13 months before %s is %s", now, c.Logins)
	}
	old, ancient, fresh := c.Logins.Add(-time.Hour), c.Incidents.Add(-time.Hour), c.Logins.Add(time.Hour)
	closed := incident.Incident{State: incident.Closed, Sessions: []string{"his"}}
	for name, row := range map[string]struct {
		kept      []retention.Kept
		incidents []incident.Incident
		fade      []string
		gone      []string
	}{
		"a fresh sign-in stays":              {[]retention.Kept{login("a", "s", fresh)}, nil, nil, nil},
		"an old one fades":                   {[]retention.Kept{login("a", "s", old), login("b", "s", fresh)}, nil, []string{"a"}, nil},
		"an ancient one goes":                {[]retention.Kept{login("a", "s", ancient)}, nil, nil, []string{"a"}},
		"an intruder's stays as evidence":    {[]retention.Kept{login("a", "his", ancient), login("b", "s", old)}, []incident.Incident{closed}, []string{"b"}, nil},
		"nothing goes while one is open":     {[]retention.Kept{login("a", "s", ancient)}, []incident.Incident{closed, {State: incident.Waiting}}, nil, nil},
		"the last word on a contact stays":   {[]retention.Kept{changed("a", "mail", "1@x", ancient.Add(-2)), changed("b", "mail", "2@x", ancient.Add(-1)), changed("c", "phone", "3@x", ancient)}, nil, nil, []string{"a"}},
		"a later change takes nothing along": {[]retention.Kept{changed("a", "mail", "1@x", ancient), changed("b", "mail", "2@x", fresh)}, nil, nil, nil},
		"the last read-back stays": {[]retention.Kept{{Source: "shop", ID: "a", Kind: event.AccountSeen, At: ancient.Add(-1), Data: []byte(`{"resources":[]}`)},
			{Source: "shop", ID: "b", Kind: event.AccountSeen, At: ancient, Data: []byte(`{"resources":[]}`)}}, nil, nil, []string{"a"}},
		"ancient orders go": {[]retention.Kept{{Source: "shop", ID: "a", Kind: event.OrderPlaced, At: ancient, Data: []byte(`{"order":"o","total":{"amount":1,"currency":"JPY"}}`)}}, nil, nil, []string{"a"}},
	} {
		changes, oldest := retention.Plan(row.kept, row.incidents, c, hash)
		var fade, gone []string
		for _, x := range changes {
			if x.Data == nil {
				gone = append(gone, x.ID)
			} else {
				fade = append(fade, x.ID)
			}
		}
		if !slices.Equal(fade, row.fade) || !slices.Equal(gone, row.gone) {
			t.Errorf("%s: fades %v, goes %v; want %v, %v", name, fade, gone, row.fade, row.gone)
		}
		if name == "a fresh sign-in stays" && !oldest.Equal(fresh) {
			t.Errorf("the oldest address in clear is of %s, want %s", oldest, fresh)
		}
	}
}

func TestF03_AFadedEventTellsNothingAndIsStillRead(t *testing.T) {
	k := login("a", "s-1", now)
	out, changed, err := retention.Fade(k.Data, hash)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	for _, w := range []string{"203.0.113.7", "Mozilla", "tok", "sec-ch-ua", "from the shop"} {
		if bytes.Contains(out, []byte(w)) {
			t.Errorf("%q is left in %s", w, out)
		}
	}
	e, err := event.Stored("shop", "a", event.LoginAttempted, "hanako", now, out)
	if err != nil {
		t.Fatalf("a faded event cannot be read: %v", err)
	}
	l := e.Payload.(*event.Login)
	if l.Session != "s-1" || l.Outcome != event.Succeeded || !retention.Faded(l.IP) {
		t.Errorf("read again: %+v", l)
	}
	if again, changed, err := retention.Fade(out, hash); err != nil || changed || !bytes.Equal(again, out) {
		t.Errorf("faded twice: %s, %v, %v", again, changed, err)
	}
	same, other := retention.FadeAddress("203.0.113.7", hash), retention.FadeAddress("203.0.113.8", hash)
	if same != l.IP || same == other {
		t.Errorf("hashes %s, %s, %s: the same address alone must give the same", l.IP, same, other)
	}
	// Without the key all addresses of the world cannot be tried.
	if blind := retention.FadeAddress("203.0.113.7", func(p ...string) []byte { s := sha256.Sum256([]byte(strings.Join(p, ""))); return s[:] }); blind == same {
		t.Error("the hash does not depend on the key")
	}
}

func FuzzFade(f *testing.F) {
	f.Add([]byte(`{"ip":"::1","user_agent":"x","outcome":"succeeded"}`))
	f.Add([]byte(`{"ip":5}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, changed, err := retention.Fade(data, hash)
		if err != nil {
			return
		}
		var got struct {
			IP string `json:"ip"`
		}
		if changed {
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%q faded to %q: %v", data, out, err)
			}
		}
		if a, err := netip.ParseAddr(got.IP); changed && err == nil && !retention.Faded(got.IP) {
			t.Errorf("%q left the address %s", data, a)
		}
		if _, again, err := retention.Fade(out, hash); err != nil || again {
			t.Errorf("%q fades again: %v", out, err)
		}
	})
}
