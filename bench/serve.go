package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"mimamori/api"
	"mimamori/app"
	"mimamori/event"
	"mimamori/store"
)

// Serve is the child's side: it reads its settings, prints where it listens,
// and then answers each line of input with what it has used, until input ends.
func Serve(ctx context.Context, what string, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	var s Settings
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &s) != nil {
		return errors.New("this command is for mimamori bench: it is told on its input what to do")
	}
	app.CollectSeldom() // both alike: the floor is not to gain by it
	app.SpareProcessor()
	handler, done, err := serverFor(ctx, what, s)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, done())
	}
	server := api.Server("", handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintln(out, l.Addr())
	for lines.Scan() {
		if name, asked := strings.CutPrefix(lines.Text(), "profile "); asked {
			if err := profiled(name); err != nil {
				return errors.Join(err, server.Close(), done())
			}
			fmt.Fprintln(out, "profile")
			continue
		}
		u, err := now()
		if err != nil {
			return errors.Join(err, server.Close(), done())
		}
		if err := json.NewEncoder(out).Encode(u); err != nil {
			break
		}
	}
	err = server.Close()
	<-served
	return errors.Join(err, done())
}

// profiled begins to write down where the time goes, or, told "-", ends it.
func profiled(name string) error {
	if name == "-" {
		pprof.StopCPUProfile()
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return pprof.StartCPUProfile(f)
}

func serverFor(ctx context.Context, what string, s Settings) (http.Handler, func() error, error) {
	if what == "floor" {
		return floorServer(ctx, s)
	}
	a, err := app.New(ctx, s.config())
	if err != nil {
		return nil, nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, nil, errors.Join(err, a.Stop())
	}
	return a.Doors, a.Stop, nil
}

// floorServer decodes what the doors decode and commits it as a row.
func floorServer(ctx context.Context, s Settings) (http.Handler, func() error, error) {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return nil, nil, err
	}
	place := s.Database
	if place == "" {
		place = filepath.Join(s.Data, "floor.db")
	}
	f, err := store.OpenFloor(ctx, place)
	if err != nil {
		return nil, nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		events, err := event.Decode(body, time.Now(), event.Limits{})
		if err == nil {
			err = f.Put(r.Context(), events)
		}
		if err != nil {
			http.Error(w, "not stored", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"decision":"allow"}`))
	}), f.Close, nil
}
