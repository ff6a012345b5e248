package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// system is a mail server under load.
type system interface {
	name() string
	smtp() string // its address
	roots() []int // its first processes
	data() string // the directory of all that it keeps
	// arrived returns when the messages sent, and all before them, are in
	// mailboxes, if that can be later than the last 250.
	arrived(ctx context.Context, sent int) error
	// verify fails when not all of them are; it may take its time.
	verify(ctx context.Context, sent int) error
}

// load is one kind of traffic.
type load struct {
	Name        string
	Connections int
	Size        int           // of a message, about
	Unsigned    bool          // without a DKIM signature to verify
	Duration    time.Duration // of sending
}

// result is what one run of a load measured.
type result struct {
	Messages  int
	Sending   time.Duration // until the last 250
	Whole     time.Duration // until the last message was in its mailbox
	CPU       time.Duration // of the server
	Memory    int64         // of all its processes, at most, in octets
	Disk      int64         // what it grew by, in octets
	Latencies []time.Duration
}

func (r result) replies() float64             { return float64(r.Messages) / r.Sending.Seconds() }
func (r result) inMailbox() float64           { return float64(r.Messages) / r.Whole.Seconds() }
func (r result) diskPerMessage() int64        { return r.Disk / int64(max(r.Messages, 1)) }
func (r result) cpuPerMessage() time.Duration { return r.CPU / time.Duration(max(r.Messages, 1)) }

// percentile returns the latency that p percent of the messages stay below.
func (r result) percentile(p int) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(len(r.Latencies)*p/100, len(r.Latencies)-1)]
}

// run puts a load on a system: every connection sends one message after the
// other, to the mailboxes in turn.
func (l load) run(ctx context.Context, s system, message []byte) (result, error) {
	clients, err := dialAll(s.smtp(), l.Connections)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", s.name(), err)
	}
	var g errgroup.Group
	var mu sync.Mutex
	var next atomic.Int64
	var all []time.Duration
	before, disk, start := cpuOf(s.roots()...), diskUse(s.data()), time.Now()
	memory := watchMemory(s.roots())
	for _, c := range clients {
		g.Go(func() error {
			defer c.close()
			latencies, err := c.sendUntil(ctx, start.Add(l.Duration), &next, message)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, latencies...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return result{}, fmt.Errorf("%s: %w", s.name(), err)
	}
	r := result{Messages: len(all), Sending: time.Since(start), Latencies: all}
	slices.Sort(all)
	if err := s.arrived(ctx, len(all)); err != nil {
		return r, fmt.Errorf("%s: %w", s.name(), err)
	}
	r.Whole, r.CPU, r.Memory = time.Since(start), cpuOf(s.roots()...)-before, memory()
	if err := s.verify(ctx, len(all)); err != nil {
		return r, err
	}
	time.Sleep(settle)
	r.Disk = diskUse(s.data()) - disk
	return r, nil
}

// settle is how long a system may tidy up before its disk use is read.
const settle = 3 * time.Second

func dialAll(address string, n int) ([]*smtpClient, error) {
	clients := make([]*smtpClient, n)
	for i := range clients {
		c, err := dialSMTP(address)
		if err != nil {
			return nil, err
		}
		clients[i] = c
	}
	return clients, nil
}

// sendUntil sends until a time has passed. Each message differs from all
// others in a field that the signature does not cover.
func (c *smtpClient) sendUntil(ctx context.Context, end time.Time, next *atomic.Int64, message []byte) ([]time.Duration, error) {
	var latencies []time.Duration
	for time.Now().Before(end) && ctx.Err() == nil {
		n := next.Add(1)
		mark := fmt.Appendf(nil, "X-Bench: %d-%d\r\n", n, end.UnixNano())
		took, err := c.send(sender, mailbox(int(n)), mark, message)
		if err != nil {
			return latencies, err
		}
		latencies = append(latencies, took)
	}
	return latencies, ctx.Err()
}

// mailboxes is how many accounts share the load.
const mailboxes = 100

// mailbox returns the address that the n-th message goes to.
func mailbox(n int) string { return fmt.Sprintf("u%d@gomail.test", n%mailboxes) }
