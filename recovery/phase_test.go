package recovery

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"mimamori/factor"
	"mimamori/incident"
	"mimamori/journal"
)

var at = time.Date(2026, 11, 10, 1, 20, 0, 0, time.UTC)

// facts of an account: what it has enrolled, its mailbox, and its incident.
func facts(enrolled []factor.Kind, doubt bool, i *incident.Incident, proofs ...factor.Kind) Facts {
	f := Facts{Record: Record{Subject: "hanako", ExpiresAt: at.Add(Life), Proofs: proofs}, Incident: i, MailInDoubt: doubt, Now: at.Add(6 * time.Hour),
		Contacts: []journal.Contact{{ID: "mail", Kind: "mail", Value: "h@mail.example", Proves: true}}}
	if len(proofs) > 0 {
		f.Record.ProvenAt = f.Now.Add(-time.Minute)
	}
	for _, k := range enrolled {
		f.Factors = append(f.Factors, factor.Factor{Kind: k, BoundAt: at.Add(-time.Hour), UsableAt: at, ConfirmedAt: at})
	}
	return f
}

// TestA16_TwoProofsByDifferentMethods: every pair of proofs, for every account
// that needs two: two by different methods let in, one by itself does not, the
// same one twice neither; a passkey is two by itself.
func TestA16_TwoProofsByDifferentMethods(t *testing.T) {
	kinds := []factor.Kind{factor.MailCode, factor.TOTP, factor.Recovery, factor.Passkey, Vouched}
	whole := []factor.Kind{factor.Passkey, Vouched}
	for name, f := range map[string]func(...factor.Kind) Facts{
		"a second step":   func(p ...factor.Kind) Facts { return facts([]factor.Kind{factor.TOTP}, false, nil, p...) },
		"recovery codes":  func(p ...factor.Kind) Facts { return facts([]factor.Kind{factor.Recovery}, false, nil, p...) },
		"a doubtful mail": func(p ...factor.Kind) Facts { return facts(nil, true, nil, p...) },
	} {
		for _, a := range kinds {
			want := slices.Contains(whole, a)
			if got := PhaseOf(f(a)) == Proven; got != want {
				t.Errorf("with %s, %s alone lets in: %v, want %v", name, a, got, want)
			}
			for _, b := range kinds {
				want := a != b || slices.Contains(whole, a)
				if got := PhaseOf(f(a, b)) == Proven; got != want {
					t.Errorf("with %s, %s and %s let in: %v, want %v", name, a, b, got, want)
				}
			}
		}
	}
	if PhaseOf(facts(nil, false, nil, factor.MailCode)) != Proven {
		t.Error("without a second step a mailed code does not let in")
	}
}

// TestC4_OnlySomethingFromBeforeSkipsTheWait: in the wait, no proof but one with
// a passkey or an authenticator in it opens the reset, and a person's word does
// not either (A11).
func TestA11_OnlySomethingFromBeforeSkipsTheWait(t *testing.T) {
	i := &incident.Incident{State: incident.Waiting, DecidedAt: at, WaitUntil: at.Add(5 * time.Hour)}
	enrolled := []factor.Kind{factor.TOTP, factor.Passkey, factor.Recovery}
	for _, c := range []struct {
		proofs []factor.Kind
		want   Phase
	}{
		{nil, Waiting}, {[]factor.Kind{factor.MailCode, factor.Recovery}, Waiting}, {[]factor.Kind{Vouched}, Waiting}, {[]factor.Kind{Vouched, factor.MailCode}, Waiting},
		{[]factor.Kind{factor.TOTP}, Choose}, {[]factor.Kind{factor.TOTP, factor.MailCode}, Proven}, {[]factor.Kind{factor.Passkey}, Proven},
	} {
		f := facts(enrolled, false, i, c.proofs...)
		f.Now = at.Add(time.Hour)
		if len(c.proofs) > 0 {
			f.Record.ProvenAt = f.Now
		}
		if got := PhaseOf(f); got != c.want {
			t.Errorf("%v in the wait: %s, want %s", c.proofs, got, c.want)
		}
	}
}

// TestG08_SecondIntrusionTakesMoreThanAMailbox: the wait over or not.
func TestG08_SecondIntrusionTakesMoreThanAMailbox(t *testing.T) {
	i := &incident.Incident{State: incident.Recovering, Previous: "inc_1", DecidedAt: at, WaitUntil: at.Add(5 * time.Hour)}
	for want, f := range map[Phase]Facts{
		Person: facts(nil, true, i, factor.MailCode, factor.Recovery),
		Proven: facts(nil, true, i, Vouched),
		Choose: facts([]factor.Kind{factor.TOTP}, true, i, factor.MailCode, factor.Recovery),
	} {
		if got := PhaseOf(f); got != want {
			t.Errorf("with %v: %s, want %s", f.Record.Proofs, got, want)
		}
	}
}

// TestA19_NoSecretQuestions: the kinds of proof are these and no other, and a
// recovery keeps no answer to anything.
func TestA19_NoSecretQuestions(t *testing.T) {
	want := []factor.Kind{factor.MailCode, factor.Passkey, factor.TOTP, factor.Recovery}
	if got := Methods(facts(nil, false, nil)); !slices.Equal(got, want) {
		t.Errorf("methods are %v, want %v", got, want)
	}
	for i := range reflect.TypeFor[Record]().NumField() {
		if name := reflect.TypeFor[Record]().Field(i).Name; slices.Contains([]string{"Question", "Answer", "Hint"}, name) {
			t.Errorf("a recovery keeps a %s", name)
		}
	}
}

// TestG12_ATelephoneReceivesNoCode: a number may have moved to another card.
func TestG12_ATelephoneReceivesNoCode(t *testing.T) {
	f := facts(nil, false, nil)
	f.Contacts = []journal.Contact{{ID: "phone", Kind: "phone", Value: "+81-90-0000-0000", Proves: true}}
	if got := f.Proofs(); len(got) != 0 {
		t.Errorf("codes would go to %v", got)
	}
}

// TestA03_TokensAreLongAndDiffer: 256 bits, and none twice in ten thousand.
func TestA03_TokensAreLongAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		token, hash := NewToken()
		if len(token) != 43 || seen[token] || seen[string(hash)] || string(HashToken(token)) != string(hash) {
			t.Fatalf("token %q is short, or was there before", token)
		}
		seen[token], seen[string(hash)] = true, true
	}
}
