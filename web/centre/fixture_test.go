package centre

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/geo"
	"mimamori/web"
)

// fixture is a working Service without an account behind it: the session's
// value, the recovery's token and the challenge's id name the state that is
// shown, so that every page can be opened in every state.
type fixture struct {
	now      time.Time
	reported []string
	browser  []string
	signOuts int
	walk     ProofState // where the recovery "walk" stands
	operator string     // of every line in the history; empty: an ordinary one
	shop     string     // where the grant is posted to
}

var tokyo = time.FixedZone("JST", 9*60*60)

var _ Service = (*fixture)(nil)

func text(ja, en string) mimamori.Text { return mimamori.Text{JA: ja, EN: en} }

var (
	hosting = Place{Country: "NL", Operator: "Example Hosting B.V.", Kind: "hosting"}
	home    = Place{Country: "JP", Operator: "Example Communications", Kind: "access"}
	mobile  = Place{Country: "JP", Operator: "Example Mobile", Kind: "mobile"}
)

func (f *fixture) at(hours float64) time.Time {
	return f.now.Add(time.Duration(hours * float64(time.Hour)))
}

func (f *fixture) wait(doubled bool) *Wait {
	return &Wait{Since: f.at(-1.2), Until: f.at(3.8), Doubled: doubled, Early: doubled}
}

func (f *fixture) steps(now StepKind) []Step {
	order := []Step{{Kind: StepContain, Ours: true, At: f.at(-1.2)}, {Kind: StepUndo, Ours: true, At: f.at(-1.2)}, {Kind: StepNotice, Ours: true, At: f.at(-1.2)},
		{Kind: StepWait, Ours: true, At: f.at(3.8)}, {Kind: StepPassword, At: f.at(3.8)}, {Kind: StepCheck}, {Kind: StepPayment}, {Kind: StepSecond}, {Kind: StepWatch, Ours: true}}
	state := StepDone
	for i := range order {
		order[i].State = state
		if order[i].Kind == now {
			order[i].State, state = StepNow, StepLater
		}
		if order[i].State != StepDone && order[i].Kind != StepPassword {
			order[i].At = time.Time{}
		}
	}
	return order
}

func (f *fixture) incident() *Incident {
	return &Incident{Reference: "MM-7K2P-94QX", CauseKind: "list", Began: f.at(-1.3), Device: "Windows・Chrome 140", Place: hosting,
		Why: []mimamori.Text{text("一度も使われたことのない端末と回線からのサインインでした。", "The device and the network had never been used before."),
			text("サインインから4分のあいだに、お届け先とカードが加えられ、3件の注文がありました。", "Within 4 minutes an address and a card were added and 3 orders placed.")},
		Did: []Deed{{SignedOut, 0, f.at(-1.2)}, {PasswordInvalid, 0, time.Time{}}, {OrdersStopped, 3, time.Time{}}, {ChangesReverted, 4, time.Time{}},
			{PointsFrozen, 0, time.Time{}}, {PaymentTold, 0, time.Time{}}, {NoticeSent, 0, time.Time{}}}}
}

func (f *fixture) Home(_ context.Context, v Visitor) (Home, error) {
	obligations := []Obligation{{SetPassword, true, f.at(-0.2)}, {ReenterPayment, false, time.Time{}}, {ReenterAddress, false, time.Time{}},
		{ReviewSubscriptions, true, f.at(-0.1)}, {OfferSecondStep, false, time.Time{}}}
	guards := []Guard{{"watch", true, time.Time{}}, {"contact", true, f.at(-24 * 400)}, {"second_step", false, time.Time{}}}
	switch v.Session {
	case "quiet":
		return Home{Standing: Safe, Guards: guards, Next: NextNone}, nil
	case "offer":
		return Home{Standing: Safe, Guards: guards, Next: NextSecondStep, Unread: 1}, nil
	case "acting":
		return Home{Standing: Acting, Incident: f.incident(), Steps: f.steps(StepWait), Wait: f.wait(false), Unread: 1, Next: NextTimeline}, nil
	case "confirm":
		return Home{Standing: Confirm, Next: NextAnswer, Ask: []Line{
			{ID: "login:1", At: f.at(-0.5), What: text("オランダの貸しサーバーからのサインイン", "A sign-in from a rented server in the Netherlands")},
			{ID: "change:2", At: f.at(-0.4), What: text("お届け先の追加（大阪府 •••）", "A new delivery address (Osaka •••)")}}}, nil
	case "set":
		return Home{Standing: Acting, Incident: f.incident(), Steps: f.steps(StepPassword), Next: NextSetPassword}, nil
	case "person":
		in := f.incident()
		in.Did = append(in.Did, Deed{PersonLooks, 0, time.Time{}})
		return Home{Standing: Acting, Incident: in, Steps: f.steps(StepPassword), Next: NextCall, Veto: &Veto{"rec_1", f.at(-0.1), "Windows・Chrome", hosting}}, nil
	case "watched":
		return Home{Standing: Watched, Incident: f.incident(), Steps: f.steps(StepPayment), Next: NextObligations, Obligations: obligations, WatchUntil: f.at(24 * 90),
			Call: &ComingCall{CallWindow: f.windows()[1], To: "•••• 78", Code: "07"}}, nil
	case "":
		return Home{}, mimamori.ErrDenied
	case "down":
		return Home{}, mimamori.ErrUnavailable
	}
	return Home{}, mimamori.ErrDenied
}

