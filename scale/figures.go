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
	NodeDecision  Figure // CPU of a node before PostgreSQL for a decision, TLS not counted
	NodeEvent     Figure // and for an event in a batch
	OneDecision   Figure // CPU of a node with the embedded store for a decision
	OneEvent      Figure // and for an event in a batch
	OneNode       Figure // durable decisions a second on the embedded store
	DBDecision    Figure // CPU of PostgreSQL for a decision, in batches
	DBEvent       Figure // and for an event
	Citus         Figure // how many times that a Citus cluster takes
	Account       Figure // bytes of one account with its indexes
	Event         Figure // bytes of one event with its indexes
	WAL           Figure // bytes of log for a decision on a page changed before
	PageImage     Figure // more for the first change of a page after a checkpoint
	WALEvent      Figure // bytes of log for an event
	EventKey      Figure // bytes of an event in the index that is its key
	Removed       Figure // bytes of log for an event that is removed, on pages changed before
	Faded         Figure // and for one whose address becomes a hash
	KeyImage      Figure // log for the first change of one of that index's pages after a checkpoint
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
		NodeDecision: Figure{"CPU of a node before PostgreSQL for a decision", 107, "µs", "2026-11-22", "mimamori bench decisions --database, three runs (102 to 108), nothing else running; " + trial},
		NodeEvent:    Figure{"CPU of a node before PostgreSQL for an event in a batch", 22, "µs", "2026-11-22", "mimamori bench events --database, batches of 500, nothing else running; " + trial},
		OneDecision:  Figure{"CPU of a node with the embedded store for a decision", 153, "µs", "2026-11-22", "mimamori bench decisions, six runs (136 to 178), nothing else running; " + trial},
		OneEvent:     Figure{"CPU of a node with the embedded store for an event in a batch", 45, "µs", "2026-11-22", "mimamori bench events, batches of 500, nothing else running; " + trial},
		OneNode:      Figure{"decisions a second of the embedded store", 8600, "/s", "2026-11-22", "mimamori bench decisions, six runs (7,690 to 10,070), nothing else running; " + trial},
		DBDecision:   Figure{"CPU of PostgreSQL for a decision", 65, "µs", "2026-11-22", "all processes of PostgreSQL 15 during 19,100 decisions through HTTP, data in memory; 57 in a run before; " + trial},
		DBEvent:      Figure{"CPU of PostgreSQL for an event in a batch", 20, "µs", "2026-11-22", "the same during 40,500 events in batches of 500 (16), and something for noise; " + trial},
		Citus:        Figure{"times the database's CPU in a Citus cluster", 4, "", "2026-11-10", "trial with Citus 13.2 beside PostgreSQL 15 on the same two cores, one worker a batch: 351 against 84 µs, 210 against 53"},
		Account:      Figure{"bytes of an account", 1247, "B", "2026-11-22", "17,928 accounts after 4 sign-ins each, indexes and the room that updates leave included, PostgreSQL 15"},
		Event:        Figure{"bytes of an event", 744, "B", "2026-11-22", "81,488 events, five of six of them sign-ins with their answers, indexes included, PostgreSQL 15"},
		WAL:          Figure{"log for a decision", 1650, "B", "2026-11-22", "39,325 decisions on pages changed before (1,865 with 0.04 page images), wal_compression lz4, PostgreSQL 15"},
		PageImage:    Figure{"log for the first change of a page after a checkpoint", 5850, "B", "2026-11-22", "trial of the decision path's statements over 1,000,000 accounts: 0.49 page images and 3,897 bytes a decision, 1,048 without; wal_compression lz4"},
		WALEvent:     Figure{"log for an event", 1264, "B", "2026-11-22", "40,500 events in batches of 500 on pages changed before, wal_compression lz4, PostgreSQL 15"},
		EventKey:     Figure{"bytes of an event in its key", 135, "B", "2026-11-22", "1,500,000 events of 200,000 accounts, names of 36 bytes, PostgreSQL 15"},
		KeyImage:     Figure{"log for the first change of a page of the events' key", 3250, "B", "2026-11-22", "3,000 events of random accounts among 1,500,000 after a checkpoint: 0.98 page images and 3,827 bytes each, 656 where the pages were changed before; wal_compression lz4"},
		Removed:      Figure{"log for an event that is removed when its time has come", 87, "B", "2026-11-22", "go test -bench Retention ./store without its CHECKPOINT; 262 with the first change of pages that 12 of them share; wal_compression on, PostgreSQL 15"},
		Faded:        Figure{"log for an event whose address becomes a hash", 465, "B", "2026-11-22", "the same; 642 with the first change of pages that 10 of them share"},
		NodeMemory:   Figure{"memory of a node", 1, "GB", "2026-11-22", "282 MiB at 20,000 accounts; the bound asked for is 1 GiB at 10,000,000"},
		ReadsOfMissed: Figure{"disk reads for an account that is not in memory", 2, "", "2026-11-22",
			"the last page of the index and the row's; by construction"},
	}
}

// List is all of them in order.
func (f Figures) List() []Figure {
	return []Figure{f.NodeDecision, f.NodeEvent, f.OneDecision, f.OneEvent, f.OneNode, f.DBDecision, f.DBEvent, f.Citus, f.Account, f.Event, f.WAL, f.PageImage, f.WALEvent, f.EventKey, f.KeyImage, f.Removed, f.Faded, f.NodeMemory, f.ReadsOfMissed}
}
