package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
)

// LinkLife is how long the sign-ins and changes of strangers are kept, about
// whom nobody has said anything. Those of incidents stay with them.
const LinkLife = 8 * 24 * time.Hour

// Due is an incident whose row is behind. N tells whether it changed again
// while its row was made.
type Due struct {
	Account  mimamori.AccountID
	Incident mimamori.IncidentID
	N        int64
}

// Made is what became of a due incident. A nil row: it has ended.
type Made struct {
	Due
	Row   *Row
	Links []Link
}

// Store keeps rows and links. A due note is written with the incident itself,
// in one transaction; all else after it.
type Store interface {
	QueueDue(ctx context.Context, limit int) ([]Due, error)
	// PutQueue writes rows and links of those that were not written again
	// meanwhile.
	PutQueue(ctx context.Context, made []Made) error
	// PutLinks writes links as idle work.
	PutLinks(ctx context.Context, links []Link) error
	ForgetLinks(ctx context.Context, before time.Time) error
	// ClearQueue drops all rows and links, and makes all incidents due again.
	ClearQueue(ctx context.Context) error
	LinkedUntil(ctx context.Context) (time.Time, error)

	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	Events(ctx context.Context, account mimamori.AccountID) ([]event.Event, error)
	LoginsSince(ctx context.Context, since time.Time, most int) (logins []event.Event, next time.Time, err error)
}

// maxNoted bounds the links that wait in memory to be written. Past it they
// are dropped, and made again at the next start.
const maxNoted = 50_000

// slice is how many rows or links are written at a time: a few milliseconds.
const slice = 100

// Keeper brings rows and links up to date. It is woken by whoever wrote
// something, and asked by whoever is about to read (Freshen), so that nobody
// sees a list from before his own act. It sleeps until then: nothing polls.
type Keeper struct {
	store Store
	hash  func(trait string) []byte
	log   *slog.Logger

	wake chan struct{}
	stop context.CancelFunc
	gone chan struct{}

	// fresh lets one at a time bring the rows up to date.
	fresh sync.Mutex

	// mu guards noted, lost and forgot.
	mu     sync.Mutex
	noted  []Link
	lost   int
	forgot time.Time // when old links were dropped last
}

// NewKeeper keeps lists in store. hash keys what is kept of values; log may be
// nil.
func NewKeeper(store Store, hash func(trait string) []byte, log *slog.Logger) *Keeper {
	if log == nil {
		log = slog.Default()
	}
	return &Keeper{store: store, hash: hash, log: log, wake: make(chan struct{}, 1)}
}

// Start begins to keep up, after what was missed since the last stop.
func (k *Keeper) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop, k.gone = cancel, make(chan struct{})
	go func() {
		defer close(k.gone)
		if err := k.catchUp(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("catch up with links", "err", err)
		}
		k.loop(ctx)
	}()
}

// Stop waits until what is being written is written.
func (k *Keeper) Stop() {
	if k.stop != nil {
		k.stop()
		<-k.gone
	}
}

