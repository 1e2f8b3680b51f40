package ssf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"mimamori"
)

// Store keeps streams and what they have not acknowledged.
type Store interface {
	PutStream(ctx context.Context, s Stream) error
	// Streams are those of one owner, or all when owner is empty, oldest first.
	Streams(ctx context.Context, owner string) ([]Stream, error)
	// DropStream ends a stream and forgets its tokens; ErrNotFound.
	DropStream(ctx context.Context, id string) error
	// AddTokens keeps tokens; one that is there already stays as it is.
	AddTokens(ctx context.Context, list []Token) error
	// Tokens are a stream's unacknowledged ones, oldest first.
	Tokens(ctx context.Context, stream string, most int) ([]Token, error)
	// TokenOf is one; ErrNotFound once it is acknowledged.
	TokenOf(ctx context.Context, stream, jti string) (Token, error)
	// Acknowledge forgets tokens that arrived.
	Acknowledge(ctx context.Context, stream string, jtis []string) error
	// RemoveSubject and AddSubject say of whom a stream shall not be told; a
	// removal is forgotten again by AddSubject.
	RemoveSubject(ctx context.Context, stream, subject string, at time.Time) error
	AddSubject(ctx context.Context, stream, subject string) error
	// RemovedAt is when a subject was removed; zero: never.
	RemovedAt(ctx context.Context, stream, subject string) (time.Time, error)
}

// Transmitter tells receivers what happened. Begin sets a push to work; it is
// called after the tokens are durable.
type Transmitter struct {
	Issuer string
	Signer func() Signer
	Store  Store
	Begin  func(ctx context.Context, s Stream, jtis []string) error
	// AllowHTTP lets push endpoints be plain http: one machine only.
	AllowHTTP bool
}

// Grace is how long events of a removed subject still go out: an intruder who
// can speak to the door must not make a customer invisible at once (SSF 1.0,
// Malicious Subject Removal).
const Grace = 7 * 24 * time.Hour

// VerifyEvery is the least time between two verifications of one stream.
const VerifyEvery = 30 * time.Second

// Ask is what a receiver may say of its stream (SSF 1.0 section 8.1.1). Nil
// members are left as they are by an update.
type Ask struct {
	StreamID    string    `json:"stream_id,omitempty"`
	Requested   *[]string `json:"events_requested,omitempty"`
	Description *string   `json:"description,omitempty"`
	Delivery    *Delivery `json:"delivery,omitempty"`
}

// Delivery is how a stream's tokens travel.
type Delivery struct {
	Method   string `json:"method"`
	Endpoint string `json:"endpoint_url,omitempty"`
	Header   string `json:"authorization_header,omitempty"`
}

// Create makes a stream of one owner's. Without a delivery it is polled.
func (t *Transmitter) Create(ctx context.Context, owner string, ask Ask) (Stream, error) {
	s := Stream{ID: mimamori.NewID("str"), Owner: owner, Audience: t.Issuer + "/receivers/" + owner, Method: Poll, Status: Enabled, CreatedAt: time.Now().UTC()}
	if err := t.shape(&s, ask); err != nil {
		return s, err
	}
	if err := t.Store.PutStream(ctx, s); err != nil {
		return s, fmt.Errorf("make a stream: %w", err)
	}
	return s, nil
}

// shape takes an ask over into a stream.
func (t *Transmitter) shape(s *Stream, ask Ask) error {
	if ask.Description != nil {
		s.Description = trimmed(*ask.Description, 200)
	}
	if ask.Requested != nil {
		if len(*ask.Requested) > 100 {
			return invalid("events_requested has more than 100 types")
		}
		s.Requested = slices.Clone(*ask.Requested)
	}
	if d := ask.Delivery; d != nil {
		switch d.Method {
		case Poll:
			s.Method, s.Endpoint, s.Header = Poll, "", ""
		case Push:
			u, err := url.Parse(d.Endpoint)
			if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (!t.AllowHTTP || u.Scheme != "http") {
				return invalid("delivery.endpoint_url is not an https address")
			}
			if len(d.Header) > 1000 {
				return invalid("delivery.authorization_header is longer than 1,000 bytes")
			}
			s.Method, s.Endpoint, s.Header = Push, d.Endpoint, d.Header
		default:
			return invalid("delivery.method is neither %s nor %s", Push, Poll)
		}
	}
	return nil
}