func (f *fixture) Logins(_ context.Context, v Visitor) (Logins, error) {
	if v.Session == "quiet" {
		return Logins{From: f.at(-24 * 60), YourIP: v.IP, Yours: mobile}, nil
	}
	row := func(id string, hours float64, ip, outcome string) LoginRow {
		at := hosting
		at.Operator = cmp.Or(f.operator, at.Operator)
		return LoginRow{Line: Line{ID: id, At: f.at(hours)}, IP: netip.MustParseAddr(ip), Place: at, Outcome: outcome}
	}
	own := row("login:9", -2, "203.0.113.7", "succeeded")
	own.YourIP, own.Answer = true, Me
	return Logins{From: f.at(-24 * 60), YourIP: netip.MustParseAddr("203.0.113.7"), Yours: mobile, HasMore: true, Groups: []LoginGroup{
		{Device: "Windows", Browser: "Chrome 140", Place: hosting, Owner: OwnerIntruder, Unfamiliar: true, Why: f.incident().Why, First: f.at(-1.3), Last: f.at(-1.3),
			Rows: []LoginRow{row("login:1", -1.3, "198.51.100.23", "succeeded")}},
		{ID: "mine", Device: "iPhone", Browser: "Safari 26", Place: mobile, Owner: OwnerCustomer, ThisDevice: true, YourIP: true, First: f.at(-24 * 50), Last: f.at(-2),
			Rows: []LoginRow{own, row("login:8", -26, "203.0.113.99", "succeeded")}, More: 41},
		{Device: "Windows", Browser: "Edge 141", Place: home, Owner: OwnerCustomer, SameNetwork: true, First: f.at(-24 * 58), Last: f.at(-70),
			Rows: []LoginRow{row("login:7", -70, "2001:db8:100::15", "succeeded"), row("login:6", -71, "2001:db8:100::15", "wrong_password")}},
		{Place: Place{Country: "SO", Kind: "relay"}, Unfamiliar: true, Owner: OwnerUnknown, First: f.at(-200), Last: f.at(-200),
			Why: []mimamori.Text{text("ソマリアからのサインインは、これまで一度もありません。", "There has never been a sign-in from Somalia.")}, Rows: []LoginRow{row("login:5", -200, "192.0.2.77", "blocked")}},
		{ID: "agg", Aggregator: text("家計簿サービス", "Household accounts"), Place: Place{Country: "JP", Operator: "Example Cloud", Kind: "hosting"}, Owner: OwnerCustomer, First: f.at(-24 * 59), Last: f.at(-12),
			Rows: []LoginRow{row("login:4", -12, "192.0.2.10", "succeeded")}, More: 58},
	}}, nil
}

var intruderAddress = Value{Fields: map[string]string{"recipient": "SECRET-NAME", "postal_code": "SECRET-POSTAL", "prefecture": "大阪府", "line": "SECRET-LINE"}, Foreign: true}

