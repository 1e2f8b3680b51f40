package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Types of commands that a shop carries out, see docs/commands.md.
const (
	SessionsRevoke     = "sessions.revoke"
	PasswordInvalidate = "password.invalidate"
	AccountHold        = "account.hold"
	AccountRelease     = "account.release"
	OrderCancel        = "order.cancel"
	OrderUnhide        = "order.unhide"
	ResourceRestore    = "resource.restore"
	ResourceRemove     = "resource.remove"
	PointsFreeze       = "points.freeze"
	PointsUnfreeze     = "points.unfreeze"
	PointsRestore      = "points.restore"
	PaymentSuspect     = "payment.suspect"
)

// CommandMemory is how long an answer must be kept: Mimamori may repeat a
// command, under the same id, for this long.
const CommandMemory = 76 * time.Hour

// maxCommand bounds a command's body.
const maxCommand = 64 << 10

// Command is something Mimamori asks the shop to do.
type Command struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Subject  string          `json:"subject"`
	Incident string          `json:"incident"`
	At       time.Time       `json:"at"`
	Data     json.RawMessage `json:"data"`
}

// Digest is the same for the same command, whatever the spacing, escaping and
// order of keys in its JSON.
func (c Command) Digest() string {
	data := []byte(c.Data)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a float would make two large amounts alike
	var v any
	if dec.Decode(&v) == nil {
		if plain, err := json.Marshal(v); err == nil {
			data = plain
		}
	}
	h := sha256.New()
	for _, s := range []string{c.Type, c.Subject, c.Incident, string(data)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ParseCommand reads a command's body strictly: one object, nothing after it,
// the fields that every command has.
func ParseCommand(body []byte) (Command, error) {
	var c Command
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("command: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("command: something follows it")
	}
	data := bytes.TrimSpace(c.Data)
	switch {
	case c.ID == "" || len(c.ID) > 200:
		return c, errors.New("command: id is missing or too long")
	case c.Type == "":
		return c, errors.New("command: type is missing")
	case c.Subject == "" || len(c.Subject) > 800:
		return c, errors.New("command: subject is missing or too long")
	case c.At.IsZero():
		return c, errors.New("command: at is missing")
	case len(data) == 0 || data[0] != '{':
		return c, errors.New("command: data is not an object")
	}
	return c, nil
}

// Result is what became of a command.
type Result string

// The four results. Done and already are truths that Mimamori reads back.
const (
	Done       Result = "done"
	Already    Result = "already"    // it was so before this command
	Impossible Result = "impossible" // and will stay so: a person has to look
	Later      Result = "later"      // not now; nothing was done; ask again
)

// Why says why a command is impossible.
type Why struct {
	Code string `json:"code"`
	JA   string `json:"ja"`
	EN   string `json:"en"`
}

// Answer is the shop's answer to a command.
type Answer struct {
	Result Result `json:"result"`
	Why    *Why   `json:"why,omitempty"`
	After  int    `json:"after,omitempty"` // seconds, with later
}

// State is how an account stands at the shop, as read back.
type State struct {
	Subject   string       `json:"subject"`
	Password  string       `json:"password"` // set or invalid
	Sessions  int          `json:"sessions"` // open ones and remembered devices
	Held      []string     `json:"held"`
	Points    PointsState  `json:"points"`
	Orders    []OrderState `json:"orders"`
	Resources []Resource   `json:"resources"`
}

// PointsState is the points part of State.
type PointsState struct {
	Balance int64 `json:"balance"`
	Frozen  bool  `json:"frozen"`
}

// OrderState is one order of State: placed, cancelled or shipped.
type OrderState struct {
	Order  string `json:"order"`
	State  string `json:"state"`
	Hidden bool   `json:"hidden"`
}

// ErrUnknownAccount is what a Shop returns for a subject it does not have.
var ErrUnknownAccount = errors.New("no such account")

// Shop is what a shop implements to be commanded. Tx is its own kind of
// transaction: the effect of a command, the events that report it and the
// answer to it are written in one, so that a crash leaves all of them or none.
type Shop[Tx any] interface {
	// InTx runs do in one transaction and commits when it returns nil. Two
	// deliveries of one command must not both see it as new: the transaction
	// is serializable, or a unique key on the id makes the second one fail.
	InTx(ctx context.Context, do func(Tx) error) error
	// Recall returns digest and answer of a command that was answered before;
	// an empty digest means that it is new.
	Recall(ctx context.Context, tx Tx, id string) (digest string, a Answer, err error)
	// Remember keeps the answer for CommandMemory at least.
	Remember(ctx context.Context, tx Tx, c Command, digest string, a Answer) error
	// Apply does what is asked, or says why not. It is called once for an id,
	// unless it answered later or an error.
	Apply(ctx context.Context, tx Tx, c Command) (Answer, error)
	// State reads an account back; ErrUnknownAccount when there is none.
	State(ctx context.Context, subject string) (State, error)
}

// CommandHandler is the one address that Mimamori calls at the shop. It serves
// POST at the path where it is mounted and GET at …/accounts/{subject} below.
type CommandHandler[Tx any] struct {
	Shop     Shop[Tx]
	Webhooks *Webhooks
	Logger   *slog.Logger          // nil: nothing is logged
	Done     func(Command, Answer) // called after the commit; may be nil
}

// ServeHTTP verifies the signature before it looks at anything else.
func (h *CommandHandler[Tx]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is too large")
		return
	}
	if err := h.Webhooks.Verify(r.Header, body, time.Now()); err != nil {
		refuse(w, http.StatusUnauthorized, "the signature is not valid")
		return
	}
	switch {
	case r.Method == http.MethodPost:
		h.command(w, r, body)
	case r.Method == http.MethodGet && len(body) == 0:
		h.readBack(w, r)
	default:
		refuse(w, http.StatusMethodNotAllowed, "POST a command or GET an account")
	}
}

var errDigest = errors.New("the id was used for another command")

func (h *CommandHandler[Tx]) command(w http.ResponseWriter, r *http.Request, body []byte) {
	c, err := ParseCommand(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body is not a command")
		return
	}
	// The id is in the signed header too; a difference is somebody's mistake.
	if r.Header.Get("webhook-id") != c.ID {
		refuse(w, http.StatusBadRequest, "webhook-id is not the command's id")
		return
	}
	a, fresh, err := h.once(r.Context(), c)
	if errors.Is(err, errDigest) {
		refuse(w, http.StatusConflict, errDigest.Error())
		return
	}
	if err != nil {
		h.log().Error("command failed", "id", c.ID, "type", c.Type, "error", err)
		refuse(w, http.StatusInternalServerError, "the command failed and may be tried again")
		return
	}
	if fresh && h.Done != nil {
		h.Done(c, a)
	}
	reply(w, a)
}

// once answers a known command as before and applies a new one.
func (h *CommandHandler[Tx]) once(ctx context.Context, c Command) (a Answer, fresh bool, err error) {
	digest := c.Digest()
	err = h.Shop.InTx(ctx, func(tx Tx) error {
		was, old, err := h.Shop.Recall(ctx, tx, c.ID)
		switch {
		case err != nil:
			return err
		case was != "" && was != digest:
			return errDigest
		case was != "":
			a = old
			return nil
		}
		if a, err = h.Shop.Apply(ctx, tx, c); err != nil {
			return err
		}
		fresh = true
		if a.Result == Later {
			return nil // nothing was done; the same id may ask again
		}
		return h.Shop.Remember(ctx, tx, c, digest, a)
	})
	return a, fresh, err
}

func (h *CommandHandler[Tx]) readBack(w http.ResponseWriter, r *http.Request) {
	_, rest, ok := strings.Cut(r.URL.EscapedPath(), "/accounts/")
	subject, err := url.PathUnescape(rest)
	if !ok || err != nil || rest == "" || strings.Contains(rest, "/") {
		refuse(w, http.StatusNotFound, "no such page")
		return
	}
	s, err := h.Shop.State(r.Context(), subject)
	if errors.Is(err, ErrUnknownAccount) {
		refuse(w, http.StatusNotFound, "no such account")
		return
	}
	if err != nil {
		h.log().Error("read-back failed", "error", err)
		refuse(w, http.StatusInternalServerError, "the account cannot be read now")
		return
	}
	reply(w, s)
}

func (h *CommandHandler[Tx]) log() *slog.Logger {
	if h.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Logger
}

func reply(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the answer cannot be written")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n'))
}

func refuse(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "status": status, "title": title})
}
