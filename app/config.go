package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"golang.org/x/net/publicsuffix"

	"mimamori"
	"mimamori/clock"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/geo"
	"mimamori/mail"
	"mimamori/mailcheck/auth"
	"mimamori/playbook"
	"mimamori/ssf"
	"mimamori/store"
)

// Config is what an installation is told. DefaultConfig has sane values for
// what may be left out.
type Config struct {
	// Data is the folder of the database and the master key.
	Data string `yaml:"data"`
	// Database is a PostgreSQL address (postgres://…) to keep the records at,
	// which any number of nodes may share; empty: the file mimamori.db in Data.
	Database string `yaml:"database"`
	// MasterCommand prints the master key; empty: the file master.key in Data.
	MasterCommand []string `yaml:"master_command"`
	// PublicURL is where customers reach the centre: https://security.shop.example.
	PublicURL string `yaml:"public_url"`
	// Listen is the address of the doors and the centre, ConsoleListen that of
	// the staff's pages, which need not be reachable from outside.
	Listen        string    `yaml:"listen"`
	ConsoleListen string    `yaml:"console_listen"`
	TLS           TLSConfig `yaml:"tls"`

	// ConsoleURL is how the staff reach the console, as
	// https://desk.shop.example: passkeys, invitations and the identity provider
	// need it. Empty: http://localhost with the port of ConsoleListen where
	// public_url is local; otherwise none of these is offered.
	ConsoleURL string `yaml:"console_url"`

	Staff  StaffConfig   `yaml:"staff"`
	Shop   ShopConfig    `yaml:"shop"`
	Mail   MailConfig    `yaml:"mail"`
	Inbox  InboxConfig   `yaml:"inbox"`
	Policy decide.Policy `yaml:"policy"`
	// PolicyFile is read over Policy: quotas, and the operator's own rules.
	PolicyFile string        `yaml:"policy_file"`
	Geo        GeoConfig     `yaml:"geo"`
	Metrics    MetricsConfig `yaml:"metrics"`
	Traces     TraceConfig   `yaml:"traces"`

	Audit     AuditConfig     `yaml:"audit"`
	Alarms    AlarmConfig     `yaml:"alarms"`
	Retention RetentionConfig `yaml:"retention"`

	// Brands are further brand files or folders of them.
	Brands []string `yaml:"brands"`

	// Aggregators are household-account services that sign in for customers:
	// the login history labels them, and nothing more.
	Aggregators []dossier.Aggregator `yaml:"aggregators"`
	// PasswordList is the operator's full list of leaked passwords: a file of
	// lines "SHA1:count" sorted by hash, or a folder of range files. Empty: the
	// embedded filter of common ones alone.
	PasswordList string `yaml:"password_list"`

	// TrustedProxies are the networks of one's own proxies: what they put at
	// the end of X-Forwarded-For is believed, and nothing else.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`

	// RatePerKey caps the requests and events a second of one API key; 0: 5,000,
	// below zero: no cap.
	RatePerKey float64 `yaml:"rate_per_key"`

	// Signals are the transmitters of Shared Signals that are trusted: mail and
	// identity providers who warn of takeovers.
	Signals []ssf.Trusted `yaml:"signals"`

	// ClientIP finds a visitor's address behind proxies; nil: as TrustedProxies say.
	ClientIP func(*http.Request) netip.Addr `yaml:"-"`

	// What only the composition root of a test or a demo sets.
	SignalTransport http.RoundTripper                                                 `yaml:"-"`
	TraceTransport  http.RoundTripper                                                 `yaml:"-"`
	OIDCTransport   http.RoundTripper                                                 `yaml:"-"`
	ShopTransport   http.RoundTripper                                                 `yaml:"-"`
	MailDial        func(ctx context.Context, network, addr string) (net.Conn, error) `yaml:"-"`
	MailDNS         auth.Resolver                                                     `yaml:"-"` // nil: the system's, and our own keys
	Log             *slog.Logger                                                      `yaml:"-"`
	NodeTick        time.Duration                                                     `yaml:"-"` // how often nodes on one database look at each other; 0: 1 s, below zero: never
	Crash           func(at playbook.Point, s playbook.Step)                          `yaml:"-"`
	Clock           func() clock.Reading                                              `yaml:"-"` // nil: the system's
}

// ShopConfig says where the shop is and what it is called.
type ShopConfig struct {
	Name   mimamori.Text `yaml:"name"`
	URL    string        `yaml:"url"`    // of the commands
	Source string        `yaml:"source"` // the shop's CloudEvents source; grants are made out to it
	// The shop's own pages: its front, its sign-in, where "forgot your
	// password?" stands, and where a customer comes back to after a challenge.
	Home   string `yaml:"home"`
	SignIn string `yaml:"sign_in"`
	Forgot string `yaml:"forgot"`
	// Domain is the shop's, as "shop.example": passkeys are made for it, and work
	// on all hosts below it. Empty: the registrable part of public_url's host.
	Domain          string         `yaml:"domain"`
	ChallengeReturn string         `yaml:"challenge_return"`
	Secret          string         `yaml:"secret"` // whsec_…; empty: made here, shown by `mimamori shop-secret`
	AllowHTTP       bool           `yaml:"allow_http"`
	Allow           []netip.Prefix `yaml:"allow"` // private networks that the shop may be in
	// ReturnHosts are the hosts that customers may be sent back to.
	ReturnHosts []string `yaml:"return_hosts"`
	// OrdinaryMails are the subjects of the shop's own mails, by what sets them off.
	OrdinaryMails map[string]mimamori.Text `yaml:"ordinary_mails"`
	// Brand is the id of the shop's own brand file.
	Brand string `yaml:"brand"`
}

