package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mimamori"
	"mimamori/demoshop"
	"mimamori/store"
)

// stale is the age from which a folder is not gone on with: its two months of
// ordinary life would end a day ago.
const stale = 24 * time.Hour

const stateFile = "demo.json"

// folder is where a demo keeps everything, so that it goes on after a kill -9.
type folder struct {
	dir   string
	state state
	again bool         // begun before
	fresh bool         // begun anew because of what was there
	brief bool         // removed at the end
	drop  func() error // the schema of a brief one; nil: none
}

// state is what the demo itself has to remember. The secrets in it are those
// of a demonstration.
type state struct {
	Began    time.Time       `json:"began"`
	Story    Story           `json:"story"`
	Finished map[Story]bool  `json:"finished"`
	Played   map[string]bool `json:"played"`
	ShopKey  string          `json:"shop_key"`
	StaffKey string          `json:"staff_key"`
	Staff    []staffLogin    `json:"staff"`
	Seen     *evidence       `json:"seen"`
	// Database is the address of the records, when they are not in the folder.
	Database string `json:"database,omitempty"`
	// Passwords are those that were set anew, by customer.
	Passwords map[string]string `json:"passwords"`
	// Cookies are the visitors' browsers, by name.
	Cookies map[string]map[string]string `json:"cookies"`
}

type staffLogin struct {
	Login, Name, Role, Password, Secret string
}

// openFolder finds the folder to go on with, or begins one.
func openFolder(o Options) (*folder, error) {
	f := &folder{dir: o.Data}
	if o.Data == "" && o.Once {
		dir, err := os.MkdirTemp("", "mimamori-demo-")
		f.dir, f.brief = dir, true
		if err != nil {
			return nil, fmt.Errorf("make the demo's folder: %w", err)
		}
	}
	if f.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find a folder for the demo: %w (name one with --data)", err)
		}
		f.dir = filepath.Join(cache, "mimamori", "demo")
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	err := f.read()
	// Only the same story goes on: another one needs people to whom nothing has
	// happened yet.
	if err == nil && (time.Since(f.state.Began) > stale || f.state.Finished[o.Story] || f.state.Story != o.Story) {
		f.fresh = true
		err = f.clear()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && f.fresh:
		f.state = state{Began: time.Now(), Finished: map[Story]bool{}, Played: map[string]bool{}, Cookies: map[string]map[string]string{}, Passwords: map[string]string{}}
		err = f.strangers()
	case err == nil:
		f.again = true
	}
	if err != nil {
		return nil, fmt.Errorf("open the demo's folder %s: %w", f.dir, err)
	}
	f.state.Story = o.Story
	return f, f.write()
}

func (f *folder) read() error {
	b, err := os.ReadFile(filepath.Join(f.dir, stateFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &f.state)
}

// write puts the state down so that a crash leaves the old or the new.
func (f *folder) write() error {
	b, err := json.MarshalIndent(f.state, "", " ")
	if err != nil {
		return err
	}
	next := filepath.Join(f.dir, stateFile+".next")
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(f.dir, stateFile))
}

// ours are the names of what a demo makes in its folder; nothing else there is
// ever removed.
var ours = []string{"mimamori", "shop", "mails", "mimamori.log", "shop.log", stateFile, stateFile + ".next"}

func (f *folder) clear() error {
	for _, name := range ours {
		if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// strangers refuses a folder that holds anything the demo did not make.
func (f *folder) strangers() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("it is not empty (%s) and not a demo's: name an empty or new folder with --data", entries[0].Name())
	}
	for _, name := range []string{"mimamori", "shop", "mails"} {
		if err := os.Mkdir(filepath.Join(f.dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) path(name ...string) string {
	return filepath.Join(append([]string{f.dir}, name...)...)
}

// played notes that an act is over, with the browsers as they are now.
func (f *folder) played(key string, t *town) error {
	f.state.Played[key] = true
	return f.keep(t)
}

// keep writes the state with the browsers of the shop's visitors.
func (f *folder) keep(t *town) error {
	for name, v := range t.visitors {
		f.state.Cookies[name] = v.Cookies()
	}
	return f.write()
}

func (f *folder) finish(t *town) error {
	f.state.Finished[t.opt.Story] = true
	return f.keep(t)
}

// openDatabase makes a schema for the records of a demo that begins, when it is
// to keep them at a PostgreSQL.
func (f *folder) openDatabase(ctx context.Context, address string) error {
	if address == "" || f.state.Database != "" {
		return nil
	}
	name := "mimamori_demo"
	if f.brief {
		name = "mimamori_" + strings.ToLower(mimamori.NewID("demo"))
		f.drop = func() error { return store.DropSchema(context.WithoutCancel(ctx), address, name) }
	}
	var err error
	if f.state.Database, err = store.MakeSchema(ctx, address, name); err != nil {
		return fmt.Errorf("open the demo's database: %w", err)
	}
	return f.write()
}

func (f *folder) close() error {
	if !f.brief {
		return nil
	}
	err := os.RemoveAll(f.dir)
	if f.drop != nil {
		err = errors.Join(err, f.drop())
	}
	return err
}

// visitor is somebody at the shop's pages; the same name is the same browser,
// also after a restart.
func (t *town) visitor(name, from string) *demoshop.Visitor {
	if v := t.visitors[name]; v != nil {
		return v
	}
	v := demoshop.NewVisitor(t.shopURL, from, nil)
	v.SetCookies(t.folder.state.Cookies[name])
	t.visitors[name] = v
	return v
}
