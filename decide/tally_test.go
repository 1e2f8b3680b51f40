package decide

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// shop is a stream of genuine sign-ins with a long tail of odd ones.
type shop struct {
	random *rand.Rand
	p      Policy
	tally  *Tally
}

func newShop(seed uint64) *shop {
	p := DefaultPolicy()
	return &shop{random: rand.New(rand.NewPCG(seed, 1)), p: p, tally: NewTally(p)}
}

func (s *shop) score() float64 {
	z := -7 + 1.5*s.random.NormFloat64()
	if s.random.IntN(20) == 0 {
		z += 3 * s.random.ExpFloat64()
	}
	return z
}

// day lets so many sign in; add is what else happens that day. It says how
// many of the genuine were met by each decision or a sterner one.
func (s *shop) day(day, n int, add func(at time.Time)) map[Decision]int {
	met := map[Decision]int{}
	for i := range n {
		at := monday.Add(time.Duration(day)*24*time.Hour + time.Duration(i)*24*time.Hour/time.Duration(n))
		z := s.score()
		d := s.tally.Levels(s.p, at).Login.Of(z)
		for _, x := range []Decision{Notify, Challenge, Hold, Contain} {
			if d.AtLeast(x) {
				met[x]++
			}
		}
		s.tally.Note(Note{At: at, Login: true, Score: BinOf(z), Genuine: true, Decision: d})
		if add != nil && i == 0 {
			add(at)
		}
	}
	return met
}

// TestQuotaCarriesOver: levels counted on the days before meet about as many
// on the days after as was asked for.
func TestQuotaCarriesOver(t *testing.T) {
	for seed := range uint64(5) {
		s := newShop(seed)
		met, n := map[Decision]int{}, 0
		for day := range 70 {
			was := s.day(day, 1300, nil)
			if day >= 30 {
				n += 1300
				for d, c := range was {
					met[d] += c
				}
			}
		}
		for d, want := range map[Decision][2]float64{Notify: {0.025, 0.035}, Challenge: {0.007, 0.014}, Hold: {0.001, 0.003}, Contain: {0, 4.0 / 52_000}} {
			if got := float64(met[d]) / float64(n); got < want[0] || got > want[1] {
				t.Errorf("seed %d: %s met %.4f of genuine sign-ins, want %.4f to %.4f", seed, d, got, want[0], want[1])
			}
		}
	}
}

// TestSmallShopsBeginFixed: before there is enough to count, the policy's own
// probabilities decide, and counting takes over bit by bit.
func TestSmallShopsBeginFixed(t *testing.T) {
	s := newShop(1)
	fixed := s.p.Fixed()
	s.day(0, 50, nil)
	if got := s.tally.Levels(s.p, monday.Add(25*time.Hour)); got.Login.Challenge != fixed.Login.Challenge || got.Login.Hold != fixed.Login.Hold || got.Act.Hold != fixed.Act.Hold {
		t.Errorf("after 50 sign-ins: %+v, want the fixed %+v", got, fixed)
	}
	s.day(1, 550, nil)
	some := s.tally.Levels(s.p, monday.Add(49*time.Hour)).Login.Challenge
	s.day(2, 20_000, nil)
	full := s.tally.Levels(s.p, monday.Add(73*time.Hour)).Login.Challenge
	if !(full < some && some < fixed.Login.Challenge) {
		t.Errorf("challenge: fixed %.2f, after 600 %.2f, after 20,600 %.2f: want a step on the way", fixed.Login.Challenge, some, full)
	}
	off := s.p
	off.Quotas.Off = true
	if got := s.tally.Levels(off, monday.Add(73*time.Hour)); got != fixed {
		t.Errorf("with quotas off: %+v, want the fixed", got)
	}
}

