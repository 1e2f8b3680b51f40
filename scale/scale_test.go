package scale

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"mimamori"
)

func plan(t *testing.T, s Shop) Plan {
	t.Helper()
	p, err := Compute(s, Measured())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.01*math.Abs(b) }

// TestTheSumByHand does the large example on paper, from round figures.
func TestTheSumByHand(t *testing.T) {
	f := Measured()
	for _, v := range []*Figure{&f.NodeDecision, &f.NodeEvent, &f.DBDecision, &f.DBEvent, &f.OneDecision, &f.OneEvent, &f.Account, &f.Event, &f.WAL, &f.PageImage, &f.WALEvent, &f.EventKey, &f.KeyImage, &f.Removed, &f.Faded, &f.OneNode} {
		v.Value = map[string]float64{"µs": 100, "B": 1000, "/s": 5000}[v.Unit]
	}
	p, err := Compute(Shop{Accounts: 100e6, LoginsPerDay: 8.64e6, Peak: 100_000, EventsPerLogin: 4, Known: 0.5, RetentionDays: 100, Standbys: 1}, f)
	if err != nil {
		t.Fatal(err)
	}
	// 100 decisions a second, 300 in the evening, 1,200 events beside them.
	// 100 M x 1,000 B = 100 GB; 5 x 8.64 M x 1,000 B x 100 days = 4,320 GB.
	// At the worst 100,000 x 100 µs = 10 cores, events 0.12: 20.24 at half load.
	// 12.2 M pages; 50,000/s x 1,800 s = 90 M touches: 7.37 a page, 0.1356 images each.
	// The key of the events: 4.32 G x 1,000 B, 527 M pages; 101,200/s x 1,800 s = 182 M
	// touches: 0.3454 a page, 0.8457 images each, of 1,000 B.
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"mean", p.Mean, 100}, {"evening", p.Busy, 300}, {"events", p.Events, 1200}, {"data", p.Data, 4420}, {"log a second", p.WALPeak, 100 + 50*0.1356 + 1.2 + 101.2*0.8457}, {"and by day", p.ByDay.WALPeak, 100 + 50*0.1356 + 1.2},
		{"an hour", p.Hour, 3.6*(100+50*0.1356+1.2+101.2*0.8457) + 3600*101_200*1000/1e9},
		{"nodes", p.Shapes[1].Nodes, 4}, {"database cores", p.Shapes[1].DBCores, 21}, {"Citus workers and coordinator", p.Shapes[2].Databases, 3}, {"Citus cores", p.Shapes[2].DBCores, 81 + 4},
		{"disk", p.Shapes[1].Disk, 2*4420 + 7*p.WALDay},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s = %v, want %v", c.what, c.got, c.want)
		}
	}
	if p.Advice != "one PostgreSQL" || p.Shapes[0].Fits {
		t.Errorf("advice %q, %+v", p.Advice, p.Shapes[0])
	}
}

// TestEachShapeHasItsSize: a small shop needs no database, a large one no
// cluster, and only what no machine carries needs one.
func TestEachShapeHasItsSize(t *testing.T) {
	for _, c := range []struct {
		shop Shop
		want string
	}{
		{Shop{Accounts: 200_000}, "one node, embedded store"},
		{Shop{Accounts: 10e6, LoginsPerDay: 1e6, Peak: 5000}, "one PostgreSQL"},
		{Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 40_000, Standbys: 1, RetentionDays: 365}, "one PostgreSQL"},
		{Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, Standbys: 1, RetentionDays: 365}, "Citus"}, // the log, for want of partitions
		{Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, Standbys: 1, RetentionDays: 365, Machine: Machine{WAL: 1000}}, "one PostgreSQL"},
		{Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, Standbys: 1}, "Citus"},
		{Shop{Accounts: 2e9, LoginsPerDay: 100e6, Peak: 1e6, Standbys: 1}, "Citus"},
		{Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, RetentionDays: 365, Machine: Machine{Cores: 8}}, "Citus"},
	} {
		if p := plan(t, c.shop); p.Advice != c.want {
			t.Errorf("%+v: %s, want %s\n%s", c.shop, p.Advice, c.want, p.Text())
		}
	}
}

// TestPartitionsWouldSave: the key of all events that are kept is what makes
// the log long, the more the longer they are kept.
func TestPartitionsWouldSave(t *testing.T) {
	short, long := plan(t, Shop{Accounts: 10e6, LoginsPerDay: 1e6, RetentionDays: 60}), plan(t, Shop{Accounts: 10e6, LoginsPerDay: 1e6, RetentionDays: 1826})
	if short.WALDay <= short.ByDay.WALDay || long.WALDay <= short.WALDay || !near(long.ByDay.WALDay-long.Shop.LoginsPerDay*fading(long.Shop, Measured())/gb, short.ByDay.WALDay) {
		t.Errorf("log a day: 60 days %v, by day %v; five years %v, by day %v", short.WALDay, short.ByDay.WALDay, long.WALDay, long.ByDay.WALDay)
	}
}