func (f *fixture) Purchases(_ context.Context, v Visitor) (Purchases, error) {
	if v.Session == "quiet" {
		return Purchases{From: f.at(-24 * 60)}, nil
	}
	own := Value{Fields: map[string]string{"recipient": "山田 花子", "prefecture": "東京都", "line": "千代田区1-2-3"}}
	card := Value{Fields: map[string]string{"brand": "VISA", "last4": "1234"}}
	theirs := Value{Fields: map[string]string{"brand": "Mastercard", "last4": "9876"}, Foreign: true}
	return Purchases{From: f.at(-24 * 60), Orders: []PurchaseRow{
		{Line: Line{ID: "order:3", At: f.at(-1.25)}, Order: "A-20931", Total: Money{50000, "JPY"}, Payment: theirs, Digital: true, Gift: true, State: "cancelled", Owner: OwnerIntruder, Unfamiliar: true, Fate: FateCancelled, FateAt: f.at(-1.2)},
		{Line: Line{ID: "order:2", At: f.at(-1.26)}, Order: "A-20930", Total: Money{128000, "JPY"}, ShipTo: intruderAddress, Payment: theirs, State: "cancelled", Hidden: true, Owner: OwnerIntruder, Unfamiliar: true, Fate: FateCancelled, FateAt: f.at(-1.2),
			Why: []mimamori.Text{text("加えられたばかりのお届け先への注文です。", "It goes to an address that had just been added.")}},
		{Line: Line{ID: "order:5", At: f.at(-30), Answer: DontKnow}, Order: "A-20712", Total: Money{9800, "JPY"}, ShipTo: own, Payment: card, State: "shipped", Owner: OwnerUnknown, Unfamiliar: true, Fate: FateShipped},
		{Line: Line{ID: "order:1", At: f.at(-24 * 9)}, Order: "A-19004", Total: Money{3480, "JPY"}, ShipTo: own, Payment: card, State: "shipped", Owner: OwnerCustomer},
	}}, nil
}

func (f *fixture) Contacts(_ context.Context, v Visitor) (Contacts, error) {
	registered := []Registered{{"contact", Value{Fields: map[string]string{"mail": "hanako@example.jp"}}, f.at(-24 * 900), false},
		{"address", Value{Fields: map[string]string{"recipient": "山田 花子", "postal_code": "100-0001", "prefecture": "東京都", "line": "千代田区1-2-3"}}, f.at(-24 * 400), false},
		{"payment_method", Value{Fields: map[string]string{"brand": "VISA", "last4": "1234", "expiry": "2027-04"}}, f.at(-24 * 3), true}}
	if v.Session == "quiet" {
		return Contacts{From: f.at(-24 * 60), Registered: registered}, nil
	}
	mailBefore := Value{Fields: map[string]string{"mail": "hanako@example.jp"}}
	return Contacts{From: f.at(-24 * 60), Registered: registered, Changes: []ChangeRow{
		{Line: Line{ID: "change:4", At: f.at(-1.27)}, Kind: "contact", Op: "changed", Before: mailBefore, After: Value{Fields: map[string]string{"mail": "secret.person@mail.example"}}, Now: mailBefore, Owner: OwnerIntruder, Device: "Windows・Chrome", Place: hosting, Fate: FateReverted, FateAt: f.at(-1.2)},
		{Line: Line{ID: "change:3", At: f.at(-1.28)}, Kind: "address", Op: "added", Before: Value{Absent: true}, After: intruderAddress, Now: Value{Absent: true}, Owner: OwnerIntruder, Device: "Windows・Chrome", Place: hosting, Fate: FateReverted, FateAt: f.at(-1.2)},
		{Line: Line{ID: "change:2", At: f.at(-1.29)}, Kind: "subscription", Op: "added", Before: Value{Absent: true}, After: Value{Fields: map[string]string{"plan": "プレミアム会員"}, Foreign: true}, Now: Value{Fields: map[string]string{"plan": "プレミアム会員"}}, Owner: OwnerIntruder, Fate: FatePerson,
			Why: text("お店が自動では戻せなかったため、担当者が確認しています。", "The shop could not put it back by itself; staff is looking at it.")},
		{Line: Line{ID: "change:1", At: f.at(-24 * 3)}, Kind: "payment_method", Op: "added", Before: Value{Absent: true}, After: Value{Fields: map[string]string{"brand": "VISA", "last4": "1234"}}, Now: Value{Fields: map[string]string{"brand": "VISA", "last4": "1234"}}, Owner: OwnerUnknown, Device: "iPhone", Place: mobile, Fate: FateAsk},
	}}, nil
}

