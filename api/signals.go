package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	strict "github.com/go-json-experiment/json"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
	"mimamori/ssf"
	"mimamori/staff"
)

// signalDoors are those of Shared Signals: others order what we know, and tell
// what they know.
func (d *doors) signalDoors() {
	object := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	const own = "Streams belong to the API key that made them (scope signals), or to an access token got for it."
	for _, x := range []struct {
		path       string
		method, id string
		scope      staff.Scope
		ja, en     string
		text       string
		good       int
		handle     http.HandlerFunc
	}{
		{"/.well-known/ssf-configuration", "GET", "ssf-configuration", "", "信号の送り手の情報", "Transmitter metadata", "OpenID Shared Signals 1.0, section 7.1.", 200, d.signalMetadata},
		{"/v1/ssf/stream", "POST", "ssf-create", staff.ScopeSignals, "配信を作る", "Create a stream", own, 201, d.signalCreate},
		{"/v1/ssf/stream", "GET", "ssf-read", staff.ScopeSignals, "配信を読む", "Read streams", own + " With stream_id one, without all of one's own.", 200, d.signalRead},
		{"/v1/ssf/stream", "PATCH", "ssf-update", staff.ScopeSignals, "配信を変える", "Update a stream", own, 200, d.signalChange(false)},
		{"/v1/ssf/stream", "PUT", "ssf-replace", staff.ScopeSignals, "配信を置き換える", "Replace a stream", own, 200, d.signalChange(true)},
		{"/v1/ssf/stream", "DELETE", "ssf-delete", staff.ScopeSignals, "配信を終える", "Delete a stream", own, 204, d.signalDelete},
		{"/v1/ssf/status", "GET", "ssf-status", staff.ScopeSignals, "配信の状態を読む", "Read a stream's status", own, 200, d.signalStatusOf},
		{"/v1/ssf/status", "POST", "ssf-set-status", staff.ScopeSignals, "配信の状態を変える", "Set a stream's status", own, 200, d.signalSetStatus},
		{"/v1/ssf/subjects/add", "POST", "ssf-add", staff.ScopeSignals, "対象を加える", "Add a subject", "The answer is the same whether the account exists or not.", 200, d.signalSubject(true)},
		{"/v1/ssf/subjects/remove", "POST", "ssf-remove", staff.ScopeSignals, "対象を外す", "Remove a subject", "Events of it still go out for seven days.", 204, d.signalSubject(false)},
		{"/v1/ssf/verify", "POST", "ssf-verify", staff.ScopeSignals, "配信を確かめる", "Ask for a verification event", "Once in 30 seconds.", 204, d.signalVerification},
		{"/v1/ssf/poll/{stream}", "POST", "ssf-poll", staff.ScopeSignals, "信号を取りにくる", "Poll", "RFC 8936.", 200, d.signalPolled},
		{"/ssf/token", "POST", "ssf-token", "", "短い命のトークンを得る", "Get an access token", "RFC 6749 section 4.4: the API key as client_secret, in a form or with HTTP Basic.", 200, d.signalAccess},
		{"/ssf/events", "POST", "ssf-push", "", "ほかからの信号を受け取る", "Push to us", "RFC 8935: a security event token of a transmitter that the operator trusts. 202 once what it asks for is durable; else 400 with err and description.", 202, d.signalReceived},
	} {
		op := d.operation(door{method: x.method, path: x.path, id: x.id, tag: tagSignals, scope: x.scope, errors: []int{400, 404}, title: mimamori.Text{JA: x.ja, EN: x.en}, text: x.text})
		if x.method != http.MethodGet && x.method != http.MethodDelete {
			op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{jsonType: {Schema: object}}}
		}
		if strings.Contains(x.path, "{stream}") {
			op.Parameters = append(op.Parameters, &huma.Param{Name: "stream", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
		answers(op, x.good, jsonType, "as Shared Signals 1.0 says", object)
		d.plain(op, x.handle)
	}
}

func (d *doors) signalMetadata(w http.ResponseWriter, _ *http.Request) {
	if d.opt.Signals == nil {
		missing().write(w)
		return
	}
	iss := d.opt.Signals.Issuer
	tell(w, 200, map[string]any{
		"spec_version": "1_0", "issuer": iss, "jwks_uri": iss + "/.well-known/jwks.json", "delivery_methods_supported": []string{ssf.Push, ssf.Poll},
		"configuration_endpoint": iss + "/v1/ssf/stream", "status_endpoint": iss + "/v1/ssf/status", "add_subject_endpoint": iss + "/v1/ssf/subjects/add",
		"remove_subject_endpoint": iss + "/v1/ssf/subjects/remove", "verification_endpoint": iss + "/v1/ssf/verify", "default_subjects": "ALL",
		"authorization_schemes": []map[string]string{{"spec_urn": "urn:ietf:rfc:6749"}, {"spec_urn": "urn:ietf:rfc:6750"}},
	})
}

// asked reads a body of JSON as strictly as events are read.
func (d *doors) asked(w http.ResponseWriter, r *http.Request, into any) bool {
	if d.opt.Signals == nil {
		missing().write(w)
		return false
	}
	if _, p := mediaType(r, jsonType); p != nil {
		p.write(w)
		return false
	}
	body, err := readBody(w, r, 64<<10)
	if err == nil {
		if err = strict.Unmarshal(body, into); err != nil {
			err = problem("invalid", "the body is not the JSON that this door takes")
		}
	}
	if err != nil {
		d.fail(r.Context(), r.Pattern, err).write(w)
		return false
	}
	return true
}

// answered writes what came of it.
func (d *doors) answered(w http.ResponseWriter, r *http.Request, status int, body any, err error) {
	switch {
	case errors.Is(err, ssf.ErrTooSoon):
		tooMany(ssf.VerifyEvery).write(w)
	case errors.Is(err, mimamori.ErrInvalid):
		problem("invalid", strings.TrimSuffix(err.Error(), ": invalid")).write(w)
	case err != nil:
		d.fail(r.Context(), r.Pattern, err).write(w)
	case body == nil:
		w.WriteHeader(status)
	default:
		tell(w, status, body)
	}
}

func tell(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // plain values
		status, b = 500, []byte(`{}`)
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, b)
}

// streamView is a stream as its receiver sees it (SSF 1.0 section 8.1.1).
func (d *doors) streamView(s ssf.Stream) map[string]any {
	delivery := map[string]any{"method": s.Method}
	if s.Method == ssf.Push {
		delivery["endpoint_url"] = s.Endpoint
	} else {
		delivery["endpoint_url"] = d.opt.Signals.Issuer + "/v1/ssf/poll/" + s.ID
	}
	out := map[string]any{"stream_id": s.ID, "iss": d.opt.Signals.Issuer, "aud": s.Audience, "delivery": delivery,
		"events_supported": ssf.Sent, "events_delivered": s.Delivers(), "min_verification_interval": int(ssf.VerifyEvery.Seconds())}
	if len(s.Requested) > 0 {
		out["events_requested"] = s.Requested
	}
	if s.Description != "" {
		out["description"] = s.Description
	}
	return out
}

func owner(r *http.Request) string { return caller(r.Context()).ID }

func (d *doors) signalCreate(w http.ResponseWriter, r *http.Request) {
	var ask ssf.Ask
	if !d.asked(w, r, &ask) {
		return
	}
	s, err := d.opt.Signals.Create(r.Context(), owner(r), ask)
	d.answered(w, r, http.StatusCreated, d.streamView(s), err)
}

func (d *doors) signalRead(w http.ResponseWriter, r *http.Request) {
	if d.opt.Signals == nil {
		missing().write(w)
		return
	}
	if id := r.URL.Query().Get("stream_id"); id != "" {
		s, err := d.opt.Signals.Stream(r.Context(), owner(r), id)
		d.answered(w, r, 200, d.streamView(s), err)
		return
	}
	list, err := d.opt.Signals.Store.Streams(r.Context(), owner(r))
	out := []map[string]any{}
	for _, s := range list {
		out = append(out, d.streamView(s))
	}
	d.answered(w, r, 200, out, err)
}

func (d *doors) signalChange(replace bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask ssf.Ask
		if !d.asked(w, r, &ask) {
			return
		}
		s, err := d.opt.Signals.Update(r.Context(), owner(r), ask, replace)
		d.answered(w, r, 200, d.streamView(s), err)
	}
}

