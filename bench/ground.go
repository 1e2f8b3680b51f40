package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"

	"mimamori"
	"mimamori/app"
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
	c.Data, c.Database, c.PublicURL = s.Data, s.Database, "http://localhost"
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
	g.settings = Settings{Data: filepath.Join(o.Folder, "data"), Shop: g.shop.url, Database: o.Database}
	a, err := app.New(ctx, g.settings.config())
	if err != nil {
		g.close()
		return nil, err
	}
	if g.key, _, err = a.APIKeys.Create(ctx, nil, mimamori.System, staff.NewAPIKey{Name: "bench", WordsAnHour: 1_000_000, Scopes: staff.Scopes, Source: source}); err == nil {
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
