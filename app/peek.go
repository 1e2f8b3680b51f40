package app

import (
	"context"
	"errors"
	"path/filepath"

	"mimamori/audit"
	"mimamori/keys"
	"mimamori/store"
)

// Peeking is an installation's data opened to be read, beside its server.
type Peeking struct {
	Store *store.SQL
	Ring  *keys.Ring
	Vault *keys.Vault
	Audit *audit.Log
}

// Peek opens the data of a configuration to read it.
func Peek(ctx context.Context, c Config) (_ *Peeking, err error) {
	p := &Peeking{}
	if p.Store, err = store.Peek(ctx, c.Place()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Store.Close())
		}
	}()
	master, err := masterKey(ctx, c)
	if err != nil {
		return nil, err
	}
	if p.Ring, err = keys.Open(ctx, p.Store, master); err != nil {
		return nil, err
	}
	p.Vault = keys.NewVault(p.Store, master)
	p.Store.SealWith(p.Vault)
	p.Audit = audit.New(p.Store, p.Ring, p.Vault)
	return p, nil
}

// Close ends the reading.
func (p *Peeking) Close() error { return p.Store.Close() }

func masterKey(ctx context.Context, c Config) (keys.Master, error) {
	if len(c.MasterCommand) > 0 {
		return keys.MasterFromCommand(ctx, c.MasterCommand)
	}
	return keys.MasterFromFile(filepath.Join(c.Data, "master.key"))
}
