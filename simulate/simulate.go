// Package simulate makes a world to try detection on: an online shop in Japan
// with its customers, what they do in months, and the intruders among them.
// It writes events as a shop would report them (docs/events.md), and the
// truth about them in a file apart.
//
// It knows nothing of how events are judged: it imports none of assess,
// traffic, profile or decide, nor the table of addresses that they look in
// (imports_test.go says so), so that the engine is not tested against its own
// ideas. Each number of the world has a range and a source (parameters.yaml);
// each seed draws its own, down to what the shop is able to report. What the
// events score is replay's and measure's.
package simulate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mimamori"
)

// Options of a world. Zero fields mean the standard shop of 60,000 accounts
// and 9 months.
type Options struct {
	Seed     uint64
	Accounts int
	Months   int
	RTT      bool // write rtt_ms; the world is the same with and without
	Dir      string
	Progress func(day, of int) // called after each day; may be nil
}

// Files of a world in its folder.
const (
	EventsFile    = "events.ndjson"
	TruthFile     = "truth.csv"
	CampaignsFile = "campaigns.csv"
	WorldFile     = "world.json"
)

// TruthHeader names the columns of the truth: one row for each event that is
// not a customer's own (or was made for one by the shop). Every event that
// has no row is the customers'.
var TruthHeader = []string{"event_id", "time", "subject", "session", "type", "attacker", "campaign", "takeover", "first"}

// CampaignHeader names the columns of the list of campaigns.
var CampaignHeader = []string{"campaign", "kind", "start", "end", "attempts", "successes", "addresses"}

// Summary is what was written.
type Summary struct {
	Seed      uint64             `json:"seed"`
	Accounts  int                `json:"accounts"`
	Start     time.Time          `json:"start"`
	End       time.Time          `json:"end"`
	Events    int                `json:"events"`
	Logins    int                `json:"genuine_logins"`
	Attempts  int                `json:"attempts"`
	Takeovers map[string]int     `json:"takeovers"`
	Campaigns int                `json:"campaigns"`
	Shop      map[string]bool    `json:"shop"`    // what this shop is able to report
	Numbers   map[string]float64 `json:"numbers"` // what this seed drew
}

// start of every world: midnight in Japan.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, jst)

var jst = time.FixedZone("JST", 9*60*60)

// daysPerMonth makes nine months 270 days.
const daysPerMonth = 30

// Write makes the world and writes it to a folder, which is made when it is
// not there. The same options give the same bytes.
func Write(opt Options) (Summary, error) {
	if opt.Accounts == 0 {
		opt.Accounts = 60_000
	}
	if opt.Months == 0 {
		opt.Months = 9
	}
	if opt.Accounts < 10 || opt.Accounts > 5_000_000 || opt.Months < 1 || opt.Months > 60 {
		return Summary{}, fmt.Errorf("simulate %d accounts, %d months: at least 10 accounts and 1 month, at most 5,000,000 and 60: %w", opt.Accounts, opt.Months, mimamori.ErrInvalid)
	}
	if err := os.MkdirAll(opt.Dir, 0o755); err != nil {
		return Summary{}, fmt.Errorf("make folder of the world: %w", err)
	}
	w, err := newWorld(opt)
	if err != nil {
		return Summary{}, err
	}
	sum, err := w.write()
	if err != nil {
		return Summary{}, fmt.Errorf("write world %d: %w", opt.Seed, err)
	}
	return sum, nil
}

// world is everything at work while a world is made.
type world struct {
	opt   Options
	rng   *rand.Rand
	far   *rand.Rand // round-trip times alone, so that --rtt changes nothing else
	num   numbers
	shop  shop
	nets  map[role][]*network
	days  int
	today int

	people  []*customer
	offices []*line
	visits  [][]int32 // by day: customers who come
	plans   [][]func(day int)
	due     []([]happening) // by day: what happens
	sales   map[int]bool
	broken  []stretch
	words   uint64 // makes ids that say nothing

	takeovers map[string]int
	campaigns []*campaign
	bots      []source
	count     struct{ takeover, logins, attempts int }
}

// shop is what this world's shop is able to report.
type shop struct {
	Device, TokenAtOnce, Hints, TLS, Language, Unknown, Tags, Breaches, Snapshot bool
}

// stretch is some hours of one kind.
type stretch struct{ from, to int64 }

// label is the truth about a happening; nil: a customer's own.
type label struct {
	attacker string // naive, vpn, …; noise
	campaign string
	takeover string // the same for everything that one hand does to one account
	first    bool   // the login (or the theft) by which he got in
}

// happening is one event to be.
type happening struct {
	at      int64 // milliseconds since 1970
	order   int32 // among those of the same time
	kind    string
	subject string
	session string
	data    []byte
	truth   *label
}

func newWorld(opt Options) (*world, error) {
	num, err := readNumbers(parameters)
	if err != nil {
		return nil, err
	}
	nets, err := readNetworks(networksFile)
	if err != nil {
		return nil, err
	}
	w := &world{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 0x6d696d616d6f7269)), far: rand.New(rand.NewPCG(opt.Seed, 0x72747431)),
		num: num, nets: nets, days: opt.Months * daysPerMonth, words: opt.Seed*0x9e3779b97f4a7c15 + 1, takeovers: map[string]int{}, sales: map[int]bool{}}
	w.num.draw(w.rng)
	settle(w.nets, w.rng)
	w.shop = shop{Device: w.chance(w.num.ShopSetsDevice), TokenAtOnce: w.chance(w.num.TokenAtOnce), Hints: w.chance(w.num.ShopSendsHints),
		TLS: w.chance(w.num.ShopSendsTLS), Language: w.chance(w.num.ShopSendsLanguage), Unknown: w.chance(w.num.ShopReportsUnknown),
		Tags: w.chance(w.num.ShopTagsPasswords), Breaches: w.chance(w.num.ShopChecksBreaches), Snapshot: w.chance(w.num.ShopSendsSnapshot)}
	w.visits, w.plans, w.due = make([][]int32, w.days), make([][]func(int), w.days), make([][]happening, w.days)
	w.calendar()
	w.populate()
	w.planIntruders()
	w.planCampaigns()
	return w, nil
}

