package dossier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/queue"
	"mimamori/web/console"
)

// queuePage is how many incidents a page of the queue shows.
const queuePage = 50

// QueueStore is what the lists are read from.
type QueueStore interface {
	queue.Store
	QueuePage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error)
	QueueTally(ctx context.Context) (queue.Tally, error)
	QueueVersion(ctx context.Context) (int64, error)
	LinksOf(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]queue.Link, error)
	LinkedTo(ctx context.Context, hash []byte, but mimamori.AccountID, limit int) ([]queue.Link, error)
}

// ages are the spans that the filter offers: opened since, or before.
var ages = map[console.Age]struct{ since, before time.Duration }{
	console.AgeHour:  {since: time.Hour},
	console.AgeDay:   {since: 24 * time.Hour},
	console.AgeOlder: {before: 24 * time.Hour},
	console.AgeWeek:  {before: 7 * 24 * time.Hour},
}

// bands are the urgencies that the filter offers.
var bands = map[console.Urgency]queue.Urgency{console.UrgencyNow: queue.AskedUndone, console.UrgencyAsked: queue.Asked, console.UrgencyLater: queue.AskedLater,
	console.UrgencyUndone: queue.Undone, console.UrgencyHeld: queue.HeldStill, console.UrgencyWork: queue.InWork, console.UrgencyCrowd: queue.Crowded, console.UrgencyWatched: queue.Watched}

// queueFilter is the page's filter as the store takes it.
func queueFilter(f console.Filter, reader mimamori.Actor, now time.Time) queue.Filter {
	out := queue.Filter{Part: queue.Part(f.Show), Urgency: bands[f.Urgency], State: f.State, Campaign: f.Campaign, Lang: f.Lang, After: markOf(f.After)}
	if out.Part == "" {
		out.Part = queue.Open
	}
	if f.Kind != "" {
		out.Evidence = queue.GroupsOf(assess.Group(f.Kind))
	}
	switch f.Whose {
	case console.WhoseMine:
		out.Assigned = reader.ID
	case console.WhoseFree:
		out.Free = true
	default:
		out.Assigned = f.Whose.Person()
	}
	if a := ages[f.Age]; a.since > 0 {
		out.Since = now.Add(-a.since)
	} else if a.before > 0 {
		out.Before = now.Add(-a.before)
	}
	return out
}

// A mark stands in addresses as urgency, nanoseconds and incident.
func markText(m queue.Mark) string {
	return fmt.Sprintf("%d.%d.%s", m.Urgency, m.OpenedAt.UnixNano(), m.Incident)
}

func markOf(s string) queue.Mark {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) != 3 || len(s) > 120 {
		return queue.Mark{}
	}
	urgency, err1 := strconv.Atoi(parts[0])
	at, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return queue.Mark{}
	}
	return queue.Mark{Urgency: queue.Urgency(urgency), OpenedAt: time.Unix(0, at).UTC(), Incident: mimamori.IncidentID(parts[2])}
}

// Queue lists incidents by urgency. A search looks in all parts: who has a
// customer on the line does not know where her incident stands.
func (c *Casework) Queue(ctx context.Context, actor mimamori.Actor, f console.Filter) (console.Queue, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.Queue{}, err
	}
	if err := c.lists.Freshen(ctx); err != nil {
		return console.Queue{}, err
	}
	tally, err := c.tally.of(ctx, c.opt.Store)
	if err != nil {
		return console.Queue{}, err
	}
	q := console.Queue{Counts: map[console.Show]int{}, Bound: queue.EndedBound}
	for _, show := range console.Shows {
		q.Counts[show] = tally.Of(queue.Part(show))
	}
	var rows []queue.Row
	if f.Search != "" {
		rows, err = c.byNumber(ctx, f.Search)
	} else {
		rows, err = c.opt.Store.QueuePage(ctx, queueFilter(f, actor, time.Now()), queuePage+1)
	}
	if err != nil {
		return q, err
	}
	if len(rows) > queuePage {
		rows = rows[:queuePage]
		q.Next = markText(rows[queuePage-1].Mark())
	}
	q.Rows, err = c.queueRows(ctx, actor, rows)
	return q, err
}

// tallied keeps the counts of the tabs until the queue is written again: with a
// hundred thousand rows they cost as much as all else on the page.
type tallied struct {
	// mu guards both.
	mu      sync.Mutex
	version int64
	tally   queue.Tally
}

func (t *tallied) of(ctx context.Context, st QueueStore) (queue.Tally, error) {
	v, err := st.QueueVersion(ctx) // before counting: a write in between makes the next look count again
	if err != nil {
		return queue.Tally{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tally.Rows != nil && t.version == v {
		return t.tally, nil
	}
	fresh, err := st.QueueTally(ctx)
	if err != nil {
		return queue.Tally{}, err
	}
	t.version, t.tally = v, fresh
	return fresh, nil
}

// queueRows puts rows into the page's words.
func (c *Casework) queueRows(ctx context.Context, reader mimamori.Actor, rows []queue.Row) ([]console.Row, error) {
	waiting, err := c.opt.FourEyes.Waiting(ctx, audit.Target{})
	if err != nil {
		return nil, err
	}
	second := map[mimamori.IncidentID]bool{}
	for _, p := range waiting {
		second[p.Target.Incident] = true
	}
	names := map[string]string{}
	out := make([]console.Row, 0, len(rows))
	for _, r := range rows {
		row := console.Row{ID: r.Incident, State: r.State, Decision: r.Decision, NeedsPerson: r.Urgency.Person(), Need: r.Need, Why: r.Why,
			OpenedAt: r.OpenedAt, Crowd: r.Urgency == queue.Crowded, WaitUntil: r.WaitUntil, Second: second[r.Incident], Lang: r.Lang, Campaigns: r.Campaigns, Mine: r.Assigned != "" && r.Assigned == reader.ID}
		if r.Need == (mimamori.Text{}) {
			row.NeedsPerson = false
		}
		if r.Assigned != "" {
			if _, asked := names[r.Assigned]; !asked {
				if names[r.Assigned], err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: r.Assigned}); err != nil {
					return nil, err
				}
			}
			row.Assigned = names[r.Assigned]
		}
		out = append(out, row)
	}
	return out, nil
}

