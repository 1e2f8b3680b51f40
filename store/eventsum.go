package store

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// eventSum is the check sum that stands beside an event (CRC-32C over its
// columns): a database has none of its own, and what the disk has changed must
// be found. It proves nothing against whoever can write there.
func eventSum(kind, subject, source, id string, at int64, data []byte) [4]byte {
	b := make([]byte, 0, len(kind)+len(subject)+len(source)+len(id)+4+8)
	for _, s := range []string{kind, subject, source, id} {
		b = append(append(b, s...), 0)
	}
	sum := crc32.Update(crc32.Checksum(binary.BigEndian.AppendUint64(b, uint64(at)), castagnoli), castagnoli, data)
	return [4]byte(binary.BigEndian.AppendUint32(nil, sum))
}