// Wake says that something may be due. It returns at once.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *Keeper) loop(ctx context.Context) {
	for {
		if err := errors.Join(k.Freshen(ctx), k.flush(ctx)); err != nil && ctx.Err() == nil {
			k.log.Error("bring the queue up to date", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		select { // what comes together is written together
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Freshen writes the rows that are behind.
func (k *Keeper) Freshen(ctx context.Context) error {
	k.fresh.Lock()
	defer k.fresh.Unlock()
	for {
		due, err := k.store.QueueDue(ctx, slice)
		if err != nil || len(due) == 0 {
			return err
		}
		made := make([]Made, 0, len(due))
		for _, d := range due {
			m, err := k.make(ctx, d)
			if err != nil {
				return fmt.Errorf("row of %s: %w", d.Incident, err)
			}
			made = append(made, m)
		}
		if err := k.store.PutQueue(ctx, made); err != nil {
			return err
		}
	}
}

func (k *Keeper) make(ctx context.Context, d Due) (Made, error) {
	m := Made{Due: d}
	i, err := k.store.IncidentByID(ctx, d.Incident)
	if errors.Is(err, mimamori.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if row, lives := RowOf(i); lives {
		m.Row = &row
	}
	sessions := slices.Clone(i.Sessions)
	for _, e := range i.Evidence {
		if e.Session != "" && i.DecidedAt.IsZero() {
			sessions = append(sessions, e.Session)
		}
	}
	if len(sessions) == 0 || i.State == incident.Dismissed {
		return m, nil
	}
	events, err := k.store.Events(ctx, i.Account)
	if err != nil { // one account that cannot be read must not keep the others from the list
		k.log.Error("read events for links", "incident", i.ID, "err", err)
		return m, ctx.Err()
	}
	for _, e := range events {
		if slices.Contains(sessions, e.Session) && e.Command == "" {
			m.Links = append(m.Links, k.links(e, i.ID)...)
		}
	}
	return m, nil
}

func (k *Keeper) links(e event.Event, id mimamori.IncidentID) []Link {
	var out []Link
	for _, t := range TraitsOf(e) {
		l := Link{Hash: k.Hash(t), Kind: t.Kind, Account: e.Account, Subject: e.Subject, Incident: id, Session: e.Session, At: e.Time}
		if !slices.ContainsFunc(out, func(x Link) bool { return string(x.Hash) == string(l.Hash) }) {
			out = append(out, l)
		}
	}
	return out
}

// Hash is how a value is kept.
func (k *Keeper) Hash(t Trait) []byte {
	h := k.hash(string(t.Kind) + "\x00" + t.Value)
	return h[:min(len(h), 16)]
}

// Note takes in what strangers did: sign-ins on browsers not known as the
// customer's, and what was registered. It returns at once; the writing is done
// beside.
func (k *Keeper) Note(events []event.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		for _, l := range k.links(e, "") {
			if len(k.noted) >= maxNoted {
				k.lost++
				continue
			}
			k.noted = append(k.noted, l)
		}
	}
	if len(k.noted) > 0 {
		k.Wake()
	}
}

// flush writes what was noted, in slices that give way to decisions.
func (k *Keeper) flush(ctx context.Context) error {
	for {
		k.mu.Lock()
		n := min(len(k.noted), slice)
		part := slices.Clone(k.noted[:n])
		lost := k.lost
		k.lost = 0
		k.mu.Unlock()
		if lost > 0 {
			k.log.Warn("links were dropped: more came than could be written", "links", lost)
		}
		if n == 0 {
			return k.forget(ctx, time.Now())
		}
		if err := k.store.PutLinks(ctx, part); err != nil {
			return err
		}
		k.mu.Lock()
		k.noted = slices.Delete(k.noted, 0, n)
		k.mu.Unlock()
	}
}

// forget drops old links, once an hour at most.
func (k *Keeper) forget(ctx context.Context, now time.Time) error {
	k.mu.Lock()
	due := now.Sub(k.forgot) > time.Hour
	if due {
		k.forgot = now
	}
	k.mu.Unlock()
	if !due {
		return nil
	}
	return k.store.ForgetLinks(ctx, now.Add(-LinkLife))
}

// catchUp notes the sign-ins since the newest link that was written: a stop, or
// a crash, lost those in memory.
func (k *Keeper) catchUp(ctx context.Context) error {
	last, err := k.store.LinkedUntil(ctx)
	if err != nil || last.IsZero() {
		return err // nothing was ever linked: what comes is
	}
	return k.relink(ctx, last)
}

func (k *Keeper) relink(ctx context.Context, since time.Time) error {
	if oldest := time.Now().Add(-LinkLife); since.Before(oldest) {
		since = oldest
	}
	for {
		logins, next, err := k.store.LoginsSince(ctx, since, 1000)
		if err != nil {
			return err
		}
		k.Note(logins)
		if err := k.flush(ctx); err != nil {
			return err
		}
		if next.IsZero() || !next.After(since) {
			return nil
		}
		since = next
	}
}

// Rebuild makes all rows and links again from incidents and events.
func (k *Keeper) Rebuild(ctx context.Context) error {
	if err := k.store.ClearQueue(ctx); err != nil {
		return fmt.Errorf("rebuild the queue: %w", err)
	}
	if err := k.Freshen(ctx); err != nil {
		return fmt.Errorf("rebuild the queue: %w", err)
	}
	if err := k.relink(ctx, time.Time{}); err != nil {
		return fmt.Errorf("rebuild the queue: %w", err)
	}
	return nil
}
