package centre

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// World is the map of the world as one SVG path (package geo has it).
type World struct {
	// Path is the land's outline; empty: no map is drawn.
	Path          string
	Width, Height float64 // of the view box
	// Point is where a country's mark goes, in the path's units.
	Point func(country string) (x, y float64, ok bool)
}

// drawnMap is what the template needs.
type drawnMap struct {
	World
	Dots []dot
}

// dot is one country; Rows are the numbers that it shares with the rows of the
// table.
type dot struct {
	X, Y    float64
	Country string
	Rows    string // "2, 5"
	Odd     bool
	Left    bool // the number stands to the left: the dot is near the right edge
}

// draw puts the countries of the groups on the map, each under the numbers of
// its rows (their places in the list, counted on from first). Unfamiliar ones come last, so
// that nothing covers them. When all are in Japan there is no map: it could
// only say Tokyo, whatever the truth.
func (w World) draw(groups []LoginGroup, first int) *drawnMap {
	if w.Path == "" || w.Point == nil {
		return nil
	}
	rows, odd := map[string][]string{}, map[string]bool{}
	abroad := false
	for i, g := range groups {
		code := g.Place.Country
		rows[code] = append(rows[code], strconv.Itoa(first+i))
		odd[code] = odd[code] || g.Unfamiliar || g.Owner == OwnerIntruder
		abroad = abroad || code != "" && code != "JP"
	}
	if !abroad {
		return nil
	}
	m := &drawnMap{World: w}
	for code, numbers := range rows {
		if x, y, ok := w.Point(code); ok {
			m.Dots = append(m.Dots, dot{tenth(x), tenth(y), code, brief(numbers), odd[code], x > w.Width*0.85})
		}
	}
	slices.SortFunc(m.Dots, func(a, b dot) int {
		if a.Odd != b.Odd {
			return map[bool]int{true: 1, false: -1}[a.Odd]
		}
		return cmp.Compare(a.Country, b.Country)
	})
	return m
}

// brief keeps the label short enough for a small map.
func brief(numbers []string) string {
	if len(numbers) > 3 {
		return strings.Join(numbers[:3], ", ") + "…"
	}
	return strings.Join(numbers, ", ")
}

func tenth(x float64) float64 { return math.Round(x*10) / 10 }
