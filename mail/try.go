package mail

import (
	"context"
	"time"
)

// Try goes as far as a submission does before there is a mail: it connects,
// speaks TLS, signs in, and leaves. An operator learns so whether notices will
// leave, before one has to. Every error is a *SubmitError.
func (s *Submitter) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return &SubmitError{Kind: Temporary, Stage: "dial", Err: err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	c, err := s.open(conn)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.Quit() // whatever it says to that, it would have taken a mail
	return nil
}
