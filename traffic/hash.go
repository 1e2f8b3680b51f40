package traffic

// hash is FNV-1a with a final mix: fast, and the same in every process that
// has the same seed, so that a replay is repeatable and sketches of several
// nodes can be merged. Against somebody who picks his user agents so that
// counters collide, an installation has a seed of its own.
type hash uint64

func (h hash) string(s string) hash {
	for i := 0; i < len(s); i++ {
		h = (h ^ hash(s[i])) * 1099511628211
	}
	return (h ^ 0xff) * 1099511628211
}

func (h hash) number(n uint64) hash {
	for range 8 {
		h = (h ^ hash(n&0xff)) * 1099511628211
		n >>= 8
	}
	return h
}

// key ends the hash (splitmix64's finalizer).
func (h hash) key() uint64 {
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
