package traffic

import (
	"fmt"
	"math"
	"time"

	"mimamori/event"
)

// Campaign is one attack over many accounts.
type Campaign struct {
	ID        string
	Family    string // what its attempts have in common: tag, network, client, pair, operator, kin, class, all
	Key       uint64
	Name      string    // the same in words and values, for the staff
	Began     time.Time // when it seems to have begun
	At        time.Time // when it was noticed
	Last      time.Time // its latest attempt
	Ended     time.Time // zero while it goes on
	Attempts  int       // failed attempts of strangers since it began
	Successes int       // sign-ins that fit it
	Expected  float64   // of the attempts, so many would have been there anyway

	accounts distinct
	asked    int // attempts when the ring was last gone through
}

// Accounts estimates how many accounts were tried since it was noticed.
func (c *Campaign) Accounts() int { return c.accounts.count() }

// Share is the part of the attempts that ordinary traffic does not explain.
func (c *Campaign) Share() float64 {
	if c.Attempts == 0 {
		return 0
	}
	return max(0, 1-c.Expected/float64(c.Attempts))
}

// Hand says what speaks for one hand behind a login and many others.
type Hand struct {
	Campaigns []string // ids of those under way that the login belongs to
	Family    string   // what it has in common with the narrowest of them
	// Tries is how many accounts strangers tried in vain lately from the same
	// client (user agent, language and kind of line), Peers how many strangers
	// signed in from it. Where a campaign goes by the password or the network,
	// from that.
	Tries, Peers float64
}

// families from the narrowest to the widest.
var families = [...]string{"tag", "network", "client", "pair", "operator", "kin", "class", "all"}

const wide = 6 // families from here on take in many customers; they are watched from their first attempt

// watched are the keys of the families, in their order; 0 for one that the
// attempt does not have.
func (k *keys) watched() [len(families)]uint64 {
	return [...]uint64{k.tag, k.network, k.client, k.pair, k.operator, k.kin, k.class, k.all}
}

// watch looks for campaigns.
type watch struct {
	max       int
	tracks    map[uint64]*track
	campaigns []*Campaign // under way and lately ended, oldest first
	alarmed   []*Campaign // whose members are to be gone through again
	under     int         // campaigns under way
	full      int64       // hour in which no room could be made any more
	quiet     int64       // hour at which idle tracks were last let go
}

const (
	trackBytes   = 400
	maxCampaigns = 512
)

func newWatch(most int) watch { return watch{max: max(most, 256), tracks: map[uint64]*track{}} }

// track is one key under watch: how many strangers' failures an hour are
// usual, and a CUSUM of what comes above it (Page 1954, Poisson likelihood
// ratio of twice the usual rate). A burst fills it in seconds, a trickle over
// a day.
//
// What is usual is the greatest of three: the usual number an hour; the usual
// number for so many successes (a sale day brings both); the usual number for
// so many failures of people known here (a broken form brings both).
type track struct {
	Family   uint8
	Hour     int64   // the running hour
	Tries    float64 // strangers' failures in it, an account counted once a day
	Good     float64 // successes in it
	Known    float64 // failures of people known here in it
	Hours    float64 // hours watched
	Rate     float64 // usual tries an hour
	Share    float64 // tries an hour that its part of the strangers' successes would explain
	PerGood  float64 // usual tries for a success
	PerKnown float64 // usual tries for a failure of somebody known here
	Spread   float64 // how much more than Poisson it varies
	Sum      float64 // the CUSUM
	Since    int64   // unix second at which it last stood at nothing
	SumTries float64 // tries since
	SumUsual float64 // usual ones since
	Campaign *Campaign
	// Tries and usual ones of the last day or so, while a campaign is under way.
	Lately, LatelyUsual float64
}

const (
	alarmAt   = 13.0 // of the CUSUM, in units of log-likelihood
	leastHits = 12   // accounts tried, whatever the CUSUM says
	learnFor  = 72   // hours before a wide track may speak for a trickle
	firstDays = 120  // hours in which the watch is young
	ln2       = 0.6931471805599453
)

// usual is what the running hour should bring, over so much of it.
func (t *track) usual(part float64) float64 {
	floor := 0.05
	if families[t.Family] == "class" || families[t.Family] == "all" {
		floor = 0.5
	}
	u := max((max(t.Rate, t.Share)+floor)*part, t.PerGood*t.Good, t.PerKnown*t.Known)
	return u
}

