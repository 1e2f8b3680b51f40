package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mimamori"
)

var now = time.Date(2026, 11, 22, 1, 10, 0, 0, time.UTC)

// one writes an event of a kind with its data, all attributes in place.
func one(kind, data string) string {
	return `{"specversion":"1.0","id":"e1","source":"shop/web","type":"` + kind + `","subject":"hanako","time":"2026-11-22T10:05:00+09:00","data":` + data + `}`
}

const goodLogin = `{"outcome":"succeeded","session":"s1","ip":"::ffff:203.0.113.7","user_agent":"UA","client_hints":{"sec-ch-ua":"x"},"rtt_ms":12,"password_tag":"00ff9","new_field":{"a":[1,2]}}`

// faultOf decodes and gives the field error, which every refusal must be.
func faultOf(t *testing.T, body string) *mimamori.FieldError {
	t.Helper()
	events, err := Decode([]byte(body), now, Limits{})
	if err == nil {
		t.Fatalf("Decode(%.200s) = %d events, want an error", body, len(events))
	}
	var fe *mimamori.FieldError
	if !errors.As(err, &fe) || !errors.Is(err, mimamori.ErrInvalid) {
		t.Fatalf("Decode(%.200s) error = %v, want a FieldError", body, err)
	}
	if events != nil {
		t.Errorf("Decode(%.200s) gave events beside its error", body)
	}
	return fe
}

