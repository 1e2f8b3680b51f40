package replay

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
)

// Header names the columns of the scores (docs/simulation.md).
var Header = []string{"event_id", "type", "probability", "decision", "signals", "campaign", "incident", "at"}

// Row is one row of the scores: what was decided about an event, at a time.
type Row struct {
	EventID     string
	Subject     string // whose account; not written
	Session     string // of the event; empty where a sign-in was weighed again. Not written
	Type        string
	Assessed    bool
	Probability float64
	Decision    decide.Decision
	Signals     []string
	Campaigns   []string
	Incident    string
	At          time.Time

	input int // place among the inputs' events
	made  int // among the rows
}

// Writer writes rows as RFC 4180.
type Writer struct {
	out  *bufio.Writer
	csv  *csv.Writer
	rows int
}

// NewWriter begins a file of scores.
func NewWriter(w io.Writer) *Writer {
	b := bufio.NewWriterSize(w, 1<<20)
	c := csv.NewWriter(b)
	c.UseCRLF = true
	return &Writer{out: b, csv: c}
}

// Write adds a row.
func (w *Writer) Write(r Row) error {
	if w.rows++; w.rows == 1 {
		if err := w.csv.Write(Header); err != nil {
			return err
		}
	}
	p := ""
	if r.Assessed {
		p = strconv.FormatFloat(r.Probability, 'f', 9, 64)
	}
	return w.csv.Write([]string{r.EventID, r.Type, p, string(r.Decision), strings.Join(r.Signals, "|"), strings.Join(r.Campaigns, "|"), r.Incident,
		r.At.UTC().Format(time.RFC3339Nano)})
}

// Flush ends the file.
func (w *Writer) Flush() error {
	if w.rows == 0 {
		if err := w.csv.Write(Header); err != nil {
			return err
		}
	}
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return err
	}
	return w.out.Flush()
}

// rows puts what was decided at one time in the order of the input, and gives
// incidents names that are the same in each run.
type rows struct {
	put     func(Row) error
	at      time.Time
	waiting []Row
	n       int
	names   map[mimamori.IncidentID]string
}

// flush writes what is older than a time; the zero time: everything.
func (r *rows) flush(now time.Time) error {
	if len(r.waiting) == 0 || !now.IsZero() && !now.After(r.at) {
		return nil
	}
	slices.SortStableFunc(r.waiting, func(a, b Row) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.input, b.input), cmp.Compare(a.made, b.made))
	})
	for _, row := range r.waiting {
		if r.put != nil {
			if err := r.put(row); err != nil {
				return err
			}
		}
	}
	r.waiting = r.waiting[:0]
	return nil
}

func (r *rows) add(row Row) {
	r.n++
	row.made = r.n
	if row.At.After(r.at) {
		r.at = row.At
	}
	r.waiting = append(r.waiting, row)
}

// name calls an incident by its place among those that were opened.
func (r *rows) name(id mimamori.IncidentID) string {
	if id == "" {
		return ""
	}
	if r.names == nil {
		r.names = map[mimamori.IncidentID]string{}
	}
	n, ok := r.names[id]
	if !ok {
		n = "inc_" + strconv.Itoa(len(r.names)+1)
		r.names[id] = n
	}
	return n
}

// row is what became of an event when it was taken in.
func (r *run) row(l *line, o intake.Outcome) Row {
	row := Row{EventID: l.event.ID, Subject: l.event.Subject, Session: l.event.Session, Type: string(l.event.Kind), Assessed: o.Assessment.Assessed, Probability: o.Given,
		Decision: o.Decision, Campaigns: o.Campaigns, At: l.event.Time, input: r.inputs}
	for _, s := range o.Assessment.Signals {
		row.Signals = append(row.Signals, s.Name)
	}
	if a := o.Account; a != nil && a.Standing.Open() {
		if i := r.ledger.incidents[a.Standing.Incident]; i != nil && (concerns(i, l.event.Session) || row.Decision.AtLeast(decide.Hold)) {
			row.Incident = r.rows.name(i.ID)
			switch standing := decide.Hold; {
			case !i.DecidedAt.IsZero():
				row.Decision = decide.Contain
			case i.State == incident.Held && standing.AtLeast(row.Decision):
				row.Decision = standing
			}
		}
	}
	return row
}

// later is a further row: a sign-in that was weighed again, or points.
func (r *run) later(x intake.Later) {
	row := Row{EventID: x.Event, Type: string(x.Kind), Assessed: true, Probability: x.Probability, Decision: x.Decision,
		Campaigns: x.Campaigns, Incident: r.rows.name(x.Incident), At: x.At, input: r.ledger.inputOf(x.Account, x.Source, x.Event)}
	if a := r.ledger.accounts[x.Account]; a != nil {
		row.Subject = a.Subject
	}
	if x.Kind != event.LoginAttempted {
		row.Session = x.Session
	}
	for _, s := range x.Signals {
		row.Signals = append(row.Signals, s.Name)
	}
	r.rows.add(row)
}

// repeat is the row of an event that came before, word for word: as it was
// answered then.
func (r *run) repeat(l *line) Row {
	n := nameOf(l.event.Account, l.event.Source, l.event.ID)
	row, ok := r.told[n]
	if !ok {
		was := r.ledger.seen[n]
		row = Row{EventID: l.event.ID, Subject: l.event.Subject, Type: string(l.event.Kind), Decision: decide.Allow, Assessed: was.assessed, Probability: was.probability}
		if was.signals != "" {
			row.Signals = strings.Split(was.signals, "|")
		}
	}
	row.Session, row.At, row.input = l.event.Session, l.event.Time, r.inputs
	return row
}
