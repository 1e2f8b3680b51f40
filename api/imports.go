package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/staff"
)

const (
	chunkLines = 500
	busyLines  = 40
	chunkBytes = 4 << 20
)

// importing is one request to POST /v1/imports at work. line counts the lines
// of the whole file, durable those that are stored.
type importing struct {
	d       *doors
	key     staff.APIKey
	durable intake.Import
	line    int64
	pending []event.Event
	at      []int64 // of each pending event: the lines up to and with it
	bytes   int
	header  int64  // 1 for a CSV, whose first line is no row
	under   *batch // being stored; nil: none
}

// takeImport is POST /v1/imports: the past, as NDJSON or as a login log in
// CSV, taken in chunks while it arrives. What is durable is skipped, so the
// same file may be sent again after any interruption.
func (d *doors) takeImport(w http.ResponseWriter, r *http.Request) {
	ct, p := mediaType(r, ndjsonType, csvType, "application/ndjson", "application/jsonl")
	if p != nil {
		p.write(w)
		return
	}
	key := caller(r.Context())
	ask, err := readImportAsk(r, key, ct)
	if err != nil {
		problemOf(err).write(w)
		return
	}
	stored := storedName(key, ask.name)
	if !d.beginImport(stored) {
		problem("conflict", "an import of this name is running now").write(w)
		return
	}
	defer d.endImport(stored)
	done, err := d.runImport(w, r, ask, stored)
	if err != nil {
		d.fail(r.Context(), r.Pattern, err).write(w)
		return
	}
	done.Name = ask.name
	body, err := json.Marshal(done)
	if err != nil {
		d.fail(r.Context(), r.Pattern, err).write(w)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func (d *doors) runImport(w http.ResponseWriter, r *http.Request, ask importAsk, stored string) (intake.Import, error) {
	if d.opt.Imports == nil {
		return intake.Import{}, missing()
	}
	far, err := d.opt.Imports.Import(r.Context(), stored)
	if err != nil {
		return intake.Import{}, fmt.Errorf("look how far import is: %w", err)
	}
	far.Name = stored
	if ask.offset > far.Offset {
		p := problem("conflict", "lines are missing between what is durable and the offset of this body")
		p.Offset = &far.Offset
		return intake.Import{}, p
	}
	body := &patient{from: r.Body, to: http.NewResponseController(w)}
	i := &importing{d: d, key: caller(r.Context()), durable: far, line: ask.offset}
	var from lines = newNDJSON(body)
	if ask.csv {
		i.header = 1
		if from, err = newCSV(body, ask.source); err != nil {
			return intake.Import{}, i.stopped(1, err)
		}
	}
	err = i.run(r.Context(), from, !ask.more)
	if i.under != nil { // a failure left it: whoever gives up waits for it
		err = errors.Join(err, i.settle(r.Context()))
	}
	return i.durable, err
}

// run takes the file line by line. A line that cannot be read stops it, after
// the lines before it are stored.
func (i *importing) run(ctx context.Context, from lines, last bool) error {
	for {
		l, err := from.next(i.line < i.durable.Offset, time.Now())
		if err == io.EOF {
			return i.flush(ctx, last)
		}
		if err == nil && !l.blank {
			if p := foreign(&i.key, &l.event); p != nil {
				err = p
			}
		}
		if err != nil {
			if stored := i.flush(ctx, false); stored != nil {
				return stored
			}
			return i.stopped(i.line+1+i.header, err)
		}
		i.line++
		if l.blank {
			continue
		}
		i.pending, i.at, i.bytes = append(i.pending, l.event), append(i.at, i.line), i.bytes+l.bytes
		if len(i.pending) >= i.chunk() || i.bytes >= chunkBytes {
			if err := i.hand(ctx, false); err != nil {
				return err
			}
		}
	}
}

// chunk is how many lines are stored at once. While decisions are being made
// it is a few milliseconds' worth, since they wait behind it; else fewer, larger
// commits are quicker.
func (i *importing) chunk() int {
	if b, ok := i.d.opt.Intake.(interface{ Busy() bool }); ok && b.Busy() {
		return busyLines
	}
	return chunkLines
}

// batch is a chunk being stored while the next one is read.
type batch struct {
	events []event.Event
	at     []int64 // of each event: the lines up to and with it
	far    intake.Import
	taken  intake.Taken
	err    error
	end    chan struct{}
}

// hand gives what is pending to the store and goes on reading: decoding takes
// one core while the store takes the other. One chunk is under way at a time.
func (i *importing) hand(ctx context.Context, last bool) error {
	if err := i.settle(ctx); err != nil {
		return err
	}
	far := i.durable
	far.Offset, far.Done = max(far.Offset, i.line), far.Done || last
	if len(i.pending) == 0 && far == i.durable {
		return nil
	}
	b := &batch{events: i.pending, at: i.at, far: far, end: make(chan struct{})}
	i.pending, i.at, i.bytes = nil, nil, 0
	i.under = b
	go func() {
		defer close(b.end)
		b.taken, b.err = i.d.opt.Intake.Take(ctx, b.events, intake.How{Past: true, Import: &b.far})
	}()
	return nil
}

// settle waits for the chunk under way.
func (i *importing) settle(ctx context.Context) error {
	b := i.under
	if b == nil {
		return nil
	}
	<-b.end
	i.under = nil
	if errors.Is(b.err, mimamori.ErrConflict) {
		return i.oneByOne(ctx, b)
	}
	if b.err != nil {
		return fmt.Errorf("take lines of an import: %w", b.err)
	}
	i.stored(b.far, b.taken)
	return nil
}

// flush stores what is pending, together with how far the import has come.
func (i *importing) flush(ctx context.Context, last bool) error {
	if err := i.hand(ctx, last); err != nil {
		return err
	}
	return i.settle(ctx)
}

// oneByOne finds the line that contradicts what is kept, storing those before
// it. A chunk is all or nothing, so nothing of it was stored.
func (i *importing) oneByOne(ctx context.Context, b *batch) error {
	for n, e := range b.events {
		far := i.durable
		far.Offset = max(far.Offset, b.at[n])
		taken, err := i.d.opt.Intake.Take(ctx, []event.Event{e}, intake.How{Past: true, Import: &far})
		if err != nil {
			return i.stopped(b.at[n]+i.header, fmt.Errorf("take a line of an import: %w", err))
		}
		i.stored(far, taken)
	}
	return nil
}

func (i *importing) stored(far intake.Import, taken intake.Taken) {
	i.durable.Offset, i.durable.Done = far.Offset, far.Done
	i.durable.Accepted += int64(taken.Accepted)
	i.durable.Repeated += int64(taken.Repeated)
}

// stopped names the line, from 1, and how many lines are durable. What is ours
// to mend (500, 503) stays what it is.
func (i *importing) stopped(line int64, err error) error {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		return err
	}
	if p.Status == http.StatusBadRequest {
		p.Type, p.Title = "/problems#import-stopped", problem("import-stopped", "").Title
	}
	p.Line, p.Offset, p.Index = line, &i.durable.Offset, nil
	p.Detail = fmt.Sprintf("line %d: %s; %d lines are durable", line, p.Detail, i.durable.Offset)
	return p
}

// importAsk is the query of an import.
type importAsk struct {
	name   string
	offset int64
	more   bool // further parts of the file follow
	csv    bool
	source string // of the events of a CSV
}

func readImportAsk(r *http.Request, key staff.APIKey, ct string) (importAsk, error) {
	q := r.URL.Query()
	a := importAsk{name: q.Get("name"), csv: ct == csvType, source: q.Get("source")}
	if !isImportName(a.name) {
		return a, invalidField("name", "must be 1 to 100 of A to Z, a to z, 0 to 9, dot, hyphen and underscore")
	}
	if v := q.Get("offset"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 1e15 {
			return a, invalidField("offset", "must be the number of lines before this body")
		}
		a.offset = n
	}
	switch q.Get("more") {
	case "", "false":
	case "true":
		a.more = true
	default:
		return a, invalidField("more", "must be true or false")
	}
	if a.source == "" {
		a.source = key.Source
	}
	if a.csv && a.source == "" {
		return a, invalidField("source", "is required for a CSV file: the CloudEvents source that its rows come from")
	}
	return a, nil
}

func isImportName(s string) bool {
	return len(s) >= 1 && len(s) <= 100 &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// storedName keeps the imports of one source's key from those of another's.
func storedName(k staff.APIKey, name string) string {
	if k.Source == "" {
		return name
	}
	return k.Source + "/" + name
}

func (d *doors) beginImport(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.importing[name] {
		return false
	}
	d.importing[name] = true
	return true
}

func (d *doors) endImport(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.importing, name)
}
