package tlsrpt

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gomail/tlspolicy"
)

// The counter's pace and bounds.
const (
	flushEvery  = 30 * time.Second
	flushTime   = 20 * time.Second // that the last one may take
	mostPending = 20_000           // kinds of sessions in memory
)

// Counter counts sessions. It is safe for concurrent use.
type Counter struct {
	config Config

	mu      sync.Mutex
	pending map[string]*tlspolicy.Count
	dropped int // for want of room
}

// NewCounter returns a Counter.
func NewCounter(c Config) *Counter {
	return &Counter{config: c.withDefaults(), pending: map[string]*tlspolicy.Count{}}
}

// Add counts a session. It does not wait for the store.
func (c *Counter) Add(s tlspolicy.Session) {
	day := tlspolicy.Day(c.config.Clock())
	key := fmt.Sprint(day.Unix(), s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.pending[key]; known != nil {
		known.Sessions++
		return
	}
	if len(c.pending) >= mostPending {
		c.dropped++
		return
	}
	c.pending[key] = &tlspolicy.Count{Session: s, Day: day, Sessions: 1}
}

// Run writes what was counted every now and then, and what is left when ctx
// ends.
func (c *Counter) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
			defer cancel()
			c.flush(last)
			return nil
		}
	}
}

// flush writes what was counted; what could not be written is kept.
func (c *Counter) flush(ctx context.Context) {
	c.mu.Lock()
	pending, dropped := c.pending, c.dropped
	c.pending, c.dropped = map[string]*tlspolicy.Count{}, 0
	c.mu.Unlock()
	if dropped > 0 {
		c.config.Logger.Warn("TLS sessions were not counted: there are too many kinds of them", slog.Int("sessions", dropped))
	}
	if len(pending) == 0 {
		return
	}
	counts := make([]tlspolicy.Count, 0, len(pending))
	for _, n := range pending {
		counts = append(counts, *n)
	}
	if err := c.config.Store.AddTLSSessions(ctx, counts); err != nil {
		c.config.Logger.Error("TLS sessions could not be counted; it is tried again", slog.Any("error", err))
		c.restore(pending)
	}
}

// restore puts back what could not be written.
func (c *Counter) restore(pending map[string]*tlspolicy.Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, n := range pending {
		switch known := c.pending[key]; {
		case known != nil:
			known.Sessions += n.Sessions
		case len(c.pending) < mostPending:
			c.pending[key] = n
		}
	}
}
