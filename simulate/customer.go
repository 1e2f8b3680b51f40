package simulate

import (
	"fmt"
	"math"
)

// customer is one account of the shop and the person (or two) behind it.
type customer struct {
	subject  string
	born     int     // day of registering; below 0: before we look
	rate     float64 // sign-ins a day
	hour     float64 // around which they like to come
	commuter bool
	office   *line // nil: none
	home     *line
	phone    *line
	vpn      *line // of one who always uses a VPN
	relay    *line // of one with a private relay
	browsers []*browser
	partner  *browser // of the second person, if there is one
	factor   string   // "", totp or passkey
	digital  bool     // buys gift codes
	breached bool
	password uint64
	points   int64
	address  int // number of the newest address
	payment  int
	mail     string
	tel      string
	orders   float64 // this customer's usual order, yen
	hosted   *line   // an abroad line while travelling
	back     int     // day of coming home
	logins   int
	last     session
	hijack   *takeover // the intrusion that has not been noticed yet
}

// session is a stay that an intruder may take over.
type session struct {
	id    string
	at    int64
	b     *browser
	l     *line
	until int64
}

// populate makes the customers and their first visits.
func (w *world) populate() {
	for range 30 + w.opt.Accounts/150 {
		if w.chance(w.num.OfficeCloudProxy) {
			w.offices = append(w.offices, w.newLine(inHosting))
		} else {
			w.offices = append(w.offices, w.newLine(inOffice))
		}
	}
	mean, sigma := w.num.LoginsPerMonth.is/daysPerMonth, w.num.LoginsSpread.is
	w.people = make([]*customer, w.opt.Accounts)
	for i := range w.people {
		c := w.newCustomer(i, mean*math.Exp(sigma*w.rng.NormFloat64()-sigma*sigma/2))
		w.people[i] = c
		from := 0
		if c.born >= 0 {
			from = c.born
			w.visits[c.born] = append(w.visits[c.born], int32(i))
		}
		w.next(int32(i), c, from)
		for day := range w.days {
			if w.sales[day] && day > c.born && w.rng.Float64() < math.Min(0.5, c.rate*(w.num.SaleFactor.is-1)) {
				w.visits[day] = append(w.visits[day], int32(i)|visitExtra)
			}
		}
	}
}

// visitExtra marks a visit that plans no next one.
const visitExtra = 1 << 30

func (w *world) newCustomer(i int, rate float64) *customer {
	c := &customer{subject: fmt.Sprintf("c%08d", 10_000_000+(i*7_368_787+int(w.opt.Seed%1_000_003)*911)%89_999_999), rate: math.Min(rate, 3), hour: 20.5 + 2*w.rng.NormFloat64(),
		commuter: w.chance(w.num.Commuter), home: w.newLine(atHome), phone: w.newLine(onPhone), digital: w.chance(w.num.DigitalBuyer),
		breached: w.chance(w.num.BreachedPassword), password: w.rng.Uint64(), born: -1 - w.rng.IntN(1500), address: 1, payment: 1,
		orders: w.num.OrderYen.is * math.Exp(0.5*w.rng.NormFloat64()), points: int64(w.rng.ExpFloat64() * 900)}
	c.mail, c.tel = fmt.Sprintf("u%07x@mail.example", w.rng.Uint32N(1<<28)), fmt.Sprintf("0%d0-%04d-%04d", 7+w.rng.IntN(3), w.rng.IntN(10000), w.rng.IntN(10000))
	if w.chance(w.num.NewAccounts) {
		c.born = w.rng.IntN(w.days)
	}
	if w.rng.Float64() < 0.3 {
		c.hour = 9 + 9*w.rng.Float64()
	}
	if w.chance(w.num.OfficeLogin) {
		c.office = w.offices[w.rng.IntN(len(w.offices))]
	}
	if w.chance(w.num.VPNUser) {
		c.vpn = w.newLine(onVPN)
	}
	if w.chance(w.num.HasFactor) {
		c.factor = []string{"totp", "totp", "passkey", "mail_code"}[w.rng.IntN(4)]
	}
	first := w.firstBrowser()
	c.browsers = []*browser{first}
	if first.kind.apple() && first.kind.phone() && w.chance(w.num.PrivateRelay) {
		c.relay = w.newLine(onRelay)
	}
	if w.chance(w.num.SecondBrowser) {
		if first.kind.phone() {
			c.browsers = append(c.browsers, w.newBrowser(weighted(w.rng, []family{chromeWindows, edgeWindows, safariMac, chromeMac, firefoxWindows}, 50, 26, 9, 9, 6)))
		} else {
			c.browsers = append(c.browsers, w.newBrowser(weighted(w.rng, []family{safariIPhone, chromeAndroid, shopApp}, 50, 38, 12)))
		}
	}
	if w.chance(w.num.Family) {
		c.partner = w.firstBrowser()
	}
	return c
}