// Stream finds one of the owner's; another owner's is not found.
func (t *Transmitter) Stream(ctx context.Context, owner, id string) (Stream, error) {
	list, err := t.Store.Streams(ctx, owner)
	if err != nil {
		return Stream{}, fmt.Errorf("read streams: %w", err)
	}
	at := slices.IndexFunc(list, func(s Stream) bool { return s.ID == id })
	if at < 0 {
		return Stream{}, fmt.Errorf("find the stream: %w", mimamori.ErrNotFound)
	}
	return list[at], nil
}

// Update changes what the ask names; with replace, what it does not name goes
// back to what it is without being asked.
func (t *Transmitter) Update(ctx context.Context, owner string, ask Ask, replace bool) (Stream, error) {
	s, err := t.Stream(ctx, owner, ask.StreamID)
	if err != nil {
		return s, err
	}
	if replace {
		s.Description, s.Requested, s.Method, s.Endpoint, s.Header = "", nil, Poll, "", ""
	}
	if err := t.shape(&s, ask); err != nil {
		return s, err
	}
	return s, t.Store.PutStream(ctx, s)
}

// Delete ends a stream.
func (t *Transmitter) Delete(ctx context.Context, owner, id string) error {
	s, err := t.Stream(ctx, owner, id)
	if err != nil {
		return err
	}
	return t.Store.DropStream(ctx, s.ID)
}

// SetStatus enables, pauses or disables a stream on its receiver's word.
func (t *Transmitter) SetStatus(ctx context.Context, owner, id string, to Status, reason string) (Stream, error) {
	s, err := t.Stream(ctx, owner, id)
	if err != nil {
		return s, err
	}
	if to != Enabled && to != Paused && to != Disabled {
		return s, invalid("status is not one of enabled, paused, disabled")
	}
	was := s.Status
	s.Status, s.Reason = to, trimmed(reason, 200)
	if err := t.Store.PutStream(ctx, s); err != nil {
		return s, err
	}
	if was != Enabled && to == Enabled {
		return s, t.resume(ctx, s)
	}
	return s, nil
}

// resume sends what waited while a stream was paused.
func (t *Transmitter) resume(ctx context.Context, s Stream) error {
	waiting, err := t.Store.Tokens(ctx, s.ID, 1000)
	if err != nil || s.Method != Push {
		return err
	}
	var jtis []string
	for _, x := range waiting {
		jtis = append(jtis, x.JTI)
	}
	return t.Begin(ctx, s, jtis)
}

// Verify sends a verification event that echoes state; too soon after the last
// is ErrTooSoon.
func (t *Transmitter) Verify(ctx context.Context, owner, id, state string) error {
	s, err := t.Stream(ctx, owner, id)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if now.Sub(s.VerifiedAt) < VerifyEvery {
		return fmt.Errorf("verify the stream: once in %s: %w", VerifyEvery, ErrTooSoon)
	}
	if len(state) > 1000 {
		return invalid("state is longer than 1,000 bytes")
	}
	s.VerifiedAt = now
	if err := t.Store.PutStream(ctx, s); err != nil {
		return err
	}
	more := json.RawMessage(`{}`)
	if state != "" {
		if more, err = json.Marshal(map[string]string{"state": state}); err != nil {
			return err
		}
	}
	return t.tell(ctx, []Stream{s}, []Occurred{{Key: mimamori.NewID("verify"), Type: Verification, At: now, Claims: more}})
}

// Tell signs what occurred for every stream that asked for it, once however
// often it is told, and sets the pushes to work.
func (t *Transmitter) Tell(ctx context.Context, list []Occurred) error {
	streams, err := t.Store.Streams(ctx, "")
	if err != nil {
		return fmt.Errorf("tell receivers: %w", err)
	}
	return t.tell(ctx, streams, list)
}

