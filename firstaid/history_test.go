package firstaid

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori/geo"
)

var (
	tokyo = time.FixedZone("JST", 9*60*60)
	now   = time.Date(2026, 11, 22, 9, 0, 0, 0, tokyo)
)

// brief writes a sign-in as the samples do.
func brief(s SignIn) string {
	at := ""
	switch s.Precision {
	case Day:
		at = s.At.Format("2006-01-02")
	case Minute:
		at = s.At.Format("2006-01-02 15:04")
	}
	out := at + " | " + s.Address.String() + " | " + s.Device
	if s.Refused {
		out += " | refused"
	}
	return strings.Join(strings.Fields(out), " ")
}

// TestReadPastes: what people copy or write down, as testdata/pastes shows it
// (the text, a line of =====, and what is to be read).
func TestReadPastes(t *testing.T) {
	files, err := filepath.Glob("testdata/pastes/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d sample pastes, want 40 at least (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, want, ok := strings.Cut(string(raw), "\n=====\n")
			if !ok {
				t.Fatal("no line of =====")
			}
			var got []string
			for _, s := range Read(text, now, tokyo).SignIns {
				got = append(got, brief(s))
			}
			var wanted []string
			for line := range strings.Lines(want) {
				wanted = append(wanted, strings.Join(strings.Fields(line), " "))
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("Read (-want +got):\n%s\nof\n%s", diff, text)
			}
		})
	}
}

// TestReadIsBounded: a paste as long as one likes is read up to a bound, and
// says so.
func TestReadIsBounded(t *testing.T) {
	h := Read(strings.Repeat("2026/11/20 23:14 106.72.45.9 PC\n", 3000), now, tokyo)
	if len(h.SignIns) != mostSignIns || !h.More {
		t.Errorf("%d sign-ins, more: %v; want %d and true", len(h.SignIns), h.More, mostSignIns)
	}
}

// FuzzRead: no text makes the reader fail, invent an address, or run over its
// bounds.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/pastes/*.txt")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := Read(text, now, tokyo)
		if len(h.SignIns) > mostSignIns {
			t.Errorf("%d sign-ins", len(h.SignIns))
		}
		addresses := 0
		for _, s := range h.SignIns {
			if s.Precision != NoTime && (s.At.IsZero() || s.At.Year() < 1900 || s.At.Year() > 2110) {
				t.Errorf("time %v of %q", s.At, s.Text)
			}
			if s.Precision == NoTime && !s.Address.IP.IsValid() {
				t.Errorf("neither time nor address: %+v", s)
			}
			if len([]rune(s.Text)) > mostText || strings.ContainsAny(s.Text, "\n\x00") {
				t.Errorf("text %q", s.Text)
			}
			if s.Address.IP.IsValid() {
				addresses++
				if s.Address.Bits < 8 && s.Address.IP != netip.IPv4Unspecified() {
					t.Errorf("%d bits of %v", s.Address.Bits, s.Address.IP)
				}
			}
		}
		if addresses != h.Addresses {
			t.Errorf("Addresses = %d, want %d", h.Addresses, addresses)
		}
		if p := Explain(h, Seen{}, geo.Embedded()); p.Odd+p.Unsure+p.Fits+p.Stopped != len(h.SignIns) {
			t.Errorf("the explained rows do not add up: %+v", p)
		}
	})
}