func (f *fixture) Timeline(_ context.Context, v Visitor) (Timeline, error) {
	if v.Session == "quiet" {
		return Timeline{}, mimamori.ErrNotFound
	}
	m := func(minutes float64) time.Time { return f.at(-1.3 + minutes/60) }
	return Timeline{Reference: "MM-7K2P-94QX", Began: m(0), Seen: []string{"name", "mail", "line", "last4", "orders"}, Entries: []TimelineEntry{
		{At: m(0), Kind: "login", Owner: OwnerIntruder, Place: hosting, Device: "Windows・Chrome 140", Fate: FateEnded, FateAt: m(4.6)},
		{At: m(0.6), Kind: "subscription", Op: "added", Owner: OwnerIntruder, Value: Value{Fields: map[string]string{"plan": "プレミアム会員"}}, Fate: FateReverted},
		{At: m(1.2), Kind: "address", Op: "added", Owner: OwnerIntruder, Value: intruderAddress, Fate: FateReverted},
		{At: m(1.9), Kind: "payment_method", Op: "added", Owner: OwnerIntruder, Value: Value{Fields: map[string]string{"brand": "Mastercard", "last4": "9876"}}, Fate: FateReverted},
		{At: m(2.5), Kind: "order", Owner: OwnerIntruder, Order: "A-20930", Total: Money{128000, "JPY"}, Fate: FateCancelled},
		{At: m(2.9), Kind: "order_hidden", Owner: OwnerIntruder, Order: "A-20930", Fate: FateShown},
		{At: m(3.8), Kind: "points", Owner: OwnerIntruder, Total: Money{4200, "JPY"}, Fate: FatePerson},
		{At: m(4.6), Kind: string(SignedOut), Owner: OwnerUs}, {At: m(4.7), Kind: string(OrdersStopped), Count: 3, Owner: OwnerUs}, {At: m(5), Kind: string(NoticeSent), Owner: OwnerUs},
	}}, nil
}

func (f *fixture) Devices(_ context.Context, v Visitor) ([]Device, error) {
	if v.Session == "quiet" {
		return nil, nil
	}
	return []Device{{"d1", "iPhone", "Safari 26", mobile, f.at(-0.01), true, true}, {"d2", "Windows", "Edge 141", home, f.at(-70), false, false}}, nil
}

func (f *fixture) notice() NoticeRow {
	return NoticeRow{ID: "ntc_1", Reference: "MM-7K2P-94QX", SentAt: f.at(-1.1), From: "security@shop.example", To: []string{"hanako@example.jp"},
		Subject: "【見本ストア】第三者によるサインインを止めました（MM-7K2P-94QX）",
		Body:    "山田 花子 様\n\n■ 起きたこと\n11月22日 1時10分ごろ、あなたではないだれかがサインインしたようです。\n\n■ わたしたちがしたこと\n・すべての端末をサインアウトしました。\n・パスワードを使えなくしました。\n\n■ あなたにお願いすること\n1. 6時10分を過ぎたら、お店のサイトを自分で開いてください。\n"}
}

func (f *fixture) Messages(_ context.Context, v Visitor) ([]NoticeRow, error) {
	if v.Session == "quiet" {
		return nil, nil
	}
	read := f.notice()
	read.ID, read.Read, read.Subject, read.SentAt = "ntc_0", true, "【見本ストア】新しい端末からのサインインがありました", f.at(-24*40)
	return []NoticeRow{f.notice(), read}, nil
}

func (f *fixture) Message(_ context.Context, _ Visitor, id string) (NoticeRow, error) {
	if id != "ntc_1" {
		return NoticeRow{}, mimamori.ErrNotFound
	}
	return f.notice(), nil
}

func (f *fixture) Reference(_ context.Context, _ Visitor, code string) (NoticeRow, error) {
	switch code {
	case "MM-7K2P-94QX":
		return f.notice(), nil
	case "BUSY":
		return NoticeRow{}, mimamori.ErrUnavailable
	case "DENIED":
		return NoticeRow{}, mimamori.ErrDenied
	}
	return NoticeRow{}, mimamori.ErrNotFound
}

func (f *fixture) Report(_ context.Context, _ Visitor, line string, answer Answer) (Effect, error) {
	f.reported = append(f.reported, line+"="+string(answer))
	return map[Answer]Effect{Me: EffectNeedsKey, NotMe: EffectRaised, DontKnow: EffectNoted}[answer], nil
}

func (f *fixture) PutOut(_ context.Context, v Visitor, _ string) (bool, error) {
	return v.Session == "watched", nil
}

