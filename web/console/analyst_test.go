package console_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/analysis"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/policy"
	"mimamori/web/console"
)

// analyst is a working Analyst over a month of counts.
type analyst struct {
	guard audit.Guard
	now   time.Time
	evil  string
	empty bool // an installation of today
}

var oddOne = console.Ref{Account: mimamori.NewAccountID("hanako"), Source: "midori-store", Event: "login-1&x=<y>"}

func (a *analyst) Labels(context.Context, time.Time) ([]decide.Label, error) {
	var out []decide.Label
	for i := range 90 {
		l := decide.Label{At: a.now, Began: a.now.Add(-time.Duration(i) * time.Hour), Owner: decide.SaidCustomer, Probability: float64(i%9+1) / 10}
		if i%9 > 5 {
			l.Owner = decide.SaidIntruder
		}
		out = append(out, l)
	}
	return out, nil
}

func (a *analyst) Analysis(ctx context.Context, actor mimamori.Actor) (analysis.Report, error) {
	if err := a.guard.Allow(ctx, actor, audit.LookAnalysis, audit.Target{}, ""); err != nil {
		return analysis.Report{}, err
	}
	p, err := policy.Parse([]byte("rules: [{name: gift_cards, mode: live, decision: hold, when: 'order.digital && order.amount >= 20000', text: {ja: ギフト券, en: Gift cards}}, {name: abroad, mode: shadow, decision: notify, when: 'ip.country != \"JP\"'}]"), decide.DefaultPolicy())
	if err != nil {
		return analysis.Report{}, err
	}
	tally := decide.NewTally(p.Policy)
	for i := range 30 * 400 {
		if a.empty {
			break
		}
		at := a.now.Add(-time.Duration(i) * 30 * 24 * time.Hour / (30 * 400))
		z := -9 + float64(i%97)/12
		n := decide.Note{At: at, Login: true, Score: decide.BinOf(z), Genuine: true, Decision: decide.Allow, Signals: []string{"network_new"}}
		if i%97 > 94 {
			n.Decision = decide.Challenge
		}
		if i < 2000 {
			n.Signals = append(n.Signals, "language_new")
		}
		if i%40 == 0 {
			n.Rules = []string{"abroad/shadow", "gift_cards/broken"}
		}
		tally.Note(n)
	}
	var labels analysis.Labels = a
	if a.empty {
		labels = none{}
	}
	return analysis.New(analysis.Options{Tally: tally, Labels: labels, Policy: func() decide.Policy { return p.Policy }, Rules: p.Rules}).Report(ctx, a.now)
}

type none struct{}

func (none) Labels(context.Context, time.Time) ([]decide.Label, error) { return nil, nil }

func (a *analyst) Live(ctx context.Context, actor mimamori.Actor, f console.LiveFilter) (console.Live, error) {
	if err := a.guard.Allow(ctx, actor, audit.LookAnalysis, audit.Target{}, ""); err != nil {
		return console.Live{}, err
	}
	out := console.Live{Next: a.now.Add(-time.Hour), Campaigns: []console.Campaign{
		{ID: "cmp_1a2b", Family: "client", Name: "Chrome (Windows) ja " + a.evil, Began: a.now.Add(-50 * time.Hour), Noticed: a.now.Add(-40 * time.Hour), Last: a.now, Attempts: 4120, Accounts: 3970, Successes: 31, Share: 0.93},
		{ID: "cmp_0f", Family: "tag", Began: a.now.Add(-300 * time.Hour), Noticed: a.now.Add(-290 * time.Hour), Ended: a.now.Add(-200 * time.Hour), Attempts: 900, Accounts: 880, Share: 0.8}}}
	for i, d := range []decide.Decision{decide.Contain, decide.Hold, decide.Challenge, decide.Notify, decide.Allow} {
		if d.AtLeast(f.Least) {
			out.Rows = append(out.Rows, console.Arrival{Ref: oddOne, At: a.now.Add(-time.Duration(i) * time.Minute), Decision: d, Probability: []float64{0.993, 0.81, 0.09, 0.004, 0.00002}[i],
				Country: "JP", Operator: "Example Mobile " + a.evil, Network: "mobile", Device: "Chrome (Windows)", Why: text("はじめての端末でした。", "The device was new."), Campaigns: []string{"cmp_1a2b"}, Rules: []string{"abroad/shadow"}})
		}
	}
	return out, nil
}

func (a *analyst) Explain(ctx context.Context, actor mimamori.Actor, of console.Ref, reason string) (console.Explained, error) {
	if err := a.guard.Allow(ctx, actor, audit.LookAccount, audit.Target{Account: of.Account}, reason); err != nil {
		return console.Explained{}, err
	}
	if of != oddOne {
		return console.Explained{}, mimamori.ErrNotFound
	}
	list, err := a.Live(ctx, mimamori.System, console.LiveFilter{Least: decide.Allow})
	return console.Explained{Arrival: list.Rows[2], Subject: "cust-1042", IP: "203.0.113.7", Agent: "Mozilla/5.0 " + a.evil, Prior: -9.2, Sum: -2.3, Given: 0.034, Levels: decide.DefaultPolicy().Fixed().Login, Terms: []console.Term{
		{Signal: "device_new", Group: "device", Text: text("はじめての端末でした。", "The device was new."), Weight: 4.4, Without: 0.0012},
		{Signal: "network_new", Group: "network", Text: text("はじめての回線でした。", "The network was new."), Weight: 3.5, Without: 0.003},
		{Signal: "language_known", Group: "device", Text: text("いつもの言語です。", "The usual language."), Weight: -1, Without: 0.21}}}, err
}

