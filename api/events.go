package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"mimamori/event"
	"mimamori/intake"
	"mimamori/staff"
)

const (
	jsonType  = "application/json"
	oneType   = "application/cloudevents+json"       // CloudEvents JSON format 1.0.2, section 3
	batchType = "application/cloudevents-batch+json" // the same, section 4
)

// Limits of the contract. A little more than one event is read, so that one
// of exactly the limit may have white space around it.
const (
	batchBytes = 4 << 20
	eventBytes = 64<<10 + 1024
)

// takeEvents is POST /v1/events: one event or a batch, all or nothing.
func (d *doors) takeEvents(w http.ResponseWriter, r *http.Request, k staff.APIKey) {
	ct, p := mediaType(r, oneType, batchType, jsonType)
	if p != nil {
		p.write(w)
		return
	}
	events, now, err := d.readEvents(w, r, &k, ct, batchBytes)
	if err != nil {
		d.fail(r.Context(), r.Pattern, err).write(w)
		return
	}
	d.rate.charge(k.ID, len(events)-1)
	var taken intake.Taken
	if len(events) > 0 {
		if taken, err = d.opt.Intake.Take(r.Context(), events, intake.How{Now: now}); err != nil {
			d.fail(r.Context(), r.Pattern, fmt.Errorf("take events: %w", err)).write(w)
			return
		}
	}
	answer := append(strconv.AppendInt([]byte(`{"accepted":`), int64(taken.Accepted), 10), `,"repeated":`...)
	writeJSON(w, http.StatusAccepted, append(strconv.AppendInt(answer, int64(taken.Repeated), 10), '}'))
}

// decide is POST /v1/decisions: one event, answered with what is decided. The
// answer is the stored one, byte for byte, when the event came before.
func (d *doors) decide(w http.ResponseWriter, r *http.Request, k staff.APIKey) {
	ct, p := mediaType(r, oneType, jsonType)
	if p != nil {
		p.write(w)
		return
	}
	events, now, err := d.readEvents(w, r, &k, ct, eventBytes)
	if err == nil && len(events) != 1 {
		err = problem("invalid", "a decision is made on exactly one event")
	}
	if err != nil {
		d.fail(r.Context(), r.Pattern, err).write(w)
		return
	}
	taken, err := d.opt.Intake.Take(r.Context(), events, intake.How{Now: now})
	if err == nil && len(taken.Answers) != 1 {
		err = fmt.Errorf("decide: %d answers to one event", len(taken.Answers))
	}
	if err != nil {
		d.fail(r.Context(), r.Pattern, fmt.Errorf("decide: %w", err)).write(w)
		return
	}
	writeAnswer(w, taken.Answers[0])
}

// readEvents reads and decodes a body, and sees to it that its shape is what
// the Content-Type says and its source what the key may send.
func (d *doors) readEvents(w http.ResponseWriter, r *http.Request, k *staff.APIKey, ct string, limit int64) (events []event.Event, now time.Time, err error) {
	body, err := readBody(w, r, limit)
	if err != nil {
		return nil, now, err
	}
	batch := isBatch(body)
	if (ct == oneType && batch) || (ct == batchType && !batch) {
		return nil, now, problem("invalid", "the body is not of the shape that the Content-Type says")
	}
	now = time.Now()
	if events, err = event.Decode(body, now, event.Limits{}); err != nil {
		return nil, now, err
	}
	for i := range events {
		if p := foreign(k, &events[i]); p != nil {
			if batch {
				p.Index = new(i)
			}
			return nil, now, p
		}
	}
	if n := accusing(events); n > 0 {
		err = d.words(r.Context(), *k, n)
	}
	return events, now, err
}

// foreign is the Problem of an event whose source the key may not send.
func foreign(k *staff.APIKey, e *event.Event) *Problem {
	if k.Source == "" || k.Source == e.Source {
		return nil
	}
	p := problem("wrong-source", "")
	p.Field = "source"
	return p
}

func isBatch(body []byte) bool {
	for _, c := range body {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '['
	}
	return false
}

var ofJSON = []string{jsonType}

// serverCounts is the length of an answer that net/http holds back to its end,
// and whose length it then tells itself.
const serverCounts = 2048

// writeAnswer is writeJSON of a good answer, without a copy of it.
func writeAnswer(w http.ResponseWriter, body string) {
	if len(body) > serverCounts {
		writeJSON(w, http.StatusOK, []byte(body))
		return
	}
	w.Header()["Content-Type"] = ofJSON[:1:1]
	_, _ = io.WriteString(w, body) // as in writeJSON
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = ofJSON[:1:1], []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; the events are durable all the same
}