func TestDecodeOne(t *testing.T) {
	events, err := Decode([]byte(" "+one("login.attempted", goodLogin)+"\n"), now, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	l := e.Payload.(*Login)
	if e.ID != "e1" || e.Source != "shop/web" || e.Subject != "hanako" || e.Session != "s1" || e.By != ByCustomer ||
		e.Account != mimamori.NewAccountID("hanako") || !e.Time.Equal(now.Add(-5*time.Minute)) || e.Time.Location() != time.UTC {
		t.Errorf("Decode = %+v", e)
	}
	if l.IP != "203.0.113.7" || *l.RTTMillis != 12 || l.ClientHints["sec-ch-ua"] != "x" || e.NoAccount() {
		t.Errorf("payload = %+v", l)
	}
	if !strings.Contains(string(e.Data), `"new_field":{"a":[1,2]}`) {
		t.Errorf("unknown field not kept: %s", e.Data)
	}
}

func TestDecodeEveryKind(t *testing.T) {
	for kind, c := range map[string]struct {
		data string
		want any
	}{
		"login.attempted":  {`{"outcome":"unknown_account","ip":"2001:db8::1","user_agent":""}`, &Login{Outcome: UnknownAccount, IP: "2001:db8::1"}},
		"session.seen":     {`{"session":"s","ip":"192.0.2.1","user_agent":"UA","device":"d"}`, &Session{Session: "s", IP: "192.0.2.1", UserAgent: "UA", Device: "d"}},
		"session.ended":    {`{"session":"s","command":"cmd_1"}`, &Session{Session: "s"}},
		"account.seen":     {`{"resources":[{"kind":"contact","id":"mail","value":{"mail":"h@example.jp"}}],"locale":"ja"}`, &Account{Resources: []Held{{Kind: Contact, ID: "mail", Value: []byte(`{"mail":"h@example.jp"}`)}}, Locale: "ja"}},
		"account.changed":  {`{"session":"s","by":"customer","resource":{"kind":"address","id":"a2"},"op":"added","before":null,"after":{"Line":"1-2"}}`, &Change{Session: "s", By: ByCustomer, Resource: Resource{Address, "a2"}, Op: Added, After: []byte(`{"Line":"1-2"}`)}},
		"order.placed":     {`{"session":"s","order":"o1","total":{"amount":0,"currency":"JPY"},"gift":true,"reentered":["payment"]}`, &Order{Session: "s", Order: "o1", Total: &Money{0, "JPY"}, Gift: true, Reentered: []string{"payment"}}},
		"order.shipped":    {`{"order":"o1","by":"shop"}`, &Order{Order: "o1", By: ByShop}},
		"order.cancelled":  {`{"order":"o1"}`, &Order{Order: "o1"}},
		"order.hidden":     {`{"order":"o1","session":"s"}`, &Order{Order: "o1", Session: "s"}},
		"order.unhidden":   {`{"order":"o1"}`, &Order{Order: "o1"}},
		"points.moved":     {`{"entry":"p1","amount":-500,"balance":0,"kind":"points"}`, &Points{Entry: "p1", Amount: -500, Kind: "points"}},
		"page.viewed":      {`{"session":"s","page":"/orders","fields":["name"]}`, &PageView{Session: "s", Page: "/orders", Fields: []string{"name"}}},
		"payment.disputed": {`{"order":"o1"}`, &Dispute{Order: "o1"}},
		"session.judged":   {`{"session":"s","verdict":"intruder","by":"agent"}`, &Verdict{Session: "s", Verdict: "intruder", By: ByAgent}},
		"coupon.used":      {`{"Code":"X"}`, nil},
	} {
		events, err := Decode([]byte(one(kind, c.data)), now, Limits{})
		if err != nil {
			t.Errorf("Decode(%s %s): %v", kind, c.data, err)
			continue
		}
		if got := events[0].Payload; !(c.want == nil && got == nil) && !reflect.DeepEqual(got, c.want) {
			t.Errorf("Decode(%s %s) payload = %+v, want %+v", kind, c.data, got, c.want)
		}
		if kind == "session.ended" && events[0].Command != "cmd_1" {
			t.Errorf("command = %q, want cmd_1", events[0].Command)
		}
		if want := strings.Contains(c.data, "unknown_account"); events[0].NoAccount() != want {
			t.Errorf("NoAccount(%s) = %v, want %v", kind, !want, want)
		}
	}
}

// TestD07_StrictJSON is the corpus of what lax readers let through
// (OWASP ASVS 5.0 1.5.3: two parsers must not read one body differently).
func TestD07_StrictJSON(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, c := range map[string]struct{ body, field, reason string }{
		"empty":                       {"", "", "not valid JSON"},
		"no JSON":                     {"hello", "", "not valid JSON"},
		"truncated":                   {one("x", `{}`)[:60], "", "not valid JSON"},
		"byte order mark":             {"\ufeff" + one("x", `{}`), "", "not valid JSON"},
		"a string":                    {`"x"`, "", "object"},
		"null":                        {`null`, "", "object"},
		"second document":             {one("x", `{}`) + one("x", `{}`), "", "follows"},
		"trailing comma":              {`[` + one("x", `{}`) + `,]`, "", "not valid JSON"},
		"trailing garbage":            {one("x", `{}`) + "\x00", "", "follows"},
		"after a batch":               {`[]x`, "", "follows"},
		"duplicate attribute":         {`{"id":"a","id":"b"}`, "id", "duplicate"},
		"duplicate key":               {one("x", `{"a":1,"b":{"c":1,"c":2}}`), "data.b.c", "duplicate"},
		"escaped duplicate key":       {one("x", `{"a":1,"\u0061":2}`), "data.a", "duplicate"},
		"case twin":                   {one("x", `{"mail":1,"MAIL":2}`), "data", "case"},
		"deep case twin":              {one("account.changed", `{"resource":{"kind":"contact","id":"m"},"op":"changed","after":{"mail":"a","Mail":"b"}}`), "data.after", "case"},
		"twin by long s":              {one("x", `{"session":1,"ſession":2}`), "data", "case"},
		"twin by Kelvin":              {one("x", `{"k":1,"K":2}`), "data", "case"},
		"twin before plain key":       {one("x", `{"MAIL":1,"mail":2}`), "data", "case"},
		"attribute by case":           {strings.Replace(one("x", `{}`), `"subject"`, `"Subject"`, 1), "subject", "case"},
		"field by case":               {one("session.ended", `{"Session":"s"}`), "data.Session", "case"},
		"nested field by case":        {one("order.placed", `{"order":"o","total":{"Amount":1,"currency":"JPY"}}`), "data.total.Amount", "case"},
		"invalid UTF-8":               {one("x", "{\"a\":\"\xff\"}"), "data.a", "UTF-8"},
		"invalid UTF-8 key":           {one("x", "{\"\xff\":1}"), "", "UTF-8"},
		"overlong UTF-8":              {one("x", "{\"a\":\"\xc0\xaf\"}"), "data.a", "UTF-8"},
		"surrogate bytes":             {one("x", "{\"a\":\"\xed\xa0\x80\"}"), "data.a", "UTF-8"},
		"lone surrogate":              {one("x", `{"a":"\ud800"}`), "data.a", "UTF-8"},
		"reversed surrogates":         {one("x", `{"a":"\udc00\ud800"}`), "data.a", "UTF-8"},
		"control character":           {one("x", "{\"a\":\"\n\"}"), "data.a", "not valid JSON"},
		"comment":                     {one("x", `{/**/}`), "", "not valid JSON"},
		"NaN":                         {one("x", `{"a":NaN}`), "", "not valid JSON"},
		"leading zero":                {one("x", `{"a":01}`), "", "not valid JSON"},
		"depth 33":                    {one("x", nested(32)), "", "deep"},
		"depth 10,000":                {one("x", nested(10_000)), "", "deep"},
		"depth 60,000":                {one("x", nested(30_000)), "", "deep"},
		"event too large":             {one("x", `{"a":"`+strings.Repeat("x", 64<<10)+`"}`), "", "larger"},
		"batch too large":             {`[` + strings.Repeat(" ", 4<<20) + `]`, "", "larger"},
		"string for number":           {one("points.moved", `{"entry":"p","amount":"5","balance":1}`), "data.amount", "type"},
		"number for string":           {one("session.ended", `{"session":5}`), "data.session", "type"},
		"fraction for integer":        {one("points.moved", `{"entry":"p","amount":5.5,"balance":1}`), "data.amount", "type"},
		"beyond 2^53 is no card":      {one("points.moved", `{"entry":"p","amount":9007199254740993,"balance":1}`), "data.amount", "range"},
		"beyond 2^63":                 {one("points.moved", `{"entry":"p","amount":9223372036854775808,"balance":1}`), "data.amount", "type"},
		"object for string":           {one("order.placed", `{"order":{},"total":{"amount":1,"currency":"JPY"}}`), "data.order", "type"},
		"string for boolean":          {one("order.placed", `{"order":"o","total":{"amount":1,"currency":"JPY"},"gift":"yes"}`), "data.gift", "type"},
		"array for data":              {one("session.ended", `[]`), "data", "object"},
		"string for resources":        {one("account.seen", `{"resources":"x"}`), "data.resources", "type"},
		"number for an hint":          {one("login.attempted", `{"outcome":"blocked","ip":"192.0.2.1","user_agent":"","client_hints":{"a":1}}`), "data.client_hints.a", "type"},
		"string for before":           {one("account.changed", `{"resource":{"kind":"contact","id":"m"},"op":"changed","before":"x"}`), "data.before", "object"},
		"command of a wrong type":     {one("session.ended", `{"session":"s","command":7}`), "data.command", "string"},
		"time without a zone, nested": {one("account.seen", `{"resources":[],"registered_at":"2020-01-01T00:00:00"}`), "data.registered_at", "form"},
	} {
		t.Run(name, func(t *testing.T) {
			fe := faultOf(t, c.body)
			if (fe.Index != -1) != (name == "trailing comma") || !strings.Contains(fe.Reason, c.reason) || c.field != "" && fe.Field != c.field {
				t.Errorf("got %+v, want field %q, reason with %q", fe, c.field, c.reason)
			}
		})
	}
}

func TestDepthOf32IsAccepted(t *testing.T) {
	if _, err := Decode([]byte(one("x", strings.Repeat("[", 31)+strings.Repeat("]", 31))), now, Limits{}); err != nil {
		t.Error(err)
	}
}

func TestRules(t *testing.T) {
	set := func(attribute, value string) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(one("session.ended", `{"session":"s"}`)), &m); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatal(err)
		}
		m[attribute] = v
		b, _ := json.Marshal(m)
		return string(b)
	}
	login := func(with string) string {
		return one("login.attempted", `{"outcome":"wrong_password","ip":"192.0.2.1","user_agent":"UA"`+with+`}`)
	}
	long := strings.Repeat("x", 201)
	for _, c := range []struct{ body, field string }{
		{set("specversion", `"0.3"`), "specversion"},
		{set("specversion", `1.0`), "specversion"},
		{set("specversion", `null`), "specversion"},
		{set("id", `""`), "id"},
		{set("id", `"`+long+`"`), "id"},
		{set("source", `null`), "source"},
		{set("type", `""`), "type"},
		{set("subject", `""`), "subject"},
		{set("subject", `" "`), "subject"},
		{set("subject", `"a\u0000b"`), "subject"},
		{set("subject", `"a\u202eb"`), "subject"},
		{set("subject", `"`+strings.Repeat("あ", 201)+`"`), "subject"},
		{set("subject", `"hanako@example.jp"`), "subject"},
		{set("time", `"2026-11-22T10:05:00"`), "time"},
		{set("time", `"2026-11-22 10:05:00Z"`), "time"},
		{set("time", `"2026-11-22T23:59:60Z"`), "time"},
		{set("time", `"2026-11-22T01:15:01Z"`), "time"},
		{set("time", `"0001-01-01T00:00:00Z"`), "time"},
		{set("time", `1700000000`), "time"},
		{set("data", `null`), "data"},
		{set("data_base64", `"AA=="`), "data_base64"},
		{set("datacontenttype", `"text/xml"`), "datacontenttype"},
		{set("extension", `{"a":1}`), "extension"},
		{one("login.attempted", `{"ip":"192.0.2.1","user_agent":"UA"}`), "data.outcome"},
		{one("login.attempted", `{"outcome":"succeeded","ip":"192.0.2.1","user_agent":"UA"}`), "data.session"},
		{one("login.attempted", `{"outcome":"maybe","ip":"192.0.2.1","user_agent":"UA"}`), "data.outcome"},
		{one("login.attempted", `{"outcome":"blocked","ip":"192.0.2.1"}`), "data.user_agent"},
		{one("login.attempted", `{"outcome":"blocked","ip":"fe80::1%eth0","user_agent":""}`), "data.ip"},
		{one("login.attempted", `{"outcome":"blocked","ip":"010.0.0.1","user_agent":""}`), "data.ip"},
		{one("login.attempted", `{"outcome":"blocked","ip":"192.0.2.1:80","user_agent":""}`), "data.ip"},
		{login(`,"factor":"sms"`), "data.factor"},
		{login(`,"password_tag":"ABCDE"`), "data.password_tag"},
		{login(`,"password_tag":"abcdef"`), "data.password_tag"},
		{login(`,"rtt_ms":-1`), "data.rtt_ms"},
		{login(`,"client_hints":{"Sec-CH-UA":"x"}`), "data.client_hints"},
		{login(`,"by":"intruder"`), "data.by"},
		{one("session.seen", `{"session":"s","user_agent":"UA"}`), "data.ip"},
		{one("session.ended", `{}`), "data.session"},
		{one("account.seen", `{}`), "data.resources"},
		{one("account.seen", `{"resources":[{"kind":"contact","id":"m","value":{}},{"kind":"pet","id":"x","value":{}}]}`), "data.resources.1.kind"},
		{one("account.seen", `{"resources":[{"kind":"contact","id":"m"}]}`), "data.resources.0.value"},
		{one("account.seen", `{"resources":[],"locale":"fr"}`), "data.locale"},
		{one("account.changed", `{"op":"added"}`), "data.resource"},
		{one("account.changed", `{"resource":{"kind":"contact","id":""},"op":"added"}`), "data.resource.id"},
		{one("account.changed", `{"resource":{"kind":"contact","id":"m"},"op":"moved"}`), "data.op"},
		{one("account.changed", `{"resource":{"kind":"contact","id":"m"},"op":"added","after":{"a":"`+strings.Repeat("x", 16<<10)+`"}}`), "data.after"},
		{one("order.placed", `{"order":"o"}`), "data.total"},
		{one("order.placed", `{"order":"o","total":{"currency":"JPY"}}`), "data.total.amount"},
		{one("order.placed", `{"order":"o","total":{"amount":1,"currency":"yen"}}`), "data.total.currency"},
		{one("order.placed", `{"order":"o","total":{"amount":1,"currency":"JPY"},"reentered":["mail"]}`), "data.reentered"},
		{one("order.shipped", `{}`), "data.order"},
		{one("points.moved", `{"entry":"p","balance":1}`), "data.amount"},
		{one("points.moved", `{"entry":"p","amount":1,"balance":1,"kind":"miles"}`), "data.kind"},
		{one("page.viewed", `{"session":"s"}`), "data.page"},
		{one("payment.disputed", `{"reason":"x"}`), "data.order"},
		{one("session.judged", `{"session":"s","verdict":"intruder"}`), "data.by"},
		{one("session.judged", `{"session":"s","verdict":"intruder","by":"system"}`), "data.by"},
		{one("session.judged", `{"session":"s","verdict":"guilty","by":"shop"}`), "data.verdict"},
	} {
		if fe := faultOf(t, c.body); fe.Field != c.field {
			t.Errorf("Decode(%.160s) = %v, want field %s", c.body, fe, c.field)
		}
	}
}

