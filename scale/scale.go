// Package scale is the arithmetic from measured figures to machines: how many
// nodes, cores and disks a shop of a given size needs, which of the three
// stores carries it, what breaks first, and what more of everything costs. It
// measures nothing and knows no machine; the figures stand in one place with
// their dates, and whoever does not trust them measures with mimamori bench.
package scale

import (
	"fmt"
	"math"

	"mimamori"
)

// Shop is what is asked about. Zero fields take the defaults.
type Shop struct {
	Accounts       float64 `json:"accounts"`
	LoginsPerDay   float64 `json:"logins_per_day"`   // attempts on an ordinary day; a tenth of the accounts
	Peak           float64 `json:"peak"`             // attempts a second under the worst attack; 20 times the mean
	EventsPerLogin float64 `json:"events_per_login"` // what else is reported; 4
	Known          float64 `json:"known"`            // share of the peak's attempts on accounts that exist; 0.3
	RetentionDays  float64 `json:"retention_days"`   // of events; 1,826: five years, as retention.incident_years
	Standbys       float64 `json:"standbys"`         // of each database machine; 1
	Load           float64 `json:"load"`             // how full a machine may be at the peak; 0.5

	Machine Machine `json:"machine"`
	Price   Price   `json:"price"`
}

// Machine is the largest that a database may have. Zero fields take the
// defaults, a common large machine with local flash disks.
type Machine struct {
	Cores float64 `json:"cores"`    // 64
	RAM   float64 `json:"ram_gb"`   // 512
	WAL   float64 `json:"wal_mb_s"` // MB a second of log it can write and send on; 500
	IOPS  float64 `json:"iops"`     // random reads a second; 200,000
	Disk  float64 `json:"disk_gb"`  // 30,000
}

// Price is what one pays a month; all zero: no cost is told.
type Price struct {
	Core     float64 `json:"core"`
	RAM      float64 `json:"ram_gb"`
	Disk     float64 `json:"disk_gb"`
	Currency string  `json:"currency"`
}

// Shape is one way to carry the load.
type Shape struct {
	Name       string  `json:"name"`
	Fits       bool    `json:"fits"`
	Nodes      float64 `json:"nodes"`      // machines of 8 cores; 1 and no database for the embedded store
	NodeCores  float64 `json:"node_cores"` // in all
	Databases  float64 `json:"databases"`  // machines without their standbys
	DBCores    float64 `json:"db_cores"`   // in all, without the standbys
	RAM        float64 `json:"ram_gb"`     // in all, with the standbys
	Disk       float64 `json:"disk_gb"`    // in all, with the standbys
	Cost       float64 `json:"cost"`       // a month
	First      string  `json:"breaks_first"`
	FirstAt    float64 `json:"breaks_first_at"` // attempts a second; 0: it is full already
	Shards     float64 `json:"shards"`
	Partitions float64 `json:"partitions"` // of the events by day, if there were any
	Width      float64 `json:"partition_days"`
}

// Plan is the answer.
type Plan struct {
	Shop    Shop    `json:"shop"`
	Mean    float64 `json:"mean_decisions_s"`
	Busy    float64 `json:"busy_decisions_s"` // of an ordinary evening: three times the mean
	Events  float64 `json:"busy_events_s"`
	Data    float64 `json:"data_gb"` // one copy
	WALDay  float64 `json:"wal_gb_day"`
	WALPeak float64 `json:"wal_mb_s_peak"`
	Hour    float64 `json:"hour_of_peak_gb"` // what an hour of the peak adds, log and events
	Misses  float64 `json:"reads_s_peak"`    // random reads at the peak, with the machine's memory
	ByDay   ByDay   `json:"partitioned_by_day"`
	Shapes  []Shape `json:"shapes"`
	Advice  string  `json:"advice"`
	Grows   []Grow  `json:"grows"`
}

// ByDay is what would be if the events were partitioned by day, which they are
// not: new ones then fall on few pages, and of the old ones only what is kept
// for longer is touched.
type ByDay struct {
	WALDay  float64 `json:"wal_gb_day"`
	WALPeak float64 `json:"wal_mb_s_peak"`
	Misses  float64 `json:"reads_s_peak"`
}

// Grow is what more of something costs: the law by which all grows.
type Grow struct {
	What    string  `json:"what"`
	Cores   float64 `json:"cores"`
	Disk    float64 `json:"disk_gb"`
	PerDay  float64 `json:"wal_gb_day"`
	PerPeak float64 `json:"wal_mb_s"`
}

