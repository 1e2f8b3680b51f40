package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/mail/mailbox"
)

// shown counts what the terminal has told of timelines and mails.
type shown struct {
	entries map[mimamori.IncidentID]int
	state   map[mimamori.IncidentID]string
	mails   int
}

// report tells what became visible since it was last called: new lines of the
// incidents' timelines, new states, new mails.
func (t *town) report(ctx context.Context) error {
	if t.shown.entries == nil {
		t.shown.entries, t.shown.state = map[mimamori.IncidentID]int{}, map[mimamori.IncidentID]string{}
	}
	all, err := t.doors.incidents(ctx, "")
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		in := all[i]
		fresh := in.Timeline[min(t.shown.entries[in.ID], len(in.Timeline)):]
		for n := 0; n < len(fresh); {
			e, same := fresh[n], 1
			for n+same < len(fresh) && fresh[n+same].Text == e.Text {
				same++
			}
			at, times := e.At.Local().Format("15:04:05"), ""
			if same > 1 {
				times = fmt.Sprintf("（%d）", same)
			}
			t.say.timeline(text(at+" "+e.Text.JA+times, at+" "+e.Text.EN+strings.NewReplacer("（", " (×", "）", ")").Replace(times)))
			n += same
		}
		t.shown.entries[in.ID] = len(in.Timeline)
		if was := t.shown.state[in.ID]; was != string(in.State) {
			t.shown.state[in.ID] = string(in.State)
			if in.State != incident.Suspected || len(in.Timeline) == 0 { // else it is about to be contained
				t.say.timeline(stateText(in))
			}
		}
	}
	mails := t.box.Messages("")
	for _, m := range mails[min(t.shown.mails, len(mails)):] {
		t.say.letter(m.To, mailbox.Decode(m.Raw, nil).Subject)
	}
	t.shown.mails = len(mails)
	return nil
}

// stateText says where an incident stands, in words.
func stateText(in told) mimamori.Text {
	names := map[string]mimamori.Text{
		"suspected":  text("気になる動きを記録しました（まだ何もしていません）", "something unusual is noted; nothing is done yet"),
		"held":       text("注文・ポイント・登録の変更を止めました（だれも締め出していません）", "orders, points and changes stand still; nobody is locked out"),
		"contained":  text("封じ込めました", "contained"),
		"waiting":    text("封じ込めが終わり、待ち時間に入りました", "contained; the wait has begun"),
		"recovering": text("待ち時間が終わり、お客さまが手続きできます", "the wait is over; the customer can come back"),
		"recovered":  text("お客さまが戻りました", "the customer is back"),
		"watching":   text("お客さまが戻り、90日のあいだ、ふだんより注意深く見守ります", "the customer is back; the account is watched more closely for 90 days"),
		"closed":     text("終わりました", "closed"),
		"dismissed":  text("心配のないものとして終えました", "dismissed"),
	}
	s := names[string(in.State)]
	return text(fmt.Sprintf("インシデント（%s）：%s", in.Subject, s.JA), fmt.Sprintf("Incident (%s): %s", in.Subject, s.EN))
}

// follow goes on telling what happens until the visitor ends it.
func (t *town) follow(ctx context.Context) error {
	was, err := t.truth()
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			t.say.goodbye(t.folder)
			return t.folder.keep(t)
		case err := <-t.shop.ended:
			t.shop.ended <- err // close reads it too
			return fmt.Errorf("the shop's process ended (%v): %s", err, t.shop.fate)
		case <-t.app.Store.Broken():
			return fmt.Errorf("the store can no longer write: %w", t.app.Store.Failed())
		case <-time.After(500 * time.Millisecond):
		}
		is, err := t.truth()
		if err == nil {
			err = t.changes(ctx, was, is)
			was = is
		}
		if err == nil {
			err = t.report(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// await reports while it waits for something outside.
func (t *town) await(ctx context.Context, most time.Duration, what string, ok func() (bool, error)) error {
	err := until(ctx, most, what, func() (bool, error) {
		if err := t.report(ctx); err != nil {
			return false, err
		}
		return ok()
	})
	if err != nil {
		return err
	}
	return t.report(ctx)
}

// newest is a customer's newest incident; the zero one when there is none.
func (t *town) newest(ctx context.Context, subject string) (told, error) {
	all, err := t.doors.incidents(ctx, subject)
	if err != nil || len(all) == 0 {
		return told{}, err
	}
	return all[0], nil
}
