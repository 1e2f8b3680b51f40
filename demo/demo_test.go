package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// shopEnv makes this test binary the shop's process.
const shopEnv = "MIMAMORI_DEMO_TEST_SHOP"

func TestMain(m *testing.M) {
	if os.Getenv(shopEnv) != "" {
		if err := RunShop(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func options(t *testing.T, s Story, out io.Writer) Options {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Story: s, Once: true, Wait: 3 * time.Second, Pace: 10 * time.Millisecond, Data: filepath.Join(t.TempDir(), "demo"), Out: out, Plain: true,
		ShopCommand: []string{self}, Env: []string{shopEnv + "=1"}}
}

// seen is what a finished demo kept of its evidence, fresh at each call.
func seen(t *testing.T, o Options) *evidence {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.Data, stateFile))
	if err != nil {
		t.Fatal(err)
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s.Seen
}

// TestOnce plays both stories as `mimamori demo --once` does; then spoils the
// evidence of each line of the table, one at a time, and wants to see it fail.
func TestOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("plays two stories with real waits")
	}
	for _, c := range []struct {
		story  Story
		check  func(*evidence) []verdict
		spoils map[string]func(*evidence)
	}{{Night, checkNight, spoilNight}, {Mall, checkMall, spoilMall}} {
		t.Run(string(c.story), func(t *testing.T) {
			var out bytes.Buffer
			o := options(t, c.story, &out)
			if err := Run(t.Context(), o); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if strings.Contains(out.String(), "✗") || !strings.Contains(out.String(), "✓") {
				t.Errorf("the table:\n%s", out.String())
			}
			for _, v := range c.check(seen(t, o)) {
				spoil, ok := c.spoils[v.ID]
				if !ok {
					t.Errorf("%s: no test shows that this line can fail", v.ID)
					continue
				}
				e := seen(t, o)
				spoil(e)
				for _, again := range c.check(e) {
					if again.ID == v.ID && again.OK {
						t.Errorf("%s stays ✓ on spoiled evidence: %s", v.ID, again.Saw)
					}
				}
			}
		})
	}
}

// on changes a page of the evidence.
func (e *evidence) on(name, old, with string) {
	p := e.Pages[name]
	p.HTML = strings.ReplaceAll(p.HTML, old, with)
	e.Pages[name] = p
}

func (e *evidence) status(name string, s int) {
	p := e.Pages[name]
	p.Status = s
	e.Pages[name] = p
}

func (e *evidence) body(old, with string) {
	for i := range e.Letters {
		e.Letters[i].Body = strings.ReplaceAll(e.Letters[i].Body, old, with)
	}
}

func (e *evidence) notices(change func(*letter)) {
	for i := range e.Letters {
		if strings.Contains(e.Letters[i].Subject, "パスワードを無効") {
			change(&e.Letters[i])
		}
	}
}

var spoilNight = map[string]func(*evidence){
	"W1": func(e *evidence) { e.on("timeline", e.Orders[1], "") },
	"W2": func(e *evidence) { e.on("logins", "theirs", "") },
	"W3": func(e *evidence) { e.on("intruder in", `action="/signout"`, "") },
	"C1": func(e *evidence) { e.status("old password", 200) },
	"C2": func(e *evidence) {
		a := e.Contained.Accounts["hanako"]
		a.Remembered = 1
		e.Contained.Accounts["hanako"] = a
	},
	"C3": func(e *evidence) {
		for i, p := range e.Contained.Accounts["hanako"].Purchases {
			if p.Order == e.Orders[0] {
				e.Contained.Accounts["hanako"].Purchases[i].State = "shipped"
			}
		}
	},
	"C4": func(e *evidence) { e.Opens = e.Opens.Add(time.Hour) },
	"U1": func(e *evidence) {
		for _, r := range e.Contained.Accounts["hanako"].State.Resources {
			if r.Kind == "address" {
				r.Value["line"] = "another"
			}
		}
	},
	"U2": func(e *evidence) { e.Contained.Suspects = e.Contained.Suspects[:1] },
	"T1": func(e *evidence) { e.body("海外から", "") },
	"T2": func(e *evidence) { e.notices(func(l *letter) { l.To = "someone@mail.example" }) },
	"T3": func(e *evidence) { e.notices(func(l *letter) { l.Signatures[1].Valid = false }) },
	"S1": func(e *evidence) { e.on("logins", "いまのあなたのIPアドレス", "") },
	"S3": func(e *evidence) { e.on("purchases", e.Her, "") },
	"S4": func(e *evidence) { e.on("contacts", "お支払い方法の追加", "") },
	"S5": func(e *evidence) { e.on("logins", `value="not_me"`, "") },
	"R1": func(e *evidence) { e.on("way back early", "お待ちいただくのは", "") },
	"R3": func(e *evidence) { e.status("order without", 200) },
	"H1": func(e *evidence) { e.on("help", "いま、つながります", "") },
}