// TestAttackMovesLevelsWithinBounds: somebody signs in ten thousand times
// a day to his own accounts, from the oddest places, so that a victim's odd
// sign-in looks ordinary. A day moves no level by more than the stated bound,
// and no number of days beyond the outer one.
func TestAttackMovesLevelsWithinBounds(t *testing.T) {
	s := newShop(2)
	for day := range 40 {
		s.day(day, 1300, nil)
	}
	fixed := s.p.Fixed().Login
	was := s.tally.Levels(s.p, monday.Add(40*24*time.Hour)).Login
	begin := was
	for day := 40; day < 140; day++ {
		s.day(day, 1300, func(at time.Time) {
			for range 4000 {
				s.tally.Note(Note{At: at, Login: true, Score: BinOf(24), Genuine: true, Decision: Allow})
			}
		})
		now := s.tally.Levels(s.p, monday.Add(time.Duration(day+1)*24*time.Hour)).Login
		for i, pair := range [][2]float64{{was.Notify, now.Notify}, {was.Challenge, now.Challenge}, {was.Hold, now.Hold}, {was.Contain, now.Contain}} {
			if math.Abs(pair[1]-pair[0]) > mostADay+1e-9 {
				t.Fatalf("day %d: level %d moved from %.2f to %.2f", day, i, pair[0], pair[1])
			}
		}
		was = now
	}
	if was.Challenge <= begin.Challenge {
		t.Error("the attack moved nothing: the test proves nothing")
	}
	if was.Challenge > fixed.Challenge+mostUp || was.Hold > fixed.Hold+mostUp || was.Contain > mostCertain {
		t.Errorf("after 100 days: %+v, beyond the outer bounds of %+v", was, fixed)
	}
	// And down: a flood of the tamest sign-ins.
	for day := 140; day < 240; day++ {
		s.day(day, 100, func(at time.Time) {
			for range 10_000 {
				s.tally.Note(Note{At: at, Login: true, Score: BinOf(-24), Genuine: true, Decision: Allow})
			}
		})
	}
	if now := s.tally.Levels(s.p, monday.Add(241*24*time.Hour)).Login; now.Challenge < fixed.Challenge-mostDown || now.Contain < fixed.Contain {
		t.Errorf("after a flood of tame ones: %+v, below the outer bounds of %+v", now, fixed)
	}
}

// TestWhatIsTakenBackCountsForNothing: a session that turns out to be an
// intruder's leaves the levels as if it had never been.
func TestWhatIsTakenBackCountsForNothing(t *testing.T) {
	clean, other := newShop(3), newShop(3)
	for day := range 35 {
		clean.day(day, 800, nil)
		other.day(day, 800, func(at time.Time) {
			for i := range 30 {
				score, peak := BinOf(3+float64(i)/10), BinOf(7)
				other.tally.Note(Note{At: at, Login: true, Score: score, Genuine: true})
				other.tally.Note(Note{At: at, Score: peak, First: true, Genuine: true})
				other.tally.Retract(at, &score, &peak)
			}
			other.tally.Note(Note{At: at, Login: true, Score: BinOf(9)}) // presumed an intruder's at once
		})
	}
	at := monday.Add(36 * 24 * time.Hour)
	if a, b := clean.tally.Levels(clean.p, at), other.tally.Levels(other.p, at); a != b {
		t.Errorf("levels %+v, without what was taken back %+v", b, a)
	}
}

// TestActsStayWithinTheirShare: what sessions do holds no more of them than
// the quota leaves beside those held at sign-in; where an engine's scores of
// customers say that they are intruders, half as many again at most.
func TestActsStayWithinTheirShare(t *testing.T) {
	for name, c := range map[string]struct{ lower, most float64 }{"true scores": {6, 1.1}, "scores far too high": {0, 1.5}} {
		t.Run(name, func(t *testing.T) { heldShare(t, c.lower, c.most) })
	}
}

func heldShare(t *testing.T, lower, most float64) {
	s := newShop(4)
	held, n := 0, 0
	for day := range 60 {
		for i := range 1000 {
			at := monday.Add(time.Duration(day)*24*time.Hour + time.Duration(i)*time.Minute)
			z := s.score() - lower
			levels := s.tally.Levels(s.p, at)
			d := levels.Login.Of(z)
			s.tally.Note(Note{At: at, Login: true, Score: BinOf(z), Genuine: true, Decision: d})
			is := d.AtLeast(Hold)
			atSignIn := is
			var was Bin
			for act := range 3 {
				z += max(0, s.random.NormFloat64()-0.5)
				d := levels.Act.Of(z)
				n := Note{At: at, Score: BinOf(z), Was: was, First: act == 0, Genuine: true, Held: atSignIn, Decision: d, HeldNow: d.AtLeast(Hold) && !is}
				s.tally.Note(n)
				was, is = max(was, n.Score), is || d.AtLeast(Hold)
				if act == 0 {
					was = n.Score
				}
			}
			if day >= 30 {
				n++
				if is {
					held++
				}
			}
		}
	}
	if got := float64(held) / float64(n); got < 0.6*s.p.Quotas.HoldSession || got > most*s.p.Quotas.HoldSession {
		t.Errorf("%.4f of genuine sessions were held, want about %.4f", got, s.p.Quotas.HoldSession)
	}
}