const (
	gb             = 1e9
	page           = 8192.0  // of PostgreSQL
	checkpoint     = 30 * 60 // seconds between two
	evening        = 3.0     // busiest hour to the mean
	coresOfNode    = 8.0
	fadeDays       = 396  // retention.login_months, 13
	embeddedMost   = 10e6 // accounts that one embedded store was measured with
	tablesOfWorker = 5000 // more make planning and vacuuming slow
	archiveDays    = 7    // of log kept for going back in time
)

func or(v *float64, usual float64) {
	if *v == 0 {
		*v = usual
	}
}

func (s *Shop) defaults() error {
	or(&s.LoginsPerDay, s.Accounts/10)
	or(&s.Peak, math.Max(10, math.Ceil(20*s.LoginsPerDay/86400)))
	or(&s.EventsPerLogin, 4)
	or(&s.Known, 0.3)
	or(&s.RetentionDays, 1826)
	or(&s.Load, 0.5)
	or(&s.Machine.Cores, 64)
	or(&s.Machine.RAM, 512)
	or(&s.Machine.WAL, 500)
	or(&s.Machine.IOPS, 200_000)
	or(&s.Machine.Disk, 30_000)
	for name, v := range map[string]float64{"accounts": s.Accounts, "logins a day": s.LoginsPerDay, "peak": s.Peak, "retention": s.RetentionDays, "load": s.Load,
		"cores": s.Machine.Cores, "memory": s.Machine.RAM, "log": s.Machine.WAL, "reads": s.Machine.IOPS, "disk": s.Machine.Disk} {
		if !(v > 0) || math.IsInf(v, 0) || v > 1e12 {
			return fmt.Errorf("size: %s must be above 0: %w", name, mimamori.ErrInvalid)
		}
	}
	for name, v := range map[string]float64{"standbys": s.Standbys, "events": s.EventsPerLogin, "price": s.Price.Core, "price of memory": s.Price.RAM, "price of disk": s.Price.Disk} {
		if !(v >= 0) || v > 1e9 {
			return fmt.Errorf("size: %s must not be below 0: %w", name, mimamori.ErrInvalid)
		}
	}
	if s.Known > 1 || s.Known < 0 || s.Load > 1 {
		return fmt.Errorf("size: shares are from 0 to 1: %w", mimamori.ErrInvalid)
	}
	return nil
}

// Compute does the arithmetic. Standbys must be said: none is zero.
func Compute(s Shop, f Figures) (Plan, error) {
	if err := s.defaults(); err != nil {
		return Plan{}, err
	}
	p := Plan{Shop: s, Mean: s.LoginsPerDay / 86400}
	p.Busy = evening * p.Mean
	p.Events = p.Busy * s.EventsPerLogin
	rows := s.LoginsPerDay * (1 + s.EventsPerLogin) // events a day
	p.Data = (s.Accounts*f.Account.Value + rows*f.Event.Value*s.RetentionDays) / gb
	p.ByDay.WALDay = (s.LoginsPerDay*(f.WAL.Value+images(p.Mean, s, f)*f.PageImage.Value) + s.LoginsPerDay*s.EventsPerLogin*f.WALEvent.Value + s.LoginsPerDay*fading(s, f)) / gb
	p.ByDay.WALPeak = (s.Peak*f.WAL.Value + s.Peak*s.Known*images(s.Peak*s.Known, s, f)*f.PageImage.Value + p.Events*f.WALEvent.Value) / 1e6
	p.ByDay.Misses = s.Peak * s.Known * (1 - cached(s, f, 1)) * f.ReadsOfMissed.Value
	p.WALDay = p.ByDay.WALDay + rows*(keyImages(rows/86400, s, f)*f.KeyImage.Value+removal(f))/gb
	if s.RetentionDays > fadeDays {
		p.WALDay += s.LoginsPerDay * keyImages(rows/86400, s, f) * f.KeyImage.Value / gb // a new version, a new entry
	}
	p.WALPeak = p.ByDay.WALPeak + (s.Peak+p.Events)*keyImages(s.Peak+p.Events, s, f)*f.KeyImage.Value/1e6
	p.Hour = 3600 * (p.WALPeak/1e3 + (s.Peak+p.Events)*f.Event.Value/gb)
	p.Misses = misses(p, f, 1)
	p.Shapes = []Shape{embedded(p, f), postgres(p, f), citus(p, f)}
	for i := range p.Shapes {
		p.Shapes[i].Cost = p.Shapes[i].cost(s.Price, s.Standbys)
	}
	p.Advice = advise(p)
	p.Grows = law(s, f)
	return p, nil
}

// images is how many of the changes at a rate are the first of their page
// since the last checkpoint: balls into bins. Over 100 million accounts nearly
// all are, under an attack that goes through a list.
func images(rate float64, s Shop, f Figures) float64 {
	return firsts(rate, s.Accounts*f.Account.Value)
}

