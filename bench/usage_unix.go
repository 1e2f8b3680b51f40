//go:build unix

package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// now is what this process has used so far (getrusage(2); on Linux also
// /proc/self/io for what went to the disk).
func now() (u usage, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("ask the system what this process used: %w", err)
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	u.RSS = int64(r.Maxrss)
	if runtime.GOOS == "linux" {
		u.RSS *= 1024
	}
	if b, err := os.ReadFile("/proc/self/io"); err == nil {
		for line := range bytes.Lines(b) {
			if n, found := bytes.CutPrefix(line, []byte("write_bytes: ")); found {
				u.Written, _ = strconv.ParseInt(string(bytes.TrimSpace(n)), 10, 64)
			}
		}
	}
	return u, nil
}
