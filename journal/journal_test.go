package journal

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"mimamori/event"
)

var start = time.Date(2026, 11, 10, 1, 10, 0, 0, time.UTC)

func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// TestOutweighs: raising is always heard; lowering needs a weightier voice;
// the shop alone lowers nothing (standards G14).
func TestG14_Outweighs(t *testing.T) {
	for _, c := range []struct {
		old, word Verdict
		want      bool
	}{
		{Verdict{}, Verdict{Owner: OfCustomer, By: "shop"}, true},
		{Verdict{Owner: OfCustomer, By: "customer"}, Verdict{Owner: OfIntruder, By: "detector"}, true},
		{Verdict{Owner: OfCustomer, By: "agent"}, Verdict{Owner: OfIntruder, By: "detector"}, false},
		{Verdict{Owner: OfCustomer, By: "agent"}, Verdict{Owner: OfIntruder, By: "agent"}, true},
		{Verdict{Owner: OfIntruder, By: "detector"}, Verdict{Owner: OfCustomer, By: "shop"}, false},
		{Verdict{Owner: OfIntruder, By: "shop"}, Verdict{Owner: OfCustomer, By: "shop"}, false},
		{Verdict{Owner: OfIntruder, By: "detector"}, Verdict{Owner: OfCustomer, By: "customer"}, true},
		{Verdict{Owner: OfIntruder, By: "agent"}, Verdict{Owner: OfCustomer, By: "customer"}, false},
		{Verdict{Owner: OfIntruder, By: "agent"}, Verdict{Owner: OfCustomer, By: "agent"}, true},
		{Verdict{Owner: OfIntruder, By: "customer"}, Verdict{Owner: OfUnknown, By: "detector"}, false},
	} {
		if got := c.word.Outweighs(c.old); got != c.want {
			t.Errorf("%s by %s over %s by %s: %v, want %v", c.word.Owner, c.word.By, c.old.Owner, c.old.By, got, c.want)
		}
	}
}

// TestFlattenAndBack: a value's fields come back as the shop sent them, nested
// ones and ones with dots and tildes in their names too.
func TestFlattenAndBack(t *testing.T) {
	for in, want := range map[string]Value{
		`{"line":"1-1","geo":{"lat":35.6,"note":{"x":null}}}`: {"line": `"1-1"`, "geo.lat": "35.6", "geo.note.x": "null"},
		`{"a.b":1,"a":{"b":2}}`:                               {"a~1b": "1", "a.b": "2"},
		`{"~":1,"~1":2,"x":{}}`:                               {"~0": "1", "~01": "2", "x": "{}"},
		`{"list":[{"a":1}, 2]}`:                               {"list": `[{"a":1},2]`},
		`{}`:                                                  {},
		`null`:                                                nil,
	} {
		got := Flatten(json.RawMessage(in))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Flatten(%s):\n%s", in, d)
		}
		if want != nil {
			var x, y any
			if json.Unmarshal([]byte(in), &x) != nil || json.Unmarshal(got.JSON(), &y) != nil || !cmp.Equal(x, y) {
				t.Errorf("%s came back as %s", in, got.JSON())
			}
		}
	}
	if got := Flatten(json.RawMessage(`{"name":"花子"}`)).Show("name"); got != "花子" {
		t.Errorf("Show = %q", got)
	}
}

func FuzzFlatten(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":2}],"d.e":null},"~":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var was map[string]any
		if json.Unmarshal(raw, &was) != nil || was == nil {
			return
		}
		back := Flatten(raw).JSON()
		if _, odd := was[""]; odd {
			return // a field without a name stands under "value"
		}
		var now map[string]any
		if err := json.Unmarshal(back, &now); err != nil || !cmp.Equal(was, now) {
			t.Errorf("%s came back as %s (%v)", raw, back, err)
		}
	})
}

// happenings draws everything that can stand in an account's past.
func happenings(t *rapid.T) (out []event.Event) {
	sessions := []string{"hers", "his", "unheld", ""}
	for i := range rapid.IntRange(1, 25).Draw(t, "events") {
		e := event.Event{Source: rapid.SampledFrom([]string{"shop", "app"}).Draw(t, "source"), ID: strconv.Itoa(i), Time: at(rapid.IntRange(0, 6).Draw(t, "at")), Session: rapid.SampledFrom(sessions).Draw(t, "session")}
		order := rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "order")
		value := func() json.RawMessage {
			return rapid.SampledFrom([]json.RawMessage{nil, json.RawMessage(`{"mail":"a@x.example"}`), json.RawMessage(`{"mail":"b@x.example"}`)}).Draw(t, "value")
		}
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			e.Kind, e.Payload = event.OrderPlaced, &event.Order{Order: order}
		case 1:
			e.Kind, e.Payload = event.OrderHidden, &event.Order{Order: order}
		case 2:
			e.Kind, e.Payload = event.OrderUnhidden, &event.Order{Order: order}
		case 3:
			e.Kind, e.Payload, e.By = event.OrderShipped, &event.Order{Order: order}, event.ByShop
		case 4:
			e.Kind, e.Payload, e.Command = event.OrderCancelled, &event.Order{Order: order}, "cmd"
		case 5:
			e.Kind, e.Payload = event.PointsMoved, &event.Points{Entry: strconv.Itoa(i), Amount: -5}
		case 6:
			e.Kind, e.Payload = event.LoginAttempted, &event.Login{Outcome: event.Succeeded, Session: e.Session}
		case 7:
			e.Kind, e.Payload = event.AccountSeen, &event.Account{Resources: []event.Held{{Kind: event.Contact, ID: "mail", Value: value()}}}
		default:
			e.Kind, e.Payload = event.AccountChanged, &event.Change{Resource: event.Resource{Kind: event.Contact, ID: "mail"}, Op: event.Changed, Before: value(), After: value()}
		}
		out = append(out, e)
	}
	return out
}

