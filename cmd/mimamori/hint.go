package main

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"mimamori"
	"mimamori/client"
	"mimamori/demo"
)

// hinted is an error that knows what to do about it.
type hinted struct {
	error
	what string
}

// Unwrap gives the error itself.
func (h hinted) Unwrap() error { return h.error }

// withHint puts a hint to an error; nil stays nil.
func withHint(err error, what string) error {
	if err == nil {
		return nil
	}
	return hinted{err, what}
}

// hint says what to do about an error, as far as it can be known.
func hint(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.what
	}
	if _, ok := errors.AsType[*demo.PortTaken](err); ok {
		return "end that program (another demo?), or choose other ports: --port 9400 takes 9400, 9420, 9421, 9425 and 9430; --port 0 takes any free ones"
	}
	if p, ok := errors.AsType[*client.Problem](err); ok {
		return problemHint(p)
	}
	text := err.Error()
	switch {
	case errors.Is(err, demo.ErrNotAsCalledFor):
		return "the lines marked ✗ in the table say what was seen instead; logs are in the demo's folder (name one with --data to keep it)"
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(text, "configuration"):
		return "write one first: mimamori config example > mimamori.yaml"
	case strings.Contains(text, "configuration") || strings.Contains(text, "config:"):
		return "mimamori config describe lists every field with its meaning"
	case strings.Contains(text, "open store") && errors.Is(err, mimamori.ErrConflict):
		return "another process has this data folder open: end mimamori serve for a moment, do this, and start it again"
	case strings.Contains(text, "master key"):
		return "the data folder's master.key (or master_command) must be the one it was begun with; without it nothing sealed can be read"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program has that address: end it, or change listen and console_listen in the configuration"
	case errors.Is(err, fs.ErrPermission):
		return "run this as the user who owns the file or folder"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "name the server as its certificate does (--server https://security.shop.example), and if an authority of the company's own signed that: SSL_CERT_FILE=that-authority.pem"
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return "is mimamori serve running there? --server names its address"
	}
	return "if this is not clear, run it again with the log at hand; mimamori --help lists the commands"
}

func problemHint(p *client.Problem) string {
	switch p.Status {
	case 401, 403:
		return "the key is not good for this: make one with mimamori key create --scopes events, and give it in a file (--key-file) or MIMAMORI_KEY"
	case 409:
		return "an import of this name is running, or its beginning was another file: choose another --name"
	case 429, 503:
		return "the server is busy or not ready: run the same command again, it goes on where it stopped"
	}
	return "correct the line that is named and run the same command again: what is stored already is skipped"
}

// firstWords are a command's own words, without its arguments.
func firstWords(command string) string {
	var words []string
	for w := range strings.FieldsSeq(command) {
		if strings.HasPrefix(w, "<") || strings.HasPrefix(w, "[") {
			break
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}
