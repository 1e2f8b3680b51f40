package walktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/client"
	"mimamori/demoshop"
	"mimamori/factor/code"
	"mimamori/incident"
	"mimamori/staff"
	"mimamori/web/webtest"
)

// colleague is somebody at the desk.
type colleague struct{ login, password, secret string }

func (w *world) hire(login string, roles ...staff.Role) colleague {
	w.t.Helper()
	n := staff.NewPerson{Login: login, Name: login, Roles: roles, Lang: w.lang}
	welcome, err := w.app.Staff.Create(w.t.Context(), w.app.Guard, mimamori.System, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return colleague{login, welcome.Password, welcome.Secret}
}

// atDesk signs a colleague in at the console.
func (k *walker) atDesk(desk string, c colleague) *walker {
	k.t.Helper()
	typed, err := code.TOTP(c.secret, time.Now())
	if err != nil {
		k.t.Fatal(err)
	}
	return k.open(desk+"/sign-in").types("login", c.login).types("password", c.password).types("code", typed).press(k.say("サインイン", "Sign in"))
}

// incidentOf waits for a customer's incident to stand in a state.
func (w *world) incidentOf(subject string, in ...incident.State) *incident.Incident {
	w.t.Helper()
	var found *incident.Incident
	w.until(fmt.Sprintf("incident of %s in %v", subject, in), func() bool {
		list, err := w.app.Store.Incidents(w.t.Context(), mimamori.NewAccountID(subject))
		if err != nil || len(list) == 0 || !slices.Contains(in, list[0].State) {
			return false
		}
		found = &list[0]
		return true
	})
	return found
}

// holds says whether the shop has an address with such a line.
func (w *world) holds(subject, line string) bool {
	return slices.ContainsFunc(w.account(subject).Resources, func(r client.Resource) bool { return strings.Contains(string(jsonOf(r)), line) })
}

func jsonOf(v any) []byte {
	b, _ := json.Marshal(v) // plain values
	return b
}

// TestDeskWalk: an agent finds the night's incident by keys, says why she opens
// it, takes the undo back and carries it out again, sees which other account
// the intruder touched, holds that one as a bulk act, and takes it back with a
// second person.
func TestDeskWalk(t *testing.T) {
	inEach(t, mimamori.Japanese, func(t *testing.T, lang mimamori.Lang) {
		w := newWorld(t, lang, 5*time.Hour)
		nightIntruder(w)
		const line = "大阪市北区曽根崎新地1-1-1"
		i := w.incidentOf(demoshop.Hanako, incident.Waiting)
		w.until("the address is gone", func() bool { return !w.holds(demoshop.Hanako, line) })
		// He was in a second account too, on the same connection, and left an
		// address there that tries to run.
		v := w.intruder("tokyo-server")
		if p, err := v.SignIn(t.Context(), demoshop.Taro, passwords[demoshop.Taro]); err != nil {
			t.Fatalf("%v %v", p, err)
		}
		_, _, _ = v.AddAddress(t.Context(), `<script>window.ran=1</script>`, "530-0002", "大阪府", `"><img src=x onerror=window.ran=1>`)

		l := w.listen()
		w.serve(l, w.app.Console)
		desk, k := local(l), newWalker(w)
		ai, rei := w.hire("ai", staff.Lead), w.hire("rei", staff.Lead)
		k.hold(webtest.Desk, false)
		k.atDesk(desk, ai).look("desk-1-queue")
		k.opensByKeys(i.ID).look("desk-2-incident")
		k.sees(k.say("お客様にお願いしていること", "Left for the customer to do"))

		// The undo is taken back, and that is taken back again.
		k.press(k.say("元に戻したことを取り消す", "Take the undo back"))
		w.until("the address is there again", func() bool { return w.holds(demoshop.Hanako, line) })
		k.again(desk + "/incidents/" + string(i.ID)).look("desk-3-taken-back")
		k.press(k.say("この計画を実行する", "Carry out this plan"))
		w.until("the address is gone again", func() bool { return !w.holds(demoshop.Hanako, line) })

		k.again(desk + "/incidents/" + string(i.ID)).sees(demoshop.Taro)
		touchedAndBack(k, desk, rei)
		if ask[bool](k, "!!window.ran") {
			t.Error("what the intruder wrote into an address ran at the desk")
		}
	})
}

// again opens a page that may just be loading itself again because of news.
func (k *walker) again(address string) *walker {
	k.t.Helper()
	for try := 0; ; try++ {
		err := chromedp.Do(k.ctx, chromedp.Navigate(address))
		if err == nil {
			return k.stays()
		}
		if try == 5 {
			k.t.Fatal(err)
		}
	}
}

// stays puts the cursor into a field: the page does not load itself again then.
func (k *walker) stays() *walker {
	k.t.Helper()
	ask[string](k, `document.querySelector("main textarea, main input:not([type=hidden])")?.focus(), ""`)
	return k
}

// opensByKeys goes through the queue to an incident without a mouse.
func (k *walker) opensByKeys(id mimamori.IncidentID) *walker {
	k.t.Helper()
	for range 10 {
		k.do(chromedp.KeyEvent("j"))
		if ask[bool](k, `!!document.activeElement.href?.includes("`+string(id)+`")`) {
			k.do(chromedp.KeyEvent("\r"))
			k.w.until("the reason is asked", func() bool { return ask[bool](k, `!!document.querySelector('input[name="why"]')`) })
			return k.press(k.say("記録して開く", "Record and open")).stays()
		}
	}
	k.t.Fatalf("no key leads to %s:\n%s", id, k.text())
	return k
}

// touchedAndBack holds all accounts that the intruder touched, and takes that
// back with a second person.
func touchedAndBack(k *walker, desk string, second colleague) {
	w := k.w
	held := func() bool { return len(w.account(demoshop.Taro).Held) > 0 }
	before := held()
	k.press(k.say("お金と変更を止める", "Put on hold"))
	k.sees(k.say("行うとどうなるか", "What it means"), k.say("お一人で実行できます", "One person may do this")).look("desk-4-preview")
	k.types("reason", "the same intruder").press(k.say("実行する", "Carry out"))
	w.until("the bulk act is done", func() bool {
		return ask[string](k, `document.querySelector("progress")?.value + "/" + document.querySelector("progress")?.max`) == "1/1" && w.account(demoshop.Taro).Subject != ""
	})
	at := ask[string](k, "location.pathname")
	k.again(desk + at).look("desk-5-done")
	w.until("the second account is held", held)
	if before {
		k.t.Log("it was held already: the act found nothing to do")
	}
	k.press(k.say("取り消す", "Take it back"))
	ask[string](k, `document.querySelectorAll("details").forEach(d => d.open = true), ""`)
	k.types("reason", "it was a test").press(k.say("取り消しの承認を頼む", "Ask a second person to take it back"))
	k.again(desk + "/waiting").sees(k.say("あなたの依頼です", "You asked"))
	k.press(k.say("サインアウト", "Sign out"))
	k.atDesk(desk, second).again(desk + "/waiting").look("desk-6-second")
	k.types("reason", "I looked at it").press(k.say("承認して実行する", "Approve"))
	k.again(desk + at)
	w.until("the bulk act is taken back", func() bool {
		k.again(desk + at)
		return ask[bool](k, `document.body.innerText.includes("`+k.say("取り消しました", "Taken back")+`")`)
	})
	k.look("desk-7-back")
	if !before {
		w.until("the second account is free", func() bool { return !held() })
	}
}
