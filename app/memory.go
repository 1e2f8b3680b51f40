package app

import (
	"os"
	"runtime"
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

// SpareProcessor has one goroutine more run at a time than there are cores, for
// a process that serves. A goroutine that waits for the disk, as one does after
// each commit, keeps its place among those that run until the scheduler looks,
// which is up to milliseconds later: of two places one stood empty for a tenth
// of the time. GOMAXPROCS in the environment wins.
func SpareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}
