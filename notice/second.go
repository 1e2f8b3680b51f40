package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"mimamori"
	"mimamori/playbook"
	"mimamori/trace"
	"mimamori/undo"
	"mimamori/webhook"
)

// unreadFor is how long a notice may stay unread before the customer is
// reached another way: an intruder in her mailbox deletes our mails
// (standards G13).
const unreadFor = 12 * time.Hour

// Why the second channel is used.
const (
	whyUnread    = "unread"     // nobody opened the notice in the message centre
	whyFailed    = "refused"    // no mail server took it; a person was asked already
	whyNoAddress = "no_address" // no mail address from before is known; a person was asked already
	whyReturned  = "returned"   // it was taken and came back
)

// Second is another way to the customer: the shop's app, or an SMS gateway.
type Second interface {
	// Tell hands a message over; the same ID is the same message. An error that
	// is mimamori.ErrUnavailable is worth another try.
	Tell(ctx context.Context, m SecondMessage) error
}

// SecondMessage is what the second channel is given. The shop knows the
// customer by Subject; Phones are her numbers from before the intrusion, since
// those at the shop may be the intruder's by now. Text has no link.
type SecondMessage struct {
	ID       string              `json:"id"`
	Type     string              `json:"type"` // notice.unread
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident,omitzero"`
	At       time.Time           `json:"at"`
	Data     SecondData          `json:"data"`
}

// SecondData says which notice and why it is told again.
type SecondData struct {
	Kind      Kind          `json:"kind"`
	Why       string        `json:"why"`                // unread, refused, no_address, returned
	Reference string        `json:"reference,omitzero"` // as printed, with hyphens
	SentAt    time.Time     `json:"sent_at,omitzero"`   // of the mail
	Lang      mimamori.Lang `json:"lang"`               // of the customer
	Text      mimamori.Text `json:"text"`               // to be shown or sent as it is
	Phones    []string      `json:"phones"`             // may be empty
}

// secondArg is the argument of the step.
type secondArg struct {
	Kind    Kind     `json:"kind"`
	Why     string   `json:"why"`
	Notices []string `json:"notices,omitzero"`
}

// planSecond has the second channel used: at once when no mail can reach her,
// after 12 hours when it stays unread. Only notices that keep her out or stop
// something are worth it.
func (n *Steps) planSecond(ctx context.Context, l letter, ids []string, why string) error {
	if l.kind != Contained && l.kind != Hold || len(ids) == 0 && why != whyNoAddress {
		return nil
	}
	step := playbook.With("notice.second", secondArg{l.kind, why, ids})
	if why == whyUnread {
		step.At = time.Now().Add(unreadFor)
	}
	return n.begin(ctx, l.step, "second channel, "+why, step)
}

