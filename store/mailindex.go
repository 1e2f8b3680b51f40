package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
)

// indexMails notes under a keyed hash which mail addresses an event names: who
// has forgotten her user id knows her address, and the shop's events are by id.
func (tx *tx) indexMails(e event.Event) error {
	if tx.s.mailHash == nil {
		return nil
	}
	for _, mail := range mailsOf(e) {
		if err := tx.indexMail(mail, e.Account, e.Subject); err != nil {
			return fmt.Errorf("note mail address: %w", err)
		}
	}
	return nil
}

func (tx *tx) indexMail(mail string, account mimamori.AccountID, subject string) error {
	return tx.exec(`INSERT INTO mail_index (hash, account_id, subject) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		tx.s.mailHash(foldMail(mail))[0], account[:], subject)
}

// mailsOf are the mail addresses that an event says an account has.
func mailsOf(e event.Event) []string {
	var out []string
	note := func(r event.Resource, v json.RawMessage) {
		if r.Kind != event.Contact || len(v) == 0 {
			return
		}
		flat := journal.Flatten(v)
		for _, field := range []string{"mail", "value"} {
			if s := flat.Show(field); strings.Contains(s, "@") {
				out = append(out, s)
			}
		}
	}
	switch d := e.Payload.(type) {
	case *event.Account:
		for _, r := range d.Resources {
			note(event.Resource{Kind: r.Kind, ID: r.ID}, r.Value)
		}
	case *event.Change:
		note(d.Resource, d.After)
	}
	return out
}

func foldMail(mail string) string { return strings.ToLower(strings.TrimSpace(mail)) }

// SubjectsByMail are whose account was ever reported with a mail address.
func (s *SQL) SubjectsByMail(ctx context.Context, mail string) ([]string, error) {
	var out []string
	if s.mailHash == nil {
		return nil, nil
	}
	for _, hash := range s.mailHash(foldMail(mail)) {
		rows, err := s.at(ctx).rows(`SELECT subject FROM mail_index WHERE hash = ? LIMIT 10`, hash)
		found, err := list(rows, err, func(r scanner) (subject string, err error) { return subject, r.Scan(&subject) })
		if err != nil {
			return nil, fmt.Errorf("look for a mail address: %w", err)
		}
		out = append(out, found...)
	}
	return out[:min(len(out), 10)], nil
}