// next plans the visit after one on day.
func (w *world) next(i int32, c *customer, day int) {
	gap := int(math.Ceil(w.rng.ExpFloat64()/c.rate - 0.3))
	if at := day + max(gap, 1); at < w.days {
		w.visits[at] = append(w.visits[at], i)
	}
}

// visit is a customer coming to sign in on a day.
func (w *world) visit(c *customer, day int) {
	w.change(c, day)
	b, l, minute := w.circumstances(c, day)
	at := w.moment(day, minute)
	if c.hijack != nil && c.hijack.locked(at) {
		return // cannot get in: the intruder changed the mail address or the shop waits
	}
	s, ok := w.signIn(c, b, l, at)
	if !ok {
		return
	}
	end := w.shopping(c, &s, at+int64(20_000+w.rng.ExpFloat64()*60_000))
	if w.chance(w.num.SessionKept) {
		s.until = end + int64(w.rng.ExpFloat64()*6*86_400_000)
		again := end + int64((0.3+w.rng.ExpFloat64()*4)*86_400_000)
		kept := s
		w.plan(w.dayOf(again), func(int) { w.comeBack(c, kept, again) })
	} else {
		s.until = end
		if w.rng.Float64() < 0.15 {
			w.happen(happening{at: end, kind: "session.ended", subject: c.subject, session: s.id, data: newObject().text("session", s.id).end()})
		}
	}
	c.last = s
}

// change is what time does to people: another address, another home, another
// machine, a journey.
func (w *world) change(c *customer, day int) {
	gap := 1 / math.Max(c.rate, 0.005) // days since the last visit, about
	if w.rng.Float64() < 1-math.Exp(-gap/w.num.AddressDays.is) {
		w.renew(c.home)
	}
	if w.rng.Float64() < gap/365*w.num.MovesPerYear.is {
		c.home = w.newLine(atHome)
		if w.rng.Float64() < 0.5 {
			c.phone.region = w.rng.IntN(len(c.phone.net.regions))
		}
	}
	if w.rng.Float64() < gap/365*0.08 {
		c.phone = w.newLine(onPhone) // number portability
	}
	if w.rng.Float64() < gap/365*w.num.NewBrowserPerYear.is {
		i := w.rng.IntN(len(c.browsers))
		old := c.browsers[i]
		kind := old.kind
		if w.rng.Float64() < 0.25 {
			kind = w.firstBrowser().kind
		}
		c.browsers[i] = w.newBrowser(kind)
		c.browsers[i].lang = old.lang
	}
	if c.hosted == nil && w.rng.Float64() < gap/365*w.num.TripsPerYear.is && w.rng.Float64() < 0.2 {
		c.back = day + 2 + w.rng.IntN(8)
		c.hosted = w.newLine(abroad)
		if w.chance(w.num.TripOnRoaming) {
			c.hosted = c.phone
		}
	}
	if c.hosted != nil && day >= c.back {
		c.hosted = nil
	}
}

