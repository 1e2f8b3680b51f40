package quickstart

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"mimamori"
	"mimamori/app"
	"mimamori/brands"
	"mimamori/certificate"
	"mimamori/decide"
	"mimamori/mail"
	mailrecords "mimamori/mail/records"
	"mimamori/support"
)

// config makes the configuration of the answers.
func config(a Answers, brand string) (app.Config, error) {
	c := app.DefaultConfig()
	if a.Database != "sqlite" {
		c.Database = a.Database
	}
	c.Data, c.PublicURL, c.ConsoleURL, c.Listen, c.ConsoleListen = a.Data, a.PublicURL, a.ConsoleURL, a.Listen, a.ConsoleAt
	c.Brands = []string{brand}
	c.Policy.Mode = decide.Observe
	home, err := url.Parse(a.Home)
	if err != nil {
		return c, fmt.Errorf("--shop-home: %w", mimamori.ErrInvalid)
	}
	c.Shop = app.ShopConfig{Name: mimamori.Text{JA: a.NameJA, EN: a.NameEN}, URL: a.ShopURL, Source: a.Source, Home: a.Home, SignIn: a.SignIn,
		Forgot: a.Forgot, ChallengeReturn: a.Challenge, Domain: a.Domain, ReturnHosts: []string{home.Hostname()}, Brand: a.Source,
		AllowHTTP: strings.HasPrefix(a.ShopURL, "http://")}
	if c.Shop.AllowHTTP { // one machine, a trial: its own network is meant
		c.Shop.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	c.Mail.From, c.Mail.Server, c.Mail.TLS, c.Mail.Username = a.MailFrom, a.MailServer, mail.TLSMode(a.MailTLS), a.MailUser
	if a.MailPassword != "" {
		raw, err := os.ReadFile(a.MailPassword)
		if err != nil {
			return c, fmt.Errorf("--mail-password-file: %w", err)
		}
		c.Mail.Password = strings.TrimSpace(string(raw))
	}
	c.TLS.Mode, c.TLS.ACMEMail = a.TLS, a.ACMEMail
	switch a.TLS {
	case app.TLSProxy:
		if c.TrustedProxies, err = prefixes(a.Proxies); err != nil {
			return c, fmt.Errorf("--trusted-proxies: %w", err)
		}
	case app.TLSFiles:
		c.TLS.Certificates = []certificate.Pair{{Cert: a.Cert, Key: a.Key}}
	case app.TLSACME:
		c.TLS.HTTPListen = "0.0.0.0:80"
	}
	return c, c.Check()
}

// write puts down the configuration and the brand file.
func (m *Made) write(a Answers, c app.Config) error {
	b, err := yaml.Marshal(brandOf(a))
	if err != nil {
		return fmt.Errorf("write the brand file: %w", err)
	}
	head := "# What is known of the shop's own mails, sites and telephone lines: the security\n# centre, notices and the mail checker read it. docs/theme.md says what else can\n# stand here (colours, logo, words); mimamori brands lint FILE checks it.\n"
	if err := put(m.Brand, head+string(b), 0o644); err != nil {
		return err
	}
	text := app.Annotated(c, "Mimamori's configuration, written by mimamori quickstart. A line that begins\nwith # and a field can be set by taking that sign away. After a change:\nmimamori config check --config "+m.Config+"\n")
	return put(m.Config, text, 0o600)
}

// brandText is the part of a brand file that quickstart knows, in the order in
// which people read it.
type brandText struct {
	ID            string           `yaml:"id"`
	Names         []string         `yaml:"names,flow"`
	NoticeDomains []string         `yaml:"notice_domains,flow"`
	LinkDomains   []string         `yaml:"link_domains,flow"`
	Contacts      []support.Number `yaml:"contacts,omitempty"`
	Facts         []brands.Fact    `yaml:"facts"`
}

func brandOf(a Answers) brandText {
	_, notices, _ := strings.Cut(a.MailFrom, "@")
	b := brandText{ID: a.Source, Names: []string{a.NameJA}, NoticeDomains: []string{notices}, LinkDomains: []string{a.Domain}}
	if a.NameEN != a.NameJA {
		b.Names = append(b.Names, a.NameEN)
	}
	var speaks []string
	for l := range strings.SplitSeq(a.Languages, ",") {
		speaks = append(speaks, strings.TrimSpace(l))
	}
	for _, n := range []struct{ country, number string }{{"JP", a.Phone}, {support.Anywhere, a.PhoneAbroad}} {
		if n.number != "" {
			b.Contacts = append(b.Contacts, support.Number{Country: n.country, Number: n.number, Free: strings.HasPrefix(n.number, "0120") || strings.HasPrefix(n.number, "0800"),
				Hours: a.Hours, TimeZone: a.TimeZone, Languages: speaks})
		}
	}
	fields := []string{"notice_domains", "link_domains"}
	if len(b.Contacts) > 0 {
		fields = append(fields, "contacts")
	}
	for _, f := range fields {
		b.Facts = append(b.Facts, brands.Fact{Field: f, Source: "the shop itself", SourceJA: "当店", Date: today()})
	}
	return b
}

// records are the DNS records to set, as a zone file has them.
func records(a Answers, c app.Config, setup mailrecords.Setup) string {
	var out strings.Builder
	out.WriteString("; The DNS records that Mimamori needs. mimamori mail-setup prints the mail ones\n; again and says which are published.\n\n; The pages: set the addresses of your machine or proxy.\n")
	for _, u := range []string{c.PublicURL, c.ConsoleURL} {
		if p, err := url.Parse(u); err == nil && net.ParseIP(p.Hostname()) == nil && p.Hostname() != "localhost" {
			fmt.Fprintf(&out, "; %s. IN A <address of this machine or its proxy>\n", p.Hostname())
		}
	}
	out.WriteString("\n; The notices' mail.\n")
	for _, r := range setup.Records() {
		fmt.Fprintf(&out, "; %s\n%s\n", r.Why, r)
	}
	return out.String()
}

// lowPorts says that a port is listened on which only root may, or who has
// the capability.
func lowPorts(c app.Config) bool {
	for _, at := range []string{c.Listen, c.ConsoleListen, c.TLS.HTTPListen, c.Inbox.Listen} {
		if _, port, err := net.SplitHostPort(at); err == nil {
			if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 1024 {
				return true
			}
		}
	}
	return false
}

// handOver gives files to the user that the unit runs as, when root writes
// them and that user is there.
func (m *Made) handOver(o Options) error {
	if !o.Systemd || os.Geteuid() != 0 || o.User == "" {
		return nil
	}
	u, err := user.Lookup(o.User)
	if err != nil {
		return nil // the checklist says how to make it
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(m.Config, 0, gid); err != nil {
		return fmt.Errorf("hand over %s: %w", m.Config, err)
	}
	if err := os.Chmod(m.Config, 0o640); err != nil {
		return fmt.Errorf("hand over %s: %w", m.Config, err)
	}
	return filepath.WalkDir(m.Data, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, uid, gid)
	})
}
