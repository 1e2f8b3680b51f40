package quickstart

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"mimamori"
	"mimamori/app"
)

// Answers are what quickstart must know of a shop. The tags are the command's
// flags; the help is what is asked, a topic stands above those that follow it.
type Answers struct {
	Domain       string `topic:"The shop" name:"domain" placeholder:"shop.example" help:"The shop's own domain, as customers type it."`
	NameJA       string `name:"shop-ja" placeholder:"NAME" help:"The shop's name in Japanese, as pages and notices write it."`
	NameEN       string `name:"shop-en" placeholder:"NAME" help:"The shop's name in English."`
	PublicURL    string `topic:"Addresses" name:"public-url" placeholder:"URL" help:"Where customers reach the security centre; under the shop's own domain."`
	ConsoleURL   string `name:"console-url" placeholder:"URL" help:"Where the staff reach the console."`
	ShopURL      string `name:"shop-url" placeholder:"URL" help:"Where the shop takes our commands."`
	Home         string `name:"shop-home" placeholder:"URL" help:"The shop's front page."`
	SignIn       string `name:"shop-sign-in" placeholder:"URL" help:"The shop's sign-in page."`
	Forgot       string `name:"shop-forgot" placeholder:"URL" help:"The shop's “forgot your password?” page."`
	Challenge    string `name:"shop-challenge-return" placeholder:"URL" help:"The shop's page to which a customer comes back after one more proof."`
	Source       string `name:"source" placeholder:"WORD" help:"What the shop's events call their source."`
	Languages    string `topic:"The support line" name:"languages" placeholder:"ja,en" help:"Languages that the support line speaks, the usual one first."`
	TimeZone     string `name:"time-zone" placeholder:"ZONE" help:"Time zone of the support line."`
	Phone        string `name:"phone" placeholder:"NUMBER" help:"Number that customers call, as dialled at home; empty: to be added later."`
	PhoneAbroad  string `name:"phone-abroad" placeholder:"NUMBER" help:"The same from abroad, beginning with +; empty: to be added later."`
	Hours        string `name:"hours" placeholder:"HOURS" help:"When they are answered, as 09:00-18:00 or 00:00-24:00."`
	MailFrom     string `topic:"Mail to customers" name:"mail-from" placeholder:"ADDRESS" help:"Sender of notices."`
	MailServer   string `name:"mail-server" placeholder:"HOST:PORT" help:"Server that takes mails to be sent."`
	MailTLS      string `name:"mail-tls" placeholder:"HOW" help:"How it is spoken to: starttls, implicit, or none (same machine only)."`
	MailUser     string `name:"mail-user" placeholder:"NAME" help:"Name to sign in with there; empty: none."`
	MailPassword string `name:"mail-password-file" placeholder:"FILE" help:"File with the password for it; empty: to be written into the configuration later."`
	Database     string `topic:"This machine" name:"database" placeholder:"WHERE" help:"sqlite (in the data folder), or postgres://…"`
	Data         string `name:"data" placeholder:"DIR" help:"Folder of the database and the master key."`
	TLS          string `name:"tls" placeholder:"HOW" help:"Who ends TLS: proxy (yours), files (certificates of yours), acme (fetched by us)."`
	Cert         string `name:"tls-cert" placeholder:"FILE" help:"The certificate's chain (PEM)."`
	Key          string `name:"tls-key" placeholder:"FILE" help:"Its key (PEM)."`
	ACMEMail     string `name:"acme-mail" placeholder:"ADDRESS" help:"Where the certificate authority writes to; empty: nowhere."`
	Proxies      string `name:"trusted-proxies" placeholder:"NETWORKS" help:"Networks of your proxies, whose word about visitors' addresses is believed."`
	Listen       string `name:"listen" placeholder:"ADDR" help:"Address of the doors and the security centre on this machine."`
	ConsoleAt    string `name:"console-listen" placeholder:"ADDR" help:"Address of the console on this machine."`
	AdminName    string `topic:"The first person at the desk" name:"admin-name" placeholder:"NAME" help:"Name of the first person at the desk; empty: to be added later."`
	AdminMail    string `name:"admin-mail" placeholder:"ADDRESS" help:"What that person signs in with."`
}

// question is what is asked beside its flag and its words.
type question struct {
	usual  func(a *Answers) string // the default; nil or empty: none
	such   string                  // an example, where there is no default
	needed bool                    // an empty answer is none
	check  func(s string) error
	when   func(a *Answers) bool // nil: always
}

func fixed(s string) func(*Answers) string { return func(*Answers) string { return s } }

func at(path string) func(*Answers) string {
	return func(a *Answers) string { return "https://" + a.Domain + path }
}

