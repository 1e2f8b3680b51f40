package console

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"mimamori/analysis"
	"mimamori/decide"
)

// Plot is a drawing made on the server: SVG whose colours come from the
// stylesheet by class, so that it follows dark mode and the reader's own
// colours. Each stands beside a table of the same numbers. Empty: nothing to
// draw yet.
type Plot template.HTML

// The drawing area of every plot.
const (
	plotW, plotH = 640.0, 260.0
	plotL, plotB = 72.0, 36.0
	plotT, plotR = 16.0, 28.0
)

// canvas draws in a plane with the origin at the lower left, both axes from 0 to 1.
type canvas struct{ b strings.Builder }

func at(x, y float64) (float64, float64) {
	clip := func(v float64) float64 { return min(max(v, 0), 1) }
	return plotL + clip(x)*(plotW-plotL-plotR), plotT + (1-clip(y))*(plotH-plotT-plotB)
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	a, b := at(x1, y1)
	d, e := at(x2, y2)
	fmt.Fprintf(&c.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, a, b, d, e)
}

func (c *canvas) bar(class string, x1, x2, y float64) {
	a, b := at(x1, y)
	d, e := at(x2, 0)
	fmt.Fprintf(&c.b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, a, b, max(d-a-1, 1), max(e-b, 0))
}

