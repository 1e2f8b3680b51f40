package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/audit/audittest"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/factor/code"
	"mimamori/incident"
	"mimamori/keys/keystest"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/staff"
	"mimamori/staff/stafftest"
	"mimamori/support"
	"mimamori/undo"
	"mimamori/web"
	"mimamori/web/console"
)

const (
	night = mimamori.IncidentID("inc_night000000000000000000000")
	mall  = mimamori.IncidentID("inc_mall0000000000000000000000")
)

// flow is a working Service over one night's story. It asks the guard as the
// real one does and keeps what was done.
type flow struct {
	guard audit.Guard
	four  *staff.FourEyes
	now   time.Time
	evil  string // put into every text from outside

	mu   sync.Mutex // guards done
	done []string
}

func (f *flow) allow(ctx context.Context, on console.On, act audit.Act) error {
	target := audit.Target{Incident: on.Incident, Account: mimamori.NewAccountID("hanako")}
	return f.guard.Allow(ctx, on.Actor, act, target, on.Reason)
}

func (f *flow) did(ctx context.Context, on console.On, act audit.Act, what string) error {
	if err := f.allow(ctx, on, act); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, what)
	return nil
}

func text(ja, en string) mimamori.Text { return mimamori.Text{JA: ja, EN: en} }

func (f *flow) Queue(ctx context.Context, actor mimamori.Actor, filter console.Filter) (console.Queue, error) {
	if err := f.guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.Queue{}, err
	}
	q := console.Queue{Counts: map[console.Show]int{console.ShowOpen: 3, console.ShowPerson: 1, console.ShowWatch: 12, console.ShowClosed: 1480}}
	if filter.Show == console.ShowWatch || filter.Search != "" {
		return q, nil
	}
	q.Rows = []console.Row{
		{ID: mall, State: incident.Held, Decision: decide.Hold, NeedsPerson: true, Need: text("使われたポイントをお返しするか、決めてください。", "Decide whether to give the spent points back."), OpenedAt: f.now.Add(-20 * time.Minute), Second: true, Assigned: "佐藤", Lang: mimamori.English, Campaigns: []string{"cmp_1"}},
		{ID: night, State: incident.Waiting, Decision: decide.Contain, Why: text("ふだんと違う国の、データセンターからのサインインでした。", "The sign-in came from a data centre in another country than usual."), OpenedAt: f.now.Add(-90 * time.Minute), WaitUntil: f.now.Add(3*time.Hour + 30*time.Minute), Mine: true, Assigned: "私"},
		{ID: "inc_third", State: incident.Suspected, Decision: decide.Challenge, Why: text("はじめての端末でした。", "The device was new."), OpenedAt: f.now.Add(-26 * time.Hour)},
	}
	q.Next, q.Bound = "30.1.inc_third", 1000
	return q, nil
}

func (f *flow) Version(context.Context, mimamori.IncidentID) (string, error) { return "v1", nil }

