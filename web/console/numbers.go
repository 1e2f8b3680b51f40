package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/numbers"
	"mimamori/support"
)

// Counts are how the work goes. Each look passes the guard.
type Counts interface {
	Numbers(ctx context.Context, actor mimamori.Actor, days int) (NumberSheet, error)
}

// NumberSheet is what the page of numbers shows of a period.
type NumberSheet struct {
	Days  []numbers.Day       // oldest first
	Calls map[support.Due]int // calls that wait now
}

// numberPeriods are the periods to choose from, in days.
var numberPeriods = []int{7, 28, 90, 365}

// numberView is the View of the page.
type numberView struct {
	NumberSheet
	Period  int
	Periods []int
	Total   numbers.Day
	States  []stateCount
	Rows    []numberRow // newest first; weeks where days would be too many
	Cases   Plot
	Contain Plot
}

type stateCount struct {
	State incident.State
	Count int
}

// numberRow is one line of the table below the plots.
type numberRow struct {
	numbers.Day
	Until time.Time
}

// Share is the share undone, as people read it.
func (v numberView) Share() string {
	share, any := v.Total.UndoneShare()
	if !any {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// Late is how many calls are to be made now.
func (v numberView) Late() int { return v.Calls[support.DueLate] + v.Calls[support.DueNow] }

// Waiting is how many calls wait in all.
func (v numberView) Waiting() (n int) {
	for _, x := range v.Calls {
		n += x
	}
	return n
}

// Length is a median in words' key and number: seconds, minutes or hours.
func (numberView) Length(s numbers.Spread) (out struct{ Key, Number string }) {
	d := s.At(0.5)
	switch {
	case s.Len() == 0:
	case d < 2*time.Minute:
		out.Key, out.Number = "numbers.seconds", strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64)
	case d < 2*time.Hour:
		out.Key, out.Number = "numbers.minutes", strconv.Itoa(int(math.Round(d.Minutes())))
	default:
		out.Key, out.Number = "numbers.hours", strconv.FormatFloat(math.Round(d.Hours()*10)/10, 'f', -1, 64)
	}
	return out
}

func (c *console) numberRoutes(mux *http.ServeMux) {
	if c.opt.Counts != nil {
		mux.HandleFunc("GET /numbers", c.signedIn(c.numbers))
	}
}

func (c *console) numbers(w http.ResponseWriter, r *http.Request, me Reader) {
	v := numberView{Period: 28, Periods: numberPeriods}
	if n, err := strconv.Atoi(r.URL.Query().Get("days")); err == nil && slices.Contains(numberPeriods, n) {
		v.Period = n
	}
	var err error
	if v.NumberSheet, err = c.opt.Counts.Numbers(r.Context(), me.Actor(), v.Period); err != nil {
		c.fail(w, r, me, err)
		return
	}
	v.Total = numbers.Total(v.Days)
	for _, s := range incident.States {
		if n := v.Total.States[s]; n > 0 {
			v.States = append(v.States, stateCount{s, n})
		}
	}
	v.Rows = numberRows(v.Days)
	v.Cases, v.Contain = casesPlot(v.Days), containPlot(v.Days)
	c.show(w, r, "numbers", Frame{Me: me, Section: "numbers", V: v})
}

// mostRows is from where on the table has a line a week.
const mostRows = 31

func numberRows(days []numbers.Day) (out []numberRow) {
	width := 1
	if len(days) > mostRows {
		width = 7
	}
	for end := len(days); end > 0; end -= width {
		part := days[max(0, end-width):end]
		row := numberRow{Day: numbers.Total(part), Until: part[len(part)-1].At}
		row.At = part[0].At
		out = append(out, row)
	}
	return out
}

// casesPlot is how many incidents were opened on each day.
func casesPlot(days []numbers.Day) Plot {
	most := 0
	for _, d := range days {
		most = max(most, d.Incidents())
	}
	if most == 0 {
		return ""
	}
	var c canvas
	top := gridOf(&c, float64(most), func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) })
	n := float64(len(days))
	for i, d := range days {
		if x := float64(i) / n; d.Incidents() > 0 {
			c.bar("fill", x, x+0.9/n, float64(d.Incidents())/top)
		}
	}
	daysBelow(&c, days)
	return c.done()
}

// containPlot is the median of each day that had a containment.
func containPlot(days []numbers.Day) Plot {
	var points [][2]float64
	top := 0.0
	for i, d := range days {
		if d.Contain.Len() > 0 {
			v := d.Contain.At(0.5).Seconds()
			top = max(top, v)
			points = append(points, [2]float64{(float64(i) + 0.5) / float64(len(days)), v})
		}
	}
	if len(points) == 0 {
		return ""
	}
	var c canvas
	top = gridOf(&c, top, func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) })
	for i := range points {
		points[i][1] /= top
	}
	c.path("curve", points)
	if len(points) <= 62 { // of a year they would hide the line
		for _, p := range points {
			c.dot("point", p[0], p[1])
		}
	}
	daysBelow(&c, days)
	return c.done()
}

// gridOf draws lines at round values and gives the value at the top.
func gridOf(c *canvas, most float64, word func(float64) string) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{1, 2, 4, 10} {
		if most <= f*unit {
			unit *= f
			break
		}
	}
	parts := 4.0
	if unit == math.Trunc(unit) && unit < 4 { // no quarter incidents
		parts = unit
	}
	for i := 0.0; i <= parts; i++ {
		c.line("grid", 0, i/parts, 1, i/parts)
		c.left(i/parts, word(unit*i/parts))
	}
	return unit
}

func daysBelow(c *canvas, days []numbers.Day) {
	step := max(1, (len(days)+5)/6)
	for i := 0; i < len(days); i += step {
		c.below((float64(i)+0.5)/float64(len(days)), days[i].At.In(time.FixedZone("JST", 9*60*60)).Format("1/2"))
	}
}
