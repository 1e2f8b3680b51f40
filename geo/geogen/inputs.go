package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// source is one package that answers are made from.
type source struct {
	match                       string // of the unpacked folder's name
	name, licence, credit, link string

	folder, version string
	date            time.Time
}

type inputs struct {
	asn, country, names, core, atlas source
}

// findInputs looks for the unpacked packages and reads their versions.
func findInputs(from string) (*inputs, error) {
	in := &inputs{
		asn: source{match: "ip-location-db-asn-[0-9]*", name: "@ip-location-db/asn", licence: "CC BY 4.0",
			credit: "IP to ASN by DB-IP, Route Views and the NRO", link: "https://db-ip.com"},
		country: source{match: "ip-location-db-dbip-country-[0-9]*", name: "@ip-location-db/dbip-country", licence: "CC BY 4.0",
			credit: "IP Geolocation by DB-IP", link: "https://db-ip.com"},
		names: source{match: "cldr-localenames-full-[0-9]*", name: "cldr-localenames-full", licence: "Unicode-3.0",
			credit: "Country names: Unicode CLDR", link: "https://cldr.unicode.org"},
		core: source{match: "cldr-core-[0-9]*", name: "cldr-core", licence: "Unicode-3.0",
			credit: "Country codes: Unicode CLDR", link: "https://cldr.unicode.org"},
		atlas: source{match: "world-atlas-[0-9]*", name: "world-atlas", licence: "public domain (Natural Earth), ISC",
			credit: "Made with Natural Earth", link: "https://www.naturalearthdata.com"},
	}
	for _, s := range in.all() {
		if err := s.find(from); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (in *inputs) all() []*source {
	return []*source{&in.asn, &in.country, &in.names, &in.core, &in.atlas}
}

// dated is a version that ends in the day its data was built, as in
// 2.3.2026061719 (year, month, day, hour).
var dated = regexp.MustCompile(`\.(20[0-9]{6})[0-9]{0,2}$`)

func (s *source) find(from string) error {
	found, err := filepath.Glob(filepath.Join(from, s.match, "package.json"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("find %s in %s: want one folder %s with a package.json, found %d", s.name, from, s.match, len(found))
	}
	s.folder = filepath.Dir(found[0])
	data, err := os.ReadFile(found[0])
	if err != nil {
		return fmt.Errorf("read version of %s: %w", s.name, err)
	}
	var pkg struct{ Version string }
	if err := json.Unmarshal(data, &pkg); err != nil {
		return fmt.Errorf("read version of %s: %w", s.name, err)
	}
	s.version = pkg.Version
	if m := dated.FindStringSubmatch(s.version); m != nil {
		s.date, err = time.Parse("20060102", m[1])
		if err != nil {
			return fmt.Errorf("read date of %s: %w", s.name, err)
		}
	}
	return nil
}

// line is the source as the table's last part holds it (geo.Source).
func (s *source) line() string {
	date := ""
	if !s.date.IsZero() {
		date = s.date.Format(time.DateOnly)
	}
	return s.name + "\t" + s.version + "\t" + date + "\t" + s.licence + "\t" + s.credit + "\t" + s.link + "\n"
}
