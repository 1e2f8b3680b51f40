// Package profile is what is usual for one account, folded into one small
// row: its devices and networks with their age, countries, hours, spending,
// and the sessions of the last days with what they did. It is loaded and
// written on every decision, so it is bounded: at most 4 KiB, 24 devices, 32
// networks, 8 countries. It learns; judging is left to assess.
package profile

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/geo"
)

// The bounds of the row.
const (
	MaxBytes     = 4 << 10
	MaxDevices   = 24
	MaxNetworks  = 32
	MaxCountries = 8
	MaxSessions  = 12
	MaxFoes      = 6
)

// Quiet is how long a device or network must have been seen, without anybody
// having said it was not him, before it counts as the customer's. A login
// teaches nothing earlier (poisoning: an intruder who signs in weekly must
// not become "usual" at once).
const Quiet = 7 * 24 * time.Hour

// Profile is one account's picture. The zero value is an account never seen.
type Profile struct {
	Locale    mimamori.Lang `json:"l,omitempty"`
	Zone      string        `json:"z,omitempty"` // IANA name; empty is Asia/Tokyo
	FirstSeen time.Time     `json:"f,omitzero"`
	Made      time.Time     `json:"md,omitzero"` // when the account was registered, as far as the shop said
	LastLogin time.Time     `json:"ll,omitzero"`
	Logins    int           `json:"n,omitempty"` // successful ones

	Devices   []Device   `json:"d,omitempty"`
	Networks  []Network  `json:"w,omitempty"`
	Countries []Country  `json:"c,omitempty"`
	Hours     [24]uint16 `json:"h"` // successful logins by local hour
	Langs     []string   `json:"al,omitempty"`

	Orders   int   `json:"o,omitempty"`
	MaxOrder int64 `json:"om,omitempty"` // largest genuine order, minor units
	// Typical is the geometric mean of her genuine orders, minor units: twenty
	// or so of the last count.
	Typical int64 `json:"ot,omitempty"`
	Balance int64 `json:"pb,omitempty"` // points after the last movement

	FailedAt time.Time `json:"fa,omitzero"` // start of the running hour of failures
	Failed   int       `json:"fn,omitempty"`

	Sessions []Session `json:"s,omitempty"` // newest last
	// Foes are what intruders of this account left behind, newest last.
	Foes []Foe `json:"e,omitempty"`

	// Faded is what spoke against the strange sessions for which there was no
	// room any more, heaviest of each, and when the last of them was seen: who
	// signs in a dozen times must not get his first session out of sight.
	Faded   Weights   `json:"x,omitempty"`
	FadedAt time.Time `json:"xt,omitzero"`
}

// Device is a browser or app that signed in. Key is the token from our cookie
// when the shop sends it, else the kind of browser and system.
type Device struct {
	Key   string    `json:"k"`
	Agent string    `json:"a"` // "Chrome on Android", for people
	First time.Time `json:"f"`
	Last  time.Time `json:"t"`
	Count int       `json:"n"`
	Proof bool      `json:"p,omitempty"` // passed a challenge, or there at registration
	Via   string    `json:"v,omitempty"` // the session that brought it in
	Major int       `json:"m,omitempty"` // the browser's version when last seen
	Given bool      `json:"g,omitempty"` // a token that we gave and that has not come back yet
	Print string    `json:"j,omitempty"` // PrintKey of the language header and TLS fingerprint last seen
}

// Token says that the device is known by our token and not by its kind alone.
func (d Device) Token() bool { return strings.HasPrefix(d.Key, "t") }

// Network is a /24 or /48 that signed in, with its operator.
type Network struct {
	Key     string    `json:"k"`
	ASN     uint32    `json:"s,omitempty"`
	Country string    `json:"c,omitempty"`
	Kind    geo.Kind  `json:"kd,omitempty"`
	First   time.Time `json:"f"`
	Last    time.Time `json:"t"`
	Count   int       `json:"n"`
	Proof   bool      `json:"p,omitempty"`
	Via     string    `json:"v,omitempty"`
	Delay   float32   `json:"r,omitempty"` // mean ln of the round trip in ms, 0 when never measured
}

// Country is a country that signed in.
type Country struct {
	Code  string    `json:"k"`
	First time.Time `json:"f"`
	Last  time.Time `json:"t"`
	Via   string    `json:"v,omitempty"`
}

