package tlsrpt

import (
	"context"
	"time"
)

// What the tests of the package reach into: they open a store, which imports it.
const (
	FlushEvery  = flushEvery
	MostPending = mostPending
	MostTries   = mostTries
	Spread      = spread
)

func (c *Counter) Flush(ctx context.Context)        { c.flush(ctx) }
func (c *Counter) Kinds() (pending, dropped int)    { return len(c.pending), c.dropped }
func (s *Sender) SendDue(ctx context.Context) error { _, err := s.sendDue(ctx); return err }
func (r Outgoing) Start() time.Time                 { return r.start() }
