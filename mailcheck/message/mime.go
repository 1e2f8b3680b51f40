package message

import (
	"bytes"
	"mime"
	"path"
	"strings"
)

// entity reads one MIME entity (RFC 2045, 2046) and all below it into m.
func (r *reader) entity(m *Message, h Header, body []byte, depth int) error {
	kind, params := mediaType(h.Get("Content-Type"))
	if kind == "" {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	if strings.HasPrefix(kind, "multipart/") {
		return r.multipart(m, kind, params["boundary"], body, depth)
	}
	if r.parts++; r.parts > MostParts {
		return &Refused{"parts", MostParts}
	}
	p := Part{Type: kind, Charset: strings.ToLower(params["charset"]), Name: fileName(h, params)}
	disposition, _ := mediaType(h.Get("Content-Disposition"))
	p.Attached = disposition == "attachment"
	content := decodeTransfer(body, h.Get("Content-Transfer-Encoding"))
	if kind == "message/rfc822" || kind == "message/global" || strings.HasSuffix(strings.ToLower(p.Name), ".eml") {
		return r.inside(m, p, content, depth)
	}
	if page(kind, p.Name) {
		p.Type, p.Attached = "text/html", true
	} else if !strings.HasPrefix(kind, "text/") {
		p.Content, p.Attached = content, true
		m.Parts = append(m.Parts, p)
		return nil
	}
	m.text(p, content)
	return nil
}

// page says whether an attachment is a page that opens in the browser, where
// fakes put their forms.
func page(kind, name string) bool {
	name = strings.ToLower(name)
	return !strings.HasPrefix(kind, "text/") && (kind == "application/xhtml+xml" ||
		strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".htm") || strings.HasSuffix(name, ".xhtml") || strings.HasSuffix(name, ".shtml"))
}

// text reads a text part. A charset given in the HTML itself counts when the
// header gives none, as in a browser.
func (m *Message) text(p Part, content []byte) {
	charset := p.Charset
	if charset == "" && p.Type == "text/html" {
		charset = metaCharset(content)
	}
	p.Text, p.Used, p.Garbled = decodeText(content, charset)
	if known, _ := lookup(charset); p.Garbled > 0 || known == nil && charset != "" && !plainASCII(charset) {
		m.flaw(UnknownSet)
	}
	if p.Type != "text/html" {
		p.Visible = strings.ReplaceAll(p.Text, "\r\n", "\n")
	}
	m.Parts = append(m.Parts, p)
}

func plainASCII(charset string) bool {
	switch charset {
	case "us-ascii", "ascii", "utf-7", "default", "binary", "unknown-8bit", "ansi_x3.4-1968":
		return true
	}
	return false
}

// inside reads a mail that is part of another. One that is no mail is kept as
// an attachment.
func (r *reader) inside(m *Message, p Part, content []byte, depth int) error {
	in, err := r.mail(content, Attached, depth+1)
	if refused, ok := err.(*Refused); ok {
		return refused
	}
	if err != nil {
		p.Content, p.Attached = content, true
		m.Parts = append(m.Parts, p)
		return nil
	}
	m.Inside = append(m.Inside, in)
	return nil
}

// multipart reads the parts between the boundary's lines. What stands before
// the first and after the last is not shown by any program.
func (r *reader) multipart(m *Message, kind, boundary string, body []byte, depth int) error {
	if depth >= MostDepth {
		return &Refused{"depth", MostDepth}
	}
	if boundary == "" {
		m.flaw(OpenBoundary)
		if r.parts++; r.parts > MostParts {
			return &Refused{"parts", MostParts}
		}
		m.text(Part{Type: "text/plain"}, body)
		return nil
	}
	preset := "text/plain"
	if kind == "multipart/digest" {
		preset = "message/rfc822"
	}
	rest, open := nextBoundary(body, boundary)
	for open {
		var part []byte
		part, rest, open = cutPart(rest, boundary)
		if !open && rest == nil {
			m.flaw(OpenBoundary)
		}
		h, content := partHeader(part)
		if h.Get("Content-Type") == "" {
			h = append(h, Field{Name: "Content-Type", Value: preset})
		}
		if err := r.entity(m, h, content, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// nextBoundary finds the first boundary line and gives what follows it.
func nextBoundary(body []byte, boundary string) (rest []byte, found bool) {
	_, rest, more := cutPart(body, boundary)
	return rest, more
}

// cutPart cuts b at the next boundary line: the part before it, what follows,
// and whether another part follows (false at the closing line, and with a nil
// rest where the multipart just stops).
func cutPart(b []byte, boundary string) (part, rest []byte, more bool) {
	mark := []byte("--" + boundary)
	for at := 0; at < len(b); {
		i := bytes.Index(b[at:], mark)
		if i < 0 {
			break
		}
		i += at
		after := b[i+len(mark):]
		if i == 0 || b[i-1] == '\n' {
			closing := bytes.HasPrefix(after, []byte("--"))
			line, tail, _ := bytes.Cut(after, []byte("\n"))
			if tail == nil {
				tail = []byte{}
			}
			if closing || len(bytes.Trim(line, " \t\r")) == 0 {
				return bytes.TrimSuffix(b[:i], []byte("\r\n")), tail, !closing
			}
		}
		at = i + len(mark)
	}
	return b, nil, false
}

// partHeader reads the header of a part; a bad line in it is left out.
func partHeader(part []byte) (Header, []byte) {
	m := &Message{Raw: part}
	if bytes.HasPrefix(part, []byte("\r\n")) {
		return nil, part[2:]
	}
	body, err := m.readHeader()
	if err != nil { // no field at all: text that begins at once
		return nil, part
	}
	return m.Header, body
}

func decodeTransfer(body []byte, encoding string) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return decodeBase64(body)
	case "quoted-printable":
		return decodeQuoted(body)
	}
	return body
}

// mediaType reads "type/subtype; name=value": with the standard library where
// it can, and by hand where a program broke the rules.
func mediaType(value string) (string, map[string]string) {
	if value == "" {
		return "", nil
	}
	if kind, params, err := mime.ParseMediaType(value); err == nil && kind != "" {
		return kind, params
	}
	kind, rest, _ := strings.Cut(value, ";")
	params := map[string]string{}
	for _, p := range strings.Split(rest, ";") {
		name, v, ok := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; ok && !twice && len(params) < 20 {
			params[name] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "text" || !strings.Contains(kind, "/") && kind != "attachment" && kind != "inline" {
		kind = "text/plain"
	}
	return kind, params
}

// fileName is the name by which the part would be saved, without any folder.
func fileName(h Header, params map[string]string) string {
	_, disposition := mediaType(h.Get("Content-Disposition"))
	name := disposition["filename"]
	if name == "" {
		name = params["name"]
	}
	name = strings.ReplaceAll(DecodeWords(name), `\`, "/")
	if name == "" {
		return ""
	}
	return path.Base(name)
}
