//go:build unix

package faulttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is the most that a process has had in memory, in MiB.
func (p *process) memory() int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1])) // digits
	return n >> 10
}

func (p *process) dial(n int) (out []net.Conn) {
	for range n {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), time.Minute)
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// served sends decisions and gives the slowest one.
func (p *process) served(name string, n int) (slowest time.Duration) {
	p.t.Helper()
	for i := range n {
		began := time.Now()
		if status, _ := p.send(fmt.Sprint(name, i)); status != http.StatusOK {
			p.t.Errorf("a decision beside %s = %d", name, status)
		}
		slowest = max(slowest, time.Since(began))
	}
	return slowest
}

// TestD08_SlowConnections: half-sent heads, bodies byte by byte, pages nobody
// reads and idle connections, hundreds of them (thousands in the long form):
// decisions go on, and who is slow is cut off (standards 3.3, row 13).
func TestD08_SlowConnections(t *testing.T) {
	ready := Prepare(t)
	p := start(t, ready, ready.copied(t))
	each := 100
	if os.Getenv("MIMAMORI_LONG") != "" {
		each = 5000
	}
	alone := p.served("nobody ", 20)
	before := p.memory()
	heads := p.dial(each)
	for _, c := range heads {
		_, _ = io.WriteString(c, "POST /v1/decisions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	}
	bodies := p.dial(each / 2)
	for _, c := range bodies {
		_, _ = io.WriteString(c, "POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	}
	unread := p.dial(each / 10)
	for _, c := range unread {
		_ = c.(*net.TCPConn).SetReadBuffer(1024)
		_, _ = io.WriteString(c, strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 20))
	}
	idle := p.dial(each)
	beside := p.served("slow clients ", 20)
	t.Logf("slowest decision alone %s, beside %d slow connections %s; memory %d MiB, then %d", alone, 2*each+each/2+each/10, beside, before, p.memory())
	if beside > 10*alone+time.Second { // the machine does other things; the long form prints the figures
		t.Errorf("a decision took %s beside slow connections, %s alone", beside, alone)
	}
	_ = heads[0].SetReadDeadline(time.Now().Add(15 * time.Second))
	began := time.Now()
	if _, err := io.ReadAll(heads[0]); err != nil {
		t.Errorf("a half-sent head was not cut off: %v after %s", err, time.Since(began))
	}
	for _, list := range [][]net.Conn{heads, bodies, unread, idle} {
		for _, c := range list {
			_ = c.Close()
		}
	}
}

// TestD08_HugeBodies: a body of a gigabyte is refused before it is read, one
// that does not say its size is read no further than the limit, and neither
// fills the memory (row 12).
func TestD08_HugeBodies(t *testing.T) {
	ready := Prepare(t)
	p := start(t, ready, ready.copied(t))
	p.served("nobody ", 5)
	before := p.memory()
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			c := p.dial(1)[0]
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + p.key + "\r\nContent-Type: application/json\r\n"
			if n%2 == 0 {
				_, _ = io.WriteString(c, head+"Content-Length: 1073741824\r\n\r\n[")
			} else {
				_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
				chunk := "100000\r\n" + strings.Repeat("x", 1<<20) + "\r\n"
				for range 50 {
					if _, err := io.WriteString(c, chunk); err != nil {
						break
					}
				}
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return // cut off in the middle of the sending: refused all the same
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge && resp.StatusCode != http.StatusTooManyRequests {
				t.Errorf("a huge body = %d", resp.StatusCode)
			}
		})
	}
	all.Wait()
	p.served("huge bodies ", 5)
	if more := p.memory() - before; more > 128 {
		t.Errorf("huge bodies took %d MiB of memory", more)
	}
}

// TestFewFileDescriptors: a process that may open 80 files meets 200
// connections. It goes on with those it can take, and with all once the others
// have gone; nothing that was acknowledged is lost (row 16).
func TestFewFileDescriptors(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	ready := Prepare(t)
	data := ready.copied(t)
	p := start(t, ready, data, sh, "-c", `ulimit -n 80 && exec "$0"`)
	var acked []string
	many := p.dial(200)
	for i := range 5 {
		id := fmt.Sprint("crowded-", i)
		if status, _ := p.send(id); status == http.StatusOK {
			acked = append(acked, id)
		}
		if i == 0 {
			for _, c := range many {
				_ = c.Close()
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
	if len(acked) < 3 || p.ended(0) {
		t.Errorf("%d of 5 were served, ended %v: %s", len(acked), p.ended(0), p.said)
	}
	_ = p.in.Close()
	if !p.ended(20 * time.Second) {
		t.Error("it does not end")
	}
	holds(t, data, acked)
}

// TestSecondProcessIsRefused: another process on the same folder says so and
// ends; the first goes on (row 17).
func TestSecondProcessIsRefused(t *testing.T) {
	ready := Prepare(t)
	data := ready.copied(t)
	p := start(t, ready, data)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+data)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another process has it open") {
		t.Errorf("a second process: %v: %s", err, out)
	}
	p.served("a second process ", 3)
}
