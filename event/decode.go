package event

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// Limits bound what one request may carry. A zero field means the contract's
// own figure, so Limits{} is what the doors use.
type Limits struct {
	EventBytes  int           // one event as JSON; 64 KiB
	BatchBytes  int           // the whole body; 4 MiB
	BatchEvents int           // events in a batch; 1,000
	Depth       int           // nesting, the event itself being 1; 32
	Future      time.Duration // how far ahead of now an event may be; 5 minutes
	AnyTime     bool          // imports and replays: events lie in their own time, now is not asked
}

func (l Limits) withDefaults() Limits {
	or := func(n *int, standard int) {
		if *n == 0 {
			*n = standard
		}
	}
	or(&l.EventBytes, 64<<10)
	or(&l.BatchBytes, 4<<20)
	or(&l.BatchEvents, 1000)
	or(&l.Depth, 32)
	if l.Future == 0 {
		l.Future = 5 * time.Minute
	}
	return l
}

// maxResourceBytes is the size of one before, after or value object.
const maxResourceBytes = 16 << 10

// Times outside these are mistakes, and would not fit a database's nanoseconds.
var (
	firstTime = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Decode reads one CloudEvent 1.0 (a JSON object) or a batch (an array). It
// is all or nothing: the first thing wrong is answered as a
// *mimamori.FieldError, whose Index is the place in the batch or -1, and no
// event is returned. A null attribute is an absent one (CloudEvents JSON
// format 1.0.2, section 2.4).
func Decode(body []byte, now time.Time, limits Limits) ([]Event, error) {
	limits = limits.withDefaults()
	if len(body) > limits.BatchBytes {
		return nil, wrong(-1, "", "larger than the limit of a batch")
	}
	own := borrow(body)
	defer own.giveBack()
	dec := own.dec
	if dec.PeekKind() != '[' {
		e, err := decodeNext(dec, body, -1, now, limits)
		if err != nil {
			return nil, err
		}
		if err := endOfBody(dec, -1); err != nil {
			return nil, err
		}
		return []Event{e}, nil
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntaxError(err, -1)
	}
	var events []Event
	for i := 0; dec.PeekKind() != ']'; i++ {
		if i == limits.BatchEvents {
			return nil, wrong(-1, "", "more events than a batch may hold")
		}
		e, err := decodeNext(dec, body, i, now, limits)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntaxError(err, -1)
	}
	if err := endOfBody(dec, -1); err != nil {
		return nil, err
	}
	return events, nil
}

// reader is a JSON reader with its room for nested keys. It is used again: the
// room is a fifth of what an event's decoding would leave for the collector.
type reader struct {
	dec *jsontext.Decoder
	in  bytes.Buffer
}

// readers are those that nobody uses now.
var readers = sync.Pool{New: func() any { return &reader{dec: jsontext.NewDecoder(bytes.NewReader(nil))} }}

// borrow gives a reader of these bytes, which it reads where they are.
func borrow(body []byte) *reader {
	r := readers.Get().(*reader)
	r.in = *bytes.NewBuffer(body)
	r.dec.Reset(&r.in)
	return r
}

// giveBack lets go of the bytes.
func (r *reader) giveBack() {
	r.in = bytes.Buffer{}
	r.dec.Reset(&r.in)
	readers.Put(r)
}

// DecodeLine reads one line of an NDJSON file: one event, never a batch.
func DecodeLine(line []byte, now time.Time, limits Limits) (Event, error) {
	limits = limits.withDefaults()
	own := borrow(line)
	defer own.giveBack()
	dec := own.dec
	e, err := decodeNext(dec, line, -1, now, limits)
	if err != nil {
		return Event{}, err
	}
	if err := endOfBody(dec, -1); err != nil {
		return Event{}, err
	}
	return e, nil
}

// decodeNext reads the next value of dec, which reads body, as one event.
// jsontext has then proved it to be JSON in valid UTF-8 without duplicate
// keys, so that what follows may walk the bytes without checking them again.
func decodeNext(dec *jsontext.Decoder, body []byte, index int, now time.Time, limits Limits) (Event, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return Event{}, syntaxError(err, index)
	}
	end := int(dec.InputOffset())
	raw := body[end-len(v) : end]
	if len(raw) > limits.EventBytes {
		return Event{}, wrong(index, "", "larger than the limit of one event")
	}
	if raw[0] != '{' {
		return Event{}, wrong(index, "", "must be an object")
	}
	e, fe := decodeEvent(raw, now, limits)
	if fe != nil {
		fe.Index = index
		return Event{}, fe
	}
	return e, nil
}

func endOfBody(dec *jsontext.Decoder, index int) error {
	if _, err := dec.ReadToken(); err != io.EOF {
		return wrong(index, "", "something follows the end")
	}
	return nil
}

// envelope is the CloudEvents part, as it stands on the wire.
type envelope struct {
	specversion, id, source, kind, subject, time, contentType string

	data []byte
}