// value is the CUSUM as it stands within the running hour.
func (t *track) value(part float64) float64 {
	return max(0, t.Sum+(t.Tries*ln2-t.usual(part))/t.spread())
}

func (t *track) spread() float64 { return max(1, t.Spread) }

// roll closes the running hour and the empty ones up to the given.
func (t *track) roll(hour int64) {
	if hour <= t.Hour {
		return
	}
	usual := t.usual(1)
	value := t.value(1)
	if value == 0 {
		t.Since, t.SumTries, t.SumUsual = (t.Hour+1)*3600, 0, 0
	} else {
		t.SumTries, t.SumUsual = t.SumTries+t.Tries, t.SumUsual+usual
	}
	t.fade(float64(hour-t.Hour), t.Tries, usual)
	t.learn(usual)
	t.Sum = min(value, 2*alarmAt)
	t.Tries, t.Good, t.Known = 0, 0, 0
	if gap := hour - t.Hour - 1; gap > 0 {
		t.Hours += float64(gap)
		t.Rate *= pow(1-t.step(), gap)
		t.Sum -= float64(gap) * t.usual(1) / t.spread()
		if t.Sum <= 0 {
			t.Sum, t.Since, t.SumTries, t.SumUsual = 0, hour*3600, 0, 0
		} else {
			t.SumUsual += float64(gap) * t.usual(1)
		}
	}
	t.Hour = hour
}

// fade takes hours that are over into the tries of the last day, of which the
// first brought so many.
func (t *track) fade(hours, tries, usual float64) {
	const day = 24
	keep := math.Exp(-hours / day)
	t.Lately = (t.Lately + tries) * keep
	t.LatelyUsual = t.LatelyUsual*keep + usual*day*(1-keep)
}

func pow(x float64, n int64) float64 {
	out := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out *= x
		}
		x *= x
	}
	return out
}

// step is how fast the usual follows: an average at first, over ten days
// later, and hardly at all while something is going on.
func (t *track) step() float64 {
	s := max(1/(t.Hours+1), 1.0/240)
	if t.Sum > alarmAt/2 || t.Campaign != nil {
		s = min(s, 1.0/2400)
	}
	return s
}

func (t *track) learn(usual float64) {
	t.Hours++
	s := t.step()
	tries := min(t.Tries, 4*usual+4)
	t.Rate += (tries - t.Rate) * s
	ratio := func(now *float64, of float64) {
		if of > 0 {
			*now += (min(tries/of, 2) - *now) * s * min(of, 3)
		}
	}
	ratio(&t.PerGood, t.Good)
	ratio(&t.PerKnown, t.Known)
	off := tries - usual
	t.Spread += (min(off*off/(usual+0.5), 20) - t.Spread) * s
}

// observe feeds an attempt to the tracks and notices campaigns.
func (t *Traffic) observe(l *Login, k *keys, unix int64, stranger bool) {
	failed := l.Outcome != event.Succeeded
	hit := failed && stranger && t.tried.add(k.account, unix)
	// Tries on accounts that nobody has are the noise of every shop, made by
	// programs that stay where they are. What raises an alarm is tries on real
	// ones; others count a third when each comes from another place.
	real := hit && l.Outcome != event.UnknownAccount
	weight, counts := 1.0, 1.0
	if !real {
		weight, counts = 0.3, 0
		if hit && t.scattered(k, unix) {
			counts = 0.35
		}
	}
	if hit {
		for _, key := range k.watched() {
			if key != 0 {
				t.lately.add(key, unix, 0, weight)
			}
		}
	}
	covered := false
	for f, key := range k.watched() {
		if key == 0 {
			continue
		}
		tr := t.track(key, uint8(f), unix, real)
		if tr == nil {
			continue
		}
		if unix/3600 > tr.Hour {
			tr.Share = t.explained(tr, k, key, unix)
			tr.roll(unix / 3600)
		}
		late := unix/3600 < tr.Hour-24
		switch {
		case late:
		case !failed:
			tr.Good++
		case !stranger:
			tr.Known++
		case hit && !covered:
			tr.Tries += counts
		}
		if c := tr.Campaign; c != nil && stranger {
			t.join(c, l, k, hit, failed)
			covered = true
		}
		if real && !late && tr.Campaign == nil && !covered && t.alarms(tr, unix) {
			t.alarm(tr, key, l, k, unix)
			covered = true
		}
	}
	if !failed && stranger && l.Member.Event != "" {
		m := l.Member
		m.At, m.Keys = unix, k.watched()
		t.ring.put(m)
	}
	t.tidy(unix)
}

