package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/clock"
	"mimamori/incident"
	"mimamori/playbook"
	"mimamori/shop"
)

// openClock compares the clocks with what was written down before: a clock
// that was set while nothing ran is found out too, unless the machine was
// started again since.
func (a *App) openClock(ctx context.Context) error {
	read := a.Config.Clock
	if read == nil {
		read = clock.System
	}
	now := read()
	last, greatest, err := a.Store.Clock(ctx, now.Boot)
	if err != nil {
		return err
	}
	if now.Wall.Before(greatest.Add(-clock.Tolerance)) {
		a.clockFloor = greatest
		a.ring(alarm.ClockJumped)
		a.log.Error("the clock is behind what was written down before: waits that begin now count from then", "clock", now.Wall, "written", greatest)
	}
	if last.Boot == "" {
		last = now
	}
	a.clock = clock.NewWatch(read, last)
	if err := a.mindClock(ctx); err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { return a.Store.PutClock(context.Background(), read()) })
	return a.Store.PutClock(ctx, now)
}

// mindClock is called before anything that a wait depends on. Nothing polls:
// what nobody asks for does not matter yet.
func (a *App) mindClock(ctx context.Context) error {
	return a.clock.Look(func(by time.Duration, now clock.Reading) error {
		moved := 0
		if by > 0 {
			open, err := a.Store.OpenWaits(ctx)
			if err != nil {
				return err
			}
			for _, i := range open {
				if !i.WaitUntil.After(now.Wall.Add(-by)) {
					continue // it was over before the clock was set
				}
				if err := a.putOff(ctx, i, by, now.Wall); err != nil {
					return err
				}
				moved++
			}
		}
		a.ring(alarm.ClockJumped)
		a.log.Error("the clock was set", "by", by, "waits_put_off", moved)
		return a.Store.PutClock(ctx, now)
	})
}

func (a *App) putOff(ctx context.Context, i incident.Incident, by time.Duration, now time.Time) error {
	err := a.Store.ChangeIncident(ctx, i.Account, i.Subject, i.ID, func(i *incident.Incident) error {
		i.PutOff(by)
		return nil
	})
	if err != nil {
		return fmt.Errorf("put off the wait of %s: %w", i.ID, err)
	}
	return a.Store.NoteEntry(ctx, i.Account, incident.Entry{Incident: i.ID, Key: fmt.Sprintf("clock %d", now.Unix()), At: now.UTC(), Kind: "wait.moved",
		Actor: mimamori.System, Public: true, Text: mimamori.Text{
			JA: "当方のサーバーの時計が直されたため、待ち時間の終わりの表示を改めました。待ち時間の長さは変わりません",
			EN: "Our server's clock was set, so the end of the wait is written anew; the wait is as long as before"}})
}

// minding looks at the clock before an act that a wait depends on.
func (a *App) minding(act playbook.Act) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		if err := a.mindClock(ctx); err != nil {
			return playbook.Again(err)
		}
		return act(ctx, s)
	}
}

// mindful looks at the clock before the pages by which customers get back in.
func (a *App) mindful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/recover/") {
			if err := a.mindClock(r.Context()); err != nil {
				a.log.Error("look at the clock", "err", err)
				w.Header().Set("Retry-After", "2")
				http.Error(w, "しばらくしてから、もう一度お試しください。 / Please try again in a moment.", http.StatusServiceUnavailable)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// commands is the shop as steps give it commands.
func (a *App) commands(ctx context.Context) (shop.Shop, error) {
	at, err := a.Store.RestoredAt(ctx)
	if err != nil || at.IsZero() {
		return a.Shop, err
	}
	return restored{a.Shop, at.Add(shop.IDLifetime), a.log}, nil
}

// restored is the shop after a backup was put back: it may know a command by
// its id that the backup has not given yet, and refuses it for its other
// content (its time). Then it was carried out, and is not to be again; what
// has become of it is read back by the checks.
type restored struct {
	shop.Shop
	until time.Time
	log   *slog.Logger
}

// Do gives a command.
func (r restored) Do(ctx context.Context, c shop.Command) (shop.Answer, error) {
	answer, err := r.Shop.Do(ctx, c)
	if try, ok := errors.AsType[*shop.TryError](err); ok && try.Status == http.StatusConflict && time.Now().Before(r.until) {
		r.log.Warn("the shop knows this command from before the restore", "type", string(c.Type), "id", c.ID)
		return shop.Answer{Result: shop.Already}, nil
	}
	return answer, err
}
