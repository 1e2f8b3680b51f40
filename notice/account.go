package notice

import (
	"context"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/undo"
)

// TellStep is the name of the step that tells a customer of something outside
// the course of an incident; its argument is a Tell.
const TellStep = "account.tell"

// Tell is what such a step says.
type Tell struct {
	Kind   Kind            `json:"kind"` // RecoveryStep, SecondStep, CallConfirmed and so on
	Lang   mimamori.Lang   `json:"lang"`
	Step   mimamori.Text   `json:"step"`            // what was done, one sentence without a full stop
	Agreed []mimamori.Text `json:"agreed,omitzero"` // of a call: what else was said, likewise
	At     time.Time       `json:"at"`
	Place  mimamori.Text   `json:"place,omitzero"`
}

// tellAccount writes to every mail address from before: those of the account
// now, those that were replaced during the last 30 days, and those from before
// an incident where one is open. An account without any is skipped.
func (n *Steps) tellAccount(ctx context.Context, s playbook.Step) playbook.Outcome {
	t, err := playbook.Arg[Tell](s)
	if err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	_, j, err := undo.PlanOf(ctx, n.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	i := &incident.Incident{Lang: t.Lang}
	if s.Incident != "" {
		if i, err = n.Store.IncidentByID(ctx, s.Incident); err != nil {
			return playbook.Again(err)
		}
	}
	to := standing(j, i.Start)
	if len(to) == 0 {
		return playbook.Outcome{Result: playbook.Skip}
	}
	facts := Facts{Shop: n.House.Shop, Centre: n.House.Centre, CentreDomain: n.House.CentreDomain, NoticeDomain: n.House.NoticeDomain,
		Customer: j.Name(i.Start), Shortened: n.House.Shortened, At: t.At, Place: t.Place, Step: t.Step, Agreed: t.Agreed}
	if n.House.Contacts != nil {
		facts.Contacts = n.House.Contacts(time.Now())
	}
	var each []recipient
	for _, addr := range to {
		each = append(each, recipient{addr: addr})
	}
	out := n.toEach(ctx, letter{s, t.Kind, i.Lang, facts}, each)
	if out.Result == playbook.Refuse && s.Incident == "" {
		out.Result = playbook.Skip // nobody's incident to put it before; the notice itself says that it failed
	}
	return out
}

// standing are the mail addresses that stood before: at the start of an
// intrusion, or, without one, now and 30 days ago.
func standing(j *journal.Journal, start time.Time) []string {
	lists := [][]journal.Contact{j.Contacts(start)}
	if start.IsZero() {
		lists = append(lists, j.Contacts(time.Now().Add(-journal.Seasoned)))
	}
	var out []string
	take := func(list []journal.Contact, unverified bool) {
		for _, c := range list {
			known := slices.ContainsFunc(out, func(x string) bool { return strings.EqualFold(x, c.Value) })
			if c.Kind == "mail" && !known && (unverified || !c.Verified.IsZero()) {
				out = append(out, c.Value)
			}
		}
	}
	for _, list := range lists {
		take(list, false)
	}
	if len(out) == 0 { // a shop that never says what it verified: the address of longest standing
		take(lists[len(lists)-1], true)
	}
	return out
}
