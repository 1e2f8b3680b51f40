package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWrongNamesAreFound: whatever is wrong with which events an account has, a
// check of the file says so.
func TestWrongNamesAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	c := newCounter(t)
	// Two accounts with events in event_index, and one with two in its row only.
	c.import1(0, idsOf("a", 20)...)
	c.import1(1, idsOf("a", 20)...)
	c.sees(false, 2, "b0")
	for account := range 3 {
		c.sees(false, account, "c0", "c1", "c2")
	}
	if _, err := Backup(c.ctx, c.path, path, time.Unix(1, 0), nil); err != nil {
		t.Fatal(err)
	}
	// The n of an event of the first account in event_index, and of one in its row.
	const (
		listed = `(SELECT min(n) FROM event_index WHERE account_id = (SELECT account_id FROM account WHERE subject = 'customer-0'))`
		hers   = `(SELECT min(n) FROM account_recent WHERE account_id = (SELECT account_id FROM account WHERE subject = 'customer-0'))`
		taken  = `UPDATE account SET recent = (SELECT json_group_array(value) FROM json_each(recent) WHERE value <> ` + hers + `) WHERE subject = 'customer-0'`
	)
	gives := func(n, subject string) string {
		return `UPDATE account SET recent = json_insert(recent, '$[#]', ` + n + `) WHERE subject = '` + subject + `'`
	}
	again := func(n string) string { // the same name once more, under a number of its own
		return `INSERT INTO event (n, ` + eventRow + `) SELECT ((SELECT max(n) >> 16 FROM event) + 1) << 16 | (` + n + ` & 65535), ` + eventRow + ` FROM event WHERE n = ` + n
	}
	for what, damage := range map[string][]string{ // what is wrong: what a check says of it
		"":                                          nil,
		"not in event_index: accounts name":         {`DELETE FROM event_index WHERE n = ` + listed},
		"not in its row: accounts name":             {taken},
		"in both: accounts name":                    {gives(listed, "customer-0")},
		"twice in a row: accounts name":             {gives(hers, "customer-0")},
		"named by two: accounts name":               {gives(hers, "customer-1")},
		"named by another: not those":               {gives(hers, "customer-1"), taken},
		"listed of another: not those":              {`UPDATE event_index SET account_id = (SELECT account_id FROM account WHERE subject = 'customer-2') WHERE n = ` + listed},
		"the event is gone: accounts name":          {`DROP TRIGGER event_gone`, `DELETE FROM event WHERE n = ` + listed},
		"an event that never was: accounts name":    {gives(`max(99 << 40, 7)`, "customer-2")},
		"in event_index, never was: accounts name":  {`INSERT INTO event_index (account_id, digest, n) SELECT account_id, 7, 99 << 40 | 7 FROM account WHERE subject = 'customer-0'`},
		"twice, in event_index: there twice":        {again(listed), `INSERT INTO event_index (account_id, digest, n) SELECT account_id, n & 65535, n FROM event ORDER BY n DESC LIMIT 1`},
		"twice, once in the row: there twice":       {again(listed), gives(`(SELECT max(n) FROM event)`, "customer-0")},
		"twice, both in the row: there twice":       {again(hers), gives(`(SELECT max(n) FROM event)`, "customer-0")},
		"under another digest: has":                 {`UPDATE event_index SET digest = digest + 1 WHERE n = ` + listed},
		"another name's number: another name's":     {`UPDATE event SET n = n + 1 WHERE n = ` + listed, `UPDATE event_index SET n = n + 1, digest = digest + 1 WHERE n = ` + listed},
		"it says there are none more: accounts say": {`UPDATE account SET indexed = 0 WHERE subject = 'customer-0'`},
		"no list: unreadable":                       {`UPDATE account SET recent = '[1,' WHERE subject = 'customer-2'`},
		"a list of words: which events":             {`UPDATE account SET recent = json_insert(recent, '$[#]', 'x') WHERE subject = 'customer-2'`},
		"a list with nothing: which events":         {`UPDATE account SET recent = json_insert(recent, '$[#]', NULL) WHERE subject = 'customer-2'`},
	} {
		t.Run(what, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "m.db")
			raw, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(damaged, raw, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			db, err := openFile(damaged, "", 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, words := range damage {
				if done, err := db.Exec(words); err != nil {
					t.Fatalf("%s: %v", words, err)
				} else if n, _ := done.RowsAffected(); n != 1 && !strings.HasPrefix(words, "DROP") {
					t.Fatalf("%s: %d rows", words, n)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = CheckFile(c.ctx, damaged)
			_, says, _ := strings.Cut(what, ": ")
			if damage == nil && err != nil || damage != nil && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), says)) {
				t.Errorf("a check said: %v", err)
			}
		})
	}
}
