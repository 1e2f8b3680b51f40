package intake

import (
	"context"
	"errors"
	"sync"

	"mimamori/event"
)

// Parter is a Store whose accounts are on several machines. One write over
// several of them costs many times what one each costs, and what a machine that
// dies in the middle leaves locked stays so until the others have agreed.
type Parter interface {
	// Parts are the places in events of those that each machine takes, in
	// order; nil: there is one machine.
	Parts(events []event.Event) [][]int
}

func (in *Intake) parts(events []event.Event) [][]int {
	if p, ok := in.store.(Parter); ok {
		return p.Parts(events)
	}
	return nil
}

// takeParts takes a request machine by machine, all at once. It returns when
// all is durable; after an error some of it may be, and whoever sends it again
// finds that as repeated. How far an import has come is written last: the lines
// after it may be there, and are found so.
func (in *Intake) takeParts(ctx context.Context, events []event.Event, parts [][]int, how How) (Taken, error) {
	all := Taken{Answers: make([]string, len(events))}
	takens, errs := make([]Taken, len(parts)), make([]error, len(parts))
	part := how
	part.Import = nil
	var wait sync.WaitGroup
	for n, places := range parts {
		mine := make([]event.Event, len(places))
		for k, i := range places {
			mine[k] = events[i]
		}
		wait.Go(func() { takens[n], errs[n] = in.takeAll(ctx, mine, places, part) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return Taken{}, err
	}
	for n, places := range parts {
		all.Accepted += takens[n].Accepted
		all.Repeated += takens[n].Repeated
		for k, i := range places {
			all.Answers[i] = takens[n].Answers[k]
		}
	}
	if how.Import == nil {
		return all, nil
	}
	far := *how.Import
	far.Accepted += int64(all.Accepted)
	far.Repeated += int64(all.Repeated)
	if err := in.store.Take(ctx, true, func(tx Tx) error { return tx.PutImport(far, how.Now) }); err != nil {
		return Taken{}, err
	}
	*how.Import = far
	return all, nil
}
