// Package mailbox is a real SMTP server with a spool folder and a page to read
// the mails: the customer's mailbox in the demo, and the far end of every test
// that sends. What it has answered for is on disk as one .eml file a recipient
// and is there again after a restart. It stands outside the flow: Mimamori
// knows it only as some SMTP server. It delivers nothing anywhere and is no
// mail server for production.
package mailbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mimamori"
)

// Options says how a mailbox behaves.
type Options struct {
	Dir      string      // the spool folder; made when missing; must not be empty
	Domain   string      // said in the greeting; empty means "mailbox.example"
	TLS      *tls.Config // non-nil offers STARTTLS
	Username string      // non-empty demands AUTH PLAIN with this name and Password
	Password string
	MaxBytes int64 // largest mail; zero means 1 MiB

	// LookupTXT answers the DKIM records by which the page verifies
	// signatures; nil shows them as not checked. See mail.LookupTXT.
	LookupTXT func(name string) ([]string, error)

	// OnStored is called after each mail is on disk and before it is
	// acknowledged; may be nil. The demo's narrator listens here.
	OnStored func(Stored)
}

// Stored is one mail for one recipient.
type Stored struct {
	ID   string    // the file's name without .eml; sorts by arrival
	From string    // envelope sender
	To   string    // envelope recipient
	At   time.Time // arrival
	Raw  []byte    // the bytes as submitted
}

// Behaviour is how the server treats one mail.
type Behaviour string

const (
	Accept        Behaviour = "accept"
	RefuseForNow  Behaviour = "refuse_for_now"  // 451 after RCPT
	RefuseForEver Behaviour = "refuse_for_ever" // 550 after RCPT
	RefuseContent Behaviour = "refuse_content"  // 554 after DATA
	KeepAndDrop   Behaviour = "keep_and_drop"   // stores the mail, then drops the connection unanswered
	LoseAndDrop   Behaviour = "lose_and_drop"   // drops the connection after DATA and stores nothing
)

// Server is a mailbox. Make it with Open, serve it, and Close it.
type Server struct {
	opt  Options
	smtp *smtp.Server
	open openConns

	mu     sync.Mutex // guards all below
	index  []Stored   // by ID, Raw left out
	script []Behaviour
	always Behaviour
	seq    int
}

// Open makes a mailbox on its spool folder and reads what is there.
func Open(opt Options) (*Server, error) {
	if opt.Dir == "" {
		return nil, fmt.Errorf("open mailbox: no folder: %w", mimamori.ErrInvalid)
	}
	opt.Domain = cmp.Or(opt.Domain, "mailbox.example")
	opt.MaxBytes = cmp.Or(opt.MaxBytes, 1<<20)
	if err := os.MkdirAll(filepath.Join(opt.Dir, "tmp"), 0o700); err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	s := &Server{opt: opt, always: Accept}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = opt.Domain
	s.smtp.TLSConfig = opt.TLS
	s.smtp.MaxMessageBytes = opt.MaxBytes
	s.smtp.MaxRecipients = 10
	s.smtp.ReadTimeout = time.Minute
	s.smtp.WriteTimeout = time.Minute
	s.smtp.AllowInsecureAuth = opt.TLS == nil
	s.smtp.ErrorLog = log.New(io.Discard, "", 0) // dropped connections are part of its job
	return s, nil
}

// Serve accepts mails until Close. It may run on several listeners.
func (s *Server) Serve(l net.Listener) error {
	if !s.open.enter() {
		return l.Close()
	}
	defer s.open.serving.Done()
	err := s.smtp.Serve(s.open.watch(l))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close ends all listeners and connections and waits for whoever served them;
// what is stored stays.
func (s *Server) Close() error {
	s.open.close()
	s.open.serving.Wait() // the library must not begin a connection while it waits for all
	err := s.smtp.Shutdown(context.Background())
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Next lays down how the coming mails are treated, one each, in order; after
// them Always counts again.
func (s *Server) Next(script ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, script...)
}

// Always lays down how every mail without an own line in the script is treated.
func (s *Server) Always(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = b
}

// Messages are the mails stored for an address (its case does not count), or
// all mails when it is empty, oldest first.
func (s *Server) Messages(to string) []Stored {
	s.mu.Lock()
	index := slices.Clone(s.index)
	s.mu.Unlock()
	var out []Stored
	for _, m := range index {
		if to != "" && !strings.EqualFold(m.To, to) {
			continue
		}
		if full, err := s.read(m.ID); err == nil {
			out = append(out, full)
		}
	}
	return out
}

func (s *Server) behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) == 0 {
		return s.always
	}
	b := s.script[0]
	s.script = s.script[1:]
	return b
}

// session is one SMTP connection's state.
type session struct {
	server *Server
	conn   *smtp.Conn
	authed bool
	from   string
	to     []string
	how    Behaviour
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

func (s *session) AuthMechanisms() []string {
	if s.server.opt.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	opt := s.server.opt
	return sasl.NewPlainServer(func(identity, username, password string) error {
		user := subtle.ConstantTimeCompare([]byte(username), []byte(opt.Username))
		pass := subtle.ConstantTimeCompare([]byte(password), []byte(opt.Password))
		if user&pass != 1 || opt.Username == "" {
			return smtp.ErrAuthFailed
		}
		s.authed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.opt.Username != "" && !s.authed {
		return smtp.ErrAuthRequired
	}
	s.from, s.to, s.how = from, nil, s.server.behaviour()
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch s.how {
	case RefuseForNow:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
	case RefuseForEver:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch s.how {
	case RefuseContent:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Not accepted"}
	case LoseAndDrop:
		return s.conn.Conn().Close()
	}
	for _, to := range s.to {
		if err := s.server.store(s.from, to, raw); err != nil {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Cannot store"}
		}
	}
	if s.how == KeepAndDrop {
		return s.conn.Conn().Close()
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// newID sorts by arrival: seconds and nanoseconds in UTC, a running number
// against equal times, eight random digits against a clock set back.
func (s *Server) newID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	s.mu.Lock()
	s.seq++
	n := s.seq
	s.mu.Unlock()
	return fmt.Sprintf("%s-%06d-%s", now.UTC().Format("20060102T150405.000000000"), n, hex.EncodeToString(b[:]))
}

func (s *Server) store(from, to string, raw []byte) error {
	m := Stored{From: from, To: to, At: time.Now(), Raw: raw}
	m.ID = s.newID(m.At)
	if err := s.write(m); err != nil {
		return err
	}
	light := m
	light.Raw = nil
	s.mu.Lock()
	s.index = append(s.index, light)
	slices.SortFunc(s.index, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
	s.mu.Unlock()
	if s.opt.OnStored != nil {
		m.Raw = bytes.Clone(raw)
		s.opt.OnStored(m)
	}
	return nil
}
