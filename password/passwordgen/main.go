// Passwordgen makes common.txt.gz of package password from openly licensed word
// lists that somebody has downloaded and unpacked into one folder. It runs by
// hand when the lists are renewed, never in a build:
//
//	npm pack @zxcvbn-ts/language-ja @zxcvbn-ts/language-common
//	go run ./password/passwordgen -from FOLDER -out password/common.txt.gz
//
// password/ATTRIBUTION.md names the packages and their licence.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// lists are the files that are read, best known first, and how short a word of
// each may be: a four-letter name is tried with digits behind it, a four-letter
// word of an encyclopedia is not.
var lists = []struct {
	file     string
	shortest int
}{
	{"passwords.json", 4}, {"commonWords.json", 4}, {"firstnames.json", 4}, {"lastnames.json", 4}, {"wikipedia.json", 6},
}

func main() {
	from := flag.String("from", "", "folder that holds the unpacked packages")
	out := flag.String("out", "password/common.txt.gz", "file to write")
	flag.Parse()
	if err := run(*from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "passwordgen:", err)
		os.Exit(1)
	}
}

func run(from, out string) error {
	if from == "" {
		return errors.New("say with -from where the downloaded lists are (password/ATTRIBUTION.md tells how to get them)")
	}
	seen := map[string]bool{}
	var words []string
	for _, l := range lists {
		read, err := readList(from, l.file)
		if err != nil {
			return err
		}
		for _, w := range read {
			w = strings.ToLower(strings.TrimSpace(w))
			if len([]rune(w)) >= l.shortest && !seen[w] && !strings.ContainsAny(w, "\r\n") {
				seen[w] = true
				words = append(words, w)
			}
		}
	}
	slices.Sort(words) // close to each other they take half the room
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write([]byte(strings.Join(words, "\n") + "\n"))
	return errors.Join(err, z.Close(), f.Close())
}

// readList reads a JSON list of words wherever below from it lies.
func readList(from, name string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != name || !strings.Contains(filepath.ToSlash(path), "/src/") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var list []string
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		found = append(found, list...)
		return nil
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no %s below %s", name, from)
	}
	return found, err
}
