package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
)

// Problem is the body of every error (RFC 9457, problem details). It never
// repeats anything of the request but the names of fields.
type Problem struct {
	Type      string  `json:"type" doc:"stable; relative to this server, explained on the page /problems" example:"/problems#invalid-event"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail" doc:"what was wrong here, in English, for the engineer"`
	Index     *int    `json:"index,omitempty" doc:"which event of the batch, from 0"`
	Field     string  `json:"field,omitempty" doc:"dotted path of the field, as in data.ip"`
	Fields    []Fault `json:"fields,omitempty" nullable:"false" doc:"when several fields were wrong"`
	Line      int64   `json:"line,omitempty" doc:"imports: the line that stopped it, from 1"`
	Offset    *int64  `json:"offset,omitempty" doc:"imports: how many lines are durable"`
	Reference string  `json:"reference,omitempty" doc:"internal errors: the number to tell the operator"`

	headers http.Header
}

// Fault is one field that was wrong.
type Fault struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus lets huma, with GetHeaders and ContentType, write a Problem as it is.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are those that belong to the answer, as Retry-After.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is RFC 9457's for every problem.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// kind is one entry of the page /problems.
type kind struct {
	slug   string
	status int
	title  string
	detail string // when nothing more exact is known
	ja, en string // what it means and what to do
}

// kinds are all problems there are. Their slugs are part of the contract.
var kinds = []kind{
	{"malformed", 400, "Malformed request", "the body is not one JSON value in valid UTF-8 without duplicate keys",
		"本文が正しい JSON ではありません（キーの重複、不正な UTF-8、末尾の余分なデータなど）。直してから送ってください。何も保存されていません。",
		"The body is not strict JSON (duplicate keys, bad UTF-8, something after the end). Mend it; nothing was stored."},
	{"invalid", 400, "Invalid request", "a field is missing or has a wrong value",
		"項目が足りないか、値が正しくありません。field または fields をご覧ください。",
		"A field is missing or wrong; field or fields names it."},
	{"invalid-event", 400, "Invalid event", "an event breaks the contract",
		"イベントが取り決めに合っていません。index が何番目か、field がどの項目かを示します。要求全体が保存されていません。",
		"An event breaks the contract: index says which, field says where. Nothing of the request was stored."},
	{"import-stopped", 400, "Import stopped at a line", "a line cannot be read",
		"line の行で取り込みが止まりました。offset 行までは保存済みです。行を直し、同じ名前でもう一度送ると続きから始まります。",
		"The import stopped at line; offset lines are durable. Mend the line and send the file again under the same name: it goes on there."},
	{"unauthenticated", 401, "API key missing or not valid", "send Authorization: Bearer with a valid API key",
		"API キーがないか、有効ではありません。", "There is no API key, or it is not valid (any more)."},
	{"forbidden", 403, "Not allowed", "the API key does not have the scope that this door asks for",
		"この API キーには必要な権限（スコープ）がありません。", "The API key lacks the scope of this door."},
	{"wrong-source", 403, "Another source's event", "the API key may only send events of its own source",
		"この API キーは、決められた source のイベントだけを送れます。", "This API key may send events of its own source only."},
	{"not-found", 404, "Not found", "there is nothing of this name",
		"その名前のものはありません。", "There is nothing of this name."},
	{"method-not-allowed", 405, "Method not allowed", "see the Allow header",
		"この場所では使えないメソッドです。Allow ヘッダーをご覧ください。", "This place does not know the method; the Allow header lists those it knows."},
	{"conflict", 409, "Conflict", "it contradicts what is already kept",
		"すでに保存されている内容と食い違います。同じ id で内容の違うイベント、使い終えた許可などです。送り直しても変わりません。",
		"It contradicts what is kept: another event under the same id, a grant that was used. Sending it again will not help."},
	{"too-large", 413, "Too large", "the body is larger than this door takes",
		"本文が大きすぎます。イベント1件は 64 kB、まとめて送る場合は 1,000 件または 4 MiB までです。",
		"The body is too large: 64 kB an event, 1,000 events or 4 MiB a batch."},
	{"media-type", 415, "Unsupported media type", "this door does not read that Content-Type",
		"Content-Type（または Content-Encoding）が合っていません。", "The Content-Type (or a Content-Encoding) is none that this door reads."},
	{"too-many", 429, "Too many requests", "the API key is over its cap",
		"この API キーの上限を超えました。Retry-After の秒数だけ待って送り直してください。",
		"The API key is over its cap. Wait as Retry-After says and send again."},
	{"overloaded", 429, "More requests than can be served", "nothing was stored; send the request again",
		"いま要求が多すぎます。何も保存されていません。Retry-After の秒数だけ待って送り直してください。急がない要求から断ります。",
		"More requests come than can be served, and the least urgent are refused first. Nothing was stored; wait as Retry-After says and send again."},
	{"internal", 500, "Internal error", "tell the operator the reference",
		"内部の誤りです。reference の番号を管理者にお伝えください。要求は送り直して構いません。",
		"Something broke inside. Tell the operator the reference; the request may be sent again."},
	{"unavailable", 503, "Unavailable for now", "nothing was stored; send the request again",
		"いまは受け付けられません。何も保存されていません。Retry-After の秒数だけ待って送り直してください。",
		"Not possible now. Nothing was stored; wait as Retry-After says and send again."},
}

