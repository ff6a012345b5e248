package dnswatch

import (
	"context"
	"sync"
	"time"
)

// One name server is asked by few at once and not too often, however many
// domains it serves.
const (
	perServer  = 8   // questions under way at one server
	questionsS = 100 // questions per second at one server, on average
	burst      = 100 // questions that may come at once after a quiet time
	between    = time.Second / questionsS
)

// pacer keeps name servers from being hammered. It is safe for concurrent use.
type pacer struct {
	mu      sync.Mutex
	servers map[string]*allowance
	swept   time.Time
}

// allowance is what one server is still asked now.
type allowance struct {
	slots chan struct{}
	mu    sync.Mutex
	next  time.Time // before it no further question is due
	used  time.Time
}

func newPacer() *pacer { return &pacer{servers: map[string]*allowance{}} }

// enter waits until a server may be asked and returns what to call when it
// has answered.
func (p *pacer) enter(ctx context.Context, server string) (leave func(), err error) {
	a := p.of(server)
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
	if earliest := now.Add(-burst * between); a.next.Before(earliest) {
		a.next = earliest
	}
	a.next = a.next.Add(between)
	return a.next.Sub(now)
}

// of returns a server's allowance, and forgets those of servers that were not
// asked for long.
func (p *pacer) of(server string) *allowance {
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
		a = &allowance{slots: make(chan struct{}, perServer), used: now}
		p.servers[server] = a
	}
	return a
}

func (a *allowance) idleSince(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Sub(a.used)
}
