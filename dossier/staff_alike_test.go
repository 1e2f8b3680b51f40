package dossier_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/web"
	"mimamori/web/console"
)

// TestWhatIsSharedIsShownMasked: the page says which value others have too and
// how many, masked; in clear only when asked, with a reason on the record.
func TestWhatIsSharedIsShownMasked(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		a := w.contained("hanako", 300)
		w.intrusion("taro", 300)
		w.shop.Customer("jiro")
		_, err := w.shop.SignIn("jiro", home)
		w.must(err)
		time.Sleep(24 * time.Hour)
		_, err = w.shop.SignIn("jiro", lagos)
		w.must(err)
		synctest.Wait()
		time.Sleep(time.Second)
		i := w.look(a.id)
		by := map[string]console.Common{}
		for _, c := range i.Common {
			by[c.Kind] = c
		}
		mail, client := by["mail"], by["client"]
		if got := web.Describe(mail.Fields, true, mimamori.English); mail.Accounts != 1 || strings.Contains(got, "intruder") || !strings.HasSuffix(got, "@mail.example") {
			t.Errorf("mail = %+v, shown %q; want one account and a masked address", mail, got)
		}
		if client.Accounts != 2 || !strings.Contains(client.Words.EN, "Chrome") || strings.Contains(client.Words.EN, lagos.IP) {
			t.Errorf("client = %+v; want two accounts, the browser's name, no address", client)
		}
		for _, x := range i.Alike {
			if len(x.Numbers) == 0 {
				t.Errorf("%s does not say which values it shares: %+v", x.Subject, x)
			}
			for _, n := range x.Numbers {
				if i.Of(n).Number != n {
					t.Errorf("%s: value %d is not on the page", x.Subject, n)
				}
			}
		}
		got, err := w.work.Reveal(t.Context(), on("rei", a.id), mail.Field)
		if err != nil || got != "intruder@mail.example" {
			t.Errorf("reveal = %q, %v", got, err)
		}
		if got, err := w.work.Reveal(t.Context(), on("rei", a.id), client.Field); err != nil || !strings.Contains(got, lagos.IP) {
			t.Errorf("reveal the client = %q, %v", got, err)
		}
		if list := w.record(a.id, audit.LookReveal); len(list) != 2 {
			t.Errorf("%d reveals on the record, want 2", len(list))
		}
		// What is not the incident's is not shown by this way.
		if _, err := w.work.Reveal(t.Context(), on("rei", a.id), "shared:00ff"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("reveal another's value: %v, want not found", err)
		}
		unmade := on("rei", a.id)
		unmade.Reason = ""
		if _, err := w.work.Reveal(t.Context(), unmade, mail.Field); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("reveal without a reason: %v, want denied", err)
		}
	})
}