// TestAClusterCostsFourTimesTheCores for the same decisions, so that it must
// have more than four machines before it carries more than one of them.
func TestAClusterCostsFourTimesTheCores(t *testing.T) {
	s := Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, RetentionDays: 365, Machine: Machine{Cores: 16, RAM: 512}}
	p := plan(t, s)
	ratio := (p.Shapes[2].DBCores - 4) / p.Shapes[1].DBCores
	if ratio < 3.6 || ratio > 4.2 {
		t.Errorf("Citus needs %.1f times the cores, want 4", ratio)
	}
	if workers := p.Shapes[2].Databases - 1; workers <= 4*p.Shapes[1].DBCores/16-1 {
		t.Errorf("%v workers of 16 cores for what one with %v cores does", workers, p.Shapes[1].DBCores)
	}
}

// TestMoreNeverCostsLess, of anything.
func TestMoreNeverCostsLess(t *testing.T) {
	base := Shop{Accounts: 5e6, LoginsPerDay: 1e6, Peak: 2000, EventsPerLogin: 4, Known: 0.3, RetentionDays: 100, Standbys: 1, Price: Price{Core: 30, RAM: 4, Disk: 0.1}}
	for name, grow := range map[string]func(*Shop){
		"accounts": func(s *Shop) { s.Accounts *= 1.7 }, "logins": func(s *Shop) { s.LoginsPerDay *= 1.7 }, "peak": func(s *Shop) { s.Peak *= 1.7 },
		"events": func(s *Shop) { s.EventsPerLogin *= 1.7 }, "retention": func(s *Shop) { s.RetentionDays *= 1.7 }, "standbys": func(s *Shop) { s.Standbys++ },
		"emptier": func(s *Shop) { s.Load *= 0.8 },
	} {
		s := base
		s.Load = 0.5
		before := plan(t, s)
		for range 20 {
			grow(&s)
			after, err := Compute(s, Measured())
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range after.Shapes {
				if was := before.Shapes[i]; h.Cost < was.Cost*0.999 || h.DBCores < was.DBCores || h.Disk < was.Disk*0.999 {
					t.Fatalf("more %s: %+v after %+v", name, h, was)
				}
			}
			if before = after; after.Shop.Accounts > 1e11 || after.Shop.Standbys > 5 || s.Load < 0.05 {
				break
			}
		}
	}
}

func TestFirstChangesOfPages(t *testing.T) {
	f := Measured()
	few, many := Shop{Accounts: 1000}, Shop{Accounts: 1e9}
	if got := images(1000, few, f); got > 0.001 {
		t.Errorf("a thousand accounts: %v page images a change", got)
	}
	if got := images(10, many, f); got < 0.99 {
		t.Errorf("a thousand million accounts: %v page images a change", got)
	}
	// What was measured: 179,068 decisions over 745 MB gave 0.493.
	if got := images(179_068.0/checkpoint, Shop{Accounts: 745e6 / f.Account.Value}, f); math.Abs(got-0.44) > 0.06 {
		t.Errorf("as measured: %v, want about 0.49", got)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, s := range []Shop{{}, {Accounts: -1}, {Accounts: math.NaN()}, {Accounts: math.Inf(1)}, {Accounts: 1, Known: 2}, {Accounts: 1, Load: 3}, {Accounts: 1, Standbys: -1}, {Accounts: 1, Peak: -3}, {Accounts: 1, Price: Price{Core: -1}}} {
		if _, err := Compute(s, Measured()); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
		if _, err := Plot(s, Measured()); err == nil {
			t.Errorf("%+v is drawn", s)
		}
	}
}

func TestThePlotIsWhole(t *testing.T) {
	drawn, err := Plot(Shop{Accounts: 100e6, LoginsPerDay: 10e6, Peak: 100_000, Standbys: 1, Price: Price{Core: 1, Currency: "<JPY>"}}, Measured())
	if err != nil {
		t.Fatal(err)
	}
	for dec := xml.NewDecoder(strings.NewReader(drawn)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"one node, embedded store", "one PostgreSQL", "Citus", "&lt;JPY&gt; a month"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no %q in the plot", want)
		}
	}
}

// TestEveryFigureSaysWhereItIsFrom: a number without date and source is a
// guess that looks like a measurement.
func TestEveryFigureSaysWhereItIsFrom(t *testing.T) {
	for _, f := range Measured().List() {
		if f.Value <= 0 || f.Name == "" || len(f.Date) != len("2026-11-22") || len(f.Source) < 20 {
			t.Errorf("%+v", f)
		}
	}
}