func (f *flow) Incident(ctx context.Context, on console.On) (console.Incident, error) {
	if err := f.allow(ctx, on, audit.LookIncident); err != nil {
		return console.Incident{}, err
	}
	if on.Incident != night {
		return console.Incident{}, mimamori.ErrNotFound
	}
	at := func(m int) time.Time { return f.now.Add(-90*time.Minute + time.Duration(m)*time.Minute) }
	card := map[string]string{"brand": "VISA", "last4": "4242", "expiry": "2028-04"}
	address := map[string]string{"recipient": "Mori " + f.evil, "prefecture": "神奈川県", "line": "川崎市1-2-3", "postal_code": "210-0001", "phone": "080-9999-0000", "country": "JP"}
	may := map[audit.Act]bool{}
	for _, a := range staff.Lead.Acts() {
		may[a] = true
	}
	return console.Incident{
		ID: night, Subject: "hanako", State: incident.Waiting, Decision: decide.Contain, Previous: "inc_before",
		Cause:    text("ほかから漏れたパスワードが試された可能性が高いです。", "A password leaked elsewhere was most likely tried."),
		OpenedAt: at(2), Start: at(0), ContainedAt: at(2), WaitUntil: at(302), May: may,
		Needs: []console.Need{{At: at(3), Text: text("お届け先は、お客様がその後に変えています。どちらにするか決めてください。", "The customer changed the address afterwards. Decide which one stays.")}},
		Evidence: []console.Evidence{
			{At: at(0), Text: text("データセンターからのサインインでした。", "The sign-in came from a data centre."), Weight: 2.9, Signal: "network.hosting", Group: "network", Session: "s-evil"},
			{At: at(0), Text: text("はじめての端末でした。", "The device was new."), Weight: 1.6, Signal: "device.new", Group: "device", Session: "s-evil"},
			{At: at(1), Text: text("いつもの時間帯でした。", "It was the usual time of day."), Weight: -0.4, Signal: "time.usual", Group: "behaviour", Session: "s-evil"},
		},
		Sessions: []console.Session{
			{ID: "s-evil", Owner: console.Intruder, By: "detector", Began: at(0), Last: at(2), Device: "Windows · Chrome " + f.evil, Country: "NG", Operator: "Example Hosting " + f.evil, Network: "hosting", Acts: 9},
			{ID: "s-phone", Owner: console.Customer, By: "customer", Began: at(-600), Last: at(-500), Device: "iPhone · Safari", Country: "JP", Operator: "Example Mobile", Network: "mobile", Acts: 4},
			{ID: "s-odd", Owner: console.Unknown, By: "detector", Began: at(-2), Acts: 1},
		},
		Timeline: []console.Line{
			{At: at(-500), Owner: console.Customer, Text: text("注文しました", "Placed an order")},
			{At: at(0), Owner: console.Intruder, Text: text("サインインしました", "Signed in"), Session: "s-evil", Fate: text("サインアウトさせました", "Signed out"), Good: true},
			{At: at(1), Owner: console.Intruder, Text: text("お支払い方法を加えました", "Added a payment method"), Value: console.Value{Fields: card}, Fate: text("取り除きました", "Removed"), Good: true},
			{At: at(1), Owner: console.Unknown, Text: text("お届け先を変えました", "Changed an address"), Value: console.Value{Fields: address}, Fate: text("判断が必要です", "To be decided")},
			{At: at(2), Owner: console.Us, Text: text("パスワードを無効にしました", "Invalidated the password"), Good: true},
			{At: at(30), Owner: console.Staff, Text: text("佐藤がメモを残しました", "Sato wrote a note")},
		},
		Plan: console.Plan{Version: "v7", At: at(2), AppliedAt: at(2), RedoUntil: at(30 * 24 * 60), Changes: []console.Change{
			{Kind: "payment_method", ID: "pm_2", Before: console.Value{Absent: true}, Intruder: console.Value{Fields: card}, Now: console.Value{Absent: true}, Action: undo.Remove, Outcome: console.Reverted, Suspect: true},
			{Kind: "address", ID: "ad_1", Before: console.Value{Fields: address}, Intruder: console.Value{Fields: address}, Now: console.Value{Unknown: true}, Action: undo.Ask, Outcome: console.Conflict, Why: text("お客様がその後に変えています。", "The customer changed it afterwards.")},
			{Kind: "subscription", ID: "premium", Before: console.Value{Fields: map[string]string{"plan": "premium", "price": "¥600"}}, Intruder: console.Value{Absent: true}, Now: console.Value{Absent: true}, Action: undo.Restore, Outcome: console.Planned},
		}, Orders: []console.Order{
			{ID: "1001", At: at(1), Amount: 29800, Currency: "JPY", State: "cancelled"},
			{ID: "1002", At: at(1), Amount: 50000, Currency: "JPY", State: "shipped", Hidden: true},
		}},
		Steps: []console.Step{
			{Name: "sessions.revoke", State: playbook.Done, Tries: 1, DoneAt: at(2)},
			{Run: "run_1", Seq: 4000, Again: true, Name: "order.cancel", State: playbook.Refused, Tries: 3, Why: text("もう発送されています。", "It was shipped already.")},
			{Name: "notice.contained", State: playbook.Retrying, Tries: 2, Due: f.now.Add(time.Minute), Why: text("メールサーバーが応答しません。", "The mail server does not answer.")},
			{Name: "wait.end", State: playbook.Pending, Due: at(302)},
		},
		Notices: []console.Notice{
			{ID: "ntc_1", Kind: notice.Contained, Reference: "MM-7K2P-9XQ4", To: "h•••@example.jp", State: notice.Sent, SentAt: at(3), Subject: "第三者によるサインインのお知らせ", Body: "何が起きたか\n" + f.evil},
			{ID: "ntc_2", Kind: notice.Contained, Reference: "MM-7K2P-9XQ5", To: "o•••@example.com", State: notice.Bounced},
		},
		Points: []console.Points{
			{Entry: "pt_1", Kind: "points", At: at(1), Amount: 3200},
			{Entry: "pt_2", Kind: "gift", At: at(1), Amount: 52000, Currency: "JPY", Second: true},
			{Entry: "pt_3", Kind: "points", At: at(1), Amount: 100, Restored: at(40)},
		},
		Contacts: []console.Contact{
			{Field: "mail:1", Kind: "mail", Masked: "h•••@example.jp", Trusted: true},
			{Field: "phone:1", Kind: "phone", Masked: "•••• 78"},
			{Kind: "mail", Masked: "x•••@evil.example", Replaced: true},
		},
		Notes:    []console.Note{{At: at(30), By: "佐藤", Text: "お電話で確認済み。\n" + f.evil}},
		Assigned: "佐藤 " + f.evil, Campaigns: []string{"cmp_20261110T0114_0a1b2"}, Obligations: []string{"set_password", "reenter_payment", "reenter_address", "review_subscriptions"},
		Dots:  []console.Dot{{Country: "NG", Numbers: []int{1}, Theirs: true}, {Country: "JP", Numbers: []int{2}}},
		Calls: []console.IncidentCall{{Ref: hanakos, State: support.CallAsked, AskedAt: at(20)}, {Ref: later, State: support.CallDone, AskedAt: at(10), Agent: "佐藤", Outcome: string(support.Reached), Tries: 1}},
		Common: []console.Common{{Number: 1, Kind: "device", Words: mimamori.Text{JA: "Chrome（Windows）" + f.evil, EN: "Chrome (Windows)" + f.evil}, Accounts: 1},
			{Number: 2, Kind: "address", Fields: map[string]string{"prefecture": "神奈川県", "line": "みなとみらい1-1" + f.evil, "postal_code": "220-0012"}, Accounts: 3, Field: "shared:00ff"},
			{Number: 3, Kind: "network", Words: mimamori.Text{JA: "日本の回線（NTT）", EN: "a line in Japan (NTT)"}, Accounts: 500, More: true, Usual: true, Field: "shared:01ff"}},
		Alike:   []console.Alike{{Subject: "taro " + f.evil, Incident: mall, At: at(4), Kinds: []string{"device", "address"}, Numbers: []int{1, 2}}, {Subject: "jiro", At: at(5), Kinds: []string{"client", "network"}}, {Incident: "inc_third", At: at(6), Kinds: []string{"campaign"}}},
		Waiting: []console.Proposal{{ID: "prp_1", Act: audit.PointsRestore, Text: text("¥52,000 をお返しする", "Give back ¥52,000"), By: "佐藤", At: at(50)}},
	}, nil
}