// decodeEvent reads one event. Its errors carry no index: the caller knows it.
func decodeEvent(raw []byte, now time.Time, limits Limits) (Event, *mimamori.FieldError) {
	env, fe := decodeEnvelope(raw)
	if fe != nil {
		return Event{}, fe
	}
	t, fe := eventTime(env.time, now, limits)
	if fe != nil {
		return Event{}, fe
	}
	e := Event{
		ID: env.id, Source: env.source, Kind: Kind(env.kind), Subject: env.subject,
		Account: mimamori.NewAccountID(env.subject), Time: t,
	}
	if env.data == nil {
		if known(e.Kind) {
			return Event{}, wrong(-1, "data", "is required")
		}
		return e, nil
	}
	s := screen{src: env.data, depth: 1, maxDepth: limits.Depth, open: !known(e.Kind)}
	if fe := s.run(); fe != nil {
		return Event{}, fe
	}
	e.Data = s.out
	if !known(e.Kind) {
		return e, s.refuseNamedCards()
	}
	if env.data[0] != '{' {
		return Event{}, wrong(-1, "data", "must be an object")
	}
	if fe := e.decodeData(); fe != nil {
		return Event{}, fe
	}
	if fe := s.refuseCards(e.Payload); fe != nil {
		return Event{}, fe
	}
	return e, nil
}

// envelopeNames are the attributes that decodeEnvelope reads; a key that
// differs from one only by case is a mistake or an attempt to be read
// differently by two parsers, and is refused.
var envelopeNames = map[string]bool{
	"specversion": true, "id": true, "source": true, "type": true, "subject": true,
	"time": true, "data": true, "data_base64": true, "datacontenttype": true,
}

func decodeEnvelope(raw []byte) (envelope, *mimamori.FieldError) {
	var env envelope
	var odd bool // a key with upper case or beyond ASCII was met
	for key, value := range members(raw) {
		if oddCase(key) {
			odd = true
			if name := fold(string(key)); envelopeNames[name] {
				return env, wrong(-1, name, "key differs from the attribute by case")
			}
		}
		var to *string
		switch string(key) {
		case "data":
			if !isNull(value) {
				env.data = value
			}
			continue
		case "data_base64":
			if !isNull(value) {
				return env, wrong(-1, "data_base64", "binary data is not accepted")
			}
			continue
		case "specversion":
			to = &env.specversion
		case "id":
			to = &env.id
		case "source":
			to = &env.source
		case "type":
			to = &env.kind
		case "subject":
			to = &env.subject
		case "time":
			to = &env.time
		case "datacontenttype":
			to = &env.contentType
		default: // a CloudEvents extension: a scalar, of no use to us
			if value[0] == '{' || value[0] == '[' {
				return env, wrong(-1, safeName(string(key)), "an extension attribute must be a string, number or boolean")
			}
			continue
		}
		if isNull(value) {
			continue
		}
		if value[0] != '"' {
			return env, wrong(-1, string(key), "must be a string")
		}
		*to = unquote(value)
	}
	if odd {
		if fe := caseTwins(raw, ""); fe != nil {
			return env, fe
		}
	}
	return env, env.check()
}

func (env *envelope) check() *mimamori.FieldError {
	if env.specversion != "1.0" {
		return wrong(-1, "specversion", `must be "1.0"`)
	}
	for _, a := range []struct {
		name, value string
		max         int
	}{{"id", env.id, 200}, {"source", env.source, 200}, {"type", env.kind, 100}, {"subject", env.subject, 200}} {
		if reason := printable(a.value, a.max); reason != "" {
			return wrong(-1, a.name, reason)
		}
	}
	if looksLikeMail(env.subject) {
		return wrong(-1, "subject", "must be a stable account id, not a mail address")
	}
	switch env.contentType {
	case "", "application/json", "application/json; charset=utf-8":
		return nil
	}
	return wrong(-1, "datacontenttype", "must be application/json")
}

// eventTime reads an RFC 3339 time with offset. A leap second (23:59:60) is
// refused: no clock that follows could place it.
func eventTime(s string, now time.Time, limits Limits) (time.Time, *mimamori.FieldError) {
	if s == "" {
		return time.Time{}, wrong(-1, "time", "is required")
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil { // stricter than time.Parse: no comma, no one-digit hour
		return time.Time{}, wrong(-1, "time", "must be an RFC 3339 time with offset")
	}
	if t.Before(firstTime) || !t.Before(lastTime) {
		return time.Time{}, wrong(-1, "time", "lies outside 1970 to 2261")
	}
	if !limits.AnyTime && t.Sub(now) > limits.Future {
		return time.Time{}, wrong(-1, "time", "lies more than 5 minutes in the future")
	}
	return t.UTC(), nil
}

// printable says what is wrong with an identifier, or nothing. Spaces inside
// are allowed, at the ends they are a trap for whoever compares by eye.
func printable(s string, most int) string {
	if s == "" {
		return "is required"
	}
	n := 0
	for _, r := range s {
		if n++; !unicode.IsPrint(r) {
			return "must be printable characters"
		}
	}
	if n > most {
		return fmt.Sprintf("must be at most %d characters", most)
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return "must not begin or end with a space"
	}
	return ""
}

// looksLikeMail is true of anything with a mail address's shape.
func looksLikeMail(s string) bool {
	at := bytes.LastIndexByte([]byte(s), '@')
	return at > 0 && bytes.IndexByte([]byte(s[at:]), '.') > 1
}
