package intake

import (
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
)

// place looks up where an event came from; the zero place when it says not.
func (in *Intake) place(e event.Event) where {
	var ip string
	var w where
	switch d := e.Payload.(type) {
	case *event.Login:
		ip, w.agent = d.IP, in.agents.parse(d.UserAgent)
		w.device = profile.DeviceKey(d.Device, w.agent)
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
	goesOn  profile.Agent // of a session that goes on
}
