// Package quickstart leaves a working configuration for a shop: it asks what
// it must know, or takes it from flags, and writes the configuration with
// every field explained, the shop's brand file, keys, the DNS records to set, a
// unit for systemd, and says what is left to do. It begins with the mode that
// decides and does nothing. What is there already it never overwrites, and
// keys not even when told to. It serves nothing: that is app's.
package quickstart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"mimamori"
	"mimamori/app"
	"mimamori/mail"
	"mimamori/staff"
)

// Options are how to go about it, beside the answers.
type Options struct {
	Dir      string // of the configuration
	Program  string // path of the mimamori that will be run
	Systemd  bool   // write a unit
	User     string // the user that the unit runs as
	TestMail bool   // connect to the mail server now
	Force    bool   // write the files again; keys and database stay as they are
}

// Made is what was left behind. The secrets in it are shown once.
type Made struct {
	Config, Brand, Records, Unit string // files; Unit may be empty
	Data                         string
	ShopSecret                   string
	APIKey                       string         // empty: there was one already
	Admin                        *staff.Welcome // nil: there was somebody already, or nobody was named
	Kept                         []string       // what was there and stayed
	Left                         []Todo
}

// Todo is one thing that remains for the operator.
type Todo struct {
	What    string
	Command string // may be empty
}

// Standing is what a folder holds already, so that nothing was written.
type Standing struct{ Files []string }

func (s *Standing) Error() string {
	return "there is a configuration already: " + strings.Join(s.Files, ", ")
}

// Is makes it a mimamori.ErrConflict.
func (s *Standing) Is(target error) bool { return target == mimamori.ErrConflict }

// configFile and the others are the names in the folder.
const (
	configFile  = "mimamori.yaml"
	brandFile   = "brand.yaml"
	recordsFile = "dns.txt"
	unitFile    = "mimamori.service"
)

// Run writes everything. The answers are complete (Ask).
func Run(ctx context.Context, a Answers, o Options) (m Made, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return m, fmt.Errorf("find the folder: %w", err)
	}
	if a.Data, err = filepath.Abs(a.Data); err != nil {
		return m, fmt.Errorf("find the data folder: %w", err)
	}
	m = Made{Config: filepath.Join(o.Dir, configFile), Brand: filepath.Join(o.Dir, brandFile), Records: filepath.Join(o.Dir, recordsFile), Data: a.Data}
	if o.Systemd {
		m.Unit = filepath.Join(o.Dir, unitFile)
	}
	if m.Kept, err = standing(m); err != nil {
		return m, err
	}
	if len(m.Kept) > 0 && !o.Force {
		return m, &Standing{m.Kept}
	}
	c, err := config(a, m.Brand)
	if err != nil {
		return m, err
	}
	if o.TestMail {
		try := &mail.Submitter{Addr: c.Mail.Server, TLS: c.Mail.TLS, Username: c.Mail.Username, Password: c.Mail.Password}
		if err := try.Try(ctx); err != nil {
			return m, fmt.Errorf("try the mail server %s: %w", c.Mail.Server, err)
		}
	}
	if err := folders(o.Dir, a.Data); err != nil {
		return m, err
	}
	if err := m.write(a, c); err != nil {
		return m, err
	}
	if err := m.open(ctx, a, c); err != nil {
		if len(m.Kept) == 0 { // so that the next run, with the cause mended, begins anew; keys stay
			err = errors.Join(err, os.Remove(m.Config), os.Remove(m.Brand))
		}
		return m, err
	}
	if m.Unit != "" {
		text, err := Unit{Program: o.Program, Config: m.Config, Data: m.Data, User: o.User, LowPorts: lowPorts(c)}.Text()
		if err != nil {
			return m, err
		}
		if err := put(m.Unit, text, 0o644); err != nil {
			return m, err
		}
	}
	if err := m.handOver(o); err != nil {
		return m, err
	}
	m.Left = left(a, o, c, m)
	return m, nil
}

// standing names what is there of what would be written.
func standing(m Made) (files []string, err error) {
	for _, name := range []string{m.Config, m.Brand, m.Records, m.Unit, filepath.Join(m.Data, "master.key"), filepath.Join(m.Data, "mimamori.db")} {
		if name == "" {
			continue
		}
		if _, err := os.Lstat(name); err == nil {
			files = append(files, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for what is there: %w", err)
		}
	}
	return files, nil
}

func folders(dir, data string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the configuration: %w", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}

// put writes a file so that a crash leaves the old or the new; what stood
// there stays beside it as .old.
func put(name, text string, mode fs.FileMode) error {
	next := name + ".next"
	if err := os.WriteFile(next, []byte(text), mode); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := os.Lstat(name); err == nil {
		if err := os.Rename(name, name+".old"); err != nil {
			return fmt.Errorf("keep the old %s: %w", name, err)
		}
	}
	if err := os.Rename(next, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// open starts all parts once, without setting them to work: that makes the
// database, the master key and all others, and finds what is wrong before
// serve does. Then the first key and the first person, where there is none.
func (m *Made) open(ctx context.Context, a Answers, c app.Config) (err error) {
	c.Log = slog.New(slog.DiscardHandler)
	parts, err := app.New(ctx, c)
	if err != nil {
		return fmt.Errorf("begin with the new configuration: %w", err)
	}
	defer func() { err = errors.Join(err, parts.Stop()) }()
	m.ShopSecret = parts.ShopSecret()
	list, err := parts.APIKeys.Keys(ctx)
	if err != nil {
		return fmt.Errorf("look for API keys: %w", err)
	}
	if len(list) == 0 {
		m.APIKey, _, err = parts.APIKeys.Create(ctx, nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: a.Source,
			Scopes: []staff.Scope{"events", "decisions", "handoff", "read"}})
		if err != nil {
			return fmt.Errorf("make the shop's API key: %w", err)
		}
	}
	if a.AdminMail != "" {
		w, err := parts.Staff.CreateFirst(ctx, staff.NewPerson{Login: a.AdminMail, Name: a.AdminName, Roles: []staff.Role{staff.Admin, staff.Lead}, Lang: firstLang(a.Languages)})
		if err == nil {
			m.Admin = &w
		} else if !errors.Is(err, mimamori.ErrConflict) { // else there is somebody already
			return fmt.Errorf("add the first person: %w", err)
		}
	}
	setup, err := parts.MailSetup()
	if err != nil {
		return err
	}
	return put(m.Records, records(a, c, setup), 0o644)
}

func firstLang(list string) mimamori.Lang {
	first, _, _ := strings.Cut(list, ",")
	return mimamori.Lang(strings.TrimSpace(first))
}
