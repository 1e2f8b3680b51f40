package decide

import "testing"

// TestIntrudersUseUpNoQuota: sessions that are in all likelihood intruders'
// move no level; what may well be hers counts whole.
func TestIntrudersUseUpNoQuota(t *testing.T) {
	hers := Scale{}
	for z := -9.0; z < -3; z += 0.5 {
		hers.add(BinOf(z), 100)
	}
	both := Scale{}
	both.join(hers)
	for z := 2.0; z < 8; z++ {
		both.add(BinOf(z), 30)
	}
	const share = 0.01
	want := counted(0, hers.customers(200), 20_000, share)
	if got := counted(0, both.customers(200), 20_000, share); got < want-0.05 || got > want+0.6 {
		t.Errorf("with intruders about the level is %v, want about %v", got, want)
	}
	if got := counted(0, both, 20_000, share); got < want+1 {
		t.Errorf("counted whole the level is %v: the case says nothing", got)
	}
	if all, own := hers.total(), hers.customers(200).total(); own > all || own < all*97/100 {
		t.Errorf("of %d sessions without intruders %d count", all, own)
	}
	if n := len((Scale{BinOf(20): 50}).customers(200)); n != 0 {
		t.Errorf("intruders alone leave %d bins", n)
	}
}
