package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/profile"
	"mimamori/staff"
)

// ground is what a measurement stands on: a data folder with customers who
// have a past, a key to the doors, and a shop that takes commands.
type ground struct {
	Options
	settings Settings
	key      string
	shop     *standIn
}

func (g *ground) close() { g.shop.close() }

// config is the installation under measurement: the defaults, in mode
// enforce, without a cap for the one key that all requests come with.
func (s Settings) config() app.Config {
	c := app.DefaultConfig()
	c.Data, c.PublicURL = s.Data, "http://localhost"
	c.Shop.URL, c.Shop.Source, c.Shop.AllowHTTP = s.Shop, source, true
	c.Shop.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Shop.Home, c.Shop.SignIn, c.Shop.Forgot, c.Shop.ChallengeReturn = "http://localhost/", "http://localhost/in", "http://localhost/forgot", "http://localhost/back"
	c.Shop.ReturnHosts = []string{"localhost"}
	c.RatePerKey = -1
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return c
}

const source = "bench"

// lay makes the ground: the key, and the accounts with their past.
func lay(ctx context.Context, o Options) (*ground, error) {
	g := &ground{Options: o}
	var err error
	if g.shop, err = openStandIn(); err != nil {
		return nil, err
	}
	g.settings = Settings{Data: filepath.Join(o.Folder, "data"), Shop: g.shop.url}
	a, err := app.New(ctx, g.settings.config())
	if err != nil {
		g.close()
		return nil, err
	}
	if g.key, _, err = a.APIKeys.Create(ctx, nil, mimamori.System, staff.NewAPIKey{Name: "bench", Scopes: staff.Scopes, Source: source}); err == nil {
		err = preload(ctx, a, o)
	}
	if stopped := a.Stop(); err == nil {
		err = stopped
	}
	if err != nil {
		g.close()
		return nil, fmt.Errorf("make accounts to measure with: %w", err)
	}
	return g, nil
}

// patterns is how many different pasts there are: beyond them accounts differ
// by their device alone.
const patterns = 200

// preload writes accounts with three sign-ins of the last two months each. The
// first of each pattern goes through the door for the past, the others are
// copies of its row with a device of their own.
func preload(ctx context.Context, a *app.App, o Options) error {
	models := make([]*incident.Account, min(patterns, o.Accounts))
	began := time.Now()
	for i := range models {
		var past []event.Event
		for k := range 3 {
			at := time.Now().Add(-time.Duration(60-25*k) * 24 * time.Hour)
			e, err := event.DecodeLine(login(source, i, fmt.Sprint("past-", k), at), time.Now(), event.Limits{})
			if err != nil {
				return err
			}
			past = append(past, e)
		}
		if _, err := a.Intake.Take(ctx, past, intake.How{Past: true}); err != nil {
			return err
		}
		var err error
		if models[i], err = a.Store.ReadAccount(ctx, subject(i)); err != nil {
			return err
		}
	}
	for from := len(models); from < o.Accounts; from += slice {
		to := min(from+slice, o.Accounts)
		err := a.Store.Take(ctx, false, func(tx intake.Tx) error {
			for i := from; i < to; i++ {
				if err := tx.PutAccount(copied(models[i%patterns], i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if o.Accounts > 100_000 && from/slice%20 == 0 {
			left := time.Duration(float64(time.Since(began)) / float64(to) * float64(o.Accounts-to))
			fmt.Fprintf(o.Out, "\raccounts: %d of %d, %s left   ", to, o.Accounts, left.Round(time.Second))
		}
	}
	if o.Accounts > 100_000 {
		fmt.Fprintf(o.Out, "\raccounts: %d in %s                 \n", o.Accounts, time.Since(began).Round(time.Second))
	}
	return nil
}

const slice = 2000 // accounts a transaction

func copied(model *incident.Account, i int) *incident.Account {
	out := *model
	out.Subject = subject(i)
	out.ID, out.Exists = mimamori.NewAccountID(out.Subject), false
	out.Profile.Devices = nil
	for _, d := range model.Profile.Devices {
		d.Key = profile.DeviceKey(device(i), profile.ParseAgent(agents[i%patterns%len(agents)]))
		out.Profile.Devices = append(out.Profile.Devices, d)
	}
	return &out
}
