package traffic

import (
	"math"
	"time"
)

// trace is something an intruder left behind: a device, a network, an
// operator with a kind of client, an address, a phone number. It fades with a
// half-life of 30 days.
type trace struct {
	Weight float64
	At     int64
}

const (
	maxTraces = 1 << 16
	traceHalf = 30 * 24 * 60 * 60
)

func (t *trace) weight(unix int64) float64 {
	if t == nil {
		return 0
	}
	return t.Weight * math.Exp2(-float64(max(0, unix-t.At))/traceHalf)
}

// Takeover is what one confirmed takeover of one account left behind.
type Takeover struct {
	At       time.Time
	Logins   []Login  // the intruder's sign-ins, as far as they are known
	Values   []string // ValueKey of what he brought in
	Networks []string // those he was seen on
	Devices  []string // profile.DeviceKey of tokens he used
}

// NoteTakeover remembers a confirmed takeover, each thing once.
func (t *Traffic) NoteTakeover(o Takeover) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(told{Takeover: &o})
	t.noteTakeover(o)
}

func (t *Traffic) noteTakeover(o Takeover) {
	unix := o.At.Unix()
	once := map[uint64]bool{}
	for i := range o.Logins {
		k := t.keys(&o.Logins[i])
		for _, key := range []uint64{k.all, k.class, k.country, k.operator, k.network, k.pair, k.ua} {
			once[key] = true
		}
	}
	for _, v := range o.Values {
		once[t.seed.string("value").string(v).key()] = true
	}
	for _, n := range o.Networks {
		once[t.seed.string("net").string(n).key()] = true
	}
	for _, d := range o.Devices {
		once[t.seed.string("dev").string(d).key()] = true
	}
	for key := range once {
		t.leave(key, unix)
	}
}

func (t *Traffic) leave(key uint64, unix int64) {
	if old := t.taken[key]; old != nil {
		*old = trace{Weight: old.weight(unix) + 1, At: max(unix, old.At)}
		return
	}
	// When there is no room the faintest go, an eighth at least.
	for least := 0.1; len(t.taken) >= maxTraces; least *= 2 {
		for k, o := range t.taken {
			if o.weight(unix) < least {
				delete(t.taken, k)
			}
		}
		if len(t.taken) < maxTraces*7/8 {
			break
		}
	}
	t.taken[key] = &trace{Weight: 1, At: unix}
}

// Value says what is known of an address, a phone number, a payment method
// that is being registered: how strongly it is an intruder's, and on how many
// accounts it was registered lately, this one left out.
type Value struct {
	Taken    float64
	Accounts float64
}

// Value asks.
func (t *Traffic) Value(key string, at time.Time) Value {
	t.mu.Lock()
	defer t.mu.Unlock()
	unix := min(max(at.Unix(), t.clock-400*24*60*60), t.clock+24*60*60)
	wg, wb := t.people.weights(unix)
	good, _ := t.people.count(t.seed.string("registered").string(key).key(), wg, wb)
	return Value{Taken: t.taken[t.seed.string("value").string(key).key()].weight(unix), Accounts: good}
}

// NoteValue counts that an account registered a value.
func (t *Traffic) NoteValue(key string, account [16]byte, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(told{At: at, Value: key, Account: account})
	t.noteValue(key, account, at)
}

func (t *Traffic) noteValue(key string, account [16]byte, at time.Time) {
	if t.clock == 0 || at.Unix() > t.clock+4*24*60*60 || at.Unix() < t.clock-400*24*60*60 {
		return
	}
	if t.places.add(t.seed.string("registered").string(key).string(string(account[:])).key(), at.Unix()) {
		t.people.add(t.seed.string("registered").string(key).key(), at.Unix(), 1, 0)
	}
}
