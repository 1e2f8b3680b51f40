package geo

import (
	"context"
	"net/netip"
	"time"
)

type overlay struct{}

func loadOverlay(options Options, old *overlay) (*overlay, error) { return &overlay{}, nil }
func (o *overlay) apply(addr netip.Addr, p *Place)               {}
func (o *overlay) warnings(now time.Time) []error                { return nil }

// Reload looks whether a file of the options has changed and takes the new one.
func (db *DB) Reload(now time.Time) (changed bool, err error) { return false, nil }

// Run calls Reload each period until ctx ends; it returns at once when there
// is no file to look after.
func (db *DB) Run(ctx context.Context, every time.Duration) {}
