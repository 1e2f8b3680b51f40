package geo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"mimamori"
)

// OldAfter is the age from which a vendor's file is warned of: networks change
// hands, and a sign-in placed by an old file misleads the customer.
const OldAfter = 60 * 24 * time.Hour

// mostBytes bounds what is read into memory of one file.
const mostBytes = 1 << 30

// overlay is what goes before the embedded table. It is never changed once
// made; Reload makes a new one.
type overlay struct {
	base  *table
	files []*mmdbFile // in the operator's order
	lists []*listFile // in the order of KindOrder, so that a later kind wins
	kinds kindLists
}

// stamp tells whether a file is still the one that was read.
type stamp struct {
	size int64
	mod  time.Time
}

// loadOverlay reads all files of options, taking those over from old that have
// not changed. What can not be read stays as it was in old, and is reported;
// without old it is missing from the result.
func loadOverlay(options Options, old *overlay) (*overlay, error) {
	o := &overlay{base: embeddedTable()}
	var errs []error
	for _, path := range options.MMDB {
		had := old.file(path)
		f, err := refresh(path, had, func(f *mmdbFile) stamp { return f.stamp }, readMMDB)
		errs = append(errs, err)
		if f != nil {
			o.files = append(o.files, f)
		}
	}
	for kind := range options.Lists {
		if !kind.Valid() {
			errs = append(errs, fmt.Errorf("list of networks: no kind %q: %w", kind, mimamori.ErrInvalid))
		}
	}
	for _, kind := range KindOrder {
		for _, path := range options.Lists[kind] {
			read := func(path string, s stamp) (*listFile, error) { return readList(path, kind, s) }
			f, err := refresh(path, old.list(path, kind), func(f *listFile) stamp { return f.stamp }, read)
			errs = append(errs, err)
			if f != nil {
				o.lists = append(o.lists, f)
			}
		}
	}
	o.kinds = mergeLists(o.lists)
	return o, errors.Join(errs...)
}

func (o *overlay) file(path string) *mmdbFile {
	if o == nil {
		return nil
	}
	for _, f := range o.files {
		if f.path == path {
			return f
		}
	}
	return nil
}

func (o *overlay) list(path string, kind Kind) *listFile {
	if o == nil {
		return nil
	}
	for _, f := range o.lists {
		if f.path == path && f.kind == kind {
			return f
		}
	}
	return nil
}

// refresh reads a file unless had is the same one still. On an error it
// answers had along with it.
func refresh[T any](path string, had *T, stampOf func(*T) stamp, read func(string, stamp) (*T, error)) (*T, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = mimamori.ErrNotFound
		}
		return had, fmt.Errorf("IP data file %s: %w", path, err)
	}
	now := stamp{size: info.Size(), mod: info.ModTime()}
	if had != nil && stampOf(had) == now {
		return had, nil
	}
	if now.size > mostBytes {
		return had, fmt.Errorf("IP data file %s: over %d bytes: %w", path, mostBytes, mimamori.ErrInvalid)
	}
	f, err := read(path, now)
	if err != nil {
		return had, err
	}
	return f, nil
}

// apply puts what the files know over what the embedded table said.
func (o *overlay) apply(addr netip.Addr, p *Place) {
	var r record
	for _, f := range o.files {
		if got, prefix, ok := f.find(addr); ok {
			r.fill(got)
			p.Prefix = narrower(p.Prefix, prefix)
		}
	}
	r.over(p, o.base)
	if kind, prefix, ok := o.kinds.find(addr); ok {
		p.Kind, p.Prefix = kind, narrower(p.Prefix, prefix)
	}
}

func narrower(a, b netip.Prefix) netip.Prefix {
	if b.IsValid() && b.Addr().Is4() == a.Addr().Is4() && b.Bits() > a.Bits() {
		return b
	}
	return a
}

// warnings says which files are too old to trust, or damaged.
func (o *overlay) warnings(now time.Time) []error {
	var list []error
	for _, f := range o.files {
		age := now.Sub(f.built)
		switch {
		case f.built.Unix() <= 0 || age < -24*time.Hour:
			list = append(list, fmt.Errorf("IP data file %s: its date of building, %s, is absurd", f.path, f.built.Format(time.DateOnly)))
		case age > OldAfter:
			list = append(list, fmt.Errorf("IP data file %s: built on %s, %d days ago; networks have changed hands since", f.path, f.built.Format(time.DateOnly), int(age.Hours()/24)))
		}
		if n := f.damaged.Load(); n > 0 {
			list = append(list, fmt.Errorf("IP data file %s: %d entries could not be read; it may be damaged: %w", f.path, n, mimamori.ErrInvalid))
		}
	}
	return list
}

// Warnings says what an operator should know now: files of the options that
// are old, absurdly dated or damaged.
func (db *DB) Warnings(now time.Time) []error {
	if o := db.over.Load(); o != nil {
		return o.warnings(now)
	}
	return nil
}

// Reload takes files of the options that have changed since they were read.
// A file that is gone or broken now stays in use as it was; the error says so
// and also goes to Options.Warn.
func (db *DB) Reload(now time.Time) (changed bool, err error) {
	old := db.over.Load()
	if old == nil {
		return false, nil
	}
	o, err := loadOverlay(db.options, old)
	if err != nil {
		db.warn([]error{err})
	}
	if o.same(old) {
		return false, err
	}
	db.over.Store(o)
	db.warn(o.warnings(now))
	return true, err
}

func (o *overlay) same(old *overlay) bool {
	if len(o.files) != len(old.files) || len(o.lists) != len(old.lists) {
		return false
	}
	for i := range o.files {
		if o.files[i] != old.files[i] {
			return false
		}
	}
	for i := range o.lists {
		if o.lists[i] != old.lists[i] {
			return false
		}
	}
	return true
}

// Run calls Reload each period until ctx ends. It returns at once when there
// is no file to look after, so that nothing ticks in a plain installation.
// Whoever starts it waits for it.
func (db *DB) Run(ctx context.Context, every time.Duration) {
	if db.over.Load() == nil {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			_, _ = db.Reload(now) // Options.Warn has been told
		}
	}
}
