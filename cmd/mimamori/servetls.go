package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"mimamori/api"
	"mimamori/app"
)

// serveOn serves one listener, by TLS where the server has certificates.
func serveOn(s *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

// scheme is how the two addresses are spoken to.
func scheme(a *app.App) string {
	if a.TLS != nil {
		return "https://"
	}
	return "http://"
}

// listenPlain adds the server that leads plain HTTP to HTTPS, when one is
// configured.
func listenPlain(a *app.App, servers map[net.Listener]*http.Server) error {
	if a.Config.TLS.HTTPListen == "" || a.TLS == nil {
		return nil
	}
	l, err := net.Listen("tcp", a.Config.TLS.HTTPListen)
	if err != nil {
		return fmt.Errorf("listen for plain HTTP: %w", err)
	}
	servers[l] = api.Server("", a.Plain())
	return nil
}

// reloading reads the certificates again at SIGHUP; what it gives ends that
// and waits.
func reloading(a *app.App, log *slog.Logger) (stop func()) {
	asked, done, end := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(asked, syscall.SIGHUP)
	go func() { // ends by stop
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-asked:
			}
			if err := a.Reload(); err != nil {
				log.Error("asked to reload, and could not; the old certificates serve on", "error", err)
				continue
			}
			log.Info("reloaded the certificates")
		}
	}()
	return func() { signal.Stop(asked); close(end); <-done }
}
