package measure

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"mimamori/simulate"
)

//go:embed page.html
var pageFile string

var page = template.Must(template.New("page").Parse(pageFile))

// Page writes the report: one HTML file that needs nothing from anywhere.
func Page(w io.Writer, all *Result, worlds []simulate.Summary, rtt bool, command string) error {
	view := pageView{Command: command, RTT: rtt, Worlds: worlds, Genuine: all.Genuine, All: all.All}
	view.ROC, view.Reliability, view.ToHold = template.HTML(all.roc(Single, 640, 380, true)), template.HTML(all.reliability()), template.HTML(all.holds()) //nolint:gosec // made here, of numbers
	for _, b := range all.Bars(rtt) {
		x := bar{Work: b.Work, Published: b.show(b.Published), Ours: b.show(b.Ours), Must: b.show(b.Must), Beyond: b.show(b.Beyond), Counts: b.Counts, Judged: !math.IsNaN(b.Must), Met: b.Met()}
		if x.Judged {
			view.Asked++
			if x.Met {
				view.Met++
			}
		}
		view.Bars = append(view.Bars, x)
	}
	for _, kind := range all.kinds() {
		view.Plots = append(view.Plots, plot{Title: words(kind), SVG: template.HTML(all.roc([]string{kind}, 300, 240, false)), //nolint:gosec // made here, of numbers
			N: len(all.Ours.Ranks[kind]), AUC: fmt.Sprintf("%.3f", AUC(all.Ours.Ranks[kind])), PublishedAUC: fmt.Sprintf("%.3f", AUC(all.Published.Ranks[kind]))})
		row := rateRow{Kind: words(kind)}
		for _, rate := range Rates {
			row.Ours = append(row.Ours, percent(all.Ours.Recall[kind][rate]))
			row.Published = append(row.Published, percent(all.Published.Recall[kind][rate]))
		}
		view.Rows = append(view.Rows, row)
	}
	for _, rate := range Rates {
		view.Rates = append(view.Rates, fmt.Sprintf("%.4g %%", 100*rate))
	}
	for _, c := range all.Campaigns {
		view.Campaigns = append(view.Campaigns, c.timeline())
	}
	return page.Execute(w, view)
}

// pageView is what the page shows.
type pageView struct {
	Command                  string
	RTT                      bool
	ROC, Reliability, ToHold template.HTML
	Bars                     []bar
	Worlds                   []simulate.Summary
	Plots                    []plot
	Rates                    []string
	Rows                     []rateRow
	Campaigns                []timeline
	Genuine, All, Met, Asked int
}

type bar struct {
	Work, Published, Ours, Must, Beyond, Counts string
	Judged, Met                                 bool
}

type plot struct {
	Title, AUC, PublishedAUC string
	SVG                      template.HTML
	N                        int
}

type rateRow struct {
	Kind            string
	Ours, Published []string
}

type timeline struct {
	World                                 int
	Name, Kind, Start, Took, Alarm, Tries string
	OnHold                                string
	Found                                 bool
	SVG                                   template.HTML
}

func words(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

func percent(p *Part) string {
	if p == nil || p.Of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*p.Share())
}

// kinds are the attackers who sign in, those of the table first.
func (r *Result) kinds() []string {
	out := slices.DeleteFunc(slices.Clone(Single), func(k string) bool { return len(r.Ours.Ranks[k]) == 0 })
	var more []string
	for kind := range r.Ours.Ranks {
		if !slices.Contains(out, kind) {
			more = append(more, kind)
		}
	}
	slices.Sort(more)
	return append(out, more...)
}

// The colours of the plots; each line has its name and its dash as well.
const (
	blue  = "#0017c1"
	grey  = "#767676"
	red   = "#ce0000"
	faint = "#e6e6e6"
)

// svg is a plot being drawn: a frame with room for its labels.
type svg struct {
	b                        strings.Builder
	w, h                     float64
	left, right, top, bottom float64
}

func newSVG(w, h float64, label string) *svg {
	s := &svg{w: w, h: h, left: 48, right: 24, top: 10, bottom: 34}
	fmt.Fprintf(&s.b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, w, h, template.HTMLEscapeString(label))
	return s
}

func (s *svg) x(v float64) float64 { return s.left + v*(s.w-s.left-s.right) }
func (s *svg) y(v float64) float64 { return s.h - s.bottom - v*(s.h-s.top-s.bottom) }

// tickX and tickY draw a line across the plot and its label.
func (s *svg) tickX(v float64, label string) {
	fmt.Fprintf(&s.b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
		s.x(v), s.x(v), s.y(0), s.y(1), faint, s.x(v), s.y(0)+16, label)
}

func (s *svg) tickY(v float64, label string) {
	fmt.Fprintf(&s.b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
		s.x(0), s.x(1), s.y(v), s.y(v), faint, s.x(0)-6, s.y(v)+4, label)
}

func (s *svg) path(points [][2]float64, colour, dash string) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(i, 1)], s.x(p[0]), s.y(p[1]))
	}
	fmt.Fprintf(&s.b, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`, d.String(), colour, dash)
}

func (s *svg) word(x, y float64, anchor, colour, text string) {
	fmt.Fprintf(&s.b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`, x, y, anchor, colour, template.HTMLEscapeString(text))
}

func (s *svg) end() string { return s.b.String() + "</svg>" }

