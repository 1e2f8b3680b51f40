package breach

import (
	"strings"
	"testing"
	"time"

	"mimamori"
)

func someReport(subject string, aware time.Time, property bool) *Report {
	r := New(Known{Ref: Ref{mimamori.NewAccountID(subject), mimamori.NewIncidentID()}, At: aware, By: "system", Property: property}, aware)
	return &r
}

// TestF05_OneAttackOneReport: the campaign's clock is that of the first who was
// reached; what was filed stays as it is.
func TestF05_OneAttackOneReport(t *testing.T) {
	now := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	first, second, third := someReport("a", now.Add(-50*time.Hour), false), someReport("b", now.Add(-20*time.Hour), true), someReport("c", now.Add(-10*time.Hour), false)
	filed := someReport("d", now.Add(-70*time.Hour), false)
	if err := filed.File(mimamori.System, Preliminary, now.Add(-time.Hour), "", now); err != nil {
		t.Fatal(err)
	}
	piece := func(campaign string, r *Report) Piece {
		return Piece{Campaign: campaign, Report: r.ID, Of: r.Campaign, State: r.State, Aware: r.Aware.At, People: r.Count()}
	}
	list := Attacks([]Piece{piece("cmp_1", third), piece("cmp_1", first), piece("cmp_1", second), piece("cmp_1", filed), piece("cmp_2", second), piece("cmp_3", filed)})
	if len(list) != 1 || list[0].Campaign != "cmp_1" || list[0].Into != first.ID || list[0].People != 4 || !list[0].Aware.Equal(filed.Aware.At) {
		t.Fatalf("Attacks = %+v, want cmp_1 alone, into the first that is open, known since the first of all", list)
	}
	if d := list[0].Deadlines(); len(d) != 3 || !d[1].At.Equal(endOfDay(filed.Aware.At, 5)) || d[2].Days != 60 {
		t.Errorf("deadlines = %+v", d)
	}
	into := second // known later than what it takes over
	if err := into.JoinCampaign(mimamori.System, "cmp_1", []*Report{first, third, filed}, now); err != nil {
		t.Fatal(err)
	}
	if into.Count() != 3 || into.Campaign != "cmp_1" || !into.Aware.At.Equal(first.Aware.At) || first.State != Merged || first.Into != into.ID || filed.State != Filed {
		t.Errorf("joined = %+v; first %s, filed %s", into, first.State, filed.State)
	}
	if len(into.Grounds) != 2 {
		t.Errorf("grounds = %v, want what any of them had", into.Grounds)
	}
	if text := Draft(into, nil)[Outline]; !strings.Contains(text.JA, "cmp_1") || !strings.Contains(text.JA, "3名") || !strings.Contains(text.EN, "cmp_1") {
		t.Errorf("the outline does not speak of the attack on three: %s", text.JA)
	}
	later := someReport("e", now, false)
	list = Attacks([]Piece{piece("cmp_1", later), piece("cmp_1", into)})
	if len(list) != 1 || list[0].Into != into.ID {
		t.Errorf("Attacks = %+v, want the new one joined into the campaign's own", list)
	}
	var many []*Report
	for k := range ManyPersons {
		many = append(many, someReport(strings.Repeat("x", k+1), now, false))
	}
	lines := len(into.History)
	if err := into.JoinCampaign(mimamori.System, "cmp_1", many, now); err != nil || into.Count() != ManyPersons+3 || into.Grounds[len(into.Grounds)-1] != Thousand || len(into.History) != lines+1 {
		t.Errorf("%v: %d people, grounds %v, %d lines more", err, into.Count(), into.Grounds, len(into.History)-lines)
	}
}
