package app

import "log/slog"

// String keeps what is secret in a configuration out of messages, logs and
// crashes that print one whole.
func (c Config) String() string { return "configuration of " + c.PublicURL }

// GoString keeps it out of %#v.
func (c Config) GoString() string { return c.String() }

// LogValue keeps it out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
