package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/staff"
)

// past makes n lines of NDJSON, the i-th a login long ago.
func past(from, n int) []string {
	var out []string
	for i := from; i < from+n; i++ {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour).Format(time.RFC3339)
		out = append(out, fmt.Sprintf(`{"specversion":"1.0","id":"p%d","source":"shop","type":"login.attempted","subject":"hanako","time":%q,`+
			`"data":{"outcome":"succeeded","session":"s%d","ip":"203.0.113.7","user_agent":"Mozilla/5.0"}}`, i, at, i))
	}
	return out
}

func (w *world) imported(status int, query, contentType, body string) map[string]any {
	w.t.Helper()
	return w.want(status, call{method: "POST", path: "/v1/imports?" + query, key: w.keys[staff.ScopeEvents], contentType: contentType, body: body})
}

const ndjson, csv = "application/x-ndjson", "text/csv"

func TestImportGoesOnWhereItStopped(t *testing.T) {
	w := newWorld(t)
	lines := past(0, 1200)
	whole := strings.Join(lines, "\n")
	broken := append([]string{}, lines...)
	broken[700] = `{"oops`
	got := w.imported(400, "name=past", ndjson, strings.Join(broken, "\n"))
	if got["type"] != "/problems#import-stopped" || got["line"] != 701.0 || got["offset"] != 700.0 {
		t.Fatalf("broken line: %v, want line 701 with 700 durable", got)
	}
	if n := w.events("hanako"); n != 700 {
		t.Errorf("%d events stored, want the 700 before the broken line", n)
	}
	progress := call{method: "GET", path: "/v1/imports/past", key: w.keys[staff.ScopeEvents]}
	if got := w.want(200, progress); got["offset"] != 700.0 || got["done"] != false {
		t.Errorf("progress = %v", got)
	}
	got = w.imported(200, "name=past", ndjson, whole)
	if got["offset"] != 1200.0 || got["accepted"] != 1200.0 || got["repeated"] != 0.0 || got["done"] != true || got["name"] != "past" {
		t.Errorf("mended file = %v, want 1200 accepted, none repeated", got)
	}
	if again := w.imported(200, "name=past", ndjson, whole); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("the file again = %v, want %v", again, got)
	}
	if n := w.events("hanako"); n != 1200 {
		t.Errorf("%d events stored, want 1200", n)
	}
	if got := w.want(200, progress); got["done"] != true {
		t.Errorf("progress = %v", got)
	}
	list, err := w.store.Events(t.Context(), mimamori.NewAccountID("hanako"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range list {
		if want := fmt.Sprintf(`"session":"s%d"`, i); !strings.Contains(string(e.Data), want) {
			t.Fatalf("event %d is stored as %s, want %s in it", i, e.Data, want)
		}
	}
	// The past opens no incident.
	if got := w.want(200, call{method: "GET", path: "/v1/incidents", key: w.keys[staff.ScopeStaff]}); len(got["incidents"].([]any)) != 0 {
		t.Errorf("the past opened %v", got)
	}
}

func TestImportInParts(t *testing.T) {
	w := newWorld(t)
	part := func(from, n int) string { return strings.Join(past(from, n), "\n") + "\n" }
	if got := w.imported(200, "name=past&more=true", ndjson, part(0, 10)); got["offset"] != 10.0 || got["done"] != false {
		t.Errorf("first part = %v", got)
	}
	if got := w.imported(409, "name=past&offset=20", ndjson, part(20, 5)); got["offset"] != 10.0 {
		t.Errorf("a gap = %v, want 409 with what is durable", got)
	}
	// The second part overlaps the first, and has a blank line.
	if got := w.imported(200, "name=past&offset=5", ndjson, part(5, 10)+"\n\r\n"+part(15, 1)); got["offset"] != 18.0 || got["accepted"] != 16.0 || got["done"] != true {
		t.Errorf("second part = %v", got)
	}
	if n := w.events("hanako"); n != 16 {
		t.Errorf("%d events stored, want 16", n)
	}
}

func TestImportConflictNamesTheLine(t *testing.T) {
	w := newWorld(t)
	lines := past(0, 30)
	w.imported(200, "name=first", ndjson, strings.Join(lines[:21], "\n"))
	lines[20] = strings.Replace(lines[20], "203.0.113.7", "203.0.113.8", 1)
	got := w.imported(409, "name=second", ndjson, strings.Join(lines, "\n"))
	if got["line"] != 21.0 || got["offset"] != 20.0 {
		t.Errorf("conflict = %v, want line 21 with 20 durable", got)
	}
}

func TestImportOfALoginLog(t *testing.T) {
	w := newWorld(t)
	header := "time,subject,ip,user_agent,outcome\n"
	rows := "2026-01-01T00:00:00+09:00,hanako,203.0.113.7,\"Mozilla, 5\",succeeded\n2026-01-02T00:00:00+09:00,hanako,203.0.113.7,x,wrong_password\n"
	w.imported(400, "name=log", csv, header+rows) // whose?
	got := w.imported(400, "name=log&source=shop", csv, header+rows+"2026-01-03T00:00:00+09:00,hanako,nowhere,x,succeeded\n")
	if got["line"] != 4.0 || got["offset"] != 2.0 || got["field"] != "ip" {
		t.Errorf("broken row = %v, want line 4, field ip, 2 durable", got)
	}
	got = w.imported(200, "name=log&source=shop", csv, header+rows+"2026-01-03T00:00:00+09:00,hanako,203.0.113.9,x,succeeded\n")
	if got["offset"] != 3.0 || got["accepted"] != 3.0 || got["done"] != true {
		t.Errorf("mended = %v", got)
	}
	w.imported(400, "name=other&source=shop", csv, "subject,time,ip,user_agent,outcome,password\n")
	if got := w.imported(400, "name=other&source=shop", csv, header+"\""+strings.Repeat("y", 1<<20)); got["line"] != 2.0 {
		t.Errorf("an endless field = %v", got)
	}
}

func TestImportBadRequests(t *testing.T) {
	w := newWorld(t)
	one := past(0, 1)[0]
	for query, field := range map[string]string{
		"": "name", "name=": "name", "name=a/b": "name", "name=" + strings.Repeat("n", 101): "name",
		"name=x&offset=-1": "offset", "name=x&offset=many": "offset", "name=x&more=perhaps": "more",
	} {
		if got := w.imported(400, query, ndjson, one); got["field"] != field {
			t.Errorf("%q: %v, want field %s", query, got, field)
		}
	}
	w.imported(415, "name=x", "application/zip", one)
	for name, body := range map[string]string{
		"a batch": "[" + one + "]", "too long": `{"x":"` + strings.Repeat("y", 70<<10) + `"}`, "bad UTF-8": strings.Replace(one, "hanako", "hana\xffko", 1),
		"duplicate key": strings.Replace(one, `"id":`, `"id":"a","id":`, 1), "future": strings.Replace(one, "2026-01", "2199-01", 1),
	} {
		if got := w.imported(400, "name=x", ndjson, body); got["line"] != 1.0 || got["offset"] != 0.0 {
			t.Errorf("%s: %v, want line 1", name, got)
		}
	}
	w.want(404, call{method: "GET", path: "/v1/imports/x", key: w.keys[staff.ScopeEvents]})
	if n := w.events("hanako"); n != 0 {
		t.Errorf("%d events stored", n)
	}
}

func TestImportOfAnotherSource(t *testing.T) {
	w := newWorld(t)
	app := w.key("app", staff.ScopeEvents)
	c := call{method: "POST", path: "/v1/imports?name=past", key: app, contentType: ndjson, body: past(0, 1)[0]}
	if got := w.want(403, c); got["type"] != "/problems#wrong-source" || got["line"] != 1.0 {
		t.Errorf("another source = %v", got)
	}
	c.body = strings.Replace(c.body, `"shop"`, `"app"`, 1)
	w.want(200, c)
	// Names belong to the source: the shop's key does not see the app's import.
	w.want(404, call{method: "GET", path: "/v1/imports/past", key: w.keys[staff.ScopeEvents]})
	w.want(200, call{method: "GET", path: "/v1/imports/past", key: app})
}

// breaking gives some bytes and then an error, as a broken connection does.
type breaking struct{ r io.Reader }

func (b breaking) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		return n, errors.New("connection reset")
	}
	return n, err
}

