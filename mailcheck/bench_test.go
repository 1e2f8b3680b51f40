package mailcheck

import (
	"testing"
	"time"

	"mimamori/mailcheck/message"
)

// BenchmarkCorpus judges the development mails, reading included. Most of a
// mail's cost is in its signatures and its links.
func BenchmarkCorpus(b *testing.B) {
	mails, dns := readCorpus(b)
	c := corpusChecker(b, dns)
	b.ReportAllocs()
	n := 0
	var worst time.Duration
	for b.Loop() {
		m := mails[n%len(mails)]
		n++
		began := time.Now()
		msg, err := message.Read(m.raw)
		if err != nil {
			b.Fatal(err)
		}
		c.Check(b.Context(), Mail{Message: msg})
		worst = max(worst, time.Since(began))
	}
	b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
}
