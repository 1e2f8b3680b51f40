package scale

// Figure is one measured number, with what it takes to trust it.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Date   string  `json:"date"`
	Source string  `json:"source"` // how it was had, on which machine
}

// Figures are all that the arithmetic rests on.
type Figures struct {
	NodeDecision  Figure // CPU of our process for a decision, TLS not counted
	NodeEvent     Figure // and for an event in a batch
	OneNode       Figure // durable decisions a second on the embedded store
	DBDecision    Figure // CPU of PostgreSQL for a decision, in batches
	DBEvent       Figure // and for an event
	Citus         Figure // how many times that a Citus cluster takes
	Account       Figure // bytes of one account with its indexes
	Event         Figure // bytes of one event with its indexes
	WAL           Figure // bytes of log for a decision on a page changed before
	PageImage     Figure // more for the first change of a page after a checkpoint
	WALEvent      Figure // bytes of log for an event
	NodeMemory    Figure // of one node
	ReadsOfMissed Figure // disk reads for an account that is not in memory
}

// trial is the machine that most were measured on: what matters is the ratio
// of one's own machine to it, which mimamori bench shows.
const trial = "two cores of an AMD EPYC, load generator on the same cores"

// Measured are the figures of today's build. Each is replaced here when it is
// measured anew; docs/scale.md then follows by make docs.
func Measured() Figures {
	return Figures{
		NodeDecision: Figure{"CPU of a node for a decision", 214, "µs", "2026-11-22", "mimamori bench decisions, embedded store included; " + trial},
		NodeEvent:    Figure{"CPU of a node for an event in a batch", 88, "µs", "2026-11-22", "mimamori bench events, embedded store included; " + trial},
		OneNode:      Figure{"decisions a second of the embedded store", 5944, "/s", "2026-11-22", "mimamori bench decisions; " + trial},
		DBDecision:   Figure{"CPU of PostgreSQL for a decision", 60, "µs", "2026-11-22", "trial with batches of 17 to 68: 84 to 53 with its client, 30 to 43 of them in the server (PostgreSQL 15, the statements of the decision path); " + trial},
		DBEvent:      Figure{"CPU of PostgreSQL for an event in a batch", 30, "µs", "2026-11-22", "half of a decision: one insert instead of an insert and two updates; an estimate"},
		Citus:        Figure{"times the database's CPU in a Citus cluster", 4, "", "2026-11-10", "Citus 13.2 beside PostgreSQL 15 on the same two cores, one worker a batch: 351 against 84 µs, 210 against 53"},
		Account:      Figure{"bytes of an account", 790, "B", "2026-11-22", "1,000,000 rows with a picture of 512 bytes, indexes included, PostgreSQL 15"},
		Event:        Figure{"bytes of an event", 682, "B", "2026-11-22", "890,729 sign-ins of 300 bytes with their answers, indexes included, PostgreSQL 15"},
		WAL:          Figure{"log for a decision", 1048, "B", "2026-11-22", "711,661 decisions over 20,000 accounts, batches of 32, wal_compression lz4, PostgreSQL 15"},
		PageImage:    Figure{"log for the first change of a page after a checkpoint", 5850, "B", "2026-11-22", "the same over 1,000,000 accounts: 0.49 page images and 3,897 bytes a decision"},
		WALEvent:     Figure{"log for an event", 800, "B", "2026-11-22", "the insert's share of a decision's; an estimate"},
		NodeMemory:   Figure{"memory of a node", 1, "GB", "2026-11-22", "258 MiB at 20,000 accounts; the bound asked for is 1 GiB at 10,000,000"},
		ReadsOfMissed: Figure{"disk reads for an account that is not in memory", 2, "", "2026-11-22",
			"the last page of the index and the row's; by construction"},
	}
}

// List is all of them in order.
func (f Figures) List() []Figure {
	return []Figure{f.NodeDecision, f.NodeEvent, f.OneNode, f.DBDecision, f.DBEvent, f.Citus, f.Account, f.Event, f.WAL, f.PageImage, f.WALEvent, f.NodeMemory, f.ReadsOfMissed}
}