// problem makes one of the kinds; detail may be empty. A slug that is none is
// an internal error.
func problem(slug, detail string) *Problem {
	for _, k := range kinds {
		if k.slug != slug {
			continue
		}
		p := &Problem{Type: "/problems#" + k.slug, Title: k.title, Status: k.status, Detail: k.detail}
		if detail != "" {
			p.Detail = detail
		}
		switch k.status {
		case http.StatusTooManyRequests:
			p.headers = http.Header{"Retry-After": {"1"}}
		case http.StatusServiceUnavailable:
			p.headers = http.Header{"Retry-After": {"2"}}
		case http.StatusInternalServerError:
			p.Reference = mimamori.NewID("ref")
		}
		return p
	}
	return problem("internal", "")
}

// invalidField is a Problem about one field that is not of an event.
func invalidField(field, reason string) *Problem {
	p := problem("invalid", field+": "+reason)
	p.Field = field
	return p
}

// problemOf turns an error of any kind into its Problem: the one place where
// kinds become statuses.
func problemOf(err error) *Problem {
	var ready *Problem
	var field *mimamori.FieldError
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &size):
		return problem("too-large", "")
	case errors.Is(err, mimamori.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem("unavailable", "")
	case errors.Is(err, mimamori.ErrConflict):
		return problem("conflict", "")
	case errors.Is(err, mimamori.ErrNotFound):
		return problem("not-found", "")
	case errors.Is(err, mimamori.ErrDenied):
		return problem("forbidden", "this is not allowed")
	case errors.As(err, &field):
		return problemOfField(field)
	case errors.Is(err, mimamori.ErrInvalid):
		return problem("invalid", "")
	}
	return problem("internal", "")
}

func problemOfField(f *mimamori.FieldError) *Problem {
	p := problem("invalid-event", f.Error())
	p.Field = f.Field
	if f.Index >= 0 {
		p.Index = &f.Index
	}
	return p
}

// fail makes the problem of an error and logs it when it is ours: with the
// reference and the route, never with the path, which names an account.
func (d *doors) fail(ctx context.Context, route string, err error) *Problem {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		d.log.ErrorContext(ctx, "api: internal error", "reference", p.Reference, "route", route, "error", err.Error())
	}
	return p
}

// write sends a problem.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings and numbers: cannot happen
		body = []byte(`{"type":"/problems#internal","title":"Internal error","status":500}`)
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone; nothing is left to do
}

// reshape is a huma transformer: huma's own errors in our shape. What huma
// says of a value is dropped, it would echo the input.
func (d *doors) reshape(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return problem("too-large", ""), nil
	case http.StatusRequestTimeout:
		return problem("invalid", "the body did not arrive in time").as(m.Status), nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return faults(m.Errors), nil
	}
	return problem("internal", "").as(m.Status), nil
}

func (p *Problem) as(status int) *Problem {
	p.Status = status
	return p
}

func faults(errs []*huma.ErrorDetail) *Problem {
	p := problem("invalid", "")
	for _, e := range errs {
		if e == nil {
			continue
		}
		if reason, ours := reasonOf(e.Message); ours {
			p.Fields = append(p.Fields, Fault{Field: fieldOf(e.Location), Reason: reason})
		}
	}
	if len(p.Fields) == 0 {
		return problem("malformed", "")
	}
	p.Field, p.Detail = p.Fields[0].Field, p.Fields[0].Field+": "+p.Fields[0].Reason
	if len(p.Fields) == 1 {
		p.Fields = nil
	}
	return p
}

// reasonOf lets huma's fixed sentences through; anything else is a parser's,
// which may quote what it read.
func reasonOf(message string) (string, bool) {
	switch message {
	case "unexpected property", "unknown query parameter":
		return "is not known here", true
	case "invalid integer", "invalid boolean":
		return message, true
	}
	return message, strings.HasPrefix(message, "expected ") || strings.HasPrefix(message, "required ")
}

// fieldOf names a field without "body." before it. A name that no field of
// ours could have is the sender's own, and only its place is said.
func fieldOf(location string) string {
	place, name, inside := strings.Cut(location, ".")
	if !inside || len(name) > 60 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.[]") != "" {
		return place
	}
	return name
}
