package dossier

import (
	"context"
	"time"

	"mimamori"
	"mimamori/notice"
	"mimamori/web/centre"
)

// mailCode sends a code beside the request, so that the answer takes as long
// for nobody as for somebody.
//
// What is kept of it, so that its number is found by whoever doubts the mail,
// shows no code.
func (d *Desk) mailCode(v centre.Visitor, account mimamori.AccountID, lang mimamori.Lang, to, code string) {
	d.mails.Add(1)
	go func() {
		defer d.mails.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		facts := notice.Facts{Shop: d.opt.House.Shop, Centre: d.opt.House.Centre, CentreDomain: d.opt.House.CentreDomain, NoticeDomain: d.opt.House.NoticeDomain,
			Code: "••••••"}
		if v.IP.IsValid() {
			facts.Place = d.opt.Geo.Lookup(v.IP).Describe()
		}
		if err := d.sendMailed(ctx, account, lang, facts, to, code); err != nil {
			d.log.Warn("mail a code", "err", err) // the customer asks again
		}
	}()
}

func (d *Desk) sendMailed(ctx context.Context, account mimamori.AccountID, lang mimamori.Lang, facts notice.Facts, to, code string) error {
	now := time.Now().UTC()
	kept, err := notice.New(notice.Code, lang, facts, to, now)
	if err != nil {
		return err
	}
	kept.AccountID, kept.State, kept.SentAt, kept.ReadAt = account, notice.Sent, now, now
	if err := d.opt.Store.AddNotice(ctx, kept); err != nil {
		return err
	}
	facts.Code, facts.Reference, facts.WrittenAt = code, kept.Reference, now
	return notice.MailCode(ctx, d.opt.Post, lang, facts, to)
}
