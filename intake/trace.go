package intake

import (
	"context"
	"time"

	"mimamori/trace"
)

// timing says where the time of a traced request went. It is nil when the
// request is not traced: then nothing is measured and nothing allocated.
type timing struct {
	span         *trace.Span
	asked        time.Time // of the store
	began, ended time.Time // the request's own part, inside of its batch
}

func timed(ctx context.Context, events int) *timing {
	s := trace.From(ctx).Within("decide", trace.Internal, time.Time{})
	if s == nil {
		return nil
	}
	s.Count(trace.Events, events)
	return &timing{span: s, asked: time.Now()}
}

// take begins anew when the store runs the request again.
func (t *timing) take(do func() error) error {
	t.began = time.Now()
	err := do()
	t.ended = time.Now()
	return err
}

// end sends the spans: waiting for a batch, assessing in it, and the batch's
// commit, which is shared with all that is in it.
func (t *timing) end(err error) {
	if t == nil {
		return
	}
	if err != nil { // what the store did with it nobody knows
		t.span.Fail("refused")
		t.span.End()
		return
	}
	now := time.Now()
	t.span.Within("decide: wait", trace.Internal, t.asked).EndAt(t.began)
	t.span.Within("decide: assess", trace.Internal, t.began).EndAt(t.ended)
	t.span.Within("decide: commit", trace.Internal, t.ended).EndAt(now)
	t.span.EndAt(now)
}
