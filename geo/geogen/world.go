package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mimamori/geo"
)

type point struct{ x, y float64 } // degrees east, degrees north

// topology is as much of TopoJSON as the atlas needs.
type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]float64
	Objects   map[string]struct{ Geometries []geometry }
}

type geometry struct {
	Type string
	ID   string
	Arcs json.RawMessage
}

func readTopology(path string) (*topology, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var t topology
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &t, nil
}

// outlines are the outer rings of a geometry; lakes are left out.
func (t *topology) outlines(g geometry) ([][]point, error) {
	var polygons [][][]int
	switch g.Type {
	case "Polygon":
		var one [][]int
		if err := json.Unmarshal(g.Arcs, &one); err != nil {
			return nil, fmt.Errorf("read polygon: %w", err)
		}
		polygons = append(polygons, one)
	case "MultiPolygon":
		if err := json.Unmarshal(g.Arcs, &polygons); err != nil {
			return nil, fmt.Errorf("read polygons: %w", err)
		}
	}
	var rings [][]point
	for _, p := range polygons {
		if len(p) > 0 {
			rings = append(rings, t.ring(p[0]))
		}
	}
	return rings, nil
}

// ring joins arcs; a negative number is an arc backwards. Each arc begins
// where the one before ended, so that point is taken once. A ring that crosses
// 180° runs on past it instead of jumping to the other edge of the map.
func (t *topology) ring(arcs []int) []point {
	var ring []point
	for _, n := range arcs {
		line := t.arc(max(n, ^n), n < 0)
		if len(ring) > 0 {
			line = line[1:]
		}
		ring = append(ring, line...)
	}
	for i := 1; i < len(ring); i++ {
		for ring[i].x-ring[i-1].x > 180 {
			ring[i].x -= 360
		}
		for ring[i].x-ring[i-1].x < -180 {
			ring[i].x += 360
		}
	}
	return ring
}

func (t *topology) arc(n int, backwards bool) []point {
	var line []point
	var x, y float64
	for _, d := range t.Arcs[n] {
		x, y = x+d[0], y+d[1]
		line = append(line, point{x*t.Transform.Scale[0] + t.Transform.Translate[0], y*t.Transform.Scale[1] + t.Transform.Translate[1]})
	}
	if backwards {
		for i, j := 0, len(line)-1; i < j; i, j = i+1, j-1 {
			line[i], line[j] = line[j], line[i]
		}
	}
	return line
}

// coarse is how far, in degrees, a simplified coast may run from the real one:
// less than a pixel of a map that is 1,000 pixels wide.
const coarse = 0.25

// writeWorld draws the coasts as one SVG path of relative moves in tenths of a
// degree, closed ring by ring.
func writeWorld(in *inputs, path string) error {
	t, err := readTopology(filepath.Join(in.atlas.folder, "land-110m.json"))
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, g := range t.Objects["land"].Geometries {
		rings, err := t.outlines(g)
		if err != nil {
			return err
		}
		for _, ring := range rings {
			ring = simplify(ring)
			draw(&b, ring)
			draw(&b, otherSide(ring))
		}
	}
	fmt.Printf("%s: %d bytes\n", path, b.Len())
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func draw(b *strings.Builder, ring []point) {
	if len(ring) < 4 || southOfMap(ring) {
		return
	}
	var lastX, lastY int
	for i, p := range ring[:len(ring)-1] { // z closes it
		fx, fy := geo.Project(p.y, p.x)
		x, y := int(math.Round(fx*10)), int(math.Round(fy*10))
		switch {
		case i == 0:
			b.WriteString("M" + tenths(x) + joint(tenths(y)))
		case x == lastX && y == lastY:
			continue
		case i == 1:
			b.WriteString("l" + tenths(x-lastX) + joint(tenths(y-lastY)))
		default:
			b.WriteString(joint(tenths(x-lastX)) + joint(tenths(y-lastY)))
		}
		lastX, lastY = x, y
	}
	b.WriteString("z")
}

// otherSide is a ring that runs past one edge of the map as it shows at the
// other edge; nothing for a ring that does not.
func otherSide(ring []point) []point {
	by := 0.0
	for _, p := range ring {
		if p.x > 180.5 {
			by = -360
		} else if p.x < -180.5 {
			by = 360
		}
	}
	if by == 0 {
		return nil
	}
	moved := make([]point, len(ring))
	for i, p := range ring {
		moved[i] = point{p.x + by, p.y}
	}
	return moved
}

func southOfMap(ring []point) bool {
	for _, p := range ring {
		if _, y := geo.Project(p.y, p.x); y < geo.WorldHeight {
			return false
		}
	}
	return true
}

// tenths writes n tenths as short as SVG allows: 15 is 1.5, -3 is -.3.
func tenths(n int) string {
	s := strconv.FormatFloat(float64(n)/10, 'f', -1, 64)
	s = strings.Replace(s, "0.", ".", 1)
	if n%10 == 0 || n/10 != 0 {
		s = strconv.FormatFloat(float64(n)/10, 'f', -1, 64)
	}
	return s
}

// joint puts a space before a number that could run into the one before it.
func joint(s string) string {
	if s[0] == '-' {
		return s
	}
	return " " + s
}

// simplify drops points by Douglas and Peucker's rule. A ring begins and ends
// in one point, so its farthest point cuts it in two first.
func simplify(ring []point) []point {
	if len(ring) < 4 {
		return ring
	}
	far, at := 0.0, 0
	for i, p := range ring {
		if d := math.Hypot(p.x-ring[0].x, p.y-ring[0].y); d > far {
			far, at = d, i
		}
	}
	head, tail := peucker(ring[:at+1]), peucker(ring[at:])
	return append(head[:len(head):len(head)], tail[1:]...)
}

func peucker(line []point) []point {
	if len(line) < 3 {
		return line
	}
	a, z := line[0], line[len(line)-1]
	far, at := 0.0, 0
	for i := 1; i < len(line)-1; i++ {
		if d := offLine(line[i], a, z); d > far {
			far, at = d, i
		}
	}
	if far <= coarse {
		return []point{a, z}
	}
	head, tail := peucker(line[:at+1]), peucker(line[at:])
	return append(head[:len(head):len(head)], tail[1:]...)
}

func offLine(p, a, z point) float64 {
	dx, dy := z.x-a.x, z.y-a.y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return math.Hypot(p.x-a.x, p.y-a.y)
	}
	return math.Abs(dx*(a.y-p.y)-dy*(a.x-p.x)) / length
}

// middle is the centre of the largest ring, and that ring's size.
func middle(rings [][]point) (centre point, size float64) {
	for _, r := range rings {
		var area, x, y float64
		for i := 0; i+1 < len(r); i++ {
			cross := r[i].x*r[i+1].y - r[i+1].x*r[i].y
			area += cross
			x += (r[i].x + r[i+1].x) * cross
			y += (r[i].y + r[i+1].y) * cross
		}
		if area == 0 {
			continue
		}
		c := point{x / (3 * area), y / (3 * area)}
		c.x = math.Mod(c.x+540, 360) - 180 // a ring may have run past 180°
		if s := math.Abs(area) * math.Cos(c.y*math.Pi/180); s > size {
			centre, size = c, s
		}
	}
	return centre, size
}