// circumstances are the browser, the line and the minute of a visit.
func (w *world) circumstances(c *customer, day int) (*browser, *line, float64) {
	b := c.browsers[0]
	if len(c.browsers) > 1 && w.rng.Float64() < 0.3 {
		b = c.browsers[1]
	}
	hour := c.hour + 1.6*w.rng.NormFloat64()
	l := c.home
	weekday := (day + 4) % 7 // 1 January 2026 is a Thursday
	switch r := w.rng.Float64(); {
	case c.commuter && r < 0.45 && weekday%7 != 0 && weekday != 6:
		hour = []float64{7.8, 8.2, 12.4, 18.2, 18.8}[w.rng.IntN(5)] + 0.3*w.rng.NormFloat64()
		if b.kind.phone() {
			l = c.phone
		}
	case c.office != nil && r < 0.75 && weekday != 0 && weekday != 6:
		hour, l = 9+9*w.rng.Float64(), c.office
	case b.kind.phone() && r > 0.62:
		l = c.phone
	}
	switch {
	case c.hosted != nil:
		l = c.hosted
		hour = 24 * w.rng.Float64()
	case c.vpn != nil && w.rng.Float64() < 0.9:
		l = c.vpn
	case c.relay != nil && b.kind == safariIPhone:
		l = c.relay
	case w.rng.Float64() < w.num.VPNOnce.is:
		l = w.newLine(onVPN)
	}
	if c.partner != nil && c.hosted == nil && w.rng.Float64() < 0.35 {
		b, l = c.partner, c.home
		if w.rng.Float64() < 0.3 {
			l = w.newLine(onPhone)
		}
	}
	hour = math.Mod(hour+48, 24)
	return b, l, hour * 60
}

// comeBack is a later stay in the same session, without a login; the browser
// may have updated itself meanwhile, the line may be another.
func (w *world) comeBack(c *customer, s session, at int64) {
	if c.hijack != nil && c.hijack.signedOut(at, s) {
		return
	}
	l := c.home
	if s.b.kind.phone() && w.rng.Float64() < 0.45 {
		l = c.phone
	}
	if c.vpn != nil {
		l = c.vpn
	}
	s.l = l
	w.see(c, &s, at, nil)
	w.shopping(c, &s, at+5_000)
	if w.rng.Float64() < 0.4 {
		again := at + int64((0.3+w.rng.ExpFloat64()*4)*86_400_000)
		s.until = again
		w.plan(w.dayOf(again), func(int) { w.comeBack(c, s, again) })
	}
	c.last = s
}

// snapshot is how the shop holds its accounts at the beginning.
func (w *world) snapshot() {
	for _, c := range w.people {
		if c.born >= 0 {
			continue
		}
		at := w.moment(0, 1+w.rng.Float64()*30)
		since := start.AddDate(0, 0, c.born).Format("2006-01-02T15:04:05Z07:00")
		held := func(kind, id string, value []byte) []byte {
			return newObject().text("kind", kind).text("id", id).raw("value", value).text("verified_at", since).text("since", since).end()
		}
		list := append([]byte{'['}, held("contact", "mail", newObject().text("mail", c.mail).end())...)
		list = append(append(list, ','), held("contact", "phone", newObject().text("phone", c.tel).end())...)
		list = append(append(list, ','), held("address", "a1", w.postal(c.subject))...)
		list = append(append(list, ','), held("payment_method", "p1", newObject().text("brand", "visa").text("last4", fmt.Sprintf("%04d", w.rng.IntN(10000))).text("expiry", "2028-05").end())...)
		w.happen(happening{at: at, kind: "account.seen", subject: c.subject, data: newObject().raw("resources", append(list, ']')).text("locale", "ja").
			text("registered_at", since).end()})
	}
}

var prefectures = []string{"東京都", "神奈川県", "大阪府", "愛知県", "埼玉県", "千葉県", "兵庫県", "北海道", "福岡県", "静岡県", "茨城県", "広島県"}

// postal is a made-up postal address.
func (w *world) postal(name string) []byte {
	return newObject().text("recipient", name).text("postal_code", fmt.Sprintf("%03d-%04d", 100+w.rng.IntN(890), w.rng.IntN(10000))).
		text("prefecture", prefectures[w.rng.IntN(len(prefectures))]).
		text("line", fmt.Sprintf("%d丁目%d-%d", 1+w.rng.IntN(9), 1+w.rng.IntN(30), 1+w.rng.IntN(20))).text("country", "JP").end()
}