func TestBrokenConnectionIsNotDone(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ contentType, body string }{
		"ndjson":        {ndjson, strings.Join(past(0, 5), "\n")[:1000]},
		"at_a_line_end": {ndjson, strings.Join(past(0, 3), "\n") + "\n"},
		// Cut inside the last field: what is left would be a row of its own.
		"csv": {csv, "subject,time,ip,user_agent,outcome,session\nhanako,2026-01-01T00:00:00Z,203.0.113.7,x,succeeded,long-ses"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/v1/imports?source=shop&name="+name, breaking{strings.NewReader(c.body)})
			r.Header.Set("Authorization", "Bearer "+w.keys[staff.ScopeEvents])
			r.Header.Set("Content-Type", c.contentType)
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			if rec.Code != 400 || !strings.Contains(rec.Body.String(), "ended early") {
				t.Errorf("broken connection = %d %s, want 400 that says so", rec.Code, rec.Body)
			}
			i, err := w.store.Import(t.Context(), name)
			if err != nil || i.Done {
				t.Errorf("import = %+v, %v, want not done", i, err)
			}
		})
	}
	list := w.events("hanako")
	if list > 4 {
		t.Errorf("%d events stored: a cut line was taken for a whole one", list)
	}
}

func TestOneImportOfANameAtATime(t *testing.T) {
	w := newWorld(t)
	r, wr := io.Pipe()
	first := httptest.NewRequest("POST", "/v1/imports?name=past", r)
	first.Header.Set("Authorization", "Bearer "+w.keys[staff.ScopeEvents])
	first.Header.Set("Content-Type", ndjson)
	done := make(chan int)
	go func() {
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, first)
		done <- rec.Code
	}()
	_, _ = io.WriteString(wr, past(0, 1)[0]+"\n") // returns when it is being read
	w.imported(409, "name=past", ndjson, past(0, 1)[0])
	_ = wr.Close()
	if code := <-done; code != 200 {
		t.Errorf("first = %d, want 200", code)
	}
	w.imported(200, "name=past", ndjson, past(0, 1)[0])
}
