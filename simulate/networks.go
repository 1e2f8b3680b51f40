package simulate

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"mimamori"
)

//go:embed networks.tsv
var networksFile string

// role is what a network is to the people of this world.
type role string

const (
	atHome       role = "home"
	onPhone      role = "phone"
	inOffice     role = "office"
	inHosting    role = "hosting"
	onVPN        role = "vpn"
	onRelay      role = "relay"
	abroad       role = "abroad"
	hostedAbroad role = "hosting_abroad"
	vpnAbroad    role = "vpn_abroad"
)

// network is one operator's address space, as far as this world uses it.
type network struct {
	role    role
	country string
	asn     int
	weight  float64
	v4, v6  []netip.Prefix

	regions [][]netip.Prefix // phones: the /24s (and /48s) behind which a region's subscribers stand
	shared  []netip.Addr     // homes: IPv4 addresses that several homes have at once
	rtt     float64          // mean round-trip time to the shop, milliseconds
}

// readNetworks reads networks.tsv.
func readNetworks(file string) (map[role][]*network, error) {
	out := map[role][]*network{}
	for i, line := range strings.Split(file, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("read networks, line %d: %d fields: %w", i+1, len(f), mimamori.ErrInvalid)
		}
		asn, err := strconv.Atoi(f[2])
		weight, err2 := strconv.ParseFloat(f[4], 64)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("read networks, line %d: not a number: %w", i+1, mimamori.ErrInvalid)
		}
		n := &network{role: role(f[0]), country: f[1], asn: asn, weight: weight}
		for p := range strings.FieldsSeq(f[5]) {
			prefix, err := netip.ParsePrefix(p)
			switch {
			case err != nil:
				return nil, fmt.Errorf("read networks, line %d: %w", i+1, err)
			case prefix.Addr().Is4():
				n.v4 = append(n.v4, prefix)
			default:
				n.v6 = append(n.v6, prefix)
			}
		}
		out[n.role] = append(out[n.role], n)
	}
	return out, nil
}

// settle gives the networks of one world their weights, their carrier NAT and
// their distance.
func settle(nets map[role][]*network, rng *rand.Rand) {
	for _, r := range []role{atHome, onPhone, inOffice, inHosting, onVPN, onRelay, abroad, hostedAbroad, vpnAbroad} {
		for _, n := range nets[r] {
			n.weight *= 0.6 + 0.8*rng.Float64()
			n.rtt = farFrom(n, rng)
			if r == onPhone {
				n.regions = make([][]netip.Prefix, 6+rng.IntN(5))
				for i := range n.regions {
					for range 4 + rng.IntN(10) {
						p, _ := n.address4(rng).Prefix(24)
						n.regions[i] = append(n.regions[i], p)
					}
				}
			}
			if r == atHome {
				for range 40 + rng.IntN(120) {
					n.shared = append(n.shared, n.address4(rng))
				}
			}
		}
	}
}

// farFrom is a network's usual round-trip time to a shop in Japan.
func farFrom(n *network, rng *rand.Rand) float64 {
	switch {
	case n.role == onPhone:
		return 35 + 25*rng.Float64()
	case n.role == onVPN:
		return 14 + 20*rng.Float64()
	case n.country == "JP":
		return 7 + 14*rng.Float64()
	}
	switch n.country {
	case "KR", "TW", "HK", "CN":
		return 45 + 40*rng.Float64()
	case "VN", "TH", "PH", "ID", "SG":
		return 80 + 50*rng.Float64()
	}
	return 130 + 120*rng.Float64()
}

// pick draws one of several networks by weight.
func pick(list []*network, rng *rand.Rand) *network {
	var sum float64
	for _, n := range list {
		sum += n.weight
	}
	at := rng.Float64() * sum
	for _, n := range list {
		if at -= n.weight; at <= 0 {
			return n
		}
	}
	return list[len(list)-1]
}

