package assess

import (
	"math"

	"mimamori/profile"
	"mimamori/traffic"
)

// An order's amount is compared with what this customer usually spends, and
// while she has ordered little, with what this shop's customers do. How far
// genuine orders stray from that is counted, so that a shop of gifts and one of
// furniture each have their own measure.
const (
	amounts = 10 // steps of a factor of e, from e^4 minor units
	times   = 8  // steps of an order against the usual ones
	// shopOrders is how many orders of her own the shop's usual one weighs.
	shopOrders = 2
)

// timesFrom are the natural logarithms from which each step of times but the
// first begins.
var timesFrom = [times - 1]float64{0, 0.7, 1.2, 1.7, 2.3, 3, 4}

// startTimes is how genuine orders stray, with few orders before and with
// several; attackTimes how intruders' do, who buy what can be sold again.
var startTimes = [2][]float64{
	{0.50, 0.24, 0.11, 0.07, 0.045, 0.022, 0.010, 0.003},
	{0.50, 0.28, 0.11, 0.06, 0.03, 0.013, 0.005, 0.002},
}
var attackTimes = [times]float64{0.20, 0.16, 0.13, 0.13, 0.13, 0.12, 0.09, 0.04}

// startAmount is what orders come to before any was counted, in yen.
var startAmount = []float64{0.01, 0.02, 0.10, 0.25, 0.30, 0.20, 0.08, 0.02, 0.01, 0.01}

// amountStep is the step of an amount.
func amountStep(amount int64) int {
	return max(0, min(amounts-1, int(math.Log(float64(max(amount, 1)))-4)))
}

// usualAmount is the natural logarithm of what the shop's orders come to.
func usualAmount(h *traffic.Habits) (sum float64) {
	t := table{habitAmount, startAmount, 50}
	for i := range amounts {
		sum += t.share(h, i) * (float64(i) + 4.5)
	}
	return sum
}

// strays says at which step an order stands, and whether there were several
// before it.
func strays(h *traffic.Habits, p *profile.Profile, amount int64) (step, several int) {
	mean, n := usualAmount(h), 0.0
	if usual := max(p.Typical, p.MaxOrder/3); p.Orders > 0 && usual > 0 {
		n = float64(min(p.Orders, 20))
		if p.Typical > 0 {
			usual = p.Typical
		}
		mean = (n*math.Log(float64(usual)) + shopOrders*mean) / (n + shopOrders)
	}
	x := math.Log(float64(max(amount, 1))) - mean
	for step < len(timesFrom) && x >= timesFrom[step] {
		step++
	}
	if n >= 3 {
		several = 1
	}
	return step, several
}

// largeOrder: the order comes to more than customers spend who order like her.
func largeOrder(f *Facts, s *profile.Session) (Signal, bool) {
	o, ok := order(f)
	if !ok || o.Total == nil {
		return Signal{}, false
	}
	h := &f.Traffic.Habits
	step, several := strays(h, f.Profile, o.Total.Amount)
	if step < 2 {
		return Signal{}, false
	}
	// As much or more: a step beyond which hardly anybody goes says more than
	// the one before it, whatever chance has put into it.
	var genuine, attack float64
	for i := step; i < times; i++ {
		genuine += table{habitTimes + several*times, startTimes[several], 60}.share(h, i)
		attack += attackTimes[i]
	}
	w := ratio(attack, genuine, 0, actNames[actLarge].most)
	return named("order_unusually_large", w), w >= 0.1
}

// amountHabits are what an order teaches.
func amountHabits(f *Facts) []uint8 {
	o, ok := order(f)
	if !ok || o.Total == nil {
		return nil
	}
	step, several := strays(&f.Traffic.Habits, f.Profile, o.Total.Amount)
	return []uint8{uint8(habitAmount + amountStep(o.Total.Amount)), uint8(habitTimes + several*times + step)}
}
