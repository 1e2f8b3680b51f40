package geo

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestEveryCountryOfTheTableHasNameAndPoint(t *testing.T) {
	table := embeddedTable()
	for i := 2; i < len(table.countries); i += 2 {
		code := table.countries[i : i+2]
		if name := CountryName(code); name.JA == code || name.EN == code {
			t.Errorf("country %s has no name", code)
		}
		x, y, ok := Point(code)
		if code == "AQ" {
			continue // south of the map
		}
		if !ok || x < 0 || x > WorldWidth || y < 0 || y > WorldHeight {
			t.Errorf("Point(%s) = %v, %v, %v, want a point on the map", code, x, y, ok)
		}
	}
}

func TestPointsLieWhereTheCountriesAre(t *testing.T) {
	for code, want := range map[string][2]float64{ // degrees north, east
		"JP": {36, 138}, "NG": {9, 8}, "SO": {5, 46}, "US": {39, -98}, "GB": {54, -2},
		"SG": {1, 104}, "NZ": {-41, 174}, "BR": {-10, -52}, "XK": {42, 21}, "HK": {22, 114},
	} {
		x, y, ok := Point(code)
		wx, wy := Project(want[0], want[1])
		if !ok || math.Hypot(x-wx, y-wy) > 5 {
			t.Errorf("Point(%s) = %.1f, %.1f, want near %.1f, %.1f", code, x, y, wx, wy)
		}
	}
	if _, _, ok := Point("ZZ"); ok {
		t.Error("Point(ZZ) is on the map")
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		from, to float64
	}{{"JP", "JP", 0, 0}, {"JP", "KR", 700, 1200}, {"JP", "NG", 12000, 13500}, {"NG", "JP", 12000, 13500}, {"NZ", "CL", 8000, 10500}} {
		if km, ok := Distance(c.a, c.b); !ok || km < c.from || km > c.to {
			t.Errorf("Distance(%s, %s) = %.0f, %v, want %.0f to %.0f", c.a, c.b, km, ok, c.from, c.to)
		}
	}
	if _, ok := Distance("JP", ""); ok {
		t.Error("there is a distance to no country")
	}
}

func TestWorldPathIsPathData(t *testing.T) {
	// Only relative lines and closed rings, so that it stands in an attribute unescaped.
	if !regexp.MustCompile(`^(M[-0-9. ]+l[-0-9. ]+z)+$`).MatchString(WorldPath) {
		t.Errorf("WorldPath is no plain path data: %.80q", WorldPath)
	}
	// No line runs across the whole map, as a ring jumping at 180° would draw it.
	for _, move := range regexp.MustCompile(`-?[0-9.]{3,}`).FindAllString(regexp.MustCompile(`M[-0-9. ]+l`).ReplaceAllString(WorldPath, ""), -1) {
		if n, err := strconv.ParseFloat(move, 64); err == nil && math.Abs(n) > 100 {
			t.Errorf("WorldPath moves %v degrees at once", n)
		}
	}
	if len(WorldPath) > 40_000 || strings.Count(WorldPath, "z") < 50 {
		t.Errorf("WorldPath has %d bytes and %d rings, want a compact world", len(WorldPath), strings.Count(WorldPath, "z"))
	}
}
