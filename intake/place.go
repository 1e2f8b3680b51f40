package intake

import (
	"crypto/rand"
	"encoding/hex"

	"mimamori/assess"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// place looks up where an event came from; the zero place when it says not.
func (in *Intake) place(e event.Event) where {
	var ip string
	var w where
	switch d := e.Payload.(type) {
	case *event.Login:
		ip, w.agent = d.IP, in.agents.parse(d.UserAgent)
		w.device, w.print = profile.DeviceKey(d.Device, w.agent), profile.PrintKey(d.AcceptLanguage, "")
	case *event.Session:
		ip, w.goesOn = d.IP, in.agents.parse(d.UserAgent)
	}
	addr, err := geo.Parse(ip)
	if ip == "" || err != nil {
		return w
	}
	w.Place, w.network = in.opt.Geo.Lookup(addr), geo.Network(addr)
	return w
}

// where an event came from, and from what kind of client.
type where struct {
	geo.Place
	network string
	agent   profile.Agent // of a sign-in
	device  string        // profile.DeviceKey of a sign-in
	print   string        // profile.PrintKey of its language header
	goesOn  profile.Agent // of a session that goes on
}

// attempt is an event as the traffic counters see it.
func (in *Intake) attempt(e event.Event, w where) traffic.Login {
	l, ok := e.Payload.(*event.Login)
	if !ok {
		return traffic.Login{At: e.Time}
	}
	t := traffic.Login{At: e.Time, Account: e.Account, Outcome: l.Outcome, Network: w.network, ASN: w.ASN, Country: w.Country, Kind: w.Kind,
		Agent: w.agent.Family(), Browser: w.agent.Browser, System: w.agent.OS, UA: l.UserAgent, Lang: assess.Language(l.AcceptLanguage), Accept: l.AcceptLanguage,
		TLS: l.TLSFingerprint, Tag: l.PasswordTag}
	if l.Device != "" {
		t.Device = w.device
	}
	if l.RTTMillis != nil {
		t.RTT = float64(*l.RTTMillis)
	}
	return t
}

// newDeviceToken is what the shop sets as a cookie, so that the same device is
// known again: 128 random bits, meaning nothing.
func newDeviceToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return "dev_" + hex.EncodeToString(b[:])
}