func (f *flow) Contain(ctx context.Context, on console.On) error {
	return f.did(ctx, on, audit.IncidentContain, "contain")
}
func (f *flow) Hold(ctx context.Context, on console.On) error {
	return f.did(ctx, on, audit.IncidentHold, "hold")
}
func (f *flow) Release(ctx context.Context, on console.On) (console.Result, error) {
	return console.Asked, f.did(ctx, on, audit.IncidentRelease, "release")
}
func (f *flow) Dismiss(ctx context.Context, on console.On) (console.Result, error) {
	return console.Done, f.did(ctx, on, audit.IncidentDismiss, "dismiss")
}
func (f *flow) PlanUndo(ctx context.Context, on console.On) error {
	return f.did(ctx, on, audit.UndoPlan, "plan")
}
func (f *flow) ApplyUndo(ctx context.Context, on console.On, version string) error {
	return f.did(ctx, on, audit.UndoApply, "undo "+version)
}
func (f *flow) RedoUndo(ctx context.Context, on console.On) (console.Result, error) {
	return console.Asked, f.did(ctx, on, audit.UndoRedo, "redo")
}
func (f *flow) ResolveConflict(ctx context.Context, on console.On, r event.Resource, c console.Choice) error {
	return f.did(ctx, on, audit.IncidentResolve, "resolve "+string(r.Kind)+" "+r.ID+" "+string(c))
}
func (f *flow) Settle(ctx context.Context, on console.On, key string) error {
	return f.did(ctx, on, audit.IncidentResolve, "settle "+key)
}
func (f *flow) JudgeSession(ctx context.Context, on console.On, session string, owner console.Owner) (console.Result, error) {
	return console.Done, f.did(ctx, on, audit.IncidentJudge, "judge "+session+" "+string(owner))
}
func (f *flow) RestorePoints(ctx context.Context, on console.On, entry string) (console.Result, error) {
	return console.Done, f.did(ctx, on, audit.PointsRestore, "points "+entry)
}
func (f *flow) Reveal(ctx context.Context, on console.On, field string) (string, error) {
	return "090-1234-5678", f.did(ctx, on, audit.LookReveal, "reveal "+field)
}
func (f *flow) Search(ctx context.Context, actor mimamori.Actor, words, reason string) ([]console.Row, error) {
	err := f.guard.Allow(ctx, actor, audit.LookAccount, audit.Target{Account: mimamori.NewAccountID(words)}, reason)
	if err != nil || words != "hanako@example.jp" {
		return nil, err
	}
	return []console.Row{{ID: night, State: incident.Waiting, Why: text("ふだんと違う国からのサインインでした。", "The sign-in came from another country than usual."), OpenedAt: f.now.Add(-90 * time.Minute)}}, nil
}
func (f *flow) Assign(ctx context.Context, on console.On, to string) error {
	return f.did(ctx, on, audit.IncidentAssign, "assign "+to)
}
func (f *flow) Retry(ctx context.Context, on console.On, run string, seq int) error {
	return f.did(ctx, on, audit.StepRetry, fmt.Sprintf("retry %s %d", run, seq))
}
func (f *flow) ExtendWait(ctx context.Context, on console.On, by time.Duration) error {
	return f.did(ctx, on, audit.IncidentWait, "wait "+by.String())
}
func (f *flow) NoticeFile(ctx context.Context, on console.On, id string) ([]byte, error) {
	return []byte("From: shop\r\n"), f.did(ctx, on, audit.LookReveal, "mail "+id)
}
func (f *flow) Export(ctx context.Context, on console.On) ([]byte, error) {
	return []byte("mimamori.evidence/1\n"), f.did(ctx, on, audit.LookExport, "export")
}
func (f *flow) ResendNotice(ctx context.Context, on console.On, id string) error {
	return f.did(ctx, on, audit.IncidentResend, "resend "+id)
}
func (f *flow) Note(ctx context.Context, on console.On, note string) error {
	return f.did(ctx, on, audit.IncidentNote, "note "+note)
}

