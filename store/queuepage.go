package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mimamori"
	"mimamori/incident"
	"mimamori/queue"
)

// counts are changes to how many rows there are of a facet, in all and of each
// campaign.
type counts map[queueCount]int

type queueCount struct {
	campaign string // empty: whatever campaign
	facet    queue.Facet
}

func (c counts) add(r queue.Row, n int) {
	c[queueCount{"", r.Facet()}] += n
	for _, campaign := range r.Campaigns {
		c[queueCount{campaign, r.Facet()}] += n
	}
}

// dropRow takes the row that stands out of the counts, and its campaigns.
func (tx *tx) dropRow(account mimamori.AccountID, id mimamori.IncidentID, count counts) error {
	rows, err := tx.rows(`SELECT facet, campaigns FROM queue WHERE account_id = ? AND incident = ?`, account[:], string(id))
	type stood struct {
		facet  queue.Facet
		joined string
	}
	old, err := list(rows, err, func(r scanner) (s stood, err error) { return s, r.Scan(&s.facet, &s.joined) })
	if err != nil || len(old) == 0 || old[0].facet < 0 { // -1: from before there were counts
		return err
	}
	count[queueCount{"", old[0].facet}]--
	for _, campaign := range split(old[0].joined) {
		count[queueCount{campaign, old[0].facet}]--
	}
	return tx.exec(`DELETE FROM queue_campaign WHERE account_id = ? AND incident = ?`, account[:], string(id))
}

// count writes changes of counts in one order, so that two nodes never wait
// for each other.
func (tx *tx) count(changes counts) error {
	for _, k := range slices.SortedFunc(func(yield func(queueCount) bool) {
		for k, n := range changes {
			if n != 0 && !yield(k) {
				return
			}
		}
	}, func(a, b queueCount) int {
		if d := strings.Compare(a.campaign, b.campaign); d != 0 {
			return d
		}
		return int(a.facet - b.facet)
	}) {
		if err := tx.exec(`INSERT INTO queue_facet (campaign, facet, n) VALUES (?, ?, ?) ON CONFLICT (campaign, facet) DO UPDATE SET n = queue_facet.n + excluded.n`,
			k.campaign, int64(k.facet), changes[k]); err != nil {
			return fmt.Errorf("count the queue: %w", err)
		}
		if err := tx.exec(`DELETE FROM queue_facet WHERE campaign = ? AND facet = ? AND n <= 0`, k.campaign, int64(k.facet)); err != nil {
			return fmt.Errorf("count the queue: %w", err)
		}
	}
	return nil
}

func split(joined string) []string {
	if joined = strings.Trim(joined, "|"); joined == "" {
		return nil
	}
	return strings.Split(joined, "|")
}

// facets are those of which there are rows, with how many.
func (s *SQL) facets(ctx context.Context, campaign string) (map[queue.Facet]int, error) {
	rows, err := s.at(ctx).rows(`SELECT facet, n FROM queue_facet WHERE campaign = ? AND n > 0`, campaign)
	type counted struct {
		of queue.Facet
		n  int
	}
	all, err := list(rows, err, func(r scanner) (c counted, err error) { return c, r.Scan(&c.of, &c.n) })
	if err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	out := map[queue.Facet]int{}
	for _, c := range all {
		out[c.of] = c.n
	}
	return out, nil
}