// calendar sets the days that everybody feels.
func (w *world) calendar() {
	share := float64(w.days) / 270
	for range max(1, int(math.Round(w.num.SaleDays.is*share))) {
		w.sales[w.rng.IntN(w.days)] = true
	}
	for range int(math.Round(w.num.BrokenForms.is * share)) {
		from := w.moment(w.rng.IntN(w.days), 9*60+w.rng.Float64()*600)
		w.broken = append(w.broken, stretch{from, from + int64(2+w.rng.IntN(8))*3600_000})
	}
}

func (w *world) chance(p number) bool { return w.rng.Float64() < p.is }

// moment is a minute of a day, in milliseconds since 1970.
func (w *world) moment(day int, minute float64) int64 {
	return start.UnixMilli() + int64(day)*86_400_000 + int64(minute*60_000)
}

func (w *world) dayOf(at int64) int { return int((at - start.UnixMilli()) / 86_400_000) }

// word makes an id that tells nothing of what it stands for.
func (w *world) word() uint64 {
	w.words += 0x9e3779b97f4a7c15
	z := w.words
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// name is n letters of a word: letters alone, since a long row of digits may
// look like a card's number to whoever reads the events.
func (w *world) name(n int) string {
	b, z := make([]byte, n), w.word()
	for i := range b {
		b[i] = 'a' + byte(z>>(4*i)&15)
	}
	return string(b)
}

// plan does something on the morning of a later day; days beyond the end are
// never reached.
func (w *world) plan(day int, do func(day int)) {
	if day >= 0 && day < w.days {
		w.plans[day] = append(w.plans[day], do)
	}
}

// carryOut does what is planned for a day, and what that plans for the same.
func (w *world) carryOut(day int) {
	for i := 0; i < len(w.plans[day]); i++ {
		w.plans[day][i](day)
	}
	w.plans[day] = nil
}

// happen notes an event.
func (w *world) happen(h happening) {
	day := w.dayOf(h.at)
	if day < w.today || day >= w.days || h.at < start.UnixMilli() {
		return
	}
	h.order = int32(len(w.due[day]))
	w.due[day] = append(w.due[day], h)
}

// write lives through the days and writes each when it is over. A day's
// doings may reach into later days, never into earlier ones.
func (w *world) write() (sum Summary, err error) {
	out, err := newFiles(w.opt.Dir)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	if w.shop.Snapshot {
		w.snapshot()
	}
	for day := range w.days {
		w.today = day
		w.carryOut(day)
		for _, v := range w.visits[day] {
			i := v &^ visitExtra
			w.visit(w.people[i], day)
			if v == i {
				w.next(i, w.people[i], day)
			}
		}
		w.carryOut(day) // what was planned today for today
		w.noise(day)
		if err := out.day(w, w.due[day]); err != nil {
			return sum, err
		}
		w.visits[day], w.plans[day], w.due[day] = nil, nil, nil
		if w.opt.Progress != nil {
			w.opt.Progress(day+1, w.days)
		}
	}
	sum = Summary{Seed: w.opt.Seed, Accounts: w.opt.Accounts, Start: start, End: start.AddDate(0, 0, w.days), Events: out.events,
		Logins: w.count.logins, Attempts: w.count.attempts, Takeovers: w.takeovers, Campaigns: len(w.campaigns), Numbers: w.num.drawn(),
		Shop: map[string]bool{"device": w.shop.Device, "token_at_once": w.shop.TokenAtOnce, "client_hints": w.shop.Hints, "tls_fingerprint": w.shop.TLS,
			"accept_language": w.shop.Language, "unknown_account": w.shop.Unknown, "password_tag": w.shop.Tags,
			"password_breached": w.shop.Breaches, "account.seen": w.shop.Snapshot, "rtt_ms": w.opt.RTT}}
	if err := w.writeCampaigns(); err != nil {
		return sum, err
	}
	b, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return sum, err
	}
	return sum, os.WriteFile(filepath.Join(w.opt.Dir, WorldFile), append(b, '\n'), 0o644)
}

func (w *world) writeCampaigns() error {
	var b strings.Builder
	b.WriteString(strings.Join(CampaignHeader, ",") + "\n")
	for _, c := range w.campaigns {
		if c.attempts == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%d,%d\n", c.name, c.kind, stamp(c.from), stamp(c.to), c.attempts, c.successes, len(c.sources))
	}
	return os.WriteFile(filepath.Join(w.opt.Dir, CampaignsFile), []byte(b.String()), 0o644)
}

func stamp(ms int64) string {
	return time.UnixMilli(ms).In(jst).Format("2006-01-02T15:04:05.000Z07:00")
}

// files are what a world is written to.
type files struct {
	events, truthRows int
	eventsFile, truth *os.File
	e, t              *bufio.Writer
	line              []byte
}
