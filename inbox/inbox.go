// Package inbox is the mail server that takes two sorts of mail and no other:
// suspicious mails that customers forward to be judged, answered at once with a
// verdict, and our own notices that come back, which are noted. It stands
// beside the flow: what it learns it hands to the mail checker, to waves and to
// the notices.
//
// It relays nothing, stores nothing, and cannot be made to write to anybody who
// has not written to it: an answer goes only to an address whose own domain
// vouches for the mail (aligned DKIM or SPF), never to a machine or a list,
// seldom, from the empty envelope sender, and says nothing that stood in the
// mail.
package inbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"mimamori"
	"mimamori/mail"
)

// Received is a mail with what its delivery said.
type Received struct {
	Raw      []byte
	ClientIP netip.Addr
	HELO     string
	Envelope string // MAIL FROM; empty: the null sender
	At       time.Time
}

// Verdict is what the checker says of a forwarded mail.
type Verdict struct {
	Answer  mimamori.Text   // in a sentence: genuine, fake, or not to be confirmed
	Reasons []mimamori.Text // strongest first
	Do      []mimamori.Text // what to do now
}

// Options of a server. Domain, Judge, Authenticate and Reply are required when
// Check is set, CameBack when Bounces is.
type Options struct {
	Domain  string      // of the greeting: the MX host
	TLS     *tls.Config // offers STARTTLS; nil: plain text only
	Check   string      // address that customers forward to; empty: none is taken
	Bounces string      // address that notices come back to, without the part after the plus sign; empty: none

	// Authenticate says whether the domain of the header's From address vouches
	// for the mail: nil, mimamori.ErrDenied, or mimamori.ErrUnavailable when the
	// DNS does not answer.
	Authenticate func(ctx context.Context, m Received) error
	// Judge says what the forwarded mail is.
	Judge func(ctx context.Context, m Received) (Verdict, error)
	// Reply hands an answer to the submission server, from the null sender.
	Reply func(ctx context.Context, a Answer) error
	// CameBack notes that a notice came back; mimamori.ErrNotFound for what is
	// not ours.
	CameBack func(ctx context.Context, messageID, code string) error

	NoticeDomain string // of our Message-IDs
	MaxBytes     int64  // of one mail; zero: 10 MiB
	MaxConns     int    // at a time; zero: 50
	Log          *slog.Logger
}

// Server is an inbox.
type Server struct {
	opt   Options
	smtp  *smtp.Server
	caps  *caps
	works chan struct{} // a place for each mail being judged
}

// New makes an inbox; Serve sets it to work.
func New(opt Options) (*Server, error) {
	if opt.Check == "" && opt.Bounces == "" {
		return nil, fmt.Errorf("inbox: neither an address to forward to nor one for what comes back: %w", mimamori.ErrInvalid)
	}
	for _, a := range []string{opt.Check, opt.Bounces} {
		if _, err := mail.ParseAddress(a); a != "" && err != nil {
			return nil, fmt.Errorf("inbox: %w", err)
		}
	}
	if opt.Check != "" && (opt.Judge == nil || opt.Authenticate == nil || opt.Reply == nil) || opt.Bounces != "" && opt.CameBack == nil {
		return nil, fmt.Errorf("inbox: a part is missing: %w", mimamori.ErrInvalid)
	}
	opt.MaxBytes, opt.MaxConns = cmp.Or(opt.MaxBytes, 10<<20), cmp.Or(opt.MaxConns, 50)
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	s := &Server{opt: opt, caps: newCaps(), works: make(chan struct{}, 4)}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return s.session(c), nil }))
	s.smtp.Domain = cmp.Or(opt.Domain, "localhost")
	s.smtp.TLSConfig = opt.TLS
	s.smtp.MaxMessageBytes, s.smtp.MaxRecipients, s.smtp.MaxLineLength = opt.MaxBytes, 5, 4000
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	s.smtp.ErrorLog = log.New(io.Discard, "", 0) // dropped connections are daily bread on port 25
	return s, nil
}

// Serve takes mails until Close.
func (s *Server) Serve(l net.Listener) error {
	err := s.smtp.Serve(limited(l, s.opt.MaxConns))
	if errors.Is(err, net.ErrClosed) || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends the listeners, and the connections when ctx ends before they do.
func (s *Server) Close(ctx context.Context) error {
	err := s.smtp.Shutdown(ctx)
	if err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return errors.Join(err, s.smtp.Close())
	}
	return nil
}

// The refusals. Their texts say what a sender can do about it.
var (
	noRelay     = refuse(550, 5, 1, 1, "no such mailbox here")
	noMachine   = refuse(550, 5, 7, 1, "mails of machines and lists are not answered here")
	notYours    = refuse(550, 5, 7, 26, "your provider's signature (DKIM or SPF) does not match your address, so no answer can be sent")
	tooMany     = refuse(452, 4, 7, 28, "too many mails; please try again later")
	busy        = refuse(451, 4, 3, 2, "please try again in a few minutes")
	oneEach     = refuse(452, 4, 5, 3, "one recipient at a time")
	noSuchMail  = refuse(554, 5, 6, 0, "the mail cannot be read")
	wrongSender = refuse(550, 5, 7, 1, "the envelope sender must be the address in From")
)

func refuse(code, a, b, c int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: text}
}

// session is one connection's transaction.
type session struct {
	s    *Server
	conn *smtp.Conn
	from string
	to   string // the one recipient
}

func (s *Server) session(c *smtp.Conn) *session { return &session{s: s, conn: c} }

// Mail begins a transaction.
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.from = from
	return nil
}

// Rcpt takes the one recipient that is ours.
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if x.to != "" {
		return oneEach
	}
	_, bounce := x.s.returned(to)
	switch {
	case bounce && x.from == "": // what comes back has the null sender (RFC 5321 section 4.5.5)
	case x.s.opt.Check != "" && strings.EqualFold(to, x.s.opt.Check):
		if x.from == "" {
			return noMachine
		}
	default:
		return noRelay
	}
	x.to = to
	return nil
}

// Data takes the mail and deals with it before it answers: nothing has to be
// kept, and what cannot be done now the sender's server tries again.
func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // too large: the library's own refusal
	}
	select {
	case x.s.works <- struct{}{}:
		defer func() { <-x.s.works }()
	default:
		return busy
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	m := Received{Raw: raw, HELO: x.conn.Hostname(), Envelope: x.from, At: time.Now()}
	if tcp, ok := x.conn.Conn().RemoteAddr().(*net.TCPAddr); ok {
		m.ClientIP = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	if tag, bounce := x.s.returned(x.to); bounce {
		return x.s.takeBack(ctx, m, tag)
	}
	return x.s.check(ctx, m)
}

// Reset ends a transaction.
func (x *session) Reset() { x.from, x.to = "", "" }

// Logout ends a connection.
func (x *session) Logout() error { return nil }

// returned reads the address that a notice came back to: the tag is what stood
// behind the plus sign.
func (s *Server) returned(to string) (tag string, ok bool) {
	local, domain, _ := strings.Cut(s.opt.Bounces, "@")
	at := strings.LastIndexByte(to, '@')
	if s.opt.Bounces == "" || at < 0 || !strings.EqualFold(to[at+1:], domain) {
		return "", false
	}
	head, tag, _ := strings.Cut(to[:at], "+")
	return tag, strings.EqualFold(head, local)
}
