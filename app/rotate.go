package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"

	"mimamori"
	"mimamori/audit"
	"mimamori/keys"
	"mimamori/webhook"
)

// RotateKey makes a new key of a use; the old ones stay believed for their
// overlap. It stands in the audit log.
func (a *App) RotateKey(ctx context.Context, use keys.Use) error {
	if err := a.Ring.Rotate(ctx, use); err != nil {
		return err
	}
	return a.Audit.Record(ctx, mimamori.System, audit.KeyRotate, audit.Target{}, fmt.Sprintf("%s: %s", use, a.Ring.Active(use).ID), nil)
}

// RevokeKey ends belief in a key at once, after making its successor: when it
// leaked. It stands in the audit log.
func (a *App) RevokeKey(ctx context.Context, use keys.Use, id, why string) error {
	if err := a.Ring.Revoke(ctx, use, id); err != nil {
		return err
	}
	return a.Audit.Record(ctx, mimamori.System, audit.KeyRotate, audit.Target{}, fmt.Sprintf("%s revoked: %s", id, why), nil)
}

// ShopSecrets are all that sign commands now, the newest first: after a
// rotation the old one signs beside it, so that the shop may change its own
// side at any time within the overlap (Standard Webhooks: several signatures).
func (a *App) ShopSecrets() []string {
	if a.Config.Shop.Secret != "" {
		return []string{a.Config.Shop.Secret}
	}
	var out []string
	for _, k := range a.Ring.Verify(keys.Webhook) {
		out = append(out, "whsec_"+base64.StdEncoding.EncodeToString(k.Secret()))
	}
	return out
}

func (a *App) shopSecrets(context.Context) ([]webhook.Secret, error) {
	var out []webhook.Secret
	for _, text := range a.ShopSecrets() {
		s, err := webhook.ParseSecret(text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// RotateMaster wraps every key anew: with a new master key where it stands in a
// file, with the first of those that the command prints otherwise. It may be
// ended at any time and begun again. It gives how many keys were wrapped anew,
// and where the old master key is kept now (empty: the command's own).
func (a *App) RotateMaster(ctx context.Context, alone bool) (n int, old string, err error) {
	path := filepath.Join(a.Config.Data, "master.key")
	var m keys.Master
	if m, err = masterKey(ctx, a.Config); err != nil {
		return 0, "", err
	}
	switch file := len(a.Config.MasterCommand) == 0; {
	case m.Older() > 0: // begun, or put there by the operator
	case !file:
		return 0, "", fmt.Errorf("rotate master key: the master command prints one key: %w", mimamori.ErrConflict)
	case a.Store.Several() && !alone:
		return 0, "", fmt.Errorf("rotate master key: other nodes may be at work, and know one key: %w", mimamori.ErrConflict)
	default:
		if m, err = keys.BeginMasterFile(path); err != nil {
			return 0, "", err
		}
	}
	if n, err = keys.Rewrap(ctx, a.Store, m); err != nil {
		return n, "", err
	}
	if err = a.Audit.Record(ctx, mimamori.System, audit.KeyRotate, audit.Target{}, fmt.Sprintf("master: %d keys wrapped anew", n), nil); err != nil {
		return n, "", err
	}
	if len(a.Config.MasterCommand) > 0 {
		return n, "", nil
	}
	return n, path + ".old", keys.FinishMasterFile(path)
}
