// Geogen makes the data files of package geo from openly licensed tables that
// somebody has downloaded and unpacked into one folder: table.bin (addresses),
// countries.tsv (names and places on the map) and world.svgpath (the coasts).
// It runs by hand when the tables are renewed, never in a build:
//
//	go run ./geo/geogen -from FOLDER -out geo
//
// geo/ATTRIBUTION.md lists the packages, their licences and the commands that
// fetch them. What the sources do not know, people wrote down in operators.tsv
// (the kind and usual name of an operator) and networks.tsv beside this file.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	from := flag.String("from", "", "folder that holds the unpacked packages, each in a folder of its own name")
	out := flag.String("out", "geo", "folder to write the data files to")
	flag.Parse()
	if err := run(*from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "geogen:", err)
		os.Exit(1)
	}
}

func run(from, out string) error {
	if from == "" {
		return errors.New("say with -from where the downloaded tables are (geo/ATTRIBUTION.md tells how to get them)")
	}
	in, err := findInputs(from)
	if err != nil {
		return err
	}
	if err := writeTable(in, filepath.Join(out, "table.bin")); err != nil {
		return err
	}
	if err := writeCountries(in, filepath.Join(out, "countries.tsv")); err != nil {
		return err
	}
	return writeWorld(in, filepath.Join(out, "world.svgpath"))
}
