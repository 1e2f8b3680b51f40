package api

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Class is how much a request matters when there are more than can be served.
type Class int

// The classes, the one that goes last first. Commands to the shop and timers
// are no requests: nothing here holds them up.
const (
	Exports     Class = iota // imports, exports, long histories
	Pages                    // what people look at
	Events                   // what the shop reports, and sends again when refused
	Decisions                // somebody waits at a sign-in or at the gate
	Containment              // somebody says "that wasn't me", or is on the way back in
	free                     // health: never refused
)

// String names a class in the log.
func (c Class) String() string {
	return [...]string{"exports", "pages", "events", "decisions", "containment", "health"}[c]
}

// How much may be under way at once, all classes together, for one more of a
// class to be let in. Beyond what keeps the machine busy, more at once is only
// a longer wait for all, and for the most urgent as well: who comes beyond that
// stands in line (line.go).
var letIn = [...]int{Exports: 16, Pages: 32, Events: 48, Decisions: 64, Containment: 128}

const (
	exportsAtOnce = 8 // besides: they take long
	pieceBytes    = 64 << 10
	costBytes     = 16 << 10 // so much of a body counts as one more request
	costAtMost    = 32       // but one request never keeps the more urgent out
	bodiesAtMost  = 64 << 20 // bytes of bodies held in memory, all together
	pauseRefused  = 250 * time.Millisecond
	pausedAtMost  = 4096
	keptAnswer    = 2 << 20 // of a page, before it goes out as it comes
	smallBody     = 1920    // of one event; so much room is used again
	oneAnswer     = 30 * time.Second
)

// Admission decides, before any work is done, who is served when more come
// than can be: by class, each of which leaves room for those above it. A body
// is read before its request counts, and an answer is written after, so that
// slow clients hold nobody up. Who finds no place stands in line for a moment,
// the most urgent first. Who is refused hears 429 or 503 with Retry-After, a
// moment later, so that asking again at once costs little.
type Admission struct {
	log   *slog.Logger
	spare sync.Pool // of *again, for small bodies

	mu      sync.Mutex // guards all below
	under   int        // cost of what is under way
	exports int
	line    [Containment + 1][]*waiting
	held    [2]int64 // bytes of bodies in memory: of anybody's, and of those who have a key
	paused  int
	refused [Containment + 1]int64
	said    time.Time
}

// NewAdmission makes one for all doors and pages of an installation: they
// share what the machine can do. log may be nil.
func NewAdmission(log *slog.Logger) *Admission {
	if log == nil {
		log = slog.Default()
	}
	return &Admission{log: log}
}

// Before puts admission before a handler. Doors do so themselves (Options),
// behind the look at the API key: who has none is refused unread and takes no
// place. A nil Admission lets everybody in.
func (a *Admission) Before(next http.Handler) http.Handler {
	if a == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, next) })
}

// Refused counts the requests refused so far, by class.
func (a *Admission) Refused() map[Class]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[Class]int64{}
	for c, n := range a.refused {
		out[Class(c)] = n
	}
	return out
}

// classOf reads a request's class off its line.
func classOf(r *http.Request) Class {
	path := r.URL.Path
	switch {
	case path == "/healthz", path == "/readyz":
		return free
	case path == "/v1/reports", path == "/report", path == "/veto", strings.HasPrefix(path, "/v1/grants/"):
		return Containment
	case path == "/v1/decisions", strings.HasPrefix(path, "/v1/accounts/") && strings.HasSuffix(path, "/gate"), strings.HasPrefix(path, "/v1/challenges/"):
		return Decisions
	case path == "/v1/events", strings.HasPrefix(path, "/ssf/"):
		return Events
	case path == "/v1/imports", strings.HasPrefix(path, "/v1/imports/"), strings.HasPrefix(path, "/v1/accounts/"), strings.HasPrefix(path, "/v1/incidents"),
		strings.HasSuffix(path, ".csv"), strings.HasSuffix(path, ".json") && !strings.HasPrefix(path, "/.well-known/") && path != "/openapi.json":
		return Exports
	}
	return Pages
}

