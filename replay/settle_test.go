package replay_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPointsThatNoOrderWentWith: points that leave before their order say
// nothing at once; when none has come after a while their session is weighed
// again, though nobody touched it. The customers' own, who pay with theirs, get
// no further row.
func TestPointsThatNoOrderWentWith(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var events []string
	put := func(after time.Duration, kind, subject, data string) {
		id := fmt.Sprintf("e%04d", len(events))
		events = append(events, one(id, kind, subject, at.Add(after).Format(time.RFC3339), data))
	}
	const customers = 300
	for n := range customers + 1 {
		who, s := fmt.Sprintf("c%03d", n), fmt.Sprintf(`"session":"s%03d"`, n)
		put(0, "login.attempted", who, `{"outcome":"succeeded",`+s+`,"ip":"126.72.0.1","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"}`)
		put(time.Minute, "points.moved", who, fmt.Sprintf(`{%s,"entry":"p%d","amount":-500,"balance":700}`, s, n))
		if n == customers {
			break
		}
		put(time.Minute+time.Second, "order.placed", who, fmt.Sprintf(`{%s,"order":"o%d","total":{"amount":3000,"currency":"JPY"}}`, s, n))
		at = at.Add(3 * time.Minute)
	}
	mine := len(events) - 1
	put(time.Hour, "login.attempted", "c000", `{"outcome":"wrong_password","ip":"126.72.0.1","user_agent":"x"}`)
	rows, err := csv.NewReader(bytes.NewReader(files(t, write(t, "e.ndjson", events...)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][][]string{}
	for _, r := range rows[1:] {
		if r[1] == "points.moved" {
			found[r[0]] = append(found[r[0]], r)
		}
	}
	for id, r := range found {
		if his := id == fmt.Sprintf("e%04d", mine); his != (len(r) == 2) {
			t.Errorf("event %s has %d rows", id, len(r))
		}
	}
	his := found[fmt.Sprintf("e%04d", mine)]
	if len(his) != 2 {
		t.Fatal("the points that no order went with were not weighed again")
	}
	if strings.Contains(his[0][4], "points_apart") || !strings.Contains(his[1][4], "points_apart") || his[1][2] <= his[0][2] {
		t.Errorf("they were weighed %v, then %v", his[0], his[1])
	}
}