func (d *doors) signalDelete(w http.ResponseWriter, r *http.Request) {
	if d.opt.Signals == nil {
		missing().write(w)
		return
	}
	d.answered(w, r, http.StatusNoContent, nil, d.opt.Signals.Delete(r.Context(), owner(r), r.URL.Query().Get("stream_id")))
}

func (d *doors) signalStatusOf(w http.ResponseWriter, r *http.Request) {
	if d.opt.Signals == nil {
		missing().write(w)
		return
	}
	s, err := d.opt.Signals.Stream(r.Context(), owner(r), r.URL.Query().Get("stream_id"))
	d.answered(w, r, 200, statusView(s), err)
}

func statusView(s ssf.Stream) map[string]any {
	out := map[string]any{"stream_id": s.ID, "status": s.Status}
	if s.Reason != "" {
		out["reason"] = s.Reason
	}
	return out
}

func (d *doors) signalSetStatus(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		StreamID string     `json:"stream_id"`
		Status   ssf.Status `json:"status"`
		Reason   string     `json:"reason,omitempty"`
	}
	if !d.asked(w, r, &ask) {
		return
	}
	s, err := d.opt.Signals.SetStatus(r.Context(), owner(r), ask.StreamID, ask.Status, ask.Reason)
	d.answered(w, r, 200, statusView(s), err)
}

