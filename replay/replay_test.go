package replay_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori/policy"
	"mimamori/replay"
	"mimamori/simulate"
)

// small is a world of some 9,000 events, all attackers in it.
func small(t *testing.T, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := simulate.Write(simulate.Options{Seed: seed, Accounts: 400, Months: 2, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, simulate.EventsFile)
}

func files(t *testing.T, inputs ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.csv")
	if _, err := replay.Files(t.Context(), replay.Options{Inputs: inputs, Policy: policy.Default()}, out, ""); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// TestSameBytesOnAnyMachine: the scores depend on the events alone, not on the
// number of cores, the split into files or the order of the lines.
func TestSameBytesOnAnyMachine(t *testing.T) {
	events := small(t, 7)
	want := files(t, events)
	for _, cores := range []int{1, 4} {
		was := runtime.GOMAXPROCS(cores)
		got := files(t, events)
		runtime.GOMAXPROCS(was)
		if !bytes.Equal(want, got) {
			t.Errorf("with %d cores the scores differ", cores)
		}
	}
	all := lines(t, events)
	// What happened in the same millisecond keeps its order: nothing else tells it.
	var groups [][]string
	last := ""
	for _, l := range all {
		_, at, _ := strings.Cut(l, `"time":"`)
		if at = at[:len("2026-01-01T00:00:00.000")]; at != last {
			groups = append(groups, nil)
		}
		last = at
		groups[len(groups)-1] = append(groups[len(groups)-1], l)
	}
	var parts [3][]string
	for i, g := range groups {
		parts[i%3] = append(parts[i%3], g...)
	}
	sorted := func(b []byte) []string {
		rows := strings.Split(strings.TrimSpace(string(b)), "\r\n")
		slices.Sort(rows)
		return rows
	}
	split := files(t, write(t, "c.ndjson", parts[2]...), write(t, "a.ndjson", parts[0]...), write(t, "b.ndjson", parts[1]...))
	if d := cmp.Diff(sorted(want), sorted(split)); d != "" {
		t.Errorf("in three files the scores differ: %.600s", d)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	shuffled := files(t, write(t, "shuffled.ndjson", slices.Concat(groups...)...))
	if d := cmp.Diff(sorted(want), sorted(shuffled)); d != "" {
		t.Errorf("in another order the scores differ: %.600s", d)
	}
}

// TestRows holds the file of scores to the contract.
func TestRows(t *testing.T) {
	events := small(t, 8)
	got := files(t, events)
	if !bytes.HasPrefix(got, []byte("event_id,type,probability,decision,signals,campaign,incident,at\r\n")) {
		t.Fatalf("header: %.100s", got)
	}
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	have, last, scored := map[string]int{}, time.Time{}, 0
	for n, row := range rows[1:] {
		have[row[0]]++
		at, err := time.Parse(time.RFC3339Nano, row[7])
		if err != nil || at.Before(last) {
			t.Fatalf("row %d: at %s after %s, %v", n, row[7], last, err)
		}
		last = at
		if p := row[2]; p != "" {
			scored++
			if len(p) != len("0.123456789") || p[1] != '.' {
				t.Errorf("row %d: probability %s has not 9 digits", n, p)
			}
		} else if row[3] != "allow" && row[6] == "" {
			t.Errorf("row %d: not assessed, in no incident, and decided %s", n, row[3])
		}
	}
	for _, l := range lines(t, events) {
		id := l[strings.Index(l, `"id":"`)+6:]
		if id = id[:strings.Index(id, `"`)]; have[id] == 0 {
			t.Errorf("event %s has no row", id)
		}
	}
	if scored < 500 {
		t.Errorf("%d rows scored", scored)
	}
}

const form = `{"specversion":"1.0","id":"%s","source":"shop","type":"%s","subject":"%s","time":"%s","data":%s}`

func one(id, kind, subject, at, data string) string {
	return fmt.Sprintf(form, id, kind, subject, at, data)
}

func signIn(id, subject, at, session, ip string) string {
	return one(id, "login.attempted", subject, at, `{"outcome":"succeeded","session":"`+session+`","ip":"`+ip+`","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36","accept_language":"ja"}`)
}

func TestBadLines(t *testing.T) {
	good := signIn("e1", "hanako", "2026-01-01T00:00:00Z", "s1", "126.0.0.1")
	for name, bad := range map[string]string{
		"no JSON":            `{"specversion"`,
		"no event":           `{}`,
		"a zone":             signIn("e2", "hanako", "2026-01-01T00:00:01Z", "s1", "fe80::1%eth0"),
		"unknown outcome":    one("e2", "login.attempted", "hanako", "2026-01-01T00:00:01Z", `{"outcome":"perhaps","ip":"126.0.0.1","user_agent":""}`),
		"before all time":    signIn("e2", "hanako", "1969-12-31T23:59:59Z", "s1", "126.0.0.1"),
		"after all time":     signIn("e2", "hanako", "2300-01-01T00:00:00Z", "s1", "126.0.0.1"),
		"too long":           `{"x":"` + strings.Repeat("x", 3<<20) + `"}`,
		"other content":      signIn("e1", "hanako", "2026-01-01T00:00:01Z", "s1", "126.0.0.1"),
		"no UTF-8":           "{\"specversion\":\"1.0\",\"id\":\"\xff\"}",
		"two in one line":    good + good,
		"a batch in a line":  "[" + good + "]",
		"subject like mails": signIn("e2", "hanako@example.jp", "2026-01-01T00:00:01Z", "s1", "126.0.0.1"),
	} {
		t.Run(name, func(t *testing.T) {
			in := write(t, "in.ndjson", good, "", bad, signIn("e3", "hanako", "2026-01-02T00:00:00Z", "s3", "126.0.0.1"))
			out := filepath.Join(t.TempDir(), "out.csv")
			opt := replay.Options{Inputs: []string{in}, Policy: policy.Default()}
			_, err := replay.Files(t.Context(), opt, out, "")
			b, ok := errors.AsType[replay.BadLine](err)
			if !ok || b.Line != 3 || !strings.Contains(err.Error(), "in.ndjson, line 3") {
				t.Fatalf("err = %v, want a bad line 3", err)
			}
			if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
				t.Errorf("%v is left of a run that did not end", left)
			}
			skipped := filepath.Join(t.TempDir(), "bad.txt")
			sum, err := replay.Files(t.Context(), opt, out, skipped)
			if err != nil || sum.Events != 2 || sum.Skipped != 1 {
				t.Fatalf("with skip-bad: %+v, %v", sum, err)
			}
			if got := lines(t, skipped); len(got) != 1 || !strings.Contains(got[0], "in.ndjson:3: ") || strings.Contains(got[0], "hanako") {
				t.Errorf("list of bad lines: %.200s", got)
			}
			if rows := lines(t, out); len(rows) != 3 {
				t.Errorf("rows: %q", rows)
			}
		})
	}
}

func TestNoInput(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.csv")
	for name, inputs := range map[string][]string{"none": {}, "missing": {"/nowhere/at/all"}, "a folder": {t.TempDir()}} {
		if _, err := replay.Files(t.Context(), replay.Options{Inputs: inputs, Policy: policy.Default()}, out, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := replay.Files(t.Context(), replay.Options{Inputs: []string{write(t, "a")}, Policy: policy.Default()}, filepath.Join(t.TempDir(), "no", "out.csv"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	if got := files(t, write(t, "empty.ndjson")); !bytes.HasPrefix(got, []byte("event_id,")) {
		t.Errorf("of nothing: %q", got)
	}
}

// TestAbsurdButLegal: what a shop may send by mistake is taken, never let
// through unseen, and never a crash.
func TestAbsurdButLegal(t *testing.T) {
	ua := func(id, at, agent string) string {
		return one(id, "login.attempted", "taro", at, `{"outcome":"succeeded","session":"`+id+`","ip":"::ffff:126.0.0.1","user_agent":"`+agent+`"}`)
	}
	got := files(t, write(t, "in.ndjson",
		ua("a1", "2100-01-01T00:00:00Z", "x"), ua("a2", "1970-01-01T00:00:00Z", ""), ua("a3", "2026-01-01T00:00:00+14:00", strings.Repeat("M", 8000)),
		one("a4", "coupon.used", "taro", "2026-01-01T00:00:00Z", `{"coupon":1}`), ua("a2", "1970-01-01T00:00:00Z", ""),
		one("a5", "session.seen", "nobody", "2026-01-02T00:00:00Z", `{"session":"never begun","ip":"10.0.0.1","user_agent":""}`),
		one("a6", "login.attempted", "h1", "2026-01-02T00:00:00Z", `{"outcome":"unknown_account","ip":"2001:db8::1","user_agent":""}`)))
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range rows[1:] {
		order = append(order, r[0])
	}
	if d := cmp.Diff([]string{"a2", "a2", "a3", "a4", "a5", "a6", "a1"}, order); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if !slices.Equal(rows[1], rows[2]) {
		t.Errorf("the same again is answered otherwise: %v, %v", rows[1], rows[2])
	}
}

// TestLoginLogs reads CSV, in the order of time or not.
func TestLoginLogs(t *testing.T) {
	header, a, b := "subject,time,ip,user_agent,outcome", "hanako,2026-01-01T00:00:00Z,126.0.0.1,UA,succeeded", "taro,2026-01-02T00:00:00Z,126.0.0.2,UA,wrong_password"
	straight, turned := files(t, write(t, "a.csv", header, a, b)), files(t, write(t, "b.csv", header, b, a))
	if !bytes.Equal(straight, turned) || bytes.Count(straight, []byte("\r\n")) != 3 {
		t.Errorf("got\n%s\nand turned round\n%s", straight, turned)
	}
	_, err := replay.Files(t.Context(), replay.Options{Inputs: []string{write(t, "c.csv", header, a, "taro,yesterday,x,UA,succeeded")}, Policy: policy.Default()},
		filepath.Join(t.TempDir(), "o"), "")
	if b, ok := errors.AsType[replay.BadLine](err); !ok || b.Line != 3 {
		t.Errorf("err = %v, want a bad line 3", err)
	}
}
