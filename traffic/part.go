package traffic

import "mimamori/event"

// takesPart says whether an attempt that has a campaign's browser, operator or
// sort of line takes part in it. The programs that try names nobody has do not:
// they were there before and will be after. Where many customers have the same in
// common, the attempt's own browser has to be tried more than usual just now.
func (t *Traffic) takesPart(family int, l *Login, k *keys, unix int64) bool {
	if l.Outcome == event.UnknownAccount && !t.scattered(k, unix) {
		return false
	}
	if families[family] == "client" || families[family] == "pair" {
		return true
	}
	return t.stirred(k.client, k.pair, unix)
}

// stirred says that one of an attempt's narrow keys is tried more than usual just
// now.
func (t *Traffic) stirred(client, pair uint64, unix int64) bool {
	part := float64(unix%3600)/3600 + 1e-3
	for _, key := range [...]uint64{client, pair} {
		if tr := t.watch.tracks[key]; key != 0 && tr != nil && tr.Hour >= unix/3600-72 && tr.value(part) >= 1.2 {
			return true
		}
	}
	return false
}

// fits says that a client is being tried more than customers sign in from it,
// so that what it has in common with a campaign means something. The same
// password, or the same network, is enough by itself.
func (h Hand) fits(family int) bool {
	switch {
	case family < 2:
		return true
	case family < wide:
		return h.Tries > 2*h.Peers+2
	}
	return h.Tries > 4*h.Peers+4
}
