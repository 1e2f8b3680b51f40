package dossier_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/audit"
	"mimamori/contain"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/factor/code"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/keys"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/recovery"
	"mimamori/response"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store"
	"mimamori/support"
	"mimamori/traffic"
	"mimamori/undo"
	"mimamori/web/console"
)

// world is a desk with everything behind it: the real store, a working shop, a
// real mail server, in fake time. It runs in mode assist, so that nothing is
// done about an incident before somebody at the desk says so.
type world struct {
	t      *testing.T
	store  *store.SQLite
	shop   *shoptest.Shop
	in     *intake.Intake
	log    *audit.Log
	mail   *mailbox.Server
	work   *dossier.Casework
	other  *dossier.Casework // the same desk on another node
	lists  *queue.Keeper
	alarms int      // of mass look-ups
	crowds []string // sources that opened too many
}

// The people at the desk, by role; ai2 and rei2 are second persons.
var roles = map[string]staff.Role{"ai": staff.Agent, "ai2": staff.Agent, "rei": staff.Lead, "rei2": staff.Lead,
	"ana": staff.Analyst, "aki": staff.Auditor, "ado": staff.Admin}

func who(name string) mimamori.Actor {
	return mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_" + name}
}

func desk(t *testing.T, play func(t *testing.T, w *world)) {
	t.Helper()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC))) // a bubble begins on 2000-01-01
		w := &world{t: t}
		stop := w.open(folder)
		defer stop()
		play(t, w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open(folder string) (stop func()) {
	ctx, t := context.Background(), w.t
	var err error
	w.store, err = store.OpenSQLite(ctx, filepath.Join(folder, "m.db"))
	w.must(err)
	master, err := keys.MasterFromFile(filepath.Join(folder, "master.key"))
	w.must(err)
	ring, err := keys.Open(ctx, w.store, master)
	w.must(err)
	vault := keys.NewVault(w.store, master)
	w.store.SealWith(vault)
	w.log = audit.New(w.store, ring, vault)
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		w.must(w.store.AddPerson(ctx, staff.Person{ID: "stf_" + name, Login: name, Name: name, Roles: []staff.Role{roles[name]}, CreatedAt: time.Now()}, false))
	}
	pipe := mailbox.Pipe()
	w.mail, err = mailbox.Open(mailbox.Options{Dir: filepath.Join(folder, "spool")})
	w.must(err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = w.mail.Serve(pipe)
	}()
	post := notice.Post{From: mail.Address{Name: "みどり商店", Addr: "security@notice.midori.example"},
		Submitter: &mail.Submitter{Addr: "mail.invalid:25", TLS: mail.NoTLS, LocalName: "localhost", Dial: pipe.Dial},
		Keys: func(context.Context) ([]mail.Key, error) {
			return []mail.Key{{Domain: "notice.midori.example", Selector: "m", Signer: ring.Active(keys.DKIMEd25519).Signer()}}, nil
		}}
	house := notice.House{Shop: mimamori.Text{JA: "みどり商店", EN: "Midori Store"}, CentreDomain: "security.midori.example", NoticeDomain: "notice.midori.example"}
	policy := decide.DefaultPolicy()
	policy.Mode = decide.Assist
	w.shop = shoptest.New(shoptest.Options{Source: "shop", Emit: func(e json.RawMessage) { w.emit(e) }})
	acts := map[string]playbook.Act{}
	maps.Copy(acts, (&contain.Steps{Shop: w.shop, Store: w.store, Wait: policy.Wait}).Acts())
	maps.Copy(acts, (&access.Steps{Store: w.store, Factors: factor.NewBook(w.store, w.store, vault, ring, code.NewHasher())}).Acts())
	maps.Copy(acts, (&undo.Steps{Shop: w.shop, Store: w.store}).Acts())
	maps.Copy(acts, (&notice.Steps{Store: w.store, Post: post, House: house}).Acts())
	maps.Copy(acts, (&dossier.PointsSteps{Shop: w.shop, Store: w.store}).Acts())
	runner := playbook.NewRunner(w.store, playbook.Options{Acts: acts, Tried: w.note, Refused: w.askPerson, Log: slog.New(slog.DiscardHandler)})
	geodb := geo.Embedded()
	w.in = intake.New(w.store, intake.Options{Geo: geodb, Traffic: traffic.New(0), Policy: policy, Wake: runner.Wake, Strange: func(e []event.Event) { w.lists.Note(e) },
		Crowd: func(source string) { w.crowds = append(w.crowds, source) }})
	w.lists = queue.NewKeeper(w.store, func(trait string) []byte { return ring.MAC(keys.Pseudonym, "link", trait) }, nil)
	w.store.IndexWith(func(mail string) [][]byte { return [][]byte{ring.MAC(keys.Pseudonym, "mail", mail)} })
	front := dossier.New(dossier.Options{Store: w.store, Geo: geodb, Post: post, House: house, Policy: w.in.Policy, Wake: runner.Wake, Base: "https://security.midori.example",
		Editions: support.NewEditions(w.store, support.Directory{Numbers: []support.Number{usualNumber}})})
	guard := staff.NewGuard(w.store, w.store, w.store, w.log, func(context.Context, mimamori.Actor, int) { w.alarms++ })
	options := dossier.CaseworkOptions{Desk: front, Store: w.store, Guard: guard, FourEyes: staff.NewFourEyes(w.store, guard), People: w.store,
		PointsAlone: map[staff.Role]int64{staff.Agent: 400, staff.Lead: 800}, Lists: w.lists, Signer: w.log}
	w.work, w.other = dossier.NewCasework(options), dossier.NewCasework(options)
	runner.Start()
	w.lists.Start()
	bulks := w.work.BulkWorker()
	bulks.Start()
	return func() {
		synctest.Wait()
		bulks.Stop()
		w.lists.Stop()
		runner.Stop()
		front.Close()
		w.must(w.store.Close())
		if err := w.mail.Close(); err != nil {
			t.Error(err)
		}
		<-served
	}
}

