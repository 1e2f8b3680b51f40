package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mimamori/demoshop"
	"mimamori/mail/mailbox"
)

// evidence is everything that was seen from outside while a story was played.
// It is kept in the demo's folder, so that a table at the end also knows what
// was seen before a crash. The checks read nothing else.
type evidence struct {
	Before    *demoshop.Truth // the shop's database before the intruder came
	Contained *demoshop.Truth // once Mimamori had acted
	Reset     *demoshop.Truth // once the customer had a new password
	Second    *demoshop.Truth // once Mimamori had acted on the second intrusion
	End       *demoshop.Truth

	Orders  []string `json:"orders"` // the intruder's, as the shop's page named them
	Her     string   // her own order of the same evening
	Address string
	Card    string
	Quiet   int       // commands that the shop had before anybody knew the password
	Refused []string  // acts that the shop would not do for the intruder
	Acted   time.Time // when the intruder began
	Done    time.Time // when the account was contained, by the shop's clock
	Opens   time.Time // when the reset opens, as the way back says

	SecondDone, SecondOpens time.Time // the same of the second intrusion

	Pages   map[string]page // what pages showed, by the name the acts gave them
	Letters []letter        // the spool at the end
}

func newEvidence() *evidence { return &evidence{Pages: map[string]page{}} }

// letter is a mail as a reader gets it.
type letter struct {
	To, From, Subject, Body string
	At                      time.Time
	Signatures              []mailbox.Signature
}

// spool reads the mails of the SMTP server's folder, oldest first, and checks
// their signatures against the published keys.
func spool(dir string, lookup func(string) ([]string, error)) ([]letter, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var out []letter
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read the mails: %w", err)
		}
		l := letter{To: after(string(raw), "\r\nDelivered-To: ")}
		m := mailbox.Decode(raw, lookup)
		l.From, l.Subject, l.Body, l.Signatures = m.From, m.Subject, m.Body, m.Signatures
		if at, err := time.Parse("20060102T150405.000000000", strings.SplitN(filepath.Base(f), "-", 2)[0]); err == nil {
			l.At = at
		}
		out = append(out, l)
	}
	return out, nil
}

func after(s, mark string) string {
	_, rest, _ := strings.Cut(s, mark)
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

// mails are the letters to an address whose subject has these words.
func (e *evidence) mails(to, words string) []letter {
	var out []letter
	for _, l := range e.Letters {
		if l.To == to && strings.Contains(l.Subject, words) {
			out = append(out, l)
		}
	}
	return out
}

// account is a customer's in a truth; the empty one when there is none.
func account(t *demoshop.Truth, subject string) demoshop.AccountTruth {
	if t == nil {
		return demoshop.AccountTruth{}
	}
	return t.Accounts[subject]
}

// purchase finds an order in an account.
func purchase(a demoshop.AccountTruth, id string) demoshop.PurchaseTruth {
	for _, p := range a.Purchases {
		if p.Order == id {
			return p
		}
	}
	return demoshop.PurchaseTruth{State: "missing"}
}

// commands are those to an account, by type.
func commands(t *demoshop.Truth, subject string) map[string][]demoshop.CommandTruth {
	out := map[string][]demoshop.CommandTruth{}
	if t != nil {
		for _, c := range t.Commands {
			if c.Subject == subject {
				out[c.Type] = append(out[c.Type], c)
			}
		}
	}
	return out
}