// QueuePage are the rows that pass the filter, at most limit, most urgent
// first. Those that have ended come newest first, with what their incidents say.
func (s *SQL) QueuePage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	var out []queue.Row
	var err error
	switch {
	case f.Part == queue.Closed:
		return s.ended(ctx, f, limit)
	case f.Assigned == "" && f.Narrow():
		out, err = s.facetPage(ctx, f, limit)
	default:
		out, err = s.orderPage(ctx, f, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// maxFacets bounds one statement; with more, which nobody has seen, a band is
// read in several.
const maxFacets = 100

// facetPage asks the index for the first rows of each facet that passes, a band
// at a time: never more than the page times the facets of a band are looked at,
// and none when nothing passes.
func (s *SQL) facetPage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	all, err := s.facets(ctx, f.Campaign)
	if err != nil {
		return nil, err
	}
	var out []queue.Row
	for _, band := range queue.Urgencies {
		if band < f.After.Urgency || len(out) >= limit {
			continue
		}
		var pass []queue.Facet
		for x := range all {
			if x.Urgency() == band && f.Passes(x) {
				pass = append(pass, x)
			}
		}
		slices.Sort(pass)
		var rows []queue.Row
		for part := range slices.Chunk(pass, maxFacets) {
			more, err := s.bandPage(ctx, f, part, band == f.After.Urgency, limit-len(out))
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
		slices.SortFunc(rows, func(a, b queue.Row) int {
			if d := a.OpenedAt.Compare(b.OpenedAt); d != 0 {
				return d
			}
			return strings.Compare(string(a.Incident), string(b.Incident))
		})
		out = append(out, rows[:min(len(rows), limit-len(out))]...)
	}
	return out, nil
}

// bandPage are the first rows of some facets of one band; after says that the
// page begins behind the filter's mark.
func (s *SQL) bandPage(ctx context.Context, f queue.Filter, facets []queue.Facet, after bool, limit int) ([]queue.Row, error) {
	from, each, given := `queue`, []string{`facet = ?`}, []any{}
	if f.Campaign != "" {
		from, each, given = `queue_campaign`, append(each, `campaign = ?`), append(given, f.Campaign)
	}
	if after {
		each, given = append(each, `(opened_at, incident) > (?, ?)`), append(given, nanos(f.After.OpenedAt), string(f.After.Incident))
	}
	if !f.Since.IsZero() {
		each, given = append(each, `opened_at >= ?`), append(given, nanos(f.Since))
	}
	if !f.Before.IsZero() {
		each, given = append(each, `opened_at < ?`), append(given, nanos(f.Before))
	}
	one := `SELECT account_id, incident, opened_at FROM (SELECT account_id, incident, opened_at FROM ` + from + ` WHERE ` + strings.Join(each, ` AND `) +
		` ORDER BY opened_at, incident LIMIT ?) AS first`
	var parts []string
	var args []any
	for _, x := range facets {
		parts = append(parts, one)
		args = append(append(append(args, int64(x)), given...), limit)
	}
	rows, err := s.at(ctx).rows(`SELECT `+queueColumns+` FROM queue JOIN (SELECT account_id AS k, incident AS i FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS every
		ORDER BY opened_at, incident LIMIT ?) AS page ON queue.account_id = page.k AND queue.incident = page.i`, append(args, limit)...)
	return list(rows, err, scanRow)
}

// orderPage walks the rows in their order, a band at a time: of a whole tab or
// band, or of one person's, who has few.
func (s *SQL) orderPage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	where, given := []string{`urgency = ?`}, []any{}
	and := func(clause string, values ...any) {
		where, given = append(where, clause), append(given, values...)
	}
	if f.Assigned != "" {
		and(`assigned = ?`, f.Assigned)
	}
	if f.State != "" {
		and(`state = ?`, string(f.State))
	}
	if f.Evidence != 0 {
		and(`(evidence & ?) > 0`, int64(f.Evidence))
	}
	if f.Campaign != "" {
		and(`campaigns LIKE ? ESCAPE '!'`, "%|"+literal(f.Campaign)+"|%")
	}
	if f.Lang != "" {
		and(`lang = ?`, string(f.Lang))
	}
	if !f.Since.IsZero() {
		and(`opened_at >= ?`, nanos(f.Since))
	}
	if !f.Before.IsZero() {
		and(`opened_at < ?`, nanos(f.Before))
	}
	var out []queue.Row
	for _, band := range queue.Urgencies {
		one := queue.Row{Urgency: band, State: f.State, Evidence: f.Evidence, Lang: f.Lang}
		if band < f.After.Urgency || len(out) >= limit || !f.Passes(one.Facet()) {
			continue
		}
		clause, args := strings.Join(where, ` AND `), append([]any{int64(band)}, given...)
		if band == f.After.Urgency {
			clause, args = clause+` AND (opened_at, incident) > (?, ?)`, append(args, nanos(f.After.OpenedAt), string(f.After.Incident))
		}
		rows, err := s.at(ctx).rows(`SELECT `+queueColumns+` FROM queue WHERE `+clause+` ORDER BY opened_at, incident LIMIT ?`, append(args, limit-len(out))...)
		more, err := list(rows, err, scanRow)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// literal keeps what was typed from acting as a pattern.
func literal(s string) string { return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) }

// ended are closed and dismissed incidents, newest first; only the place in
// the order narrows them.
func (s *SQL) ended(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	until := f.After.OpenedAt
	query, args := `SELECT doc FROM incident WHERE state IN ('closed', 'dismissed') ORDER BY opened_at DESC, id LIMIT ?`, []any{limit}
	if !until.IsZero() {
		query = `SELECT doc FROM incident WHERE state IN ('closed', 'dismissed') AND opened_at <= ? AND (opened_at < ? OR id > ?) ORDER BY opened_at DESC, id LIMIT ?`
		args = []any{nanos(until), nanos(until), string(f.After.Incident), limit}
	}
	rows, err := s.at(ctx).rows(query, args...)
	all, err := documents[incident.Incident](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	out := make([]queue.Row, 0, len(all))
	for _, i := range all {
		state := i.State
		i.State = incident.Watching // what a row would say
		row, _ := queue.RowOf(&i)
		row.State, row.Need = state, mimamori.Text{}
		out = append(out, row)
	}
	return out, nil
}

// QueueTally counts the rows.
func (s *SQL) QueueTally(ctx context.Context) (queue.Tally, error) {
	t := queue.Tally{Rows: map[queue.Urgency]int{}}
	all, err := s.facets(ctx, "")
	if err != nil {
		return t, err
	}
	for x, n := range all {
		t.Rows[x.Urgency()] += n
	}
	err = s.at(ctx).row(`SELECT count(*) FROM (SELECT 1 FROM incident WHERE state IN ('closed', 'dismissed') LIMIT ?) AS bounded`, queue.EndedBound).Scan(&t.Ended)
	if err != nil {
		return t, fmt.Errorf("count the queue: %w", err)
	}
	return t, nil
}
