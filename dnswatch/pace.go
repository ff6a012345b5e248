package dnswatch

import (
	"context"
	"sync"
	"time"
)

// limits are how one server is asked, however many domains it serves.
type limits struct {
	atOnce int           // questions under way
	every  time.Duration // between questions, on average
	burst  int           // questions that may come at once after a quiet time
}

// Name servers of others are asked by few at once and not too often. Resolvers
// are our own, and answer for all domains.
var (
	ofNameServers = limits{8, 10 * time.Millisecond, 100}
	ofResolvers   = limits{32, time.Millisecond, 500}
)

// pacer keeps name servers from being hammered. It is safe for concurrent use.
type pacer struct {
	mu      sync.Mutex
	servers map[string]*allowance
	swept   time.Time
}

// allowance is what one server is still asked now.
type allowance struct {
	limits
	slots chan struct{}
	mu    sync.Mutex
	next  time.Time // before it no further question is due
	used  time.Time
}

func newPacer() *pacer { return &pacer{servers: map[string]*allowance{}} }

// enter waits until a server may be asked and returns what to call when it
// has answered.
func (p *pacer) enter(ctx context.Context, server string, l limits) (leave func(), err error) {
	a := p.of(server, l)
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave = func() { <-a.slots }
	wait := a.take(time.Now())
	if wait <= 0 {
		return leave, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return leave, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// take books a question and returns how long it has to wait.
func (a *allowance) take(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = now
	if earliest := now.Add(-time.Duration(a.burst) * a.every); a.next.Before(earliest) {
		a.next = earliest
	}
	a.next = a.next.Add(a.every)
	return a.next.Sub(now)
}

// of returns a server's allowance, and forgets those of servers that were not
// asked for long.
func (p *pacer) of(server string, l limits) *allowance {
	const idle = 10 * time.Minute
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.swept) > idle {
		p.swept = now
		for name, a := range p.servers {
			if len(a.slots) == 0 && a.idleSince(now) > idle {
				delete(p.servers, name)
			}
		}
	}
	a := p.servers[server]
	if a == nil {
		a = &allowance{limits: l, slots: make(chan struct{}, l.atOnce), used: now}
		p.servers[server] = a
	}
	return a
}

func (a *allowance) idleSince(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Sub(a.used)
}