// Session is one stay of the last days: how unlike the customer it began, and
// what it has done since.
type Session struct {
	ID      string    `json:"i"`
	Began   time.Time `json:"b"`
	Last    time.Time `json:"t"`
	Device  string    `json:"d,omitempty"`
	Network string    `json:"w,omitempty"`
	Country string    `json:"c,omitempty"`
	Terms   Weights   `json:"x,omitempty"` // signal name → log-odds, from the login and since
	Verdict string    `json:"v,omitempty"` // customer or intruder, when somebody said so
	Marks   Marks     `json:"m,omitempty"` // what it did, and when first
	Met     string    `json:"g,omitempty"` // the sternest decision so far, from challenge on
	Agent   string    `json:"a,omitempty"` // browser and system at the login
	Major   int       `json:"j,omitempty"` // the browser's version then
	Values  []string  `json:"u,omitempty"` // ValueKey of what it registered
	Event   string    `json:"o,omitempty"` // id of the login event
	ASN     uint32    `json:"s,omitempty"`
	// Counted is how the session stands in decide's tally: the places of its
	// sign-in's score and of its highest after an act; 0: not counted.
	Counted [2]int16 `json:"q,omitzero"`
	Known   bool     `json:"k,omitempty"` // began on a device that counted as the customer's
	Ended   bool     `json:"e,omitempty"` // signed out
	Tied    bool     `json:"z,omitempty"` // an intruder's, and the counters across accounts were told
}

// Foe is where an intruder of this account came from and on what.
type Foe struct {
	At      time.Time `json:"t"`
	Device  string    `json:"d,omitempty"`
	Network string    `json:"w,omitempty"`
	ASN     uint32    `json:"s,omitempty"`
	Agent   string    `json:"a,omitempty"`
}

// Usual says that a device counts as the customer's at the moment now. One that
// was put in doubt (Count 0) has to come again first.
func (d Device) Usual(now time.Time) bool {
	return d.Proof || d.Count > 0 && now.Sub(d.First) >= Quiet
}

// Usual says that a network counts as the customer's at the moment now, as a
// device does.
func (n Network) Usual(now time.Time) bool {
	return n.Proof || n.Count > 0 && now.Sub(n.First) >= Quiet
}

// Device finds a device by its key.
func (p *Profile) Device(key string) (*Device, bool) {
	for i := range p.Devices { // in place: they are asked for all the time, and large
		if p.Devices[i].Key == key {
			return &p.Devices[i], true
		}
	}
	return nil, false
}

// Network finds a network by its key.
func (p *Profile) Network(key string) (*Network, bool) {
	for i := range p.Networks {
		if p.Networks[i].Key == key {
			return &p.Networks[i], true
		}
	}
	return nil, false
}

// Session finds a session of the last days by the shop's id.
func (p *Profile) Session(id string) (*Session, bool) {
	if id == "" {
		return nil, false
	}
	for i := range p.Sessions {
		if p.Sessions[i].ID == id {
			return &p.Sessions[i], true
		}
	}
	return nil, false
}

// FailedLogins is the number of failed attempts in the running hour.
func (p *Profile) FailedLogins(now time.Time) int {
	if now.Sub(p.FailedAt) > time.Hour {
		return 0
	}
	return p.Failed
}

// japan has no summer time and needs no table: most customers are there, and
// a decision asks several times.
var japan = time.FixedZone("JST", 9*60*60)

// Location is the customer's time zone; Japan's unless the shop said another.
func (p *Profile) Location() *time.Location {
	if p.Zone == "" || p.Zone == "Asia/Tokyo" {
		return japan
	}
	if loc, err := time.LoadLocation(p.Zone); err == nil {
		return loc
	}
	return japan
}

// Fit lets the least valuable entries go until the row fits MaxBytes.
func (p *Profile) Fit() {
	for p.Size() > MaxBytes && p.dropOne() {
	}
}

// Encode writes the row, made to fit, as JSON too.
func (p *Profile) Encode() ([]byte, error) {
	for {
		var k packer
		p.pack(&k)
		if max(k.json, len(k.full)+k.i+sumSize) <= MaxBytes || !p.dropOne() {
			return k.row(), nil
		}
	}
}

// Decode reads a row; an empty one is the zero profile. Rows of before the
// compact form are JSON. The profile's texts are parts of the row: nobody may
// change it afterwards.
func Decode(b []byte) (p Profile, err error) {
	switch {
	case len(b) == 0:
		return p, nil
	case b[0] == version:
		err = p.unpack(b)
	case b[0] == '{':
		p, err = fromJSON(b)
	default:
		err = errOdd
	}
	if err != nil {
		return Profile{}, fmt.Errorf("decode profile: %w", err)
	}
	return p, nil
}

// fromJSON stands by itself: a profile that encoding/json is given the address
// of is on the heap.
func fromJSON(b []byte) (Profile, error) {
	var p Profile
	err := json.Unmarshal(b, &p)
	return p, err
}
