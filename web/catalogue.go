package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"mimamori"
)

//go:embed text/*.json
var sharedText embed.FS

// Langs are the languages that every text exists in.
var Langs = []mimamori.Lang{mimamori.Japanese, mimamori.English}

// Catalogue holds what people read, by key and language.
type Catalogue struct {
	text map[mimamori.Lang]map[string]string
}

// LoadCatalogue reads text/ja.json and text/en.json of each file system on top
// of the shared ones. The files are flat objects of key to sentence; {0}, {1}
// stand for arguments. A key given twice in a file is an error, a key missing
// in one language too.
func LoadCatalogue(own ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{text: map[mimamori.Lang]map[string]string{}}
	for _, lang := range Langs {
		c.text[lang] = map[string]string{}
		for _, fsys := range append([]fs.FS{sharedText}, own...) {
			if err := readTexts(fsys, "text/"+string(lang)+".json", c.text[lang]); err != nil {
				return nil, err
			}
		}
	}
	if missing := c.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("catalogue: missing in one language: %s: %w", strings.Join(missing, ", "), mimamori.ErrInvalid)
	}
	return c, nil
}

// Replace puts a shop's own sentences in the place of ours. A key that is not
// ours, one that is given in one language only, and other arguments than ours
// are errors, so that no page is left with a hole.
func (c *Catalogue) Replace(own map[mimamori.Lang]map[string]string) error {
	for _, lang := range Langs {
		for key, said := range own[lang] {
			ours, ok := c.text[lang][key]
			switch {
			case !ok:
				return fmt.Errorf("theme texts: there is no key %q: %w", key, mimamori.ErrInvalid)
			case strings.TrimSpace(said) == "":
				return fmt.Errorf("theme texts: %q in %s is empty: %w", key, lang, mimamori.ErrInvalid)
			case arguments(said) != arguments(ours): // a time or an amount left out would mislead
				return fmt.Errorf("theme texts: %q in %s has other arguments than ours, %q: %w", key, lang, ours, mimamori.ErrInvalid)
			}
			for _, other := range Langs {
				if _, ok := own[other][key]; !ok {
					return fmt.Errorf("theme texts: %q is missing in %s: %w", key, other, mimamori.ErrInvalid)
				}
			}
			c.text[lang][key] = said
		}
	}
	return nil
}

func readTexts(fsys fs.FS, name string, into map[string]string) error {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("read catalogue %s: %w", name, err)
	}
	for dec.More() {
		var pair [2]string
		for i := range pair {
			tok, err := dec.Token()
			if err != nil {
				return fmt.Errorf("read catalogue %s after %q: %w", name, pair[0], err)
			}
			s, ok := tok.(string)
			if !ok {
				return fmt.Errorf("read catalogue %s: %v is not a text: %w", name, tok, mimamori.ErrInvalid)
			}
			pair[i] = s
		}
		if _, twice := into[pair[0]]; twice {
			return fmt.Errorf("read catalogue %s: key %q is given twice: %w", name, pair[0], mimamori.ErrInvalid)
		}
		into[pair[0]] = pair[1]
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("read catalogue %s: %w", name, err)
	}
	return nil
}

// Missing lists the keys that one language has and another has not, and those
// whose arguments differ.
func (c *Catalogue) Missing() []string {
	var out []string
	for _, a := range Langs {
		for _, b := range Langs {
			for key, text := range c.text[a] {
				other, ok := c.text[b][key]
				if !ok || arguments(text) != arguments(other) {
					out = append(out, fmt.Sprintf("%s (%s)", key, b))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// arguments counts which of {0} to {9} a text uses, as a bit set.
func arguments(text string) (set int) {
	for i := range 10 {
		if strings.Contains(text, fmt.Sprintf("{%d}", i)) {
			set |= 1 << i
		}
	}
	return set
}

// T is the text of a key with its arguments put in. A key that is not there
// shows itself in double brackets: a test looks for those.
func (c *Catalogue) T(lang mimamori.Lang, key string, args ...any) string {
	text, ok := c.text[lang][key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	if len(args) == 0 {
		return text
	}
	pairs := make([]string, 0, 2*len(args))
	for i, arg := range args {
		pairs = append(pairs, fmt.Sprintf("{%d}", i), fmt.Sprint(arg))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Has tells whether a key is there.
func (c *Catalogue) Has(key string) bool {
	_, ok := c.text[mimamori.Japanese][key]
	return ok
}

// Keys lists all keys in order.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.text[mimamori.Japanese])) }