// note and askPerson are what the app has the runner do.
func (w *world) note(ctx context.Context, s playbook.Step, _ bool) error {
	text, told := response.StepText(s.Name)
	if !told || s.State != playbook.Done {
		return nil
	}
	return w.store.NoteEntry(ctx, s.Account, incident.Entry{Incident: s.Incident, Key: s.Key, At: s.TriedAt.UTC(), Kind: s.Name, Actor: mimamori.System, Text: text, Public: true})
}

func (w *world) askPerson(ctx context.Context, s playbook.Step) error {
	return w.store.ChangeIncident(ctx, s.Account, s.Subject, s.Incident, func(i *incident.Incident) error {
		i.Ask(s.Name+" "+s.Key, s.Why, time.Now().UTC())
		return nil
	})
}

func (w *world) emit(raw json.RawMessage) {
	events, err := event.Decode(raw, time.Now(), event.Limits{})
	if err == nil {
		_, err = w.in.Take(context.Background(), events, intake.How{})
	}
	if err != nil {
		w.t.Errorf("the shop's event %s: %v", raw, err)
	}
}

var (
	home  = shoptest.Connection{IP: "203.0.113.20", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"}
	lagos = shoptest.Connection{IP: "198.51.100.9", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"}
)

// usualNumber is whom customers call before the desk changes anything.
var usualNumber = support.Number{Country: "JP", Number: "0120-000-000", Free: true, Hours: "09:00-18:00", TimeZone: "Asia/Tokyo", Languages: []string{"ja"}}

// night is a customer who has lived quietly, and the intruder's session.
type night struct {
	her, his *shoptest.Session
	entry    string // the points he spent
	order    string
	address  string
	id       mimamori.IncidentID
}

// intrusion plays the usual: he adds an address, changes the mail address,
// orders, spends points. The shop then says that it was not the customer.
func (w *world) intrusion(subject string, points int64) night {
	w.t.Helper()
	w.shop.Customer(subject)
	var n night
	var err error
	n.her, err = w.shop.SignIn(subject, home)
	w.must(err)
	w.must(n.her.Set(event.Address, "work", map[string]any{"line": "大手町1-1", "country": "JP"}))
	w.must(n.her.SignOut())
	time.Sleep(40 * 24 * time.Hour)
	n.her, err = w.shop.SignIn(subject, home)
	w.must(err)
	time.Sleep(time.Hour)
	n.his, err = w.shop.SignIn(subject, lagos)
	w.must(err)
	time.Sleep(time.Minute)
	n.address, err = n.his.AddAddress("J. Doe", "1 Broad St")
	w.must(err)
	w.must(n.his.ChangeContact("mail", "intruder@mail.example"))
	n.order, err = n.his.PlaceOrder(shoptest.Order{Amount: 90_000, ShipTo: n.address, Gift: true})
	w.must(err)
	n.entry, err = n.his.SpendPoints(points, "shopping")
	w.must(err)
	w.judged(subject, n.his.ID)
	account, err := w.store.ReadAccount(context.Background(), subject)
	w.must(err)
	n.id = account.Standing.Incident
	if n.id == "" {
		w.t.Fatalf("no incident for %s", subject)
	}
	synctest.Wait()
	return n
}

// judged is the shop's own word that a session is an intruder's.
func (w *world) judged(subject, session string) {
	w.t.Helper()
	b, err := json.Marshal(map[string]any{"specversion": "1.0", "id": mimamori.NewID("ev"), "source": "shop", "type": "session.judged", "subject": subject,
		"time": time.Now().UTC().Format(time.RFC3339Nano), "data": map[string]any{"session": session, "verdict": "intruder", "by": "shop"}})
	w.must(err)
	w.emit(b)
}

func on(name string, id mimamori.IncidentID) console.On {
	return console.On{Actor: who(name), Incident: id, Reason: "the customer is on the phone"}
}

// contained is an intrusion that an agent has contained.
func (w *world) contained(subject string, points int64) night {
	w.t.Helper()
	n := w.intrusion(subject, points)
	w.must(w.work.Contain(w.t.Context(), on("ai", n.id)))
	synctest.Wait()
	time.Sleep(time.Second)
	return n
}

// judge says whose a session was, with a second person where it takes one.
func (w *world) judge(by string, id mimamori.IncidentID, session string, o console.Owner) {
	w.t.Helper()
	w.twice(w.work.JudgeSession(w.t.Context(), on(by, id), session, o))
}

// twice has a second person approve what was asked.
func (w *world) twice(r console.Result, err error) {
	w.t.Helper()
	w.must(err)
	if r != console.Asked {
		return
	}
	waiting, err := w.work.Waiting(w.t.Context(), who("rei"))
	w.must(err)
	for _, p := range waiting {
		w.must(w.work.Approve(w.t.Context(), who("rei"), p.ID, "I called her at the old number"))
	}
	synctest.Wait()
}

// look is the incident as a lead sees it a second later: what is done at one
// and the same moment has no order.
func (w *world) look(id mimamori.IncidentID) console.Incident {
	w.t.Helper()
	synctest.Wait()
	time.Sleep(time.Second)
	i, err := w.work.Incident(w.t.Context(), on("rei", id))
	w.must(err)
	return i
}

func (w *world) account(subject string) shop.Account {
	w.t.Helper()
	a, err := w.shop.Account(context.Background(), subject)
	w.must(err)
	return a
}

// holds is a registered thing at the shop; nil when it is not there.
func (w *world) holds(subject string, kind event.ResourceKind, id string) map[string]any {
	w.t.Helper()
	for _, r := range w.account(subject).Resources {
		if r.Kind == kind && r.ID == id {
			var v map[string]any
			w.must(json.Unmarshal(r.Value, &v))
			return v
		}
	}
	return nil
}

// record is what the audit log says was done on an incident, newest first.
func (w *world) record(id mimamori.IncidentID, act audit.Act) []audit.Read {
	w.t.Helper()
	list, err := w.log.Entries(context.Background(), audit.Query{Incident: id, Acts: []audit.Act{act}})
	w.must(err)
	return list
}

func change(i console.Incident, kind event.ResourceKind, id string) console.Change {
	for _, c := range i.Plan.Changes {
		if c.Kind == string(kind) && c.ID == id {
			return c
		}
	}
	return console.Change{}
}

func needs(i console.Incident) []string {
	var out []string
	for _, n := range i.Needs {
		out = append(out, n.Text.EN)
	}
	return out
}

// newPassword sets hanako's new password by a grant for the incident, redeemed
// as the shop does.
func (w *world) newPassword(id mimamori.IncidentID) {
	ctx, now := context.Background(), time.Now().UTC()
	r := recovery.Record{ID: mimamori.NewID("rec"), TokenHash: []byte(mimamori.NewID("tok")), Account: mimamori.NewAccountID("hanako"), Subject: "hanako",
		Source: "shop", Incident: id, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	w.must(w.store.AddRecovery(ctx, r))
	g := recovery.Grant{JTI: mimamori.NewID("grt"), Account: r.Account, Recovery: r.ID, Incident: id, Source: "shop", ExpiresAt: now.Add(recovery.GrantLife)}
	w.must(w.store.AddGrant(ctx, g, now))
	_, err := w.store.RedeemGrant(ctx, g.JTI, "shop", now)
	w.must(err)
	w.must(w.shop.SetPassword("hanako", "another long sentence", g.JTI))
}
