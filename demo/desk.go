package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"mimamori"
	"mimamori/factor/code"
)

// givePointsBack signs in at the console as the agent, says why, opens the
// incident and presses what gives points back, unless that was done already.
func (t *town) givePointsBack(ctx context.Context, id mimamori.IncidentID, already bool) error {
	b, err := t.agent(ctx)
	if err != nil {
		return err
	}
	at := "/incidents/" + string(id)
	if _, err := b.post(ctx, at+"/reason", url.Values{"why": {"work"}}); err != nil {
		return err
	}
	p, err := b.get(ctx, at)
	if err != nil {
		return err
	}
	t.seen.Pages["console"] = p
	if already {
		return nil
	}
	entry := p.find(`name="entry" value="([^"]+)"`)
	if entry == "" {
		return fmt.Errorf("the console offers no points to give back: %d %s", p.Status, p.headline())
	}
	done, err := b.post(ctx, at+"/points", url.Values{"entry": {entry}, "reason": {"デモ：第三者が使ったポイント"}})
	if err != nil {
		return err
	}
	t.seen.Pages["points given back"] = done
	if done.Status != 200 {
		return fmt.Errorf("the console did not give the points back: %d %s", done.Status, done.headline())
	}
	return nil
}

// agent signs in at the console. A code counts once: after a wrong one it waits
// for the next.
func (t *town) agent(ctx context.Context) (*browser, error) {
	s := t.folder.state.Staff[0]
	b := newBrowser(t.consoleURL, "", mimamori.Japanese)
	for range 2 {
		now, err := code.TOTP(s.Secret, time.Now())
		if err != nil {
			return nil, err
		}
		p, err := b.post(ctx, "/sign-in", url.Values{"login": {s.Login}, "password": {s.Password}, "code": {now}, "to": {"/"}})
		if err != nil {
			return nil, err
		}
		if p.Status == 200 {
			return b, nil
		}
		if err := sleep(ctx, time.Until(time.Now().Truncate(30*time.Second).Add(31*time.Second))); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the agent cannot sign in at the console")
}
