package breach

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"mimamori"
)

// Attack is one campaign whose customers stand in more than one report that
// could be one.
type Attack struct {
	Campaign string
	Reports  []string // ids of live ones, those known first in front
	People   int
	Aware    time.Time // since when the first of them is known: the campaign's clock
	Into     string    // the report that the others are joined into
}

// Deadlines are those of the campaign as one: the first that was known counts.
func (a Attack) Deadlines() []Deadline {
	r := Report{ID: a.Into, State: Open, Aware: Aware{At: a.Aware}, Grounds: []Ground{Wrongful}}
	return r.Deadlines()
}

// Piece is one report with customers of a campaign, as the store finds it.
type Piece struct {
	Campaign string
	Report   string
	Of       string // the campaign that the report is of; empty: none
	State    State
	Aware    time.Time
	People   int
}

// Attacks puts pieces together: campaigns of which something can be joined, the
// one known first in front. Nothing that was filed is taken apart: an open
// report goes into the campaign's own, else into the one known first.
func Attacks(pieces []Piece) []Attack {
	by := map[string][]Piece{}
	for _, p := range pieces {
		by[p.Campaign] = append(by[p.Campaign], p)
	}
	var out []Attack
	for campaign, list := range by {
		slices.SortFunc(list, func(a, b Piece) int { return a.Aware.Compare(b.Aware) })
		into := slices.IndexFunc(list, func(p Piece) bool { return p.Of == campaign })
		if into < 0 {
			into = slices.IndexFunc(list, func(p Piece) bool { return p.State == Open })
		}
		if into < 0 {
			continue
		}
		a := Attack{Campaign: campaign, Into: list[into].Report, Aware: list[0].Aware}
		open := 0
		for k, p := range list {
			a.Reports, a.People = append(a.Reports, p.Report), a.People+p.People
			if k != into && p.State == Open {
				open++
			}
		}
		if open > 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Attack) int { return a.Aware.Compare(b.Aware) })
	return out
}

// JoinCampaign takes the incidents of other open reports over, as those of one
// attack; one line of the history says so. Those that were filed or ended
// meanwhile stay as they are.
func (r *Report) JoinCampaign(by mimamori.Actor, campaign string, others []*Report, now time.Time) error {
	if err := r.live("join a campaign"); err != nil {
		return err
	}
	joined, aware := 0, r.Aware
	for _, o := range others {
		if o.ID == r.ID || o.State != Open {
			continue
		}
		r.take(o)
		if o.Aware.At.Before(aware.At) {
			aware = o.Aware
		}
		o.State, o.Into = Merged, r.ID
		o.note(by, "merged", "", r.ID, campaign, now)
		joined++
	}
	if joined == 0 {
		return nil
	}
	r.Campaign = campaign
	r.note(by, "campaign", "", strconv.Itoa(joined), campaign, now)
	if aware.At.Before(r.Aware.At) {
		r.note(by, "aware", r.Aware.At.Format(time.RFC3339), aware.At.Format(time.RFC3339), campaign, now)
		r.Aware, r.Alarmed = aware, nil
	}
	return nil
}

// take adds the incidents and grounds of another report.
func (r *Report) take(other *Report) {
	have := map[Ref]bool{}
	for _, ref := range r.Incidents {
		have[ref] = true
	}
	for _, ref := range other.Incidents {
		if !have[ref] {
			r.Incidents = append(r.Incidents, ref)
		}
	}
	for _, g := range other.Grounds {
		if !slices.Contains(r.Grounds, g) {
			r.Grounds = append(r.Grounds, g)
		}
	}
	if !slices.Contains(r.Grounds, Thousand) && len(r.Incidents) > ManyPersons && len(r.people()) > ManyPersons {
		r.Grounds = append(r.Grounds, Thousand)
	}
}

// ofCampaign says in the outline that it was one attack.
func (r *Report) ofCampaign() mimamori.Text {
	if r.Campaign == "" {
		return mimamori.Text{}
	}
	return mimamori.Text{JA: fmt.Sprintf("これらは、多くのお客さまに対する一連の攻撃（管理番号%s）によるものです。", r.Campaign),
		EN: fmt.Sprintf(" They belong to one attack on many customers (our number %s).", r.Campaign)}
}
