package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"

	"mimamori"
)

// FilePlace appends heads to a file: on another machine's disk, or on one that
// can only be appended to, it is a place outside.
func FilePlace(path string) Place {
	return Place{Name: "file " + path, Put: func(_ context.Context, head []byte) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(append(bytes.Clone(head), '\n'))
		if err == nil {
			err = f.Sync()
		}
		if closed := f.Close(); err == nil {
			err = closed
		}
		return err
	}}
}

// maxOutside bounds a file of heads: some 20 years of hourly ones.
const maxOutside = 64 << 20

// ReadHeads finds the signed heads in what was kept outside: a file of heads,
// a mail as it arrived (RFC 5322), or the body of a webhook. Nothing is
// checked here; OpenHead does. ErrInvalid when there is none.
func ReadHeads(r io.Reader) ([][]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxOutside+1))
	if err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	if len(raw) > maxOutside {
		return nil, fmt.Errorf("read heads: more than %d bytes: %w", maxOutside, mimamori.ErrInvalid)
	}
	heads := headsIn(raw)
	if len(heads) == 0 {
		heads = headsIn(unwrapped(raw))
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("read heads: there is no signed head in it: %w", mimamori.ErrInvalid)
	}
	return heads, nil
}

// unwrapped is the text that a webhook's body or a mail holds.
func unwrapped(raw []byte) []byte {
	var hook struct {
		Head string `json:"head"`
		Data struct {
			Head string `json:"head"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &hook) == nil {
		return []byte(hook.Head + "\n" + hook.Data.Head)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	body := m.Body
	switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, _ := io.ReadAll(body) // what is cut off verifies as nothing
	return text
}

// headsIn finds heads in a text: from the line that names the log to the last
// signature line.
func headsIn(text []byte) [][]byte {
	var heads [][]byte
	var now []string
	in, signed := false, false
	end := func() {
		if signed {
			heads = append(heads, []byte(strings.Join(now, "\n")+"\n"))
		}
		now, in, signed = nil, false, false
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		sig := strings.HasPrefix(line, "\u2014 ")
		switch {
		case line == origin:
			end()
			in = true
		case signed && !sig:
			end()
		}
		if in {
			now = append(now, line)
			signed = signed || sig
		}
	}
	end()
	return heads
}
