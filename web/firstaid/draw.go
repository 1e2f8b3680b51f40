package firstaid

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	aid "mimamori/firstaid"
	"mimamori/geo"
)

// drawnMap is the world with a mark for each country; the template draws it.
type drawnMap struct {
	Path          string
	Width, Height int
	Dots          []dot
}

// dot is one country; Rows are the numbers of its lines ("2, 5").
type dot struct {
	X, Y    float64
	Country string
	Rows    string
	Odd     bool
	Left    bool // the number stands to the left: the dot is near the right edge
}

// draw puts the countries of a history on the map, those that do not fit last,
// so that nothing covers them. Relays are left out: their country is nobody's
// place. With nothing abroad there is no map: it could only say Tokyo.
func draw(rows []aid.Row) *drawnMap {
	numbers, odd, abroad := map[string][]string{}, map[string]bool{}, false
	for i, r := range rows {
		code := r.Place.Country
		if r.Place.Kind.Hides() {
			continue
		}
		numbers[code] = append(numbers[code], strconv.Itoa(i+1))
		odd[code] = odd[code] || r.Fit == aid.Odd
		abroad = abroad || code != "" && code != "JP"
	}
	if !abroad {
		return nil
	}
	m := &drawnMap{Path: geo.WorldPath, Width: geo.WorldWidth, Height: geo.WorldHeight}
	for code, list := range numbers {
		x, y, ok := geo.Point(code)
		if !ok {
			continue
		}
		text := strings.Join(list[:min(3, len(list))], ", ")
		if len(list) > 3 {
			text += "…"
		}
		m.Dots = append(m.Dots, dot{math.Round(10*x) / 10, math.Round(10*y) / 10, code, text, odd[code], x > 0.85*geo.WorldWidth})
	}
	slices.SortFunc(m.Dots, func(a, b dot) int {
		if a.Odd != b.Odd {
			return map[bool]int{true: 1, false: -1}[a.Odd]
		}
		return cmp.Compare(a.Country, b.Country)
	})
	return m
}

// drawing is the picture of a way through menus: the address that is typed,
// then each menu as a button below the one before.
type drawing struct {
	Address string
	Height  int
	Menus   []menu
}

// menu is one button of a drawing. Y is its upper edge; Last is the screen
// itself.
type menu struct {
	Y, Text, Arrow int
	Words          string
	Last           bool
}

// Sizes of a drawing, in its own units (320 wide).
const (
	barHeight  = 62
	menuHeight = 40
	menuGap    = 26
)

func picture(address string, path []string) *drawing {
	d := &drawing{Address: address}
	y := barHeight + menuGap
	for i, words := range path {
		d.Menus = append(d.Menus, menu{Y: y, Text: y + 26, Arrow: y - menuGap + 4, Words: words, Last: i == len(path)-1})
		y += menuHeight + menuGap
	}
	d.Height = y - menuGap + 14
	return d
}
