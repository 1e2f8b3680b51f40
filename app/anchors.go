package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/audit"
	"mimamori/mail"
	"mimamori/webhook"
)

// AuditConfig says where the heads of the audit log are handed to, outside of
// this machine's reach. Nobody at the desk can change it.
type AuditConfig struct {
	Every   time.Duration `yaml:"anchor_every"`
	File    string        `yaml:"anchor_file"` // empty: audit-heads in Data; "none": no file
	Mail    []string      `yaml:"anchor_mail"`
	Webhook string        `yaml:"anchor_webhook"`
	Secret  string        `yaml:"anchor_webhook_secret"` // whsec_…; empty: that of the commands
}

func (c *Config) checkAudit() error {
	bad := func(field, why string) error {
		return fmt.Errorf("config: audit.%s %s: %w", field, why, mimamori.ErrInvalid)
	}
	if c.Audit.Every < 0 || c.Audit.Every > 0 && c.Audit.Every < time.Minute {
		return bad("anchor_every", "must be a minute or more")
	}
	for _, addr := range c.Audit.Mail {
		if _, err := mail.ParseAddress(addr); err != nil {
			return bad("anchor_mail", "holds what is not a mail address")
		}
	}
	if s := c.Audit.Webhook; s != "" {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && c.Shop.AllowHTTP) {
			return bad("anchor_webhook", "must be an https address")
		}
	}
	if c.Audit.Secret != "" {
		if _, err := webhook.ParseSecret(c.Audit.Secret); err != nil {
			return bad("anchor_webhook_secret", "must be like whsec_…")
		}
	}
	return nil
}

// anchoring hands the audit log's heads outside, from Start on.
func (a *App) anchoring() *audit.Anchoring {
	c := a.Config.Audit
	var places []audit.Place
	switch c.File {
	case "none":
	case "":
		places = append(places, audit.FilePlace(filepath.Join(a.Config.Data, "audit-heads")))
	default:
		places = append(places, audit.FilePlace(c.File))
	}
	for _, to := range c.Mail {
		places = append(places, audit.Place{Name: "mail " + to, Put: func(ctx context.Context, head []byte) error { return a.mailHead(ctx, to, head) }})
	}
	if c.Webhook != "" {
		client := &http.Client{Transport: a.outward(), CheckRedirect: webhook.NoRedirects, Timeout: 15 * time.Second}
		u, _ := url.Parse(c.Webhook) // Check has read it
		places = append(places, audit.Place{Name: "webhook " + u.Host, Put: func(ctx context.Context, head []byte) error { return a.postHead(ctx, client, head) }})
	}
	return audit.NewAnchoring(a.Audit, audit.AnchoringOptions{Places: places, Every: c.Every, Log: a.log,
		Failed: func(audit.PlaceState) { a.Alarms.Raise(alarm.AnchorFailed, "") }})
}

// mailHead mails a head, signed as every mail of ours.
func (a *App) mailHead(ctx context.Context, to string, head []byte) error {
	post := a.post()
	raw, err := mail.Compose(mail.Message{From: post.From, To: mail.Address{Addr: to}, Subject: "Mimamori: head of the audit log",
		Date: time.Now(), MessageID: mail.NewMessageID(a.noticeDomain()),
		Body: "監査記録の署名です。このメールは消さずに、別の場所に保管してください。\nThis signs the audit log as it is now. Keep this mail, elsewhere than on our machine.\n" +
			"mimamori verify-audit --anchors THIS-MAIL.eml\n\n" + string(head) + "\n"})
	if err != nil {
		return err
	}
	signers, err := post.Keys(ctx)
	if err != nil {
		return err
	}
	if raw, err = mail.Sign(raw, signers); err != nil {
		return err
	}
	return post.Submitter.Submit(ctx, post.From.Addr, to, raw)
}

// postHead posts a head as a Standard Webhook.
func (a *App) postHead(ctx context.Context, client *http.Client, head []byte) error {
	secrets, err := a.shopSecrets(ctx)
	if own := a.Config.Audit.Secret; own != "" {
		var s webhook.Secret
		s, err = webhook.ParseSecret(own)
		secrets = []webhook.Secret{s}
	}
	if err != nil {
		return err
	}
	return webhook.Send(ctx, client, a.Config.Audit.Webhook, secrets, mimamori.NewID("head"), "audit.head", map[string]string{"head": string(head)})
}
