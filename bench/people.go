package bench

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// agents are what the customers sign in with.
var agents = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
}

func subject(i int) string { return fmt.Sprintf("customer-%08d", i) }
func device(i int) string  { return fmt.Sprintf("dev_%032x", i) }

// login is a customer's own sign-in as the shop reports it: at home, on his
// own device. id is unique for him.
func login(source string, i int, id string, at time.Time) []byte {
	p := i % patterns
	return fmt.Appendf(nil, `{"specversion":"1.0","source":"%s","id":"%s","type":"login.attempted","subject":"%s","time":"%s","data":{"outcome":"succeeded","session":"s-%d-%s","ip":"126.%d.%d.%d","user_agent":"%s","accept_language":"ja-JP,ja;q=0.9","device":"%s"}}`,
		source, id, subject(i), at.UTC().Format(time.RFC3339Nano), i, id, 16+p/50, p, 1+i/patterns%250, agents[p%len(agents)], device(i))
}

// seen is a session that goes on, viewed a page, or moved points: what most of
// a shop's events are.
func seen(source string, i int, id string, at time.Time) []byte {
	p := i % patterns
	head := fmt.Appendf(nil, `{"specversion":"1.0","source":"%s","id":"%s","subject":"%s","time":"%s",`, source, id, subject(i), at.UTC().Format(time.RFC3339Nano))
	session := fmt.Sprintf("s-%d-past-2", i%patterns)
	switch len(id) % 3 {
	case 0:
		return fmt.Appendf(head, `"type":"page.viewed","data":{"session":"%s","page":"orders","fields":["orders"]}}`, session)
	case 1:
		return fmt.Appendf(head, `"type":"session.seen","data":{"session":"%s","ip":"126.%d.%d.%d","user_agent":"%s"}}`, session, 16+p/50, p, 1+i/patterns%250, agents[p%len(agents)])
	}
	return fmt.Appendf(head, `"type":"points.moved","data":{"session":"%s","entry":"%s","amount":10,"balance":1000}}`, session, id)
}

// who draws the account that acts next.
func (o *Options) who(r *rand.Rand) func() int {
	if !o.Zipf {
		return func() int { return r.IntN(o.Accounts) }
	}
	z := rand.NewZipf(r, 1.1, 10, uint64(o.Accounts-1))
	return func() int { return int(z.Uint64()) }
}
