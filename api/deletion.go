package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

type deletionOut struct{ Body Deleted }

// deletionDoor has its own scope: a key that reports events, or reads, destroys
// nothing when it is stolen.
func (d *doors) deletionDoor() {
	open(d, door{method: http.MethodDelete, path: "/v1/accounts/{subject}", id: "delete-account", scope: staff.ScopeErase, tag: tagAccounts,
		title: mimamori.Text{JA: "アカウントの情報をすべて削除する", EN: "Delete everything kept of an account"},
		text: "For a customer who has left or asks for it. Everything goes but the audit log, where it cannot be read any more, and the states and times of incidents. " +
			"The same again changes nothing. While an incident is open or a legal hold stands it waits. At most 200 an hour by one key."},
		d.delete)
}

func (d *doors) delete(ctx context.Context, k staff.APIKey, in *historyIn) (*deletionOut, error) {
	if d.opt.Deletions == nil {
		return nil, missing()
	}
	if err := named("subject", in.Subject); err != nil {
		return nil, err
	}
	if d.opt.Erased != nil {
		if err := d.opt.Erased(ctx, k); errors.Is(err, staff.ErrTooMany) {
			return nil, tooMany(10 * time.Minute)
		} else if err != nil {
			return nil, fmt.Errorf("delete an account: %w", err)
		}
	}
	if err := d.saw(ctx, k, audit.AccountForget, audit.Target{Account: mimamori.NewAccountID(in.Subject)}); err != nil {
		return nil, err
	}
	out, err := d.opt.Deletions.Delete(ctx, in.Subject, k.Actor())
	if err != nil {
		return nil, fmt.Errorf("delete an account: %w", err)
	}
	return &deletionOut{out}, nil
}
