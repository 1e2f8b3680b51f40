package inbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"strings"

	"mimamori"
)

// takeBack notes a notice that came back. What cannot be understood is taken
// all the same: refusing a bounce only makes another.
func (s *Server) takeBack(ctx context.Context, m Received, tag string) error {
	report, ok := readReport(m.Raw)
	if !ok || !report.failed {
		return nil // a delay, a vacation's answer, or rubbish
	}
	id := report.messageID
	if tag != "" && safeTag.MatchString(tag) {
		id = "<" + tag + "@" + s.opt.NoticeDomain + ">"
	}
	if id == "" || !strings.HasSuffix(strings.ToLower(id), "@"+strings.ToLower(s.opt.NoticeDomain)+">") {
		return nil
	}
	err := s.opt.CameBack(ctx, id, report.status)
	if err != nil && !errors.Is(err, mimamori.ErrNotFound) {
		s.opt.Log.Warn("note what came back", "err", err)
		return busy
	}
	return nil
}

var safeTag = regexp.MustCompile(`^[A-Za-z0-9_-]{10,60}$`)

// report is a delivery status notification (RFC 3464), as far as it matters.
type report struct {
	failed    bool
	status    string // "5.1.1"; "5.0.0" when it is not said
	messageID string // of the returned mail, when its header came along
}

// Limits on what is read of a report.
const (
	maxReportParts = 10
	maxReportPart  = 64 << 10
)

// readReport finds out whether a mail says that delivery failed for good.
func readReport(raw []byte) (report, bool) {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return report{}, false
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") || params["boundary"] == "" {
		return report{}, false
	}
	var out report
	found := false
	parts := multipart.NewReader(m.Body, params["boundary"])
	for range maxReportParts {
		p, err := parts.NextPart()
		if err != nil {
			break
		}
		body, err := io.ReadAll(io.LimitReader(p, maxReportPart))
		if err != nil {
			break
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			found = true
			out.readStatus(body)
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
			if h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(body))).ReadMIMEHeader(); err == nil || len(h) > 0 {
				out.messageID = strings.TrimSpace(h.Get("Message-Id"))
			}
		}
	}
	return out, found
}

// readStatus looks at the groups of fields, one a recipient.
func (r *report) readStatus(body []byte) {
	in := textproto.NewReader(bufio.NewReader(bytes.NewReader(body)))
	for range 20 {
		h, err := in.ReadMIMEHeader()
		if strings.EqualFold(strings.TrimSpace(h.Get("Action")), "failed") {
			r.failed = true
			if s, _, _ := strings.Cut(strings.TrimSpace(h.Get("Status")), " "); status.MatchString(s) {
				r.status = s
			} else {
				r.status = "5.0.0"
			}
		}
		if err != nil {
			return
		}
	}
}

var status = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}$`)
