package profile

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestPackedRoundTrip: rows of every shape say afterwards what they said
// before, each field set to anything: one that pack or unpack does not know
// fails here. What JSON says of the row is what counts.
func TestPackedRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		var p, want Profile
		fill(rng, reflect.ValueOf(&p).Elem())
		b, err := json.Marshal(&p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		row := packed(&p)
		got, err := Decode(row)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Fatalf("after the round trip (%v):\n%s", err, d)
		}
		if again := packed(&got); !slices.Equal(row, again) {
			t.Fatalf("written again it is\n%x\nnot\n%x", again, row)
		}
		if old, err := Decode(b); err != nil || cmp.Diff(want, old) != "" {
			t.Fatalf("as JSON it reads %+v, %v", old, err)
		}
	}
}

// packed is a row that nothing is cut from.
func packed(p *Profile) []byte {
	var k packer
	p.pack(&k)
	return k.row()
}

// sealed is what stands in a row, with its check sum.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// goldenProfile is what goldenRow says.
var goldenProfile = Profile{Locale: "ja", Zone: "Asia/Seoul", FirstSeen: begin, Made: time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC), LastLogin: begin.Add(time.Millisecond), Logins: 3,
	Devices:   []Device{{Key: "t1", Agent: "Chrome (Windows)", First: begin, Last: begin, Count: 300, Proof: true, Via: "s1", Major: 140, Given: true, Print: "abc"}},
	Networks:  []Network{{Key: "126.16.1.0/24", ASN: 17676, Country: "JP", Kind: "access", First: begin, Last: begin, Count: 1, Proof: true, Via: "s1", Delay: 2.75}},
	Countries: []Country{{Code: "JP", First: begin, Last: begin, Via: "s1"}}, Hours: [24]uint16{0: 1, 23: 65535}, Langs: []string{"ja", "pt"},
	Orders: 2, MaxOrder: 4800, Balance: -5, FailedAt: begin, Failed: 1,
	Sessions: []Session{{ID: "s1", Began: begin, Last: begin, Device: "t1", Network: "126.16.1.0/24", ASN: 1, Country: "JP", Known: true, Terms: Weights{{"device_known", -1.4}, {"x", 1e-9}},
		Ended: true, Verdict: "customer", Marks: Marks{{"address", 0}}, Counted: [2]int16{-600, 1}, Met: "hold", Agent: "chrome/windows", Major: 1, Values: []string{"v", "w"}, Event: "e1", Tied: true}},
	Foes: []Foe{{At: begin, Device: "t1", Network: "n", ASN: 2, Agent: "a"}}, Faded: Weights{{"network_new", 0.5}}, FadedAt: begin}

const goldenRow = "010881820412061a28417369612f53656f756c240180bb2f2c0380b898e1df0e01340280897a3906430a087431129e011c02ff887a240029d804373a0873314198024f520c616263004b0a343132362e31362e312e302f3234108c8a011a02220e2c0034003902474a0955fc2a00530a0214001c00220900581858ffff5f620662087074690471804b790984010089010293010a0b733114001c0022052a1130013a02474b0a2e15ef150a04781695d626e80b2e113e00575a26630a1c6164647265737311000069af0971027abe018201820189010292010476920104779a010b6531a701009b010c0012051a046e20022a046100a3010a4615e80700ac01000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000086a7e9ed"

// TestGoldenRow: what was written once must be read for ever. Whoever has to
// change goldenRow has broken that.
func TestGoldenRow(t *testing.T) {
	row, err := hex.DecodeString(goldenRow)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(row)
	if d := cmp.Diff(goldenProfile, got); err != nil || d != "" {
		t.Errorf("the row of version 1 reads otherwise (%v), now it would be\n%x\n%s", err, packed(&goldenProfile), d)
	}
}

// TestFieldsOfALaterProgram are passed over, and what follows is read.
func TestFieldsOfALaterProgram(t *testing.T) {
	k := packer{at: base}
	k.byte(version)
	k.uint(40, 7)
	k.int(41, -7)
	k.open(42)
	k.text(1, "later")
	k.open(2)
	k.time(3, begin)
	k.close()
	k.number(4, 0.5, 64)
	k.number(5, 1e-9, 64)
	k.yes(6, true)
	k.close()
	k.once(43, "once")
	k.text(3, "later")
	k.time(4, begin)
	p, err := Decode(k.row())
	if err != nil || p.Zone != "later" || !p.FirstSeen.Equal(begin) {
		t.Errorf("read %+v, %v", p, err)
	}
}

// TestBrokenRows: a row that is cut, or of which one bit is flipped, is an
// error and never another picture. So is one that no program wrote.
func TestBrokenRows(t *testing.T) {
	whole := packed(&goldenProfile)
	for n := 1; n < len(whole); n++ {
		if _, err := Decode(whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes it reads", n, len(whole))
		}
	}
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := Decode(b); err == nil {
			t.Errorf("with bit %d flipped it reads", bit)
		}
	}
	for _, b := range [][]byte{{version, 0, 7}, {version, 1}, {version, 8<<3 | wireGroup}, {version, 2<<3 | wireText, 41}, {version, 2<<3 | wireText, 0xfe, 0x7f}, {version, 7<<3 | wireFloat}, {version, 0x80}} {
		if p, err := Decode(sealed(b)); err == nil {
			t.Errorf("%x reads as %+v", b, p)
		}
	}
}

// TestEachSessionItsOwnRoom: the weights of a row are made room for at once;
// what is added to a session's, or taken from them, shows in no other.
func TestEachSessionItsOwnRoom(t *testing.T) {
	p := Profile{Faded: Weights{{"device_new", 2}}, FadedAt: begin}
	for i := range MaxSessions {
		s := Session{ID: strconv.Itoa(i), Began: begin, Last: begin}
		for n := range (i * 5) % 13 { // of different lengths, so that the room runs out
			s.Terms = s.Terms.With("term"+strconv.Itoa(n), float64(i))
		}
		p.Sessions = append(p.Sessions, s)
	}
	row := packed(&p)
	for i := range MaxSessions + 1 {
		got, err := Decode(row)
		want, _ := Decode(row)
		if err != nil || !slices.Equal(got.Faded, p.Faded) {
			t.Fatal(err, got.Faded)
		}
		change, theirs := &got.Faded, &want.Faded
		if i < MaxSessions {
			change, theirs = &got.Sessions[i].Terms, &want.Sessions[i].Terms
		}
		*change = change.With("a", -99).With("term0", -99).Without("term1").With("z", -99)
		*theirs = slices.Clone(*change)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after a change of one:\n%s", d)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	whole := packed(&goldenProfile)
	f.Add(whole[1 : len(whole)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(sealed(append([]byte{version}, b...)))
		if err != nil {
			return
		}
		q, err := Decode(packed(&p))
		if d := cmp.Diff(p, q, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); err != nil || d != "" {
			t.Errorf("%x after another round trip (%v):\n%s", b, err, d)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	p := goldenProfile
	for i := range 5 {
		s := p.Sessions[0]
		s.ID, s.Terms = string(rune('a'+i)), Weights{{"device_known", -1.4}, {"hour_usual", -0.2}, {"language_known", -0.3}, {"network_known", -1.5}}
		p.Sessions = append(p.Sessions, s)
	}
	row := packed(&p)
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			row, _ = p.Encode()
		}
		b.ReportMetric(float64(len(row)), "bytes")
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(row); err != nil {
				b.Fatal(err)
			}
		}
	})
}
