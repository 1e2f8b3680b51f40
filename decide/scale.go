package decide

import (
	"cmp"
	"math"
	"slices"
)

// Counts are kept by log-odds in bins of a fiftieth: fine enough that one bin
// more or less is a per cent or two of a quota, coarse enough that 28 days of
// any shop fit into some kilobytes.
const (
	binWidth = 0.02
	mostBin  = 1250 // log-odds beyond ±25 are one
)

// Bin is a narrow range of log-odds.
type Bin int16

// BinOf finds the bin of log-odds; NaN counts as the highest, so that a score
// that cannot be is never a quiet allow.
func BinOf(z float64) Bin {
	if math.IsNaN(z) {
		return mostBin
	}
	return Bin(math.Floor(min(max(z/binWidth, -mostBin), mostBin)))
}

// LogOdds is the lower end of a bin.
func (b Bin) LogOdds() float64 { return float64(b) * binWidth }

// LogOdds of a probability; a certain one is ±25.
func LogOdds(p float64) float64 {
	return min(max(math.Log(p/(1-p)), -mostBin*binWidth), mostBin*binWidth)
}

// Probability of log-odds.
func Probability(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// Scale counts by bin.
type Scale map[Bin]int

// add counts n more at z, never below none.
func (s Scale) add(b Bin, n int) {
	if s[b] += n; s[b] <= 0 {
		delete(s, b)
	}
}

func (s Scale) total() (n int) {
	for _, c := range s {
		n += c
	}
	return n
}

// join adds all of o.
func (s Scale) join(o Scale) {
	for b, n := range o {
		s[b] += n
	}
}

// bins are those that hold something, highest first.
func (s Scale) bins() []Bin {
	out := make([]Bin, 0, len(s))
	for b := range s {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Bin) int { return cmp.Compare(b, a) })
	return out
}

// customers are what of a count are the customers': each bin, highest first,
// counts as far as its own log-odds leave room for that, until so many are left
// out. While intruders are rare nothing changes; a wave of them, not found out
// yet, or one who makes such sessions on purpose, must not use up what was meant
// for customers and so make room for the next. Levels have no say in it, so that
// they cannot sink under what they hold.
func (s Scale) customers(most float64) Scale {
	out, kept := Scale{}, 0.0
	for _, b := range s.bins() {
		theirs := min(float64(s[b])*Probability(b.LogOdds()+binWidth/2), most)
		most -= theirs
		kept += float64(s[b]) - theirs
		if whole := math.Floor(kept + 1e-9); whole >= 1 {
			out[b], kept = int(whole), kept-whole
		}
	}
	return out
}

// above is the lowest log-odds from which on at most so many are counted: the
// empirical quantile. A bin that does not fit whole is left out whole, since
// what it holds may all have the same score.
func (s Scale) above(allowed float64) float64 {
	so, level := 0.0, float64(mostBin+1)*binWidth
	for _, b := range s.bins() {
		if so += float64(s[b]); so > allowed {
			return (b + 1).LogOdds()
		}
		level = b.LogOdds()
	}
	return level
}

// Share of what is counted that lies at or above z.
func (s Scale) Share(z float64) float64 {
	all, over := 0, 0
	for b, n := range s {
		if all += n; b.LogOdds() >= z {
			over += n
		}
	}
	return float64(over) / float64(max(all, 1))
}
