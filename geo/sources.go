package geo

import (
	"strings"
	"time"
)

// Source is one body of data that answers come from.
type Source struct {
	Name    string    `json:"name"`
	Version string    `json:"version,omitempty"`
	Date    time.Time `json:"date"`    // when its maker built it
	Licence string    `json:"licence"` // empty for an operator's own file
	Credit  string    `json:"credit"`  // the words that the licence asks to show
	Link    string    `json:"link"`    // where the credit must lead
}

// sources reads the list at the end of the table: a line a source, its fields
// split by tabs.
func (t *table) sources() []Source {
	var list []Source
	for line := range strings.Lines(t.source) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 6 {
			continue
		}
		date, _ := time.Parse(time.DateOnly, f[2])
		list = append(list, Source{Name: f[0], Version: f[1], Date: date, Licence: f[3], Credit: f[4], Link: f[5]})
	}
	return list
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
