package alarm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/webhook"
)

// book is a Store in memory; the real ones pass storetest.
type book struct {
	mu   sync.Mutex
	list map[string][]byte
	down error
}

func (b *book) change(id string, a Alarm, do func(*Alarm) error) error {
	if err := do(&a); err != nil {
		return err
	}
	raw, err := json.Marshal(a)
	b.list[cmp.Or(id, a.ID)] = raw
	return err
}

func (b *book) all() (out []Alarm) {
	for _, raw := range b.list {
		var a Alarm
		_ = json.Unmarshal(raw, &a)
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Alarm) int { return cmp.Or(a.RaisedAt.Compare(b.RaisedAt), cmp.Compare(a.About, b.About)) })
	return out
}

func (b *book) RaiseAlarm(_ context.Context, k Kind, about string, do func(*Alarm)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return b.down
	}
	for _, a := range b.all() {
		if a.Open() && a.Kind == k && a.About == about {
			return b.change(a.ID, a, func(a *Alarm) error { do(a); return nil })
		}
	}
	return b.change("", Alarm{}, func(a *Alarm) error { do(a); return nil })
}

func (b *book) ChangeAlarm(_ context.Context, id string, do func(*Alarm) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all() {
		if a.ID == id {
			return b.change(id, a, do)
		}
	}
	return mimamori.ErrNotFound
}

func (b *book) Alarms(_ context.Context, all bool, limit int) (out []Alarm, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all() {
		if all || a.Open() {
			out = append(out, a)
		}
	}
	return out[:min(limit, len(out))], nil
}

func (b *book) DueAlarms(_ context.Context, by time.Time, limit int) (out []Alarm, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all() {
		if d := a.Due(); !d.IsZero() && !d.After(by) {
			out = append(out, a)
		}
	}
	return out[:min(limit, len(out))], nil
}

func (b *book) NextAlarmDue(context.Context) (next time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all() {
		if d := a.Due(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	return next, nil
}

// desk is a bell at work on fake time, with a contact that notes what it is told.
type desk struct {
	*Bell
	book  *book
	mu    sync.Mutex
	heard [][]Alarm
	at    []time.Duration
	fail  error
	gone  map[string]bool // what is over, by what it is about
	began time.Time
}

func newDesk(t *testing.T) *desk {
	d := &desk{book: &book{list: map[string][]byte{}}, gone: map[string]bool{}, began: time.Now()}
	d.Bell = New(Options{Store: d.book, Log: slog.New(slog.DiscardHandler),
		Contacts: []Contact{{Name: "night", Tell: func(_ context.Context, list []Alarm) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.fail != nil {
				return d.fail
			}
			d.heard, d.at = append(d.heard, list), append(d.at, time.Since(d.began))
			return nil
		}}},
		Still: func(_ context.Context, a Alarm) (bool, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return !d.gone[a.About], nil
		}})
	d.Start(t.Context())
	t.Cleanup(d.Stop)
	return d
}

// said are copies of what was told so far.
func (d *desk) said() [][]Alarm {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard)
}

func (d *desk) times() []time.Duration {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.at)
}

// TestRepeatsAreQuiet: at once, after 1 h, after 4 h more, then daily; and the
// end is told once.
func TestRepeatsAreQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Raise(ShopSilent, "")
		time.Sleep(54 * time.Hour)
		want := []time.Duration{0, time.Hour, 5 * time.Hour, 29 * time.Hour, 53 * time.Hour}
		if got := d.times(); !slices.Equal(got, want) {
			t.Errorf("told at %v, want %v", got, want)
		}
		d.mu.Lock()
		d.gone[""] = true
		d.mu.Unlock()
		d.Look()
		time.Sleep(100 * time.Hour)
		if got := d.times(); len(got) != 6 || got[5] != 54*time.Hour {
			t.Errorf("told at %v, want the end at 54h", got)
		}
		if last := d.said()[len(d.said())-1]; last[0].Open() {
			t.Error("the last message does not say that it is over")
		}
	})
}

