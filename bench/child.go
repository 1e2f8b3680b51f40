package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"mimamori"
)

// Settings are what a child is told on its first line of standard input.
type Settings struct {
	Data string `json:"data"`
	Shop string `json:"shop"` // where commands go
	// Database is a PostgreSQL address; empty: a file in Data.
	Database string `json:"database,omitempty"`
}

// usage is what a child has used up to now, as it says itself.
type usage struct {
	CPU     time.Duration `json:"cpu_ns"`  // user and system
	RSS     int64         `json:"rss"`     // bytes, the most so far
	Written int64         `json:"written"` // bytes to disk; 0 where the system does not tell
}

// child is a server under measurement, in a process of its own.
type child struct {
	address string
	ready   time.Duration
	// profileTo is where it writes what its time goes to while it is measured;
	// empty: nowhere.
	profileTo string
	in        io.WriteCloser
	out       *bufio.Reader
	cmd       *exec.Cmd
	once      sync.Once
}

// start runs this very program as a child: what is "serve" or "floor".
func start(ctx context.Context, what string, s Settings) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a server to measure: %w", err)
	}
	c := &child{cmd: exec.CommandContext(ctx, self, "bench-child", what)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	began := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a server to measure: %w", err)
	}
	if err := json.NewEncoder(c.in).Encode(s); err != nil {
		c.stop()
		return nil, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the server to measure did not come up: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	c.address, c.ready = strings.TrimSpace(line), time.Since(began)
	return c, nil
}

// used asks the child what it has used so far.
func (c *child) used() (u usage, err error) {
	if _, err = io.WriteString(c.in, "used\n"); err != nil {
		return u, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(line, &u)
}

// profile tells the child to write down where its time goes, in a file of that
// name; "-" ends it.
func (c *child) profile(name string) error {
	if _, err := io.WriteString(c.in, "profile "+name+"\n"); err != nil {
		return err
	}
	_, err := c.out.ReadBytes('\n')
	return err
}

// kill ends the child as a power cut would, as far as the process goes.
func (c *child) kill() {
	c.once.Do(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		_ = c.in.Close()
	})
}

// stop ends the child and waits for it.
func (c *child) stop() {
	c.once.Do(func() {
		_ = c.in.Close() // it serves until its input ends
		_ = c.cmd.Wait()
	})
}
