// Package disclosure gathers everything that is kept of one customer's account
// (Act on the Protection of Personal Information of Japan, article 33: the
// right to have it disclosed) and writes it as JSON, whole, and as a page that
// a person can read and print. It decides nothing and shows no secret: of
// second steps it says that they are there, and what staff said about the
// account in the record it gives as times and acts. Who may ask for it, and
// that it was asked, is the staff's side's (dossier).
package disclosure

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/notice"
	"mimamori/support"
)

// Account is everything kept of one, in the form of the JSON file. The names
// stay as they are: people write programs against them.
type Account struct {
	Subject   string       `json:"subject"`
	MadeAt    time.Time    `json:"made_at"`
	Picture   Picture      `json:"usual"`
	Events    []Event      `json:"events"`
	Sessions  []Session    `json:"session_judgements"`
	Incidents []Incident   `json:"incidents"`
	Notices   []Notice     `json:"notices"`
	Factors   []SecondStep `json:"second_steps"`
	Calls     []Call       `json:"calls"`
	Record    []Act        `json:"staff_acts"`
}

// Picture is what is usual for the account, in short.
type Picture struct {
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastLogin time.Time `json:"last_login,omitzero"`
	Logins    int       `json:"logins"`
	Devices   []string  `json:"devices"`
	Countries []string  `json:"countries"`
	Networks  []string  `json:"networks"`
}

