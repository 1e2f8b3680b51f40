// Package replay sends recorded events through the decision path in their own
// time and writes down what each scored and what would have been decided
// (docs/simulation.md): for trying a policy before it is switched on, for
// measuring detection on a simulated world, and for others who judge it.
//
// The path is intake's, the very same as the server's; only what is behind it
// differs: a ledger in memory instead of a file (ledger.go), commands that
// count as done at once, and incidents that end by what was recorded
// (ends.go). What the numbers are worth is measure's to say.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/policy"
	"mimamori/traffic"
)

// Options of a replay.
type Options struct {
	Inputs []string // files of events: NDJSON, or a login log as CSV
	Policy policy.Policy
	Geo    *geo.DB // nil: the embedded table
	// SkipBad is told of each line that cannot be read; nil: such a line ends
	// the run.
	SkipBad func(BadLine) error
	// Row is given each row of the scores, in order.
	Row func(Row) error
	// Watch is given each event before it is taken in; for other scores beside
	// ours. It may be nil.
	Watch func(event.Event, geo.Place)
	// Progress is called now and then with the bytes read, and at the end.
	Progress func(done, of int64)
}

// Summary is what was replayed.
type Summary struct {
	Events, Logins, Rows, Skipped int
	Elapsed                       time.Duration
}

// BadLine is a line that is no event.
type BadLine struct {
	File string
	Line int // from 1
	Err  error
}

// Error names the file and the line.
func (b BadLine) Error() string {
	return fmt.Sprintf("%s, line %d: %v", filepath.Base(b.File), b.Line, b.Err)
}

// Unwrap gives what was wrong with it.
func (b BadLine) Unwrap() error { return b.Err }

// Run replays the inputs, together in the order of time. It ends with the
// first line that is no event (a BadLine), unless those are to be skipped.
// The result depends on the inputs and the policy alone.
func Run(ctx context.Context, opt Options) (Summary, error) {
	if opt.Geo == nil {
		opt.Geo = geo.Embedded()
	}
	p := opt.Policy.Policy
	p.Mode = decide.Enforce
	if err := p.Check(); err != nil {
		return Summary{}, err
	}
	r := &run{opt: opt, ledger: newLedger(), began: time.Now(), told: map[name]Row{}}
	r.rows.put = opt.Row
	r.ends.ledger, r.ends.policy = r.ledger, p
	r.in = intake.New(r.ledger, intake.Options{Geo: opt.Geo, Traffic: traffic.New(0), Policy: p, Rules: opt.Policy.Rules, Inline: true, Later: r.later})
	src, err := open(opt.Inputs)
	if err != nil {
		return Summary{}, err
	}
	defer src.close()
	r.ledger.again = src.again
	err = r.all(ctx, src)
	r.sum.Elapsed, r.sum.Rows = time.Since(r.began), r.rows.n
	return r.sum, err
}

// run is one replay at work.
type run struct {
	opt    Options
	in     *intake.Intake
	ledger *ledger
	rows   rows
	ends   ends
	began  time.Time
	sum    Summary
	inputs int          // events taken in so far
	told   map[name]Row // what was decided above allow, for an event that comes again
}

func (r *run) all(ctx context.Context, src *source) error {
	for n := 0; ; n++ {
		l, err := src.next()
		switch {
		case errors.Is(err, io.EOF):
			if r.opt.Progress != nil {
				r.opt.Progress(src.size, src.size)
			}
			return r.rows.flush(time.Time{})
		case err != nil:
			return err
		case l.err != nil:
			err = r.bad(l)
		default:
			err = r.one(ctx, l)
		}
		if err != nil {
			return err
		}
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.opt.Progress != nil {
				r.opt.Progress(src.read.Load(), src.size)
			}
		}
	}
}

// bad ends the run, or notes the line and goes on.
func (r *run) bad(l *line) error {
	b := BadLine{File: l.file, Line: l.number, Err: l.err}
	if r.opt.SkipBad == nil {
		return b
	}
	r.sum.Skipped++
	return r.opt.SkipBad(b)
}

// one takes one event in at its own time.
func (r *run) one(ctx context.Context, l *line) error {
	e := l.event
	if r.opt.Watch != nil {
		r.opt.Watch(e, r.place(e))
	}
	if err := r.rows.flush(e.Time); err != nil {
		return err
	}
	if !e.NoAccount() {
		if err := r.ends.before(e); err != nil {
			return fmt.Errorf("%s, line %d: %w", filepath.Base(l.file), l.number, err)
		}
	}
	r.inputs++
	r.ledger.at, r.ledger.input = l, r.inputs
	told, taken := false, Row{}
	each := func(o intake.Outcome) {
		told = true
		taken = r.row(l, o)
		r.rows.add(taken)
	}
	_, err := r.in.Take(ctx, []event.Event{e}, intake.How{Now: e.Time, Each: each})
	switch {
	case errors.Is(err, mimamori.ErrConflict):
		l.err = errors.New("an event of this id with other content came before")
		return r.bad(l)
	case err != nil:
		return fmt.Errorf("%s, line %d: %w", filepath.Base(l.file), l.number, err)
	}
	n := nameOf(e.Account, e.Source, e.ID)
	switch {
	case !told: // it came before, word for word: answered alike, and changes nothing
		r.rows.add(r.repeat(l))
	case taken.Decision != decide.Allow || taken.Incident != "":
		r.told[n] = taken
	default:
		r.ledger.answered(n, taken)
	}
	if !e.NoAccount() {
		if err := r.ends.after(e); err != nil {
			return fmt.Errorf("%s, line %d: %w", filepath.Base(l.file), l.number, err)
		}
	}
	r.sum.Events++
	if e.Kind == event.LoginAttempted {
		r.sum.Logins++
	}
	return nil
}

func (r *run) place(e event.Event) geo.Place {
	var ip string
	switch d := e.Payload.(type) {
	case *event.Login:
		ip = d.IP
	case *event.Session:
		ip = d.IP
	}
	addr, err := geo.Parse(ip)
	if err != nil {
		return geo.Place{Kind: geo.Unknown}
	}
	return r.opt.Geo.Lookup(addr)
}

// Files replays into a file of scores, which appears only when the run has
// come to its end, and a list of bad lines when skip names one.
func Files(ctx context.Context, opt Options, scores, skip string) (sum Summary, err error) {
	tmp := scores + ".part"
	f, err := os.Create(tmp)
	if err != nil {
		return sum, fmt.Errorf("write scores: %w", err)
	}
	w := NewWriter(f)
	defer func() {
		err = errors.Join(err, w.Flush(), f.Close())
		if err == nil {
			err = os.Rename(tmp, scores)
		} else {
			_ = os.Remove(tmp)
		}
	}()
	opt.Row = w.Write
	if skip != "" {
		bad, err := os.Create(skip)
		if err != nil {
			return sum, fmt.Errorf("write the list of bad lines: %w", err)
		}
		defer func() { err = errors.Join(err, bad.Close()) }()
		opt.SkipBad = func(b BadLine) error {
			_, err := fmt.Fprintf(bad, "%s:%d: %v\n", b.File, b.Line, b.Err)
			return err
		}
	}
	return Run(ctx, opt)
}
