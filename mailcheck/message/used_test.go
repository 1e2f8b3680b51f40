//go:build unix

package message

import (
	"syscall"
	"testing"
	"time"
)

// used is the CPU this process has had: a busy machine does not change it.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
