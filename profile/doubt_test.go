package profile

import "testing"

// TestG16_DoubtEndsByComingAgain: what came in shortly before a password was
// changed has to come again, and be quiet for a week after that: an intruder
// who waits is not let in for having waited.
func TestG16_DoubtEndsByComingAgain(t *testing.T) {
	var p Profile
	p.LearnLogin(begin.AddDate(0, 0, -100), Seen{Device: "hers", Network: "n1"})
	p.LearnLogin(begin.AddDate(0, 0, -20), Seen{Device: "his", Network: "n2", Session: "s"})
	usual := func(days int) [2]bool {
		d, _ := p.Device("his")
		n, _ := p.Network("n2")
		at := begin.AddDate(0, 0, days)
		return [2]bool{d.Usual(at), n.Usual(at)}
	}
	if got := usual(0); got != [2]bool{true, true} {
		t.Fatalf("before the doubt: %v, want both usual", got)
	}
	p.Doubt("x", begin)
	if got := usual(30); got != [2]bool{false, false} {
		t.Errorf("30 quiet days after the doubt: %v, want neither usual", got)
	}
	p.LearnLogin(begin.AddDate(0, 0, 30), Seen{Device: "his", Network: "n2"})
	if got := usual(36); got != [2]bool{false, false} {
		t.Errorf("6 days after coming again: %v, want neither usual", got)
	}
	if got := usual(38); got != [2]bool{true, true} {
		t.Errorf("8 days after coming again: %v, want both usual", got)
	}
	if d, _ := p.Device("hers"); !d.Usual(begin) {
		t.Error("her old device was doubted too")
	}
}
