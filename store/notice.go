package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"mimamori"
	"mimamori/notice"
)

// noticeWords is what of a notice is personal; it stands sealed.
type noticeWords struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

var errNoSealer = fmt.Errorf("notices hold personal data and no key to seal it was given (SealWith): %w", mimamori.ErrUnavailable)

// AddNotice stores a new notice; ErrConflict when its id or reference exists.
func (s *SQL) AddNotice(ctx context.Context, n notice.Notice) error {
	words, err := json.Marshal(noticeWords{n.To, n.Subject, n.Body})
	if err != nil {
		return fmt.Errorf("add notice %s: %w", n.ID, err)
	}
	if words, err = s.sealed(ctx, n.AccountID, "notice "+n.ID+" words", words); err != nil {
		return fmt.Errorf("add notice %s: %w", n.ID, err)
	}
	if n.Raw, err = s.sealed(ctx, n.AccountID, "notice "+n.ID+" raw", n.Raw); err != nil {
		return fmt.Errorf("add notice %s: %w", n.ID, err)
	}
	return s.update(ctx, Normal, func(tx *tx) error {
		var taken bool // random, so that nobody takes the same at the same time
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM notice WHERE reference = ?)`, string(n.Reference)).Scan(&taken); err != nil {
			return fmt.Errorf("add notice %s: %w", n.ID, err)
		}
		if taken {
			return fmt.Errorf("add notice %s: its reference is taken: %w", n.ID, mimamori.ErrConflict)
		}
		return tx.addNotice(n, words)
	})
}

func (tx *tx) addNotice(n notice.Notice, words []byte) error {
	return tx.add("notice "+n.ID, `INSERT INTO notice (account_id, id, incident, kind, to_masked, lang, reference, created_at,
		message_id, digest, state, attempts, doubts, trying_at, sent_at, read_at, last_error, words, raw)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		n.AccountID[:], n.ID, string(n.IncidentID), string(n.Kind), n.ToMasked, string(n.Lang), string(n.Reference), nanos(n.CreatedAt),
		n.MessageID, n.Digest, string(n.State), n.Attempts, n.Doubts, nanos(n.TryingAt), nanos(n.SentAt), nanos(n.ReadAt), n.LastError, words, n.Raw)
}

// sealedNotice is a notice as it stands: Raw is sealed, and the words are
// apart.
type sealedNotice struct {
	notice.Notice
	words []byte
}

const noticeColumns = `account_id, id, incident, kind, to_masked, lang, reference, created_at,
	message_id, digest, state, attempts, doubts, trying_at, sent_at, read_at, last_error, words, raw`

func scanNotice(r scanner) (n sealedNotice, err error) {
	err = r.Scan(accountKey{&n.AccountID}, &n.ID, &n.IncidentID, &n.Kind, &n.ToMasked, &n.Lang, &n.Reference, when{&n.CreatedAt},
		&n.MessageID, &n.Digest, &n.State, &n.Attempts, &n.Doubts, when{&n.TryingAt}, when{&n.SentAt}, when{&n.ReadAt}, &n.LastError, &n.words, &n.Raw)
	return n, err
}

// NoticeByID finds one of an account. The words and bytes of one whose account
// was forgotten are empty.
func (s *SQL) NoticeByID(ctx context.Context, account mimamori.AccountID, id string) (notice.Notice, error) {
	n, err := scanNotice(s.at(ctx).row(`SELECT `+noticeColumns+` FROM notice WHERE account_id = ? AND id = ?`, account[:], id))
	if err != nil {
		return notice.Notice{}, found(err, "notice "+id)
	}
	return s.opened(ctx, n)
}

// NoticeByReference finds one by what its reader typed.
func (s *SQL) NoticeByReference(ctx context.Context, ref notice.Reference) (notice.Notice, error) {
	n, err := scanNotice(s.at(ctx).row(`SELECT `+noticeColumns+` FROM notice WHERE reference = ?`, string(ref)))
	if err != nil {
		return notice.Notice{}, found(err, "notice by its number")
	}
	return s.opened(ctx, n)
}

