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
	CallBack          Words            `yaml:"call_back"` // how to have the service call, and when it does
	Advice            []Words          `yaml:"advice"`
	Facts             []Fact           `yaml:"facts"`
	Theme             Theme            `yaml:"theme"` // of the shop's own centre
}

// Screens says where the customer finds the three screens.
type Screens struct {
	Logins    Screen `yaml:"logins"`
	Purchases Screen `yaml:"purchases"`
	Contact   Screen `yaml:"contact"`
	// Messages is where the service shows every notice that it sent.
	Messages Screen `yaml:"messages"`
}

// Screen is where one screen is: in words, and as the menus that lead to it,
// in order, as they stand on the service's page in its own language.
type Screen struct {
	Words
	Path []string
}

// Known says that the file tells where the screen is.
func (s Screen) Known() bool { return s.Words != Words{} || len(s.Path) > 0 }

// UnmarshalYAML reads {ja, en, path}, or a plain string for both languages.
func (s *Screen) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return s.Words.UnmarshalYAML(node)
	}
	words := *node
	words.Content = nil
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value != "path" {
			words.Content = append(words.Content, node.Content[i], node.Content[i+1])
		} else if err := node.Content[i+1].Decode(&s.Path); err != nil {
			return err
		}
	}
	return s.Words.UnmarshalYAML(&words)
}

// Fact is where something in the file comes from. Field is the field's name,
// as in "screens.logins" or "contacts"; Date when the source said so.
type Fact struct {
	Field  string `yaml:"field"`
	Source string `yaml:"source"`
	// SourceJA is the same for Japanese readers; pages show Source without it.
	SourceJA string `yaml:"source_ja"`
	Date     string `yaml:"date"` // YYYY, YYYY-MM or YYYY-MM-DD
}

// Said is the source as the type that pages use.
func (f Fact) Said() mimamori.Text {
	if f.SourceJA == "" {
		return mimamori.Text{JA: f.Source, EN: f.Source}
	}
	return mimamori.Text{JA: f.SourceJA, EN: f.Source}
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

// template is the file that others begin with; in a folder it is no brand.
const template = "template.yaml"

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
			if ext := path.Ext(e.Name()); !e.IsDir() && e.Name() != template && (ext == ".yaml" || ext == ".yml") {
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
