package assess

import (
	"math"
	"slices"
	"strings"
)

// language is the first language that the browser asks for.
func language(f *Facts) (Signal, bool) {
	lang := Language(login(f).AcceptLanguage)
	switch {
	case lang == "":
		return Signal{}, false
	case len(f.Profile.Langs) == 0:
		return languageOfShop(f, lang)
	}
	h, v := &f.Traffic.Habits, &f.Traffic
	t := table{habitLang, []float64{0.985, 0.015}, 150}
	attack := asking(f, lang)
	if slices.Contains(f.Profile.Langs, lang) {
		w := ratio(attack, t.share(h, 0), -0.6, 0)
		if w > -0.1 {
			return Signal{}, false
		}
		return named("language_known", w), true
	}
	share := (v.Lang.Good + 1) / (v.All.Good + 20)
	w := ratio(attack, t.share(h, 1)*max(share, 0.05), 0, 2.5)
	if w < 0.1 {
		return Signal{}, false
	}
	return named("language_new", w), true
}

// asking is the share of intruders whose browser asks for a language.
func asking(f *Facts, lang string) float64 {
	v, start := &f.Traffic, 0.05
	switch lang {
	case "ja":
		start = 0.55
	case "en":
		start = 0.3
	}
	fails := (v.Lang.Bad + 50*start) / (v.All.Bad + 50)
	return max(0.6*start, 0.5*fails+0.5*start)
}

// languageOfShop is for an account that has no language yet: what customers'
// browsers ask for.
func languageOfShop(f *Facts, lang string) (Signal, bool) {
	v := &f.Traffic
	if v.All.Good < 200 {
		return Signal{}, false
	}
	w := ratio(asking(f, lang), (v.Lang.Good+2)/(v.All.Good+40), 0, 2)
	if w < 0.5 {
		return Signal{}, false
	}
	return named("language_rare", w), true
}

// header is the whole language header, on a browser like one of hers that
// always sent another: what a copied user agent forgets.
func header(f *Facts) (Signal, bool) {
	accept := login(f).AcceptLanguage
	if accept == "" {
		return Signal{}, false
	}
	key, compared := printKey(f), false
	for i := range f.Profile.Devices {
		d := &f.Profile.Devices[i]
		if d.Print == "" || !d.Usual(f.Event.Time) || relate(f.Agent, d, f.Event.Time) > odd {
			continue
		}
		if d.Print == key {
			share := (f.Traffic.Accept.Good + 1) / (f.Traffic.All.Good + 5)
			w := ratio(0.4+0.6*share, 0.96, -0.6, 0)
			if w > -0.1 {
				return Signal{}, false
			}
			return named("header_known", w), true
		}
		compared = true
	}
	if !compared {
		return Signal{}, false
	}
	share := (f.Traffic.Accept.Good + 1) / (f.Traffic.All.Good + 5)
	return named("header_new", ratio(0.7*max(share, 0.02), 0.04*max(share, 0.02)+0.02, 0.1, 1.2)), true
}

// hour is the time of day, of which alone nothing follows.
func hour(f *Facts) (Signal, bool) {
	p, v := f.Profile, &f.Traffic
	h := f.Event.Time.In(p.Location()).Hour()
	var n float64
	for _, c := range p.Hours {
		n += float64(c)
	}
	if v.All.Good < 200 {
		return Signal{}, false
	}
	near := float64(p.Hours[(h+23)%24])/2 + float64(p.Hours[h]) + float64(p.Hours[(h+1)%24])/2
	share := (v.Hour.Good + 10.0/24) / (v.All.Good + 10)
	const weight = 8
	genuine := (near/2 + weight*share) / (n + weight)
	attack := 0.5/24 + 0.5*(v.Hour.Bad+50*share)/(v.All.Bad+50)
	// Who passes her sign-in on to a false page comes when she reads her mail:
	// that it is her hour excuses nothing.
	between := posterior(f, relaying)
	attack = (1-between)*attack + between*genuine
	low := -1.0
	if n < 3 {
		low = -0.5 // the shop's hours more than hers
	}
	w := ratio(attack, genuine, low, 1)
	switch {
	case w > 0.3:
		return named("hour_unusual", w), true
	case w < -0.3:
		return named("hour_usual", w), true
	}
	return Signal{}, false
}

// Language is the first tag of an Accept-Language header, without region.
func Language(header string) string {
	tag, _, _ := strings.Cut(header, ",")
	tag, _, _ = strings.Cut(tag, ";")
	tag, _, _ = strings.Cut(tag, "-")
	tag = strings.ToLower(strings.TrimSpace(tag))
	if len(tag) > 3 {
		return ""
	}
	return tag
}

// DelayOf is a round trip as the profile keeps it; 0 when not measured.
func DelayOf(ms *int) float64 {
	if ms == nil || *ms <= 0 {
		return 0
	}
	return math.Log(float64(*ms))
}
