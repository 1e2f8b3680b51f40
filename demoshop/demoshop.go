// Package demoshop is a small real shop that is guarded by Mimamori: accounts
// with passwords, orders that ship, points, a premium membership, addresses and
// cards, in its own SQLite file and with its own pages in Japanese and English.
// It stands outside the flow, where any shop stands: it reports what happens,
// asks before it acts, and does what commands say. Of this module it imports
// client/ only.
//
// It leaves to Mimamori to judge who somebody is, and keeps to itself what a
// password is and how a card is charged. No money moves: the payment company is
// played by card.go.
package demoshop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mimamori/client"
)

// Options configure a shop. DB, BaseURL and Mimamori are required; the others
// may be empty.
type Options struct {
	DB      string // path of the shop's own database file
	BaseURL string // where customers reach the shop, as "https://shop.example"

	Mimamori       client.Options // address, key, source, transport; Queue is set by the shop
	WebhookSecrets []string       // whsec_…, of the commands; at least one
	CentreOrigin   string         // origin of Mimamori's pages; empty: that of Mimamori.BaseURL

	ShipDelay    time.Duration // from order to parcel; 0: 30 minutes
	DigitalDelay time.Duration // from order to code; 0: 10 minutes
	GiftDelay    time.Duration // from points spent to gift; 0: 10 minutes

	// Mail sends the shop's ordinary mails (order received and the like); nil:
	// none are sent.
	Mail func(ctx context.Context, to, subject, body string) error
	// ClientIP reads the visitor's address; nil: the connection's own. Behind
	// a proxy it has to read that proxy's header, and no other.
	ClientIP func(*http.Request) string
	Cost     PasswordCost // of argon2id; zero: DefaultCost
	Logger   *slog.Logger // nil: nothing is logged

	// Demo lets visitors say from where they sign in. Never in a real shop:
	// it lets anybody write any address into the events.
	Demo bool
}

// Shop is one running shop.
type Shop struct {
	opt      Options
	db       *sql.DB
	mimamori *client.Client
	commands http.Handler
	pages    *pages
	card     cardCompany
	tagKey   []byte
	dummy    string // a hash to compare with when nobody is there
	log      *slog.Logger
	hashing  chan struct{} // at most so many passwords are checked at a time: each takes 19 MiB

	wake    chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
}

// CommandsPath is where Mimamori reaches the shop; the read-back is below it.
const CommandsPath = "/mimamori/commands"

// New opens the database, makes it if it is not there, and wires the shop. It
// calls nobody; Start begins shipping, Close ends all.
func New(ctx context.Context, opt Options) (*Shop, error) {
	setDefaults(&opt)
	base, err := url.Parse(opt.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("open the shop: %q is not an address", opt.BaseURL)
	}
	hooks, err := client.NewWebhooks(opt.WebhookSecrets...)
	if err != nil {
		return nil, fmt.Errorf("open the shop: %w", err)
	}
	s := &Shop{opt: opt, log: opt.Logger, wake: make(chan struct{}, 1), hashing: make(chan struct{}, 4)}
	if s.pages, err = loadPages(); err != nil {
		return nil, fmt.Errorf("open the shop: %w", err)
	}
	if s.db, err = openDB(ctx, opt.DB); err != nil {
		return nil, err
	}
	if err := s.openSecrets(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	opt.Mimamori.Queue = eventQueue{s.db}
	if opt.Mimamori.Logger == nil {
		opt.Mimamori.Logger = opt.Logger
	}
	if s.mimamori, err = client.New(opt.Mimamori); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.commands = &client.CommandHandler[*sql.Tx]{
		Shop: commander{s}, Webhooks: hooks, Logger: opt.Logger,
		Done: func(client.Command, client.Answer) {
			s.mimamori.Wake()
			s.wakeShipper() // a release lets held orders go
		},
	}
	return s, nil
}

func setDefaults(opt *Options) {
	opt.BaseURL = strings.TrimRight(opt.BaseURL, "/")
	if opt.ShipDelay == 0 {
		opt.ShipDelay = 30 * time.Minute
	}
	if opt.DigitalDelay == 0 {
		opt.DigitalDelay = 10 * time.Minute
	}
	if opt.GiftDelay == 0 {
		opt.GiftDelay = 10 * time.Minute
	}
	if opt.Cost == (PasswordCost{}) {
		opt.Cost = DefaultCost
	}
	if opt.ClientIP == nil {
		opt.ClientIP = remoteIP
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.CentreOrigin == "" {
		if u, err := url.Parse(opt.Mimamori.BaseURL); err == nil {
			opt.CentreOrigin = u.Scheme + "://" + u.Host
		}
	}
}

// openSecrets reads the keys that make tags and card tokens, and makes them at
// the first start.
func (s *Shop) openSecrets(ctx context.Context) error {
	var err error
	if s.tagKey, err = secret(ctx, s.db, "password tag"); err != nil {
		return err
	}
	if s.card, err = openCardCompany(s.opt.DB + ".card-company"); err != nil {
		return err
	}
	s.dummy, err = hashPassword("nobody has this one", s.opt.Cost)
	return err
}

// Start begins shipping. It returns at once; Close stops it.
func (s *Shop) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() { s.ship(ctx) })
}

// Close stops shipping and reporting, waits for both, and closes the database.
func (s *Shop) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	s.mimamori.Close()
	return s.db.Close()
}

// Flush sends what is still to be reported; see client.Flush.
func (s *Shop) Flush(ctx context.Context) error { return s.mimamori.Flush(ctx) }

// Client is the shop's side of Mimamori, for the import of the history.
func (s *Shop) Client() *client.Client { return s.mimamori }
