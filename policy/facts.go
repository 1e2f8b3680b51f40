package policy

import (
	"fmt"
	"time"

	"cel.dev/cel-go/cel"

	"mimamori/assess"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
)

// What rules see is bounded, so that their cost is.
const (
	mostString  = 200
	mostSignals = 60
)

// Facts is what rules may look at. All of it is given; nothing is fetched.
type Facts struct {
	Event      event.Event
	Place      geo.Place
	Agent      profile.Agent
	Profile    *profile.Profile
	Session    *profile.Session // of an act; nil at a sign-in
	Assessment assess.Assessment
	Campaigns  []string // that the event belongs to
	Watched    bool     // the account was taken over lately
}

// variable is a word that rules may use.
type variable struct {
	name    string
	kind    *cel.Type
	meaning string
	get     func(f *Facts) any
}

// variables are all words, as docs/policy.md lists them. One that does not
// apply to an event is empty, 0 or false.
var variables = []variable{
	{"event.kind", cel.StringType, "the event's type, as `order.placed`", func(f *Facts) any { return string(f.Event.Kind) }},
	{"event.source", cel.StringType, "where it was reported from", func(f *Facts) any { return f.Event.Source }},
	{"event.hour", cel.IntType, "hour of the day where the customer is, 0 to 23", func(f *Facts) any { return int64(f.Event.Time.In(f.Profile.Location()).Hour()) }},
	{"probability", cel.DoubleType, "that it is a third party, 0 to 1, as assessed", func(f *Facts) any { return f.Assessment.Probability }},
	{"signals", cel.ListType(cel.StringType), "names of the signals that speak for a third party", func(f *Facts) any { return speaking(f.Assessment) }},
	{"campaign", cel.BoolType, "the event belongs to an attack on many accounts", func(f *Facts) any { return len(f.Campaigns) > 0 }},

	{"ip.country", cel.StringType, "country of the address, as `JP`", func(f *Facts) any { return f.Place.Country }},
	{"ip.asn", cel.IntType, "number of the operator's network", func(f *Facts) any { return int64(f.Place.ASN) }},
	{"ip.operator", cel.StringType, "the operator's name in Latin letters", func(f *Facts) any { return f.Place.Operator }},
	{"ip.kind", cel.StringType, "`access`, `mobile`, `hosting`, `vpn`, `relay`, `tor` or `unknown`", func(f *Facts) any { return string(f.Place.Kind) }},
	{"agent.browser", cel.StringType, "as `Chrome`", func(f *Facts) any { return f.Agent.Browser }},
	{"agent.os", cel.StringType, "as `Android`", func(f *Facts) any { return f.Agent.OS }},
	{"agent.type", cel.StringType, "`mobile`, `tablet`, `desktop`, `bot` or `unknown`", func(f *Facts) any { return f.Agent.Type }},

	{"login.language", cel.StringType, "first language the browser asks for, as `ja`", func(f *Facts) any { return assess.Language(login(f).AcceptLanguage) }},
	{"login.factor", cel.StringType, "`none`, `totp`, `passkey` or `mail_code`", func(f *Facts) any { return login(f).Factor }},
	{"login.device_sent", cel.BoolType, "the device cookie came along", func(f *Facts) any { return login(f).Device != "" }},
	{"login.password_breached", cel.BoolType, "the password stands in a known leak", func(f *Facts) any { return login(f).PasswordBreached }},

	{"account.logins", cel.IntType, "sign-ins so far", func(f *Facts) any { return int64(f.Profile.Logins) }},
	{"account.days", cel.IntType, "days since the first sign-in seen", func(f *Facts) any { return days(f.Profile.FirstSeen, f.Event.Time) }},
	{"account.idle_days", cel.IntType, "days since the last sign-in before this", func(f *Facts) any { return days(f.Profile.LastLogin, f.Event.Time) }},
	{"account.orders", cel.IntType, "orders so far", func(f *Facts) any { return int64(f.Profile.Orders) }},
	{"account.largest_order", cel.IntType, "largest order so far, in minor units", func(f *Facts) any { return f.Profile.MaxOrder }},
	{"account.watched", cel.BoolType, "it was taken over during the last 90 days", func(f *Facts) any { return f.Watched }},

	{"session.known", cel.BoolType, "an act: the session began on a device that counts as the customer's", func(f *Facts) any { return f.Session != nil && f.Session.Known }},
	{"session.minutes", cel.IntType, "an act: minutes since the sign-in", func(f *Facts) any { return minutes(f) }},

	{"change.kind", cel.StringType, "`account.changed`: contact, address, payment_method, subscription, password, factor, …", func(f *Facts) any { return string(change(f).Resource.Kind) }},
	{"change.op", cel.StringType, "`account.changed`: added, changed or removed", func(f *Facts) any { return string(change(f).Op) }},
	{"order.amount", cel.IntType, "`order.placed`: the total in minor units (yen: 600 is ¥600)", func(f *Facts) any { return amount(f) }},
	{"order.digital", cel.BoolType, "`order.placed`: gift cards or digital goods", func(f *Facts) any { return order(f).Digital }},
	{"order.gift", cel.BoolType, "`order.placed`: sent as a gift", func(f *Facts) any { return order(f).Gift }},
	{"points.amount", cel.IntType, "`points.moved`: negative when spent", func(f *Facts) any { return points(f).Amount }},
	{"points.balance", cel.IntType, "`points.moved`: what is left", func(f *Facts) any { return points(f).Balance }},
}

