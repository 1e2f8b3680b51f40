package geo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
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

// listFile is one text file of networks.
type listFile struct {
	path     string
	kind     Kind
	stamp    stamp
	networks []netip.Prefix
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

// readList reads addresses and networks, one a line.
func readList(path string, kind Kind, s stamp) (*listFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list of networks: %w", err)
	}
	defer f.Close()
	list := &listFile{path: path, kind: kind, stamp: s}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("list of networks %s: line %d is neither an address nor a network: %w", path, n, mimamori.ErrInvalid)
		}
		list.networks = append(list.networks, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("list of networks %s: %w", path, err)
	}
	return list, nil
}

// parseNetwork reads "192.0.2.1", "192.0.2.0/24" and their IPv6 likes.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = Unwrap(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return p.Masked(), nil
}

// kindLists finds the narrowest listed network around an address: one map
// access for each prefix length that occurs at all, longest first.
type kindLists struct {
	bits4, bits6 []int
	kinds        map[netip.Prefix]Kind
}

func mergeLists(lists []*listFile) kindLists {
	k := kindLists{kinds: map[netip.Prefix]Kind{}}
	var seen4, seen6 [129]bool
	for _, l := range lists {
		for _, p := range l.networks {
			k.kinds[p] = l.kind
			if p.Addr().Is4() {
				seen4[p.Bits()] = true
			} else {
				seen6[p.Bits()] = true
			}
		}
	}
	for bits := 128; bits >= 0; bits-- {
		if seen4[bits] {
			k.bits4 = append(k.bits4, bits)
		}
		if seen6[bits] {
			k.bits6 = append(k.bits6, bits)
		}
	}
	return k
}

func (k *kindLists) find(addr netip.Addr) (Kind, netip.Prefix, bool) {
	lengths := k.bits6
	if addr.Is4() {
		lengths = k.bits4
	}
	for _, bits := range lengths {
		p, _ := addr.Prefix(bits)
		if kind, ok := k.kinds[p]; ok {
			return kind, p, true
		}
	}
	return Unknown, netip.Prefix{}, false
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

// Built is when the oldest of the embedded table's address sources was made.
func (db *DB) Built() time.Time { return db.base.built }

// Sources are the bodies of data that answers come from: those of the
// embedded table and of the map, then the operator's own files. Pages that
// show a Place must show the credits that licences ask for (see Credits).
func (db *DB) Sources() []Source {
	list := db.base.sources()
	if o := db.over.Load(); o != nil {
		for _, f := range o.files {
			list = append(list, Source{Name: f.path, Version: f.kind, Date: f.built})
		}
	}
	return list
}

// Credits are the sources whose licence asks for words and a link on pages
// that show an address's place, each pair once.
func (db *DB) Credits() []Source {
	var list []Source
	for _, s := range db.base.sources() {
		again := s.Licence == "" || s.Link != "https://db-ip.com" && !strings.Contains(s.Credit, "Natural Earth")
		for _, had := range list {
			again = again || had.Link == s.Link
		}
		if !again {
			list = append(list, s)
		}
	}
	return list
}
