package demoshop

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"mimamori/client"
)

const (
	cookieSession  = "midori_session"
	cookieRemember = "midori_remember"
	sessionLife    = 12 * time.Hour
	rememberLife   = 90 * 24 * time.Hour
	seenEvery      = 10 * time.Minute // how often a going session is reported
)

// session is one signed-in browser. ID goes into events; the cookie has a token
// that stands here only as a hash.
type session struct {
	ID        string
	Subject   string
	State     string // pending until Mimamori has decided, then open, then ended
	Challenge string
	Place     string
	IP        string
	UserAgent string
	Pages     string
	BeganAt   time.Time
	SeenAt    time.Time
}

// newToken makes a cookie value of 256 bits.
func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// beginSession writes a pending session: it opens when Mimamori has decided.
func (s *Shop) beginSession(ctx context.Context, subject string, o origin, at time.Time) (session, string, error) {
	token := newToken()
	ses := session{ID: client.NewID("s"), Subject: subject, State: "pending", Place: o.Place, IP: o.IP, UserAgent: o.UserAgent, BeganAt: at}
	_, err := s.db.ExecContext(ctx, `INSERT INTO session (id, token_hash, subject, state, began_at, ip, user_agent, place, seen_at)
		VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?)`, ses.ID, hash(token), subject, micros(at), o.IP, o.UserAgent, o.Place, micros(at))
	return ses, token, err
}

// openSession lets a pending session in. It does not when the password was made
// invalid or the session ended while Mimamori was thinking.
func (s *Shop) openSession(ctx context.Context, id string) (bool, error) {
	res, err := s.db.ExecContext(ctx, `UPDATE session SET state = 'open' WHERE id = ? AND state = 'pending'
		AND EXISTS (SELECT 1 FROM account a WHERE a.subject = session.subject AND a.password_state = 'set')`, id)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// sessionByToken finds who a cookie is; nil when nobody.
func (s *Shop) sessionByToken(ctx context.Context, token string, now time.Time) (*session, error) {
	var ses session
	var began, seen int64
	err := s.db.QueryRowContext(ctx, `SELECT id, subject, state, challenge, place, ip, user_agent, pages, began_at, seen_at FROM session
		WHERE token_hash = ? AND state <> 'ended' AND began_at > ?`, hash(token), micros(now.Add(-sessionLife))).
		Scan(&ses.ID, &ses.Subject, &ses.State, &ses.Challenge, &ses.Place, &ses.IP, &ses.UserAgent, &ses.Pages, &began, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	ses.BeganAt, ses.SeenAt = fromMicros(began), fromMicros(seen)
	return &ses, err
}

// remember writes a device that may come back without the password.
func (s *Shop) remember(ctx context.Context, subject string, at time.Time) (string, error) {
	token := newToken()
	_, err := s.db.ExecContext(ctx, `INSERT INTO remembered (token_hash, subject, began_at) VALUES (?, ?, ?)`, hash(token), subject, micros(at))
	return token, err
}

// rememberedSubject is whose remembered device a cookie is; empty: nobody's.
func (s *Shop) rememberedSubject(ctx context.Context, token string, now time.Time) (string, error) {
	var subject string
	err := s.db.QueryRowContext(ctx, `SELECT subject FROM remembered WHERE token_hash = ? AND ended_at IS NULL AND began_at > ?`,
		hash(token), micros(now.Add(-rememberLife))).Scan(&subject)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return subject, err
}

// seen reports that a session goes on, at most every ten minutes unless its
// address or browser changed.
func (v *visit) seen(ctx context.Context) error {
	ses := v.session
	o, err := v.origin(ses.Subject)
	if err != nil {
		return err
	}
	if v.now.Sub(ses.SeenAt) < seenEvery && o.IP == ses.IP && o.UserAgent == ses.UserAgent {
		return nil
	}
	return v.shop.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, `UPDATE session SET seen_at = ?, ip = ?, user_agent = ? WHERE id = ?`,
			micros(v.now), o.IP, o.UserAgent, ses.ID); err != nil {
			return err
		}
		_, err := v.shop.report(ctx, tx, client.SessionSeen, ses.Subject, v.now,
			client.Seen{Session: ses.ID, IP: o.IP, UserAgent: o.UserAgent, Device: o.Device})
		return err
	})
}

// showed reports what a page let the session see, once a session and page.
func (v *visit) showed(ctx context.Context, page string, fields ...string) error {
	ses := v.session
	if strings.Contains(ses.Pages, page+",") {
		return nil
	}
	err := v.shop.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, `UPDATE session SET pages = pages || ? WHERE id = ?`, page+",", ses.ID); err != nil {
			return err
		}
		_, err := v.shop.report(ctx, tx, client.PageViewed, ses.Subject, v.now, client.Page{Session: ses.ID, Page: page, Fields: fields})
		return err
	})
	v.shop.mimamori.Wake()
	return err
}

func (v *visit) setCookie(name, value string, life time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(v.shop.opt.BaseURL, "https://")}
	switch {
	case value == "":
		c.MaxAge = -1
	case life > 0:
		c.MaxAge = int(life.Seconds())
	}
	http.SetCookie(v.w, c)
}

func (v *visit) cookie(name string) string {
	c, err := v.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