// roc draws recall against the share of genuine logins challenged, on a
// logarithmic scale from 0.05 %.
func (r *Result) roc(kinds []string, w, h float64, legend bool) string {
	s := newSVG(w, h, "recall against genuine logins challenged, ours and the published score")
	scale := func(rate float64) float64 {
		return math.Max(0, 1+math.Log10(math.Max(rate, 0.0005))/-math.Log10(0.0005))
	}
	for _, t := range []float64{0.001, 0.01, 0.1, 1} {
		s.tickX(scale(t), fmt.Sprintf("%g %%", 100*t))
	}
	for _, t := range []float64{0, 0.25, 0.5, 0.75, 1} {
		s.tickY(t, fmt.Sprintf("%.0f %%", 100*t))
	}
	draw := func(score Score, colour, dash string) {
		var points [][2]float64
		for i := range 121 {
			rate := math.Pow(10, math.Log10(0.0005)*(1-float64(i)/120))
			var sum, n float64
			for _, k := range kinds {
				if ranks := score.Ranks[k]; len(ranks) > 0 {
					sum += share(ranks, rate)
					n++
				}
			}
			points = append(points, [2]float64{scale(rate), sum / math.Max(n, 1)})
		}
		s.path(points, colour, dash)
	}
	draw(r.Published, grey, "6 4")
	draw(r.Ours, blue, "")
	if legend {
		s.word(s.x(0.02), s.y(0.93), "start", blue, "Mimamori (—)")
		s.word(s.x(0.02), s.y(0.86), "start", grey, "published score (- -)")
	}
	return s.end()
}

// share is how many of the ranks lie at or below a rate.
func share(ranks []float64, rate float64) float64 {
	n := 0
	for _, r := range ranks {
		if r <= rate {
			n++
		}
	}
	return float64(n) / float64(len(ranks))
}

// reliability draws the probabilities against what came of them.
func (r *Result) reliability() string {
	s := newSVG(640, 380, "probability given against share of attacks seen")
	scale := func(p float64) float64 { return 1 + math.Log10(math.Max(p, 1e-6))/6 }
	for e := -6; e <= 0; e++ {
		label := fmt.Sprintf("%g %%", 100*math.Pow(10, float64(e)))
		s.tickX(scale(math.Pow(10, float64(e))), label)
		s.tickY(scale(math.Pow(10, float64(e))), label)
	}
	s.path([][2]float64{{0, 0}, {1, 1}}, grey, "6 4")
	for _, b := range r.Bins {
		if b.Logins < 20 || b.Attacks == 0 {
			continue
		}
		x, y := s.x(scale(b.Sum/float64(b.Logins))), s.y(scale(float64(b.Attacks)/float64(b.Logins)))
		fmt.Fprintf(&s.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"><title>%d attacks in %d logins</title></circle>`, x, y,
			3+math.Log10(float64(b.Logins)), blue, b.Attacks, b.Logins)
	}
	return s.end()
}

// holds draws how soon takeovers were held.
func (r *Result) holds() string {
	s := newSVG(640, 300, "share of takeovers held, by time since the intrusion")
	longest := math.Log10((30 * 24 * time.Hour).Seconds())
	scale := func(d time.Duration) float64 { return math.Min(1, math.Log10(math.Max(d.Seconds(), 1))/longest) }
	for _, t := range []struct {
		d     time.Duration
		label string
	}{{time.Second, "≤ 1 s"}, {time.Minute, "1 min"}, {time.Hour, "1 h"}, {24 * time.Hour, "1 day"}, {30 * 24 * time.Hour, "30 days"}} {
		s.tickX(scale(t.d), t.label)
	}
	for _, t := range []float64{0, 0.25, 0.5, 0.75, 1} {
		s.tickY(t, fmt.Sprintf("%.0f %%", 100*t))
	}
	all := float64(max(len(r.ToHold)+r.NotHeld, 1))
	points := [][2]float64{}
	for i, d := range r.ToHold {
		points = append(points, [2]float64{scale(d), float64(i+1) / all})
	}
	if len(points) > 0 {
		points = append(points, [2]float64{1, float64(len(r.ToHold)) / all})
	}
	s.path(points, blue, "")
	return s.end()
}

// timeline draws a campaign's attempts and when it was noticed.
func (f Found) timeline() timeline {
	t := timeline{World: f.World, Name: f.Name, Kind: words(f.Kind), Start: f.Start.UTC().Format("2006-01-02 15:04"), Took: days(f.End.Sub(f.Start)),
		Tries: fmt.Sprint(f.Attempts), Found: !f.Alarm.IsZero(), OnHold: fmt.Sprintf("%d / %d", f.OnHold.Caught, f.OnHold.Of)}
	const w, h = 420, 46
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="attempts over time">`, w, h)
	most := max(slices.Max(f.Histogram), 1)
	for i, n := range f.Histogram {
		high := float64(h-4) * float64(n) / float64(most)
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="6" height="%.1f" fill="%s"/>`, i*7, float64(h)-high, high, grey)
	}
	if t.Found {
		at := float64(f.Alarm.Sub(f.Start)) / math.Max(float64(f.End.Sub(f.Start)), 1) * 420
		at = math.Min(math.Max(at, 0), 419)
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="0" y2="%d" stroke="%s" stroke-width="3"/>`, at, at, h, red)
		t.Alarm = fmt.Sprintf("%s (%.1f %%)", days(f.Alarm.Sub(f.Start)), 100*f.Before)
	}
	t.SVG = template.HTML(b.String() + "</svg>") //nolint:gosec // made here, of numbers
	return t
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.1f d", d.Hours()/24)
}
