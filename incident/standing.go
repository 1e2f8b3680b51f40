package incident

import (
	"encoding/json"
	"time"

	"mimamori"
	"mimamori/decide"
)

// Standing is what the account's own row says about its incident, so that the
// decision path and the gate need no second look-up.
type Standing struct {
	Incident    mimamori.IncidentID `json:"i,omitempty"` // open or watching
	State       State               `json:"s,omitempty"`
	DecidedAt   time.Time           `json:"d,omitzero"` // when containment was decided
	WaitUntil   time.Time           `json:"w,omitzero"`
	RecoveredAt time.Time           `json:"r,omitzero"`
	WatchUntil  time.Time           `json:"u,omitzero"`
	Obligations []decide.Obligation `json:"o,omitempty"`
}

// Of is the standing that an incident gives its account. Obligations are the
// account's own and stay.
func (s Standing) Of(i *Incident) Standing {
	s.Incident, s.State, s.DecidedAt, s.WaitUntil = i.ID, i.State, i.DecidedAt, i.WaitUntil
	if !i.WatchUntil.IsZero() { // an older watch goes on beside a new incident
		s.RecoveredAt, s.WatchUntil = i.RecoveredAt, i.WatchUntil
	}
	if i.State == Closed || i.State == Dismissed {
		s.Incident, s.State, s.DecidedAt, s.WaitUntil = "", "", time.Time{}, time.Time{}
	}
	return s
}

// nothing is how almost every account stands, written down.
const nothing = "{}"

// Encode writes the standing as JSON.
func (s Standing) Encode() ([]byte, error) {
	if s.Incident == "" && s.State == "" && len(s.Obligations) == 0 && s.DecidedAt.IsZero() && s.WaitUntil.IsZero() && s.RecoveredAt.IsZero() && s.WatchUntil.IsZero() {
		return []byte(nothing), nil
	}
	return json.Marshal(s)
}

// DecodeStanding reads what Encode wrote.
func DecodeStanding(b []byte) (s Standing, err error) {
	if string(b) != nothing {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// Open says that an incident is open and the customer not back in.
func (s Standing) Open() bool { return s.Incident != "" && s.State.open() }

// LockedOut says that nobody can sign in: containment was decided, and the
// customer is not back in.
func (s Standing) LockedOut() bool { return s.Open() && !s.DecidedAt.IsZero() }

// Held says that money, orders and contact changes stand still.
func (s Standing) Held() bool { return s.Open() && s.State == Held }