// scattered says that hardly anything else was tried from an attempt's network
// lately, and that customers use its kind of browser. The version does not
// matter: a list of browsers that a tool turns over is often some months old.
func (t *Traffic) scattered(k *keys, unix int64) bool {
	wg, wb := t.lately.weights(unix)
	if _, tries := t.lately.count(k.network, wg, wb); tries >= 1 {
		return false
	}
	wg, wb = t.people.weights(unix)
	browser, _ := t.people.count(k.agent, wg, wb)
	all, _ := t.people.count(k.all, wg, wb)
	return browser > 0.001*all && browser >= 5
}

// track finds the key's track. A narrow one is made once the key was tried a
// few times lately: most are tried once and never again.
func (t *Traffic) track(key uint64, family uint8, unix int64, hit bool) *track {
	if tr := t.watch.tracks[key]; tr != nil || !hit {
		return tr
	}
	tr := &track{Family: family, Hour: unix / 3600, Since: unix, Spread: 1}
	if family < wide {
		wg, wb := t.lately.weights(unix)
		if _, bad := t.lately.count(key, wg, wb); bad < 4 {
			return nil
		}
		// What is usual of it is not known, but it was so little that nobody
		// looked; unless the watch itself has only begun. A password tried on
		// many accounts is never usual.
		tr.Tries, tr.Hours = 3, learnFor
		if families[family] != "tag" && t.young() {
			tr.Hours = 1
		}
	}
	if len(t.watch.tracks) >= t.watch.max && !t.watch.room(unix/3600) {
		return nil
	}
	t.watch.tracks[key] = tr
	return tr
}

// young says that the watch began so lately that what it has not seen may well
// be usual.
func (t *Traffic) young() bool {
	all := t.watch.tracks[t.seed.string("all").key()]
	return all == nil || all.Hours < firstDays
}

// explained is how many tries an hour a narrow key should see, going by its
// part of the strangers who do get in.
func (t *Traffic) explained(tr *track, k *keys, key uint64, unix int64) float64 {
	all := t.watch.tracks[k.all]
	if tr.Family >= wide || all == nil {
		return 0
	}
	t.lately.rebase(t.clock)
	wg, wb := t.lately.weights(unix)
	mine, _ := t.lately.count(key, wg, wb)
	of, _ := t.lately.count(k.all, wg, wb)
	return all.Rate * min(1, (mine+0.3)/(of+5))
}

// room lets tracks go that had nothing lately.
func (w *watch) room(hour int64) bool {
	if w.full == hour {
		return false
	}
	w.full = hour
	for idle := int64(96); idle >= 1; idle /= 2 {
		for key, tr := range w.tracks {
			if tr.Family < wide && tr.Campaign == nil && tr.Hour < hour-idle {
				delete(w.tracks, key)
			}
		}
		if len(w.tracks) < w.max*15/16 {
			w.full = 0
			return true
		}
	}
	return false
}

func (t *Traffic) alarms(tr *track, unix int64) bool {
	part := float64(unix%3600)/3600 + 1e-3
	hits := tr.SumTries + tr.Tries
	need := float64(leastHits)
	if tr.Hours < learnFor {
		need = 60 // nothing is known of what is usual yet
	}
	return hits >= need && tr.value(part) >= alarmAt && hits > 2*(tr.SumUsual+tr.usual(part))
}

