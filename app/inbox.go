package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"mimamori"
	"mimamori/inbox"
	"mimamori/mail"
	"mimamori/notice"
)

// openInbox makes the mail server for forwarded mails and for what comes back;
// nil when none is configured.
func (a *App) openInbox(c *checker) (*inbox.Server, error) {
	in := a.Config.Inbox
	if in.Listen == "" {
		return nil, nil
	}
	opt := inbox.Options{Domain: in.Host, Check: in.Check, Bounces: a.Config.Mail.Bounces, NoticeDomain: a.noticeDomain(), Log: a.log,
		Authenticate: c.Authenticate, Judge: c.Judge, Reply: a.reply,
		CameBack: func(ctx context.Context, id, code string) error {
			err := notice.CameBack(ctx, a.Store, id, code)
			a.alarmBounce()
			a.Runner.Wake()
			return err
		}}
	if in.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(in.TLSCert, in.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("config: inbox.tls_cert: %w", errors.Join(err, mimamori.ErrInvalid))
		}
		opt.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	s, err := inbox.New(opt)
	if err != nil {
		return nil, fmt.Errorf("config: inbox: %w", err)
	}
	return s, nil
}

// mailForward is where customers forward suspicious mails; empty: nowhere.
func (a *App) mailForward() string {
	if a.Inbox == nil {
		return ""
	}
	return a.Config.Inbox.Check
}

// ServeInbox takes mails on a listener until ctx ends; nil at once when no
// inbox is configured.
func (a *App) ServeInbox(ctx context.Context, l net.Listener) error {
	if a.Inbox == nil {
		return nil
	}
	served := make(chan error, 1)
	go func() { served <- a.Inbox.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := a.Inbox.Close(end)
	return errors.Join(err, <-served)
}

// reply sends an answer of the checker: signed as a notice is, from the null
// sender, so that nothing can come back from it.
func (a *App) reply(ctx context.Context, x inbox.Answer) error {
	post := a.post()
	keys, err := post.Keys(ctx)
	if err != nil {
		return err
	}
	raw, err := mail.Compose(mail.Message{From: post.From, To: mail.Address{Addr: x.To}, Subject: x.Subject, Body: x.Body,
		MessageID: mail.NewMessageID(post.From.Domain()), Date: time.Now(), Replied: true})
	if err != nil {
		return err
	}
	if raw, err = mail.Sign(raw, keys); err != nil {
		return err
	}
	return post.Submitter.Submit(ctx, "", x.To, raw)
}