func TestTallyIsKept(t *testing.T) {
	s := newShop(5)
	for day := range 30 {
		s.day(day, 700, nil)
	}
	at := monday.Add(30*24*time.Hour - time.Minute)
	doc, err := s.tally.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again := NewTally(s.p)
	if err := again.Decode(doc); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.tally.Days(monday), again.Days(monday)); d != "" {
		t.Errorf("days (-kept +read):\n%s", d)
	}
	for range 3 {
		at = at.Add(24 * time.Hour)
		if a, b := s.tally.Levels(s.p, at), again.Levels(s.p, at); a != b {
			t.Errorf("levels %+v, kept and read again %+v", a, b)
		}
	}
	if len(doc) > 200_000 {
		t.Errorf("a month takes %d bytes", len(doc))
	}
	if err := again.Decode([]byte(`{"days": [`)); err == nil || len(again.Days(monday)) == 0 {
		t.Errorf("a broken one: %v; what was there must stay", err)
	}
	if err := again.Decode([]byte(`{"days": {"3": null, "4": {}}}`)); err != nil {
		t.Error(err)
	}
	again.Note(Note{At: time.Unix(4*86400, 0), Login: true, Genuine: true})
}

func TestAbsurdScoresAndTimes(t *testing.T) {
	s := newShop(6)
	for _, z := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 0} {
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)} {
			s.tally.Note(Note{At: at, Login: true, Score: BinOf(z), Genuine: true})
		}
	}
	if BinOf(math.NaN()) != BinOf(25) {
		t.Error("a score that is no number must not pass quietly")
	}
	if got := (Rungs{}).Of(math.Inf(1)); got != Contain {
		t.Errorf("an infinite score: %s", got)
	}
	if l := s.tally.Levels(s.p, monday); math.IsNaN(l.Login.Challenge) {
		t.Errorf("%+v", l)
	}
	if got := Probability(LogOdds(1)); got <= 0.999 || math.IsNaN(got) {
		t.Errorf("a certain one: %v", got)
	}
}

func TestQuotasAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Quotas){
		"none":               func(q *Quotas) { q.Challenge = 0 },
		"out of order":       func(q *Quotas) { q.Hold = 0.5 },
		"not a number":       func(q *Quotas) { q.Notify = math.NaN() },
		"sessions below":     func(q *Quotas) { q.HoldSession = q.Hold / 2 },
		"lightly locked out": func(q *Quotas) { q.Contain = 0.0015; q.Hold = 0.0015 },
	} {
		p := DefaultPolicy()
		change(&p.Quotas)
		if err := p.Check(); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
		p.Quotas.Off = true
		if err := p.Check(); err != nil {
			t.Errorf("%s, but off: %v", name, err)
		}
	}
}

// TestRuleRaisesAndNeverLocksOut: an operator's rule makes a decision sterner,
// within every limit, and never goes past hold.
func TestRuleRaisesAndNeverLocksOut(t *testing.T) {
	for _, c := range []struct {
		p     float64
		least Decision
		right bool
		want  Decision
	}{{0.0001, "", true, Allow}, {0.0001, Challenge, true, Challenge}, {0.0001, Hold, true, Hold}, {0.0001, Contain, true, Hold}, {0.0001, Hold, false, Challenge}, {0.79, Notify, true, Hold}} {
		a := evidence(c.p, "device", "network")
		if got := Decide(DefaultPolicy(), a, Case{RightPassword: c.right, BudgetLeft: 1, AtLeast: c.least}); got.Decision != c.want {
			t.Errorf("p %v, rule %q: %s, want %s", c.p, c.least, got.Decision, c.want)
		}
	}
}
