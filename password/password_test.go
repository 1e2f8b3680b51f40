package password

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimamori"
)

func sumOf(word string) string {
	sum := sha1.Sum([]byte(word))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func seen(t *testing.T, l *List, word string) int {
	t.Helper()
	sum := sumOf(word)
	found, err := l.Range(sum[:Prefix])
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range found {
		if k.Suffix == sum[Prefix:] {
			return k.Count
		}
	}
	return 0
}

func TestA12_CommonPasswordsAreKnown(t *testing.T) {
	l, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"password", "12345678", "qwertyuiop", "takahashi", "watanabe", "daijobu", "akihiro"} {
		if seen(t, l, word) == 0 {
			t.Errorf("%q is not known", word)
		}
	}
	for _, word := range []string{"himitsu-no-niwa-2026", "correct horse battery staple", "さくらもち🌸八つ", "Password"} {
		if n := seen(t, l, word); n != 0 {
			t.Errorf("%q is known %d times", word, n)
		}
	}
	for _, bad := range []string{"", "1234", "123456", "12 45", "GGGGG", "../..", "１２３４５"} {
		if _, err := l.Range(bad); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("Range(%q) = %v, want invalid", bad, err)
		}
	}
}

// TestOperatorsList finds every line of a full list by file and by folder, the
// first and the last one too, and nothing else.
func TestOperatorsList(t *testing.T) {
	var sums []string
	for i := range 800 {
		sums = append(sums, sumOf(fmt.Sprint("leaked ", i)))
	}
	slices.Sort(sums)
	folder := t.TempDir()
	var whole strings.Builder
	ranges := map[string]string{}
	for i, s := range sums {
		fmt.Fprintf(&whole, "%s:%d\r\n", s, i+1)
		ranges[s[:Prefix]] += fmt.Sprintf("%s:%d\r\n", s[Prefix:], i+1)
	}
	file := filepath.Join(folder, "all.txt")
	if err := os.WriteFile(file, []byte(whole.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	split := filepath.Join(folder, "ranges")
	if err := os.Mkdir(split, 0o700); err != nil {
		t.Fatal(err)
	}
	for prefix, lines := range ranges {
		if err := os.WriteFile(filepath.Join(split, prefix+".txt"), []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{file, split} {
		l, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 800 {
			word := fmt.Sprint("leaked ", i)
			at, _ := slices.BinarySearch(sums, sumOf(word))
			if n := seen(t, l, word); n != at+1 {
				t.Fatalf("%s: %q seen %d times, want %d", path, word, n, at+1)
			}
		}
		for _, word := range []string{"not there", "nor this one"} {
			if n := seen(t, l, word); n != 0 {
				t.Errorf("%s: %q seen %d times", path, word, n)
			}
		}
		if seen(t, l, "password") == 0 {
			t.Errorf("%s: the embedded filter is gone", path)
		}
		for _, prefix := range []string{"00000", "FFFFF"} {
			if _, err := l.Range(prefix); err != nil {
				t.Errorf("%s: range %s: %v", path, prefix, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(filepath.Join(folder, "none")); err == nil {
		t.Error("a list that is not there was opened")
	}
}

func TestDoorIsTheRangeAPI(t *testing.T) {
	l, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	door := l.Door(slog.New(slog.DiscardHandler))
	ask := func(prefix, padding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/range/"+prefix, nil)
		r.Header.Set("Add-Padding", padding)
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	sum := sumOf("password")
	for _, prefix := range []string{sum[:5], strings.ToLower(sum[:5])} {
		if w := ask(prefix, ""); w.Code != 200 || !strings.Contains(w.Body.String(), sum[5:]+":1") {
			t.Errorf("GET /range/%s = %d %s", prefix, w.Code, w.Body)
		}
	}
	if w := ask(sum[:5], "true"); strings.Count(w.Body.String(), "\r\n")+1 != padded || !strings.Contains(w.Body.String(), sum[5:]+":1") {
		t.Errorf("a padded answer has %d lines, want %d", strings.Count(w.Body.String(), "\r\n")+1, padded)
	}
	for _, bad := range []string{"xyz", "123456", "%2e%2e"} {
		if w := ask(bad, ""); w.Code != 400 || strings.Contains(w.Body.String(), bad) {
			t.Errorf("GET /range/%s = %d %s, want 400 without an echo", bad, w.Code, w.Body)
		}
	}
}