// Event is one thing that the shop reported, as it is kept.
type Event struct {
	At     time.Time       `json:"at"`
	Kind   event.Kind      `json:"type"`
	Source string          `json:"source"`
	ID     string          `json:"id"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// Session is whose a session is held to be.
type Session struct {
	Session string        `json:"session"`
	Owner   journal.Owner `json:"owner"`
	By      string        `json:"by"`
	At      time.Time     `json:"at"`
}

// Incident is one, with its evidence and timeline.
type Incident struct {
	incident.Incident
	Timeline []incident.Entry `json:"timeline"`
}

// Notice is one that was written to the customer.
type Notice struct {
	At        time.Time     `json:"at"`
	Kind      notice.Kind   `json:"kind"`
	To        string        `json:"to"`
	Lang      mimamori.Lang `json:"lang"`
	Reference string        `json:"reference"`
	State     notice.State  `json:"state"`
	SentAt    time.Time     `json:"sent_at,omitzero"`
	ReadAt    time.Time     `json:"read_at,omitzero"`
	Subject   string        `json:"subject"`
	Body      string        `json:"body"`
}

// SecondStep is one that is or was bound to the account; its secret is not
// told.
type SecondStep struct {
	Kind      factor.Kind `json:"kind"`
	Name      string      `json:"name,omitempty"`
	BoundAt   time.Time   `json:"bound_at"`
	UsedAt    time.Time   `json:"used_at,omitzero"`
	RemovedAt time.Time   `json:"removed_at,omitzero"`
}

// Call is one that was asked for.
type Call struct {
	ID    string            `json:"id"`
	State support.CallState `json:"state"`
	Phone string            `json:"phone,omitempty"`
	At    time.Time         `json:"asked_at"`
}

// Act is one thing that staff, or a machine of the shop's, did or saw.
type Act struct {
	At  time.Time          `json:"at"`
	By  mimamori.ActorKind `json:"by"`
	Act audit.Act          `json:"act"`
}

// Store is what is read.
type Store interface {
	ReadAccount(ctx context.Context, subject string) (*incident.Account, error)
	Events(ctx context.Context, account mimamori.AccountID) ([]event.Event, error)
	Verdicts(ctx context.Context, account mimamori.AccountID) ([]journal.Verdict, error)
	Incidents(ctx context.Context, account mimamori.AccountID) ([]incident.Incident, error)
	Entries(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]incident.Entry, error)
	Notices(ctx context.Context, account mimamori.AccountID) ([]notice.Notice, error)
	Factors(ctx context.Context, account mimamori.AccountID) ([]factor.Factor, error)
	Calls(ctx context.Context, account mimamori.AccountID) ([]support.Call, error)
	AuditEntries(ctx context.Context, q audit.Query) ([]audit.Row, error)
}

// maxActs bounds what the record gives of one account.
const maxActs = 100_000

// Gather reads an account whole. ErrNotFound when nothing is kept of it.
func Gather(ctx context.Context, store Store, subject string, now time.Time) (Account, error) {
	id := mimamori.NewAccountID(subject)
	out := Account{Subject: subject, MadeAt: now.UTC(), Events: []Event{}, Sessions: []Session{}, Incidents: []Incident{}, Notices: []Notice{},
		Factors: []SecondStep{}, Calls: []Call{}, Record: []Act{}}
	account, err := store.ReadAccount(ctx, subject)
	if err != nil {
		return out, err
	}
	if !account.Exists {
		return out, fmt.Errorf("disclose an account: %w", mimamori.ErrNotFound)
	}
	out.Picture = picture(account)
	for _, read := range []func(context.Context, Store, mimamori.AccountID) error{out.readEvents, out.readIncidents, out.readNotices, out.readPeople} {
		if err := read(ctx, store, id); err != nil {
			return out, fmt.Errorf("disclose an account: %w", err)
		}
	}
	return out, nil
}

func picture(a *incident.Account) Picture {
	p := a.Profile
	out := Picture{FirstSeen: p.FirstSeen, LastLogin: p.LastLogin, Logins: p.Logins, Devices: []string{}, Countries: []string{}, Networks: []string{}}
	for _, d := range p.Devices {
		out.Devices = append(out.Devices, d.Agent)
	}
	for _, c := range p.Countries {
		out.Countries = append(out.Countries, c.Code)
	}
	for _, n := range p.Networks {
		out.Networks = append(out.Networks, n.Key)
	}
	return out
}

func (a *Account) readEvents(ctx context.Context, store Store, id mimamori.AccountID) error {
	events, err := store.Events(ctx, id)
	if err != nil {
		return err
	}
	verdicts, err := store.Verdicts(ctx, id)
	if err != nil {
		return err
	}
	his := map[string]bool{}
	for _, v := range verdicts {
		a.Sessions = append(a.Sessions, Session{v.Session, v.Owner, v.By, v.At})
		his[v.Session] = v.Owner == journal.OfIntruder
	}
	for _, e := range events {
		if his[e.Session] && e.Kind == event.AccountChanged {
			e.Data = masked(e.Data)
		}
		a.Events = append(a.Events, Event{At: e.Time, Kind: e.Kind, Source: e.Source, ID: e.ID, Data: json.RawMessage(e.Data)})
	}
	return nil
}

// masked hides what an intruder brought in: the card and the address may be
// another victim's (mission U2).
func masked(data []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	if _, ok := fields["after"]; ok {
		fields["after"] = json.RawMessage(`"•••"`)
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return out
}

func (a *Account) readIncidents(ctx context.Context, store Store, id mimamori.AccountID) error {
	list, err := store.Incidents(ctx, id)
	if err != nil {
		return err
	}
	for _, i := range list {
		entries, err := store.Entries(ctx, id, i.ID)
		if err != nil {
			return err
		}
		// What colleagues note for each other, and who of them it was, is not
		// data about the customer alone.
		entries = slices.DeleteFunc(entries, func(e incident.Entry) bool { return e.Kind == "note" })
		for k := range entries {
			entries[k].Actor.ID = ""
		}
		i.By.ID = ""
		a.Incidents = append(a.Incidents, Incident{i, entries})
	}
	return nil
}

func (a *Account) readNotices(ctx context.Context, store Store, id mimamori.AccountID) error {
	list, err := store.Notices(ctx, id)
	for _, n := range list {
		a.Notices = append(a.Notices, Notice{At: n.CreatedAt, Kind: n.Kind, To: n.To, Lang: n.Lang, Reference: n.Reference.String(), State: n.State,
			SentAt: n.SentAt, ReadAt: n.ReadAt, Subject: n.Subject, Body: n.Body})
	}
	return err
}

func (a *Account) readPeople(ctx context.Context, store Store, id mimamori.AccountID) error {
	factors, err := store.Factors(ctx, id)
	if err != nil {
		return err
	}
	for _, f := range factors {
		a.Factors = append(a.Factors, SecondStep{Kind: f.Kind, Name: f.Name, BoundAt: f.BoundAt, UsedAt: f.UsedAt, RemovedAt: f.RemovedAt})
	}
	calls, err := store.Calls(ctx, id)
	if err != nil {
		return err
	}
	for _, c := range calls {
		a.Calls = append(a.Calls, Call{ID: c.ID, State: c.State, Phone: c.Phone.Number, At: c.AskedAt})
	}
	rows, err := store.AuditEntries(ctx, audit.Query{Account: id, Limit: maxActs})
	for _, r := range rows {
		a.Record = append(a.Record, Act{At: r.At, By: r.Actor.Kind, Act: r.Act})
	}
	return err
}

// JSON is the whole account as one document.
func (a Account) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write an account: %w", err)
	}
	return append(b, '\n'), nil
}