// TestAnalystPages: who may look sees the figures; one sign-in takes a reason,
// which is recorded.
func TestAnalystPages(t *testing.T) {
	p := newPlace(t)
	lead, agent := p.signIn("lead"), p.signIn("agent")
	lead.cookies["mimamori-lang"] = "en"
	for path, want := range map[string][]string{
		"/analysis":                     {"<svg", "levels", "abroad", "Gift cards", "shadow", "language_new"},
		"/live":                         {"cmp_1a2b", "4,120", "99.3", "/live/one?account="},
		"/live?least=hold":              {"81.0"},
		"/live?least=nonsense&before=x": {"cmp_1a2b"},
	} {
		w := lead.get(path)
		body := w.Body.String()
		if w.Code != 200 {
			t.Fatalf("%s: %d", path, w.Code)
		}
		for _, s := range want {
			if !strings.Contains(body, s) {
				t.Errorf("%s lacks %q", path, s)
			}
		}
		if strings.Contains(body, "cust-1042") || strings.Contains(body, "203.0.113.7") {
			t.Errorf("%s names a customer", path)
		}
		if w := agent.get(path); w.Code != 403 {
			t.Errorf("%s by an agent: %d, want refused", path, w.Code)
		}
	}
	if strings.Contains(lead.get("/live?least=hold").Body.String(), "0.0020 %") {
		t.Error("a filtered list shows milder ones")
	}
	one := "/live/one?" + oddOne.Query()
	if body := lead.get(one).Body.String(); strings.Contains(body, "cust-1042") || !strings.Contains(body, "/live/reason") {
		t.Error("a sign-in is shown before a reason was given")
	}
	if w := lead.post("/live/reason", "to", oddOne.Query()); w.Code != 400 {
		t.Errorf("no reason: %d", w.Code)
	}
	w := lead.post("/live/reason", "to", oddOne.Query(), "why", "work", "words", "false alarms in March")
	if to := w.Header().Get("Location"); w.Code != 303 || !strings.HasPrefix(to, "/live/one?") {
		t.Fatalf("reason given: %d to %q", w.Code, to)
	}
	body := lead.get(w.Header().Get("Location")).Body.String()
	for _, s := range []string{"cust-1042", "device_new", "&#43;4.40", "-9.20", "-2.30", "203.0.113.7", "3.4 %"} {
		if !strings.Contains(body, s) {
			t.Errorf("the sign-in lacks %q", s)
		}
	}
	if w := lead.get("/live/one?account=zz"); w.Code != 404 {
		t.Errorf("no account: %d", w.Code)
	}
	w = lead.post("/live/reason", "to", "https://evil.example/#", "why", "work")
	if to := w.Header().Get("Location"); !strings.HasPrefix(to, "/live/one?") || strings.Contains(to, "evil") {
		t.Errorf("a foreign address leads to %q", to)
	}
}

// TestAnalysisOfToday: an installation with nothing counted shows no empty
// drawings.
func TestAnalysisOfToday(t *testing.T) {
	p := newPlace(t)
	p.analyst.empty = true
	b := p.signIn("lead")
	b.cookies["mimamori-lang"] = "en"
	body := b.get("/analysis").Body.String()
	if strings.Contains(body, "<svg class=\"plot\"") || !strings.Contains(body, "uncalibrated") || !strings.Contains(body, "too little to compare") {
		t.Error("the page of a new installation draws nothing and says why")
	}
}

// TestAnalystPagesPrintNoMarkup: what comes from outside stays text, in plots too.
func TestAnalystPagesPrintNoMarkup(t *testing.T) {
	p := newPlace(t)
	p.analyst.evil = `<script>alert(1)</script>`
	b := p.signIn("lead")
	b.post("/live/reason", "to", oddOne.Query(), "why", "work")
	for _, path := range []string{"/live", "/analysis", "/live/one?" + oddOne.Query()} {
		if body := b.get(path).Body.String(); strings.Contains(body, "<script>alert") {
			t.Errorf("%s prints markup from outside", path)
		}
	}
	q, err := url.ParseQuery(oddOne.Query())
	if err != nil || q.Get("event") != oddOne.Event {
		t.Errorf("a reference does not survive its link: %v, %v", q, err)
	}
}

// TestPlotsSpeakTheReadersLanguage: the levels in the drawing are named as on
// the rest of the page.
func TestPlotsSpeakTheReadersLanguage(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	for lang, want := range map[string]string{"ja": ">追加の確認</text>", "en": ">challenge</text>"} {
		b.cookies["mimamori-lang"] = lang
		if body := b.get("/analysis").Body.String(); !strings.Contains(body, want) {
			t.Errorf("the drawing in %s does not name the level %q", lang, want)
		}
	}
}
