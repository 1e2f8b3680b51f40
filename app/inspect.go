package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"mimamori/certificate"
	"mimamori/mail"
	"mimamori/password"
)

// Finding is one thing that is wrong with a configuration, or odd.
type Finding struct {
	Line    int    // in the file; 0: nowhere, a field is missing
	Field   string // empty: not about one field
	Text    string // what is wrong
	Fix     string // what to write or to run
	Warning bool   // it can be started like this
}

// Inspect reads a configuration file as LoadConfig does and then looks at what
// it names: files, keys, addresses. It opens no database and asks nobody. Only
// a file that cannot be read at all is an error.
func Inspect(path string) ([]Finding, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := ParseConfig(text)
	if err != nil {
		var out []Finding
		for _, one := range strings.Split(err.Error(), "; line ") {
			out = append(out, finding(one))
		}
		return out, nil
	}
	i := &inspection{text: text, config: &c}
	i.readable(path)
	i.network()
	i.files()
	i.parts()
	slices.SortStableFunc(i.found, func(a, b Finding) int { return a.Line - b.Line })
	return i.found, nil
}

// inspection collects findings on one file.
type inspection struct {
	text   []byte
	config *Config
	found  []Finding
}

func (i *inspection) add(warning bool, field, text, fix string) {
	i.found = append(i.found, Finding{Line: lineOf(i.text, field), Field: field, Text: text, Fix: fix, Warning: warning})
}

// readable looks at who may read what is secret.
func (i *inspection) readable(path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 && i.config.secrets() {
		i.add(true, "", "everybody on this machine may read the file, and there are secrets in it", "chmod 640 "+path)
	}
	key := filepath.Join(i.config.Data, "master.key")
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		i.add(false, "data", fmt.Sprintf("%s may be read by others (mode %04o)", key, info.Mode().Perm()), "chmod 600 "+key)
	}
	if strings.HasPrefix(i.config.Mail.Password, "change-me") {
		i.add(true, "mail.password", "this is the example's password", "write the one your mail server knows")
	}
}

// secrets says that something secret stands in the configuration itself.
func (c *Config) secrets() (found bool) {
	walk(reflect.ValueOf(*c), "", func(key string, v reflect.Value) {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if v.Kind() == reflect.String && v.String() != "" && (last == "password" || last == "key" || strings.HasSuffix(last, "secret")) {
			found = true
		}
	})
	return found || strings.Contains(c.Database, "@")
}

// network looks at who ends TLS and whose word about addresses is believed.
func (i *inspection) network() {
	c := i.config
	proxied := c.TLS.Mode == TLSProxy || c.TLS.Mode == ""
	u, err := url.Parse(c.PublicURL)
	if err == nil && u.Scheme == "http" && !c.local() {
		i.add(false, "public_url", "customers would be served without TLS: browsers keep no sign-in and no passkey there", "public_url: https://"+u.Host)
	}
	if err == nil && u.Scheme == "https" && proxied && len(c.TrustedProxies) == 0 {
		i.add(true, "trusted_proxies", "there is a proxy (tls.mode is proxy) and none is named: every visitor will seem to come from its address",
			"trusted_proxies: [127.0.0.1/32], or the network your proxy is in")
	}
	if host, _, err := net.SplitHostPort(c.ConsoleListen); err == nil && proxied && exposed(host) {
		i.add(true, "console_listen", "the staff's pages are served to the network without TLS", "console_listen: 127.0.0.1:8421 behind your proxy, or tls.mode files or acme")
	}
	if c.Metrics.Listen != "" && c.Metrics.Key == "" {
		if host, _, err := net.SplitHostPort(c.Metrics.Listen); err == nil && exposed(host) {
			i.add(true, "metrics.key", "everybody who reaches metrics.listen can read the metrics", "metrics.key: a long random word")
		}
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			i.add(false, "trusted_proxies", "all of the internet is believed about where visitors come from", "name your own proxies only")
		}
	}
	if c.Mail.TLS == mail.NoTLS {
		if host, _, err := net.SplitHostPort(c.Mail.Server); err == nil && exposed(host) {
			i.add(true, "mail.tls", "notices cross the network unencrypted", "mail.tls: starttls")
		}
	}
	if c.Policy.Shortened {
		i.add(true, "policy.shortened", "waits are shortened, as for a demo; every page says so", "remove it for real customers")
	}
}