// streams says that a body is read as it comes: an import has no end in sight.
func streams(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/imports") }

// bodyLimit is the most of a body that is read ahead: a little more than any
// door takes, which then says so itself.
func bodyLimit(c Class) int64 {
	switch c {
	case Decisions, Containment:
		return eventBytes + 1
	}
	return batchBytes + 1
}

// serve lets a request in, or refuses it.
func (a *Admission) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c := classOf(r)
	if c == free {
		next.ServeHTTP(w, r)
		return
	}
	at, ok := a.admit(w, r, c)
	if !ok {
		return
	}
	if at.body != nil {
		r.Body = at.body
	}
	if c == Containment || c == Decisions || c == Events || streams(r) {
		defer a.leave(at)
		next.ServeHTTP(w, r)
		return
	}
	answer := &kept{to: w, header: w.Header()}
	defer a.letGo(&at) // the body is held as long as the answer is
	func() {
		defer a.leave(place{class: at.class, cost: at.cost})
		next.ServeHTTP(answer, r)
	}()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(oneAnswer)) // not all writers can
	answer.send()
}

// place is what a request that was let in takes up until it leaves.
type place struct {
	class Class
	cost  int
	group int   // of those that held counts
	held  int64 // bytes of its body
	body  *again
}

// admit reads a request's body and lets it in, or has refused it: then there is
// nothing left to do. Whoever is let in must leave. Of a body that the door
// reads by itself, or that is none, there is none here.
func (a *Admission) admit(w http.ResponseWriter, r *http.Request, c Class) (at place, ok bool) {
	if a == nil {
		return at, true
	}
	at.class = c
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		at.group = 1
	}
	reads := r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 && !streams(r) &&
		r.ContentLength <= bodyLimit(c) // what is too large, the door refuses unread
	first := int64(0)
	if reads {
		first = piece(r)
	}
	if !a.begin(&at, first) { // refused unread: it costs the less
		a.refuse(w, r, c, false)
		return at, false
	}
	at.cost = 1
	if reads {
		ok = a.readAhead(w, r, &at)
		if err := at.body.err; err != nil && errors.As(err, new(*http.MaxBytesError)) {
			a.letGo(&at)
			problem("too-large", "").write(w)
			return at, false
		}
	}
	waited := false
	if ok || !reads {
		ok, waited = a.enter(r.Context(), c, at.cost)
	}
	if !ok {
		a.letGo(&at) // not to be kept meanwhile
		a.refuse(w, r, c, waited)
	}
	return at, ok
}

// piece is how much of a body is read at a time: one byte more than there is,
// to see its end.
func piece(r *http.Request) int64 {
	if r.ContentLength >= 0 {
		return min(r.ContentLength+1, pieceBytes)
	}
	return pieceBytes
}

// readAhead takes the body into memory; its first piece is held already. It
// says whether there was memory for all, and what the request costs.
func (a *Admission) readAhead(w http.ResponseWriter, r *http.Request, at *place) bool {
	at.body = a.fresh()
	at.body.Closer, at.body.pieces = r.Body, at.body.room[:0]
	in := io.Reader(r.Body) // of known length, it ends there
	if r.ContentLength < 0 {
		in = http.MaxBytesReader(w, r.Body, bodyLimit(at.class))
	}
	read := 0
	for {
		buf := at.body.buffer(piece(r))
		n, err := fill(in, buf)
		at.body.pieces = append(at.body.pieces, buf[:n])
		read += n
		if err != nil {
			at.body.err = ended(err)
			at.cost = min(1+read/costBytes, costAtMost)
			return true
		}
		if !a.hold(at, piece(r)) {
			return false
		}
	}
}

// hold counts memory for a request's body, if there is any left.
func (a *Admission) hold(at *place, n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count(at, n)
}

// count is hold for who has mu.
func (a *Admission) count(at *place, n int64) bool {
	if n > 0 && a.held[at.group]+n > bodiesAtMost {
		return false
	}
	a.held[at.group] += n
	at.held += n
	return true
}

