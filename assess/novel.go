package assess

import (
	"math"

	"mimamori/traffic"
)

// What is new to an account about a line's operator. How common a sort of
// line is among customers says little about who comes on it for the first
// time: a few customers sign in through a rented machine every day, the others
// never. So first times are counted by themselves.
const (
	noneNew     = iota // an operator of hers
	operatorNew        // another one at home
	hiddenNew          // a rented machine, a VPN, Tor; she never used any
	countryNew         // a home or a phone abroad, or nobody knows where
	novelties   = 4
	uncounted   = -1
)

// startNovel is how often that happens to accounts of one or two sign-ins, of
// up to seven, and of more, before anything was counted.
var startNovel = [ages * novelties]float64{
	0.74, 0.24, 0.008, 0.012,
	0.86, 0.125, 0.006, 0.009,
	0.93, 0.06, 0.004, 0.006,
}

const ages = 3

// startRare is how the operators at home that are new to somebody are used at
// the shop: by many customers, or hardly by any.
var startRare = []float64{0.95, 0.05}

// intruderRare is the same of intruders: who hides behind a line that no table
// knows for a relay comes from an operator that has few customers here.
var intruderRare = [2]float64{0.7, 0.3}

// startPlace is where accounts without a past are signed in to from: a home or
// a phone at home, a rented machine, abroad, nobody knows where.
var startPlace = []float64{0.955, 0.012, 0.025, 0.008}

func placeOf(class traffic.Class) int {
	switch class {
	case traffic.Hidden:
		return 1
	case traffic.Abroad:
		return 2
	case traffic.Nowhere:
		return 3
	}
	return 0
}

// firstPlace is how likely a customer without a past comes from such a place.
// Who signs in once a year is travelling oftener than the shop's regulars, of
// whom most sign-ins are.
func firstPlace(f *Facts, class traffic.Class) float64 {
	return table{habitPlace, startPlace, 100}.share(&f.Traffic.Habits, placeOf(class))
}

// noveltyOf says what is new; uncounted for an account without a past, for a
// privacy relay, and for somebody who always comes from such places.
func noveltyOf(u used, class traffic.Class) int {
	switch {
	case u.all == 0 || class == traffic.Relayed:
		return uncounted
	case u.operator > 0:
		return noneNew
	case class == traffic.Domestic:
		return operatorNew
	case u.class > 0:
		return uncounted
	case class == traffic.Hidden:
		return hiddenNew
	}
	return countryNew
}

func age(u used) int {
	switch {
	case u.all < 3:
		return 0
	case u.all < 8:
		return 1
	}
	return 2
}

// rareHere says that hardly any customer uses the operator.
func rareHere(f *Facts) int {
	if f.Traffic.Operator.Good < 2+0.001*f.Traffic.All.Good {
		return 1
	}
	return 0
}

// novel weighs what is new: how likely an intruder comes like this against how
// seldom customers do for the first time.
func novel(f *Facts, u used, kind int, class traffic.Class) float64 {
	v := &f.Traffic
	first := table{habitNovel + age(u)*novelties, startNovel[age(u)*novelties : (age(u)+1)*novelties], 150}.share(&v.Habits, kind)
	step := line{0, 0, v.Class, v.All, startClass[class], 300}
	w := math.Log(step.attack(mix[class]) / first)
	step = line{0, 0, v.Operator, v.Country, 1.0 / 400, 20}
	lift := 0.6 + 0.4*step.attack(step.share())/step.share()
	switch kind {
	case operatorNew:
		rare := rareHere(f)
		w += math.Log(intruderRare[rare] / table{habitRare, startRare, 100}.share(&v.Habits, rare))
	case hiddenNew:
		if f.Place.Country != v.Home {
			w += 0.5 // customers rent at home
		}
	case countryNew:
		const start = 1.0 / 30
		step = line{0, 0, v.Country, v.Class, start, 20}
		w += math.Log(step.attack(start) / step.share())
	}
	return w + math.Log(lift)
}

// novelHabits are what a sign-in teaches of first times.
func novelHabits(f *Facts) []uint8 {
	class := traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home)
	u := usage(f, class)
	kind := noveltyOf(u, class)
	if u.all == 0 && class != traffic.Relayed {
		return []uint8{uint8(habitPlace + placeOf(class))}
	}
	if kind == uncounted {
		return nil
	}
	out := append(make([]uint8, 0, 3), uint8(habitNovel+age(u)*novelties+kind))
	if crowd := crowdOf(u, class); crowd != uncounted {
		n, _ := f.Profile.Network(f.Network)
		out = append(out, uint8(habitCrowd+crowd*fills+fillOf(f, n)))
	}
	if kind == operatorNew {
		out = append(out, uint8(habitRare+rareHere(f)))
	}
	return out
}
