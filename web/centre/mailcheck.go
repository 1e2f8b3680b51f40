package centre

import (
	"context"
	"embed"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strings"

	"mimamori"
)

// mailTexts are the words of the page "is this mail real?", in a file of their
// own beside the catalogue.
//
//go:embed mailcheck/text/*.json
var mailTextFiles embed.FS

func mailTexts() fs.FS {
	sub, err := fs.Sub(mailTextFiles, "mailcheck")
	if err != nil { // the path is a constant
		return mailTextFiles
	}
	return sub
}

// MailChecker says whether a mail that a visitor shows is ours. It works for
// everybody, signed in or not, keeps nothing of the mail, and bounds the
// visitor's rate by v.IP: ErrUnavailable is "too many, later".
type MailChecker interface {
	CheckMail(ctx context.Context, v Visitor, m ShownMail) (MailVerdict, error)
}

// ShownMail is what was shown: exactly one of the two.
type ShownMail struct {
	Source []byte // of an .eml file
	Text   string // pasted: a mail's text, its source, or an address of a site
}

// MailAnswer is how a verdict reads at the top of the page.
type MailAnswer string

// The answers.
const (
	MailGenuine     MailAnswer = "genuine"
	MailFake        MailAnswer = "fake"
	MailUnconfirmed MailAnswer = "unconfirmed"
)

// MailVerdict is what was found.
type MailVerdict struct {
	Answer  MailAnswer
	Brand   mimamori.Text // in whose name it comes; empty: nobody's that we know
	Ours    bool          // the brand is this shop
	Reasons []MailReason  // strongest first
	Do      []mimamori.Text
}

// MailReason is one finding with what it was found in; Evidence is the mail's
// own text and believed in nothing.
type MailReason struct {
	Text     mimamori.Text
	Evidence string
}

// What the form may send. The checker refuses mails over 10 MiB; the rest is
// the form's own lines.
const (
	mailBytes = 10 << 20
	textBytes = 1 << 20
)

// mailPage is the form and, above it, the answer.
type mailPage struct {
	Verdict *MailVerdict
	Problem Problem
	Forward string // address to which a mail may be forwarded instead; empty: none
}

func (c *centre) mailForm(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, "mailcheck", mailPage{Forward: c.opt.MailForward})
}

// checkMail reads the form without ever writing it to a disk, and shows what
// the mail is.
func (c *centre) checkMail(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mailBytes+textBytes+64<<10)
	shown, err := readShown(r)
	view, status := mailPage{Forward: c.opt.MailForward}, http.StatusOK
	switch {
	case err != nil:
		view.Problem, status = MailUnreadable, http.StatusUnprocessableEntity
	case len(shown.Source) == 0 && strings.TrimSpace(shown.Text) == "":
		view.Problem, status = NoMail, http.StatusUnprocessableEntity
	default:
		verdict, err := c.opt.MailCheck.CheckMail(r.Context(), c.visitor(r), shown)
		switch {
		case errors.Is(err, mimamori.ErrUnavailable):
			view.Problem, status = TooMany, http.StatusTooManyRequests
		case errors.Is(err, mimamori.ErrInvalid):
			view.Problem, status = MailUnreadable, http.StatusUnprocessableEntity
		case err != nil:
			c.fail(w, r, err)
			return
		default:
			view.Verdict = &verdict
		}
	}
	page := c.pages.New(r, view)
	page.Signed = c.session(r) != ""
	c.pages.Render(w, status, "mailcheck", page)
}

// readShown reads the form. An uploaded file counts before pasted text.
func readShown(r *http.Request) (ShownMail, error) {
	var out ShownMail
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		if err := r.ParseForm(); err != nil {
			return out, err
		}
		out.Text = r.PostFormValue("text")
		return out, nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return out, err
	}
	for range 4 {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, err
		}
		most := int64(textBytes)
		if p.FormName() == "file" {
			most = mailBytes
		}
		body, err := io.ReadAll(io.LimitReader(p, most+1))
		if err != nil {
			return out, err
		}
		if int64(len(body)) > most {
			return out, &mimamori.FieldError{Index: -1, Field: p.FormName(), Reason: "too large"}
		}
		switch p.FormName() {
		case "file":
			out.Source = body
		case "text":
			out.Text = string(body)
		}
	}
	if len(out.Source) > 0 {
		out.Text = ""
	}
	return out, nil
}

// The page's own slips.
const (
	NoMail         Problem = "no_mail"
	MailUnreadable Problem = "mail_unreadable"
)
