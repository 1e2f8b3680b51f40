package scale

import (
	"fmt"
	"math"
	"strings"
)

// Plot draws what each shape takes against the number of accounts, both in
// powers of ten: cost where prices are given, else cores. The other numbers
// grow with the accounts as they stand to each other in s.
func Plot(s Shop, f Figures) (string, error) {
	base := s
	if err := base.defaults(); err != nil {
		return "", err
	}
	const (
		wide, high              = 640.0, 360.0
		left, right, top, below = 70.0, 150.0, 30.0, 45.0
		from, to, steps         = 5.0, 9.0, 64
	)
	priced := s.Price.Core > 0
	lines := make([][][2]float64, 3)
	names := make([]string, 3)
	least, most := math.Inf(1), 0.0
	for i := range steps + 1 {
		at := base
		at.Accounts = math.Pow(10, from+(to-from)*float64(i)/steps)
		k := at.Accounts / base.Accounts
		at.LoginsPerDay, at.Peak = base.LoginsPerDay*k, base.Peak*k
		p, err := Compute(at, f)
		if err != nil {
			return "", err
		}
		for n, h := range p.Shapes {
			names[n] = h.Name
			v := h.NodeCores + h.DBCores*(1+at.Standbys)
			if priced {
				v = h.Cost
			}
			if h.Fits && v > 0 {
				lines[n] = append(lines[n], [2]float64{at.Accounts, v})
				least, most = math.Min(least, v), math.Max(most, v)
			}
		}
	}
	lo, hi := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	hi = math.Max(hi, lo+1)
	x := func(v float64) float64 { return left + (math.Log10(v)-from)/(to-from)*(wide-left-right) }
	y := func(v float64) float64 { return high - below - (math.Log10(v)-lo)/(hi-lo)*(high-top-below) }
	var out strings.Builder
	unit := "cores"
	if priced {
		unit = s.Price.Currency + " a month"
	}
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12" role="img" aria-label="What each way takes against the number of accounts">`+"\n", wide, high)
	fmt.Fprintf(&out, `<rect width="%g" height="%g" fill="#fff"/><text x="%g" y="18" fill="#222">%s</text><text x="%g" y="%g" fill="#222">accounts</text>`+"\n", wide, high, left-40, escape(unit), wide-right+12, high-below+4)
	for e := from; e <= to; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(&out, `<path d="M%.1f %.1fV%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#555">%s</text>`+"\n", x(v), top, high-below, x(v), high-below+18, number(v))
	}
	for e := lo; e <= hi; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(&out, `<path d="M%.1f %.1fH%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end" fill="#555">%s</text>`+"\n", left, y(v), wide-right, left-6, y(v)+4, number(v))
	}
	for n, dash := range []string{"2 4", "", "8 4"} {
		if len(lines[n]) == 0 {
			continue
		}
		var d strings.Builder
		for i, pt := range lines[n] {
			fmt.Fprintf(&d, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], x(pt[0]), y(pt[1]))
		}
		end := lines[n][len(lines[n])-1]
		fmt.Fprintf(&out, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n",
			d.String(), []string{"#8a4b00", "#115a37", "#23408e"}[n], dash, x(end[0])+6, y(end[1])+[]float64{14, 14, -4}[n], []string{"#8a4b00", "#115a37", "#23408e"}[n], names[n])
	}
	out.WriteString("</svg>\n")
	return out.String(), nil
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
