package geo

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"

	"mimamori"
)

// WorldWidth and WorldHeight are the size of the world map's drawing: one
// unit a degree, equirectangular, from 180° west to 180° east and from 84°
// north to 57° south (nobody signs in from farther out). As an SVG:
// viewBox="0 0 360 141".
const (
	WorldWidth  = 360
	WorldHeight = 141
	north       = 84
)

// WorldPath is the coasts of the world as SVG path data (the d attribute), in
// the units above; made with Natural Earth.
//
//go:embed world.svgpath
var WorldPath string

//go:embed countries.tsv
var countriesFile string

type country struct {
	lat, lon float64
	name     mimamori.Text
}

var countries = sync.OnceValue(func() map[string]country {
	list := make(map[string]country, 256)
	for line := range strings.Lines(countriesFile) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 5 {
			continue
		}
		lat, _ := strconv.ParseFloat(f[1], 64)
		lon, _ := strconv.ParseFloat(f[2], 64)
		list[f[0]] = country{lat: lat, lon: lon, name: mimamori.Text{JA: f[4], EN: f[3]}}
	}
	return list
})

// CountryName is a country's everyday name ("日本", "Japan"). A code that no
// list knows is its own name; no code is "unknown country".
func CountryName(code string) mimamori.Text {
	if code == "" {
		return mimamori.Text{JA: "国は不明", EN: "unknown country"}
	}
	if c, ok := countries()[code]; ok {
		return c.name
	}
	return mimamori.Text{JA: code, EN: code}
}

// Point is where a country's mark goes on the map: the middle of its mainland
// in the map's units. It is a country's place and never a person's. False for
// a country that is not known.
func Point(code string) (x, y float64, ok bool) {
	c, ok := countries()[code]
	if !ok {
		return 0, 0, false
	}
	x, y = Project(c.lat, c.lon)
	return x, y, true
}

// Project turns degrees north and east into the map's units; y grows
// downwards as in SVG.
func Project(lat, lon float64) (x, y float64) {
	return lon + WorldWidth/2, north - lat
}

// Distance is the way between the middles of two countries over the globe, in
// kilometres; 0 within one country, since a place inside a country is not
// known well enough to measure. False when one of them is not known.
func Distance(a, b string) (km float64, ok bool) {
	from, ok1 := countries()[a]
	to, ok2 := countries()[b]
	if !ok1 || !ok2 {
		return 0, false
	}
	const radius, degree = 6371, math.Pi / 180
	sinLat := math.Sin((to.lat - from.lat) * degree / 2)
	sinLon := math.Sin((to.lon - from.lon) * degree / 2)
	h := sinLat*sinLat + math.Cos(from.lat*degree)*math.Cos(to.lat*degree)*sinLon*sinLon
	return 2 * radius * math.Asin(math.Sqrt(min(h, 1))), true
}
