package response

import (
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/playbook"
)

// Playbook is a named list of steps. A change to the list gets a new version;
// a run keeps the one it began with.
type Playbook struct {
	Name    string
	Version int
	Steps   func(i *incident.Incident, now time.Time) []playbook.Named
}

// The playbooks. The order of the takeover is the contract's with shops:
// sessions, password, sessions again (one may have begun meanwhile), orders,
// points, then the undo, then the notice. Containment never waits for mail.
var (
	HoldPlaybook = Playbook{"hold", 1, fixed(
		"account.hold", "points.freeze", "account.check", "notice.hold")}

	TakeoverPlaybook = Playbook{"takeover", 2, fixed(
		"sessions.revoke", "password.invalidate", "sessions.revoke", "orders.stop", "points.freeze", "factors.remove",
		"state.contained", "account.check", "undo.plan", "notice.contained", "wait.begin")}

	GracePlaybook = Playbook{"grace", 1, func(i *incident.Incident, _ time.Time) []playbook.Named {
		return []playbook.Named{{Name: "state.contained", At: i.DecidedAt.Add(incident.Grace)}, {Name: "wait.begin"}}
	}}

	SweepPlaybook = Playbook{"sweep", 2, fixed(
		"sessions.revoke", "factors.remove", "orders.stop", "points.freeze", "undo.plan")}

	LateSweepPlaybook = Playbook{"late_sweep", 2, fixed("factors.remove", "orders.stop", "undo.plan")}

	ReleasePlaybook = Playbook{"release", 1, fixed(
		"account.release", "points.unfreeze", "notice.release")}

	WatchPlaybook = Playbook{"watch", 2, func(i *incident.Incident, _ time.Time) []playbook.Named {
		return []playbook.Named{
			{Name: "account.release"}, {Name: "points.unfreeze"}, {Name: "notice.password_set"},
			{Name: "notice.reminders"},
			{Name: "watch.end", At: i.WatchUntil},
		}
	}}
)

func fixed(names ...string) func(*incident.Incident, time.Time) []playbook.Named {
	return func(*incident.Incident, time.Time) []playbook.Named {
		var out []playbook.Named
		for _, n := range names {
			out = append(out, playbook.Named{Name: n})
		}
		return out
	}
}

// StepText is how a step reads in the timeline once it is done.
func StepText(name string) (mimamori.Text, bool) {
	t, ok := stepTexts[name]
	return t, ok
}

var stepTexts = map[string]mimamori.Text{
	"sessions.revoke":     {JA: "すべての端末をサインアウトしました", EN: "Every device was signed out"},
	"password.invalidate": {JA: "パスワードを無効にしました", EN: "The password was made invalid"},
	"account.hold":        {JA: "ご注文・ポイント・ご登録内容の変更を一時的に止めました", EN: "Orders, points and changes were put on hold"},
	"account.release":     {JA: "止めていた操作を再開できるようにしました", EN: "What was on hold was released"},
	"order.cancel":        {JA: "未発送のご注文を取り消しました", EN: "An order not yet shipped was cancelled"},
	"order.unhide":        {JA: "履歴から隠されていたご注文を、見えるように戻しました", EN: "An order hidden from the history was made visible again"},
	"points.freeze":       {JA: "ポイントとギフト残高を凍結しました", EN: "Points and gift balance were frozen"},
	"points.unfreeze":     {JA: "ポイントとギフト残高の凍結を解除しました", EN: "Points and gift balance can be used again"},
	"points.restore":      {JA: "使われたポイントをお返ししました", EN: "Points that had been spent were given back"},
	"factors.remove":      {JA: "侵入のあとに加えられたサインインの確認方法を、外しました", EN: "Second steps added since the intrusion were removed"},
	"resource.restore":    {JA: "変更されたご登録内容を、元に戻しました", EN: "A changed detail was put back"},
	"resource.remove":     {JA: "追加されたものを、ご登録から外しました", EN: "Something that had been added was removed"},
	"payment.suspect":     {JA: "持ち込まれたカードまたは住所を、お店の決済担当に知らせました", EN: "The shop's payment side was told of the card or address brought in"},
	"account.check":       {JA: "お店の側で、確かに実行されたことを確かめました", EN: "It was checked at the shop that all this was really done"},
	"notice.contained":    {JA: "以前からのご連絡先に、お知らせを送りました", EN: "A notice was sent to the contacts from before"},
	"notice.hold":         {JA: "以前からのご連絡先に、お知らせを送りました", EN: "A notice was sent to the contacts from before"},
	"notice.reset_open":   {JA: "パスワードを再設定できることを、お知らせしました", EN: "A notice said that the password can be set again"},
	"notice.password_set": {JA: "新しいパスワードが設定されたことを、お知らせしました", EN: "A notice confirmed the new password"},
	"notice.release":      {JA: "解除をお知らせしました", EN: "A notice said that all is open again"},
	"wait.begin":          {JA: "パスワードを再設定できるまでの待ち時間に入りました", EN: "The wait until the password can be set again began"},
	"wait.end":            {JA: "待ち時間が終わり、パスワードを再設定できるようになりました", EN: "The wait is over: the password can be set again"},
	"watch.end":           {JA: "特に注意して見守る期間が終わりました", EN: "The time of closer watch is over"},
}

var (
	askConfirm      = mimamori.Text{JA: "対応の実行には、担当者の確認が必要です", EN: "A person must confirm before anything is done"}
	textOpened      = mimamori.Text{JA: "ふだんと違う利用に気づき、対応を始めました", EN: "Something unlike the customer was noticed, and the response began"}
	textPasswordSet = mimamori.Text{JA: "お客様が新しいパスワードを設定しました", EN: "The customer set a new password"}
	textDismissed   = mimamori.Text{JA: "お客様ご本人の利用とわかり、対応を終えました", EN: "It was the customer; the response was ended"}
)