func (f *fixture) SignOutEverywhere(context.Context, Visitor) error { f.signOuts++; return nil }
func (f *fixture) Stop(context.Context, Visitor, string) (Effect, error) {
	return EffectStopped, nil
}

func (f *fixture) Enter(_ context.Context, _ Visitor, token string) (Entered, error) {
	if token != "good" {
		return Entered{}, mimamori.ErrNotFound
	}
	return Entered{Session: "acting", Page: "logins", Lang: mimamori.English}, nil
}
func (f *fixture) Leave(context.Context, Visitor) error { return nil }

func (f *fixture) calls() []CallNow {
	return []CallNow{{Number: "+81-3-0000-0001", Open: true, Hours: text("24時間、毎日", "Around the clock, every day"), Languages: []mimamori.Lang{"ja", "en"}},
		{Country: "JP", Number: "0120-000-000", Free: true, Until: f.at(6), Hours: text("平日 9時から18時", "Weekdays 9 am to 6 pm"), Languages: []mimamori.Lang{"ja"}}}
}

func (f *fixture) Help(_ context.Context, v Visitor) (Help, error) {
	if v.Session == "quiet" {
		return Help{}, nil
	}
	return Help{Calls: f.calls(), UnknownOrders: "https://shop.example/unknown-orders", CallBack: true}, nil
}

func (f *fixture) Ours(context.Context) (Ours, error) {
	return Ours{Senders: []string{"security@shop.example"}, MailDomains: []string{"shop.example"}, LinkDomains: []string{"shop.example"}, Numbers: f.calls()}, nil
}

func (f *fixture) LookupIP(_ context.Context, v Visitor, addr netip.Addr) (IPAnswer, error) {
	a := IPAnswer{Addr: addr, YourAddr: v.IP, Place: hosting, Attribution: "IP data: example table, CC BY 4.0", DataDate: f.at(-24 * 30)}
	switch {
	case addr.IsPrivate():
		a.Special = "private"
	case addr.IsLoopback():
		a.Special = "loopback"
	case addr.Is6():
		a.Place, a.SameNetwork = Place{}, true
	}
	return a, nil
}

func (f *fixture) proof(state string) Proof {
	p := Proof{State: ProofState(state), Need: 1}
	reaches := []Reach{{"r1", "mail", "h•••@example.jp"}, {"r2", "phone", "•••• 78"}}
	switch state {
	case "choose":
		p.Methods, p.Reaches = []Method{ByMail, ByAuthenticator, ByRecoveryCode}, reaches
	case "two":
		p.State, p.Methods, p.Reaches, p.Need, p.Have = Choose, []Method{ByPasskey, ByMail, ByAuthenticator}, reaches, 2, 1
	case "totp":
		p.State, p.Methods = Choose, []Method{ByAuthenticator}
	case "code":
		p.Methods, p.Reaches, p.SentTo, p.CodeExpires, p.TriesLeft = []Method{ByMail}, reaches, "h•••@example.jp", f.at(0.15), 5
	case "waiting":
		p.Methods = []Method{ByAuthenticator}
	case "doubled":
		p.State = Waiting
	}
	return p
}

func (f *fixture) Recovery(_ context.Context, v Visitor, token string) (Recovery, error) {
	f.browser = append(f.browser, v.Browser)
	if token == "gone" {
		return Recovery{}, mimamori.ErrNotFound
	}
	if token == "walk" {
		token = string(f.walk)
	}
	r := Recovery{Proof: f.proof(token), CallCode: map[string]string{"choose": "482-306", "person": "482-306"}[token]}
	switch r.State {
	case Waiting:
		r.Wait, r.Steps = f.wait(token == "doubled"), f.steps(StepWait)
	case Proven:
		r.Steps = f.steps(StepPassword)
	}
	return r, nil
}

func (f *fixture) Identify(ctx context.Context, v Visitor, token, _ string) (Recovery, error) {
	return f.Recovery(ctx, v, token)
}
func (f *fixture) RemindID(context.Context, Visitor, string, string) error { return nil }
func (f *fixture) SendCode(ctx context.Context, v Visitor, token, _ string) (Recovery, error) {
	f.walk = Code
	return f.Recovery(ctx, v, token)
}

func (f *fixture) EnterCode(ctx context.Context, v Visitor, token string, _ Method, code string) (Recovery, error) {
	if problemOf(code) == NoProblem {
		f.walk = Proven
	}
	r, err := f.Recovery(ctx, v, token)
	r.Problem = problemOf(code)
	return r, err
}