func (t *Transmitter) tell(ctx context.Context, streams []Stream, list []Occurred) error {
	for _, s := range streams {
		var tokens []Token
		var jtis []string
		for _, o := range list {
			silent, err := t.silent(ctx, s, o.Subject)
			if err != nil {
				return err
			}
			if silent || !s.takes(o.Type) {
				continue
			}
			x, err := t.token(s, o)
			if err != nil {
				return err
			}
			tokens, jtis = append(tokens, x), append(jtis, x.JTI)
		}
		if len(tokens) == 0 {
			continue
		}
		if err := t.Store.AddTokens(ctx, tokens); err != nil {
			return fmt.Errorf("keep tokens: %w", err)
		}
		if s.Method == Push && s.Status == Enabled {
			if err := t.Begin(ctx, s, jtis); err != nil {
				return fmt.Errorf("push tokens: %w", err)
			}
		}
	}
	return nil
}

// silent says that a stream is not told of a subject any more.
func (t *Transmitter) silent(ctx context.Context, s Stream, subject string) (bool, error) {
	if subject == "" {
		return false, nil
	}
	at, err := t.Store.RemovedAt(ctx, s.ID, subject)
	return !at.IsZero() && time.Since(at) > Grace, err
}

// Subject adds or removes whom a stream is told of. The answer is the same
// whether the account exists or not (SSF 1.0, Subject Probing).
func (t *Transmitter) Subject(ctx context.Context, owner, id string, subject json.RawMessage, add bool) error {
	s, err := t.Stream(ctx, owner, id)
	if err != nil {
		return err
	}
	name, err := ReadSubject(subject)
	if err != nil {
		return err
	}
	if name.Subject == "" {
		return nil // addressed in a way that is not ours: nobody that we know
	}
	if add {
		return t.Store.AddSubject(ctx, s.ID, name.Subject)
	}
	return t.Store.RemoveSubject(ctx, s.ID, name.Subject, time.Now().UTC())
}

// PollAsk is a receiver's poll (RFC 8936 section 2.4).
type PollAsk struct {
	Most    *int                 `json:"maxEvents,omitempty"`
	Return  bool                 `json:"returnImmediately,omitempty"`
	Ack     []string             `json:"ack,omitempty"`
	SetErrs map[string]PollError `json:"setErrs,omitempty"`
}

// PollError is why a receiver could not take a token.
type PollError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// Poll acknowledges and gives what is left.
func (t *Transmitter) Poll(ctx context.Context, owner, id string, ask PollAsk) (sets map[string]string, more bool, err error) {
	s, err := t.Stream(ctx, owner, id)
	if err != nil {
		return nil, false, err
	}
	if s.Method != Poll {
		return nil, false, invalid("this stream is pushed")
	}
	done := slices.Clone(ask.Ack)
	for jti := range ask.SetErrs {
		done = append(done, jti) // it will not take it the next time either
	}
	if len(done) > 0 {
		if err := t.Store.Acknowledge(ctx, s.ID, done); err != nil {
			return nil, false, fmt.Errorf("acknowledge: %w", err)
		}
	}
	most := 100
	if ask.Most != nil {
		most = min(max(*ask.Most, 0), 1000)
	}
	sets = map[string]string{}
	if most == 0 || s.Status != Enabled {
		return sets, false, nil
	}
	list, err := t.Store.Tokens(ctx, s.ID, most+1)
	if err != nil {
		return nil, false, fmt.Errorf("read tokens: %w", err)
	}
	for _, x := range list[:min(len(list), most)] {
		sets[x.JTI] = x.SET
	}
	return sets, len(list) > most, nil
}

// errGone says that a token was acknowledged, or its stream ended, meanwhile.
var errGone = errors.New("nothing to push any more")

// ErrTooSoon says that a stream was verified a moment ago.
var ErrTooSoon = errors.New("too soon")
