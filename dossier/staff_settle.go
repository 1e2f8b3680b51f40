package dossier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/web/console"
)

// outside says that a need is seen to outside of here, by telephone or at the
// carrier's, so that only a person can say that it is done.
func outside(n incident.Need) bool {
	return strings.HasPrefix(n.Key, "shipped ") || strings.HasPrefix(n.Key, "cancelled ")
}

// Settle ticks off what a person was asked to see to outside of here. Ticked
// off twice it is done once.
func (c *Casework) Settle(ctx context.Context, on console.On, key string) error {
	f, err := c.open(ctx, on, audit.IncidentResolve)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.current.NeedsPerson, func(n incident.Need) bool { return n.Key == key && outside(n) })
	if at < 0 {
		return fmt.Errorf("tick off a task of %s: %w", f.current.ID, mimamori.ErrNotFound)
	}
	if f.settled(key) {
		return nil
	}
	task := f.current.NeedsPerson[at].Text
	text := mimamori.Text{JA: "担当者が済ませました：" + task.JA, EN: "Staff saw to it: " + task.EN}
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		answered(i, now, func(n incident.Need) bool { return n.Key == key })
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		return tx.PutEntry(i.Account, said(i, on.Actor, "person", text, now))
	})
}

// recall is a letter to the carrier by which a parcel is stopped, ready to
// send: the shop knows the carrier and the parcel's number, we the order.
func recall(o *journal.Order) mimamori.Text {
	ja, en := o.Shipped.In(tokyo).Format("2006年1月2日 15:04"), o.Shipped.In(tokyo).Format("2 January 2006, 15:04")
	return mimamori.Text{
		JA: "件名：お荷物の差し止めのお願い（注文番号 " + o.ID + "）\n\n配送ご担当者様\n\n" + ja + "（日本時間）に発送した下記のお荷物は、お客様ではない第三者が注文したものとわかりました。配達を止め、当店までお戻しくださいますようお願いいたします。すでに配達されている場合は、配達の日時と場所をお知らせください。\n\n注文番号：" + o.ID + "\nお問い合わせ番号：（ご記入ください）\n",
		EN: "Subject: Please stop a parcel (order " + o.ID + ")\n\nTo the delivery team,\n\nThe parcel below, shipped on " + en + " (Japan time), was ordered by somebody who is not our customer. Please stop the delivery and return it to us. If it has been delivered already, please tell us when and where.\n\nOrder: " + o.ID + "\nTracking number: (please fill in)\n",
	}
}

var tokyo = time.FixedZone("JST", 9*60*60)