// keyImages is the same for the key of the events. It begins with the account,
// so that new events fall all over the key of all that are kept.
func keyImages(rate float64, s Shop, f Figures) float64 { return firsts(rate, keyBytes(s, f)) }

func keyBytes(s Shop, f Figures) float64 {
	return s.LoginsPerDay * (1 + s.EventsPerLogin) * s.RetentionDays * f.EventKey.Value
}

// removal is the log for an event that is removed when its time has come: by
// account, and so now on this page of its day and now on that.
func removal(f Figures) float64 {
	const rows = 1e6 // of a day; it does not matter how many
	return f.Removed.Value + firsts(rows/86400, rows*f.Event.Value)*f.PageImage.Value
}

// fading is the log for a sign-in whose address becomes a hash after 13 months,
// if it is kept for longer than that: account by account, too.
func fading(s Shop, f Figures) float64 {
	if s.RetentionDays <= fadeDays {
		return 0
	}
	const rows = 1e6
	return f.Faded.Value + firsts(rows/86400, rows*f.Event.Value)*f.PageImage.Value
}

func firsts(rate, bytes float64) float64 {
	pages := math.Max(1, bytes/page)
	x := rate * checkpoint / pages
	if x < 1e-9 {
		return 1
	}
	return -math.Expm1(-x) / x
}

// misses is how many random reads the peak takes with n database machines: for
// accounts that are not in memory, and for the place of each event in its key.
func misses(p Plan, f Figures, n float64) float64 {
	s := p.Shop
	key := math.Min(1, 0.2*n*s.Machine.RAM*gb/keyBytes(s, f))
	return s.Peak*s.Known*(1-cached(s, f, n))*f.ReadsOfMissed.Value + (s.Peak+p.Events)*(1-key)
}

// cached is the share of accounts in the memory of n database machines: a list
// attack asks for all alike. Two tenths are for the key of the events, and two
// are left to the newest events and the system.
func cached(s Shop, f Figures, n float64) float64 {
	return math.Min(1, 0.6*n*s.Machine.RAM*gb/(s.Accounts*f.Account.Value))
}

// limit is one thing that can be full.
type limit struct {
	name string
	used float64 // at the peak
	most float64
}

// first is the limit that is reached first when the peak grows, and at which
// peak: all grow with it.
func first(peak float64, list ...limit) (string, float64) {
	at, name := math.Inf(1), ""
	for _, l := range list {
		if l.used > 0 && peak*l.most/l.used < at {
			at, name = peak*l.most/l.used, l.name
		}
	}
	return name, at
}

func embedded(p Plan, f Figures) Shape {
	s := p.Shop
	used := s.Peak + p.Events*f.OneEvent.Value/f.OneDecision.Value
	cores := cpu(s.Peak, f.OneDecision, p.Events, f.OneEvent) / s.Load
	h := Shape{Name: "one node, embedded store", Nodes: 1, NodeCores: math.Max(2, math.Ceil(cores)), Partitions: 1, Shards: 1}
	h.RAM, h.Disk = 2*f.NodeMemory.Value+2, p.Data
	h.First, h.FirstAt = first(s.Peak, limit{"the one writer", used, f.OneNode.Value})
	if p.Data > s.Machine.Disk {
		h.First, h.FirstAt = "its disk", 0
	}
	h.Fits = used <= f.OneNode.Value*s.Load && s.Accounts <= embeddedMost && p.Data <= s.Machine.Disk
	return h
}

func cpu(a float64, fa Figure, b float64, fb Figure) float64 { return (a*fa.Value + b*fb.Value) / 1e6 }

// nodesOf fills in the stateless nodes before a database; one more than
// needed, so that one may fail or be upgraded.
func (h *Shape) nodesOf(p Plan, f Figures) {
	cores := cpu(p.Shop.Peak, f.NodeDecision, p.Events, f.NodeEvent) / p.Shop.Load
	h.Nodes = math.Ceil(cores/coresOfNode) + 1
	h.NodeCores = h.Nodes * coresOfNode
}

func postgres(p Plan, f Figures) Shape {
	s := p.Shop
	h := Shape{Name: "one PostgreSQL", Databases: 1, Shards: 1, Partitions: math.Ceil(s.RetentionDays), Width: 1}
	h.nodesOf(p, f)
	need := cpu(s.Peak, f.DBDecision, p.Events, f.DBEvent)
	h.DBCores = math.Max(4, math.Ceil(need/s.Load))
	copies := 1 + s.Standbys
	ram := memory(s, f, 1)
	h.RAM = copies*ram + h.Nodes*2*f.NodeMemory.Value
	h.Disk = copies*p.Data + archiveDays*p.WALDay
	list := []limit{{"the database's cores", need, s.Machine.Cores}, {"its log", p.WALPeak, s.Machine.WAL}, {"its random reads", p.Misses, s.Machine.IOPS}}
	h.First, h.FirstAt = first(s.Peak, list...)
	h.Fits = p.Data <= s.Machine.Disk
	for _, l := range list {
		h.Fits = h.Fits && l.used <= l.most*s.Load
	}
	if p.Data > s.Machine.Disk {
		h.First, h.FirstAt = "its disk", 0
	}
	return h
}

