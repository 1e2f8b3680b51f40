package app

import (
	"os"
	"runtime/debug"
)

// CollectSeldom has the process collect garbage a quarter as often as Go does
// by itself. What stays (counters, tables of addresses) is a hundred megabytes
// that hold few pointers, and what a decision leaves is soon garbage: it costs
// some three hundred megabytes more and saves a twentieth of the CPU. As the
// heap comes near a bound it is collected as often as it must be. GOGC and
// GOMEMLIMIT in the environment win. It is for a process that serves, and only
// for one.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapAtMost)
	}
}

// heapAtMost is soft: what must stay may be more.
const heapAtMost = 640 << 20
