package profile

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// owned is an account with so many devices and networks that are hers beyond
// doubt, the first of each the least used, and newcomers of each.
func owned(devices, networks, newcomers int) (*Profile, time.Time) {
	now := time.Date(2026, 6, 1, 20, 0, 0, 0, time.UTC)
	long := now.AddDate(0, -6, 0)
	p := &Profile{LastLogin: now}
	for i := range devices {
		p.Devices = append(p.Devices, Device{Key: fmt.Sprint("hers", i), First: long, Last: now.AddDate(0, 0, i-devices), Count: 2 + i})
	}
	for i := range networks {
		p.Networks = append(p.Networks, Network{Key: fmt.Sprint("hers", i), First: long, Last: now.AddDate(0, 0, i-networks), Count: 2 + i})
	}
	for i := range newcomers {
		p.Devices = append(p.Devices, Device{Key: fmt.Sprint("new", i), First: now, Last: now, Count: 1})
		p.Networks = append(p.Networks, Network{Key: fmt.Sprint("new", i), First: now, Last: now, Count: 1})
	}
	return p, now
}

func leftOf(p *Profile) (devices, networks []string) {
	for _, d := range p.Devices {
		devices = append(devices, d.Key)
	}
	for _, n := range p.Networks {
		networks = append(networks, n.Key)
	}
	return devices, networks
}

// TestAFullRowLetsTheNewPhoneIn: where all that fills the row is hers, the
// least used of her own goes and a newcomer stays, down to five devices and
// eight networks; then it is the newcomers that go.
func TestAFullRowLetsTheNewPhoneIn(t *testing.T) {
	p, _ := owned(7, 10, 3)
	for step, gone := range []string{"hers0", "hers1"} {
		if !p.dropOne() {
			t.Fatal("nothing was let go")
		}
		devices, networks := leftOf(p)
		if slices.Contains(devices, gone) || len(devices) != 9-step || len(networks) != 13 {
			t.Fatalf("step %d: %v and %v are left, want %s gone", step, devices, networks, gone)
		}
	}
	for step, gone := range []string{"hers0", "hers1"} {
		p.dropOne()
		if devices, networks := leftOf(p); slices.Contains(networks, gone) || len(devices) != 8 || len(networks) != 12-step {
			t.Fatalf("step %d: %v and %v are left, want network %s gone", step, devices, networks, gone)
		}
	}
	for p.dropOne() {
		devices, networks := leftOf(p)
		strangers := slices.ContainsFunc(append(devices, networks...), func(k string) bool { return k[0] == 'n' })
		if strangers && (!slices.Contains(devices, "hers6") || !slices.Contains(networks, "hers9")) {
			t.Fatalf("hers went before a stranger: %v, %v", devices, networks)
		}
	}
}

// TestManyStrangersPushNobodyOut: more newcomers than a person brings are no
// newcomers: they go, and nothing of hers does.
func TestManyStrangersPushNobodyOut(t *testing.T) {
	p, _ := owned(7, 10, 4)
	p.dropOne()
	devices, networks := leftOf(p)
	for i := range 7 {
		if !slices.Contains(devices, fmt.Sprint("hers", i)) {
			t.Errorf("her device %d was let go: %v", i, devices)
		}
	}
	for i := range 10 {
		if !slices.Contains(networks, fmt.Sprint("hers", i)) {
			t.Errorf("her network %d was let go: %v", i, networks)
		}
	}
	if len(devices)+len(networks) != 7+10+8-1 {
		t.Errorf("%d devices and %d networks are left", len(devices), len(networks))
	}
}