// rowsOf are incidents as rows, wherever they stand.
func rowsOf(list []incident.Incident) []queue.Row {
	out := make([]queue.Row, 0, len(list))
	for _, i := range list {
		state := i.State
		if state == incident.Closed || state == incident.Dismissed {
			i.State = incident.Watching
		}
		row, _ := queue.RowOf(&i)
		row.State = state
		out = append(out, row)
	}
	return out
}

// byNumber finds by incident or by a notice's reference, whole: what is printed
// on a notice names no customer.
func (c *Casework) byNumber(ctx context.Context, words string) ([]queue.Row, error) {
	words = strings.TrimSpace(words)
	i, err := c.find(ctx, mimamori.IncidentID(words))
	if err == nil {
		return rowsOf([]incident.Incident{*i}), nil
	}
	if !errors.Is(err, mimamori.ErrNotFound) {
		return nil, err
	}
	ref, err := notice.ParseReference(words)
	if err != nil {
		return nil, nil
	}
	n, err := c.opt.Store.NoticeByReference(ctx, ref)
	if errors.Is(err, mimamori.ErrNotFound) || err == nil && n.IncidentID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if i, err = c.opt.Store.IncidentByID(ctx, n.IncidentID); err != nil {
		return nil, err
	}
	return rowsOf([]incident.Incident{*i}), nil
}

// Search finds the incidents of a customer by the shop's account id or by a
// mail address that the account has or had. It is a look at that customer: it
// wants a reason, is recorded and counted with the looks, whether or not anything
// is found: whoever tries a list of addresses would learn who is a customer here
// (standards E06, G09).
func (c *Casework) Search(ctx context.Context, actor mimamori.Actor, words, reason string) ([]console.Row, error) {
	words = strings.TrimSpace(words)
	if words == "" || len(words) > 200 {
		return nil, fmt.Errorf("look for a customer: %w", mimamori.ErrInvalid)
	}
	subjects := []string{words}
	if strings.Contains(words, "@") {
		more, err := c.opt.Store.SubjectsByMail(ctx, words)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, more...)
	}
	var rows []queue.Row
	for _, s := range subjects {
		account := mimamori.NewAccountID(s)
		// What was typed may be nobody's: its key says so to no one.
		if err := c.opt.Guard.Allow(ctx, actor, audit.LookAccount, audit.Target{Account: account}, reason); err != nil {
			return nil, err
		}
		list, err := c.opt.Store.Incidents(ctx, account)
		if err != nil {
			return nil, err
		}
		rows = append(rows, rowsOf(list)...)
	}
	return c.queueRows(ctx, actor, rows)
}

// Version changes when the queue, or the incident, does.
func (c *Casework) Version(ctx context.Context, id mimamori.IncidentID) (string, error) {
	h := sha256.New()
	if id != "" {
		v, err := c.opt.Store.IncidentVersion(ctx, id)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, v)
	} else {
		if err := c.lists.Freshen(ctx); err != nil {
			return "", err
		}
		v, err := c.opt.Store.QueueVersion(ctx)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, v)
	}
	waiting, err := c.opt.FourEyes.Waiting(ctx, audit.Target{Incident: id})
	if err != nil {
		return "", err
	}
	for _, p := range waiting {
		fmt.Fprintln(h, p.ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// Assign gives an incident to a colleague, or to nobody (to is empty). Who
// hands over says why; it stands in the timeline.
func (c *Casework) Assign(ctx context.Context, on console.On, to string) error {
	f, err := c.open(ctx, on, audit.IncidentAssign)
	if err != nil {
		return err
	}
	name := ""
	if to != "" {
		p, err := c.opt.People.Person(ctx, to)
		if err != nil {
			return fmt.Errorf("assign %s: %w", f.current.ID, err)
		}
		if !p.May(audit.LookIncident) || slices.Contains(p.Own, f.account.ID) {
			return fmt.Errorf("assign %s to %s: %w", f.current.ID, p.ID, mimamori.ErrInvalid)
		}
		name = p.Name
	}
	now := time.Now().UTC()
	err = c.opt.Store.ChangeIncident(ctx, f.account.ID, f.account.Subject, f.current.ID, func(i *incident.Incident) error {
		i.Assigned = to
		return nil
	})
	if err != nil {
		return err
	}
	text := mimamori.Text{JA: "担当を外しました", EN: "Nobody is assigned any more"}
	if name != "" {
		text = mimamori.Text{JA: "担当：" + name, EN: "Assigned to " + name}
	}
	return c.opt.Store.NoteEntry(ctx, f.account.ID, said(f.current, on.Actor, "person", text, now))
}