func TestTimes(t *testing.T) {
	for s, ok := range map[string]bool{"2026-11-22T01:15:00Z": true, "2026-11-22T01:15:00.001Z": false, "1999-01-01T00:00:00-11:00": true} {
		body := strings.Replace(one("x", `{}`), "2026-11-22T10:05:00+09:00", s, 1)
		if _, err := Decode([]byte(body), now, Limits{}); (err == nil) != ok {
			t.Errorf("time %s: %v, want accepted = %v", s, err, ok)
		}
		if _, err := Decode([]byte(body), now, Limits{AnyTime: true}); err != nil {
			t.Errorf("time %s in an import: %v", s, err)
		}
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	good := one("session.ended", `{"session":"s"}`)
	events, err := Decode([]byte("["+good+" , "+good+"]"), now, Limits{})
	if err != nil || len(events) != 2 {
		t.Fatalf("Decode(two) = %d events, %v", len(events), err)
	}
	fe := faultOf(t, "["+good+","+one("session.ended", `{"session":7}`)+"]")
	if fe.Index != 1 || fe.Field != "data.session" {
		t.Errorf("got %+v, want index 1, data.session", fe)
	}
	if fe := faultOf(t, "["+good+`,{"id":"a","id":"b"}]`); fe.Index != 1 || fe.Field != "id" {
		t.Errorf("got %+v, want index 1, id", fe)
	}
	if fe := faultOf(t, "["+good+`,[]]`); fe.Index != 1 {
		t.Errorf("got %+v, want index 1", fe)
	}
	many := strings.Repeat(good+",", 1000)
	if events, err := Decode([]byte("["+many[:len(many)-1]+"]"), now, Limits{}); err != nil || len(events) != 1000 {
		t.Errorf("Decode(1000) = %d, %v", len(events), err)
	}
	if fe := faultOf(t, "["+many+good+"]"); !strings.Contains(fe.Reason, "more events") {
		t.Errorf("got %+v", fe)
	}
	if _, err := DecodeLine([]byte("["+good+"]"), now, Limits{}); err == nil {
		t.Error("DecodeLine accepted a batch")
	}
	if _, err := DecodeLine([]byte(good+good), now, Limits{}); err == nil {
		t.Error("DecodeLine accepted two events")
	}
}

func TestHashIsOfContent(t *testing.T) {
	hash := func(body string) [32]byte {
		t.Helper()
		events, err := Decode([]byte(body), now, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return events[0].Hash()
	}
	a := hash(one("x", `{"a":1,"b":{"c":2,"d":3}}`))
	if b := hash(one("x", ` { "b":{"d":3, "c":2},"a":1}`)); a != b {
		t.Error("white space and order of keys changed the hash")
	}
	if b := hash(one("x", `{"a":1,"b":{"c":2,"d":4}}`)); a == b {
		t.Error("another value has the same hash")
	}
}

// TestErrorsDoNotEcho: a problem answer never carries what was sent.
func TestErrorsDoNotEcho(t *testing.T) {
	const secret = "hunter2@4111111111111111"
	for _, body := range []string{
		one("session.ended", `{"session":"s","command":{"`+secret+`":1}}`),
		one("x", `{"`+secret+`":"a","`+secret+`":"b"}`),
		one("x", `{"card":{"`+secret+`":1}}`),
		one("login.attempted", `{"outcome":"`+secret+`","ip":"`+secret+`","user_agent":""}`),
		`{"` + secret + `":{}}`, secret,
	} {
		if fe := faultOf(t, body); strings.Contains(fe.Error(), "hunter2") || strings.Contains(fe.Error(), "4111") {
			t.Errorf("error echoes the input: %v", fe)
		}
	}
}

func BenchmarkDecodeLogin(b *testing.B) {
	body := []byte(one("login.attempted", `{"outcome":"succeeded","session":"0123456789abcdef0123456789abcdef","ip":"203.0.113.7","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1","accept_language":"ja-JP","device":"d_0123456789","rtt_ms":31,"factor":"none","password_tag":"0a1b2"}`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body, now, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBatchOf100(b *testing.B) {
	var list []string
	for i := range 100 {
		list = append(list, strings.Replace(one("points.moved", `{"session":"s","entry":"p","amount":-500,"balance":100}`), `"e1"`, fmt.Sprintf(`"e%d"`, i), 1))
	}
	body := []byte("[" + strings.Join(list, ",") + "]")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body, now, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(one("login.attempted", goodLogin)))
	f.Add([]byte("[" + one("account.changed", `{"resource":{"kind":"payment_method","id":"c"},"op":"added","after":{"n":"4111 1111 1111 1111"}}`) + "]"))
	f.Add([]byte(one("x", `{"A\u0061":"４１１１\ud83d\ude00","b":[1e5,null,true,{"c":{}}]}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := Decode(body, now, Limits{})
		if err != nil {
			if !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("Decode error = %v, want a kind", err)
			}
			return
		}
		for _, e := range events {
			if e.Data != nil && !json.Valid(e.Data) {
				t.Errorf("Data is no longer JSON: %q", e.Data)
			}
			again := screen{src: e.Data, depth: 1, maxDepth: 40, open: true}
			if e.Data != nil {
				if fe := again.run(); fe != nil || len(again.cards) > 0 {
					t.Errorf("a second screening finds %v %d cards in %q", fe, len(again.cards), e.Data)
				}
			}
		}
	})
}

// TestDecodeKeepsNothingOfTheBody: the room of a body is used again for the
// next request's as soon as this one is answered.
func TestDecodeKeepsNothingOfTheBody(t *testing.T) {
	list := []string{
		one("login.attempted", `{"outcome":"succeeded","session":"s-1","ip":"203.0.113.7","user_agent":"Mozilla/5.0","accept_language":"ja-JP","client_hints":{"sec-ch-ua":"a"},"device":"d_1","tls_fingerprint":"t13d","factor":"totp","password_tag":"0a1b2","own":"kept"}`),
		one("session.seen", `{"session":"s-1","ip":"203.0.113.7","user_agent":"Mozilla/5.0"}`),
		one("account.seen", `{"resources":[{"kind":"address","id":"a","value":{"line":"1-1"}}],"locale":"ja","time_zone":"Asia/Tokyo"}`),
		one("account.changed", `{"resource":{"kind":"payment_method","id":"c"},"op":"changed","before":{"last4":"1111"},"after":{"last4":"2222"},"grant":"g"}`),
		one("order.placed", `{"order":"o-1","total":{"amount":600,"currency":"JPY"},"ship_to":"a","payment":"c","reentered":["payment"]}`),
		one("points.moved", `{"entry":"p-1","amount":-500,"balance":100,"reason":"gift"}`),
		one("page.viewed", `{"session":"s-1","page":"orders","fields":["address"]}`),
		one("payment.disputed", `{"order":"o-1","reason":"unknown"}`),
		one("session.judged", `{"session":"s-1","verdict":"intruder","by":"agent"}`),
		one("something.else", `{"free":["text",{"and":"more"}]}`),
	}
	for _, body := range append(list, "["+strings.Join(list, ",")+"]") {
		room := []byte(body)
		events, err := Decode(room, now, Limits{})
		if err != nil {
			t.Fatalf("Decode(%s) = %v", body, err)
		}
		for i := range room {
			room[i] = 'x'
		}
		fresh, err := Decode([]byte(body), now, Limits{})
		if err != nil || !reflect.DeepEqual(events, fresh) {
			t.Errorf("%s\nchanged with its body: %+v", body, events)
		}
	}
	for _, body := range []string{`{"` + strings.Repeat("secret", 3) + `":{}}`, one("login.attempted", `{"outcome":"?","ip":"203.0.113.7","user_agent":""}`), `{"id":"e1","id":"e2"}`} {
		room := []byte(body)
		_, err := Decode(room, now, Limits{})
		said := fmt.Sprintf("%v", err)
		for i := range room {
			room[i] = 'x'
		}
		if again := fmt.Sprintf("%v", err); err == nil || again != said {
			t.Errorf("the error %q is %q when the body has changed", said, again)
		}
	}
}