// address4 is any IPv4 address of the network, larger blocks oftener.
func (n *network) address4(rng *rand.Rand) netip.Addr {
	var sum float64
	for _, p := range n.v4 {
		sum += float64(uint64(1) << (32 - p.Bits()))
	}
	at := rng.Float64() * sum
	block := n.v4[0]
	for _, p := range n.v4 {
		block = p
		if at -= float64(uint64(1) << (32 - p.Bits())); at <= 0 {
			break
		}
	}
	return inside4(block, rng)
}

func inside4(p netip.Prefix, rng *rand.Rand) netip.Addr {
	b := p.Masked().Addr().As4()
	host := rng.Uint32() & (1<<(32-p.Bits()) - 1)
	if p.Bits() <= 24 {
		host = host&^0xff | uint32(1+rng.IntN(253)) // neither .0 nor .255
	}
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]) | host
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// address6 is any IPv6 address of the network.
func (n *network) address6(rng *rand.Rand) netip.Addr { return inside(n.v6[rng.IntN(len(n.v6))], rng) }

// inside is any address of a prefix.
func inside(p netip.Prefix, rng *rand.Rand) netip.Addr {
	if p.Addr().Is4() {
		return inside4(p, rng)
	}
	b := p.Masked().Addr().As16()
	var r [16]byte
	for i := range r {
		r[i] = byte(rng.Uint32())
	}
	for bit := p.Bits(); bit < 128; bit++ {
		mask := byte(1) << (7 - bit%8)
		b[bit/8] = b[bit/8]&^mask | r[bit/8]&mask
	}
	return netip.AddrFrom16(b)
}

// sameNet64 is another address of the same /64: privacy extensions change the
// lower half each day.
func sameNet64(a netip.Addr, rng *rand.Rand) netip.Addr {
	b := a.As16()
	for i := 8; i < 16; i++ {
		b[i] = byte(rng.Uint32())
	}
	return netip.AddrFrom16(b)
}

// line is one subscriber's connection.
type line struct {
	net    *network
	v4     netip.Addr // the address it has now; the zero one for phones, which get one each time
	v6     netip.Addr
	region int
	shared bool
	extra  float64 // milliseconds that a proxied intruder adds
}

// newLine connects somebody to one of the networks of a role.
func (w *world) newLine(r role) *line { return w.lineOn(pick(w.nets[r], w.rng)) }

func (w *world) lineOn(n *network) *line {
	l := &line{net: n}
	switch n.role {
	case onPhone:
		l.region = w.rng.IntN(len(n.regions))
	case atHome:
		if len(n.v6) > 0 && w.chance(w.num.HomeIPv6) {
			l.v6 = n.address6(w.rng)
			l.shared = w.chance(w.num.SharedIPv4)
		}
		w.renew(l)
	default:
		l.v4 = n.address4(w.rng)
	}
	return l
}

// renew gives a line another IPv4 address.
func (w *world) renew(l *line) {
	switch {
	case l.shared:
		l.v4 = l.net.shared[w.rng.IntN(len(l.net.shared))]
	case l.net.role != onPhone:
		l.v4 = l.net.address4(w.rng)
	}
}

// address is what the shop sees of the line this time.
func (w *world) address(l *line) netip.Addr {
	if l.net.role == onPhone {
		region := l.net.regions[l.region]
		if w.rng.Float64() < 0.12 {
			region = l.net.regions[w.rng.IntN(len(l.net.regions))]
		}
		return inside(region[w.rng.IntN(len(region))], w.rng)
	}
	if l.v6.IsValid() && w.rng.Float64() < 0.6 {
		return sameNet64(l.v6, w.rng)
	}
	if l.net.role == onRelay {
		return l.net.address4(w.rng) // another exit each time
	}
	return l.v4
}

// rtt is one measured round trip over the line.
func (w *world) rtt(l *line) int {
	jitter := w.far.ExpFloat64() * (2 + l.net.rtt*0.15)
	return max(1, int(l.net.rtt+l.extra+jitter))
}