// alarm notices a campaign.
func (t *Traffic) alarm(tr *track, key uint64, l *Login, k *keys, unix int64) {
	c := &Campaign{ID: fmt.Sprintf("cmp_%s_%05x", time.Unix(unix, 0).UTC().Format("20060102T1504"), (key^uint64(unix))&0xfffff), Family: families[tr.Family], Key: key,
		Name: describe(families[tr.Family], l, t.home), Began: time.Unix(tr.Since, 0).UTC(), At: time.Unix(unix, 0).UTC(), Last: time.Unix(unix, 0).UTC(),
		Attempts: int(tr.SumTries + tr.Tries), Expected: tr.SumUsual + tr.usual(1)}
	c.accounts.add(k.account)
	tr.Campaign = c
	t.watch.under++
	t.watch.campaigns = append(t.watch.campaigns, c)
	if len(t.watch.campaigns) > maxCampaigns {
		t.watch.campaigns = t.watch.campaigns[1:]
	}
	t.watch.alarmed = append(t.watch.alarmed, c)
	c.asked = c.Attempts
}

func describe(family string, l *Login, home string) string {
	class := string(ClassOf(l.Kind, l.Country, home))
	switch family {
	case "tag":
		return "password fingerprint " + l.Tag
	case "network":
		return l.Network
	case "operator":
		return "AS" + Operator(l.ASN, l.Network)
	case "pair":
		return l.Agent + " · AS" + Operator(l.ASN, l.Network)
	case "client", "kin":
		return l.Agent + " · " + l.Lang + " · " + class
	case "class":
		return class
	}
	return "everywhere"
}

// join counts an attempt that fits a campaign under way.
func (t *Traffic) join(c *Campaign, l *Login, k *keys, hit, failed bool) {
	if hit {
		c.Attempts++
		c.Last = l.At
		c.accounts.add(k.account)
	}
	if !failed {
		c.Successes++
	}
	// Its successes are looked at again as it grows: what was not remarkable
	// among ten attempts may be among a thousand.
	if c.Attempts >= 2*c.asked {
		c.asked = c.Attempts
		t.watch.alarmed = append(t.watch.alarmed, c)
	}
}

// tidy ends campaigns that are over and lets idle tracks go, once an hour.
func (t *Traffic) tidy(unix int64) {
	hour := unix / 3600
	if hour <= t.watch.quiet {
		return
	}
	t.watch.quiet = hour
	for key, tr := range t.watch.tracks {
		tr.roll(hour)
		if c := tr.Campaign; c != nil && over(tr, c, unix) {
			c.Ended = time.Unix(unix, 0).UTC()
			t.watch.under--
			tr.Campaign, tr.Sum, tr.Since, tr.SumTries, tr.SumUsual = nil, 0, unix, 0, 0
		}
		if tr.Family < wide && tr.Campaign == nil && tr.Rate < 0.002 && tr.Hours > 14*24 {
			delete(t.watch.tracks, key)
		}
	}
}

// over says that a campaign has stopped: nothing for a day, or only what is
// usual. What is usual goes on, and would otherwise keep it alive for weeks.
func over(tr *track, c *Campaign, unix int64) bool {
	lasted := unix - c.At.Unix()
	return unix-c.Last.Unix() > 24*3600 || tr.Sum == 0 && lasted > 6*3600 || tr.Lately < 1.4*tr.LatelyUsual+2 && lasted > 18*3600
}

// hand gathers what speaks for one hand behind a login and many others.
func (t *Traffic) hand(l *Login, k *keys, unix int64, stranger bool) Hand {
	var h Hand
	if !stranger {
		return h
	}
	narrow := k.client
	t.lately.rebase(t.clock)
	wg, wb := t.lately.weights(unix)
	h.Peers, h.Tries = t.lately.count(narrow, wg, wb)
	for f, key := range k.watched() {
		if key == 0 {
			continue
		}
		if tr := t.watch.tracks[key]; tr != nil && tr.Campaign != nil && h.fits(f) && (f < 2 || t.takesPart(f, l, k, unix)) {
			h.Campaigns = append(h.Campaigns, tr.Campaign.ID)
			if h.Family == "" {
				h.Family = families[f]
				if f < 2 { // the password or the very network is more than any client
					narrow = key
				}
			}
		}
	}
	if narrow != k.client {
		h.Peers, h.Tries = t.lately.count(narrow, wg, wb)
	}
	return h
}

// Campaigns are those under way or ended since a time, newest first.
func (t *Traffic) Campaigns(since time.Time) []Campaign {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Campaign
	for i := len(t.watch.campaigns) - 1; i >= 0; i-- {
		if c := t.watch.campaigns[i]; c.Ended.IsZero() || c.Ended.After(since) {
			out = append(out, *c)
		}
	}
	return out
}
