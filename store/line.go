package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"mimamori"
)

// line is how a lane gets its connection. A server that is gone must cost those
// who wait for it nothing: the first batch waits a little, and while nobody
// answers all others are refused at once, with a call going on beside them.
type line struct {
	away   bool // the last call was not answered
	coming chan called
	began  time.Time // the call under way, or the last
}

// called is what became of a call.
type called struct {
	conn *sql.Conn
	err  error
}

const (
	callTime  = 2 * time.Second // a server that has not answered by then is away
	callPause = 100 * time.Millisecond
	callAgain = 250 * time.Millisecond // for the first who asks after a while
)

// errAway says that there is no connection, and that it is not known when there
// will be one.
var errAway = fmt.Errorf("the server does not answer: %w", mimamori.ErrUnavailable)

// connect gives a connection, or errAway.
func (l *line) connect(path *sql.DB) (*sql.Conn, error) {
	if conn := l.leftOver(); conn != nil {
		return conn, nil
	}
	patience := callTime
	if l.away {
		patience = 0
	}
	if l.coming == nil {
		quiet := time.Since(l.began)
		if l.away && quiet < callPause {
			return nil, errAway
		}
		l.call(path)
		switch {
		case l.away && quiet > callTime: // nobody asked for long, and nobody stands behind this one
			patience = callAgain
		case l.away: // refused calls are answered in less
			patience = 5 * time.Millisecond
		}
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case c := <-l.coming:
		return l.took(c)
	case <-t.C:
		l.away = true
		return nil, errAway
	}
}

// leftOver is the connection of a call whose end nobody waited for. That it was
// refused long ago says nothing of now, and is forgotten.
func (l *line) leftOver() *sql.Conn {
	if l.coming == nil || time.Since(l.began) < callTime {
		return nil
	}
	select {
	case c := <-l.coming:
		conn, _ := l.took(c)
		return conn
	default:
		return nil
	}
}

// took takes note of how a call ended.
func (l *line) took(c called) (*sql.Conn, error) {
	l.coming, l.away = nil, c.err != nil
	if c.err != nil {
		return nil, errors.Join(errAway, c.err)
	}
	return c.conn, nil
}

func (l *line) call(path *sql.DB) {
	l.began = time.Now()
	coming := make(chan called, 1)
	l.coming = coming
	go func() { // it ends within the time; end waits for it
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		conn, err := path.Conn(ctx)
		coming <- called{conn, err}
	}()
}

// end waits for a call that is under way and hangs up.
func (l *line) end() {
	if l.coming == nil {
		return
	}
	if c := <-l.coming; c.err == nil {
		_ = c.conn.Close()
	}
	l.coming = nil
}