// TestManyAreOneSummary: a burst is two messages; what was over before anybody
// was told of it is never spoken of.
func TestManyAreOneSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Raise(NeedsPerson, "inc_0")
		time.Sleep(time.Second)
		for i := range 100 {
			d.Raise(NeedsPerson, "inc_x"+string(rune('a'+i%26))+string(rune('a'+i/26)))
		}
		time.Sleep(4 * time.Minute)
		d.mu.Lock()
		d.gone["inc_xaa"] = true
		d.mu.Unlock()
		d.Look()
		time.Sleep(10 * time.Minute)
		got := d.times()
		if !slices.Equal(got, []time.Duration{0, 5 * time.Minute}) || len(d.said()[0]) != 1 || len(d.said()[1]) != 99 {
			t.Fatalf("told at %v", got)
		}
		time.Sleep(2 * time.Hour) // the repeats go together
		if got := d.times(); len(got) != 3 || len(d.said()[2]) != 100 {
			t.Errorf("told at %v, the repeat of %d", got, len(d.said()[len(d.said())-1]))
		}
	})
}

// TestE10_NobodySwitchesAnAlarmOff: an acknowledged alarm that lasts is told
// daily; one about a person cannot be acknowledged by him.
func TestE10_NobodySwitchesAnAlarmOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Raise(NeedsPerson, "inc_1")
		synctest.Wait()
		by := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_1"}
		ack := func(id string) error {
			return d.book.ChangeAlarm(t.Context(), id, func(a *Alarm) error { return a.Acknowledge(by, time.Now()) })
		}
		if err := ack(d.book.all()[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := ack(d.book.all()[0].ID); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("twice: %v", err)
		}
		d.Wake()
		time.Sleep(49 * time.Hour)
		if got := d.times(); !slices.Equal(got, []time.Duration{0, 24 * time.Hour, 48 * time.Hour}) {
			t.Errorf("told at %v, want daily", got)
		}
		d.Raise(MassLookup, "stf_1")
		synctest.Wait()
		all := d.book.all()
		if err := ack(all[len(all)-1].ID); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("his own: %v", err)
		}
		by.ID = "stf_2"
		if err := ack(all[len(all)-1].ID); err != nil {
			t.Errorf("another's: %v", err)
		}
		if all := d.book.all(); all[len(all)-1].Open() {
			t.Error("an event that was seen by another lasts")
		}
	})
}

// TestNothingIsLost: a contact that fails is tried again, a store that fails is
// written to later, and a bell that was stopped goes on where it was.
func TestNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		synctest.Wait()
		d.book.mu.Lock()
		d.book.down = mimamori.ErrUnavailable
		d.book.mu.Unlock()
		d.mu.Lock()
		d.fail = errors.New("no route")
		d.mu.Unlock()
		d.Raise(AnchorFailed, "1")
		time.Sleep(45 * time.Second)
		d.book.mu.Lock()
		d.book.down = nil
		d.book.mu.Unlock()
		time.Sleep(3 * time.Minute) // tried at 60 s and at 120 s
		synctest.Wait()
		if a := d.book.all(); len(a) != 1 || a[0].Told["night"].Failures != 2 || a[0].Told["night"].Times != 0 {
			t.Fatalf("%+v", a)
		}
		d.Stop()
		d.fail = nil
		time.Sleep(20 * time.Minute)
		d.Bell = New(d.opt)
		d.Start(t.Context())
		t.Cleanup(d.Stop)
		if got := d.times(); len(got) != 1 {
			t.Errorf("told at %v after the next start", got)
		}
		more := New(d.opt)
		d.Stop()
		late := make(chan []Alarm, 1)
		more.opt.Contacts = append(more.opt.Contacts, Contact{Name: "day", Tell: func(_ context.Context, l []Alarm) error { late <- l; return nil }})
		more.names = append(more.names, "day")
		more.Start(t.Context())
		defer more.Stop()
		if list := <-late; len(list) != 1 || list[0].Kind != AnchorFailed {
			t.Errorf("a new contact heard %+v", list)
		}
	})
}

