package dossier

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mimamori"
	"mimamori/mail"
	"mimamori/notice"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// RemindID mails the user id to an address, if it is one from before of some
// account. It looks beside the request: the answer is the same for any address,
// and comes before anything is known (standards A01, A02).
func (d *Desk) RemindID(ctx context.Context, v centre.Visitor, token, to string) error {
	st := d.opt.Store
	r, err := st.RecoveryByToken(ctx, recovery.HashToken(token))
	if err != nil {
		return err
	}
	if err := recovery.Own(ctx, st, r, v.Browser); err != nil {
		return err
	}
	addr, err := mail.ParseAddress(to)
	if err != nil || !d.opt.Sends.Take(v.IP, time.Now()) || !d.reminds.Take(addr.Addr, time.Now()) {
		return nil // as for an address of nobody
	}
	d.mails.Add(1)
	go func() {
		defer d.mails.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := d.remind(ctx, v.IP, r.Locale, addr.Addr); err != nil {
			d.log.Warn("remind of a user id", "err", err) // the customer asks again
		}
	}()
	return nil
}

func (d *Desk) remind(ctx context.Context, from netip.Addr, lang mimamori.Lang, to string) error {
	subjects, err := d.opt.Store.SubjectsByMail(ctx, to)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		f, err := d.open(ctx, subject)
		if err != nil {
			return err
		}
		if f.current != nil && !f.current.Open() {
			f.current = nil
		}
		contacts, _ := mailboxes(f)
		for _, c := range (recovery.Facts{Contacts: contacts}).Proofs() {
			if !strings.EqualFold(c.Value, to) {
				continue
			}
			facts := notice.Facts{Shop: d.opt.House.Shop, Centre: d.opt.House.Centre, CentreDomain: d.opt.House.CentreDomain, NoticeDomain: d.opt.House.NoticeDomain,
				At: time.Now(), Step: mimamori.Text{JA: "ユーザーIDのお問い合わせがありました。ユーザーIDは「" + subject + "」です", EN: "Somebody asked for the user ID. It is \"" + subject + "\""}}
			if from.IsValid() {
				facts.Place = d.opt.Geo.Lookup(from).Describe()
			}
			if err := d.mailReminder(ctx, f.account.ID, lang, facts, c.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Desk) mailReminder(ctx context.Context, account mimamori.AccountID, lang mimamori.Lang, facts notice.Facts, to string) error {
	n, err := notice.New(notice.UserID, lang, facts, to, time.Now().UTC())
	if err != nil {
		return err
	}
	n.AccountID = account
	if err := d.opt.Store.AddNotice(ctx, n); err != nil {
		return err
	}
	out, err := notice.Deliver(ctx, d.opt.Store, d.opt.Post, account, n.ID)
	if err == nil && out.State != notice.Sent {
		err = fmt.Errorf("deliver notice %s: %s: %w", n.ID, out.Why, mimamori.ErrUnavailable)
	}
	return err
}