// second tells her another way, unless she has read the notice or is back.
func (n *Steps) second(ctx context.Context, s playbook.Step) playbook.Outcome {
	arg, err := playbook.Arg[secondArg](s)
	if err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	i, err := n.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	m := SecondMessage{ID: "msg_" + named(s.Key), Type: "notice.unread", Subject: s.Subject, Incident: s.Incident, At: s.First.UTC(),
		Data: SecondData{Kind: arg.Kind, Why: arg.Why, Lang: i.Lang, Phones: []string{}}}
	for _, id := range arg.Notices {
		x, err := n.Store.NoticeByID(ctx, s.Account, id)
		if err != nil {
			return playbook.Again(err)
		}
		if !x.ReadAt.IsZero() {
			return playbook.Outcome{Result: playbook.Skip}
		}
		m.Data.Reference, m.Data.SentAt = x.Reference.String(), x.SentAt
	}
	if !i.Open() || stale(arg.Kind, i) {
		return playbook.Outcome{Result: playbook.Skip}
	}
	if n.Second == nil {
		return withoutSecond(arg)
	}
	_, j, err := undo.PlanOf(ctx, n.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	for _, c := range j.Contacts(since(i, j)) {
		if c.Kind == "phone" {
			m.Data.Phones = append(m.Data.Phones, c.Value)
		}
	}
	m.Data.Text = n.House.short(m.Data.Reference)
	return told(n.Second.Tell(ctx, m))
}

// withoutSecond asks a person where nobody has been asked yet.
func withoutSecond(arg secondArg) playbook.Outcome {
	switch {
	case arg.Why == whyReturned:
		return playbook.Outcome{Result: playbook.Refuse, Why: whyBounced}
	case arg.Why == whyUnread && arg.Kind == Contained:
		return playbook.Outcome{Result: playbook.Refuse, Why: whySilent}
	}
	return playbook.Outcome{Result: playbook.Skip}
}

func told(err error) playbook.Outcome {
	switch {
	case err == nil:
		return playbook.OK()
	case errors.Is(err, mimamori.ErrUnavailable):
		return playbook.Again(err)
	}
	return playbook.Outcome{Result: playbook.Refuse, Why: whyBounced, Err: err}
}

// short fits a text message: no detail, no link.
func (h House) short(reference string) mimamori.Text {
	t := mimamori.Text{
		JA: "【" + own(h.Shop.JA, 20) + "】アカウントを守るための大切なお知らせがあります。いつもの方法で当店を開いてご確認ください。",
		EN: "[" + own(h.Shop.EN, 20) + "] There is an important notice about the safety of your account. Open our site the way you always do."}
	if reference != "" {
		t.JA += "お知らせ番号 " + reference
		t.EN += " Notice number " + reference
	}
	return t
}

// CameBack notes that a mail came back, and has the customer reached another
// way if the notice matters. code is the enhanced status code (RFC 3463).
// A message that is not ours is mimamori.ErrNotFound.
func CameBack(ctx context.Context, st StepStore, messageID, code string) error {
	x, err := st.NoticeByMessageID(ctx, messageID)
	if err != nil {
		return err
	}
	if err := st.MarkNotice(ctx, x.AccountID, x.ID, Mark{Bounced: code}); errors.Is(err, mimamori.ErrConflict) {
		return nil // told twice, or never counted as sent
	} else if err != nil {
		return err
	}
	if x.IncidentID == "" {
		return nil
	}
	i, err := st.IncidentByID(ctx, x.IncidentID)
	if err != nil {
		return err
	}
	n := &Steps{Store: st}
	s := playbook.Step{Key: x.ID, Account: x.AccountID, Subject: i.Subject, Incident: i.ID}
	return n.planSecond(ctx, letter{step: s, kind: x.Kind}, []string{x.ID}, whyReturned)
}

// Gateway is the second channel over HTTPS: one URL of the shop's, each message
// signed as a Standard Webhook. Any 2xx takes it.
type Gateway struct {
	URL     *url.URL
	Secrets func(ctx context.Context) ([]webhook.Secret, error)
	Client  *http.Client // guarded against redirects and private addresses by whoever makes it
}

// Tell makes one try.
func (g *Gateway) Tell(ctx context.Context, m SecondMessage) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("second channel: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("second channel: %w", err)
	}
	secrets, err := g.Secrets(ctx)
	if err != nil {
		return fmt.Errorf("second channel: %w", errors.Join(err, mimamori.ErrUnavailable))
	}
	if err := webhook.Sign(req.Header, secrets, m.ID, time.Now(), body); err != nil {
		return fmt.Errorf("second channel: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "mimamori")
	trace.Inject(ctx, req.Header)
	resp, err := g.Client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok { // its text repeats the URL
			err = e.Err
		}
		if errors.Is(err, webhook.ErrBlocked) {
			return fmt.Errorf("second channel: %w", err)
		}
		return fmt.Errorf("second channel: %w", errors.Join(err, mimamori.ErrUnavailable))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // what it says is not needed
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case slices.Contains([]int{http.StatusGone, http.StatusNotFound, http.StatusUnprocessableEntity}, resp.StatusCode):
		return fmt.Errorf("second channel: status %d", resp.StatusCode)
	}
	return fmt.Errorf("second channel: status %d: %w", resp.StatusCode, mimamori.ErrUnavailable)
}