func problemOf(code string) Problem {
	switch code {
	case "123456":
		return NoProblem
	case "999999":
		return TooMany
	case "000000":
		return OldCode
	}
	return WrongCode
}

func (f *fixture) Grant(context.Context, Visitor, string) (Grant, error) {
	return Grant{Action: f.shop + "/password/new", Token: "header.payload.signature", Expires: f.at(0.16)}, nil
}

func (f *fixture) Challenge(_ context.Context, _ Visitor, id string) (Challenge, error) {
	if id == "gone" {
		return Challenge{}, mimamori.ErrNotFound
	}
	return Challenge{Proof: f.proof(id), Own: id == "totp" || id == "two", Act: "points", ReturnURL: "https://shop.example/back?challenge=" + id}, nil
}
func (f *fixture) SendChallengeCode(ctx context.Context, v Visitor, id, _ string) (Challenge, error) {
	return f.Challenge(ctx, v, id)
}
func (f *fixture) AnswerChallenge(ctx context.Context, v Visitor, id string, _ Method, code string) (Challenge, error) {
	c, err := f.Challenge(ctx, v, id)
	c.Problem = problemOf(code)
	return c, err
}
func (f *fixture) BeginPasskey(context.Context, Visitor, string, string) ([]byte, error) {
	return []byte(`{"publicKey":{"challenge":"AAAA"}}`), nil
}
func (f *fixture) FinishPasskey(context.Context, Visitor, string, string, []byte) error {
	return mimamori.ErrDenied
}

var world = World{Path: geo.WorldPath, Width: geo.WorldWidth, Height: geo.WorldHeight, Point: geo.Point}