var spoilMall = map[string]func(*evidence){
	"W1": func(e *evidence) { e.Second = nil },
	"W2": func(e *evidence) { e.Quiet = 1 },
	"W4": func(e *evidence) { e.on("home", "パスワードを知られた理由", "") },
	"W5": func(e *evidence) {
		a := e.Second.Accounts["taro"]
		a.Book[0].Amount -= 500
	},
	"C1": func(e *evidence) { e.status("intruder again", 200) },
	"C2": func(e *evidence) {
		a := e.Second.Accounts["taro"]
		a.Sessions = 1
		e.Second.Accounts["taro"] = a
	},
	"C3": func(e *evidence) { e.Second.Accounts["taro"].Book[0].Gift = "sent" },
	"C4": func(e *evidence) { e.Opens = e.Done },
	"C5": func(e *evidence) { e.status("tried hanako", 403) },
	"U3": func(e *evidence) {
		a := e.End.Accounts["taro"]
		a.Points.Balance--
		e.End.Accounts["taro"] = a
	},
	"T1": spoilNight["T1"], "T2": spoilNight["T2"], "T3": spoilNight["T3"],
	"S1": func(e *evidence) { e.on("logins", `role="img"`, "") },
	"S2": func(e *evidence) { e.on("ip", "居場所ではありません", "") },
	"R1": func(e *evidence) { e.Reset = e.Contained }, "H1": spoilNight["H1"],
}

// TestNothingSeenIsNothingProved: a story that was not played passes no line.
func TestNothingSeenIsNothingProved(t *testing.T) {
	for name, check := range map[string]func(*evidence) []verdict{"night": checkNight, "mall": checkMall} {
		all := check(newEvidence())
		if len(all) < 15 || !failed(all) {
			t.Errorf("%s: %d lines, failed %v", name, len(all), failed(all))
		}
		for _, v := range all {
			if v.OK {
				t.Errorf("%s %s is ✓ although nothing was seen (%s)", name, v.ID, v.Saw)
			}
		}
	}
}

func TestTableSaysWhatWasSeen(t *testing.T) {
	var out bytes.Buffer
	n := newNarrator(Options{Out: &out, Plain: true, Width: 100, Lang: mimamori.English})
	n.table(Night, []verdict{{ID: "C1", Want: text("無効", "invalid"), OK: true, Saw: "yes"}, {ID: "C2", Want: text("外", "out"), Saw: "2 sessions are open"}, {ID: "U3", Left: true, Saw: "no console"}})
	for _, want := range []string{"✓ C1", "✗ C2", "2 sessions are open", "– U3", "1 of 3 as called for, 1 not, 1 not checked"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colours where none are wanted")
	}
}

func TestLinesAreFoldedToTheTerminal(t *testing.T) {
	for _, s := range []string{"待ち時間です（デモのため6秒。実際は5時間）。だれもサインインできないので、花子さんは眠れます。", "The wait (shortened to 6 seconds for this demo; really 5 hours). Nobody can sign in."} {
		lines := fold(s, 40)
		if got := strings.Join(strings.Fields(strings.Join(lines, " ")), ""); got != strings.Join(strings.Fields(s), "") {
			t.Errorf("fold lost something: %q", lines)
		}
		for _, l := range lines {
			if wide(l) > 40 || strings.HasPrefix(l, "。") || strings.HasPrefix(l, "、") {
				t.Errorf("line %q is %d wide", l, wide(l))
			}
		}
	}
}

func TestFolderOfSomebodyElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(Options{Data: dir, Story: Night}); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("openFolder = %v, want it refused", err)
	}
}

func TestFolderGoesOnUntilTheStoryEnded(t *testing.T) {
	o := Options{Data: filepath.Join(t.TempDir(), "d"), Story: Night}
	first, err := openFolder(o)
	if err != nil || first.again {
		t.Fatal(err, first)
	}
	first.state.Played["evening"], first.state.ShopKey = true, "key"
	if err := first.write(); err != nil {
		t.Fatal(err)
	}
	second, err := openFolder(o)
	if err != nil || !second.again || !second.state.Played["evening"] || second.state.ShopKey != "key" {
		t.Errorf("the second start: %+v, %v", second, err)
	}
	second.state.Finished[Night] = true
	if err := second.write(); err != nil {
		t.Fatal(err)
	}
	third, err := openFolder(o)
	if err != nil || third.again || !third.fresh || len(third.state.Played) != 0 {
		t.Errorf("after the end: %+v, %v", third, err)
	}
}

func TestAnotherStoryBeginsAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for _, step := range []struct {
		story Story
		fresh bool
	}{{Night, false}, {Night, false}, {None, true}, {None, false}, {Mall, true}} {
		f, err := openFolder(Options{Story: step.story, Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		if f.fresh != step.fresh {
			t.Errorf("story %s: begun anew %v, want %v", step.story, f.fresh, step.fresh)
		}
	}
}
