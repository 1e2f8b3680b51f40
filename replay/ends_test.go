package replay_test

import (
	"testing"
	"time"

	"mimamori/decide"
	"mimamori/policy"
	"mimamori/replay"
)

// TestIncidentsEnd: what was contained stays so for its own session; the
// account is open again after a password change by the customer, after the
// word that it was her, or when the wait is over. An intruder's own change of
// the password opens nothing.
func TestIncidentsEnd(t *testing.T) {
	at := func(hours float64) string {
		return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours * float64(time.Hour))).Format(time.RFC3339)
	}
	view := func(id, session string, hours float64) string {
		return one(id, "page.viewed", "hanako", at(hours), `{"session":"`+session+`","page":"/"}`)
	}
	password := func(id, session string, hours float64) string {
		data := `{"resource":{"kind":"password","id":"password"},"op":"changed"}`
		if session != "" {
			data = `{"session":"` + session + `","resource":{"kind":"password","id":"password"},"op":"changed"}`
		}
		return one(id, "account.changed", "hanako", at(hours), data)
	}
	begin := []string{
		signIn("l1", "hanako", at(0), "s1", "126.0.0.1"), signIn("l2", "hanako", at(300), "s2", "126.0.0.1"), signIn("l3", "hanako", at(600), "bad", "126.0.0.1"),
		one("word", "session.judged", "hanako", at(600.1), `{"session":"bad","verdict":"intruder","by":"customer"}`),
		view("still", "bad", 600.2), view("hers", "s2", 600.3),
	}
	for name, c := range map[string]struct {
		then []string
		open bool // at the end a second word opens an incident of its own
	}{
		"nothing happens, within the wait":           {[]string{}, false},
		"the customer changes the password":          {[]string{password("p", "", 601)}, true},
		"she changes it in a session of hers":        {[]string{password("p", "s2", 601)}, true},
		"the intruder changes it":                    {[]string{password("p", "bad", 601)}, false},
		"a command of ours changed it":               {[]string{one("p", "account.changed", "hanako", at(601), `{"resource":{"kind":"password","id":"password"},"op":"changed","command":"c1"}`)}, false},
		"it was her, somebody says":                  {[]string{one("j", "session.judged", "hanako", at(601), `{"session":"bad","verdict":"customer","by":"customer"}`)}, true},
		"it was her, is said of another session":     {[]string{one("j", "session.judged", "hanako", at(601), `{"session":"s1","verdict":"customer","by":"customer"}`)}, false},
		"the wait is over when something else comes": {[]string{view("later", "s2", 605.2)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			again := 602.0
			if name == "the wait is over when something else comes" {
				again = 606
			}
			lines := append(append([]string{}, begin...), c.then...)
			lines = append(lines, signIn("l4", "hanako", at(again), "worse", "126.0.0.1"), one("word2", "session.judged", "hanako", at(again+0.1), `{"session":"worse","verdict":"intruder","by":"agent"}`))
			rows := map[string]replay.Row{}
			_, err := replay.Run(t.Context(), replay.Options{Inputs: []string{write(t, "in.ndjson", lines...)}, Policy: policy.Default(), Row: func(r replay.Row) error {
				rows[r.EventID] = r
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if r := rows["still"]; r.Decision != decide.Contain || r.Incident != "inc_1" {
				t.Errorf("the intruder's session: %+v, want contain repeated", r)
			}
			if r := rows["hers"]; r.Decision == decide.Contain || r.Incident != "" {
				t.Errorf("her own session: %+v", r)
			}
			want := map[bool]string{true: "inc_2", false: "inc_1"}[c.open]
			if r := rows["word2"]; r.Incident != want {
				t.Errorf("the second word: %+v, want in %s", r, want)
			}
		})
	}
}
