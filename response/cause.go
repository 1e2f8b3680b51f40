package response

import (
	"slices"

	"mimamori"
	"mimamori/incident"
	"mimamori/profile"
)

// The likely ways in.
var (
	causeList = incident.Cause{Kind: "list", Text: mimamori.Text{
		JA: "同じ接続元から多くのお客様のパスワードが試されていました。よそで漏れた一覧のパスワードが使われたと考えられます。",
		EN: "The same source was trying the passwords of many customers: probably a list of passwords that leaked elsewhere."}}
	causeSpray = incident.Cause{Kind: "spray", Text: mimamori.Text{
		JA: "同じパスワードが、多くのお客様のアカウントで試されていました。よく使われるパスワードが当てられたと考えられます。",
		EN: "The same password was being tried on the accounts of many customers: probably a common one, guessed."}}
	causeBreached = incident.Cause{Kind: "list", Text: mimamori.Text{
		JA: "使われたパスワードは、よそで漏れた一覧に載っているものでした。",
		EN: "The password that was used stands on a list that leaked elsewhere."}}
	causePassedOn = incident.Cause{Kind: "phishing", Text: mimamori.Text{
		JA: "見慣れない回線からのサインインで、2段階目の確認コードまで入力されていました。にせのページに入力されたパスワードとコードが、その場で使われたと考えられます。",
		EN: "A sign-in from an unfamiliar network also gave the code of the second step: probably a false page passed on at once what was typed into it."}}
	causeHandedOn = incident.Cause{Kind: "phishing", Text: mimamori.Text{
		JA: "見慣れない回線でサインインされたあと、その続きが別の場所で使われました。にせのページが、入力されたパスワードでサインインし、その状態を第三者に渡したと考えられます。",
		EN: "The sign-in came from an unfamiliar network and went on elsewhere: probably a false page signed in with what was typed into it, and handed the session on."}}
	causeCopied = incident.Cause{Kind: "phishing", Text: mimamori.Text{
		JA: "いつもと同じブラウザの名乗りと言語のまま、サーバー用や中継用の回線からサインインされました。にせのページが、入力されたパスワードを中継したと考えられます。",
		EN: "The sign-in bore the name and languages of the usual browser but came from a server or a relay: probably a false page that passed on what was typed into it."}}
	causeMark = incident.Cause{Kind: "malware", Text: mimamori.Text{
		JA: "お使いの端末だけが持つ目印が、見慣れない回線から示されました。有害なソフトが、端末の中のパスワードと目印を写し取ったと考えられます。",
		EN: "The mark that only the customer's own device has was shown from an unfamiliar network: probably malware copied passwords and mark from the device."}}
	causeSession = incident.Cause{Kind: "session", Text: mimamori.Text{
		JA: "サインインしたままの状態が、別の端末で使われました。端末がウイルスなどの有害なソフトに感染したおそれがあります。",
		EN: "A signed-in session went on from another device: perhaps malware on a device of the customer's."}}
	causeMailbox = incident.Cause{Kind: "mailbox", Text: mimamori.Text{
		JA: "メールの提供元が、お客様のメールボックスが乗っ取られたおそれを知らせてきました。そこに届くメールからパスワードを変えられたと考えられます。",
		EN: "The mail provider warned that the customer's mailbox may have been taken over: probably the password was changed by way of the mails in it."}}
	causeUnknown = incident.Cause{Kind: "unknown", Text: mimamori.Text{
		JA: "どのようにしてパスワードが知られたのか、わたしたちにはわかっていません。使い回し、推測されやすいパスワード、にせのメールやサイト、ウイルスなどの有害なソフトなどが考えられます。",
		EN: "We do not know how the password became known. A password used elsewhere too, an easy one, a false mail or site, or malware are the usual ways."}}
)

// causeOf names the likely way in and says on what evidence (mission W4). Each
// way leaves its own traces: a list has no cookie of hers, malware has; a
// false page has her second step, but neither her cookie nor her line; a
// stolen session began as hers. What only one way leaves is asked first.
func causeOf(evidence []incident.Evidence, p profile.Profile) incident.Cause {
	sessions := tracesOf(evidence, p)
	any := func(rule func(traces) bool) bool { return slices.ContainsFunc(sessions, rule) }
	switch {
	case any(func(t traces) bool { return t.has("mailbox_warned") }):
		return causeMailbox
	case any(func(t traces) bool { return t.has("device_known") && t.away() }):
		return causeMark
	case any(func(t traces) bool { return t.moved() && t.foreign() }):
		return causeHandedOn
	case any(traces.moved):
		return causeSession
	case any(func(t traces) bool { return t.has("factor_passed") && t.foreign() }):
		return causePassedOn
	case any(func(t traces) bool { return t.has("campaign_password") }):
		return causeSpray
	case any(func(t traces) bool { return t.has("campaign_network", "campaign_client", "failing_alike") }):
		return causeList
	case any(func(t traces) bool { return t.has("password_breached") }):
		return causeBreached
	case any(func(t traces) bool { return t.copied() && t.has("network_hosting", "network_vpn") }):
		return causeCopied
	}
	return causeUnknown
}

// traces are the names of the signals that one session showed.
type traces map[string]bool

// tracesOf sorts the evidence by session, and adds what the profile keeps of
// those sessions: a customer's word alone says nothing of how he came in.
func tracesOf(evidence []incident.Evidence, p profile.Profile) []traces {
	by := map[string]traces{}
	var order []string
	for _, e := range evidence {
		t := by[e.Session]
		if t == nil {
			t = traces{}
			by[e.Session], order = t, append(order, e.Session)
			if s, ok := p.Session(e.Session); ok {
				for _, w := range s.Terms {
					t[w.Name] = true
				}
			}
		}
		t[e.Signal.Name] = true
	}
	out := make([]traces, len(order))
	for i, session := range order {
		out[i] = by[session]
	}
	return out
}

func (t traces) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return t[name] })
}

// moved: it went on elsewhere than it began.
func (t traces) moved() bool { return t.has("session_moved", "session_elsewhere") }

// away: it began on a line that is not hers.
func (t traces) away() bool {
	return t.has("network_hosting", "network_vpn", "network_tor", "country_new", "network_new", "network_ordinary")
}

// foreign: neither line nor device of the sign-in were hers.
func (t traces) foreign() bool {
	return t.away() && t.has("device_new", "device_unrecognised", "device_alike", "device_changed")
}

// copied: her browser by all it says of itself, without the mark of hers.
func (t traces) copied() bool {
	return t.has("device_unrecognised", "device_alike") && t.has("header_known", "language_known")
}
