// Package brands holds what is known of a shop's own mails, sites, screens and
// telephone numbers, one file a brand, each fact with its source and date.
// The mail checker, first aid and the shop's own public page read it. It says
// what is known and leaves out the rest; it judges no mail.
package brands

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"mimamori"
	"mimamori/support"
)

// Brand is one brand file. Fields that are not known are empty.
type Brand struct {
	ID                string           `yaml:"id"`
	Names             []string         `yaml:"names"`               // as people and mails write it
	NoticeDomains     []string         `yaml:"notice_domains"`      // mail may come from exactly these
	LinkDomains       []string         `yaml:"link_domains"`        // its sites: these and all below them
	ReturnPathDomains []string         `yaml:"return_path_domains"` // envelope senders, if others than those
	AlwaysSignsSince  string           `yaml:"always_signs_since"`  // date; from then on every mail carries a valid DKIM signature
	Screens           Screens          `yaml:"screens"`
	Reset             Words            `yaml:"reset"`       // how the password is set again
	SecondStep        Words            `yaml:"second_step"` // how a second step is set up
	Contacts          []support.Number `yaml:"contacts"`
	Advice            []Words          `yaml:"advice"`
	Facts             []Fact           `yaml:"facts"`
	Theme             Theme            `yaml:"theme"` // of the shop's own centre
}

// Screens says where the customer finds the three screens.
type Screens struct {
	Logins    Words `yaml:"logins"`
	Purchases Words `yaml:"purchases"`
	Contact   Words `yaml:"contact"`
}

// Fact is where something in the file comes from. Field is the field's name,
// as in "screens.logins" or "contacts"; Date when the source said so.
type Fact struct {
	Field  string `yaml:"field"`
	Source string `yaml:"source"`
	Date   string `yaml:"date"` // YYYY, YYYY-MM or YYYY-MM-DD
}

// Words is text for people in both languages. A file may also write a plain
// string, which then stands for both.
type Words struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}

// Text is the same as the type that pages use.
func (w Words) Text() mimamori.Text { return mimamori.Text{JA: w.JA, EN: w.EN} }

// UnmarshalYAML reads either form. It checks the keys itself: the decoder does
// not hand its strictness down to here.
func (w *Words) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		w.JA, w.EN = node.Value, node.Value
		return nil
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if key := node.Content[i].Value; key != "ja" && key != "en" {
				return fmt.Errorf("line %d: text has the keys ja and en only", node.Content[i].Line)
			}
		}
	}
	type both Words // without this method
	return node.Decode((*both)(w))
}

// Directory is the brand's numbers, for "whom to call now".
func (b Brand) Directory() support.Directory { return support.Directory{Numbers: b.Contacts} }

//go:embed *.yaml
var own embed.FS

// maxFile is the size of a brand file; anything larger is a mistake.
const maxFile = 256 << 10

// Load gives the product's own brands and those in the files and folders of
// paths (*.yaml, *.yml), sorted by id. A brand of the operator's takes the
// place of ours with the same id; the same id twice among his is an error.
func Load(paths ...string) ([]Brand, error) {
	brands, err := loadFS(own, ".")
	if err != nil {
		return nil, err
	}
	var added []Brand
	for _, p := range paths {
		more, err := loadPath(p)
		if err != nil {
			return nil, err
		}
		added = append(added, more...)
	}
	for i, b := range added {
		if slices.ContainsFunc(added[:i], func(o Brand) bool { return o.ID == b.ID }) {
			return nil, fmt.Errorf("brand %q is there twice: %w", b.ID, mimamori.ErrInvalid)
		}
		brands = slices.DeleteFunc(brands, func(o Brand) bool { return o.ID == b.ID })
	}
	brands = append(brands, added...)
	slices.SortFunc(brands, func(a, b Brand) int { return strings.Compare(a.ID, b.ID) })
	return brands, nil
}

func loadPath(p string) ([]Brand, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, fmt.Errorf("brand files: %w", err)
	}
	if info.IsDir() {
		return loadFS(os.DirFS(p), ".")
	}
	return loadFS(os.DirFS(filepath.Dir(p)), filepath.Base(p))
}

// loadFS reads one file, or every brand file of a folder.
func loadFS(from fs.FS, name string) ([]Brand, error) {
	names := []string{name}
	if info, err := fs.Stat(from, name); err != nil {
		return nil, fmt.Errorf("brand files: %w", err)
	} else if info.IsDir() {
		entries, err := fs.ReadDir(from, name)
		if err != nil {
			return nil, fmt.Errorf("brand files: %w", err)
		}
		names = nil
		for _, e := range entries {
			if ext := path.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
				names = append(names, path.Join(name, e.Name()))
			}
		}
	}
	var brands []Brand
	for _, n := range names {
		data, err := fs.ReadFile(from, n)
		if err != nil {
			return nil, fmt.Errorf("brand file: %w", err)
		}
		parsed, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("brand file %s: %w", n, err)
		}
		brands = append(brands, parsed...)
	}
	return brands, nil
}

// Parse reads the documents of one file, strictly: a key that the contract
// does not have, or one written twice, is an error, and so is a brand that
// Check refuses.
func Parse(data []byte) ([]Brand, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than 256 kB: %w", mimamori.ErrInvalid)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var brands []Brand
	for {
		var b Brand
		err := dec.Decode(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, mimamori.ErrInvalid)
		}
		if err := b.Check(); err != nil {
			return nil, fmt.Errorf("brand %q: %w", b.ID, err)
		}
		brands = append(brands, b)
	}
	if len(brands) == 0 {
		return nil, fmt.Errorf("holds no brand: %w", mimamori.ErrInvalid)
	}
	return brands, nil
}