// TestAnyOrderOfArrival: journal, contacts and names are functions of the set
// of events (contracts 1).
func TestAnyOrderOfArrival(t *testing.T) {
	verdicts := []Verdict{{Session: "his", Owner: OfIntruder, By: "detector"}}
	for range 20 {
		rapid.Check(t, func(rt *rapid.T) {
			events := happenings(rt)
			want := Build(events, verdicts)
			shuffled := append(slices.Clone(events), events[rapid.IntRange(0, len(events)-1).Draw(rt, "again")])
			rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got := Build(shuffled, verdicts)
			if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Journal{}, event.Event{})); d != "" {
				rt.Fatalf("another order of arrival:\n%s", d)
			}
			if d := cmp.Diff(want.Contacts(at(3)), got.Contacts(at(3))); d != "" {
				rt.Fatalf("contacts:\n%s", d)
			}
		})
	}
}

// TestChainOfOneMoment: changes of one moment are read in the order in which
// their values follow, whatever their ids.
func TestChainOfOneMoment(t *testing.T) {
	change := func(id, before, after string) event.Event {
		return event.Event{Source: "shop", ID: id, Time: start, Payload: &event.Change{Resource: event.Resource{Kind: event.Contact, ID: "mail"}, Op: event.Changed, Before: json.RawMessage(before), After: json.RawMessage(after)}}
	}
	j := Build([]event.Event{change("a", `{"v":3}`, `{"v":4}`), change("b", `{"v":1}`, `{"v":2}`), change("c", `{"v":2}`, `{"v":3}`)}, nil)
	var got []string
	for _, c := range j.Changes {
		got = append(got, c.Event)
	}
	if !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("read in the order %v", got)
	}
}

// TestOwners: our commands first, then the shop's acts, then what is held of
// the session.
func TestOwners(t *testing.T) {
	verdicts := []Verdict{{Session: "his", Owner: OfIntruder}, {Session: "open", Owner: OfUnknown}}
	for _, c := range []struct {
		e    event.Event
		want Owner
	}{
		{event.Event{Session: "his"}, OfIntruder}, {event.Event{Session: "open"}, OfUnknown}, {event.Event{Session: "hers"}, OfCustomer}, {event.Event{}, OfCustomer},
		{event.Event{Session: "his", By: event.ByShop}, OfShop}, {event.Event{Session: "his", By: event.BySystem}, OfShop},
		{event.Event{Session: "his", By: event.BySystem, Command: "c"}, OfUs},
	} {
		c.e.Payload = &event.Points{Entry: "x"}
		if got := Build([]event.Event{c.e}, verdicts).Points[0].Owner; got != c.want {
			t.Errorf("%+v is of %s, want %s", c.e, got, c.want)
		}
	}
}

// TestT2_ContactsFromBefore: an address that the intruder set is none of hers,
// the one he replaced is; it proves when verified thirty days before.
func TestT2_ContactsFromBefore(t *testing.T) {
	mail := event.Resource{Kind: event.Contact, ID: "mail"}
	long, lately := start.Add(-31*24*time.Hour), start.Add(-29*24*time.Hour)
	for name, c := range map[string]struct {
		verified *time.Time
		proves   bool
	}{"for long": {&long, true}, "lately": {&lately, false}, "never": {nil, false}} {
		j := Build([]event.Event{
			{Source: "shop", ID: "1", Time: start.Add(-40 * 24 * time.Hour), Payload: &event.Account{Resources: []event.Held{{Kind: mail.Kind, ID: mail.ID, Value: json.RawMessage(`{"mail":"hers@x.example"}`), VerifiedAt: c.verified, Since: &long}}}},
			{Source: "shop", ID: "2", Time: at(1), Session: "his", Payload: &event.Change{Resource: mail, Op: event.Changed, Before: json.RawMessage(`{"mail":"hers@x.example"}`), After: json.RawMessage(`{"mail":"his@x.example"}`), Verified: true}},
		}, []Verdict{{Session: "his", Owner: OfIntruder}})
		got := j.Contacts(start)
		if len(got) != 1 || got[0].Value != "hers@x.example" || got[0].Proves != c.proves || !got[0].Replaced {
			t.Errorf("verified %s: %+v, want hers, proving %v", name, got, c.proves)
		}
	}
}
