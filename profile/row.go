package profile

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A row is filled up with zeros to a multiple of step. A database overwrites
// one of the same size where it stands; one that grows by a session each time
// splits the full page on which it stood, and with many accounts each page is
// met for the first time: at 400,000 accounts 36 kB were written a decision
// with steps of 128, 22 kB with 512. A quiet account takes under 0.8 kB all in all.
const step = 512

// sumSize is what the check sum takes.
const sumSize = 4

// row is what was written, filled up and with its check sum.
func (k *packer) row() []byte {
	n := len(k.full) + k.i + sumSize
	out := make([]byte, (n+step-1)/step*step)
	copy(out[copy(out, k.full):], k.room[:k.i])
	sum := out[:len(out)-sumSize]
	binary.LittleEndian.PutUint32(out[len(sum):], crc32.Checksum(sum, castagnoli))
	return out
}

// pack writes the row's fields. The names of some are two letters in JSON, and
// the hours are always there. The lists are written out one by one: a function
// for all of them, given the method of one, puts the packer on the heap (four
// times the garbage and twice the time, BenchmarkRow).
func (p *Profile) pack(k *packer) {
	k.at = base
	k.byte(version)
	k.json = len("{}") - 1 + len(`"h":[],`) + len(p.Hours) - 1
	// How many there are of each, so that a reader makes room once.
	if n := uint64(len(p.Devices)&255) | uint64(len(p.Networks)&255)<<8 | uint64(len(p.Sessions)&255)<<16; n > 0 {
		k.key(1, wireUint)
		k.uvarint(n)
	}
	k.text(2, string(p.Locale))
	k.text(3, p.Zone)
	k.time(4, p.FirstSeen)
	k.two(!p.Made.IsZero()).time(5, p.Made)
	k.two(!p.LastLogin.IsZero()).time(6, p.LastLogin)
	k.int(7, int64(p.Logins))
	k.list(len(p.Devices))
	for i := range p.Devices {
		k.open(8)
		p.Devices[i].pack(k)
		k.close()
	}
	k.list(len(p.Networks))
	for i := range p.Networks {
		k.open(9)
		p.Networks[i].pack(k)
		k.close()
	}
	k.list(len(p.Countries))
	for i := range p.Countries {
		k.open(10)
		p.Countries[i].pack(k)
		k.close()
	}
	for hour, n := range p.Hours {
		if n > 0 {
			k.key(11, wireUint)
			k.uvarint(uint64(n)*24 + uint64(hour))
		}
		k.json += digits(int64(n))
	}
	k.two(len(p.Langs) > 0).texts(12, p.Langs)
	k.int(13, int64(p.Orders))
	k.two(p.MaxOrder != 0).int(14, p.MaxOrder)
	k.two(p.Balance != 0).int(15, p.Balance)
	k.two(!p.FailedAt.IsZero()).time(16, p.FailedAt)
	k.two(p.Failed != 0).int(17, int64(p.Failed))
	k.list(len(p.Sessions))
	for i := range p.Sessions {
		k.open(18)
		p.Sessions[i].pack(k)
		k.close()
	}
	k.list(len(p.Foes))
	for i := range p.Foes {
		k.open(19)
		p.Foes[i].pack(k)
		k.close()
	}
	k.weights(20, p.Faded)
	k.two(!p.FadedAt.IsZero()).time(21, p.FadedAt)
	k.two(p.Typical != 0).int(22, p.Typical)
}

// two is for a field whose name is two letters.
func (k *packer) two(there bool) *packer {
	if there {
		k.json++
	}
	return k
}

func (d *Device) pack(k *packer) {
	k.textThere(1, d.Key)
	k.textThere(2, d.Agent)
	k.timeThere(3, d.First)
	k.timeThere(4, d.Last)
	k.intThere(5, int64(d.Count))
	k.yes(6, d.Proof)
	k.text(7, d.Via)
	k.int(8, int64(d.Major))
	k.yes(9, d.Given)
	k.text(10, d.Print)
}

func (w *Network) pack(k *packer) {
	k.textThere(1, w.Key)
	k.uint(2, uint64(w.ASN))
	k.text(3, w.Country)
	k.two(w.Kind != "").text(4, string(w.Kind))
	k.timeThere(5, w.First)
	k.timeThere(6, w.Last)
	k.intThere(7, int64(w.Count))
	k.yes(8, w.Proof)
	k.text(9, w.Via)
	if w.Delay != 0 {
		k.json += entry
		k.number(10, float64(w.Delay), 32)
	}
}

func (c *Country) pack(k *packer) {
	k.textThere(1, c.Code)
	k.timeThere(2, c.First)
	k.timeThere(3, c.Last)
	k.text(4, c.Via)
}

func (s *Session) pack(k *packer) {
	if s.ID == "" {
		k.json += entry + len(`""`)
	}
	k.once(1, s.ID)
	k.timeThere(2, s.Began)
	k.timeThere(3, s.Last)
	k.text(4, s.Device)
	k.text(5, s.Network)
	k.uint(6, uint64(s.ASN))
	k.text(7, s.Country)
	k.yes(8, s.Known)
	k.weights(9, s.Terms)
	k.yes(10, s.Ended)
	k.text(11, s.Verdict)
	k.marks(12, s.Marks)
	k.counted(13, s.Counted)
	k.text(15, s.Met)
	k.text(16, s.Agent)
	k.int(17, int64(s.Major))
	k.texts(18, s.Values)
	k.once(19, s.Event)
	k.yes(20, s.Tied)
}

// counted are two fields, and one in JSON.
func (k *packer) counted(field int, places [2]int16) {
	if places == ([2]int16{}) {
		return
	}
	k.json += entry + len("[,]")
	for i, n := range places {
		if k.json += digits(int64(n)); n != 0 {
			k.key(field+i, wireInt)
			k.varint(int64(n))
		}
	}
}

func (f *Foe) pack(k *packer) {
	k.timeThere(1, f.At)
	k.text(2, f.Device)
	k.text(3, f.Network)
	k.uint(4, uint64(f.ASN))
	k.text(5, f.Agent)
}
