package mailbox

import (
	"context"
	"net"
	"sync"
)

// PipeListener is a net.Listener in memory. Stories run inside a synctest
// bubble, where a goroutine that waits on a real socket would stop the clock.
type PipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// Pipe makes a listener and its two ends by net.Pipe. Make it inside the
// bubble that uses it.
func Pipe() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept waits for the next Dial; after Close it returns net.ErrClosed.
func (p *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Dial connects; network and address are ignored, so that it fits
// mail.Submitter.Dial and http.Transport.DialContext. After Close it fails as
// a refused connection does.
func (p *PipeListener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr{}, Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends Accept; connections already made live on.
func (p *PipeListener) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr names the pipe.
func (p *PipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// openConns knows the listeners and connections of a server, so that Close
// can end the idle ones: the SMTP library would wait for its clients.
type openConns struct {
	serving sync.WaitGroup // calls of Serve under way

	mu     sync.Mutex // guards all below
	ends   map[any]func() error
	closed bool
}

// enter counts a call of Serve, unless the server is closed.
func (o *openConns) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.serving.Add(1)
	return true
}

func (o *openConns) add(key any, end func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		_ = end()
		return
	}
	if o.ends == nil {
		o.ends = map[any]func() error{}
	}
	o.ends[key] = end
}

func (o *openConns) close() {
	o.mu.Lock()
	ends := o.ends
	o.ends, o.closed = nil, true
	o.mu.Unlock()
	for _, end := range ends {
		_ = end()
	}
}

func (o *openConns) watch(l net.Listener) net.Listener {
	o.add(l, l.Close)
	return &watchedListener{Listener: l, open: o}
}

type watchedListener struct {
	net.Listener
	open *openConns
}

func (l *watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &watchedConn{Conn: c, open: l.open}
	l.open.add(w, c.Close)
	return w, nil
}

type watchedConn struct {
	net.Conn
	open *openConns
}

func (c *watchedConn) Close() error {
	c.open.mu.Lock()
	delete(c.open.ends, c)
	c.open.mu.Unlock()
	return c.Conn.Close()
}
