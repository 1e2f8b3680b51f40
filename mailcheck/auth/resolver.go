package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mimamori"
)

// Resolver asks the DNS. *net.Resolver is one; Recorded is the other. A name
// that does not exist is a *net.DNSError with IsNotFound.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// ErrNotRecorded is the error for a name of which a recorded DNS knows
// nothing. It is an ErrUnavailable: it does not say that the name has no
// record.
var ErrNotRecorded = fmt.Errorf("not in the recorded DNS: %w", mimamori.ErrUnavailable)

// Recorded is a DNS that was written down: TXT records by name, each with the
// time for which it is known to have stood. It answers for the time that the
// mail was received.
type Recorded struct {
	records map[string][]Record
	at      time.Time // zero: now and ever
}

// Record is one TXT record. From and Until may be zero: without a bound.
type Record struct {
	TXT   string    `json:"txt"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// NewRecorded makes one of plain records, names as in the DNS.
func NewRecorded(txt map[string][]string) *Recorded {
	r := &Recorded{records: map[string][]Record{}}
	for name, all := range txt {
		key := canonicalName(name)
		r.records[key] = []Record{}
		for _, t := range all {
			r.records[key] = append(r.records[key], Record{TXT: t})
		}
	}
	return r
}

// mostRecorded is the size of a file of recorded records.
const mostRecorded = 64 << 20

// ReadRecorded reads a JSON object, name to list of TXT records; each record a
// string, or {"txt", "from", "until"} with the times between which it stood.
// An empty list records that the name has none.
func ReadRecorded(from io.Reader) (*Recorded, error) {
	var raw map[string][]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(from, mostRecorded)).Decode(&raw); err != nil {
		return nil, fmt.Errorf("read recorded DNS: %v: %w", err, mimamori.ErrInvalid)
	}
	r := &Recorded{records: make(map[string][]Record, len(raw))}
	for name, all := range raw {
		key := canonicalName(name)
		r.records[key] = []Record{}
		for _, one := range all {
			var rec Record
			if err := json.Unmarshal(one, &rec.TXT); err != nil {
				if err := json.Unmarshal(one, &rec); err != nil {
					return nil, fmt.Errorf("read recorded DNS: %q: neither a string nor {txt, from, until}: %w", name, mimamori.ErrInvalid)
				}
			}
			r.records[key] = append(r.records[key], rec)
		}
	}
	return r, nil
}

// as gives the resolver for a time of receipt: a recorded one answers as the
// DNS did then, a live one as it does now.
func as(dns Resolver, at time.Time) Resolver {
	if r, ok := dns.(*Recorded); ok {
		return &Recorded{records: r.records, at: at}
	}
	return dns
}

func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// LookupTXT gives the records of the name at the time asked for.
func (r *Recorded) LookupTXT(_ context.Context, name string) ([]string, error) {
	all, ok := r.records[canonicalName(name)]
	if !ok {
		return nil, r.unknown(name)
	}
	var out []string
	for _, rec := range all {
		if r.at.IsZero() || !(r.at.Before(rec.From) || !rec.Until.IsZero() && r.at.After(rec.Until)) {
			out = append(out, rec.TXT)
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such record at that time", Name: name, IsNotFound: true}
	}
	return out, nil
}

// LookupMX knows nothing: only TXT records are recorded.
func (r *Recorded) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, r.unknown(name)
}

// LookupIPAddr knows nothing.
func (r *Recorded) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	return nil, r.unknown(host)
}

// LookupAddr knows nothing.
func (r *Recorded) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return nil, r.unknown(addr)
}

// unknown is an error that counts as temporary, so that nothing follows from it.
func (r *Recorded) unknown(name string) error {
	return &net.DNSError{Err: ErrNotRecorded.Error(), Name: name, IsTemporary: true, UnwrapErr: ErrNotRecorded}
}

// MostQuestions is how often the DNS is asked for one mail, whatever it says of
// itself: a stranger's mail must not turn the check into a flood of questions.
// The standards' own bounds multiply to more.
const MostQuestions = 120

// bounded answers so many questions, and then that it does not know.
type bounded struct {
	dns  Resolver
	left int
}

func (b *bounded) spend(name string) error {
	if b.left--; b.left < 0 {
		return &net.DNSError{Err: "asked too often for one mail", Name: name, IsTemporary: true}
	}
	return nil
}

func (b *bounded) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := b.spend(name); err != nil {
		return nil, err
	}
	return b.dns.LookupTXT(ctx, name)
}

func (b *bounded) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	if err := b.spend(name); err != nil {
		return nil, err
	}
	return b.dns.LookupMX(ctx, name)
}

func (b *bounded) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if err := b.spend(host); err != nil {
		return nil, err
	}
	return b.dns.LookupIPAddr(ctx, host)
}

func (b *bounded) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	if err := b.spend(addr); err != nil {
		return nil, err
	}
	return b.dns.LookupAddr(ctx, addr)
}

// notFound says whether the DNS answered that there is no such record.
func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
