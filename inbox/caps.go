package inbox

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// The caps: what a person needs is far below, what a mail bomb needs far above.
const (
	answersAnHour  = 5     // to one address
	answersADay    = 20    // to one address
	domainAnHour   = 300   // to one domain; large providers send much
	allAnHour      = 2000  // answers in all
	asksAnHour     = 600   // from one network, answered or not
	rememberedMost = 50000 // keys held; beyond it everything is refused until the hour is over
)

// caps counts by hour and day. Addresses are held only as keyed hashes, and
// only until the period is over.
type caps struct {
	key [32]byte

	mu    sync.Mutex // guards all below
	hour  map[[32]byte]int
	day   map[[32]byte]int
	seen  map[[32]byte]bool // mails answered this day
	hours int64             // the hour and day that are counted
	days  int64
	total int
}

func newCaps() *caps {
	c := &caps{}
	_, _ = rand.Read(c.key[:]) // never fails
	c.roll(time.Time{})
	return c
}

// roll begins a new period; the caller holds mu.
func (c *caps) roll(now time.Time) {
	if h := now.Unix() / 3600; h != c.hours || c.hour == nil {
		c.hours, c.hour, c.total = h, map[[32]byte]int{}, 0
	}
	if d := now.Unix() / 86400; d != c.days || c.day == nil {
		c.days, c.day, c.seen = d, map[[32]byte]int{}, map[[32]byte]bool{}
	}
}

func (c *caps) of(kind, value string) [32]byte {
	return sha256.Sum256([]byte(string(c.key[:]) + kind + "\x00" + strings.ToLower(value)))
}

// takeAsk counts a mail from a network.
func (c *caps) takeAsk(ip netip.Addr, now time.Time) bool {
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return true // no address: a pipe in a test
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roll(now)
	k := c.of("network", network.String())
	if len(c.hour) > rememberedMost || c.hour[k] >= asksAnHour {
		return false
	}
	c.hour[k]++
	return true
}

// takeAnswer counts an answer to an address. The same mail is answered once a
// day.
func (c *caps) takeAnswer(addr, domain string, mail [32]byte, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roll(now)
	a, d := c.of("address", addr), c.of("domain", domain)
	if c.seen[mail] || c.total >= allAnHour || c.hour[a] >= answersAnHour || c.day[a] >= answersADay || c.hour[d] >= domainAnHour || len(c.day) > rememberedMost {
		return false
	}
	c.hour[a]++
	c.day[a]++
	c.hour[d]++
	c.total++
	c.seen[mail] = true
	return true
}

// giveBack lets the same mail come again; what was counted stays counted.
func (c *caps) giveBack(mail [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, mail)
}

// limited accepts so many connections at a time.
func limited(l net.Listener, n int) net.Listener { return &limit{l, make(chan struct{}, n)} }

type limit struct {
	net.Listener
	places chan struct{}
}

// Accept waits for a place.
func (l *limit) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

type placed struct {
	net.Conn
	leave func()
}

// Close gives the place back.
func (p *placed) Close() error {
	p.leave()
	return p.Conn.Close()
}
