package scale

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// number writes 1234567 as 1,234,567, and small ones with what matters.
func number(v float64) string {
	switch {
	case math.IsInf(v, 0):
		return "-"
	case v != 0 && math.Abs(v) < 10 && v != math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 2-int(math.Floor(math.Log10(math.Max(math.Abs(v), 1)))), 64)
	}
	digits := strconv.FormatFloat(math.Abs(math.Round(v)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if v < 0 {
		return "-" + digits
	}
	return digits
}

// Text tells the plan as mimamori size prints it.
func (p Plan) Text() string {
	var out strings.Builder
	s := p.Shop
	fmt.Fprintf(&out, "%s accounts, %s sign-in attempts a day (%s a second, %s in the evening), at the worst %s a second, %s %% of them on accounts that exist;\n%s other events with each, kept %s days; a machine at most %s %% full, %s standby of each database.\n\n",
		number(s.Accounts), number(s.LoginsPerDay), number(p.Mean), number(p.Busy), number(s.Peak), number(100*s.Known), number(s.EventsPerLogin), number(s.RetentionDays), number(100*s.Load), number(s.Standbys))
	fmt.Fprintf(&out, "data, one copy      %s GB\nlog, a day          %s GB\nlog, at the worst   %s MB a second; with the events an hour of it adds %s GB\nrandom reads        %s a second at the worst, with %s GB of memory\n\n",
		number(p.Data), number(p.WALDay), number(p.WALPeak), number(p.Hour), number(p.Misses), number(s.Machine.RAM))
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\tfits\tnodes\tcores\tdatabases\tcores\tmemory\tdisk")
	if s.Price.Core > 0 {
		fmt.Fprint(w, "\ta month")
	}
	fmt.Fprintln(w, "\tbreaks first")
	for _, h := range p.Shapes {
		fits := "no"
		if h.Fits {
			fits = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s GB\t%s GB", h.Name, fits, number(h.Nodes), number(h.NodeCores), number(h.Databases), number(h.DBCores), number(h.RAM), number(h.Disk))
		if s.Price.Core > 0 {
			fmt.Fprintf(w, "\t%s %s", number(h.Cost), s.Price.Currency)
		}
		if h.FirstAt == 0 {
			fmt.Fprintf(w, "\t%s, already\n", h.First)
		} else {
			fmt.Fprintf(w, "\t%s, at %s/s\n", h.First, number(h.FirstAt))
		}
	}
	_ = w.Flush()
	pg, ci := p.Shapes[1], p.Shapes[2]
	fmt.Fprintf(&out, "\nTake: %s.\n", p.Advice)
	fmt.Fprintf(&out, "With the events partitioned by day, which is not built: log a day %s GB, at the worst %s MB a second, random reads %s a second;\n%s partitions in one PostgreSQL, in Citus %s of %s days with %s shards each.\n\n",
		number(p.ByDay.WALDay), number(p.ByDay.WALPeak), number(p.ByDay.Misses), number(pg.Partitions), number(ci.Partitions), number(ci.Width), number(ci.Shards))
	w = tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what more costs\tcores\tdisk, one copy\tlog, a day\tlog, at the worst")
	for _, g := range p.Grows {
		fmt.Fprintf(w, "%s\t%s\t%s GB\t%s GB\t%s MB/s\n", g.What, number(g.Cores), number(g.Disk), number(g.PerDay), number(g.PerPeak))
	}
	_ = w.Flush()
	out.WriteString("\nFrom figures measured on two cores; beyond that the arithmetic supposes that cores add up. mimamori size --figures shows each with date and source.\n")
	return trimmed(out.String())
}

// trimmed takes away the blanks that a table leaves at the end of lines.
func trimmed(s string) string {
	var out strings.Builder
	for l := range strings.Lines(s) {
		out.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return out.String()
}

// Table tells the figures.
func (f Figures) Table() string {
	var out strings.Builder
	for _, g := range f.List() {
		fmt.Fprintf(&out, "%s: %s %s\n    %s, %s\n", g.Name, number(g.Value), g.Unit, g.Date, g.Source)
	}
	return strings.ReplaceAll(out.String(), " \n", "\n")
}
