// Package api is the door for machines: the shop reports events, asks for
// decisions, sends customers to the security centre and redeems grants here;
// the staff's tools read incidents. A door reads the request strictly, checks
// the API key's scope, hands on, and turns every error into problem+json.
// What is decided and kept is left to intake and to the parts that Options
// name; pages for people are web's.
//
// The doors for events, decisions and imports are plain handlers with the
// strict decoder of package event, because they stand on the decision path;
// the others are described and read by huma. All stand in one OpenAPI 3.1
// document, which is also where the scope of each door is written: what the
// document says is what is enforced.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
	"mimamori/ssf"
	"mimamori/staff"
)

// Options name the parts behind the doors. Intake and Keys are required; a
// door whose part is missing answers 503, so that the document stays whole.
type Options struct {
	Intake     Intake
	Keys       Keys
	Imports    Imports
	Handoffs   Handoffs
	Recoveries Recoveries
	Challenges Challenges
	Grants     Grants
	Reports    Reports
	Histories  Histories
	Deletions  Deletions
	Incidents  Incidents
	// Signals tells others what happened (Shared Signals); nil: nobody.
	Signals *ssf.Transmitter
	// SignalsIn takes in what others know; nil: nobody is trusted.
	SignalsIn func(ctx context.Context, authorization string, token []byte) error
	// AccessToken gives a short-lived token for an API key (RFC 6749 section 4.4).
	AccessToken func(ctx context.Context, key string) (token string, life time.Duration, err error)

	// Words counts the sessions that a key calls an intruder's (staff.Gatekeeper
	// has it); staff.ErrTooMany is answered 429. Nil: not counted.
	Words func(ctx context.Context, k staff.APIKey, n int) error

	// Erased counts the accounts that a key has deleted (staff.Gatekeeper has
	// it); staff.ErrTooMany is answered 429. Nil: not counted.
	Erased func(ctx context.Context, k staff.APIKey) error

	// JWKS is the public half of the signing keys, as JSON (RFC 7517).
	JWKS func() ([]byte, error)
	// Audit may be nil: then looks are not recorded.
	Audit Audit
	// Ready says whether decisions can be made now; nil: always.
	Ready func(ctx context.Context) error

	// ReturnHosts are the hosts (with port, if not 443) that a return_url may
	// lead to, over https. Empty: none but local ones.
	ReturnHosts []string
	// AllowLocal lets return_url be http on localhost, for a demo.
	AllowLocal bool
	// RatePerSecond caps requests and events of one API key; 0: 5,000, negative:
	// no cap. Burst is how many may come at once; 0: twice that.
	RatePerSecond float64
	Burst         int
	// Version stands in the document; empty: "0".
	Version string
	// Admission says who is served when more come than can be; nil: everybody.
	Admission *Admission
	Log       *slog.Logger // nil: slog.Default()
}

// doors is the set of handlers and what they share.
type doors struct {
	opt     Options
	log     *slog.Logger
	mux     *http.ServeMux
	api     huma.API
	rate    *rate
	returns returns
	paths   []straight // of the decision path

	// mu guards importing, the names of the imports that run now.
	mu        sync.Mutex
	importing map[string]bool
}

// New makes the handler of all doors. It listens on nothing and starts no
// goroutine.
func New(opt Options) (http.Handler, error) {
	d, err := build(opt)
	if err != nil {
		return nil, err
	}
	return d.outermost(http.HandlerFunc(d.lead)), nil
}

func build(opt Options) (*doors, error) {
	if opt.Intake == nil || opt.Keys == nil {
		return nil, fmt.Errorf("make api: intake and keys are required: %w", mimamori.ErrInvalid)
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Version == "" {
		opt.Version = "0"
	}
	to, err := newReturns(opt.ReturnHosts, opt.AllowLocal)
	if err != nil {
		return nil, fmt.Errorf("make api: %w", err)
	}
	d := &doors{opt: opt, log: opt.Log, mux: http.NewServeMux(), rate: newRate(opt.RatePerSecond, opt.Burst),
		returns: to, importing: map[string]bool{}}
	d.api = d.describe()
	d.eventDoors()
	d.importDoors()
	d.accountDoors()
	d.deletionDoor()
	d.wayDoors()
	d.incidentDoors()
	d.publicDoors()
	d.signalDoors()
	if err := d.documentDoors(); err != nil {
		return nil, fmt.Errorf("make api: %w", err)
	}
	d.mux.HandleFunc("/", d.nowhere)
	return d, nil
}