var byName = func() map[string]*variable {
	out := make(map[string]*variable, len(variables))
	for i := range variables {
		out[variables[i].name] = &variables[i]
	}
	return out
}()

// Word is a variable for documents.
type Word struct{ Name, Kind, Meaning string }

// Words lists what rules may look at, in the order of the document.
func Words() []Word {
	out := make([]Word, len(variables))
	for i, v := range variables {
		out[i] = Word{v.name, v.kind.String(), v.meaning}
	}
	return out
}

func environment() (*cel.Env, error) {
	options := []cel.EnvOption{cel.ExtendedValidations()}
	for _, v := range variables {
		options = append(options, cel.Variable(v.name, v.kind))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("set up rules: %w", err)
	}
	return env, nil
}

// view shows facts to one evaluation, each looked up only when asked for.
type view struct{ f *Facts }

// ResolveName finds a variable's value.
func (v *view) ResolveName(name string) (any, bool) {
	x, ok := byName[name]
	if !ok {
		return nil, false
	}
	value := x.get(v.f)
	if s, ok := value.(string); ok && len(s) > mostString {
		value = s[:mostString]
	}
	return value, true
}

// Parent is none: there is nothing but the facts.
func (v *view) Parent() cel.Activation { return nil }

func speaking(a assess.Assessment) []string {
	out := []string{}
	for _, s := range a.Signals {
		if s.Weight > 0 && len(out) < mostSignals {
			out = append(out, s.Name)
		}
	}
	return out
}

func login(f *Facts) *event.Login {
	if l, ok := f.Event.Payload.(*event.Login); ok {
		return l
	}
	return &event.Login{}
}

func change(f *Facts) *event.Change {
	if c, ok := f.Event.Payload.(*event.Change); ok {
		return c
	}
	return &event.Change{}
}

func order(f *Facts) *event.Order {
	if o, ok := f.Event.Payload.(*event.Order); ok && f.Event.Kind == event.OrderPlaced {
		return o
	}
	return &event.Order{}
}

func amount(f *Facts) int64 {
	if t := order(f).Total; t != nil {
		return t.Amount
	}
	return 0
}

func points(f *Facts) *event.Points {
	if p, ok := f.Event.Payload.(*event.Points); ok {
		return p
	}
	return &event.Points{}
}

func days(since, now time.Time) int64 {
	if since.IsZero() || now.Before(since) {
		return 0
	}
	return int64(now.Sub(since) / (24 * time.Hour))
}

func minutes(f *Facts) int64 {
	if f.Session == nil {
		return 0
	}
	return int64(max(f.Event.Time.Sub(f.Session.Began), 0) / time.Minute)
}