// questions are by flag. A question that is not asked keeps its default.
func questions() map[string]question {
	own := func(a *Answers) bool { return a.TLS != app.TLSProxy }
	return map[string]question{
		"domain":                {such: "shop.example", needed: true, check: domain},
		"shop-ja":               {such: "みどり商店", needed: true, check: line},
		"shop-en":               {such: "Midori Store", needed: true, check: line},
		"public-url":            {usual: func(a *Answers) string { return "https://security." + a.Domain }, needed: true, check: host},
		"console-url":           {usual: func(a *Answers) string { return "https://desk." + a.Domain }, needed: true, check: host},
		"shop-url":              {usual: at("/mimamori/commands"), needed: true, check: address},
		"shop-home":             {usual: at("/"), needed: true, check: address},
		"shop-sign-in":          {usual: at("/signin"), needed: true, check: address},
		"shop-forgot":           {usual: at("/forgot"), needed: true, check: address},
		"shop-challenge-return": {usual: at("/signin/challenge"), needed: true, check: address},
		"source":                {usual: func(a *Answers) string { return slug(a.Domain) }, needed: true, check: word},
		"languages":             {usual: fixed("ja"), needed: true, check: languages},
		"time-zone":             {usual: fixed("Asia/Tokyo"), needed: true, check: zone},
		"phone":                 {such: "0120-000-000", check: line},
		"phone-abroad":          {such: "+81-3-0000-0000", check: abroad},
		"hours":                 {usual: fixed("09:00-18:00"), check: line, when: func(a *Answers) bool { return a.Phone+a.PhoneAbroad != "" }},
		"mail-from":             {usual: func(a *Answers) string { return "security@notice." + a.Domain }, needed: true, check: mailbox},
		"mail-server":           {such: "smtp.shop.example:587", needed: true, check: hostPort},
		"mail-tls":              {usual: fixed("starttls"), check: oneOf("starttls", "implicit", "none")},
		"mail-user":             {check: line},
		"mail-password-file":    {when: func(a *Answers) bool { return a.MailUser != "" }},
		"database":              {usual: fixed("sqlite"), needed: true, check: database},
		"data":                  {usual: fixed("/var/lib/mimamori"), needed: true},
		"tls":                   {usual: fixed(app.TLSProxy), needed: true, check: oneOf(app.TLSProxy, app.TLSFiles, app.TLSACME)},
		"tls-cert":              {needed: true, when: func(a *Answers) bool { return a.TLS == app.TLSFiles }},
		"tls-key":               {needed: true, when: func(a *Answers) bool { return a.TLS == app.TLSFiles }},
		"acme-mail":             {check: mailbox, when: func(a *Answers) bool { return a.TLS == app.TLSACME }},
		"trusted-proxies":       {usual: fixed("127.0.0.1/32"), needed: true, check: networks, when: func(a *Answers) bool { return !own(a) }},
		"listen": {usual: func(a *Answers) string {
			if own(a) {
				return "0.0.0.0:443"
			}
			return "127.0.0.1:8420"
		}, needed: true, check: hostPort},
		"console-listen": {usual: fixed("127.0.0.1:8421"), needed: true, check: hostPort},
		"admin-name":     {check: line},
		"admin-mail":     {such: "sato@shop.example", needed: true, check: mailbox, when: func(a *Answers) bool { return a.AdminName != "" }},
	}
}

// Missing are answers that nobody gave and nothing can be guessed for.
type Missing struct{ Flags []string }

func (m *Missing) Error() string { return "not answered: --" + strings.Join(m.Flags, ", --") }

// Is makes it a mimamori.ErrInvalid.
func (m *Missing) Is(target error) bool { return target == mimamori.ErrInvalid }

// Ask fills in what no flag answered: from in, when somebody sits there (in is
// not nil), else from the defaults. What is needed and has none is named, all
// of it at once.
func Ask(a *Answers, in io.Reader, out io.Writer) error {
	all := questions()
	var read *bufio.Reader
	if in != nil {
		read = bufio.NewReader(in)
		fmt.Fprintln(out, "Enter takes what stands in brackets. Nothing is written before the last answer; Ctrl-C leaves.")
	}
	missing := &Missing{}
	v := reflect.ValueOf(a).Elem()
	topic, told := "", ""
	for i := range v.NumField() {
		tag, to := v.Type().Field(i).Tag, v.Field(i)
		flag := tag.Get("name")
		topic = cmp.Or(tag.Get("topic"), topic)
		q := all[flag]
		if q.when != nil && !q.when(a) {
			continue
		}
		usual := ""
		if q.usual != nil && (a.Domain != "" || flag != "domain") {
			usual = q.usual(a)
		}
		switch {
		case to.String() != "":
			if err := q.good(to.String()); err != nil {
				return fmt.Errorf("--%s: %w", flag, err)
			}
		case read != nil:
			if topic != told {
				fmt.Fprintf(out, "\n%s\n%s\n", topic, strings.Repeat("─", len(topic)))
				told = topic
			}
			answer, err := ask(read, out, tag.Get("help"), usual, q)
			if err != nil {
				return fmt.Errorf("ask for --%s: %w", flag, err)
			}
			to.SetString(answer)
		default:
			to.SetString(usual)
		}
		if q.needed && to.String() == "" && (q.usual == nil || a.Domain != "") {
			missing.Flags = append(missing.Flags, flag)
		}
	}
	if len(missing.Flags) > 0 {
		return missing
	}
	return nil
}