// letGo gives the memory of a body back.
func (a *Admission) letGo(at *place) { a.hold(at, -at.held) }

// fill reads until the buffer is full or the body ends.
func fill(in io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = in.Read(buf[n:])
		n += m
	}
	return n, err
}

// ended is how a body ended, for the door to find out: nil at its good end.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// again is a body that was read ahead, with the error that it ended by.
type again struct {
	pieces [][]byte
	room   [1][]byte // of one piece, which most bodies are
	piece  int       // the one that is read next, and from where in it
	from   int
	err    error
	io.Closer
	small [smallBody]byte // what one event fits into
}

// fresh is room for a body: new, or what another has left.
func (a *Admission) fresh() *again {
	if b, ok := a.spare.Get().(*again); ok {
		return b
	}
	return &again{}
}

// spent takes a body's room back. Nobody may hold a part of it any more.
func (a *Admission) spent(b *again) {
	b.pieces, b.room, b.piece, b.from, b.err, b.Closer = nil, [1][]byte{}, 0, 0, nil, nil
	a.spare.Put(b)
}

// buffer is room for the next n bytes.
func (b *again) buffer(n int64) []byte {
	if n <= int64(len(b.small)) && len(b.pieces) == 0 {
		return b.small[:n]
	}
	return make([]byte, n)
}

// whole is the body, when it is in one piece and ended well.
func (b *again) whole() ([]byte, bool) {
	if b.err != nil || len(b.pieces) != 1 {
		return nil, false
	}
	return b.pieces[0], true
}

func (b *again) Read(p []byte) (int, error) {
	for b.piece < len(b.pieces) {
		if n := copy(p, b.pieces[b.piece][b.from:]); n > 0 || len(p) == 0 {
			b.from += n
			return n, nil
		}
		b.piece, b.from = b.piece+1, 0
	}
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// refuse answers that there is no room, after a moment: who asks again at once
// would use up what is left for the others.
func (a *Admission) refuse(w http.ResponseWriter, r *http.Request, c Class, waited bool) {
	a.mu.Lock()
	a.refused[c]++
	pause := a.paused < pausedAtMost && !waited
	if pause {
		a.paused++
	}
	tell := time.Since(a.said) > time.Minute
	if tell {
		a.said = time.Now()
	}
	refused := a.refused
	a.mu.Unlock()
	if tell {
		a.log.Warn("more requests than can be served: some are refused, the least urgent first", "refused_so_far", refused[:])
	}
	if pause {
		t := time.NewTimer(pauseRefused)
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
		t.Stop()
		a.mu.Lock()
		a.paused--
		a.mu.Unlock()
	} else if !waited {
		w.Header().Set("Connection", "close")
	}
	if c == Pages && !strings.HasPrefix(r.URL.Path, "/v1/") {
		w.Header().Set("Retry-After", "2")
		http.Error(w, "ただいま混み合っています。少し待ってから、もう一度お試しください。\nVery busy right now. Please try again in a moment.", http.StatusServiceUnavailable)
		return
	}
	problem("overloaded", "").write(w)
}

// kept holds an answer back until the request has left.
type kept struct {
	to     http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
	out    bool // too large to be kept: it goes out as it comes
}

// Header is the answer's.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader notes the status.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	if !k.out && k.body.Len()+len(p) > keptAnswer {
		k.send()
		k.out = true
	}
	if k.out {
		return k.to.Write(p)
	}
	return k.body.Write(p)
}

func (k *kept) send() {
	if k.out || k.status == 0 {
		return
	}
	if k.header.Get("Content-Length") == "" && k.body.Len() > 0 && k.body.Len() <= keptAnswer && k.header.Get("Transfer-Encoding") == "" {
		k.header.Set("Content-Length", strconv.Itoa(k.body.Len()))
	}
	k.to.WriteHeader(k.status)
	_, _ = k.to.Write(k.body.Bytes()) // the client is gone
	k.body.Reset()
}