func (f *flow) Waiting(ctx context.Context, actor mimamori.Actor) ([]console.Proposal, error) {
	list, err := f.four.Waiting(ctx, audit.Target{})
	var out []console.Proposal
	for _, p := range list {
		out = append(out, console.Proposal{ID: p.ID, Act: p.Act, Incident: p.Target.Incident, Text: text("ギフト残高 ¥52,000 をお返しする", "Give back ¥52,000 of gift balance"),
			Reason: p.Reason + f.evil, By: "佐藤", At: p.At, Until: p.ExpiresAt, Mine: p.By == actor.ID})
	}
	return out, err
}

func (f *flow) Approve(ctx context.Context, actor mimamori.Actor, id, reason string) error {
	p, err := f.four.Approve(ctx, actor, id, reason)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.done = append(f.done, "approved "+string(p.Act))
	}
	return err
}

func (f *flow) Decline(ctx context.Context, actor mimamori.Actor, id, reason string) error {
	_, err := f.four.Decline(ctx, actor, id, reason)
	return err
}

// place is a console with people at it.
type place struct {
	t       *testing.T
	handler http.Handler
	flow    *flow
	analyst *analyst
	calls   *someCalls
	bulks   *someBulks
	audit   *audittest.Memory
	desk    *staff.Desk
	gate    *staff.Gatekeeper
	people  map[string]staff.Welcome
}

