package faulttest

import (
	"bytes"
	"context"
	"net"
	"time"
)

// pit is how a mail server holds its clients up.
type pit int

const (
	noPit    pit = iota
	silent       // it takes the connection and never says a word
	dripping     // a byte a second, from the greeting on
	sinking      // it is quick until the mail is handed over, and then never answers for it
)

// throughPit dials the mail server, through the pit if there is one now.
func (w *World) throughPit(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	p := w.pit
	if p != noPit {
		w.struck++
	}
	w.mu.Unlock()
	far, err := w.pipe.Dial(ctx, network, addr)
	if p == noPit || err != nil {
		return far, err
	}
	near, ours := net.Pipe()
	w.ends.Go(func() { // what the client says
		defer far.Close()
		pass(far, ours, func(said []byte) int { return len(said) })
	})
	w.ends.Go(func() { // what the server says
		defer ours.Close()
		handedOver := false
		pass(ours, far, func(said []byte) int {
			switch {
			case p == silent || handedOver:
				return 0
			case p == dripping:
				time.Sleep(time.Second)
				return 1
			}
			handedOver = bytes.HasPrefix(said, []byte("354"))
			return len(said)
		})
	})
	return near, nil
}

// pass carries what is said until somebody hangs up, so many bytes at a time as
// may pass; what may not is kept back for ever.
func pass(to, from net.Conn, may func(said []byte) (bytes int)) {
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) > 0; {
			most := may(rest)
			if most == 0 {
				break
			}
			if _, err := to.Write(rest[:most]); err != nil {
				return
			}
			rest = rest[most:]
		}
	}
}

// tarpit has the mail server be one for a while, more than once.
func tarpit(w *World) {
	for range 2 + w.pick(1) {
		if !w.after(time.Minute, 40*time.Minute) {
			break
		}
		w.mu.Lock()
		w.pit = []pit{silent, dripping, sinking}[w.Rand.IntN(3)]
		w.mu.Unlock()
		w.after(time.Minute, 3*time.Hour)
		w.mu.Lock()
		w.pit = noPit
		w.mu.Unlock()
	}
}
