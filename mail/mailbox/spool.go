package mailbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"mimamori"
)

// A file in the spool is the mail as submitted behind three lines of the
// delivery's own, as a local delivery agent writes them (RFC 5321 section
// 4.4). They stand before everything a DKIM signature covers.
const (
	returnPath  = "Return-Path: <"
	deliveredTo = "Delivered-To: "
	received    = "Received: by "
)

var validID = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{9}-[0-9]{6,}-[0-9a-f]{8}$`)

// write puts a mail into the spool: complete under its name, or not at all,
// and on disk when it returns.
func (s *Server) write(m Stored) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s>\r\n%s%s\r\n%s%s with ESMTP; %s\r\n",
		returnPath, m.From, deliveredTo, m.To, received, s.opt.Domain, m.At.Format(time.RFC1123Z))
	b.Write(m.Raw)

	tmp := filepath.Join(s.opt.Dir, "tmp", m.ID+".eml")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, s.path(m.ID)); err != nil {
		return err
	}
	return syncDir(s.opt.Dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (s *Server) path(id string) string { return filepath.Join(s.opt.Dir, id+".eml") }

// read takes one mail from the spool. An id that no file can have is
// mimamori.ErrNotFound like one that none has.
func (s *Server) read(id string) (Stored, error) {
	if !validID.MatchString(id) {
		return Stored{}, mimamori.ErrNotFound
	}
	all, err := os.ReadFile(s.path(id))
	if err != nil {
		return Stored{}, fmt.Errorf("read mail %s: %w", id, mimamori.ErrNotFound)
	}
	return parse(id, all)
}

func parse(id string, all []byte) (Stored, error) {
	m := Stored{ID: id}
	for _, want := range []string{returnPath, deliveredTo, received} {
		line, rest, ok := bytes.Cut(all, []byte("\r\n"))
		value, found := strings.CutPrefix(string(line), want)
		if !ok || !found {
			return Stored{}, fmt.Errorf("read mail %s: not written by this mailbox: %w", id, mimamori.ErrInvalid)
		}
		switch want {
		case returnPath:
			m.From = strings.TrimSuffix(value, ">")
		case deliveredTo:
			m.To = value
		}
		all = rest
	}
	at, err := time.Parse("20060102T150405.000000000", id[:25])
	if err != nil {
		return Stored{}, fmt.Errorf("read mail %s: %w", id, mimamori.ErrInvalid)
	}
	m.At, m.Raw = at, all
	return m, nil
}

// load fills the index from the spool. Files somebody else put there are left
// alone; what a crash left in tmp was never acknowledged and is removed.
func (s *Server) load() error {
	left, err := filepath.Glob(filepath.Join(s.opt.Dir, "tmp", "*.eml"))
	if err != nil {
		return err
	}
	for _, name := range left {
		_ = os.Remove(name)
	}
	entries, err := os.ReadDir(s.opt.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".eml")
		if !ok || !validID.MatchString(id) {
			continue
		}
		m, err := s.read(id)
		if err != nil {
			continue
		}
		m.Raw = nil
		s.index = append(s.index, m)
	}
	slices.SortFunc(s.index, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
	s.seq = len(s.index)
	return nil
}
