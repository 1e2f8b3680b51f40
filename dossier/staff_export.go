package dossier

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/web/console"
)

// EvidenceKind is the first line of an evidence file.
const EvidenceKind = "mimamori.evidence/1"

// Signer puts the house's signature under a text; audit.Log does.
type Signer interface {
	Sign(ctx context.Context, kind, text string) ([]byte, error)
}

// paper is an incident as it is handed to the police or to a court: what the
// shop reported, what was concluded, what was done, what was told. There is no
// time of the export in it, so that two of the same are the same to the byte.
type paper struct {
	Incident *incident.Incident `json:"incident"`
	Verdicts []journal.Verdict  `json:"verdicts"`
	Events   []paperEvent       `json:"events"`
	Timeline []incident.Entry   `json:"timeline"`
	Steps    []playbook.Step    `json:"steps"`
	Notices  []paperNotice      `json:"notices"`
}

type paperEvent struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Kind    event.Kind      `json:"type"`
	Subject string          `json:"subject"`
	Time    time.Time       `json:"time"`
	Data    json.RawMessage `json:"data"`
}

type paperNotice struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Reference string    `json:"reference"`
	To        string    `json:"to"` // masked
	SentAt    time.Time `json:"sent_at,omitzero"`
	ReadAt    time.Time `json:"read_at,omitzero"`
	Digest    string    `json:"sha256,omitempty"` // of the mail as it was sent
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
}

// Export gives the evidence of an incident as a signed file. It holds the
// customer's data in clear: it is for a lead, with a reason, and recorded.
func (c *Casework) Export(ctx context.Context, on console.On) ([]byte, error) {
	f, err := c.open(ctx, on, audit.LookExport)
	if err != nil {
		return nil, err
	}
	if c.opt.Signer == nil {
		return nil, fmt.Errorf("export %s: nothing to sign with: %w", f.current.ID, mimamori.ErrUnavailable)
	}
	p, err := c.paper(ctx, f)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return nil, fmt.Errorf("export %s: %w", f.current.ID, err)
	}
	return c.opt.Signer.Sign(ctx, EvidenceKind, string(text)+"\n")
}

func (c *Casework) paper(ctx context.Context, f *file) (paper, error) {
	p := paper{Incident: f.current, Timeline: f.entries, Steps: slices.Clone(f.steps)}
	for k := range p.Steps { // who holds a lease is nobody's evidence
		p.Steps[k].Lease, p.Steps[k].Fence = time.Time{}, 0
	}
	var err error
	if p.Verdicts, err = c.opt.Store.Verdicts(ctx, f.account.ID); err != nil {
		return p, err
	}
	events, err := c.opt.Store.Events(ctx, f.account.ID)
	if err != nil {
		return p, err
	}
	for _, e := range events {
		if !e.Time.Before(f.from()) {
			p.Events = append(p.Events, paperEvent{e.ID, e.Source, e.Kind, e.Subject, e.Time, e.Data})
		}
	}
	all, err := c.opt.Store.Notices(ctx, f.account.ID)
	if err != nil {
		return p, err
	}
	for _, n := range all {
		if n.IncidentID == f.current.ID {
			p.Notices = append(p.Notices, paperNotice{n.ID, string(n.Kind), n.Reference.String(), n.ToMasked, n.SentAt, n.ReadAt, n.Digest, n.Subject, n.Body})
		}
	}
	slices.SortFunc(p.Notices, func(a, b paperNotice) int { return strings.Compare(a.ID, b.ID) })
	return p, nil
}
