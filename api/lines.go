package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"mimamori"
	"mimamori/event"
)

const (
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"

	// lineBytes bounds one line: an event and the white space around it.
	lineBytes = eventBytes
	// lineWait is how long the sender of an import may pause.
	lineWait = 30 * time.Second
)

// lines reads a file line after line; skip passes over one that is durable
// already. io.EOF ends the file; any other error stops the import.
type lines interface {
	next(skip bool, now time.Time) (line, error)
}

// line is what one line held; a blank or skipped one has no event.
type line struct {
	event event.Event
	bytes int
	blank bool
}

type ndjson struct{ from *bufio.Reader }

func newNDJSON(r io.Reader) *ndjson { return &ndjson{bufio.NewReaderSize(r, lineBytes)} }

func (n *ndjson) next(skip bool, now time.Time) (line, error) {
	raw, err := n.from.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return line{}, &mimamori.FieldError{Index: -1, Reason: "larger than the limit of one event"}
	case err != nil && err != io.EOF:
		return line{}, interrupted(err)
	case err == io.EOF && len(raw) == 0:
		return line{}, io.EOF
	}
	raw = bytes.TrimSpace(raw)
	if skip || len(raw) == 0 {
		return line{blank: true}, nil
	}
	// The reader's buffer is used again, and an event keeps its bytes.
	e, err := event.DecodeLine(bytes.Clone(raw), now, event.Limits{})
	return line{event: e, bytes: len(raw)}, err
}

// rows is a login log. A row is counted as one line even where a quoted field
// holds a line break.
type rows struct {
	csv  *event.CSV
	cap  *rowCap
	from int64
}

func newCSV(r io.Reader, source string) (*rows, error) {
	c := &rowCap{from: r}
	csv, err := event.NewCSV(c, source, event.Limits{})
	if c.err != nil {
		err = c.err
	}
	return &rows{csv: csv, cap: c}, err
}

func (r *rows) next(skip bool, now time.Time) (line, error) {
	r.cap.used = 0
	e, err := r.csv.Next(now)
	switch {
	case r.cap.err != nil:
		return line{}, r.cap.err
	case err != nil:
		return line{}, err
	}
	bytes := r.csv.Offset() - r.from
	r.from = r.csv.Offset()
	return line{event: e, bytes: int(bytes), blank: skip}, nil
}

// rowCap keeps an unclosed quote from reading a whole file into memory: it
// counts what is read for one row. It also keeps a broken body's error, which
// the CSV reader would make a malformed row of.
type rowCap struct {
	from io.Reader
	used int
	err  error
}

func (c *rowCap) Read(p []byte) (int, error) {
	if c.used > lineBytes {
		c.err = &mimamori.FieldError{Index: -1, Reason: "larger than the limit of one row"}
		return 0, c.err
	}
	n, err := c.from.Read(p)
	c.used += n
	if err != nil && err != io.EOF {
		c.err = interrupted(err)
	}
	return n, err
}

// interrupted is the Problem of a body that ended before its end.
func interrupted(error) *Problem { return problem("malformed", "the body ended early") }

// patient gives an import all the time it needs while bytes keep coming; the
// server's own limit for reading a request would end a long file.
type patient struct {
	from io.Reader
	to   *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.to.SetReadDeadline(time.Now().Add(lineWait)) // not all writers can; then the server's limit holds
	return p.from.Read(b)
}
