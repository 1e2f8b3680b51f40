package console

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mimamori"
	"mimamori/web"
)

// How often a stream looks for news, how long it lasts before the browser opens
// another, and how many there may be: one a screen, with room for many desks.
const (
	newsEvery  = 2 * time.Second
	newsLife   = 10 * time.Minute
	maxStreams = 1000
)

// streams counts the open ones, and ends them when their server shuts down: a
// stream would keep it waiting.
type streams struct {
	open atomic.Int64

	// mu guards closing.
	mu      sync.Mutex
	closing map[*http.Server]chan struct{}
}

// closed is closed when the request's server begins to shut down.
func (s *streams) closed(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing == nil {
		s.closing = map[*http.Server]chan struct{}{}
	}
	ch := s.closing[server]
	if ch == nil {
		ch = make(chan struct{})
		s.closing[server] = ch
		server.RegisterOnShutdown(func() { close(ch) })
	}
	return ch
}

// news is a stream of server-sent events: the version of what a page shows,
// each time it changes. It shows nothing, and does not count as being there.
func (c *console) news(w http.ResponseWriter, r *http.Request) {
	id, token, ok := c.watching(w, r)
	if !ok {
		return
	}
	if c.streams.open.Add(1) > maxStreams {
		c.streams.open.Add(-1)
		http.Error(w, "too many", http.StatusServiceUnavailable)
		return
	}
	defer c.streams.open.Add(-1)
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(newsLife + time.Minute)) // some servers have none
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	tick := time.NewTicker(newsEvery)
	defer tick.Stop()
	end, closing, last := time.NewTimer(newsLife), c.streams.closed(r), ""
	defer end.Stop()
	for n := 0; ; n++ {
		if n%5 == 4 {
			if _, err := c.opt.Desk.Peek(r.Context(), token); err != nil {
				return
			}
		}
		now, err := c.opt.Service.Version(r.Context(), id)
		if err != nil {
			return
		}
		line := ": still here\n\n"
		if now != last {
			line, last = "data: "+now+"\n\n", now
		} else if n%10 != 0 {
			line = ""
		}
		if line != "" {
			if _, err := fmt.Fprint(w, line); err != nil || out.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-closing:
			return
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// watching says what a page watches, and for whom.
func (c *console) watching(w http.ResponseWriter, r *http.Request) (id mimamori.IncidentID, token string, ok bool) {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err == nil {
		_, err = c.opt.Desk.Peek(r.Context(), cookie.Value)
	}
	if err != nil {
		http.Error(w, "signed out", http.StatusUnauthorized)
		return "", "", false
	}
	if of := r.URL.Query().Get("of"); of != "queue" {
		id = mimamori.IncidentID(of)
	}
	return id, cookie.Value, true
}

// version answers the script's look-out for news where streams do not pass.
func (c *console) version(w http.ResponseWriter, r *http.Request) {
	id, _, ok := c.watching(w, r)
	if !ok {
		return
	}
	now, err := c.opt.Service.Version(r.Context(), id)
	if err != nil {
		status, _ := web.Kind(err)
		http.Error(w, "", status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(now)) // the reader is gone: nothing to do
}
