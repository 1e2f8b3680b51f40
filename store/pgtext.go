package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// asker is a connection, a transaction or a pool.
type asker interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// inside runs a write's statements.
type inside struct {
	p   *Postgres
	ctx context.Context // ends when the server has been silent for too long
	on  asker
}

func (i inside) changed(query string, args ...any) (int64, error) {
	res, err := i.on.ExecContext(i.ctx, i.p.text(query), plain(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (i inside) row(query string, args ...any) *sql.Row {
	return i.on.QueryRowContext(i.ctx, i.p.text(query), plain(args)...)
}

func (i inside) rows(query string, args ...any) (*sql.Rows, error) {
	return i.on.QueryContext(i.ctx, i.p.text(query), plain(args)...)
}

// beside runs queries beside the writes.
type beside struct {
	p   *Postgres
	ctx context.Context
}

func (p *Postgres) at(ctx context.Context) reader { return beside{p, ctx} }

func (b beside) row(query string, args ...any) *sql.Row {
	return b.p.read.QueryRowContext(b.ctx, b.p.text(query), plain(args)...)
}

func (b beside) rows(query string, args ...any) (*sql.Rows, error) {
	return b.p.read.QueryContext(b.ctx, b.p.text(query), plain(args)...)
}

// text is a statement as PostgreSQL reads it.
func (p *Postgres) text(query string) string {
	if t, ok := p.texts.Load(query); ok {
		return t.(string)
	}
	t := dollars(query)
	p.texts.Store(query, t)
	return t
}

// dollars writes $1, $2, … for ? (and $2 for ?2) outside of quotes, and names a
// list of texts as PostgreSQL takes one.
func dollars(query string) string {
	var out strings.Builder
	quoted, n := false, 0
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '\'' {
			quoted = !quoted
		}
		if c != '?' || quoted {
			out.WriteByte(c)
			continue
		}
		digits := 0
		for i+1+digits < len(query) && query[i+1+digits] >= '0' && query[i+1+digits] <= '9' {
			digits++
		}
		if digits > 0 {
			out.WriteString("$" + query[i+1:i+1+digits])
			i += digits
			continue
		}
		n++
		out.WriteString("$" + strconv.Itoa(n))
	}
	const list = "(SELECT value FROM json_each("
	text := out.String()
	for at := strings.Index(text, list); at >= 0; at = strings.Index(text, list) {
		before, after := text[:at], text[at+len(list):]
		arg, rest, _ := strings.Cut(after, "))")
		text = before + "(SELECT json_array_elements_text(" + arg + "::text::json))" + rest
	}
	return text
}

// plain takes out of texts what PostgreSQL cannot hold and SQLite can: a zero
// byte, and what is no UTF-8 (a browser may call itself anything).
func plain(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = plainText(s)
		}
	}
	return args
}

func plainText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// unavailable says that an error is the server's state and not the
// statement's: the same may succeed later. Errors are told apart by their
// SQLSTATE (PostgreSQL, appendix A), never by their words.
func unavailable(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "40", "53", "57", "58", "XX": // connection, rolled back, resources, operator, system, internal
			return true
		}
		return pg.Code == "55P03" || pg.Code == "25006" || pg.Code == "25P03" // lock not had, read only (a standby), idle too long
	}
	return lost(err)
}

// lockNotHad says that somebody else keeps a row or a table locked.
func lockNotHad(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03"
}

// lost says that the connection is gone, and with it the answer.
func lost(err error) bool {
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return network || connecting || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// again says that a batch that failed is worth another try at once: others were
// in the way, or the connection was lost.
func again(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505" || unavailable(err)
	}
	return lost(err)
}

// explain says what to do about a server that does not answer. The driver's own
// words name the address; they never hold the password.
func (p *Postgres) explain(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	pg, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case !refused:
		return fmt.Errorf("PostgreSQL does not answer at %s (is it running, and is the address right?): %w", p.config.Host, err)
	case pg.Code == "3D000":
		return fmt.Errorf("there is no database %q (createdb makes one): %w", p.config.Database, err)
	case pg.Code[:2] == "28":
		return fmt.Errorf("PostgreSQL does not let the role %q in: %w", p.config.User, err)
	}
	return err
}