func (d *doors) signalSubject(add bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			StreamID string          `json:"stream_id"`
			Subject  json.RawMessage `json:"subject"`
			Verified bool            `json:"verified,omitempty"`
		}
		if !d.asked(w, r, &ask) {
			return
		}
		status := http.StatusOK
		if !add {
			status = http.StatusNoContent
		}
		d.answered(w, r, status, nil, d.opt.Signals.Subject(r.Context(), owner(r), ask.StreamID, ask.Subject, add))
	}
}

func (d *doors) signalVerification(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		StreamID string `json:"stream_id"`
		State    string `json:"state,omitempty"`
	}
	if !d.asked(w, r, &ask) {
		return
	}
	d.answered(w, r, http.StatusNoContent, nil, d.opt.Signals.Verify(r.Context(), owner(r), ask.StreamID, ask.State))
}

func (d *doors) signalPolled(w http.ResponseWriter, r *http.Request) {
	var ask ssf.PollAsk
	if !d.asked(w, r, &ask) {
		return
	}
	sets, more, err := d.opt.Signals.Poll(r.Context(), owner(r), r.PathValue("stream"), ask)
	body := map[string]any{"sets": sets}
	if more {
		body["moreAvailable"] = true
	}
	d.answered(w, r, 200, body, err)
}

// signalAccess is the token door of OAuth 2.0's client credentials grant.
func (d *doors) signalAccess(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="mimamori"`)
		}
		tell(w, status, map[string]string{"error": code})
	}
	if d.opt.AccessToken == nil {
		missing().write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
	form, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil || form.Get("grant_type") != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	token, life, err := d.opt.AccessToken(r.Context(), secret)
	switch {
	case errors.Is(err, mimamori.ErrDenied) || id == "":
		refuse(http.StatusUnauthorized, "invalid_client")
	case err != nil:
		d.fail(r.Context(), r.Pattern, fmt.Errorf("give an access token: %w", err)).write(w)
	default:
		tell(w, 200, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(life.Seconds()), "scope": "ssf.manage ssf.read"})
	}
}

// signalReceived takes in a pushed token: 202 and nothing else, or why not in
// the words of RFC 8935 section 2.3.
func (d *doors) signalReceived(w http.ResponseWriter, r *http.Request) {
	if d.opt.SignalsIn == nil {
		missing().write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ssf.MostBytes+1))
	if err == nil {
		err = d.opt.SignalsIn(r.Context(), r.Header.Get("Authorization"), body)
	}
	var refused *ssf.RefusedError
	switch {
	case errors.As(err, &refused):
		tell(w, http.StatusBadRequest, map[string]string{"err": refused.Code, "description": refused.Why})
	case err != nil:
		d.fail(r.Context(), r.Pattern, fmt.Errorf("take in a signal: %w", err)).write(w)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}
