package retention

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"

	"mimamori/event"
)

// Hash is a keyed hash under a key that never leaves the installation: the
// same value gives the same hash, so that "the same network again" can still
// be told, and nobody without the key gets the value back.
type Hash func(parts ...string) []byte

// faded is where addresses stand once they are forgotten: the discard-only
// prefix of RFC 6666, in which nobody is. The other 64 bits are the hash.
var faded = netip.MustParsePrefix("100::/64")

// Faded says that an address is a hash already.
func Faded(ip string) bool {
	a, err := netip.ParseAddr(ip)
	return err == nil && faded.Contains(a)
}

// FadeAddress makes an address a hash of the same form.
func FadeAddress(ip string, hash Hash) string {
	if ip == "" || Faded(ip) {
		return ip
	}
	out := faded.Addr().As16()
	copy(out[8:], hash("retention ip", ip))
	if binary.BigEndian.Uint64(out[8:]) == 0 {
		out[15] = 1
	}
	return netip.AddrFrom16(out).String()
}

// FadeText makes a browser's or device's name a hash.
func FadeText(kind, value string, hash Hash) string {
	if value == "" || len(value) == 18 && value[:2] == "h:" {
		return value
	}
	return "h:" + hex.EncodeToString(hash("retention "+kind, value)[:8])
}

// Bears says whether events of a kind carry an address or a browser.
func Bears(k event.Kind) bool {
	return k == event.LoginAttempted || k == event.SessionSeen || k == event.SessionEnded
}

// Fade takes the address and the browser out of an event's data. Fields that
// it does not know, which a shop may have added, go too: nobody can say what is
// in them. changed is false when there was nothing left to take out.
func Fade(data []byte, hash Hash) (out []byte, changed bool, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, false, fmt.Errorf("fade event: %w", err)
	}
	kept := map[string]json.RawMessage{}
	for _, name := range []string{"outcome", "session", "factor", "password_breached", "by", "command"} {
		if v, ok := fields[name]; ok {
			kept[name] = v
		}
	}
	text := func(name string, fade func(string) string) error {
		var v string
		raw, ok := fields[name]
		if !ok {
			return nil
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("fade event: %s: %w", name, err)
		}
		b, err := json.Marshal(fade(v))
		kept[name] = b
		changed = changed || string(b) != string(raw)
		return err
	}
	if err := text("ip", func(v string) string { return FadeAddress(v, hash) }); err != nil {
		return nil, false, err
	}
	for _, name := range []string{"user_agent", "device"} {
		if err := text(name, func(v string) string { return FadeText(name, v, hash) }); err != nil {
			return nil, false, err
		}
	}
	changed = changed || len(kept) != len(fields)
	if !changed {
		return data, false, nil
	}
	out, err = json.Marshal(kept)
	return out, true, err
}
