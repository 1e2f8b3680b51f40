package app

import (
	"bytes"
	_ "embed" // the example
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"mimamori"
)

// Example is a configuration to begin with; it is whole and passes Check.
//
//go:embed example.yaml
var Example string

// maxConfig is the size of a configuration file; anything larger is a mistake.
const maxConfig = 1 << 20

// LoadConfig reads a configuration file over the defaults. A key that is not
// known, or that stands there twice, is an error with its line; so is a second
// document.
func LoadConfig(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration %s: %w", path, err)
	}
	if len(text) > maxConfig {
		return Config{}, fmt.Errorf("read the configuration %s: it is larger than 1 MiB: %w", path, mimamori.ErrInvalid)
	}
	c, err := ParseConfig(text)
	if err != nil {
		return c, fmt.Errorf("read the configuration %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig is LoadConfig for text.
func ParseConfig(text []byte) (Config, error) {
	c := DefaultConfig()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		if errors.Is(err, io.EOF) {
			return c, fmt.Errorf("it is empty: %w", mimamori.ErrInvalid)
		}
		return c, plainYAML(err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("it holds more than one document: %w", mimamori.ErrInvalid)
	}
	return c, placed(text, c.Check())
}

// plainYAML says what is wrong without naming Go's types.
func plainYAML(err error) error {
	list, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return fmt.Errorf("%s: %w", strings.TrimPrefix(err.Error(), "yaml: "), mimamori.ErrInvalid)
	}
	var words []string
	for _, line := range list.Errors {
		at, _, unknown := strings.Cut(line, " not found in type ")
		if unknown {
			line = strings.Replace(at, "field ", "there is no field ", 1)
		}
		line = strings.NewReplacer("cannot unmarshal !!str", "text", "cannot unmarshal !!int", "number", "cannot unmarshal !!map", "a map", "cannot unmarshal !!seq", "a list",
			" into bool", " where true or false is wanted", " into float64", " where a number is wanted", " into int", " where a whole number is wanted",
			" into time.Duration", " where a duration like 5h is wanted", " into string", " where text is wanted").Replace(line)
		words = append(words, line)
	}
	return fmt.Errorf("%s: %w", strings.Join(words, "; "), mimamori.ErrInvalid)
}

// meanings says what each field is for; a test fails on a missing one.
var meanings = map[string]string{
	"data":                       "folder of the database and the master key",
	"database":                   "PostgreSQL address (postgres://user@host:5432/mimamori), for more than one node; empty: the file mimamori.db in data",
	"master_command":             "command (with arguments) that prints the master key (two lines while it is rotated: the new, the old); without it the file master.key in data is used",
	"public_url":                 "where customers reach the security centre, as https://security.shop.example",
	"listen":                     "address of the doors (API) and the security centre",
	"console_listen":             "address of the staff console; it need not be reachable from outside",
	"console_url":                "how the staff reach the console, as https://desk.shop.example; passkeys, invitation links and the identity provider need it",
	"staff.passkeys":             "optional (a lead or an administrator who has one needs it for dangerous acts) or required (nobody sees a page without one)",
	"staff.idle":                 "a staff sign-in ends after so long without a page; 1m to 12h",
	"staff.absolute":             "a staff sign-in ends after so long whatever happens; at most 168h",
	"staff.fresh":                "how long a code, passkey or fresh company sign-in counts for dangerous acts; 1m to 1h",
	"staff.oidc.issuer":          "the company's identity provider (OpenID Connect), exactly as it writes itself; empty: people sign in here",
	"staff.oidc.client_id":       "our name at the provider",
	"staff.oidc.client_secret":   "our secret at the provider; empty: a public client, PKCE alone",
	"staff.oidc.scopes":          "what is asked for; add the provider's scope for groups if it has one",
	"staff.oidc.groups":          "the claim that lists a person's groups; a dot leads into an object, as realm_access.roles",
	"staff.oidc.roles":           "group: roles, of agent, lead, analyst, auditor, admin; who is in none of these groups may not come in",
	"staff.oidc.acr":             "one of these must be the sign-in's acr; empty: the provider decides",
	"staff.oidc.amr":             "all of these must be in the sign-in's amr; empty: the provider decides",
	"staff.oidc.strong":          "acr and amr values that stand for a proof that cannot be phished",
	"tls.mode":                   "proxy (yours ends TLS), files (certificates of your own), acme (fetched and renewed); empty: proxy",
	"tls.certificates":           "certificates (cert: chain, key: its key; PEM files), chosen by host; read again when they change",
	"tls.acme_mail":              "where the authority writes to about certificates",
	"tls.acme_server":            "directory address of the ACME authority; empty: Let's Encrypt",
	"tls.acme_roots":             "PEM file of the authority's own root, for an authority inside the company",
	"tls.http_listen":            "address at which plain HTTP is led to HTTPS, and an ACME authority asks, as 0.0.0.0:80; empty: none",
	"shop.name.ja":               "the shop's name in Japanese, as notices and pages write it",
	"shop.name.en":               "the shop's name in English",
	"shop.url":                   "where the shop takes commands",
	"shop.source":                "the shop's CloudEvents source; grants are made out to it",
	"shop.home":                  "the shop's front page",
	"shop.sign_in":               "the shop's sign-in page",
	"shop.forgot":                "the shop's “forgot your password?” page",
	"shop.challenge_return":      "where a customer comes back to after a challenge",
	"shop.secret":                "webhook secret (whsec_…) that signs commands; empty: made here, see mimamori shop-secret",
	"shop.allow_http":            "commands may go over plain HTTP (one machine only)",
	"shop.allow":                 "private networks that the shop may be in, as 10.1.0.0/16",
	"shop.return_hosts":          "hosts that customers may be sent back to",
	"shop.ordinary_mails":        "subjects of the shop's own mails (ja, en) by what sets them off, as order.placed",
	"shop.brand":                 "id of the shop's own brand file",
	"mail.from":                  "sender of notices, as security@notice.shop.example",
	"mail.server":                "submission server, host:port",
	"mail.tls":                   "starttls, implicit, or none (same machine only); empty: starttls",
	"mail.username":              "name at the submission server; empty: none",
	"mail.password":              "password there",
	"mail.selector":              "DKIM selector; -rsa and -ed are added to it, and a number from the second key on",
	"policy.mode":                "observe (decide only), assist (a person confirms), enforce",
	"policy.notify_at":           "probability from which an entry is marked",
	"policy.challenge_at":        "probability from which one more proof is asked",
	"policy.hold_at":             "probability from which orders, points and changes stand still",
	"policy.contain_at":          "probability from which the account is contained",
	"policy.wait":                "between containment and the reset of the password; 5h or more, unless shortened",
	"policy.watch":               "how long an account is watched more closely afterwards",
	"policy.budget_share":        "containments without a person in an hour, as a share of the accounts active in 30 days",
	"policy.budget_floor":        "but at least this many",
	"policy.quotas.notify":       "share of genuine sign-ins marked in the history",
	"policy.quotas.challenge":    "share of genuine sign-ins asked for one more proof",
	"policy.quotas.hold":         "share of genuine sign-ins put on hold at once",
	"policy.quotas.hold_session": "share of genuine sessions put on hold at any time, those at sign-in included",
	"policy.quotas.contain":      "share of genuine sign-ins contained without a person",
	"policy.quotas.off":          "decide by the probabilities alone",
	"policy_file":                "a policy file (YAML) read over policy: quotas and rules of your own, see docs/policy.md",
	"geo.mmdb":                   "files in the .mmdb format of any vendor, before the table built in; the first that knows wins",
	"geo.lists":                  "lists of networks (a line each) by kind: hosting, vpn, relay, tor, mobile, access",
	"metrics.listen":             "address of /metrics for Prometheus, which only you should reach; empty: none",
	"metrics.key":                "asked for there as a bearer token; empty: none",
	"traces.on":                  "spans of requests and steps are sent to an OpenTelemetry collector, see docs/traces.md",
	"traces.endpoint":            "the collector's address for OTLP over HTTP; empty: OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318",
	"traces.key":                 "given there as a bearer token; empty: OTEL_EXPORTER_OTLP_HEADERS, or none",
	"traces.service":             "what this installation is called there; empty: OTEL_SERVICE_NAME, or mimamori",
	"traces.ratio":               "share of requests that are traced; 0: OTEL_TRACES_SAMPLER_ARG, or 0.1",
	"policy.shortened":           "waits are shorter than the product's own (a demo): every page and notice says so",
	"brands":                     "further brand files, or folders of them",
	"trusted_proxies":            "networks of your own proxies, whose X-Forwarded-For is believed",
	"signals":                    "transmitters of Shared Signals that are trusted (issuer, audience, jwks, secret): providers who warn of takeovers",
	"rate_per_key":               "requests and events a second of one API key; 0 is 5,000, below zero no cap",
	"shop.domain":                "the shop's domain, for which passkeys are made; empty: the registrable part of public_url's host",
	"mail.reminders":             "days after the recovery on which the customer is asked to look once more; empty: 3 and 30",
	"mail.second_channel":        "HTTPS address of your app's or SMS gateway's webhook: told what a mail could not say, or 12 hours unread",
	"mail.bounces":               "where undeliverable notices come back to, as bounce@notice.shop.example; give it to the inbox",
	"mail.spf":                   "SPF mechanisms of what sends for you, as include:_spf.smtp.example; for mail-setup",
	"mail.report_to":             "mail address for DMARC and TLS reports; for mail-setup",
	"mail.bimi_logo":             "https address of the logo (SVG Tiny PS); for mail-setup",
	"mail.bimi_certificate":      "https address of the logo's certificate; for mail-setup",

	"inbox.listen":   "address on which the inbox takes mails (SMTP), as 0.0.0.0:25; empty: there is no inbox",
	"inbox.host":     "host name of the inbox, as its MX record says it",
	"inbox.check":    "address to which customers forward suspicious mails, as check@check.shop.example; empty: none is taken",
	"inbox.tls_cert": "file with the inbox's certificate chain (PEM); empty: no STARTTLS",
	"inbox.tls_key":  "file with its key (PEM)",

	"audit.anchor_every":          "the audit log's newest head goes outside at most this long after an entry; 0: an hour",
	"audit.anchor_file":           "file that heads are appended to, best on another machine's disk; empty: audit-heads in data; none: no file",
	"audit.anchor_mail":           "mail addresses that heads are mailed to",
	"audit.anchor_webhook":        "https address that heads are posted to (Standard Webhooks)",
	"alarms.contacts":             "who is told when a person must look (mail or webhook with secret, language ja or en): at once, after 1 h, 4 h more, then daily; empty: alarms stand in the console alone",
	"audit.anchor_webhook_secret": "webhook secret (whsec_…) for it; empty: that of the commands",

	"retention.login_months":   "months after which IP addresses and browsers become keyed hashes",
	"retention.incident_years": "years after which incidents, what belongs to them and old history are deleted",
	"retention.used_days":      "days after which used codes, ended visits and recoveries are deleted",

	"aggregators":   "household-account services (name in ja and en, networks, agent) that the login history labels as such",
	"password_list": "the full list of leaked passwords, sorted by SHA-1, as file or folder; empty: the embedded filter of common ones alone",
}
