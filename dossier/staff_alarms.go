package dossier

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/alarm"
	"mimamori/audit"
	"mimamori/web/console"
)

// maxAlarms is how many the page lists.
const maxAlarms = 200

// Alarms are the pages' alarms: each look and each acknowledgement passes the
// guard and is recorded.
type Alarms struct {
	Store alarm.Store
	Guard audit.Guard
	// People says who acknowledges; nil: nobody who was let in is told apart.
	People People
	Wake   func() // the bell: what is over is told
}

var _ console.Alarms = (*Alarms)(nil)

// Alarms lists the open ones, with all set those that are over behind them.
func (x *Alarms) Alarms(ctx context.Context, actor mimamori.Actor, all bool) ([]alarm.Alarm, error) {
	if err := x.Guard.Allow(ctx, actor, audit.LookAlarms, audit.Target{}, ""); err != nil {
		return nil, err
	}
	return x.Store.Alarms(ctx, all, maxAlarms)
}

// SeenAlarm notes that the actor has seen one.
func (x *Alarms) SeenAlarm(ctx context.Context, actor mimamori.Actor, id string) error {
	if err := x.Guard.Allow(ctx, actor, audit.AlarmSeen, audit.Target{}, id); err != nil {
		return err
	}
	var since time.Time // when he came
	if x.People != nil && actor.Kind == mimamori.ActorStaff {
		p, err := x.People.Person(ctx, actor.ID)
		if err != nil {
			return err
		}
		since = p.CreatedAt
	}
	err := x.Store.ChangeAlarm(ctx, id, func(a *alarm.Alarm) error {
		// Whom an alarm is about must not have it acknowledged by himself again.
		if a.Kind == alarm.StaffPower && since.After(a.RaisedAt.Add(-alarm.Delay)) {
			return fmt.Errorf("acknowledge %s: he came with it: %w", a.ID, mimamori.ErrDenied)
		}
		return a.Acknowledge(actor, time.Now().UTC())
	})
	if err == nil {
		x.Wake()
	}
	return err
}
