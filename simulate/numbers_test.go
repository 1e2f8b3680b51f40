package simulate

import (
	"bytes"
	"strings"
	"testing"
)

// TestEachNumberHasASource: a number that nobody can trace is an opinion.
func TestEachNumberHasASource(t *testing.T) {
	n, err := readNumbers(parameters)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range n.each() {
		if len(p.Source) < 9 || p.To == 0 {
			t.Errorf("%s: %+v", name, *p)
		}
		if !bytes.Contains(parameters, []byte("\n"+name+":")) {
			t.Errorf("%s is not in parameters.yaml", name)
		}
	}
	for _, bad := range []string{
		strings.Replace(string(parameters), "source:", "src:", 1),
		strings.Replace(string(parameters), "logins_per_month", "logins_per_mouth", 1),
		strings.Replace(string(parameters), "from: 0.62", "from: 7", 1),
		strings.Replace(string(parameters), "\nspray_success", "\n#spray_success", 1),
	} {
		if _, err := readNumbers([]byte(bad)); err == nil {
			t.Errorf("readNumbers accepted a broken file")
		}
	}
}

func TestNetworksAreRead(t *testing.T) {
	nets, err := readNetworks(networksFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []role{atHome, onPhone, inOffice, inHosting, onVPN, onRelay, abroad, hostedAbroad, vpnAbroad} {
		if len(nets[r]) == 0 {
			t.Errorf("no network %s", r)
		}
		for _, n := range nets[r] {
			if len(n.v4) == 0 {
				t.Errorf("AS%d has no IPv4 prefix", n.asn)
			}
		}
	}
	for _, bad := range []string{"home\tJP\t1\tx\t1", "home\tJP\tx\tx\t1\t1.0.0.0/8", "home\tJP\t1\tx\t1\t1.0.0.0"} {
		if _, err := readNetworks(bad); err == nil {
			t.Errorf("readNetworks(%q) accepted", bad)
		}
	}
}
