package profile

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSize counts rows of every shape: each field set to anything, so that a
// field that Size does not know fails here.
func TestSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		var p Profile
		fill(rng, reflect.ValueOf(&p).Elem())
		b, err := json.Marshal(&p)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Size(); got != len(b) {
			t.Fatalf("Size = %d, want %d: %s", got, len(b), b)
		}
	}
	if got := (&Profile{}).Size(); got != len(`{"h":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}`) {
		t.Errorf("Size of nothing = %d", got)
	}
}

// fill sets a value, and everything in it, to anything.
func fill(rng *rand.Rand, v reflect.Value) {
	if rng.IntN(5) == 0 && v.Kind() != reflect.Struct {
		return // absent
	}
	switch named := v.Addr().Interface().(type) {
	case *Weights:
		fillNamed(rng, named)
		return
	case *Marks:
		fillNamed(rng, named)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"a", "Chrome (Windows)", "日本語", "<b>&\"\\\n\x01", "t0123456789ab", "\u2028é😀", "x\x7f"}[rng.IntN(7)])
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(1<<40) >> rng.IntN(41) * (1 - 2*rng.Int64N(2)))
	case reflect.Int16:
		v.SetInt(rng.Int64N(60000) - 30000)
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(rng.Uint64N(60000))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64, reflect.Float32:
		v.SetFloat([]float64{0.01, -2.5, 1e-9, 1.25e-7, 3e25, 0, 17, -0.07, rng.NormFloat64()}[rng.IntN(9)])
	case reflect.Slice:
		for range rng.IntN(4) {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(rng, x)
			v.Set(reflect.Append(v, x))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			t := []time.Time{{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.UTC),
				time.Date(2026, 1, 2, 3, 4, 5, 7, time.FixedZone("JST", 9*3600))}[rng.IntN(4)]
			v.Set(reflect.ValueOf(t))
			return
		}
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	default:
		panic("a row holds a kind of value that fill does not know: " + v.Kind().String())
	}
}

func fillNamed[V any](rng *rand.Rand, n *Named[V]) {
	for _, name := range []string{"one", "two <", "three"}[:rng.IntN(4)] {
		var v V
		fill(rng, reflect.ValueOf(&v).Elem())
		*n = n.With(name, v)
	}
}

// crowded is a profile with more in it than a row holds.
func crowded(rng *rand.Rand) Profile {
	var p Profile
	fill(rng, reflect.ValueOf(&p).Elem())
	for range rng.IntN(16) {
		var q Profile
		fill(rng, reflect.ValueOf(&q).Elem())
		p.Devices, p.Networks, p.Countries = append(p.Devices, q.Devices...), append(p.Networks, q.Networks...), append(p.Countries, q.Countries...)
		p.Sessions, p.Foes = append(p.Sessions, q.Sessions...), append(p.Foes, q.Foes...)
	}
	for i := range p.Sessions { // what is dropped is told by its id
		p.Sessions[i].ID = strings.Repeat("<s>", rng.IntN(30)) + strconv.Itoa(i)
	}
	return p
}

// TestCutByItsSize: what is kept and what is let go is as if the row were
// written as JSON each time to see whether it fits.
func TestCutByItsSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	cut := 0
	for range 300 {
		p := crowded(rng)
		want := p
		want.Devices, want.Networks, want.Countries = slices.Clone(p.Devices), slices.Clone(p.Networks), slices.Clone(p.Countries)
		want.Sessions, want.Foes, want.Faded = slices.Clone(p.Sessions), slices.Clone(p.Foes), slices.Clone(p.Faded)
		for {
			b, err := json.Marshal(&want)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) <= MaxBytes || !want.dropOne() {
				break
			}
			cut++
		}
		row := packed(&want)
		if got, err := p.Encode(); err != nil || !bytes.Equal(got, row) {
			t.Fatalf("cut to %d bytes (%v), want %d: %+v\nwant %+v", len(got), err, len(row), p, want)
		}
	}
	if cut < 300 {
		t.Fatalf("only %d entries were cut: the test shows little", cut)
	}
}

// TestCommonNeedsNoEscape: a word from there is counted by its length, and each
// is found.
func TestCommonNeedsNoEscape(t *testing.T) {
	for i, s := range common {
		if at, ok := inCommon(s, hash(s)); !ok || at != i || quoted(s) != len(s)+2 {
			t.Errorf("%q is found at %d (%v) and takes %d", s, at, ok, quoted(s))
		}
	}
	for _, s := range []string{"", "J", "device_", "Device_known", "device_unrecognized"} {
		if at, ok := inCommon(s, hash(s)); ok {
			t.Errorf("%q is found at %d", s, at)
		}
	}
}
