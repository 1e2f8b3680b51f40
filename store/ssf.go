package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/ssf"
)

// PutStream writes a stream, new or changed.
func (s *SQL) PutStream(ctx context.Context, x ssf.Stream) error {
	doc, err := document(x)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `INSERT INTO ssf_stream (id, owner, created_at, doc) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`,
		x.ID, x.Owner, nanos(x.CreatedAt), doc)
	return wrapped("keep stream "+x.ID, err)
}

// Streams are those of one owner, or all, oldest first.
func (s *SQL) Streams(ctx context.Context, owner string) ([]ssf.Stream, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM ssf_stream WHERE ? = '' OR owner = ? ORDER BY created_at, id`, owner, owner)
	out, err := documents[ssf.Stream](rows, err)
	return out, wrapped("read streams", err)
}

// DropStream ends a stream and forgets its tokens.
func (s *SQL) DropStream(ctx context.Context, id string) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		n, err := tx.changed(`DELETE FROM ssf_stream WHERE id = ?`, id)
		if err == nil && n == 0 {
			err = mimamori.ErrNotFound
		}
		for _, table := range []string{"ssf_token", "ssf_done", "ssf_removed"} {
			if err == nil {
				err = tx.exec(`DELETE FROM `+table+` WHERE stream = ?`, id)
			}
		}
		return wrapped("drop stream "+id, err)
	})
}

// AddTokens keeps tokens. One that is there, or was acknowledged, stays as it is.
func (s *SQL) AddTokens(ctx context.Context, list []ssf.Token) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		for _, x := range list {
			err := tx.exec(`INSERT INTO ssf_token (stream, n, jti, at, token)
				SELECT ?, (SELECT coalesce(max(n), 0) + 1 FROM ssf_token WHERE stream = ?), ?, ?, ?
				WHERE NOT EXISTS (SELECT 1 FROM ssf_done WHERE stream = ? AND jti = ?) ON CONFLICT DO NOTHING`,
				x.Stream, x.Stream, x.JTI, nanos(x.At), x.SET, x.Stream, x.JTI)
			if err != nil {
				return wrapped("keep token "+x.JTI, err)
			}
		}
		return nil
	})
}

// Tokens are a stream's unacknowledged ones, oldest first.
func (s *SQL) Tokens(ctx context.Context, stream string, most int) ([]ssf.Token, error) {
	rows, err := s.at(ctx).rows(`SELECT jti, stream, token, at FROM ssf_token WHERE stream = ? ORDER BY n LIMIT ?`, stream, most)
	out, err := list(rows, err, scanToken)
	return out, wrapped("read tokens", err)
}

func scanToken(r scanner) (x ssf.Token, err error) {
	err = r.Scan(&x.JTI, &x.Stream, &x.SET, when{&x.At})
	return x, err
}

// TokenOf is one that was not acknowledged yet; ErrNotFound.
func (s *SQL) TokenOf(ctx context.Context, stream, jti string) (ssf.Token, error) {
	x, err := scanToken(s.at(ctx).row(`SELECT jti, stream, token, at FROM ssf_token WHERE stream = ? AND jti = ?`, stream, jti))
	return x, found(err, "token")
}

// Acknowledge forgets tokens that arrived; their names are kept for 90 days.
func (s *SQL) Acknowledge(ctx context.Context, stream string, jtis []string) error {
	now := time.Now()
	return s.update(ctx, Normal, func(tx *tx) error {
		for _, jti := range jtis {
			n, err := tx.changed(`DELETE FROM ssf_token WHERE stream = ? AND jti = ?`, stream, jti)
			if err == nil && n > 0 {
				err = tx.exec(`INSERT INTO ssf_done (stream, jti, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, stream, jti, nanos(now))
			}
			if err != nil {
				return wrapped("acknowledge", err)
			}
		}
		return wrapped("acknowledge", tx.exec(`DELETE FROM ssf_done WHERE stream = ? AND at < ?`, stream, nanos(now.Add(-90*24*time.Hour))))
	})
}

// RemoveSubject notes that a stream shall not be told of a subject; the first
// time counts.
func (s *SQL) RemoveSubject(ctx context.Context, stream, subject string, at time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO ssf_removed (stream, subject, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, stream, subject, nanos(at))
	return wrapped("remove a subject", err)
}

// AddSubject takes that back.
func (s *SQL) AddSubject(ctx context.Context, stream, subject string) error {
	_, err := s.exec(ctx, `DELETE FROM ssf_removed WHERE stream = ? AND subject = ?`, stream, subject)
	return wrapped("add a subject", err)
}

// RemovedAt is when a subject was removed; zero: never.
func (s *SQL) RemovedAt(ctx context.Context, stream, subject string) (at time.Time, err error) {
	err = s.at(ctx).row(`SELECT at FROM ssf_removed WHERE stream = ? AND subject = ?`, stream, subject).Scan(when{&at})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at, wrapped("read a subject", err)
}

// Received says that a token of another's was taken in before.
func (s *SQL) Received(ctx context.Context, issuer, jti string) (bool, error) {
	var n int
	err := s.at(ctx).row(`SELECT count(*) FROM ssf_received WHERE issuer = ? AND jti = ?`, issuer, jti).Scan(&n)
	return n > 0, wrapped("look for a token", err)
}

// Receive notes a token of another's once: false when it came before.
func (s *SQL) Receive(ctx context.Context, issuer, jti string, at time.Time) (first bool, err error) {
	n, err := s.exec(ctx, `INSERT INTO ssf_received (issuer, jti, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, issuer, jti, nanos(at))
	return n > 0, wrapped("take a token in", err)
}

func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