// ask asks until the answer is good.
func ask(in *bufio.Reader, out io.Writer, words, usual string, q question) (string, error) {
	for {
		fmt.Fprintf(out, "%s", words)
		if usual != "" {
			fmt.Fprintf(out, " [%s]", usual)
		} else if q.such != "" {
			fmt.Fprintf(out, " Such as %s.", q.such)
		}
		fmt.Fprint(out, "\n> ")
		said, err := in.ReadString('\n')
		if err != nil && (said == "" || !errors.Is(err, io.EOF)) {
			return "", fmt.Errorf("nobody answers: %w", err)
		}
		answer := cmp.Or(strings.TrimSpace(said), usual)
		if answer == "" && q.needed {
			fmt.Fprintln(out, "This must be known; write it and press Enter.")
			continue
		}
		if err := q.good(answer); err != nil {
			fmt.Fprintln(out, strings.TrimSuffix(err.Error(), ": "+mimamori.ErrInvalid.Error()))
			continue
		}
		return answer, nil
	}
}

func (q question) good(s string) error {
	if s == "" || q.check == nil {
		return nil
	}
	return q.check(s)
}

func bad(s, want string) error { return fmt.Errorf("%q is not %s: %w", s, want, mimamori.ErrInvalid) }

func line(s string) error {
	if len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return bad(s, "one short line")
	}
	return nil
}

func abroad(s string) error {
	if !strings.HasPrefix(s, "+") {
		return bad(s, "a number that begins with + and the country's code")
	}
	return line(s)
}

func domain(s string) error {
	if _, err := publicsuffix.EffectiveTLDPlusOne(s); err != nil || s != strings.ToLower(s) || strings.ContainsAny(s, "/:@ ") {
		return bad(s, "a domain like shop.example")
	}
	return nil
}

func address(s string) error {
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return bad(s, "an address like https://shop.example/page")
	}
	return nil
}

func host(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.Scheme != "https" && u.Scheme != "http" {
		return bad(s, "an address like https://security.shop.example, without a path")
	}
	if here := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"; u.Scheme == "http" && !here {
		return bad(s, "an address that begins with https://, without which browsers keep no sign-in")
	}
	return nil
}

func word(s string) error {
	if len(s) > 60 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return bad(s, "a word of small letters, digits and hyphens")
	}
	return nil
}

func languages(s string) error {
	for l := range strings.SplitSeq(s, ",") {
		if l = strings.TrimSpace(l); l != "ja" && l != "en" {
			return bad(s, "ja, en or both")
		}
	}
	return nil
}

func zone(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return bad(s, "a time zone like Asia/Tokyo")
	}
	return nil
}

func mailbox(s string) error {
	if name, at, ok := strings.Cut(s, "@"); !ok || name == "" || at == "" || strings.ContainsAny(s, " <>\",") || strings.Contains(at, "@") {
		return bad(s, "a mail address")
	}
	return nil
}

func hostPort(s string) error {
	if _, port, err := net.SplitHostPort(s); err != nil || port == "" {
		return bad(s, "host:port")
	}
	return nil
}

func database(s string) error {
	if s != "sqlite" && !strings.HasPrefix(s, "postgres://") && !strings.HasPrefix(s, "postgresql://") {
		return bad(s, "sqlite or an address that begins with postgres://")
	}
	return nil
}

func networks(s string) error {
	_, err := prefixes(s)
	return err
}

func prefixes(s string) (out []netip.Prefix, err error) {
	for word := range strings.SplitSeq(s, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(word))
		if err != nil {
			return nil, bad(s, "networks like 127.0.0.1/32, joined by commas")
		}
		out = append(out, p)
	}
	return out, nil
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(words, s) {
			return bad(s, "one of "+strings.Join(words, ", "))
		}
		return nil
	}
}

// slug is a domain's own word: "midori-store" of midori-store.example.
func slug(domain string) string {
	own, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		own = domain
	}
	first, _, _ := strings.Cut(own, ".")
	return first
}
