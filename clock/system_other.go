//go:build !linux

package clock

import (
	"fmt"
	"os"
	"time"
)

var started = time.Now()

// System reads the machine's clocks. Here the steady one is the process's own,
// so that a jump is not found over a restart.
func System() Reading {
	now := time.Now()
	return Reading{Wall: now.Round(0), Steady: now.Sub(started), Boot: fmt.Sprintf("process %d of %d", os.Getpid(), started.Unix())}
}
