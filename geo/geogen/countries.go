package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// placesFile holds the places of countries that the atlas is too coarse for,
// or whose largest piece of land is not where its people are.
//
//go:embed places.tsv
var placesFile string

// writeCountries writes a line a country: code, degrees north, degrees east,
// English and Japanese name, split by tabs and sorted by code.
func writeCountries(in *inputs, path string) error {
	numbers, err := countryNumbers(in)
	if err != nil {
		return err
	}
	places, err := countryPlaces(in, numbers)
	if err != nil {
		return err
	}
	ja, err := territoryNames(in, "ja")
	if err != nil {
		return err
	}
	en, err := territoryNames(in, "en")
	if err != nil {
		return err
	}
	var lines []string
	for code := range numbers {
		p, ok := places[code]
		if en[code] == "" || ja[code] == "" || !ok { // countries of the past, and the European Union
			continue
		}
		lines = append(lines, fmt.Sprintf("%s\t%.1f\t%.1f\t%s\t%s\n", code, p.y, p.x, everyday(code, en), everyday(code, ja)))
	}
	sort.Strings(lines)
	fmt.Printf("%s: %d countries\n", path, len(lines))
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644)
}

// countryNumbers maps ISO 3166-1 alpha-2 codes to the numeric ones of the atlas.
func countryNumbers(in *inputs) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(in.core.folder, "supplemental", "codeMappings.json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Supplemental struct {
			CodeMappings map[string]struct {
				Numeric string `json:"_numeric"`
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read country codes: %w", err)
	}
	list := map[string]string{}
	for code, m := range file.Supplemental.CodeMappings {
		// Q and X and ZZ are CLDR's own, but for Kosovo, which the address tables know as XK.
		own := code[0] == 'X' && code != "XK" || code == "ZZ" || code[0] == 'Q' && code != "QA"
		if len(code) == 2 && m.Numeric != "" && !own {
			list[code] = m.Numeric
		}
	}
	return list, nil
}

func countryPlaces(in *inputs, numbers map[string]string) (map[string]point, error) {
	t, err := readTopology(filepath.Join(in.atlas.folder, "countries-50m.json"))
	if err != nil {
		return nil, err
	}
	byNumber := map[string]point{}
	largest := map[string]float64{}
	for _, g := range t.Objects["countries"].Geometries {
		rings, err := t.outlines(g)
		if err != nil {
			return nil, err
		}
		if c, size := middle(rings); size > largest[g.ID] {
			byNumber[g.ID], largest[g.ID] = c, size
		}
	}
	places := map[string]point{}
	for code, number := range numbers {
		if p, ok := byNumber[number]; ok {
			places[code] = p
		}
	}
	for _, f := range rows(placesFile) {
		var p point
		if _, err := fmt.Sscan(f[1], &p.y); err != nil {
			return nil, fmt.Errorf("places.tsv: %w", err)
		}
		if _, err := fmt.Sscan(f[2], &p.x); err != nil {
			return nil, fmt.Errorf("places.tsv: %w", err)
		}
		places[f[0]] = p
	}
	return places, nil
}

func territoryNames(in *inputs, lang string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(in.names.folder, "main", lang, "territories.json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Main map[string]struct {
			LocaleDisplayNames struct{ Territories map[string]string }
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read %s country names: %w", lang, err)
	}
	return file.Main[lang].LocaleDisplayNames.Territories, nil
}

// everyday picks the name that people say: the short form of a few long ones,
// and none with a second name in brackets.
func everyday(code string, names map[string]string) string {
	name := names[code]
	switch code {
	case "HK", "MO", "PS":
		name = names[code+"-alt-short"]
	case "CD", "CG":
		return names[code+"-alt-variant"]
	}
	name, _, _ = strings.Cut(name, "(")
	return strings.TrimSpace(name)
}
