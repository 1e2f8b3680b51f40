//go:build unix

package firstaid

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNastyPastesCostNoMore: text made to be slow to read costs at most four
// times what an ordinary paste of the same size costs, in CPU and in the
// same run, so that a busy machine and the race detector weigh on both alike.
func TestNastyPastesCostNoMore(t *testing.T) {
	ordinary := strings.Repeat("2026/11/20 23:14 106.72.45.9 PC\n", size/32)
	floor := cost(t, ordinary)
	for name, nasty := range map[string]string{"fractions": strings.Repeat("1/", size/2), "colons": strings.Repeat("1:1:", size/4),
		"double colons": strings.Repeat("::", size/2), "dates": strings.Repeat("11/20 ", size/6), "addresses": strings.Repeat("1.1.1.1 ", size/8),
		"empty lines": strings.Repeat("\n", size), "agents": strings.Repeat("Mozilla/5.0 (", size/13)} {
		got := cost(t, nasty)
		t.Logf("%s: %.1f times an ordinary paste (%s)", name, float64(got)/float64(floor), got)
		if got > mostTimes*floor {
			t.Errorf("%s: %s of CPU, an ordinary paste %s", name, got, floor)
		}
	}
}

const (
	mostTimes = 4
	size      = MostBytes / 8 // what is not linear shows at this size too
)

// cost is the least CPU that reading takes of two times.
func cost(t *testing.T, text string) time.Duration {
	t.Helper()
	least := time.Hour
	for range 2 {
		before := used(t)
		Read(text, now, tokyo)
		least = min(least, used(t)-before)
	}
	return max(least, time.Millisecond)
}

func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
