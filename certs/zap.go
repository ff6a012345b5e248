package certs

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapTo returns a logger for the ACME client that writes to ours. What it
// tells of its work is for debugging: what comes of an order is logged here,
// once.
func zapTo(log *slog.Logger) *zap.Logger { return zap.New(slogCore{log.Handler(), nil}) }

// slogCore is a zapcore.Core over a slog handler.
type slogCore struct {
	handler slog.Handler
	attrs   []slog.Attr
}

// level lowers what the client calls news: only its warnings are worth
// reading, and its errors are reported again by whoever ordered.
func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.DPanicLevel:
		return slog.LevelError
	case l >= zapcore.WarnLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.LevelEnabler.
func (c slogCore) Enabled(l zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), level(l))
}

// With implements zapcore.Core.
func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.handler, append(c.attrs[:len(c.attrs):len(c.attrs)], attrs(fields)...)}
}

// Check implements zapcore.Core.
func (c slogCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	message := "acme: " + e.Message
	if e.LoggerName != "" {
		message = "acme " + e.LoggerName + ": " + e.Message
	}
	r := slog.NewRecord(e.Time, level(e.Level), message, 0)
	r.AddAttrs(c.attrs...)
	r.AddAttrs(attrs(fields)...)
	return c.handler.Handle(context.Background(), r)
}

// Sync implements zapcore.Core.
func (slogCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []slog.Attr {
	var all []slog.Attr
	for _, f := range fields {
		e := zapcore.NewMapObjectEncoder()
		f.AddTo(e)
		for name, value := range e.Fields {
			all = append(all, slog.Any(name, value))
		}
	}
	return all
}
