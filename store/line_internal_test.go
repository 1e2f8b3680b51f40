package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server takes calls, or refuses them, after a while.
type server struct {
	up    atomic.Bool
	takes time.Duration
}

// Connect is a call.
func (s *server) Connect(ctx context.Context) (driver.Conn, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !s.up.Load() {
		return nil, errors.New("refused")
	}
	return nothing{}, nil
}

// Driver is asked by nobody.
func (s *server) Driver() driver.Driver { return nil }

type nothing struct{ driver.Conn }

// Close hangs up.
func (nothing) Close() error { return nil }

// TestFirstCallAfterAServerIsBack: while a server is away all are refused at
// once; the first who asks when it has been back for a while is served, whatever
// became of the last call.
func TestFirstCallAfterAServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: 30 * time.Millisecond}
		path := sql.OpenDB(s)
		defer path.Close()
		var l line
		if _, err := l.connect(path); !errors.Is(err, errAway) {
			t.Fatalf("a server that refuses: %v", err)
		}
		for range 100 { // a crowd, which nobody keeps waiting
			at := time.Now()
			if _, err := l.connect(path); !errors.Is(err, errAway) {
				t.Fatalf("a server that refuses: %v", err)
			}
			if took := time.Since(at); took > 5*time.Millisecond {
				t.Fatalf("refused after %s", took)
			}
			time.Sleep(7 * time.Millisecond)
		}
		for l.coming == nil { // so that one last call is refused with nobody waiting
			time.Sleep(callPause)
			if _, err := l.connect(path); !errors.Is(err, errAway) {
				t.Fatalf("a server that refuses: %v", err)
			}
		}
		time.Sleep(time.Second)
		s.up.Store(true)
		time.Sleep(30 * time.Second)
		conn, err := l.connect(path)
		if err != nil {
			t.Fatalf("the first when it is back: %v", err)
		}
		_ = conn.Close()
		// And when it has not come back, he waits no longer than that.
		s.up.Store(false)
		path.SetMaxIdleConns(0)
		l = line{away: true}
		s.takes = time.Minute
		at := time.Now()
		if _, err := l.connect(path); !errors.Is(err, errAway) || time.Since(at) > callAgain {
			t.Errorf("a server that is silent: %v after %s", err, time.Since(at))
		}
		l.end()
	})
}