// TestMailsCarryNoPersonalData sends by a real SMTP server, in both languages;
// what is no number of ours never gets into an alarm.
func TestMailsCarryNoPersonalData(t *testing.T) {
	box, err := mailbox.Open(mailbox.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	pipe := mailbox.Pipe()
	var done sync.WaitGroup
	done.Go(func() { _ = box.Serve(pipe) })
	t.Cleanup(func() { _ = box.Close(); done.Wait() })
	s := &mail.Submitter{Addr: "smtp.example:25", TLS: mail.NoTLS, Dial: pipe.Dial}
	send := func(to string) func(context.Context, string, string) error {
		return func(ctx context.Context, subject, body string) error {
			raw, err := mail.Compose(mail.Message{From: mail.Address{Addr: "security@notice.shop.example"}, To: mail.Address{Addr: to}, Subject: subject, Date: time.Now(),
				MessageID: mail.NewMessageID("notice.shop.example"), Body: body})
			if err != nil {
				return err
			}
			return s.Submit(ctx, "security@notice.shop.example", to, raw)
		}
	}
	b := New(Options{Store: &book{list: map[string][]byte{}}, Contacts: []Contact{
		Mail("a", mimamori.Japanese, "https://desk.shop.example", time.UTC, send("ja@shop.example")),
		Mail("b", mimamori.English, "https://desk.shop.example", time.UTC, send("en@shop.example"))}})
	b.Raise(NeedsPerson, "inc_01")
	b.Raise(LawDeadline, "hanako@example.com") // a mistake of ours: never leaves
	b.Raise(MailBouncing, "山田花子")
	if err := b.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string][]string{"ja@shop.example": {"要確認", "inc_01", "期限", "https://desk.shop.example/alarms"}, "en@shop.example": {"Please look", "inc_01", "deadline", "No customer's data"}} {
		got := box.Messages(to)
		if len(got) != 1 {
			t.Fatalf("%s got %d mails", to, len(got))
		}
		text := readable(t, got[0].Raw)
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("mail to %s has no %q:\n%s", to, w, text)
			}
		}
		for _, w := range []string{"hanako", "花子"} {
			if strings.Contains(text, w) {
				t.Errorf("mail to %s names a customer", to)
			}
		}
	}
}

// readable is a mail's subject and text, decoded.
func readable(t *testing.T, raw []byte) string {
	t.Helper()
	m := mailbox.Decode(raw, nil)
	return m.Subject + "\n" + m.Body
}

// TestHooksAreSigned posts to a real receiver that verifies as any Standard
// Webhooks library does; an answer that is no success is a failure.
func TestHooksAreSigned(t *testing.T) {
	secret := webhook.NewSecret()
	status, got := http.StatusOK, make(chan []byte, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := webhook.Verify(r.Header, []webhook.Secret{secret}, body, time.Now()); err != nil {
			t.Error(err)
		}
		got <- body
		w.WriteHeader(status)
	}))
	defer server.Close()
	to, _ := url.Parse(server.URL)
	c := Hook("hook", mimamori.English, to, server.Client(), func(context.Context) ([]webhook.Secret, error) { return []webhook.Secret{secret}, nil })
	list := []Alarm{{ID: "alm_1", Kind: NeedsPerson, About: "inc_1", Count: 2, RaisedAt: time.Now()}}
	if err := c.Tell(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	var said struct {
		Type string
		Data struct{ Alarms []map[string]any }
	}
	if body := <-got; json.Unmarshal(body, &said) != nil || said.Type != "alarm.raised" || len(said.Data.Alarms) != 1 || said.Data.Alarms[0]["about"] != "inc_1" || !bytes.Contains(body, []byte("waits for a person")) {
		t.Errorf("%s", body)
	}
	status = http.StatusInternalServerError
	if err := c.Tell(t.Context(), list); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Errorf("a failing receiver: %v", err)
	}
}

// TestEveryKindHasWords in both languages.
func TestEveryKindHasWords(t *testing.T) {
	for _, k := range Kinds {
		if w := k.Word(); w.JA == "" || w.EN == "" || strings.ContainsAny(w.JA+w.EN, "!！") {
			t.Errorf("%s: %+v", k, w)
		}
	}
	if len(words) != len(Kinds) {
		t.Error("words and Kinds differ")
	}
}
