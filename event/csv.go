package event

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"mimamori"
)

// CSV reads a login log, the form in which most shops have their past:
// RFC 4180 with a header of subject, time, ip, user_agent, outcome and, if
// known, session and device, in any order. Columns beyond these are refused,
// so that a password column never passes unnoticed. The public RBA data set
// is read too, known by its header.
type CSV struct {
	rows   *csv.Reader
	source string
	limits Limits
	column map[string]int
	row    int
	rba    bool   // rows of the public data set (rba.go)
	index  string // its column of row numbers; empty when there is none
}

var csvRequired = []string{"subject", "time", "ip", "user_agent", "outcome"}

// NewCSV reads the header. source is the CloudEvents source that the events
// will carry. A missing or unknown column is a *mimamori.FieldError.
func NewCSV(r io.Reader, source string, limits Limits) (*CSV, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, wrong(-1, "header", "cannot be read")
	}
	c := &CSV{rows: rows, source: source, limits: limits.withDefaults(), column: map[string]int{}}
	if header[0] = strings.TrimPrefix(header[0], "\ufeff"); isRBA(header) {
		return c.withRBA(header), nil
	}
	for i, name := range header {
		name = strings.TrimPrefix(name, "\ufeff") // spreadsheets begin a file so
		if _, twice := c.column[name]; twice {
			return nil, wrong(-1, "header", "has a column twice")
		}
		if !slices.Contains(csvRequired, name) && name != "session" && name != "device" {
			return nil, wrong(-1, "header", "has a column that is not one of subject, time, ip, user_agent, outcome, session, device")
		}
		c.column[strings.Clone(name)] = i
	}
	for _, name := range csvRequired {
		if _, there := c.column[name]; !there {
			return nil, wrong(-1, "header", "lacks the column "+name)
		}
	}
	return c, nil
}

// Next gives the next row as a login.attempted event, io.EOF at the end, or a
// *mimamori.FieldError whose Index is the row's, from 0.
//
// A row has no id, so its content is its id: the same row read twice, or
// standing in two overlapping exports, is the same event.
func (c *CSV) Next(now time.Time) (Event, error) {
	record, err := c.rows.Read()
	if err == io.EOF {
		return Event{}, io.EOF
	}
	index := c.row
	c.row++
	if err != nil {
		return Event{}, wrong(index, "", "is not a row of as many fields as the header")
	}
	if !utf8.ValidString(strings.Join(record, "")) {
		return Event{}, wrong(index, "", "is not valid UTF-8")
	}
	write := c.cloudEvent
	if c.rba {
		write = c.rbaEvent
	}
	body, err := write(record)
	if err != nil {
		return Event{}, fmt.Errorf("row %d: %w", index, err)
	}
	e, err := DecodeLine(body, now, c.limits)
	var fe *mimamori.FieldError
	if errors.As(err, &fe) {
		fe.Index = index
		fe.Field = strings.TrimPrefix(fe.Field, "data.")
	}
	return e, err
}

// Offset is the number of bytes read so far, for a progress bar.
func (c *CSV) Offset() int64 { return c.rows.InputOffset() }

// cloudEvent writes the row as JSON and so sends it through the one strict
// decoder instead of a second, laxer one.
func (c *CSV) cloudEvent(record []string) ([]byte, error) {
	get := func(name string) string {
		if i, there := c.column[name]; there {
			return record[i]
		}
		return ""
	}
	h := sha256.New()
	for _, name := range append(csvRequired, "session", "device") {
		h.Write([]byte(get(name) + "\x00"))
	}
	id := "csv_" + hex.EncodeToString(h.Sum(nil)[:12])
	l := Login{Outcome: Outcome(get("outcome")), Session: get("session"), IP: get("ip"), UserAgent: get("user_agent"), Device: get("device")}
	if l.Session == "" && l.Outcome == Succeeded {
		l.Session = "of_" + id
	}
	return json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": c.source, "type": LoginAttempted,
		"subject": get("subject"), "time": get("time"), "data": l,
	})
}

// DecodeCSV reads a whole login log, all or nothing.
func DecodeCSV(r io.Reader, source string, now time.Time, limits Limits) ([]Event, error) {
	c, err := NewCSV(r, source, limits)
	if err != nil {
		return nil, err
	}
	var events []Event
	for {
		e, err := c.Next(now)
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}
