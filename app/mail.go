package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mimamori"
	"mimamori/geo"
	"mimamori/keys"
	"mimamori/mail"
	"mimamori/mail/records"
	"mimamori/notice"
	"mimamori/support"
	"mimamori/webhook"
)

// mailUses are the two that every notice is signed with, RSA first.
var mailUses = []keys.Use{keys.DKIMRSA, keys.DKIMEd25519}

// mailKey is a key of the ring as mails are signed with it. Each has a
// selector of its own, so that the old one's record stays while the new one
// takes over: "mimamori-rsa", then "mimamori-rsa2", ….
func (a *App) mailKey(k keys.Key) mail.Key {
	selector := a.Config.Mail.Selector + map[keys.Use]string{keys.DKIMRSA: "-rsa", keys.DKIMEd25519: "-ed"}[k.Use]
	if n := k.Number(); n > 1 {
		selector += strconv.Itoa(n)
	}
	return mail.Key{Domain: a.noticeDomain(), Selector: selector, Signer: k.Signer()}
}

// MailSetup is what the DNS must say for our notices: the keys that are believed
// now, those about to sign and those in their overlap among them.
func (a *App) MailSetup() (records.Setup, error) {
	m := a.Config.Mail
	s := records.Setup{Domain: a.noticeDomain(), SPF: m.SPF, ReportTo: m.ReportTo, BIMILogo: m.BIMILogo, BIMICert: m.BIMICert}
	if a.Config.Inbox.Listen != "" {
		s.InboxMX = a.Config.Inbox.Host
		for _, addr := range []string{a.Config.Inbox.Check, m.Bounces} {
			if _, domain, ok := strings.Cut(addr, "@"); ok && !slices.Contains(s.Inboxes, domain) {
				s.Inboxes = append(s.Inboxes, domain)
			}
		}
	}
	for _, use := range mailUses {
		published := a.Ring.Verify(use)
		for i := range published {
			k := published[len(published)-1-i] // oldest first
			as := a.mailKey(k)
			_, value, err := as.Record()
			if err != nil {
				return s, fmt.Errorf("write the record of %s: %w", k.ID, err)
			}
			s.Keys = append(s.Keys, records.Key{Selector: as.Selector, Value: value, Begins: k.NotBefore.UTC(), Until: k.RetiredAt.UTC()})
			if k.RetiredAt.IsZero() {
				s.Keys[len(s.Keys)-1].Until = time.Time{}
			}
		}
	}
	return s, nil
}

// RotateMailKeys makes a new pair. They sign 48 hours from now, when their
// records must be published; the old ones stay believed for 90 days more.
func (a *App) RotateMailKeys(ctx context.Context) error {
	for _, use := range mailUses {
		if err := a.Ring.Rotate(ctx, use); err != nil {
			return err
		}
	}
	return nil
}

// second is the other way to a customer; nil when none is configured.
func (a *App) second() notice.Second {
	if a.Config.Mail.SecondChannel == "" {
		return nil
	}
	u, err := url.Parse(a.Config.Mail.SecondChannel) // Check has read it
	if err != nil {
		return nil
	}
	transport := cmp.Or[http.RoundTripper](a.Config.ShopTransport, webhook.Guard{Allow: a.Config.Shop.Allow}.Transport())
	client := &http.Client{Transport: transport, CheckRedirect: webhook.NoRedirects}
	a.closers = append(a.closers, func() error { client.CloseIdleConnections(); return nil })
	return &notice.Gateway{URL: u, Client: client, Secrets: a.shopSecrets}
}

// checkMail says what is wrong with the mail part of a configuration.
func (c *Config) checkMail() error {
	bad := func(field, why string) error {
		return fmt.Errorf("config: mail.%s %s: %w", field, why, mimamori.ErrInvalid)
	}
	if s := c.Mail.SecondChannel; s != "" {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && c.Shop.AllowHTTP) {
			return bad("second_channel", "must be an https address")
		}
	}
	for field, addr := range map[string]string{"from": c.Mail.From, "bounces": c.Mail.Bounces, "report_to": c.Mail.ReportTo} {
		if addr == "" {
			continue
		}
		if _, err := mail.ParseAddress(addr); err != nil {
			return bad(field, "is not a mail address")
		}
	}
	for _, d := range c.Mail.Reminders {
		if d < 1 || d > 366 {
			return bad("reminders", "are days after the recovery, from 1 to 366")
		}
	}
	return nil
}

// hours says when a line answers, as it still reads true tomorrow.
func hours(n support.Number) mimamori.Text {
	if n.Hours == "" {
		return mimamori.Text{}
	}
	t := mimamori.Text{JA: strings.NewReplacer("-", "から", ",", "、").Replace(n.Hours), EN: strings.ReplaceAll(strings.ReplaceAll(n.Hours, "-", " to "), ",", ", ")}
	if n.Hours == "00:00-24:00" {
		t = mimamori.Text{JA: "24時間", EN: "day and night"}
	}
	if len(n.Days) > 0 {
		ja, en := "", ""
		for _, d := range n.Days {
			ja += map[string]string{"mon": "月", "tue": "火", "wed": "水", "thu": "木", "fri": "金", "sat": "土", "sun": "日"}[d]
			en += strings.ToUpper(d[:1]) + d[1:] + " "
		}
		t.JA, t.EN = ja+" "+t.JA, en+t.EN
	}
	return t
}

// PreviewHouse is what notices say of the shop by a configuration, without
// opening its data.
func PreviewHouse(c Config) (notice.House, error) {
	a := &App{Config: c, Geo: geo.Embedded()}
	brand, err := a.brand()
	if err != nil {
		return notice.House{}, err
	}
	a.directory = brand.Directory()
	return a.house(), nil
}