// NoticeByMessageID finds one by the Message-ID of its mail.
func (s *SQL) NoticeByMessageID(ctx context.Context, messageID string) (notice.Notice, error) {
	if messageID == "" { // those not yet sealed have none
		return notice.Notice{}, fmt.Errorf("notice by its Message-ID: %w", mimamori.ErrNotFound)
	}
	n, err := scanNotice(s.at(ctx).row(`SELECT `+noticeColumns+` FROM notice WHERE message_id = ?`, messageID))
	if err != nil {
		return notice.Notice{}, found(err, "notice by its Message-ID")
	}
	return s.opened(ctx, n)
}

// Notices are all of an account, newest first.
func (s *SQL) Notices(ctx context.Context, account mimamori.AccountID) ([]notice.Notice, error) {
	rows, err := s.at(ctx).rows(`SELECT `+noticeColumns+` FROM notice WHERE account_id = ? ORDER BY created_at DESC, n DESC`, account[:])
	kept, err := list(rows, err, scanNotice)
	if err != nil {
		return nil, fmt.Errorf("read notices of %s: %w", account, err)
	}
	var out []notice.Notice
	for _, k := range kept {
		n, err := s.opened(ctx, k)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// MarkNotice carries a mark out on the stored notice, in one transaction.
// Sealing comes before: inside the write it would wait for itself.
func (s *SQL) MarkNotice(ctx context.Context, account mimamori.AccountID, id string, m notice.Mark) error {
	if m.Sealed != nil {
		fixed := *m.Sealed
		var err error
		if fixed.Raw, err = s.sealed(ctx, account, "notice "+id+" raw", fixed.Raw); err != nil {
			return fmt.Errorf("mark notice %s: %w", id, err)
		}
		m.Sealed = &fixed
	}
	return s.update(ctx, Urgent, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		n, err := scanNotice(tx.row(`SELECT `+noticeColumns+` FROM notice WHERE account_id = ? AND id = ?`, account[:], id))
		if err != nil {
			return found(err, "notice "+id)
		}
		if err := n.Apply(m); err != nil {
			return err
		}
		err = tx.exec(`UPDATE notice SET message_id = ?, digest = ?, state = ?, attempts = ?, doubts = ?, trying_at = ?, sent_at = ?, read_at = ?, last_error = ?, raw = ?
			WHERE account_id = ? AND id = ?`,
			n.MessageID, n.Digest, string(n.State), n.Attempts, n.Doubts, nanos(n.TryingAt), nanos(n.SentAt), nanos(n.ReadAt), n.LastError, n.Raw, account[:], id)
		if err != nil {
			return fmt.Errorf("mark notice %s: %w", id, err)
		}
		return nil
	})
}

// sealed is nil for nothing.
func (s *SQL) sealed(ctx context.Context, account mimamori.AccountID, belongs string, plain []byte) ([]byte, error) {
	switch {
	case plain == nil:
		return nil, nil
	case s.seal == nil:
		return nil, errNoSealer
	}
	return s.seal.Seal(ctx, account, belongs, plain)
}

func (s *SQL) opened(ctx context.Context, k sealedNotice) (notice.Notice, error) {
	n := k.Notice
	words, err := s.unsealed(ctx, n.AccountID, "notice "+n.ID+" words", k.words)
	if err != nil {
		return notice.Notice{}, fmt.Errorf("open notice %s: %w", n.ID, err)
	}
	if n.Raw, err = s.unsealed(ctx, n.AccountID, "notice "+n.ID+" raw", k.Raw); err != nil {
		return notice.Notice{}, fmt.Errorf("open notice %s: %w", n.ID, err)
	}
	if words != nil {
		var w noticeWords
		if err := json.Unmarshal(words, &w); err != nil {
			return notice.Notice{}, fmt.Errorf("open notice %s: %w", n.ID, err)
		}
		n.To, n.Subject, n.Body = w.To, w.Subject, w.Body
	}
	return n, nil
}

// unsealed is nil for nothing, and when the account was forgotten.
func (s *SQL) unsealed(ctx context.Context, account mimamori.AccountID, belongs string, sealed []byte) ([]byte, error) {
	switch {
	case sealed == nil:
		return nil, nil
	case s.seal == nil:
		return nil, errNoSealer
	}
	plain, err := s.seal.Open(ctx, account, belongs, sealed)
	if errors.Is(err, mimamori.ErrNotFound) {
		return nil, nil
	}
	return plain, err
}
