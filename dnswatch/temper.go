package dnswatch

import (
	"context"
	"sync"
)

// patience is how many questions in a row a server may leave unanswered
// before it is left alone for the rest of a look.
const patience = 3

// temper is how a look gets on with one server.
type temper struct {
	gate chan struct{} // held by who asks, until the server has answered for the first time

	mu       sync.Mutex
	answered bool
	silent   int // questions in a row that it did not answer
}

// temperOf returns how the look gets on with a server.
func (l *look) temperOf(s server) *temper {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tempers[s.address]
	if t == nil {
		t = &temper{gate: make(chan struct{}, patience)}
		l.tempers[s.address] = t
	}
	return t
}

// begin says whether the server is to be asked, when it is its turn: as long
// as nothing is known of it, few questions are put at once, so that one which
// is silent costs the time of few.
func (t *temper) begin(ctx context.Context) (ask bool, end func(answered bool)) {
	t.mu.Lock()
	known := t.answered
	t.mu.Unlock()
	leave := func() {}
	if !known {
		select {
		case t.gate <- struct{}{}:
			leave = func() { <-t.gate }
		case <-ctx.Done():
			return false, nil
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.silent >= patience {
		leave()
		return false, nil
	}
	return true, func(answered bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.silent++; answered {
			t.silent, t.answered = 0, true
		}
		leave()
	}
}
