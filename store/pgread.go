package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jackc/pgx/v5/stdlib"

	"mimamori"
)

// readConnector makes connections that only read. A read that meets a broken
// connection is asked again over another one, by database/sql itself; one that
// breaks off in the middle of its rows is unavailable, and no defect.
type readConnector struct{ driver.Connector }

// Connect opens a connection.
func (c readConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if pg, ok := conn.(*stdlib.Conn); ok && err == nil {
		return readConn{pg}, nil
	}
	return conn, err
}

type readConn struct{ *stdlib.Conn }

// errBroken has database/sql ask again over another connection. It does so
// twice; what is broken then as well is unavailable.
var errBroken = errors.Join(driver.ErrBadConn, mimamori.ErrUnavailable)

// QueryContext asks, and says of a broken connection what database/sql tries
// again for.
func (c readConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.QueryContext(ctx, query, args)
	switch {
	case err == nil:
		return readRows{rows}, nil
	case lost(err) && ctx.Err() == nil:
		return nil, errBroken
	}
	return nil, sayUnavailable(err)
}

type readRows struct{ driver.Rows }

// Next reads a row.
func (r readRows) Next(to []driver.Value) error {
	err := r.Rows.Next(to)
	if err == nil || err == io.EOF { // the end, by the driver's contract not wrapped
		return err
	}
	return sayUnavailable(err)
}

func sayUnavailable(err error) error {
	if unavailable(err) && !errors.Is(err, mimamori.ErrUnavailable) {
		return errors.Join(mimamori.ErrUnavailable, err)
	}
	return err
}