func newPlace(t *testing.T, change ...func(*console.Options)) *place {
	t.Helper()
	ring, vault := keystest.New(t)
	people, record := &stafftest.Memory{}, &audittest.Memory{}
	log := audit.New(record, ring, vault)
	desk := staff.NewDesk(people, ring, code.NewHasher(), log, "Mimamori", staff.Limits{})
	guard := staff.NewGuard(people, people, record, log, nil)
	p := &place{t: t, audit: record, desk: desk, people: map[string]staff.Welcome{}}
	p.flow = &flow{guard: guard, four: staff.NewFourEyes(people, guard), now: time.Now()}
	var err error
	if p.people["admin"], err = desk.CreateFirst(t.Context(), staff.NewPerson{Login: "admin", Name: "管理 一郎"}); err != nil {
		t.Fatal(err)
	}
	for login, roles := range map[string][]staff.Role{"agent": {staff.Agent}, "lead": {staff.Lead, staff.Auditor}, "lead2": {staff.Lead}} {
		n := staff.NewPerson{Login: login, Name: "佐藤 " + login, Roles: roles}
		if p.people[login], err = desk.Create(t.Context(), guard, p.people["admin"].Person.Actor(), n); err != nil {
			t.Fatal(err)
		}
	}
	p.analyst = &analyst{guard: guard, now: time.Now().UTC()}
	p.bulks = &someBulks{guard: guard, now: time.Now()}
	p.calls = &someCalls{guard: guard, now: time.Now()}
	p.gate = staff.NewGatekeeper(people, log)
	opt := console.Options{Service: p.flow, Analyst: p.analyst, Desk: desk, Guard: guard, Log: log, Mails: someMails{}, Calls: p.calls, Bulks: p.bulks, Directory: newDirectories(guard, p.flow.four), Counts: &someNumbers{guard: guard, now: time.Now().UTC()}, Alarms: &someAlarms{guard: guard, now: time.Now().UTC()}, Law: &someLaw{guard: guard, now: time.Now().UTC(), flow: p.flow},
		Staff: &console.StaffPages{FourEyes: p.flow.four, Keys: p.gate, URL: "https://desk.shop.example"},
		Brand: web.Brand{Name: text("みほん商店", "Sample Shop"), Home: "https://shop.example/"}}
	for _, c := range change {
		c(&opt)
	}
	p.handler, err = console.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browser keeps cookies as a browser does.
type browser struct {
	p       *place
	cookies map[string]string
}

func (p *place) browser() *browser { return &browser{p: p, cookies: map[string]string{}} }

// signIn opens a session without the page, so that a test may sign in twice
// within one code's time.
func (p *place) signIn(login string) *browser {
	p.t.Helper()
	who := p.people[login]
	typed, err := code.TOTP(who.Secret, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	token, _, err := p.desk.SignIn(p.t.Context(), staff.Credentials{Login: login, Password: who.Password, Code: typed}, staff.Place{IP: netip.MustParseAddr("192.0.2.1"), UserAgent: "test browser"})
	if err != nil {
		p.t.Fatalf("sign in as %s: %v", login, err)
	}
	b := p.browser()
	b.cookies["__Host-mimamori-console"] = token
	return b
}

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.p.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.send(httptest.NewRequest("GET", path, nil))
}

func (b *browser) post(path string, form ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for pair := range slices.Chunk(form, 2) {
		v.Set(pair[0], pair[1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}
