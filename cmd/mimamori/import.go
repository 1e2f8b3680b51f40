package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mimamori/client"
	"mimamori/demo"
)

type importCmd struct {
	File    string `arg:"" help:"Events as NDJSON, one CloudEvent a line, or a login log as .csv (ours or the public RBA data set's); - reads NDJSON from standard input."`
	Source  string `help:"Of a .csv file: the CloudEvents source that its rows come from. Default: the key's own."`
	Name    string `required:"" help:"Name of the import; the same name goes on where it stopped."`
	Server  string `default:"http://localhost:8420" env:"MIMAMORI_SERVER" help:"Address of the running Mimamori. Default: ${default}."`
	KeyFile string `type:"path" placeholder:"FILE" help:"File with the API key (scope events); without it $$MIMAMORI_KEY. Never on the command line: others can read that."`
}

// Help is shown by mimamori import --help.
func (importCmd) Help() string {
	return "Goes through POST /v1/imports of a running server: the past builds the picture of each account; no incident, no command, no mail comes of it. Interrupted, run it again: what is stored is skipped."
}

// Run sends a file, and shows how far it is.
func (c importCmd) Run(ctx context.Context, s *streams) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	path, total, done, err := c.spool(s)
	if err != nil {
		return err
	}
	defer done()
	to, err := client.New(client.Options{BaseURL: c.Server, Key: key, Source: "import"})
	if err != nil {
		return withHint(err, "--server is the address of the doors, as http://localhost:8420")
	}
	defer to.Close()
	began, watching, watched := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(ctx, s, to, total, watching)
	}()
	open := func() (io.ReadCloser, error) { return os.Open(path) }
	var st client.ImportStatus
	if c.csv() {
		st, err = to.ImportCSV(ctx, c.Name, c.Source, open)
	} else {
		st, err = to.Import(ctx, c.Name, open)
	}
	close(watching)
	<-watched
	if err != nil {
		return fmt.Errorf("import %s: %w", c.Name, err)
	}
	_, err = fmt.Fprintf(s.out, "%d lines durable: %d new, %d known before, in %s\n", st.Offset, st.Accepted, st.Repeated, time.Since(began).Round(100*time.Millisecond))
	return err
}

// csv says that the file is a login log; its header is no line of it.
func (c importCmd) csv() bool { return strings.EqualFold(filepath.Ext(c.File), ".csv") }

func (c importCmd) key() (string, error) {
	key := os.Getenv("MIMAMORI_KEY")
	if c.KeyFile != "" {
		b, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return "", withHint(fmt.Errorf("read the key: %w", err), "--key-file names a file that holds the key and nothing else")
		}
		key = string(b)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", withHint(errors.New("no API key"), "make one with mimamori key create --name import --scopes events, and give it in a file (--key-file) or MIMAMORI_KEY")
	}
	return key, nil
}

// spool gives a file that can be read from its start again, and counts its
// lines: standard input is kept in a temporary one.
func (c importCmd) spool(s *streams) (path string, lines int64, done func(), err error) {
	path, done = c.File, func() {}
	if c.File == "-" {
		f, err := os.CreateTemp("", "mimamori-import-")
		if err != nil {
			return "", 0, done, err
		}
		path, done = f.Name(), func() { _ = os.Remove(f.Name()) }
		_, err = io.Copy(f, s.in)
		if err = errors.Join(err, f.Close()); err != nil {
			done()
			return "", 0, func() {}, fmt.Errorf("keep what came in: %w", err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, done, withHint(fmt.Errorf("read the events: %w", err), "give the path of an NDJSON file, or - for standard input")
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		part, err := in.ReadSlice('\n')
		if err == nil || errors.Is(err, io.EOF) && len(part) > 0 {
			lines++
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				if c.csv() {
					lines--
				}
				return path, lines, done, nil
			}
			return "", 0, done, fmt.Errorf("read the events: %w", err)
		}
	}
}

// watch shows a bar on a terminal until it is told to stop.
func (c importCmd) watch(ctx context.Context, s *streams, to *client.Client, total int64, stop <-chan struct{}) {
	if !colours(s.err) {
		<-stop
		return
	}
	began, first := time.Now(), int64(-1)
	for {
		select {
		case <-stop:
			fmt.Fprint(s.err, "\r\x1b[K")
			return
		case <-time.After(250 * time.Millisecond):
		}
		st, err := to.ImportStatus(ctx, c.Name)
		if err != nil {
			continue
		}
		if first < 0 {
			first = st.Offset
		}
		fmt.Fprintf(s.err, "\r\x1b[K%s", demo.Progress(st.Offset-first, total-first, "lines", time.Since(began)))
	}
}
