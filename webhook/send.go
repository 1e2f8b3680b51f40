package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"mimamori"
	"mimamori/trace"
)

// Send posts one event of our own as a signed Standard Webhook: {"type": kind,
// "timestamp": now, "data": data}. Any status but 2xx is an ErrUnavailable; no
// error repeats the address, which may hold a secret.
func Send(ctx context.Context, client *http.Client, to string, secrets []Secret, id, kind string, data any) error {
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{"type": kind, "timestamp": now.Format(time.RFC3339), "data": data})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := Sign(req.Header, secrets, id, now, body); err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "mimamori")
	trace.Inject(ctx, req.Header)
	resp, err := client.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // what it says is not needed
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d: %w", resp.StatusCode, mimamori.ErrUnavailable)
	}
	return nil
}
