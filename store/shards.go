package store

import (
	"encoding/binary"
	"math/bits"

	"mimamori"
)

// uuidHash is PostgreSQL's own hash of a uuid key (uuid_hash, Bob Jenkins'
// lookup3 over its 16 bytes), by which Citus places a row: a node that knows it
// finds an account's worker without asking.
func uuidHash(id mimamori.AccountID) int32 {
	const start = 0x9e3779b9 + 16 + 3923095
	a, b, c := uint32(start), uint32(start), uint32(start)
	a += binary.LittleEndian.Uint32(id[0:])
	b += binary.LittleEndian.Uint32(id[4:])
	c += binary.LittleEndian.Uint32(id[8:])
	a, b, c = stir(a, b, c, 4)
	b, c, a = stir(b, c, a, 6)
	c, a, b = stir(c, a, b, 8)
	a, b, c = stir(a, b, c, 16)
	b, c, a = stir(b, c, a, 19)
	c, a, b = stir(c, a, b, 4)
	a += binary.LittleEndian.Uint32(id[12:])
	c ^= b
	c -= bits.RotateLeft32(b, 14)
	a ^= c
	a -= bits.RotateLeft32(c, 11)
	b ^= a
	b -= bits.RotateLeft32(a, 25)
	c ^= b
	c -= bits.RotateLeft32(b, 16)
	a ^= c
	a -= bits.RotateLeft32(c, 4)
	b ^= a
	b -= bits.RotateLeft32(a, 14)
	c ^= b
	c -= bits.RotateLeft32(b, 24)
	return int32(c)
}

// stir is one line of lookup3's mix: x -= z; x ^= rot(z, k); z += y.
func stir(x, y, z uint32, k int) (uint32, uint32, uint32) {
	x -= z
	x ^= bits.RotateLeft32(z, k)
	z += y
	return x, y, z
}
