package alarm

import (
	"fmt"
	"strings"
	"time"

	"mimamori"
)

// Word says what a kind means, for people.
func (k Kind) Word() mimamori.Text {
	return words[k]
}

var words = map[Kind]mimamori.Text{
	NeedsPerson:  {JA: "担当者の判断を待っている事案があります", EN: "An incident waits for a person"},
	Budget:       {JA: "自動で対応できる件数の上限に達しました。以後は担当者の確認が必要です", EN: "The hourly budget is reached: from here on a person must decide"},
	ShopSilent:   {JA: "お店への依頼が通りません", EN: "The shop does not answer commands"},
	MailBouncing: {JA: "お客さまへのお知らせが届かず、戻ってきています", EN: "Notices to customers come back"},
	MassLookup:   {JA: "一人の担当者が、短い時間に多くのお客さまの記録を見ました", EN: "One person looked at many accounts in a short time"},
	LawDeadline:  {JA: "個人情報保護委員会への報告の期限が近いか、過ぎています", EN: "A report to the data protection commission is near its deadline or past it"},
	AnchorFailed: {JA: "監査記録の署名を外部の保管先に渡せません", EN: "A place outside does not take the audit log's head"},
	StoreFailed:  {JA: "記録を書き込めません。サービスは止まります", EN: "Records can no longer be written: the service ends"},
	ClockJumped:  {JA: "サーバーの時計が大きく動きました", EN: "The server's clock has jumped"},
	BreakGlass:   {JA: "会社の認証を通らない緊急用のサインインがありました", EN: "Somebody signed in by the emergency way beside the identity provider"},
	StaffPower:   {JA: "一人の担当者が、二人目の確認をできる人を加えました。本人の別名でないことを、ほかの人が確かめてください", EN: "One person let in somebody who may approve as a second person: somebody else should make sure that it is not himself again"},
	SourceFlood:  {JA: "一つの送り元から、異常に多くの事案が開かれています。対応の一覧で「同じ送り元から多数」に絞ってください", EN: "One source opens far more incidents than is usual: narrow the queue to those of very many from one source"},
	KeyWords:     {JA: "一つのAPIキーが、異常に多くの第三者利用を届け出ました", EN: "One API key reported more intruders than is usual"},
}

// most is how many of a kind a message names; the rest is counted.
const most = 20

// letter writes one message about several alarms: subject and body.
func letter(list []Alarm, lang mimamori.Lang, console string, zone *time.Location) (subject, body string) {
	ja := lang != mimamori.English
	say := func(j, e string) string {
		if ja {
			return j
		}
		return e
	}
	open := 0
	for _, a := range list {
		if a.Open() {
			open++
		}
	}
	first := list[0].Kind.Word()
	switch {
	case open == 0:
		subject = say("［Mimamori］解消しました：", "[Mimamori] Over: ")
	default:
		subject = say("［Mimamori］要確認：", "[Mimamori] Please look: ")
	}
	subject += say(first.JA, first.EN)
	if n := len(list); n > 1 {
		subject += fmt.Sprintf(say("（ほか%d件）", " (and %d more)"), n-1)
	}
	var out strings.Builder
	for _, over := range []bool{false, true} {
		for _, k := range Kinds {
			n := 0
			for _, a := range list {
				if a.Kind != k || a.Open() == over {
					continue
				}
				if n++; n == 1 {
					out.WriteString(say(k.Word().JA, k.Word().EN) + say("。", "."))
					if over {
						out.WriteString(say("→ 解消しました。", " Over now."))
					}
					out.WriteString("\n")
				}
				if n <= most {
					out.WriteString("  " + line(a, say, zone) + "\n")
				}
			}
			if n > most {
				fmt.Fprintf(&out, say("  ほか%d件\n", "  and %d more\n"), n-most)
			}
			if n > 0 {
				out.WriteString("\n")
			}
		}
	}
	if console != "" {
		out.WriteString(say("管理画面の「警報」：", "Alarms in the console: ") + console + "/alarms\n")
	}
	out.WriteString(say("続いている間は、1時間後、その4時間後、以後は1日ごとにお知らせします。お客さまの情報は、このメールには書かれません。\n",
		"While it lasts you are told again after 1 hour, 4 hours more, then daily. No customer's data stands in this mail.\n"))
	return subject, out.String()
}

func line(a Alarm, say func(j, e string) string, zone *time.Location) string {
	s := a.About
	if s == "" {
		s = a.ID
	}
	s += say("　", "  ") + a.RaisedAt.In(zone).Format("2006-01-02 15:04 MST")
	if a.Count > 1 {
		s += fmt.Sprintf(say("　%d回", "  %d times"), a.Count)
	}
	return s
}