// exposed says that an address is reached from elsewhere.
func exposed(host string) bool {
	if host == "localhost" {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err != nil || !a.IsLoopback()
}

// files looks at what is named by a path.
func (i *inspection) files() {
	c := i.config
	if c.TLS.Mode == TLSFiles {
		for _, p := range c.TLS.Certificates {
			if err := certificate.Check(p, time.Now()); err != nil {
				i.add(false, "tls.certificates", err.Error(), "put the certificate's chain and key there, readable by the user that runs mimamori")
			}
		}
	}
	named := map[string][]string{"geo.mmdb": c.Geo.MMDB}
	for _, list := range c.Geo.Lists {
		named["geo.lists"] = append(named["geo.lists"], list...)
	}
	if c.TLS.ACMERoots != "" {
		named["tls.acme_roots"] = []string{c.TLS.ACMERoots}
	}
	for field, list := range named {
		for _, name := range list {
			if f, err := os.Open(name); err != nil {
				i.add(false, field, err.Error(), "put the file there, or take it out of the list")
			} else if err := f.Close(); err != nil {
				i.add(false, field, err.Error(), "")
			}
		}
	}
}

// parts asks each part whether it would begin with this.
func (i *inspection) parts() {
	c := i.config
	a := &App{Config: *c, log: slog.New(slog.DiscardHandler)}
	if brand, err := a.brand(); err != nil {
		i.add(false, "shop.brand", err.Error(), "name your brand file in brands, and its id in shop.brand")
	} else if brand.ID == "midori" && c.domain() != "localhost" && !strings.HasSuffix(c.domain(), ".example") {
		i.add(true, "shop.brand", "midori is the demonstration's brand: its telephone numbers are nobody's", "write your own brand file, see docs/theme.md")
	}
	if s, err := a.dialShop(); err != nil {
		i.add(false, "shop.url", err.Error(), "shop.url: "+examples["shop.url"])
	} else {
		s.Close()
	}
	if c.PolicyFile != "" {
		if _, err := a.loadPolicy(); errors.Is(err, os.ErrNotExist) {
			i.add(false, "policy_file", err.Error(), "put the file there, or take policy_file out")
		} else if err != nil {
			i.add(false, "policy_file", err.Error(), "mimamori policy check "+c.PolicyFile)
		}
	}
	if list, err := password.Open(c.PasswordList); err != nil {
		i.add(false, "password_list", err.Error(), "see docs/operations.md for where the list is had")
	} else if err := list.Close(); err != nil {
		i.add(false, "password_list", err.Error(), "")
	}
}

// placed puts the line of the field that an error is about before it.
func placed(text []byte, err error) error {
	if err == nil {
		return nil
	}
	field := fieldIn(err.Error())
	if line := lineOf(text, field); line > 0 {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

var fieldWord = regexp.MustCompile(`[a-z_]+(\.[a-z_]+)*`)

// fieldIn finds the field that an error names: the longest key of all, or the
// last word of one beside its section ("policy: wait must …").
func fieldIn(text string) string {
	words := fieldWord.FindAllString(text, -1)
	best := ""
	for key := range meanings {
		section, _, _ := strings.Cut(key, ".")
		last := key[strings.LastIndexByte(key, '.')+1:]
		if (slices.Contains(words, key) || slices.Contains(words, section) && slices.Contains(words, last) && section != last) && len(key) > len(best) {
			best = key
		}
	}
	return best
}

// lineOf is where a field stands in a file; if it does not, where its section
// does, and 0 when that is missing too.
func lineOf(text []byte, field string) int {
	var doc yaml.Node
	if field == "" || yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return 0
	}
	at, line := doc.Content[0], 0
	for _, word := range strings.Split(field, ".") {
		if at.Kind != yaml.MappingNode {
			return line
		}
		next := (*yaml.Node)(nil)
		for n := 0; n+1 < len(at.Content); n += 2 {
			if at.Content[n].Value == word {
				line, next = at.Content[n].Line, at.Content[n+1]
			}
		}
		if next == nil {
			return line
		}
		at = next
	}
	return line
}

var lineWord = regexp.MustCompile(`^(?:line )?(\d+): (.*)$`)

// finding reads back what ParseConfig says.
func finding(said string) Finding {
	f := Finding{Text: said}
	if m := lineWord.FindStringSubmatch(said); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Text = m[2]
	}
	f.Text = strings.TrimPrefix(strings.TrimSuffix(f.Text, ": invalid"), "config: ")
	if name, ok := strings.CutPrefix(f.Text, "there is no field "); ok {
		f.Fix = "take it out, or see mimamori config describe"
		if near := nearest(name); near != "" {
			f.Fix = strings.TrimSpace("did you mean " + near + "? " + meanings[near])
		}
		return f
	}
	f.Field = fieldIn(f.Text)
	if e := examples[f.Field]; e != "" {
		f.Fix = "as " + f.Field + ": " + e
	}
	return f
}

// nearest is the field, or the section, whose last word is spelled most like
// a wrong one.
func nearest(wrong string) string {
	best, least := "", 3
	keys := make([]string, 0, len(meanings))
	for key := range meanings {
		section, _, _ := strings.Cut(key, ".")
		keys = append(keys, key, section)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if d := distance(wrong, key[strings.LastIndexByte(key, '.')+1:]); d < least {
			best, least = key, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with a neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// Wrong joins the findings that are errors; nil when there are none.
func Wrong(found []Finding) error {
	var errs []error
	for _, f := range found {
		if !f.Warning {
			where := ""
			if f.Line > 0 {
				where = fmt.Sprintf("line %d: ", f.Line)
			}
			errs = append(errs, errors.New(where+f.Text))
		}
	}
	return errors.Join(errs...)
}
