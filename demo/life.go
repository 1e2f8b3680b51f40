package demo

import (
	"context"
	"fmt"
	"slices"

	"mimamori"
	"mimamori/client"
	"mimamori/demoshop"
)

// changes tells what changed at the shop between two looks into its database:
// what the visitor did himself as well as what Mimamori had the shop do.
func (t *town) changes(ctx context.Context, was, is demoshop.Truth) error {
	for _, subject := range sorted(is.Accounts) {
		a, b := was.Accounts[subject], is.Accounts[subject]
		if b.Sessions > a.Sessions {
			if err := t.signedIn(ctx, subject); err != nil {
				return err
			}
		}
		for _, p := range b.Purchases {
			if before := purchase(a, p.Order); before.State != p.State || before.Hidden != p.Hidden {
				t.say.shop(orderText(subject, before, p))
			}
		}
		if b.Points.Balance != a.Points.Balance {
			t.say.shop(text(fmt.Sprintf("お店（%s）：ポイントが%dから%dになりました。", subject, a.Points.Balance, b.Points.Balance), fmt.Sprintf("Shop (%s): points went from %d to %d.", subject, a.Points.Balance, b.Points.Balance)))
		}
		t.resources(subject, a.State.Resources, b.State.Resources)
		if b.Password != a.Password {
			now := map[bool]mimamori.Text{true: text("使えるようになりました", "is set again"), false: text("無効になりました", "is invalid now")}[b.Password == "set"]
			t.say.shop(text(fmt.Sprintf("お店（%s）：パスワードが%s。", subject, now.JA), fmt.Sprintf("Shop (%s): the password %s.", subject, now.EN)))
		}
	}
	return nil
}

// signedIn tells of the newest sign-in: from where, and what is held of it.
func (t *town) signedIn(ctx context.Context, subject string) error {
	var h struct {
		Logins []struct {
			IP, Owner string
			Place     mimamori.Text
			Outcome   string
		}
	}
	if err := t.doors.get(ctx, "/v1/accounts/"+subject+"/history", &h); err != nil || len(h.Logins) == 0 {
		return err
	}
	l := h.Logins[0]
	t.say.shop(text(fmt.Sprintf("お店（%s）：サインイン。%s（%s）", subject, l.Place.JA, l.IP), fmt.Sprintf("Shop (%s): a sign-in. %s (%s)", subject, l.Place.EN, l.IP)))
	return nil
}

func orderText(subject string, was, is demoshop.PurchaseTruth) mimamori.Text {
	did := text("注文しました", "was ordered")
	switch {
	case was.State != is.State && is.State == "cancelled":
		did = text("取り消されました", "was cancelled")
	case was.State != is.State && is.State == "shipped":
		did = text("発送されました", "was shipped")
	case was.State == is.State && is.Hidden:
		did = text("購入履歴から隠されました", "was hidden from the list")
	case was.State == is.State:
		did = text("また見えるようになりました", "is shown again")
	}
	return text(fmt.Sprintf("お店（%s）：%s（%d円、%s）%s。", subject, is.Product, is.Total, is.Order, did.JA), fmt.Sprintf("Shop (%s): %s (¥%d, %s) %s.", subject, is.Product, is.Total, is.Order, did.EN))
}

var kinds = map[string]mimamori.Text{
	"address": text("お届け先", "an address"), "payment_method": text("お支払い方法", "a payment method"), "subscription": text("プレミアム会員", "the premium membership"),
	"contact": text("連絡先", "a contact"), "setting": text("設定", "a setting"),
}

func (t *town) resources(subject string, was, is []client.Resource) {
	tell := func(r client.Resource, ja, en string) {
		k, ok := kinds[r.Kind]
		if !ok {
			k = text(r.Kind, r.Kind)
		}
		t.say.shop(text(fmt.Sprintf("お店（%s）：%s%s。", subject, k.JA, ja), fmt.Sprintf("Shop (%s): %s %s.", subject, k.EN, en)))
	}
	find := func(list []client.Resource, r client.Resource) int {
		return slices.IndexFunc(list, func(x client.Resource) bool { return x.Kind == r.Kind && x.ID == r.ID })
	}
	for _, r := range is {
		if i := find(was, r); i < 0 {
			tell(r, "が加わりました", "was added")
		} else if held(was[i]) != held(r) {
			tell(r, "が変わりました", "was changed")
		}
	}
	for _, r := range was {
		if find(is, r) < 0 {
			tell(r, "が外れました", "was removed")
		}
	}
}

func sorted(all map[string]demoshop.AccountTruth) []string {
	var out []string
	for s := range all {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
