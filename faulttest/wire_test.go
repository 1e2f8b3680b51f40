//go:build unix

package faulttest

import (
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// wire lies between Mimamori and its PostgreSQL. It stands outside of fake
// time: what it does, it does at once.
type wire struct {
	to   string // the server's socket
	dir  string
	ends sync.WaitGroup
	in   net.Listener

	mu    sync.Mutex // guards all below
	rand  *rand.Rand
	conns map[net.Conn]bool
	gone  bool          // nobody gets through, and whoever was is cut off
	cut   int           // a connection is cut after so many bytes at most; 0: never
	delay time.Duration // of each piece, in real time
	hangs chan struct{} // nothing passes until it is closed; nil: everything does
	cuts  int
}

// wireTo is a wire to the server at a pgtest address, and the address at its
// near end.
func wireTo(t *testing.T, address string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("host") == "" {
		t.Skip("needs a server of its own")
	}
	dir := t.TempDir()
	w := &wire{to: filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port")), dir: dir, conns: map[net.Conn]bool{}, rand: rand.New(rand.NewPCG(5, 14))}
	if w.in, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	w.ends.Go(w.serve)
	t.Cleanup(func() {
		_ = w.in.Close()
		w.set(func() { w.gone = true })
		w.ends.Wait()
	})
	q := u.Query()
	q.Set("host", dir)
	q.Set("port", "5432")
	u.RawQuery = q.Encode()
	return w, u.String()
}

// set changes what the wire does; going away cuts everybody off.
func (w *wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	if w.gone {
		for c := range w.conns {
			_ = c.Close()
			w.cuts++
		}
		clear(w.conns)
	}
}

// struck is how often somebody was cut off.
func (w *wire) struck() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts
}

func (w *wire) serve() {
	for {
		near, err := w.in.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		if w.gone {
			w.cuts++
			w.mu.Unlock()
			_, _ = near.Close(), far.Close()
			continue
		}
		w.conns[near], w.conns[far] = true, true
		left := -1
		if w.cut > 0 {
			left = 1 + w.rand.IntN(w.cut)
		}
		w.mu.Unlock()
		both := &pair{wire: w, near: near, far: far, left: left}
		w.ends.Go(func() { both.carry(near, far) })
		w.ends.Go(func() { both.carry(far, near) })
	}
}

// pair is one connection: both ways together have so many bytes left.
type pair struct {
	wire      *wire
	near, far net.Conn
	mu        sync.Mutex // guards left
	left      int
}

func (p *pair) carry(to, from net.Conn) {
	defer p.end()
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.wire.mu.Lock()
		delay, hangs := p.wire.delay, p.wire.hangs
		p.wire.mu.Unlock()
		if hangs != nil {
			<-hangs
		}
		time.Sleep(delay)
		cut := false
		p.mu.Lock()
		if p.left >= 0 {
			if cut = n >= p.left; cut {
				n = p.left
			}
			p.left -= n
		}
		p.mu.Unlock()
		if _, err := to.Write(buf[:n]); err != nil || cut {
			if cut {
				p.wire.mu.Lock()
				p.wire.cuts++
				p.wire.mu.Unlock()
			}
			return
		}
	}
}

func (p *pair) end() {
	_, _ = p.near.Close(), p.far.Close()
	p.wire.mu.Lock()
	delete(p.wire.conns, p.near)
	delete(p.wire.conns, p.far)
	p.wire.mu.Unlock()
}