// MailConfig says how notices leave.
type MailConfig struct {
	From     string       `yaml:"from"`   // security@shop.example
	Server   string       `yaml:"server"` // host:port
	TLS      mail.TLSMode `yaml:"tls"`
	Username string       `yaml:"username"`
	Password string       `yaml:"password"`
	Selector string       `yaml:"selector"` // DKIM; "mimamori" unless set

	Reminders     []int  `yaml:"reminders"`      // days after the recovery; empty: 3 and 30
	SecondChannel string `yaml:"second_channel"` // HTTPS address of the shop's app or SMS gateway; empty: none
	Bounces       string `yaml:"bounces"`        // bounce@notice.shop.example; empty: they go to From

	// What `mimamori mail-setup` prints and checks besides the keys.
	SPF      []string `yaml:"spf"`       // mechanisms of what sends for us
	ReportTo string   `yaml:"report_to"` // for DMARC and TLS reports
	BIMILogo string   `yaml:"bimi_logo"`
	BIMICert string   `yaml:"bimi_certificate"`
}

// GeoConfig names files that go before the embedded table of networks. They
// are read again when they change.
type GeoConfig struct {
	MMDB []string `yaml:"mmdb"`
	// Lists of networks by kind (hosting, vpn, relay, tor, mobile, access).
	Lists map[geo.Kind][]string `yaml:"lists"`
}

// MetricsConfig says where /metrics is, for Prometheus. Off unless Listen is set.
type MetricsConfig struct {
	Listen string `yaml:"listen"` // an address that only the operator reaches
	Key    string `yaml:"key"`    // asked for as Authorization: Bearer; empty: none
}

// InboxConfig says where mails to be checked, and those that come back, arrive.
type InboxConfig struct {
	Listen  string `yaml:"listen"` // 0.0.0.0:25; empty: no inbox
	Host    string `yaml:"host"`   // of the MX record
	Check   string `yaml:"check"`  // check@check.shop.example
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
}

// DefaultConfig is what is not said otherwise.
func DefaultConfig() Config {
	return Config{Data: "data", PublicURL: "http://localhost:8420", Listen: "127.0.0.1:8420", ConsoleListen: "127.0.0.1:8421",
		Shop:   ShopConfig{Name: mimamori.Text{JA: "お店", EN: "the shop"}, Brand: "midori"},
		Mail:   MailConfig{From: "security@localhost", Server: "127.0.0.1:25", Selector: "mimamori"},
		Staff:  defaultStaff(),
		Policy: decide.DefaultPolicy()}
}

// Place is where the records are: what store.Open takes.
func (c *Config) Place() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "mimamori.db")
}

// Check says what is wrong with a configuration, naming the field.
func (c *Config) Check() error {
	if err := c.Policy.Check(); err != nil {
		return err
	}
	for field, value := range map[string]string{"data": c.Data, "shop.url": c.Shop.URL, "mail.from": c.Mail.From, "mail.server": c.Mail.Server} {
		if value == "" {
			return fmt.Errorf("config: %s is required: %w", field, mimamori.ErrInvalid)
		}
	}
	if err := c.checkStaff(); err != nil {
		return err
	}
	if err := c.checkMail(); err != nil {
		return err
	}
	if c.Database != "" && !store.IsAddress(c.Database) {
		return fmt.Errorf("config: database must be like postgres://user@host:5432/mimamori, or empty for the file in data: %w", mimamori.ErrInvalid)
	}
	if err := c.checkAudit(); err != nil {
		return err
	}
	if err := c.checkAlarms(); err != nil {
		return err
	}
	if err := c.checkRetention(); err != nil {
		return err
	}
	if err := c.checkTraces(); err != nil {
		return err
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Path != "" {
		return fmt.Errorf("config: public_url must be like https://security.shop.example, without a path: %w", mimamori.ErrInvalid)
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if c.Policy.Wait < 5*time.Hour && !c.Policy.Shortened {
		return fmt.Errorf("config: policy.wait is under 5 hours; if that is meant (a demo), set policy.shortened so that pages and notices say so: %w", mimamori.ErrInvalid)
	}
	return nil
}

// local says that this is one machine without TLS: a demo or a trial.
func (c *Config) local() bool {
	u, err := url.Parse(c.PublicURL)
	return err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
}

// passkeyDomain is the relying party's id of passkeys (WebAuthn Level 3, 5.1.2).
func (c *Config) passkeyDomain() string {
	if c.Shop.Domain != "" {
		return c.Shop.Domain
	}
	if own, err := publicsuffix.EffectiveTLDPlusOne(c.domain()); err == nil {
		return own
	}
	return c.domain() // localhost
}

// domain is the host customers see.
func (c *Config) domain() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
