package geo

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"mimamori"
)

// listFile is one text file of networks.
type listFile struct {
	path     string
	kind     Kind
	stamp    stamp
	networks []netip.Prefix
}

// readList reads addresses and networks, one a line.
func readList(path string, kind Kind, s stamp) (*listFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list of networks: %w", err)
	}
	defer f.Close()
	list := &listFile{path: path, kind: kind, stamp: s}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("list of networks %s: line %d is neither an address nor a network: %w", path, n, mimamori.ErrInvalid)
		}
		list.networks = append(list.networks, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("list of networks %s: %w", path, err)
	}
	return list, nil
}

// parseNetwork reads "192.0.2.1", "192.0.2.0/24" and their IPv6 likes.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = Unwrap(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return p.Masked(), nil
}

// kindLists finds the narrowest listed network around an address: one map
// access for each prefix length that occurs at all, longest first.
type kindLists struct {
	bits4, bits6 []int
	kinds        map[netip.Prefix]Kind
}

func mergeLists(lists []*listFile) kindLists {
	k := kindLists{kinds: map[netip.Prefix]Kind{}}
	var seen4, seen6 [129]bool
	for _, l := range lists {
		for _, p := range l.networks {
			k.kinds[p] = l.kind
			if p.Addr().Is4() {
				seen4[p.Bits()] = true
			} else {
				seen6[p.Bits()] = true
			}
		}
	}
	for bits := 128; bits >= 0; bits-- {
		if seen4[bits] {
			k.bits4 = append(k.bits4, bits)
		}
		if seen6[bits] {
			k.bits6 = append(k.bits6, bits)
		}
	}
	return k
}

func (k *kindLists) find(addr netip.Addr) (Kind, netip.Prefix, bool) {
	lengths := k.bits6
	if addr.Is4() {
		lengths = k.bits4
	}
	for _, bits := range lengths {
		p, _ := addr.Prefix(bits)
		if kind, ok := k.kinds[p]; ok {
			return kind, p, true
		}
	}
	return Unknown, netip.Prefix{}, false
}
