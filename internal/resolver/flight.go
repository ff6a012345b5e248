package resolver

import (
	"context"
	"net"
	"sync"
)

// flights lets one question be asked once however many wait for it.
type flights struct {
	mu     sync.Mutex
	calls  map[question]*flight
	closed bool
	wg     sync.WaitGroup
}

type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	answer  *Answer
	err     error
}

// do returns fetch's answer, joining a fetch of the same question that is
// under way. The fetch is cancelled once nobody waits for it any more.
func (f *flights) do(ctx context.Context, q question, fetch func(context.Context, question) (*Answer, error)) (*Answer, error) {
	call, err := f.join(ctx, q, fetch)
	if err != nil {
		return nil, err
	}
	select {
	case <-call.done:
		return call.answer, call.err
	case <-ctx.Done():
		f.leave(q, call)
		return nil, contextError(ctx, q.name)
	}
}

func (f *flights) join(ctx context.Context, q question, fetch func(context.Context, question) (*Answer, error)) (*flight, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx, q.name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, temporary(q.name, "", "the resolver is closed")
	}
	if call := f.calls[q]; call != nil {
		call.waiting++
		return call, nil
	}
	// The first caller's values and deadline must not bind those who join.
	fetchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	call := &flight{done: make(chan struct{}), cancel: cancel, waiting: 1}
	if f.calls == nil {
		f.calls = make(map[question]*flight)
	}
	f.calls[q] = call
	f.wg.Go(func() {
		call.answer, call.err = fetch(fetchCtx, q)
		f.remove(q, call)
		close(call.done)
		cancel()
	})
	return call, nil
}

func (f *flights) remove(q question, call *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[q] == call {
		delete(f.calls, q)
	}
}

func (f *flights) leave(q question, call *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call.waiting--; call.waiting == 0 {
		if f.calls[q] == call {
			delete(f.calls, q)
		}
		call.cancel()
	}
}

func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	for _, call := range f.calls {
		call.cancel()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// contextError tells of a caller's own deadline or cancellation. Both are
// temporary; only a deadline is a time-out.
func contextError(ctx context.Context, name string) error {
	err := ctx.Err()
	return &net.DNSError{Err: err.Error(), Name: name, UnwrapErr: err, IsTimeout: err == context.DeadlineExceeded, IsTemporary: true}
}
