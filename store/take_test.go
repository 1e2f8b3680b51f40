//go:build unix

package store_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/traffic"
)

// BenchmarkTake is the whole decision path on the real file: assess, decide,
// write, one fsync for what waits together.
func BenchmarkTake(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "m.db"))
	in := intake.New(s, intake.Options{Geo: geo.Embedded(), Traffic: traffic.New(0), Policy: decide.DefaultPolicy()})
	const accounts = 20_000
	var next atomic.Int64
	run := fmt.Sprint(time.Now().UnixNano())
	before := cpu(b)
	b.SetParallelism(64)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			if _, err := in.Take(b.Context(), []event.Event{benchLogin(b, run, n, n%accounts)}, intake.How{}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu is what this process has used, making the events included: unlike the
// wall clock it does not mind what else the machine does.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchLogin(b *testing.B, run string, n, account int64) event.Event {
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":"%s-%d","type":"login.attempted","subject":"customer-%d","time":%q,
		"data":{"outcome":"succeeded","session":"s-%s-%d","ip":"203.0.113.%d","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"accept_language":"ja-JP,ja;q=0.9","device":"dev_%032x"}}`, run, n, account, now.Format(time.RFC3339Nano), run, n, account%250, account)
	e, err := event.DecodeLine([]byte(body), now, event.Limits{})
	if err != nil {
		b.Error(err)
	}
	return e
}
