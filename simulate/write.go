package simulate

import (
	"bufio"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func newFiles(dir string) (*files, error) {
	e, err := os.Create(filepath.Join(dir, EventsFile))
	if err != nil {
		return nil, err
	}
	t, err := os.Create(filepath.Join(dir, TruthFile))
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	f := &files{eventsFile: e, truth: t, e: bufio.NewWriterSize(e, 1<<20), t: bufio.NewWriterSize(t, 1<<18)}
	_, err = f.t.WriteString(strings.Join(TruthHeader, ",") + "\n")
	return f, err
}

func (f *files) close() error {
	return errors.Join(f.e.Flush(), f.t.Flush(), f.eventsFile.Close(), f.truth.Close())
}

// day writes the happenings of one day in the order of their time. Ids are
// given here, and are of one kind for all: they tell nothing.
func (f *files) day(w *world, list []happening) error {
	slices.SortFunc(list, func(a, b happening) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
	})
	for _, h := range list {
		id := "ev_" + w.name(16)
		b := f.line[:0]
		b = append(b, `{"specversion":"1.0","id":"`...)
		b = append(b, id...)
		b = append(b, `","source":"shop","type":"`...)
		b = append(b, h.kind...)
		b = append(b, `","subject":"`...)
		b = append(b, h.subject...)
		b = append(b, `","time":"`...)
		b = append(b, stamp(h.at)...)
		b = append(b, `","data":`...)
		b = append(b, h.data...)
		b = append(b, "}\n"...)
		f.line = b
		if _, err := f.e.Write(b); err != nil {
			return err
		}
		f.events++
		if t := h.truth; t != nil {
			first := ""
			if t.first {
				first = "1"
			}
			row := strings.Join([]string{id, stamp(h.at), h.subject, h.session, h.kind, t.attacker, t.campaign, t.takeover, first}, ",")
			if _, err := f.t.WriteString(row + "\n"); err != nil {
				return err
			}
			f.truthRows++
		}
	}
	return nil
}

// object writes a JSON object whose names need no escapes, field by field,
// much faster than reflection would: a world has a million.
type object struct{ b []byte }

func newObject() *object { return &object{append(make([]byte, 0, 256), '{')} }

func (o *object) name(n string) {
	if len(o.b) > 1 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, n...)
	o.b = append(o.b, '"', ':')
}

// text adds a string; an empty one is left out.
func (o *object) text(n, v string) *object {
	if v != "" {
		o.name(n)
		o.b = strconv.AppendQuote(o.b, v) // all our text is ASCII or plain Japanese: the same as JSON
	}
	return o
}

func (o *object) int(n string, v int64) *object {
	o.name(n)
	o.b = strconv.AppendInt(o.b, v, 10)
	return o
}

func (o *object) yes(n string, v bool) *object {
	if v {
		o.name(n)
		o.b = append(o.b, "true"...)
	}
	return o
}

// raw adds JSON as it stands.
func (o *object) raw(n string, v []byte) *object {
	o.name(n)
	o.b = append(o.b, v...)
	return o
}

func (o *object) end() []byte { return append(o.b, '}') }
