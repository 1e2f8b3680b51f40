//go:build unix

package faulttest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestFailedSync: the disk says EIO to a sync (standards 3.3, row 2). Nothing
// is acknowledged from then on, the process ends by itself, and all that was
// acknowledged is there in the next.
func TestFailedSync(t *testing.T) {
	ready := Prepare(t)
	for _, when := range []int{3, 17} {
		data := ready.copied(t)
		p := start(t, ready, data, tracing(t, "-e", "trace=fdatasync", "-P", filepath.Join(data, "mimamori.db-wal"), "-e", fmt.Sprintf("inject=fdatasync:error=EIO:when=%d", when))...)
		var acked []string
		failed, after := 0, 0
		for i := range 200 {
			id := fmt.Sprint("e", i)
			status, _ := p.send(id)
			switch {
			case status == 200 && failed > 0:
				after++
			case status == 200:
				acked = append(acked, id)
			default:
				failed++
			}
			if failed > 5 {
				break
			}
		}
		if failed == 0 || after > 0 {
			t.Errorf("sync %d fails: %d refused, %d acknowledged after the first of them", when, failed, after)
		}
		if !p.ended(20 * time.Second) {
			t.Errorf("sync %d fails: the process goes on: %s", when, p.said)
		}
		holds(t, data, acked)
	}
}

// TestFullDisk: the disk is full for a while (row 3). Writes are refused with
// 503 and when to come again, reading goes on, the process lives, and when
// there is room writing goes on by itself.
func TestFullDisk(t *testing.T) {
	ready := Prepare(t)
	data := ready.copied(t)
	p := start(t, ready, data, tracing(t, "-e", "trace=pwrite64", "-P", filepath.Join(data, "mimamori.db-wal"), "-e", "inject=pwrite64:error=ENOSPC:when=80..140")...)
	var acked []string
	refused, resumed, silent := 0, 0, 0
	for i := range 600 {
		id := fmt.Sprint("e", i)
		status, header := p.send(id)
		switch status {
		case 200:
			acked = append(acked, id)
			if refused > 0 {
				resumed++
			}
		case 503:
			if refused++; !told(header, "Retry-After") {
				t.Error("refused without saying when to come again")
			}
			if refused == 1 {
				if got, _ := p.ask("GET", "/v1/accounts/hanako/gate?act=order&session=s-e0", ""); got != 200 {
					t.Errorf("the gate while the disk is full = %d", got)
				}
				if got, _ := p.ask("GET", "/readyz", ""); got != 503 {
					t.Errorf("/readyz while the disk is full = %d", got)
				}
				if got, _ := p.ask("GET", "/healthz", ""); got != 200 {
					t.Errorf("/healthz while the disk is full = %d", got)
				}
			}
		default:
			silent++
		}
		if resumed > 20 {
			break
		}
	}
	if refused == 0 || resumed == 0 || silent > 0 || p.ended(0) {
		t.Errorf("%d acknowledged, %d refused, %d acknowledged after that, %d unanswered; ended %v: %s", len(acked), refused, resumed, silent, p.ended(0), p.said)
	}
	_ = p.in.Close()
	if !p.ended(20 * time.Second) {
		t.Error("it does not end")
	}
	holds(t, data, acked)
}
