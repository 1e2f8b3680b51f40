package faulttest

import (
	"context"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/mail/mailbox"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/store"
)

// doctored is a store whose records somebody has changed.
type doctored struct {
	store.Store
	steps   func([]playbook.Step) []playbook.Step
	entries func([]incident.Entry) []incident.Entry
}

func (d doctored) Steps(ctx context.Context, a mimamori.AccountID, i mimamori.IncidentID) ([]playbook.Step, error) {
	out, err := d.Store.Steps(ctx, a, i)
	if d.steps != nil {
		out = d.steps(out)
	}
	return out, err
}

func (d doctored) Entries(ctx context.Context, a mimamori.AccountID, i mimamori.IncidentID) ([]incident.Entry, error) {
	out, err := d.Store.Entries(ctx, a, i)
	if d.entries != nil {
		out = d.entries(out)
	}
	return out, err
}

// TestCheckSeesEachInvariant breaks each promise in the evidence, and looks
// whether the judge of all faults sees that one.
func TestCheckSeesEachInvariant(t *testing.T) {
	ready := Prepare(t)
	folder, err := os.MkdirTemp(memory(), "mimamori-fault-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(night))
		w := begin(t, folder, ready, 3, false, nil)
		defer w.end()
		c, calm := w.open("case-0", false), w.open("case-1", true)
		synctest.Wait()
		w.intrude(c)
		time.Sleep(time.Hour)
		good := w.evidence()
		sees := func(what string, e Evidence, want ...string) {
			t.Helper()
			found, err := Check(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range found {
				if !slices.Contains(got, v.Invariant) {
					got = append(got, v.Invariant)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: Check sees %v, want %v: %v", what, got, want, found)
			}
		}
		sees("nothing", good)

		e := good
		e.Acked = append(slices.Clone(good.Acked), Acked{Subject: c.Subject, ID: "never-stored", At: time.Now()})
		sees("an acknowledged event is not there", e, "I1")

		e = good
		e.Store = doctored{Store: good.Store, steps: func(s []playbook.Step) []playbook.Step {
			s[0].State = playbook.Refused
			return s
		}}
		sees("a step was given up and nobody asked", e, "I2")
		e.Store = doctored{Store: good.Store, steps: func(s []playbook.Step) []playbook.Step {
			s[0].State, s[0].Due = playbook.Ready, time.Now().Add(-time.Hour)
			return s
		}}
		sees("nobody tries a step", e, "I2")

		e = good
		e.Effects = append(slices.Clone(good.Effects), good.Effects[0])
		sees("a command took effect twice", e, "I3")

		e = good
		e.Alive = func(*Case) bool { return true }
		sees("he is still in", e, "I4")
		e = good
		e.Account = func(s string) (shop.Account, error) {
			a, err := good.Account(s)
			a.Password = shop.PasswordSet
			return a, err
		}
		sees("the password is still good", e, "I4")

		c.early = []time.Duration{time.Hour}
		sees("a way in before the wait was over", good, "I5")
		c.early = nil

		asked, back := c.asked, c.back
		c.asked, c.back = time.Minute, time.Hour
		sees("she was back before the wait was over", good, "I5")
		c.asked, c.back = asked, back

		c.want[key{"address", "home"}] = "{}"
		sees("her address is not hers", good, "I6")
		delete(c.want, key{"address", "home"})
		sees("something of his is left", good, "I6")
		a, err := good.Account(c.Subject)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Resources {
			c.want[key{r.Kind, r.ID}] = canonical(r.Value)
		}

		e = good
		e.Store = doctored{Store: good.Store, entries: func([]incident.Entry) []incident.Entry { return nil }}
		sees("the timeline does not begin", e, "I7")

		e = good
		e.Mails = nil
		sees("nobody told her", e, "I8")
		e.Mails = append(slices.Clone(good.Mails), good.Mails[0], good.Mails[0])
		sees("three copies", e, "I8")

		c.spent++
		sees("a point is missing", good, "I9")
		c.spent--

		e = good
		e.Effects = append(slices.Clone(good.Effects), shoptest.Effect{Command: shop.Command{ID: "x", Subject: calm.Subject, Type: shop.TypePointsFreeze}})
		sees("a command for somebody else", e, "I10")
		e = good
		e.Mails = append(slices.Clone(good.Mails), mailbox.Stored{To: calm.Subject + "@mail.example", Raw: good.Mails[0].Raw})
		sees("a mail to somebody else", e, "I10")
		sees("nothing, again", good)
	})
}