func (c *canvas) dot(class string, x, y float64) {
	a, b := at(x, y)
	fmt.Fprintf(&c.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="5"/>`, class, a, b)
}

func (c *canvas) path(class string, points [][2]float64) {
	fmt.Fprintf(&c.b, `<polyline class="%s" points="`, class)
	for _, p := range points {
		x, y := at(p[0], p[1])
		fmt.Fprintf(&c.b, "%.1f,%.1f ", x, y)
	}
	c.b.WriteString(`"/>`)
}

// below writes under the x axis, left before the y axis, note inside.
func (c *canvas) below(x float64, text string) {
	a, b := at(x, 0)
	fmt.Fprintf(&c.b, `<text text-anchor="middle" x="%.1f" y="%.1f">%s</text>`, a, b+20, template.HTMLEscapeString(text))
}

func (c *canvas) left(y float64, text string) {
	a, b := at(0, y)
	fmt.Fprintf(&c.b, `<text text-anchor="end" x="%.1f" y="%.1f">%s</text>`, a-8, b+5, template.HTMLEscapeString(text))
}

func (c *canvas) note(x, y float64, text string) {
	a, b := at(x, y)
	anchor, by := "start", 4.0
	if x > 0.8 {
		anchor, by = "end", -4
	}
	fmt.Fprintf(&c.b, `<text class="note" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, anchor, a+by, b+5, template.HTMLEscapeString(text))
}

func (c *canvas) done() Plot {
	c.line("axis", 0, 0, 1, 0)
	c.line("axis", 0, 0, 0, 1)
	return Plot(fmt.Sprintf(`<svg class="plot" viewBox="0 0 %.0f %.0f" aria-hidden="true" focusable="false">%s</svg>`, plotW, plotH, c.b.String())) //nolint:gosec // numbers and escaped words
}

// HTML lets templates print it.
func (p Plot) HTML() template.HTML { return template.HTML(p) }

// scoresPlot is how many sign-ins had which score, with the levels of now. The
// count is on a logarithmic scale: what matters are the few at the right. name
// is what the reader calls a decision.
func scoresPlot(r analysis.Report, name func(decide.Decision) string) Plot {
	if r.Scores.Share(math.Inf(-1)) == 0 {
		return ""
	}
	const from, to, width = -16.0, 12.0, 0.5
	counts := map[int]int{}
	most := 1
	for b, n := range r.Scores {
		i := int(math.Floor((min(max(b.LogOdds(), from), to-width) - from) / width))
		counts[i] += n
		most = max(most, counts[i])
	}
	var c canvas
	top := math.Ceil(math.Log10(float64(most)) + 0.01)
	y := func(n float64) float64 { return (math.Log10(n) + 0.3) / (top + 0.3) }
	for e := 0.0; e <= top; e++ {
		c.line("grid", 0, y(math.Pow(10, e)), 1, y(math.Pow(10, e)))
		c.left(y(math.Pow(10, e)), fmt.Sprintf("%.0f", math.Pow(10, e)))
	}
	for _, i := range slices.Sorted(maps.Keys(counts)) {
		x := float64(i) * width / (to - from)
		c.bar("fill", x, x+width/(to-from), y(float64(counts[i])))
	}
	for z := from; z <= to; z += 4 {
		c.below((z-from)/(to-from), fmt.Sprintf("%.0f", z))
	}
	for i, m := range r.Met {
		x := (m.Level - from) / (to - from)
		c.line("level", x, 0, x, 1)
		c.note(x, 0.97-0.09*float64(i), name(m.Decision))
	}
	return c.done()
}

// dailyPlot is the share of sign-ins challenged or more on each day, whoever's
// they were, with the quota as a line.
func dailyPlot(r analysis.Report) Plot {
	type point struct{ x, y float64 }
	var points []point
	top := r.Quotas.Challenge * 3
	for _, d := range r.Days {
		all, met := 0, 0
		for x, n := range d.Met {
			all += n
			if x.AtLeast(decide.Challenge) {
				met += n
			}
		}
		if all > 0 {
			points = append(points, point{1 - r.At.Sub(d.At).Hours()/24/decide.Window, float64(met) / float64(all)})
			top = max(top, float64(met)/float64(all))
		}
	}
	if len(points) < 2 {
		return ""
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	var c canvas
	for i := range 4 {
		v := top * float64(i) / 3
		c.line("grid", 0, v/top, 1, v/top)
		c.left(v/top, fmt.Sprintf("%.1f %%", 100*v))
	}
	for d := 0; d <= 28; d += 7 {
		c.below(float64(28-d)/28, fmt.Sprintf("-%d", d))
	}
	c.line("level", 0, r.Quotas.Challenge/top, 1, r.Quotas.Challenge/top)
	line := make([][2]float64, len(points))
	for i, p := range points {
		line[i] = [2]float64{p.x, p.y / top}
	}
	c.path("curve", line)
	for _, p := range line {
		c.dot("point", p[0], p[1])
	}
	return c.done()
}

// reliabilityPlot is what came true against what was said, both on logarithmic
// scales from 1 in 100,000 to certain.
func reliabilityPlot(cal decide.Calibration) Plot {
	if cal.Labels == 0 {
		return ""
	}
	scale := func(p float64) float64 { return (math.Log10(max(p, 1e-5)) + 5) / 5 }
	var c canvas
	for e := -5; e <= 0; e++ {
		v := float64(e+5) / 5
		c.line("grid", 0, v, 1, v)
		word := fmt.Sprintf("%g %%", 100*math.Pow(10, float64(e)))
		c.left(v, word)
		c.below(v, word)
	}
	c.line("level", 0, 0, 1, 1)
	for _, r := range cal.Table {
		if r.Count > 0 {
			c.line("span", scale(r.Mean), scale(r.Low), scale(r.Mean), scale(r.High))
			c.dot("point", scale(r.Mean), scale(r.Observed))
		}
	}
	return c.done()
}

// driftPlot is how far each signal has moved; the dashed lines are where one
// looks (0.1) and where one must (0.25).
func driftPlot(list []decide.Drift) Plot {
	if len(list) == 0 {
		return ""
	}
	top := max(0.3, list[0].PSI*1.1)
	var c canvas
	for _, v := range []float64{0, 0.1, 0.25} {
		if v == 0 || v/top > 0.06*float64(1+int(v*8)) {
			c.left(v/top, fmt.Sprintf("%.2f", v))
		}
		c.line("level", 0, v/top, 1, v/top)
	}
	c.left(1, fmt.Sprintf("%.2f", top))
	for i, d := range list {
		x := float64(i) / float64(len(list))
		class := "fill"
		if d.PSI >= 0.25 {
			class = "fill far"
		}
		c.bar(class, x+0.01, x+0.9/float64(len(list)), d.PSI/top)
		c.below(x+0.45/float64(len(list)), fmt.Sprint(i+1))
	}
	return c.done()
}