func serve(t testing.TB, f *fixture, change ...func(*Options)) http.Handler {
	t.Helper()
	opt := Options{Service: f, Passkeys: f, MailCheck: f, MailForward: "check@check.mihon.example", PlainHTTP: true, Zone: tokyo, World: world, SecondStep: "/second-step", ShopOrigins: []string{"https://shop.example"},
		Brand: web.Brand{Name: text("見本ストア", "Mihon Store"), Home: "https://shop.example/", Forgot: "https://shop.example/forgot", SignIn: "https://shop.example/sign-in"}}
	for _, c := range change {
		c(&opt)
	}
	h, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// aPage is one page in one state.
type aPage struct {
	Name, Session, Path string
	Form                string // non-empty: POST
	Status              int
}

// everyPage is each page in each state that it has.
func everyPage() []aPage {
	pages := []aPage{
		{"front", "", "/", "", 200},
		{"home-quiet", "quiet", "/", "", 200}, {"home-offer", "offer", "/", "", 200}, {"home-acting", "acting", "/?said=raised", "", 200},
		{"home-confirm", "confirm", "/", "", 200}, {"home-set-password", "set", "/", "", 200}, {"home-person", "person", "/", "", 200}, {"home-watched", "watched", "/", "", 200},
		{"timeline", "acting", "/timeline", "", 200}, {"logins", "acting", "/logins", "", 200}, {"logins-none", "quiet", "/logins", "", 200}, {"login-group", "acting", "/logins?group=mine", "", 200}, {"login-group-gone", "acting", "/logins?group=x", "", 404},
		{"purchases", "acting", "/purchases", "", 200}, {"purchases-none", "quiet", "/purchases", "", 200},
		{"contacts", "acting", "/contacts?said=needskey", "", 200}, {"contacts-none", "quiet", "/contacts", "", 200},
		{"home-put-off", "offer", "/?said=put_off", "", 200}, {"record", "acting", "/record", "", 200}, {"record-none", "quiet", "/record", "", 404},
		{"unknown-orders", "acting", "/unknown-orders", "", 200}, {"unknown-orders-outside", "", "/unknown-orders", "", 200}, {"checklist-other-device", "set", "/checklist", "", 200},
		{"checklist", "watched", "/checklist", "", 200}, {"checklist-none", "quiet", "/checklist", "", 200},
		{"second", "acting", "/second-step", "", 200}, {"second-none", "quiet", "/second-step?said=removed", "", 200}, {"second-device", "confirm", "/second-step", "", 200},
		{"second-incident", "set", "/second-step", "", 200}, {"second-proved", "watched", "/second-step?said=confirmed", "", 200},
		{"authenticator", "acting", "/second-step/authenticator/fac_new", "", 200}, {"authenticator-wrong", "acting", "/second-step/authenticator/fac_new", "code=111111", 422},
		{"codes", "acting", "/second-step/codes", "x=1", 200}, {"remove", "acting", "/second-step/remove", "id=fac_1", 200},
		{"devices", "acting", "/devices", "", 200}, {"devices-none", "quiet", "/devices", "", 200},
		{"messages", "acting", "/messages", "", 200}, {"messages-none", "quiet", "/messages", "", 200}, {"message", "acting", "/messages/ntc_1", "", 200},
		{"confirm", "acting", "/report", "line=login:1&answer=not_me&from=/logins", 200}, {"confirm-over", "watched", "/report", "line=login:1&answer=not_me&from=/logins", 200},
		{"help", "acting", "/help", "", 200}, {"help-none", "quiet", "/help", "", 200}, {"ours", "", "/ours", "", 200},
		{"call", "acting", "/call", "", 200}, {"call-none", "quiet", "/call", "", 200}, {"call-no-number", "set", "/call", "", 200}, {"call-coming", "watched", "/call?said=call_asked", "", 200},
		{"call-missed", "person", "/call", "", 200}, {"call-late", "acting", "/call", "phone=p1&window=2020-01-01T00:00:00Z", 422}, {"call-empty", "acting", "/call", "phone=p1", 422}, {"call-outside", "", "/call", "", 403},
		{"call-locked-out", "", "/recover/choose/call", "", 200}, {"call-locked-out-asked", "", "/recover/choose/call?at=2030-01-01T09:00:00%2B09:00", "", 200}, {"call-gone", "", "/recover/gone/call", "", 404},
		{"ip", "", "/ip", "", 200}, {"ip-found", "acting", "/ip?addr=198.51.100.23", "", 200}, {"ip-six", "acting", "/ip?addr=2001:db8::1", "", 200},
		{"ip-private", "", "/ip?addr=192.168.0.1", "", 200}, {"ip-wrong", "", "/ip?addr=tokyo", "", 422},
		{"reference", "", "/reference", "", 200}, {"reference-found", "", "/reference", "code=mm-7k2p-94qx", 200}, {"reference-wrong", "", "/reference", "code=XX", 404}, {"reference-busy", "", "/reference", "code=BUSY", 429},
		{"recovery-two", "", "/recover/two", "", 200}, {"recovery-totp", "", "/recover/totp", "", 200}, {"recovery-doubled", "", "/recover/doubled", "", 200},
		{"recovery-identify-empty", "", "/recover/identify/who", "name=", 422}, {"recovery-code-wrong", "", "/recover/code/code", "by=mail_code&code=111111", 422},
		{"recovery-code-busy", "", "/recover/code/code", "by=mail_code&code=999999", 429},
		{"recovery-forgot", "", "/recover/identify/forgot-id", "", 200}, {"recovery-forgot-sent", "", "/recover/identify/forgot-id", "mail=a@b.example", 200}, {"recovery-forgot-wrong", "", "/recover/identify/forgot-id", "mail=a", 422},
		{"recovery-gone", "", "/recover/gone", "", 404},
		{"challenge-two", "", "/challenge/two", "", 200}, {"challenge-code-wrong", "", "/challenge/code/code", "by=mail_code&code=000000", 422},
		{"error-denied", "", "/logins", "", 403}, {"error-not-found", "", "/nowhere", "", 404}, {"error-unavailable", "down", "/", "", 503}, {"error-invalid", "acting", "/report", "line=x&answer=maybe", 400},
	}
	pages = append(pages, mailPages()...)
	for _, s := range ProofStates {
		pages = append(pages, aPage{"recovery-" + string(s), "", "/recover/" + string(s), "", 200})
		if s != Identify && s != Waiting {
			pages = append(pages, aPage{"challenge-" + string(s), "", "/challenge/" + string(s), "", 200})
		}
	}
	return pages
}

func get(h http.Handler, p aPage, lang mimamori.Lang) *httptest.ResponseRecorder {
	method, body := http.MethodGet, ""
	if p.Form != "" {
		method, body = http.MethodPost, p.Form
	}
	r := httptest.NewRequest(method, p.Path, strings.NewReader(body))
	r.AddCookie(&http.Cookie{Name: "mimamori-lang", Value: string(lang)})
	if p.Session != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: p.Session})
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newFixture() *fixture {
	return &fixture{now: time.Now(), shop: "https://shop.example", walk: Choose}
}
