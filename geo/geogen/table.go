package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mimamori/geo"
)

// builder collects the parts of a table file; geo/table.go holds the layout.
type builder struct {
	curated   map[string]operator
	guessed   map[string]operator // by the source's name and size
	operators []byte
	operator  map[string]int
	names     []byte
	nameAt    map[string]int
	countries []byte
	country   map[string]int
	answers   []byte
	answer    map[string]int
}

// writeTable merges the sources and writes the table file.
func writeTable(in *inputs, path string) error {
	curated, err := readOperators(operatorsFile)
	if err != nil {
		return err
	}
	kinds4, kinds6, err := readNetworks(networksFile)
	if err != nil {
		return err
	}
	asn4, country4, err := readBoth(in, 4)
	if err != nil {
		return err
	}
	asn6, country6, err := readBoth(in, 6)
	if err != nil {
		return err
	}
	b := &builder{
		curated: curated, guessed: guess(asn4, asn6),
		operator: map[string]int{"": 0}, operators: make([]byte, 10),
		nameAt:  map[string]int{},
		country: map[string]int{"": 0}, countries: []byte("--"),
		answer: map[string]int{"\t\t": 0}, answers: make([]byte, 5),
	}
	for asn := range curated {
		if _, ok := b.guessed[asn]; !ok {
			fmt.Fprintf(os.Stderr, "geogen: AS%s of operators.tsv announces nothing in the source\n", asn)
		}
	}
	starts4, answers4, err := b.add(merge(asn4, country4, kinds4, 32), 4)
	if err != nil {
		return err
	}
	starts6, answers6, err := b.add(merge(asn6, country6, kinds6, 48), 6)
	if err != nil {
		return err
	}
	return b.write(in, path, starts4, answers4, starts6, answers6)
}

func readBoth(in *inputs, version int) (asn, country []span, err error) {
	asn, err = readSpans(filepath.Join(in.asn.folder, fmt.Sprintf("asn-ipv%d.csv", version)))
	if err != nil {
		return nil, nil, err
	}
	country, err = readSpans(filepath.Join(in.country.folder, fmt.Sprintf("dbip-country-ipv%d.csv", version)))
	return asn, country, err
}

// guess names and classes every operator of the source.
func guess(asn4, asn6 []span) map[string]operator {
	size := map[string]uint64{}
	for _, s := range asn4 {
		size[s.value] += s.last - s.first + 1
	}
	list := map[string]operator{}
	for _, spans := range [][]span{asn4, asn6} {
		for _, s := range spans {
			if _, done := list[s.value]; !done {
				list[s.value] = operator{kind: kindOf(s.name, size[s.value]), name: shortName(s.name)}
			}
		}
	}
	return list
}

// add gives each piece its answer and returns the starts (width bytes each)
// and answers (3 bytes each).
func (b *builder) add(pieces []piece, version int) (starts, answers []byte, err error) {
	width := 4
	if version == 6 {
		width = 6
	}
	for _, p := range pieces {
		n, err := b.answerOf(p)
		if err != nil {
			return nil, nil, err
		}
		starts = append(starts, little(p.first, width)...)
		answers = append(answers, little(uint64(n), 3)...)
	}
	return starts, answers, nil
}

func (b *builder) answerOf(p piece) (int, error) {
	key := p.asn + "\t" + p.cc + "\t" + p.kind
	if n, ok := b.answer[key]; ok {
		return n, nil
	}
	op, kind, err := b.operatorOf(p.asn)
	if err != nil {
		return 0, err
	}
	if p.kind != "" {
		kind = geo.Kind(p.kind)
	}
	cc, err := b.countryOf(p.cc)
	if err != nil {
		return 0, err
	}
	n := len(b.answers) / 5
	b.answers = append(b.answers, little(uint64(op), 3)...)
	b.answers = append(b.answers, byte(cc), byte(slices.Index(geo.KindOrder[:], kind)))
	b.answer[key] = n
	return n, nil
}

func (b *builder) operatorOf(asn string) (int, geo.Kind, error) {
	if asn == "" {
		return 0, geo.Unknown, nil
	}
	o := b.guessed[asn]
	if c, ok := b.curated[asn]; ok {
		if c.kind != "" {
			o.kind = c.kind
		}
		if c.name != "" {
			o.name = c.name
		}
		o.nameJA = c.nameJA
	}
	if n, ok := b.operator[asn]; ok {
		return n, o.kind, nil
	}
	number, err := strconv.ParseUint(asn, 10, 32)
	if err != nil {
		return 0, "", fmt.Errorf("read ASN: %w", err)
	}
	if !utf8.ValidString(o.name) {
		o.name = strings.ToValidUTF8(o.name, "")
	}
	n := len(b.operators) / 10
	b.operators = append(b.operators, little(number, 4)...)
	b.operators = append(b.operators, little(uint64(b.nameOf(o.name+o.nameJA)), 4)...)
	b.operators = append(b.operators, byte(len(o.name)), byte(len(o.nameJA)))
	b.operator[asn] = n
	return n, o.kind, nil
}

func (b *builder) nameOf(s string) int {
	at, ok := b.nameAt[s]
	if !ok {
		at = len(b.names)
		b.names = append(b.names, s...)
		b.nameAt[s] = at
	}
	return at
}

func (b *builder) countryOf(code string) (int, error) {
	if code == "ZZ" || code == "EU" || code == "AP" { // no country: unknown, or a whole region
		code = ""
	}
	n, ok := b.country[code]
	if !ok {
		if len(code) != 2 || len(b.country) > 255 {
			return 0, fmt.Errorf("country %q does not fit the table", code)
		}
		n = len(b.countries) / 2
		b.countries = append(b.countries, code...)
		b.country[code] = n
	}
	return n, nil
}

func (b *builder) write(in *inputs, path string, parts ...[]byte) error {
	oldest := in.asn.date
	if in.country.date.Before(oldest) {
		oldest = in.country.date
	}
	sources := ""
	for _, s := range in.all() {
		sources += s.line()
	}
	file := []byte(geo.Magic)
	for _, n := range []int{int(oldest.Unix() / 86400), len(parts[0]) / 4, len(parts[2]) / 6, len(b.answers) / 5,
		len(b.operators) / 10, len(b.countries) / 2, len(b.names), len(sources)} {
		file = binary.LittleEndian.AppendUint32(file, uint32(n))
	}
	for _, part := range append(parts, b.answers, b.operators, b.countries, b.names, []byte(sources)) {
		file = append(file, part...)
	}
	fmt.Printf("%s: %d IPv4 and %d IPv6 ranges, %d operators, %d answers, %.1f MB\n", path,
		len(parts[0])/4, len(parts[2])/6, len(b.operators)/10, len(b.answers)/5, float64(len(file))/1e6)
	return os.WriteFile(path, file, 0o644)
}

// little is n in width bytes, the least first.
func little(n uint64, width int) []byte {
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], n)
	return buf[:width]
}
