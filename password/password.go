// Package password tells which passwords everybody tries first, without
// learning any: it is asked for the first five hex digits of a password's SHA-1
// and answers with all that begin so, as the Pwned Passwords range API does. It
// stands beside the flow: the shop asks before it sets a new password (mission
// R2), through client or any library made for that API. It holds a filter of
// common passwords, Japanese ones too, and the operator's full list by file.
// Old passwords are the shop's to compare.
package password

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // the range API is made of it; nothing is protected by it
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mimamori"
)

//go:embed common.txt.gz
var common []byte

// Prefix is how many hex digits are told, Suffix how many are not.
const (
	Prefix = 5
	Suffix = 40 - Prefix
)

// Known is one password that begins with a prefix.
type Known struct {
	Suffix string // 35 upper-case hex digits
	Count  int    // how often it was seen; 1 where that is not known
}

// List answers for prefixes. It is safe for use by many goroutines.
type List struct {
	sums [][sha1.Size]byte // of the embedded words, sorted
	file *os.File          // the operator's, sorted; nil: none
	size int64
	dir  string // or a folder of range files
}

// Open reads the embedded filter, and the operator's list at path unless that is
// empty: a text file of lines "SHA1:count" sorted by hash, or a folder of range
// files "00000.txt" to "FFFFF.txt", as the downloaders of Pwned Passwords write
// them. The file is searched on disk, never read whole.
func Open(path string) (*List, error) {
	l := &List{}
	if err := l.readCommon(); err != nil {
		return nil, fmt.Errorf("read the common passwords: %w", err)
	}
	if path == "" {
		return l, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open password list: %w", err)
	}
	if info.IsDir() {
		l.dir = path
		return l, nil
	}
	if l.file, err = os.Open(path); err != nil {
		return nil, fmt.Errorf("open password list: %w", err)
	}
	l.size = info.Size()
	return l, nil
}

// Close lets the operator's file go.
func (l *List) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

func (l *List) readCommon() error {
	z, err := gzip.NewReader(bytes.NewReader(common))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			l.sums = append(l.sums, sha1.Sum(lines.Bytes()))
		}
	}
	slices.SortFunc(l.sums, func(a, b [sha1.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	return lines.Err()
}

// Range gives every known password whose SHA-1 begins with five hex digits, each
// once, sorted. ErrInvalid for anything else.
func (l *List) Range(prefix string) ([]Known, error) {
	prefix = strings.ToUpper(prefix)
	if len(prefix) != Prefix || strings.Trim(prefix, "0123456789ABCDEF") != "" {
		return nil, fmt.Errorf("range: five hex digits are needed: %w", mimamori.ErrInvalid)
	}
	found := l.embedded(prefix)
	more, err := l.operators(prefix)
	if err != nil {
		return nil, fmt.Errorf("range %s: %w", prefix, err)
	}
	found = append(found, more...)
	slices.SortFunc(found, func(a, b Known) int {
		if c := strings.Compare(a.Suffix, b.Suffix); c != 0 {
			return c
		}
		return b.Count - a.Count
	})
	return slices.CompactFunc(found, func(a, b Known) bool { return a.Suffix == b.Suffix }), nil
}

func (l *List) embedded(prefix string) []Known {
	var first [sha1.Size]byte
	_, _ = hex.Decode(first[:3], []byte(prefix+"0")) // checked
	i, _ := slices.BinarySearchFunc(l.sums, first, func(a, b [sha1.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	var out []Known
	for ; i < len(l.sums); i++ {
		sum := strings.ToUpper(hex.EncodeToString(l.sums[i][:]))
		if !strings.HasPrefix(sum, prefix) {
			break
		}
		out = append(out, Known{sum[Prefix:], 1})
	}
	return out
}

func (l *List) operators(prefix string) ([]Known, error) {
	switch {
	case l.dir != "":
		f, err := os.Open(filepath.Join(l.dir, prefix+".txt"))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readRange(f, "")
	case l.file != nil:
		return l.search(prefix)
	}
	return nil, nil
}

// mostRange bounds what one range may hold; the true ones have under 2,000.
const mostRange = 1 << 20

// readRange reads lines "HASH:count" as long as they begin with prefix.
func readRange(r io.Reader, prefix string) ([]Known, error) {
	var out []Known
	lines := bufio.NewScanner(io.LimitReader(r, mostRange))
	for lines.Scan() {
		sum, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		rest, begins := strings.CutPrefix(strings.ToUpper(sum), prefix)
		if !begins {
			break
		}
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if ok && err == nil && len(rest) == Suffix && strings.Trim(rest, "0123456789ABCDEF") == "" {
			out = append(out, Known{rest, n})
		}
	}
	return out, lines.Err()
}

// search finds the first line of a prefix by halving the file.
func (l *List) search(prefix string) ([]Known, error) {
	from, to := int64(0), l.size // the line wanted begins in [from, to]
	for to-from > 256 {
		mid := from + (to-from)/2
		at, line, err := l.lineAfter(mid)
		if err != nil {
			return nil, err
		}
		if at >= to || strings.ToUpper(line) >= prefix {
			to = mid
		} else {
			from = at
		}
	}
	r := bufio.NewReader(io.NewSectionReader(l.file, from, l.size-from))
	for {
		line, err := r.Peek(Prefix)
		if err != nil {
			return nil, nil // the end of the list
		}
		if strings.ToUpper(string(line)) >= prefix {
			return readRange(r, prefix)
		}
		if _, err := r.ReadString('\n'); err != nil {
			return nil, nil
		}
	}
}

// lineAfter is the first line that begins after an offset: where, and its first
// digits.
func (l *List) lineAfter(offset int64) (at int64, line string, err error) {
	buf := make([]byte, 256) // a line has under 60 bytes
	n, err := l.file.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, "", err
	}
	end := bytes.IndexByte(buf[:n], '\n')
	if end < 0 || end+1+Prefix > n {
		return l.size, "", nil
	}
	return offset + int64(end) + 1, string(buf[end+1 : end+1+Prefix]), nil
}
