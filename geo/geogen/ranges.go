package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sort"
)

// span is one row of a source: addresses first to last, cut to the table's
// unit (one address of IPv4, one /48 of IPv6), and what the row says of them.
type span struct {
	first, last uint64
	value       string
	name        string // of the operator, in the ASN table
}

// unit cuts an address to the number that the table is sorted by.
func unit(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	}
	b := a.As16()
	var n uint64
	for _, x := range b[:6] {
		n = n<<8 | uint64(x)
	}
	return n
}

// readSpans reads a CSV of first address, last address, value and perhaps a
// name. Rows must be sorted and must not overlap; IPv6 rows narrower than a
// /48 share their unit with neighbours, and the first one wins.
func readSpans(path string) ([]span, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	var list []span
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if len(row) < 3 {
			return nil, fmt.Errorf("read %s: row %v has under three fields", path, row)
		}
		first, err1 := netip.ParseAddr(row[0])
		last, err2 := netip.ParseAddr(row[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		s := span{first: unit(first), last: unit(last), value: row[2]}
		if len(row) > 3 {
			s.name = row[3]
		}
		if n := len(list); n > 0 && s.first <= list[n-1].last {
			s.first = list[n-1].last + 1
		}
		if s.first <= s.last {
			list = append(list, s)
		}
	}
}

// piece is a stretch of addresses, up to the next piece, on which every source
// says one thing.
type piece struct {
	first         uint64
	asn, cc, kind string
}

// merge lays the three lists over each other. Neighbours that say the same
// become one piece.
func merge(asn, country, kinds []span, bits int) []piece {
	var cuts []uint64
	for _, list := range [][]span{asn, country, kinds} {
		for _, s := range list {
			cuts = append(cuts, s.first, s.last+1)
		}
	}
	sort.Slice(cuts, func(i, j int) bool { return cuts[i] < cuts[j] })
	a, c, k := cursor{list: asn}, cursor{list: country}, cursor{list: kinds}
	pieces := []piece{}
	for i, at := range cuts {
		if i > 0 && at == cuts[i-1] || at >= 1<<bits {
			continue
		}
		p := piece{first: at, asn: a.at(at), cc: c.at(at), kind: k.at(at)}
		if p.asn == "" && bits == 48 {
			p.cc = "" // the source spreads its countries over IPv6 space that nobody uses
		}
		if n := len(pieces); n > 0 && pieces[n-1].asn == p.asn && pieces[n-1].cc == p.cc && pieces[n-1].kind == p.kind {
			continue
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// cursor walks a sorted list once, upwards.
type cursor struct {
	list []span
	next int
}

func (c *cursor) at(n uint64) string {
	for c.next < len(c.list) && c.list[c.next].last < n {
		c.next++
	}
	if c.next < len(c.list) && c.list[c.next].first <= n {
		return c.list[c.next].value
	}
	return ""
}
