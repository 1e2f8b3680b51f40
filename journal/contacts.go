package journal

import (
	"slices"
	"time"

	"mimamori/event"
)

// Contact is a way to reach the customer, as it stood before an intrusion.
type Contact struct {
	ID       string // the shop's resource id
	Kind     string // mail or phone
	Value    string
	Verified time.Time // zero: never, as far as we know
	// Proves says that a code sent there proves something: verified at least
	// 30 days before the intrusion began, or at registration and unchanged since.
	Proves bool
	// Replaced says that it is no longer what the shop holds: somebody has
	// changed it since the intrusion began.
	Replaced bool
}

// Seasoned is how old a contact's verification must be to prove something.
const Seasoned = 30 * 24 * time.Hour

// Contacts are the mail addresses and telephone numbers as they stood at the
// start of an intrusion; a zero start means now.
func (j *Journal) Contacts(start time.Time) []Contact {
	if start.IsZero() {
		start = time.Now()
	}
	var out []Contact
	for _, r := range j.contactResources() {
		value, verified := j.contactAt(r, start)
		for _, kind := range []string{"mail", "phone"} {
			text := value.Show(kind)
			if text == "" && r.ID == kind {
				text = value.Show("value")
			}
			if text == "" {
				continue
			}
			now, _ := j.contactAt(r, time.Now().Add(time.Hour))
			out = append(out, Contact{ID: r.ID, Kind: kind, Value: text, Verified: verified,
				Proves: j.proves(verified, start), Replaced: now.Show(kind) != value.Show(kind)})
		}
	}
	slices.SortFunc(out, func(a, b Contact) int {
		if a.Kind != b.Kind {
			if a.Kind == "mail" {
				return -1
			}
			return 1
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out
}

// proves: verified long enough before the start, or with the account itself.
func (j *Journal) proves(verified, start time.Time) bool {
	if verified.IsZero() || !verified.Before(start) {
		return false
	}
	atRegistration := !j.Registered.IsZero() && verified.Sub(j.Registered).Abs() <= 24*time.Hour
	return atRegistration || start.Sub(verified) >= Seasoned
}

func (j *Journal) contactResources() []event.Resource {
	seen := map[event.Resource]bool{}
	var out []event.Resource
	add := func(r event.Resource) {
		if r.Kind == event.Contact && !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	for r := range j.Held {
		add(r)
	}
	for _, c := range j.Changes {
		add(c.Resource)
	}
	return out
}

// contactAt is a contact's value just before a moment, and since when that
// value counts as verified.
func (j *Journal) contactAt(r event.Resource, at time.Time) (Value, time.Time) {
	held, known := j.Held[r]
	value := Flatten(held.Value)
	var verified time.Time
	if held.VerifiedAt != nil {
		verified = *held.VerifiedAt
	}
	if known && !j.HeldAt.Before(at) {
		// The account was seen only afterwards: what it held then says nothing
		// about before, unless it stood there since.
		if held.Since == nil || !held.Since.Before(at) {
			value, verified = nil, time.Time{}
		}
	}
	var before *Change
	for i := range j.Changes {
		c := &j.Changes[i]
		if c.Resource != r {
			continue
		}
		if !c.At.Before(at) {
			if before == nil {
				before = c
			}
			continue
		}
		if c.At.After(j.HeldAt) || !known {
			value, verified = c.After, time.Time{}
			if c.Verified {
				verified = c.At
			}
		}
	}
	if before != nil && before.Before != nil && value == nil {
		value = before.Before
	}
	return value, verified
}

// Name is the customer's name as it stood at a moment; empty when unknown.
func (j *Journal) Name(at time.Time) string {
	for _, r := range j.contactResources() {
		v, _ := j.contactAt(r, at)
		if name := v.Show("name"); name != "" {
			return name
		}
	}
	return ""
}
