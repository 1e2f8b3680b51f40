package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mimamori"
	"mimamori/trace"
)

// TLSMode says how the connection to the submission server is protected.
type TLSMode string

const (
	StartTLS    TLSMode = "starttls" // RFC 3207, port 587; the default
	ImplicitTLS TLSMode = "implicit" // RFC 8314, port 465
	NoTLS       TLSMode = "none"     // for a server on the same machine; never carries a password
)

// Submitter hands mails to one submission server (RFC 6409). One connection a
// mail: notices are rare, and nothing idles between them.
type Submitter struct {
	Addr      string      // host:port
	TLS       TLSMode     // empty means StartTLS
	TLSConfig *tls.Config // may be nil: the system's roots and Addr's host
	Username  string      // empty: no AUTH
	Password  string
	LocalName string        // said in EHLO; empty means "localhost"
	Timeout   time.Duration // for one whole submission; zero means one minute

	// Dial opens the connection; nil means the network. Stories put an
	// in-memory listener here.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Kind says what a failed submission means for the next try.
type Kind string

const (
	Temporary Kind = "temporary" // not accepted; try again later
	Permanent Kind = "permanent" // not accepted, and never will be as it is
	Ambiguous Kind = "ambiguous" // the mail was handed over but not answered: it may have been accepted
)

// SubmitError is a failed submission. Its text names no recipient.
type SubmitError struct {
	Kind  Kind
	Stage string // dial, tls, greeting, auth, mail, rcpt or data
	Code  int    // the server's reply code; 0 when there was none
	Err   error
}

func (e *SubmitError) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("submit mail: %s: the server answered %d (%s)", e.Stage, e.Code, e.Kind)
	}
	return fmt.Sprintf("submit mail: %s: %v (%s)", e.Stage, e.Err, e.Kind)
}

func (e *SubmitError) Unwrap() error { return e.Err }

// Is makes what is worth another try a mimamori.ErrUnavailable.
func (e *SubmitError) Is(target error) bool {
	return target == mimamori.ErrUnavailable && e.Kind != Permanent
}

// KindOf is the kind of a submission's error. An error that is none of ours is
// taken for temporary: trying again is safe, giving up is not.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*SubmitError](err); ok {
		return e.Kind
	}
	return Temporary
}

// Submit sends raw from one envelope address to one recipient and returns when
// the server has answered for it. Every error is a *SubmitError.
func (s *Submitter) Submit(ctx context.Context, from, to string, raw []byte) (err error) {
	ctx, span := trace.Begin(ctx, "mail", trace.Client)
	defer func() { traced(span, err) }()
	timeout := s.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	conn, err := s.dial(ctx)
	if err != nil {
		return &SubmitError{Kind: Temporary, Stage: "dial", Err: err}
	}
	// The library knows no context: closing the connection is what stops it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()

	c, err := s.open(conn)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := s.transfer(c, from, to, raw); err != nil {
		return err
	}
	_ = c.Quit() // the mail is accepted; how the connection ends changes nothing
	return nil
}

// traced ends a submission's span: by what sort of failure and where, never
// by its words.
func traced(span *trace.Span, err error) {
	if e, ok := errors.AsType[*SubmitError](err); ok {
		span.Fail(string(e.Kind))
		span.Set(trace.Stage, e.Stage)
	}
	span.End()
}

func (s *Submitter) dial(ctx context.Context) (net.Conn, error) {
	if s.Dial != nil {
		return s.Dial(ctx, "tcp", s.Addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.Addr)
}

func (s *Submitter) open(conn net.Conn) (*smtp.Client, error) {
	var c *smtp.Client
	switch s.TLS {
	case NoTLS:
		c = smtp.NewClient(conn)
	case ImplicitTLS:
		c = smtp.NewClient(tls.Client(conn, s.tlsConfig()))
	case StartTLS, "":
		var err error
		if c, err = smtp.NewClientStartTLS(conn, s.tlsConfig()); err != nil {
			return nil, failed("tls", err)
		}
	default:
		return nil, &SubmitError{Kind: Permanent, Stage: "tls", Err: invalid("tls", "unknown mode")}
	}
	if err := c.Hello(s.localName()); err != nil { // after STARTTLS, the second EHLO
		return nil, failed("greeting", err)
	}
	if s.Username == "" {
		return c, nil
	}
	if s.TLS == NoTLS {
		return nil, &SubmitError{Kind: Permanent, Stage: "auth", Err: invalid("tls", "a password is sent over TLS only")}
	}
	if err := c.Auth(sasl.NewPlainClient("", s.Username, s.Password)); err != nil {
		return nil, failed("auth", err)
	}
	return c, nil
}

func (s *Submitter) transfer(c *smtp.Client, from, to string, raw []byte) error {
	if err := c.Mail(from, nil); err != nil {
		return failed("mail", err)
	}
	if err := c.Rcpt(to, nil); err != nil {
		return failed("rcpt", err)
	}
	w, err := c.Data()
	if err != nil {
		return failed("data", err)
	}
	if _, err := w.Write(raw); err != nil {
		return failed("data", err) // the final dot was not sent: nothing was accepted
	}
	if err := w.Close(); err != nil {
		e := failed("data", err)
		if e.Code == 0 {
			e.Kind = Ambiguous
		}
		return e
	}
	return nil
}

// failed sorts an error by the server's reply code. A 5xx (RFC 5321 section
// 4.2.1) is permanent where it speaks of this recipient or this mail; earlier
// it speaks of us (wrong password, sender not allowed), which the operator
// mends, and then the mails that wait should go. Lost connections are
// temporary.
func failed(stage string, err error) *SubmitError {
	e := &SubmitError{Kind: Temporary, Stage: stage, Err: err}
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		e.Code = reply.Code
		if reply.Code/100 == 5 && (stage == "rcpt" || stage == "data") {
			e.Kind = Permanent
		}
	}
	return e
}

func (s *Submitter) tlsConfig() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLSConfig != nil {
		cfg = s.TLSConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(s.Addr)
	}
	return cfg
}

func (s *Submitter) localName() string {
	if s.LocalName == "" {
		return "localhost"
	}
	return s.LocalName
}