// memory is what the databases should have together: all accounts and a day's
// newest events, but no more than their machines can. The events' key is read
// from the disk where its reads are few.
func memory(s Shop, f Figures, n float64) float64 {
	key := 0.0
	if s.Peak > s.Machine.IOPS/10 {
		key = keyBytes(s, f)
	}
	want := (math.Max(s.Accounts*f.Account.Value/0.6, key/0.2) + s.LoginsPerDay*(1+s.EventsPerLogin)*f.Event.Value*0.2) / gb
	return math.Max(8*n, math.Min(n*s.Machine.RAM, math.Ceil(want)))
}

func citus(p Plan, f Figures) Shape {
	s := p.Shop
	h := Shape{Name: "Citus", Fits: true}
	h.nodesOf(p, f)
	need := f.Citus.Value * cpu(s.Peak, f.DBDecision, p.Events, f.DBEvent)
	workers := 2.0
	for _, l := range []float64{need / (s.Machine.Cores * s.Load), p.WALPeak / (s.Machine.WAL * s.Load), p.Data / s.Machine.Disk} {
		workers = math.Max(workers, math.Ceil(l))
	}
	for misses(p, f, workers) > workers*s.Machine.IOPS*s.Load {
		workers++
	}
	h.Databases = workers + 1 // and a coordinator, which is on nobody's path
	h.DBCores = math.Ceil(math.Max(4*workers, need/s.Load)) + 4
	copies := 1 + s.Standbys
	h.RAM = copies*(memory(s, f, workers)+8) + h.Nodes*2*f.NodeMemory.Value
	h.Disk = copies*p.Data + archiveDays*p.WALDay
	h.Shards = 32
	for h.Shards < 4*workers {
		h.Shards *= 2
	}
	h.Width = math.Max(1, math.Ceil(s.RetentionDays*h.Shards/(tablesOfWorker*workers)))
	h.Partitions = math.Ceil(s.RetentionDays / h.Width)
	h.First, h.FirstAt = first(s.Peak, limit{"the workers' cores", need, workers * s.Machine.Cores}, limit{"their log", p.WALPeak, workers * s.Machine.WAL}, limit{"their random reads", misses(p, f, workers), workers * s.Machine.IOPS})
	return h
}

func (h Shape) cost(p Price, standbys float64) float64 {
	return p.Core*(h.NodeCores+h.DBCores*(1+standbys)) + p.RAM*h.RAM + p.Disk*h.Disk
}

// advise takes the first that fits: each is simpler to run than the next.
func advise(p Plan) string {
	for _, h := range p.Shapes {
		if h.Fits {
			return h.Name
		}
	}
	return "none"
}

// law says what more of each costs with one PostgreSQL: everything is linear,
// so the differences are the law.
func law(s Shop, f Figures) []Grow {
	login := 1e6 / 86400 // a second, of a million a day
	event, faded := f.KeyImage.Value+removal(f), fading(s, f)
	if faded > 0 {
		faded += f.KeyImage.Value
	}
	return []Grow{
		{What: "a million accounts more", Disk: 1e6 * f.Account.Value / gb},
		{What: "a million sign-ins a day more", Cores: evening * login * (f.NodeDecision.Value + f.DBDecision.Value + s.EventsPerLogin*(f.NodeEvent.Value+f.DBEvent.Value)) / 1e6 / s.Load,
			Disk: 1e6 * (1 + s.EventsPerLogin) * f.Event.Value * s.RetentionDays / gb, PerDay: 1e6 * (f.WAL.Value + f.PageImage.Value + s.EventsPerLogin*f.WALEvent.Value + (1+s.EventsPerLogin)*event + faded) / gb},
		{What: "1,000 attempts a second more at the peak", Cores: 1000 * (f.NodeDecision.Value + f.DBDecision.Value) / 1e6 / s.Load, PerPeak: 1000 * (f.WAL.Value + s.Known*f.PageImage.Value + f.KeyImage.Value) / 1e6},
		{What: "a day of keeping events more", Disk: s.LoginsPerDay * (1 + s.EventsPerLogin) * f.Event.Value / gb},
	}
}
