package event

import (
	"fmt"
	"time"

	"mimamori"
)

// Stored makes an event again from what was kept of it. The bytes were checked
// when they came in; an error means that the store was changed by another hand.
func Stored(source, id string, kind Kind, subject string, at time.Time, data []byte) (Event, error) {
	e := Event{ID: id, Source: source, Kind: kind, Subject: subject, Account: mimamori.NewAccountID(subject), Time: at, Data: data}
	if !known(kind) || len(data) == 0 {
		return e, nil
	}
	if fe := e.decodeData(); fe != nil {
		return Event{}, fmt.Errorf("decode kept event: %w", fe)
	}
	return e, nil
}
