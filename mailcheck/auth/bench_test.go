package auth

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mimamori/mailcheck/message"
)

// BenchmarkCheck reads mails and finds out who answers for them, one after the
// other on one core: MIMAMORI_MAIL_CORPUS names a folder of real ones with
// recorded-dns.json beside them; without it they are made up. Since
// the machine may have other work, the rate is by CPU time, and of each mail
// the quickest round counts.
func BenchmarkCheck(b *testing.B) {
	runtime.GOMAXPROCS(1)
	mails, dns := benchMails(b)
	best := make([]time.Duration, len(mails)) // of each mail, over all rounds
	n := 0
	before := cpu(b)
	for b.Loop() {
		for i, raw := range mails {
			began := time.Now()
			m, err := message.Read(raw)
			if err != nil {
				b.Fatal(err)
			}
			at, _ := m.ReceivedAt(began)
			Check(context.Background(), Input{Message: m, At: at}, dns)
			if took := time.Since(began); best[i] == 0 || took < best[i] {
				best[i] = took
			}
			n++
		}
	}
	spent := cpu(b) - before
	slices.Sort(best)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(n)/spent.Seconds(), "mails/cpu-s")
	b.ReportMetric(float64(spent.Microseconds())/float64(n), "cpu-µs/mail")
	b.ReportMetric(float64(best[len(best)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(best[len(best)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(mem.Sys>>20), "MB-of-the-process")
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func benchMails(b *testing.B) ([][]byte, Resolver) {
	b.Helper()
	dir := os.Getenv("MIMAMORI_MAIL_CORPUS")
	if dir == "" {
		return madeUp(b)
	}
	f, err := os.Open(filepath.Join(dir, "recorded-dns.json"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	dns, err := ReadRecorded(f)
	if err != nil {
		b.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.eml"))
	var out [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, raw)
	}
	return out, dns
}

// madeUp are mails of the common sizes: a plain notice, an HTML one of 30 kB
// with 60 links, one that a list passed on.
func madeUp(b *testing.B) ([][]byte, Resolver) {
	b.Helper()
	s, list := newShop("shop.example"), newShop("list.example")
	txt := s.dns()
	for k, v := range list.dns() {
		txt[k] = v
	}
	page := strings.Repeat(`<tr><td style="font-family:Meiryo"><a href="https://www.shop.example/item?id=1&amp;b=2">お買い上げの商品</a><img src="https://img.shop.example/i.png" alt="商品"></td><td>¥1,200 税込</td></tr>`+"\n", 60)
	coded := base64.StdEncoding.EncodeToString([]byte("<html><body><table>" + strings.Repeat(page, 2) + "</table></body></html>"))
	var lines strings.Builder
	for len(coded) > 76 {
		lines.WriteString(coded[:76] + "\n")
		coded = coded[76:]
	}
	html := strings.Replace(plain, "\n\nThank", "\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"+lines.String()+coded+"\nThank", 1)
	out := [][]byte{[]byte(s.sign(b, plain, nil)), []byte(s.sign(b, html, nil)), []byte(list.seal(b, s.sign(b, html, nil), 1, "none"))}
	return out, NewRecorded(txt)
}
